"""Proves that the checks of the READMEs can fail."""

import os
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

HERE = Path(__file__).resolve().parent

SCHEMA = """{"description": "A thing", "properties": {
  "size": {"description": "How large: ${vars.x} | *", "default": "1MiB",
           "anyOf": [{"pattern": "^[0-9]+([KMGT]iB)?$"}, {"$ref": "#/$defs/interpolated"}]},
  "new": {"description": "Or not", "$ref": "#/$defs/new"}},
  "$defs": {"interpolated": {}, "new": {"description": "What is new", "anyOf": [
    {"properties": {"on": {"description": "Whether", "type": "boolean"}}, "required": ["on"]},
    {"type": "boolean"}]}}}"""


class Tree(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.root = Path(folder.name)

    def write(self, path, text):
        path = self.root / path
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        return path

    def ends(self, script, *args):
        """Exit status and what it says."""
        command = [sys.executable, HERE / script, *args]
        done = subprocess.run(command, capture_output=True, text=True)
        return done.returncode, done.stderr


class Options(Tree):
    def setUp(self):
        super().setUp()
        self.sluice = self.write("sluice", f"#!/bin/sh\ncat <<'END'\n{SCHEMA}\nEND\n")
        os.chmod(self.sluice, 0o755)
        marks = "<!-- options: made by tests/lint/readme_options.py, do not edit -->", "<!-- options end -->"
        self.readme = self.write("README.md", f"before\n{marks[0]}\n{marks[1]}\nafter\n")

    def test_what_is_out_of_date_is_told(self):
        args = (self.sluice, self.readme, "--check")
        self.assertEqual(self.ends("readme_options.py", *args)[0], 1)
        self.assertEqual(self.ends("readme_options.py", *args[:2])[0], 0)
        self.assertEqual(self.ends("readme_options.py", *args)[0], 0)

    def test_tables(self):
        self.ends("readme_options.py", self.sluice, self.readme)
        text = self.readme.read_text(encoding="utf-8")
        self.assertTrue(text.startswith("before\n") and text.endswith("\nafter\n"))
        self.assertIn("| `size` | size | `1MiB` | How large: `${vars.x}` \\| \\* |", text)
        self.assertIn("| `new` | true, false, or a map: [new](#new) |  | Or not |", text)
        self.assertIn("| `on` | true, false | required | Whether |", text)

    def test_a_file_without_the_marks_is_left_alone(self):
        self.readme.write_text("nothing\n", encoding="utf-8")
        self.assertEqual(self.ends("readme_options.py", self.sluice, self.readme)[0], 1)
        self.assertEqual(self.readme.read_text(encoding="utf-8"), "nothing\n")


class Facts(Tree):
    def setUp(self):
        super().setUp()
        self.write("runner/README.md", "| `run.started` | info |\n")
        self.write("runner/a.c", 'log_event(log, LOG_INFO, "run.started", NULL, NULL, "run %s");\n')

    def test_all_is_well(self):
        self.assertEqual(self.ends("readme_facts.py", self.root), (0, ""))

    def test_an_event_that_is_not_listed(self):
        self.write("runner/b/README.md", "")
        self.write("runner/b/b.c", 'task_log(task, x ? LOG_INFO : 0,\n  y ? "a.b" : "c.d", "msg");\n')
        status, said = self.ends("readme_facts.py", self.root)
        self.assertEqual(status, 1)
        self.assertIn("a.b is logged and not listed", said)
        self.assertIn("c.d is logged and not listed", said)

    def test_an_event_that_is_never_logged(self):
        self.write("runner/README.md", "| `run.started` |\n| `run.gone` |\n")
        self.assertIn("run.gone is listed and never", self.ends("readme_facts.py", self.root)[1])

    def test_a_folder_without_a_readme(self):
        self.write("tests/x/a.c", "")
        said = self.ends("readme_facts.py", self.root)[1]
        self.assertIn("tests/x: no README.md", said)


if __name__ == "__main__":
    unittest.main()
