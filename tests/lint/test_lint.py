"""Proves that lint.py can fail: bad files give their line, good ones next to them nothing."""

import os
import subprocess
import sys
import tempfile
import unittest

sys.dont_write_bytecode = True  # the folder's time is what the build step watches
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import lint  # noqa: E402


class Tree(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.addCleanup(self.folder.cleanup)
        self.root = self.folder.name

    def write(self, path, text):
        path = os.path.join(self.root, path)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)

    def places(self, rule):
        """What is found, as file:line."""
        return [":".join(line.split(":")[:2]) for line in lint.check(self.root, [rule])]


class Includes(Tree):
    def refused(self, path, *headers):
        self.write(path, "".join(f"#include {header}\n" for header in headers))
        expected = [f"{path}:{number}" for number in range(1, len(headers) + 1)]
        self.assertEqual(self.places("includes"), expected)

    def accepted(self, path, *headers):
        self.write(path, "".join(f"#include {header}\n" for header in headers))
        self.assertEqual(self.places("includes"), [])

    def test_base_stands_alone(self):
        self.refused("runner/base/a.c", '"runner/io/loop.h"', '"config/yaml.h"', '"connectors/store.h"',
                     '"runner/engine/run.h"', '"runner/cli/main.h"', "<uv.h>", "<curl/curl.h>")

    def test_io_knows_base(self):
        self.refused("runner/io/a.c", '"connectors/store.h"', '"config/yaml.h"', '"runner/engine/run.h"')

    def test_connectors_do_not_know_each_other(self):
        self.refused("connectors/local/a.c", '"connectors/duckdb/engine.h"', '"config/yaml.h"',
                     '"runner/engine/run.h"', '"runner/cli/table.h"')

    def test_vtables_do_not_know_their_implementations(self):
        self.refused("connectors/store.h", '"connectors/local/local.h"', "<sqlite3.h>")

    def test_config_keeps_yaml_and_knows_only_base(self):
        self.refused("config/a.c", '"connectors/store.h"', '"runner/io/loop.h"', '"runner/engine/run.h"', "<uv.h>")

    def test_engine_knows_vtables_only(self):
        self.refused("runner/engine/a.c", '"connectors/local/local.h"', '"runner/cli/main.h"', "<uv.h>",
                     "<sqlite3.h>", "<duckdb.h>", "<yaml.h>")

    def test_full_paths(self):
        self.refused("runner/base/a.c", '"error.h"', '"../io/loop.h"', '"base/error.h"')

    def test_house_rules_are_kept(self):
        for path, headers in {
            "runner/base/a.c": ['"runner/base/error.h"', "<stdio.h>"],
            "runner/io/a.c": ['"runner/base/error.h"', '"runner/io/loop.h"', "<uv.h>"],
            "connectors/local/a.c": ['"connectors/store.h"', '"connectors/local/local.h"', '"runner/io/loop.h"'],
            "connectors/duckdb/a.c": ["<duckdb.h>", "<uv.h>"],
            "connectors/state_sqlite/a.c": ['"connectors/sqlite/sqlite.h"', "<sqlite3.h>"],
            "config/a.c": ['"config/yaml.h"', '"runner/base/error.h"', "<yaml.h>"],
            "runner/engine/a.c": ['"config/pipeline.h"', '"connectors/store.h"', '"runner/io/loop.h"'],
            "runner/cli/a.c": ['"connectors/local/local.h"', '"runner/engine/run.h"', '"config/yaml.h"'],
            "tests/unit/a.c": ['"anything.h"', '"runner/base/error.h"'],
        }.items():  # fmt: skip
            with self.subTest(path):
                self.accepted(path, *headers)


class Banned(Tree):
    def test_every_function_is_found(self):
        for name in lint.BANNED:
            self.write(f"config/{name}.c", f"int f(void)\n{{\n    {name}(0);\n}}\n")
        self.assertEqual(sorted(self.places("banned")), sorted(f"config/{n}.c:3" for n in lint.BANNED))

    def test_tests_are_checked_too(self):
        self.write("tests/unit/a.c", "x = atoi (text);")
        self.assertEqual(self.places("banned"), ["tests/unit/a.c:1"])

    def test_lines_survive_comments(self):
        self.write("runner/io/a.h", '/* one\n   two */\nconst char *s = "\\"";\ngets(s);\n')
        self.assertEqual(self.places("banned"), ["runner/io/a.h:4"])

    def test_look_alikes_pass(self):
        self.write("runner/io/a.c", "// strcpy(a, b)\n/* gets(a)\n sprintf(b) */\n"
                   'f("system(1)", \'"\', "atoi(x)");\nsnprintf(a);\nop->system(1);\nx.rand(2);\nmy_random(3);\n')  # fmt: skip
        self.assertEqual(self.places("banned"), [])


class Size(Tree):
    def test_long_function(self):
        self.write("runner/io/a.c", "int f(void)\n{\n" + "    x();\n" * 69 + "}\n")
        self.assertEqual(self.places("size"), ["runner/io/a.c:1"])
        self.write("runner/io/a.c", "int f(void)\n{\n" + "    x();\n" * 68 + "}\n")
        self.assertEqual(self.places("size"), [])

    def test_long_file(self):
        self.write("runner/io/a.h", "\n" * 601)
        self.assertEqual(self.places("size"), ["runner/io/a.h:600"])
        self.write("runner/io/a.h", "\n" * 600)
        self.assertEqual(self.places("size"), [])


class BuildStep(Tree):
    def run_step(self):
        self.stamp = os.path.join(self.root, "stamp")
        return subprocess.run(
            [sys.executable, lint.__file__, self.root, "includes", "banned",
             "--stamp", self.stamp, "--depfile", self.stamp + ".d"],
            stderr=subprocess.PIPE, text=True, check=False)  # fmt: skip

    def test_fails_with_file_and_line_and_leaves_no_stamp(self):
        self.write("config/a.c", '\n#include "runner/engine/run.h"\nx = rand();\n')
        step = self.run_step()
        self.assertEqual(step.returncode, 1)
        self.assertRegex(step.stderr, r"^config/a\.c:2: .*\nconfig/a\.c:3: rand\(\) is banned")
        self.assertFalse(os.path.exists(self.stamp))

    def test_names_what_it_looked_at(self):
        self.write("config/a.c", "")
        self.assertEqual(self.run_step().returncode, 0)
        with open(self.stamp + ".d", encoding="utf-8") as file:
            names = file.read().split()
        self.assertIn(os.path.join(self.root, "config/a.c"), names)
        self.assertIn(os.path.join(self.root, "config"), names)


if __name__ == "__main__":
    unittest.main()
