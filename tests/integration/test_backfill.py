"""sluice backfill: a run for each window under one lease; resumed, stopped, parallel."""

import collections
import datetime
import json
import os
import signal
import sqlite3
import time

import pytest

PIPELINE = """
timezone: Europe/Berlin
params:
  day: {type: date}
  least: {type: int, default: 0}
extract:
  rows: {from: "data/${params.day:%Y-%m}.csv", repeat: true}
transform:
  day: {sql: "select d, x from rows where d = $day and x >= $least"}
load:
  day: {into: t.days, mode: overwrite_partitions, partition_by: [d]}
"""

FIRST = datetime.date(2001, 1, 1)


def day(n):
    return FIRST + datetime.timedelta(n)


@pytest.fixture
def days(project):
    files = collections.defaultdict(lambda: ["d,x"])
    for n in range(59):
        files[f"{day(n):%Y-%m}"] += [f"{day(n)},{x}" for x in range(3)]
    for name, lines in files.items():
        project.write(f"data/{name}.csv", "\n".join(lines) + "\n")
    project.pipeline("days", PIPELINE)
    return project


def backfill(project, *args, start="2001-01-01", to="2001-01-10", expect=0, **options):
    result = project.sluice("backfill", "days", "--param", "day", "--from", start, "--to", to,
                            "--json", *args, **options)
    assert result.exit == expect, str(result)
    return result


def check_days(project, numbers, rows_each=3):
    want = sorted((day(n), x) for n in numbers for x in range(rows_each))
    assert sorted(project.rows("t.days")) == want
    project.check_consistent()


def history(project):
    runs = project.sluice("runs", "days", "--limit", "1000", "--json").json
    return [(run["due"], run["outcome"]) for run in reversed(runs)]


def test_a_run_for_each_window(days):
    result = backfill(days)
    assert (result.json["count"], result.json["committed"], result.json["rows"]) == (10, 10, 30)
    assert [run["window"] for run in result.json["runs"]] == [str(day(n)) for n in range(10)]
    check_days(days, range(10))
    # Each has its own line in the history; its due time is the day's midnight in Berlin.
    assert history(days) == [
        (f"{day(n - 1)}T23:00:00.000Z", "succeeded") for n in range(10)
    ]
    assert days.commits() == [run["run_id"] for run in result.json["runs"]]
    assert len(result.named("backfill.finished")) == 1
    # Again: what was done is left out, without a run.
    again = backfill(days, to="2001-01-12")
    assert (again.json["done_before"], again.json["committed"]) == (10, 2)
    check_days(days, range(12))
    assert backfill(days).json["done_before"] == 10
    assert len(history(days)) == 12
    # Unless it is asked for.
    assert backfill(days, "--again", to="2001-01-02").json["committed"] == 2
    assert len(days.commits()) == 14
    # Other parameters are other runs.
    assert backfill(days, "--param", "least=1", to="2001-01-02").json["committed"] == 2
    assert backfill(days, "--param", "least=1", to="2001-01-02").json["done_before"] == 2
    assert sorted(days.rows("t.days"))[:2] == [(day(0), 1), (day(0), 2)]


def test_what_was_done_by_again_is_done(days):
    assert backfill(days, "--again", to="2001-01-03").json["committed"] == 3
    assert backfill(days, to="2001-01-04").json["done_before"] == 3
    assert backfill(days, "--again", to="2001-01-05").json["committed"] == 5
    assert backfill(days, to="2001-01-05").json["done_before"] == 5
    check_days(days, range(5))


def test_in_parallel_they_commit_in_order(days):
    result = backfill(days, "--parallel", "2", to="2001-02-14")
    assert result.json["committed"] == 45
    assert days.commits() == [run["run_id"] for run in result.json["runs"]]
    check_days(days, range(45))


def test_months(days):
    result = backfill(days, "--step", "1mo", to="2001-02-28")
    assert [run["window"] for run in result.json["runs"]] == ["2001-01-01", "2001-02-01"]
    check_days(days, [0, 31])


