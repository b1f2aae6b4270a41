"""Adds up JUnit files and the exit statuses of steps into one line, "N passed, N failed[, N skipped]".

    summary.py [FILE.xml=STATUS]... [--step NAME=STATUS]...

STATUS is the exit status of what wrote the file: where it is not 0 and no test in the file failed, or
where the file is not there, that is one more failure. A step is one test. Exit 1 if anything failed.
"""

import argparse
import sys
import xml.etree.ElementTree as ElementTree


def read(path):
    """Yields (name, outcome) of each test."""
    for case in ElementTree.parse(path).getroot().iter("testcase"):
        kinds = {child.tag for child in case}
        outcome = "failed" if kinds & {"failure", "error"} else "skipped" if "skipped" in kinds else "passed"
        yield f"{case.get('classname')}::{case.get('name')}", outcome


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("files", nargs="*", metavar="FILE=STATUS")
    parser.add_argument("--step", action="append", default=[], metavar="NAME=STATUS")
    args = parser.parse_args()

    tests = []
    for argument in args.files:
        path, _, status = argument.rpartition("=")
        try:
            cases = list(read(path))
        except (OSError, ElementTree.ParseError) as error:
            cases = [(f"{path}: {error}", "failed")]
        if status != "0" and all(outcome != "failed" for _, outcome in cases):
            cases.append((f"{path}: exit status {status}", "failed"))
        tests += cases
    for step in args.step:
        name, _, status = step.rpartition("=")
        tests.append((name, "passed" if status == "0" else "failed"))

    count = {"passed": 0, "failed": 0, "skipped": 0}
    for name, outcome in tests:
        count[outcome] += 1
        if outcome == "failed":
            print(f"failed: {name}")
    skipped = f", {count['skipped']} skipped" if count["skipped"] else ""
    print(f"{count['passed']} passed, {count['failed']} failed{skipped}")
    return 1 if count["failed"] else 0


if __name__ == "__main__":
    sys.exit(main())
