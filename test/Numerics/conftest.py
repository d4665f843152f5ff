"""Puts the package of this checkout on the path, and marks what a fast check
leaves out."""

import os
import sys

import pytest

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "..", "python"))


def pytest_collection_modifyitems(items):
    """tools/check.sh --fast takes every fourth case, on this machine's target."""
    here = os.path.dirname(__file__)
    cases = [i for i in items if str(i.path).startswith(here) and hasattr(i, "callspec")]
    for number, item in enumerate(cases):
        if item.callspec.params.get("target") != "host" or number % 4:
            item.add_marker(pytest.mark.slow)