@pytest.mark.parametrize("parallel", ["1", "2"])
def test_the_first_failure_ends_it(days, parallel):
    days.path("data/2001-02.csv").rename(days.path("data/kept"))
    result = backfill(days, "--parallel", parallel, start="2001-01-29", to="2001-02-03", expect=1)
    assert [run["outcome"] for run in result.json["runs"]][:4] == ["succeeded"] * 3 + ["failed"]
    assert result.json["failed"] == 1
    assert result.json["cancelled"] + result.json["not_run"] == 2
    assert "2001-02-01: " in result.error and "No such file" in result.error
    check_days(days, range(28, 31))
    # Mended, it goes on where it stopped.
    days.path("data/kept").rename(days.path("data/2001-02.csv"))
    again = backfill(days, "--resume", start="2001-01-29", to="2001-02-03")
    assert (again.json["done_before"], again.json["committed"]) == (3, 3)
    check_days(days, range(28, 34))


@pytest.mark.parametrize("parallel", ["1", "2"])
def test_or_it_goes_on(days, parallel):
    days.path("data/2001-01.csv").rename(days.path("data/kept"))
    result = backfill(days, "--keep-going", "--parallel", parallel, start="2001-01-30",
                      to="2001-02-02", expect=1)
    assert [run["outcome"] for run in result.json["runs"]] == ["failed"] * 2 + ["succeeded"] * 2
    assert len(result.errors) == 2
    check_days(days, [31, 32])


def test_a_failed_check_is_exit_3(days):
    text = PIPELINE.replace("x >= $least\"}", "x >= $least\",\n    checks: [{row_count: {min: 1}}]}")
    days.pipeline("days", text)
    result = backfill(days, "--keep-going", start="2001-02-27", to="2001-02-28")
    assert result.exit == 0
    # Days that the file does not have.
    days.write("data/2001-03.csv", "d,x\n2001-03-02,1\n")
    result = backfill(days, "--keep-going", start="2001-03-01", to="2001-03-02", expect=3)
    assert [run["outcome"] for run in result.json["runs"]] == ["check_failed", "succeeded"]


@pytest.mark.parametrize("parallel", ["1", "2"])
def test_killed_and_resumed(days, parallel):
    """kill -9 again and again: at the end each window was committed once."""
    args = ("backfill", "days", "--param", "day", "--from", "2001-01-01", "--to", "2001-02-09",
            "--parallel", parallel)
    for attempt in range(60):
        process = days.start(*args)
        try:
            process.wait(timeout=0.35 + 0.1 * attempt)
        except Exception:
            os.killpg(process.pid, signal.SIGKILL)
        result = days.finish(process)
        if result.exit == 0:
            break
        assert result.exit == -signal.SIGKILL, str(result)
    assert attempt > 1, "it was never killed"
    check_days(days, range(40))
    assert len(set(days.commits())) == len(days.commits()) == 40
    outcomes = collections.Counter(outcome for _, outcome in history(days))
    assert outcomes["succeeded"] == 40 and outcomes["running"] == 0, outcomes


def test_nothing_left_to_run_is_put_right_all_the_same(days):
    """Killed behind its last commit: its folder and its journal are there."""
    run_id = backfill(days, to="2001-01-01").json["runs"][0]["run_id"]
    left = days.path(f".sluice/spool/{run_id}-1")
    left.mkdir()
    with sqlite3.connect(days.path(".sluice/state.db")) as state:
        state.execute(
            "INSERT INTO journal (run_id, pipeline, instance, kind, what) VALUES (?, ?, '', ?, ?)",
            (run_id, "days", "folder", left.name))
    assert backfill(days, to="2001-01-01").json["done_before"] == 1
    assert not left.exists()
    check_days(days, [0])


