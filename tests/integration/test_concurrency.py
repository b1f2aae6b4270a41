"""Two runs at once: one pipeline's wait for nobody, many pipelines share a table."""

import json
import os
import signal
import time

from conftest import multiset

ROWS = 50000


def make_pipeline(project):
    project.pipeline(
        "slow",
        {
            "transform": {"x": {"sql": f"select i from range({ROWS}) r(i)"}},
            "load": {"x": {"into": "t.x", "mode": "overwrite"}},
        },
    )


def start_and_hold(project):
    """Starts the pipeline and stops the process once it holds the lease: no sleep decides."""
    process = project.start("run", "slow", bufsize=0)
    log = b""
    while b'"event":"task.started"' not in log:
        line = process.stderr.readline()
        assert line, log
        log += line
    os.kill(process.pid, signal.SIGSTOP)
    return process


def go_on(project, process):
    os.kill(process.pid, signal.SIGCONT)
    return project.finish(process)


def test_second_run_names_the_holder(project):
    make_pipeline(project)
    holder = start_and_hold(project)
    try:
        began = time.monotonic()
        second = project.sluice("run", "slow")
        assert time.monotonic() - began < 10
        third = project.sluice("run", "slow", "--busy-ok")
    finally:
        first = go_on(project, holder)

    assert second.exit == 75, str(second)
    assert f"process {holder.pid}" in second.error and "slow" in second.error
    assert third.exit == 0, str(third)
    assert first.exit == 0, str(first)
    assert len(project.commits()) == 1
    assert len(project.rows("t.x")) == ROWS
    assert project.run("slow").exit == 0
    project.check_consistent()


def test_a_dead_holder_is_replaced_at_once(project):
    make_pipeline(project)
    holder = start_and_hold(project)
    holder.kill()
    holder.communicate()
    began = time.monotonic()
    project.run("slow")
    assert time.monotonic() - began < 10
    assert len(project.commits()) == 1
    outcomes = [run["outcome"] for run in project.sluice("runs", "slow", "--json").json]
    assert sorted(outcomes) == ["lost", "succeeded"]
    project.check_consistent()


def test_two_runs_make_one_table_with_other_columns(project):
    """Both plan a table that is not there yet. The second to commit must not add files that do not
    fit the first one's columns: it is planned and written again, and fitted to them."""
    make_pipeline(project)
    project.pipeline(
        "other",
        {
            "transform": {"x": {"sql": "select 'text' as i, 1 as j"}},
            "load": {"x": {"into": "t.x", "mode": "overwrite"}},
        },
    )
    holder = start_and_hold(project)
    try:
        project.run("other")
    finally:
        second = go_on(project, holder)

    assert second.exit == 0, str(second)
    assert len(second.named("commit.conflict")) == 1
    assert project.columns("t.x") == {"i": "VARCHAR", "j": "INTEGER"}
    assert len(project.rows("t.x")) == ROWS
    project.check_consistent()


def test_ten_pipelines_into_one_table(project):
    for number in range(10):
        project.write(f"in/{number}.csv", "p,i\n" + "".join(f"{number},{i}\n" for i in range(200)))
        project.pipeline(
            f"p{number}",
            {
                "extract": {"x": {"from": f"in/{number}.csv", "only_new": True}},
                "load": {"x": {"into": "t.shared", "partition_by": ["p"]}},
            },
        )
    processes = [project.start("run", f"p{number}") for number in range(10)]
    results = [project.finish(process, timeout=120) for process in processes]

    assert [result.exit for result in results] == [0] * 10, "\n".join(map(str, results))
    assert multiset(project.rows("t.shared")) == multiset(
        (number, i) for number in range(10) for i in range(200)
    )
    assert len(project.commits()) == 10
    assert len({file["position"] for file in project.files("t.shared")}) == 10
    project.check_consistent()


def test_readers_see_whole_commits(project):
    """While one pipeline replaces a table over and over, every reading of it is of one commit."""
    project.pipeline(
        "x",
        {
            "params": {"n": "int"},
            "transform": {"x": {"sql": "select i % 7 as p, $n as n from range(700) r(i)"}},
            "load": {"x": {"into": "t.x", "mode": "overwrite", "partition_by": ["p"]}},
        },
    )
    project.run("x", "--param", "n=0")
    for number in range(1, 6):
        process = project.start("run", "x", "--param", f"n={number}")
        while process.poll() is None:
            result = project.sluice(
                "catalog", "read", "t.x", "--format", "ndjson", "--sql", "select n, count(*) c from x group by n"
            )
            assert result.exit == 0, str(result)
            (row,) = [json.loads(line) for line in result.stdout.splitlines()]
            assert row["c"] == 700 and row["n"] in (number - 1, number)
        assert project.finish(process).exit == 0
    project.check_consistent()
