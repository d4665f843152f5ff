"""Sums JUnit reports of ctest, lit and pytest into one line.

Usage: summary.py NAME=FOLDER…     reads FOLDER/NAME.xml for each

A report that is missing, broken or empty counts as one failure: nothing passes
by not running. Ends with `N passed, N failed, N skipped`; exit code 1 when
anything failed.
"""

import sys
import xml.etree.ElementTree as ElementTree
from pathlib import Path

SHOWN = 25


def outcome(case):
    """"passed", "failed" or "skipped" of one <testcase>."""
    if case.find("failure") is not None or case.find("error") is not None:
        return "failed"
    skipped = case.find("skipped")
    if skipped is not None and case.get("status") == "notrun":
        # ctest also calls a program that it cannot find "not run".
        asked = skipped.get("message", "").startswith("SKIP_")
        return "skipped" if asked else "failed"
    if skipped is not None or case.get("status") == "disabled":
        return "skipped"
    return "passed"


def read(name, path):
    """Yields (outcome, title) for each test of one report."""
    try:
        cases = list(ElementTree.parse(path).iter("testcase"))
    except (OSError, ElementTree.ParseError):
        cases = []
    if not cases:
        yield "failed", f"{name}: did not run"
    for case in cases:
        title = f"{case.get('classname', '')} {case.get('name', '')}".strip()
        yield outcome(case), f"{name}: {title}"


def main(arguments):
    counts = {"passed": 0, "failed": 0, "skipped": 0}
    failures = []
    for argument in arguments:
        name, folder = argument.split("=")
        for result, title in read(name, Path(folder, name + ".xml")):
            counts[result] += 1
            if result == "failed":
                failures.append(title)
    for title in failures[:SHOWN]:
        print(f"FAILED {title}")
    if len(failures) > SHOWN:
        print(f"FAILED … and {len(failures) - SHOWN} more, see build/logs")
    print(", ".join(f"{count} {result}" for result, count in counts.items()))
    return 1 if counts["failed"] or not counts["passed"] else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
