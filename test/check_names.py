"""A pass carries the same words in its flag, its record, its file and its test.

For `def FuseElementwise : Pass<"weft-fuse-elementwise">` in
include/weft/DIR/Passes.td there is lib/DIR/**/FuseElementwise.cpp, a test
test/DIR/**/fuse-elementwise.mlir whose RUN line gives the flag, a summary and
a description. (`Transforms` at the end of DIR may be left out under test/.)

Usage: check_names.py [--self-test]
"""

import re
import sys
import tempfile
from pathlib import Path

PASS = re.compile(r'^def\s+(\w+)\s*:\s*(?:Interface)?Pass<\s*"([^"]+)"', re.M)


def words(name):
    """"FuseElementwise" and "weft-fuse-elementwise" are the same words."""
    return name.removeprefix("weft-").replace("-", "").lower()


def exists(root, folders, name, text=""):
    """True when a file `name` that contains `text` is below one of `folders`."""
    return any(text in path.read_text() for folder in folders
               for path in (root / folder).rglob(name))


def check_record(root, folder, record, flag, body):
    """Yields what is wrong with one pass; `body` is the text of its record."""
    if not flag.startswith("weft-"):
        yield f"flag '{flag}' does not begin with 'weft-'"
    if words(record) != words(flag):
        yield f"record '{record}' and flag '{flag}' are different words"
    if not exists(root, [Path("lib") / folder], f"{record}.cpp"):
        yield f"no file {record}.cpp below lib/{folder}"
    tests = [Path("test") / folder]
    if folder.name == "Transforms":
        tests.append(Path("test") / folder.parent)
    test = flag.removeprefix("weft-") + ".mlir"
    if not exists(root, tests, test):
        yield f"no test {test} below test/{folder}"
    elif not exists(root, tests, test, flag):
        yield f"test {test} has no RUN line with --{flag}"
    for field in ("summary", "description"):
        if not re.search(rf'let {field} = (\[\{{\s*[^\s}}]|"[^"])', body):
            yield f"no {field}"


def check(root):
    """All findings of a tree, and the number of passes it declares."""
    findings, count = [], 0
    include = root / "include" / "weft"
    for records in sorted(include.rglob("*asses.td")):
        text = records.read_text()
        matches = list(PASS.finditer(text))
        ends = [m.start() for m in matches[1:]] + [len(text)]
        folder = records.parent.relative_to(include)
        for match, end in zip(matches, ends):
            count += 1
            for finding in check_record(root, folder, *match.groups(),
                                        text[match.start():end]):
                findings.append(f"{records.relative_to(root)}: "
                                f"{match[1]}: {finding}")
    return findings, count


def self_test():
    """Each rule is broken once in a tree of its own and must be found."""
    good = {
        "include/weft/Dialect/A/Transforms/Passes.td":
            'def FuseAll : Pass<"weft-fuse-all"> {\n'
            '  let summary = "s";\n  let description = [{ d }];\n}\n',
        "lib/Dialect/A/Transforms/FuseAll.cpp": "",
        "test/Dialect/A/fuse-all.mlir": "// RUN: weft-opt --weft-fuse-all\n",
    }
    td, source, test = good
    broken = [
        ({**good, td: good[td].replace("weft-fuse", "fuse")}, "begin with"),
        ({**good, td: good[td].replace("FuseAll", "MergeAll")}, "different"),
        ({**good, td: good[td].replace('"s"', '""')}, "no summary"),
        ({**good, td: good[td].replace("d }]", " }]")}, "no description"),
        ({k: v for k, v in good.items() if k != source}, "no file"),
        ({k: v for k, v in good.items() if k != test}, "no test"),
        ({**good, test: "// RUN: weft-opt\n"}, "no RUN line"),
    ]
    for files, expected in [(good, None)] + broken:
        with tempfile.TemporaryDirectory() as folder:
            for name, text in files.items():
                path = Path(folder, name)
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(text)
            findings, count = check(Path(folder))
        assert count == 1
        assert any(expected in f for f in findings) if expected else \
            not findings, (expected, findings)


def main():
    if sys.argv[1:] == ["--self-test"]:
        self_test()
        return 0
    findings, count = check(Path(__file__).resolve().parent.parent)
    for finding in findings:
        print(f"error: {finding}")
    print(f"{count} passes, {len(findings)} findings")
    return 1 if findings else 0


if __name__ == "__main__":
    sys.exit(main())
