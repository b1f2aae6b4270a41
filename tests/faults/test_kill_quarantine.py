"""kill -9 while rows are put aside and put through again: the data and the quarantine are one commit,
so that each row of each file is in one of them, once."""

import os
import pathlib
import random
import time

import pytest
from conftest import SANITIZED, Project, multiset

HITS = 20 if not SANITIZED else 6
ROWS = 400


def add_file(project, number):
    lines = [f"{number},{i},{'x' if i % 10 == 3 else i % 40}" for i in range(ROWS)]
    project.write(f"in/{number:03}.csv", "n,i,v\n" + "\n".join(lines) + "\n")


def make_project(root):
    project = Project(root)
    project.pipeline(
        "x",
        {
            "extract": {
                "x": {
                    "from": "in/*.csv",
                    "only_new": True,
                    "on_bad_row": "quarantine",
                    "columns": {"v": "bigint", "n": "bigint", "i": "bigint"},
                    "csv": {"delimiter": ","},
                }
            },
            "transform": {
                "y": {
                    "sql": "select * from x",
                    "checks": [{"accepted_values": {"v": list(range(39))}, "severity": "quarantine"}],
                }
            },
            "load": {"y": {"into": "t.y"}},
        },
    )
    return project


def aside(project, table, columns):
    if not any(r["name"] == table for r in project.query("SELECT name FROM tables")):
        return []
    rows = project.sluice("sql", f"select {columns} from quarantine.{table}", "--json").json["rows"]
    return [tuple(row.values()) for row in rows]


def check(project, numbers):
    """Rows, bad rows and offending rows of these files: each exactly once."""
    good = [(n, i, i % 40) for n in numbers for i in range(ROWS) if i % 10 != 3 and i % 40 != 39]
    bad = [(f"in/{n:03}.csv", i + 2, f"{n},{i},x") for n in numbers for i in range(3, ROWS, 10)]
    off = [(f'{{"n":{n},"i":{i},"v":39}}',) for n in numbers for i in range(39, ROWS, 40)]
    assert multiset(project.rows("t.y")) == multiset(good)
    assert multiset(aside(project, "x_x", "source, line, raw")) == multiset(bad)
    assert multiset(aside(project, "x_y", "row_json")) == multiset(off)


def kill(project, command, delay):
    process = project.start(*command)
    time.sleep(delay)
    alive = process.poll() is None
    process.kill()
    process.communicate()
    return alive


def test_kill_while_rows_are_put_aside(tmp_path):
    seed = int(os.environ.get("KILL_SEED", random.randrange(1 << 32)))
    dice = random.Random(seed)
    print(f"KILL_SEED={seed}")
    killed, typical = 0, 0.3
    for index in range(HITS * 3):
        if killed >= HITS:
            break
        project = make_project(tmp_path / f"p{index}")
        for number in range(3):
            add_file(project, number)
            alive = kill(project, ["run", "x"], dice.uniform(0, typical))
            typical *= 1.05 if alive else 0.9
            killed += alive
        project.run("x")
        check(project, range(3))
        project.check_consistent()
    assert killed >= HITS


def test_kill_while_rows_are_tried_again(tmp_path):
    """Whatever moment: in the end each repaired row is there once."""
    seed = int(os.environ.get("KILL_SEED", random.randrange(1 << 32)))
    dice = random.Random(seed)
    print(f"KILL_SEED={seed}")
    killed, typical = 0, 0.3
    for index in range(HITS * 3):
        if killed >= HITS // 2:
            break
        project = make_project(tmp_path / f"p{index}")
        add_file(project, 0)
        project.run("x")
        bad = [i for i in range(3, ROWS, 10)]
        repaired = project.write("repaired.csv", "n,i,v\n" + "".join(f"0,{i},7\n" for i in bad))
        retry = ["quarantine", "retry", "x", "--file", repaired]
        for _ in range(2):
            alive = kill(project, retry, dice.uniform(0, typical))
            typical *= 1.05 if alive else 0.9
            killed += alive
        result = project.sluice(*retry)
        assert result.exit == 0 or "nothing to try again" in result.error, result
        assert aside(project, "x_x", "source") == []
        assert multiset(r for r in project.rows("t.y") if r[1] in bad) == multiset(
            (0, i, 7) for i in bad
        )
        project.run("x")
        project.check_consistent()
    assert killed >= HITS // 2


def test_kill_while_some_rows_are_tried_again(tmp_path):
    """The rows of one object, twice at once, and killed: each row is in the table or still put aside, and
    what is bad again is what it was."""
    seed = int(os.environ.get("KILL_SEED", random.randrange(1 << 32)))
    dice = random.Random(seed)
    print(f"KILL_SEED={seed}")
    killed, typical = 0, 0.3
    for index in range(HITS * 3):
        if killed >= HITS // 2:
            break
        project = make_project(tmp_path / f"p{index}")
        for number in range(2):
            add_file(project, number)
        project.run("x")
        before = aside(project, "x_x", "id, source, line, raw, quarantined_at")
        path = project.path("pipelines/x.yaml")
        path.write_text(path.read_text().replace('"delimiter": ","', '"delimiter": ",", "nulls": ["x"]')
                        if index % 2 else path.read_text())
        retry = ["quarantine", "retry", "x", "x", "--object", "in/000.csv"]
        for _ in range(2):
            other = project.start(*retry)
            alive = kill(project, retry, dice.uniform(0, typical))
            other.communicate()
            assert other.returncode in (0, 1, 75)
            typical *= 1.05 if alive else 0.9
            killed += alive
        result = project.sluice(*retry)
        assert result.exit == 0 or "nothing to try again" in result.error, result
        left = aside(project, "x_x", "id, source, line, raw, quarantined_at")
        through = [row for row in project.rows("t.y") if row[2] is None]
        if index % 2:
            assert multiset(through) == multiset((0, i, None) for i in range(3, ROWS, 10))
            assert multiset(left) == multiset(row for row in before if row[1] == "in/001.csv")
        else:
            assert through == [] and multiset(left) == multiset(before)
        project.run("x")
        project.check_consistent()
    assert killed >= HITS // 2


FAIL_WRITE = pathlib.Path(os.environ.get("SLUICE_BIN", "sluice")).parent / "tests/tools/libfail_write.so"
RUN = "01890000-0000-7000-8000-000000000001"


def journal(project):
    return [row["what"] for row in project.query("SELECT what FROM journal", database=".sluice/state.db")]


def kill_until(project, steps, condition):
    """The run, under one id, killed at later and later steps until that holds."""
    for step in steps:
        environment = {"LD_PRELOAD": str(FAIL_WRITE), "FAIL_AT": str(step), "FAIL_KILL": "1"}
        result = project.sluice("run", "x", "--run-id", RUN, env=environment)
        if condition():
            return step
        assert result.exit == -9, str(result)
    return pytest.fail("it was never there")


@pytest.mark.skipif(SANITIZED, reason="the sanitizer wants to be the first library")
@pytest.mark.timeout(600)
def test_killed_behind_its_commit_after_it_was_gone_on_with(tmp_path):
    """What an earlier process of the run had put aside is named by no commit, and goes."""
    project = make_project(tmp_path / "project")
    add_file(project, 0)
    step = kill_until(project, range(40, 2000, 10), lambda: any("-quarantine-" in what for what in journal(project)))
    kill_until(project, range(step, 4000, 5), project.commits)
    assert journal(project), "it was killed too late"
    project.run("x")
    check(project, [0])
    project.check_consistent()
    assert journal(project) == []
