"""Stale pages are told, each by its name."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
BUILD = Path(os.environ.get("WEFT_BUILD", ROOT / "build")).resolve()


@pytest.fixture
def tree(tmp_path):
    for part in ("include", "docs/generated", "tools"):
        shutil.copytree(ROOT / part, tmp_path / part, ignore=shutil.ignore_patterns("__pycache__"))
    return tmp_path


def check(tree):
    return subprocess.run([tree / "tools/gen_docs.sh", "--check", BUILD], capture_output=True, text=True)


def test_pages_are_current(tree):
    run = check(tree)
    assert run.returncode == 0, run.stdout + run.stderr


def test_what_is_stale_is_an_error(tree):
    pages = tree / "docs/generated"
    (pages / "dialect-graph.md").unlink()
    (pages / "operators.md").write_text("")
    (pages / "other.md").write_text("")
    run = check(tree)
    assert run.returncode == 1
    assert run.stdout.splitlines() == [
        "error: docs/generated/dialect-graph.md is missing",
        "error: docs/generated/operators.md is stale",
        "error: docs/generated/other.md has no source any more",
        "run tools/gen_docs.sh"], run.stdout + run.stderr
