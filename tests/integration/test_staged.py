"""What a run leaves whose check failed: the rows that it was about to commit, for a while, and nothing else."""

import os
import random
import signal
import time

import pytest
from conftest import PATIENCE

PIPELINE = """
extract:
  a: {from: data/a.csv, repeat: true, columns: {id: bigint, code: varchar}}
transform:
  v: {sql: "select id + 1 as id, null as nothing from a"}
  b:
    sql: select * from a order by id
    checks:
      - not_null: [code]
load:
  b: {into: n.b, mode: overwrite}
  v: {into: n.v, mode: overwrite}
  raw: {from: a, into: n.raw, mode: overwrite}
"""
GOOD = "id,code\n1,A\n2,B\n"
BAD = "id,code\n1,A\n2,\n"


def spool(project):
    folder = project.path(".sluice/spool")
    return sorted(path.name for path in folder.iterdir()) if folder.exists() else []


def files(project, *folders):
    found = []
    for folder in folders:
        root = project.path(folder)
        found += [str(path) for path in root.rglob("*") if path.is_file()] if root.exists() else []
    return found


@pytest.fixture
def failed(project):
    def run(text=PIPELINE, rows=BAD, *flags):
        project.write("pipelines/p.yaml", text)
        project.write("data/a.csv", rows)
        result = project.sluice("run", "p", "--json", *flags)
        assert result.exit == 3, str(result)
        return result.json["run_id"]

    return run


def datasets(project, run_id):
    staged = project.sluice("runs", "show", run_id, "--staged", "--json")
    assert staged.exit == 0, str(staged)
    return {d["dataset"]: d for d in staged.json["datasets"]}


def read(project, run_id, dataset, *flags):
    return project.sluice("runs", "show", run_id, "--staged", dataset, "--format", "csv", *flags).stdout


def test_it_can_be_read(failed, project):
    run_id = failed()
    staged = datasets(project, run_id)
    assert sorted(staged) == ["a", "b", "v"]
    assert (staged["b"]["rows"], staged["b"]["loads"], staged["a"]["loads"]) == (2, ["load.b"], ["load.raw"])
    assert all(os.path.isabs(f) and os.path.isfile(f) for d in staged.values() for f in d["files"])
    assert read(project, run_id, "b") == "id,code\n1,A\n2,\n"
    assert read(project, run_id[:20], "v") == "id,nothing\n2,\n3,\n"  # a column without a type, too
    assert read(project, run_id, "b", "--limit", "1") == "id,code\n1,A\n"
    shown = project.sluice("runs", "show", run_id).stdout
    assert "staged    2 rows of a, 2 rows of v, 2 rows of b, until " in shown
    text = project.sluice("runs", "show", run_id, "--staged")
    assert [line.split()[:3] for line in text.stdout.splitlines()][0] == ["DATASET", "LOADS", "ROWS"]
    assert "(in 23 h) or the next run of p" in text.stderr
    project.sluice("runs", "show", run_id, "--staged", "b", "--output", "b.parquet")
    assert project.path("b.parquet").read_bytes()[:4] == b"PAR1"


def test_nothing_else_is_left(failed, project):
    run_id = failed()
    assert [name.endswith(run_id) and name.startswith("kept-") for name in spool(project)] == [True]
    assert files(project, ".sluice/store") == []
    assert project.query("select * from journal", database=".sluice/state.db") == []


@pytest.mark.parametrize("rows,exit_code", [(GOOD, 0), (BAD, 3)])
def test_the_next_run_removes_it(failed, project, rows, exit_code):
    first = failed()
    project.write("data/a.csv", rows)
    assert project.sluice("run", "p").exit == exit_code
    said = project.sluice("runs", "show", first, "--staged")
    assert said.exit == 1
    assert f"what run {first} staged is gone" in said.stderr and "until the next run of p; run it again" in said.stderr
    assert len(spool(project)) == (1 if exit_code else 0)
    assert "staged  " not in project.sluice("runs", "show", first).stdout


def test_a_run_without_news_removes_it(project, failed):
    text = PIPELINE.replace("repeat: true", "only_new: true").replace("mode: overwrite", "mode: append")
    project.write("pipelines/p.yaml", text)
    project.write("data/a.csv", GOOD)
    assert project.sluice("run", "p").exit == 0
    failed(text, BAD)
    project.write("data/a.csv", GOOD)
    os.remove(project.path("data/a.csv"))
    project.write("pipelines/p.yaml", text.replace("data/a.csv", "data/*.csv"))
    project.sluice("run", "p")
    assert spool(project) == []