def start_long(project):
    process = project.start("backfill", "days", "--param", "day", "--from", "2001-01-01",
                            "--to", "2001-02-28", "--parallel", "2")
    while len(project.commits()) < 3:
        time.sleep(0.05)
        assert process.poll() is None
    return process


def test_one_lease_over_all_windows(days):
    process = start_long(days)
    busy = days.sluice("run", "days", "--param", "day=2001-02-20")
    assert busy.exit == 75, str(busy)
    assert backfill(days, expect=75, start="2001-02-20", to="2001-02-21").json["not_run"] == 2
    backfill(days, "--busy-ok", start="2001-02-20", to="2001-02-21")
    assert backfill(days, to="2001-01-01").json["done_before"] == 1
    # What runs under it is not taken for lost, nor are its files for left ones.
    assert not [outcome for _, outcome in history(days) if outcome not in ("succeeded", "running")]
    for _ in range(5):
        gc = days.sluice("catalog", "gc", "--grace", "0s", "--delete")
        assert gc.exit == 0, str(gc)
    assert days.finish(process).exit == 0
    check_days(days, range(59))
    assert days.sluice("run", "days", "--param", "day=2001-02-20").exit == 0


def test_interrupted(days):
    process = start_long(days)
    process.send_signal(signal.SIGINT)
    result = days.finish(process)
    assert result.exit == 130, str(result)
    done = len(days.commits())
    assert done < 59
    check_days(days, range(done))
    assert backfill(days, to="2001-02-28").json["done_before"] == done
    check_days(days, range(59))


def test_windows_do_not_take_the_same_twice(project):
    """only_new under --parallel: what one window takes is not new to the next."""
    for n in range(6):
        project.write(f"data/2001-01/{n}.csv", f"x\n{n}\n")
    pipeline = """
        params: {day: {type: date}}
        extract: {rows: {from: "FROM", only_new: true}}
        load: {rows: {into: t.rows}}
        """
    project.pipeline("days", pipeline.replace("FROM", "data/${params.day:%Y-%m}/*.csv"))
    backfill(project, "--parallel", "2", to="2001-01-04")
    assert sorted(project.rows("t.rows")) == [(n,) for n in range(6)]
    project.pipeline("days", pipeline.replace("FROM", "data/*/*.csv"))
    result = backfill(project, "--parallel", "2", expect=2, start="2001-02-01", to="2001-02-02")
    assert "--parallel: extract.rows has only_new" in result.error


def test_usage(days):
    for args, says in [
        (["--from", "2001-01-01", "--to", "2001-01-02"], "--param NAME is missing"),
        (["--param", "day", "--to", "2001-01-02"], "--from is missing"),
        (["--param", "dya", "--from", "2001-01-01", "--to", "2001-01-02"], "no such parameter"),
        (["--param", "least", "--from", "2001-01-01", "--to", "2001-01-02"], "its type is int"),
        (["--param", "day", "--from", "2001-01-02", "--to", "2001-01-01"], "is before --from"),
        (["--param", "day", "--param", "least", "--from", "2001-01-01", "--to", "2001-01-01"],
         "one parameter gets the windows"),
        (["--param", "day", "--param", "lest=1", "--from", "2001-01-01", "--to", "2001-01-01"],
         'did you mean "least"'),
        (["--param", "day", "--from", "2001-01-01", "--to", "2001-01-02", "--parallel", "0"],
         "--parallel"),
        (["--param", "day", "--from", "2001-01-01", "--to", "2001-01-02", "--again", "--resume"],
         "choose one"),
    ]:
        result = days.sluice("backfill", "days", *args)
        assert result.exit == 2 and says in result.error, str(result)
    assert days.commits() == []
    few = days.write("pipelines/days.yaml", PIPELINE + "resources: {memory: 300MiB}\n")
    assert few and "2 runs at once with 1 thread need" in backfill(
        days, "--parallel", "2", expect=2).errors[0]
    assert json.loads(backfill(days).stdout)["committed"] == 10
