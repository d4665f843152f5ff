"""summary.py never lets a part that did not run pass."""

import subprocess
import sys
from pathlib import Path

import pytest

SUMMARY = Path(__file__).with_name("summary.py")
PASSED = '<testsuite><testcase name="a" status="run"/></testsuite>'
REPORTS = {
    "passed": (PASSED, "1 passed, 0 failed, 0 skipped", 0),
    "failure": ('<testsuite><testcase name="a"><failure/></testcase></testsuite>',
                "0 passed, 1 failed, 0 skipped", 1),
    "lit-unsupported": (
        '<testsuite><testcase name="a"><skipped/></testcase>'
        '<testcase name="b"/></testsuite>', "1 passed, 0 failed, 1 skipped", 0),
    "only-skipped": (
        '<testsuite><testcase name="a"><skipped/></testcase></testsuite>',
        "0 passed, 0 failed, 1 skipped", 1),
    "ctest-skip-code": (
        '<testsuite><testcase name="a"/><testcase name="b" status="notrun">'
        '<skipped message="SKIP_RETURN_CODE=77"/></testcase></testsuite>',
        "1 passed, 0 failed, 1 skipped", 0),
    "ctest-no-program": (
        '<testsuite><testcase name="a" status="notrun"><skipped '
        'message="Unable to find executable"/></testcase></testsuite>',
        "0 passed, 1 failed, 0 skipped", 1),
    "empty": ("<testsuite/>", "0 passed, 1 failed, 0 skipped", 1),
    "cut-short": (PASSED[:20], "0 passed, 1 failed, 0 skipped", 1),
    "absent": (None, "0 passed, 1 failed, 0 skipped", 1),
}


@pytest.mark.parametrize("name", REPORTS)
def test_summary(name, tmp_path):
    text, last, status = REPORTS[name]
    if text is not None:
        (tmp_path / "part.xml").write_text(text)
    run = subprocess.run([sys.executable, SUMMARY, f"part={tmp_path}"],
                         capture_output=True, text=True)
    assert run.stdout.splitlines()[-1] == last
    assert run.returncode == status