def test_another_pipeline_does_not(failed, project):
    failed()
    project.write("pipelines/q.yaml", PIPELINE.replace("data/a.csv", "data/q.csv").replace("n.", "m."))
    project.write("data/q.csv", GOOD)
    assert project.sluice("run", "q").exit == 0
    assert len(spool(project)) == 1


@pytest.mark.parametrize(
    "command", [["preview", "q", "a"], ["run", "q"], ["sql", "select 1"], ["catalog", "gc", "--delete"], ["show"]]
)
def test_it_goes_after_a_day(failed, project, command):
    run_id = failed()
    project.write("pipelines/q.yaml", PIPELINE.replace("data/a.csv", "data/q.csv").replace("n.", "m."))
    project.write("data/q.csv", GOOD)
    kept = project.path(".sluice/spool") / spool(project)[0]
    os.utime(kept, (time.time() - 86410,) * 2)
    if command == ["show"]:
        command = ["runs", "show", run_id, "--staged"]
    result = project.sluice(*command)
    assert spool(project) == [], str(result)
    assert "is gone" in project.sluice("runs", "show", run_id, "--staged").stderr


def test_less_than_a_day_is_no_day(failed, project):
    run_id = failed()
    kept = project.path(".sluice/spool") / spool(project)[0]
    os.utime(kept, (time.time() - 86000,) * 2)
    project.sluice("sql", "select 1")
    assert sorted(datasets(project, run_id)) == ["a", "b", "v"]


def test_checks_of_a_load_over_what_was_a_view(failed, project):
    text = """
extract:
  a: {from: data/a.csv, repeat: true, columns: {id: bigint, code: varchar}}
transform:
  v: {sql: "select id, random() as r from a"}
load:
  v:
    into: n.v
    mode: overwrite
    checks: [{row_count: {min: 3}}]
"""
    run_id = failed(text)
    assert files(project, ".sluice/store") == []
    first = read(project, run_id, "v")
    assert len(first.splitlines()) == 3 and first == read(project, run_id, "v")


def test_without_the_rows_that_were_put_aside(failed, project):
    text = PIPELINE.replace("- not_null: [code]", "- {not_null: [code], severity: quarantine}\n      - unique: [id]")
    run_id = failed(text, "id,code\n1,A\n1,B\n2,\n")
    assert read(project, run_id, "b") == "id,code\n1,A\n1,B\n"
    assert files(project, ".sluice/store") == []


def test_loads_that_were_done_are_staged_too(failed, project):
    """The load before has stored its rows, and what it took has nobody left to read it."""
    text = PIPELINE.replace("  b:\n    sql: select * from a order by id", "  b:\n    after: [load.raw]\n    sql: select * from a order by id")
    text = text.replace("  v: {sql", "  w: {sql: select 7 as x}\n  v: {sql")
    text = text.replace("  raw: {", "  w: {from: w, into: n.w, mode: overwrite}\n  raw: {").replace("after: [load.raw]", "after: [load.raw, load.w]")
    run_id = failed(text)
    assert read(project, run_id, "a") == "id,code\n1,A\n2,\n"
    assert read(project, run_id, "w") == "x\n7\n"


@pytest.mark.parametrize(
    "args,said",
    [
        (["--staged", "bb"], '"bb" is not staged; there is: a, v, b'),
        (["b"], "a dataset goes with --staged"),
    ],
)
def test_what_is_not_there(failed, project, args, said):
    run_id = failed()
    result = project.sluice("runs", "show", run_id, *args)
    assert result.exit == 2 and said in result.stderr, str(result)


def test_a_run_that_failed_no_check_has_none(failed, project):
    project.write("pipelines/p.yaml", PIPELINE)
    project.write("data/a.csv", GOOD)
    run_id = project.sluice("run", "p", "--json").json["run_id"]
    said = project.sluice("runs", "show", run_id, "--staged")
    assert said.exit == 1 and 'its outcome is "succeeded", and only a failed check leaves rows' in said.stderr


def test_killed_at_any_moment(failed, project):
    """A run that is killed leaves what the next one finds: never more than one folder of rows."""
    failed()
    rows = "id,code\n" + "".join(f"{i},{'' if i == 5 else 'x'}\n" for i in range(20000))
    project.write("data/a.csv", rows)
    random.seed(5)
    for _ in range(25):
        process = project.start("run", "p")
        time.sleep(random.uniform(0.05, 0.6))
        process.send_signal(signal.SIGKILL)
        process.wait(PATIENCE)
    assert project.sluice("run", "p").exit == 3
    assert [name[:5] for name in spool(project)] == ["kept-"]
    assert files(project, ".sluice/store") == [] and project.query("select * from journal", database=".sluice/state.db") == []
    project.write("data/a.csv", GOOD)
    assert project.sluice("run", "p").exit == 0
    assert spool(project) == []
