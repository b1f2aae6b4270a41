"""`sluice validate` over the corpus (tests/corpus): good files pass, bad ones are refused with exactly
the lines that they begin with, those that need SQL among them."""

import os
import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
CORPUS = ROOT / "tests" / "corpus"
SLUICE = os.environ.get("SLUICE_BIN", str(ROOT / "build" / "sluice"))


def validate(paths):
    """The error lines by file, in the order of their appearance, without "sluice: PATH:"."""
    environment = {k: v for k, v in os.environ.items() if not k.startswith("SLUICE_")}
    result = subprocess.run(
        [str(Path(SLUICE).resolve()), "validate", *paths],
        cwd=CORPUS,
        env=environment,
        capture_output=True,
        text=True,
        timeout=300,
    )
    lines = {path: [] for path in paths}
    for line in result.stderr.splitlines():
        line = line.removeprefix("sluice: ")
        for path in paths:
            if line.startswith(path + ":"):
                rest = line[len(path) + 1 :].removeprefix(" ")
                if ": warning: " not in rest:
                    lines[path].append(rest)
    return result.returncode, lines


def names(folder):
    return sorted(
        str(path.relative_to(CORPUS)) for path in (CORPUS / "pipelines" / folder).glob("*.yaml")
    )


def test_good_files_pass():
    status, lines = validate(names("good"))
    assert {path: found for path, found in lines.items() if found} == {}
    assert status == 0


def test_bad_files_are_refused_with_their_lines():
    paths = names("bad")
    status, lines = validate(paths)
    assert status == 2
    wrong = {}
    for path in paths:
        text = (CORPUS / path).read_text(encoding="utf-8")
        expected = [
            line.removeprefix("# error: ")
            for line in text.splitlines()
            if line.startswith("# error: ")
        ]
        assert expected, path
        if lines[path] != expected:
            wrong[path] = (expected, lines[path])
    assert wrong == {}
