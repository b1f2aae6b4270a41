"""Due times: what a run stands for, the id that a schedule gives it, what is made up for."""

import datetime
import os
import sqlite3
import time
import uuid

import pytest


def due_id(pipeline, due):
    """UUIDv5 of (pipeline, instance, due), joined as runner/base/uuid.h says."""
    import hashlib

    parts = b"".join(part.encode() + b"\x1f" for part in (pipeline, "", due))
    digest = bytearray(hashlib.sha1(NAMESPACE_BYTES + parts).digest()[:16])
    digest[6] = digest[6] & 0x0F | 0x50
    digest[8] = digest[8] & 0x3F | 0x80
    return str(uuid.UUID(bytes=bytes(digest)))


NAMESPACE_BYTES = bytes.fromhex("5c8e0f6d3a714b199d42c60a7eb521f3")

DAILY = """
schedule: "15 6 * * *"
params:
  day: {type: date, default: yesterday}
extract:
  rows: {from: "data/${params.day}.csv", repeat: true}
load:
  rows: {into: t.rows}
"""


def test_a_late_run_reads_its_day_and_has_its_id(project):
    project.write("data/2026-11-19.csv", "a\n19\n")
    project.write("data/2026-11-20.csv", "a\n20\n")
    project.pipeline("daily", DAILY)
    due = "2026-11-20T06:15:00.000Z"
    first = project.run("daily", "--due", due)
    assert project.rows("t.rows") == [(19,)]
    run_id = first.named("run.started")[0]["run_id"]
    assert run_id == due_id("daily", due)
    # Started again: it is the same run, which was committed.
    again = project.run("daily", "--due", "2026-11-20T07:15:00+01:00")
    assert [line["run_id"] for line in again.named("run.repeated")] == [run_id]
    assert project.commits() == [run_id]
    # Another day is another run; a moment that is not of the schedule is nobody's.
    project.run("daily", "--due", "2026-11-21T06:15:00Z")
    assert project.rows("t.rows") == [(19,), (20,)]
    by_hand = project.run("daily", "--due", "2026-11-21T06:15:01Z")
    assert by_hand.named("run.started")[0]["run_id"][14] == "7"
    assert project.rows("t.rows") == [(19,), (20,), (20,)]


def test_what_was_chosen_by_hand_is_a_run_of_its_own(project):
    project.write("data/2026-11-19.csv", "a\n19\n")
    project.pipeline("daily", DAILY)
    due = ("--due", "2026-11-20T06:15:00Z")
    ids = set()
    for more in ([], ["--again"], ["--param", "day=2026-11-19"], ["--task", "load.rows"]):
        started = project.run("daily", *due, *more).named("run.started")
        ids.add(started[0]["run_id"])
    assert len(ids) == 4
    assert project.rows("t.rows") == [(19,)] * 4
    assert {run_id[14] for run_id in ids} == {"5", "7"}


def test_a_failed_run_is_started_again_under_its_id(project):
    project.pipeline("daily", DAILY)
    due = "2026-11-20T06:15:00.000Z"
    project.fails("daily", "--due", due)
    project.write("data/2026-11-19.csv", "a\n19\n")
    project.run("daily", "--due", due)
    assert project.commits() == [due_id("daily", due)]
    runs = project.sluice("runs", "daily", "--json").json
    assert [(run["run_id"], run["outcome"]) for run in runs] == [(due_id("daily", due), "succeeded")]


# --- sluice run --all-due ---

HOURLY = """
schedule: "{schedule}"
catchup: {catchup}
params:
  hour: {{type: timestamp, default: today}}
extract:
  rows: {{from: data/rows.csv, repeat: true}}
load:
  rows: {{into: t.{name}}}
"""


def scheduled(project, name, catchup="last", schedule="0 * * * *"):
    """Watched since three hours ago."""
    project.write("data/rows.csv", "a\n1\n")
    path = project.pipeline(name, HOURLY.format(name=name, catchup=catchup, schedule=schedule))
    hours_ago = time.time() - 3 * 3600 - 60
    os.utime(path, (hours_ago, hours_ago))


def all_due(project, *args, expect=0, **options):
    result = project.sluice("run", "--all-due", "--json", *args, **options)
    assert result.exit == expect, str(result)
    return result.json


def missed(project, name):
    health = project.sluice("health", name, "--json").json
    return health["pipelines"][0]["missed"], health["pipelines"][0]["missed_count"]


def last_hour():
    return datetime.datetime.now(datetime.timezone.utc).replace(minute=0, second=0, microsecond=0)


def as_due(when):
    return f"{when:%Y-%m-%dT%H:%M:%S}.000Z"


@pytest.fixture
def within_the_hour():
    """Not while the hour changes."""
    if datetime.datetime.now().minute == 59 and datetime.datetime.now().second > 20:
        time.sleep(45)


def test_the_last_due_time_is_run(project, within_the_hour):
    scheduled(project, "hourly")
    due = as_due(last_hour())
    result = all_due(project)
    assert [(run["pipeline"], run["due"], run["run_id"]) for run in result["runs"]] == [
        ("hourly", due, due_id("hourly", due))
    ]
    assert project.commits() == [due_id("hourly", due)]
    assert missed(project, "hourly") == (None, 0)
    # It was run: there is nothing to do until the next one.
    assert all_due(project)["count"] == 0
    assert project.rows("t.hourly") == [(1,)]


def test_all_of_them_are_made_up_for(project, within_the_hour):
    scheduled(project, "hourly", "all")
    hours = [as_due(last_hour() - datetime.timedelta(hours=n)) for n in (2, 1, 0)]
    first, count = missed(project, "hourly")
    assert first == hours[0] and count in (2, 3)  # the last one may be within its grace
    result = all_due(project)
    assert [run["due"] for run in result["runs"]] == hours
    assert project.commits() == [due_id("hourly", due) for due in hours]
    assert missed(project, "hourly") == (None, 0)
    assert all_due(project)["count"] == 0


def test_none_is_made_up_for(project, within_the_hour):
    long_ago = datetime.datetime.now(datetime.timezone.utc) - datetime.timedelta(minutes=20)
    scheduled(project, "late", "none", f"{long_ago.minute} * * * *")
    assert all_due(project)["count"] == 0
    assert missed(project, "late")[1] == 1  # and health goes on to say so
    now = datetime.datetime.now(datetime.timezone.utc)
    scheduled(project, "ontime", "none", f"{now.minute} {now.hour} * * *")
    assert [run["pipeline"] for run in all_due(project)["runs"]] == ["ontime"]


def test_many_pipelines_and_failures(project, within_the_hour):
    for name in ("a", "b", "c", "d"):
        scheduled(project, name, "all" if name == "b" else "last")
    text = project.path("pipelines/b.yaml").read_text().replace("rows.csv", "none.csv")
    stamp = project.path("pipelines/b.yaml").stat().st_mtime
    project.write("pipelines/b.yaml", text)
    os.utime(project.path("pipelines/b.yaml"), (stamp, stamp))
    project.copy_pipeline("unscheduled", **{"from": "data/rows.csv"})
    result = all_due(project, "--parallel", "2", expect=1)
    outcomes = [(run["pipeline"], run["outcome"]) for run in result["runs"]]
    # The first failure of a pipeline ends what is due of it, and of no other one.
    assert outcomes == [("a", "succeeded"), ("b", "failed"), ("b", "not_run"), ("b", "not_run"),
                        ("c", "succeeded"), ("d", "succeeded")]
    # The next call goes on behind what failed.
    again = all_due(project, expect=1)
    assert [run["outcome"] for run in again["runs"]] == ["failed", "not_run"]
    project.write("data/none.csv", "a\n2\n")
    assert [run["outcome"] for run in all_due(project)["runs"]] == ["succeeded"]
    assert all_due(project)["count"] == 0
    # A file that is wrong holds up no other, either.
    project.pipeline("broken", "schedule: \"0 * * * *\"\nextract: 1\n")
    scheduled(project, "e")
    result = all_due(project, expect=2)
    assert sorted((run["pipeline"], run["outcome"]) for run in result["runs"]) == [
        ("broken", "failed"), ("e", "succeeded")
    ]


def test_a_backfill_hides_no_miss(project, within_the_hour):
    scheduled(project, "hourly")
    backfill = project.sluice("backfill", "hourly", "--param", "hour", "--from", "2001-01-01",
                              "--to", "2001-01-02")
    assert backfill.exit == 0, str(backfill)
    assert missed(project, "hourly")[1] == 1
    assert all_due(project)["committed"] == 1
    assert missed(project, "hourly") == (None, 0)


ENDLESS = """
transform:
  rows: {sql: "select sum(hash(a.i * b.i))::double as a from range(1000000) a(i), range(10000000) b(i)"}
"""


def start_endless(project):
    """Until it is working; the pipeline's file is then the one from before."""
    path = project.path("pipelines/hourly.yaml")
    before, stamp = path.read_text(), path.stat().st_mtime
    endless = before.replace("extract:\n  rows:", "extract:\n  source:").replace("\nload:", ENDLESS + "load:")
    path.write_text(endless.replace("t.hourly}", "t.hourly, mode: overwrite}"))
    os.utime(path, (stamp, stamp))
    process = project.start("run", "--all-due", bufsize=0)
    line = b" "
    while line and b'"event":"task.started"' not in line:
        line = process.stderr.readline()
    assert line, "it ended before"
    path.write_text(before)
    os.utime(path, (stamp, stamp))
    return process


def test_a_busy_pipeline_is_left_to_the_next_call(project, within_the_hour):
    """A later due time that is committed would hide the earlier ones for ever."""
    scheduled(project, "hourly", "all")
    process = start_endless(project)
    result = all_due(project, "--busy-ok")
    assert [run["outcome"] for run in result["runs"]] == ["busy", "not_run"]  # behind the one that runs
    process.kill()
    process.communicate()


def test_a_stopped_run_is_run_again(project, within_the_hour):
    """As a container is stopped."""
    scheduled(project, "hourly")
    due = as_due(last_hour())
    process = start_endless(project)
    process.terminate()
    process.communicate()
    assert process.returncode == 143
    assert [run["outcome"] for run in project.sluice("runs", "--json").json] == ["cancelled"]
    result = all_due(project)
    assert [(run["run_id"], run["outcome"]) for run in result["runs"]] == [(due_id("hourly", due), "succeeded")]


def test_a_killed_run_is_run_again(project, within_the_hour):
    """Its line in the history says that it runs; nobody runs it."""
    scheduled(project, "hourly")
    due = as_due(last_hour())
    project.run("hourly", "--due", due)
    run_id = due_id("hourly", due)
    for table, database in (("commits", "catalog"), ("runs", "state")):
        with sqlite3.connect(project.path(f".sluice/{database}.db")) as db:
            if table == "runs":
                db.execute("UPDATE runs SET outcome = 'running', finished_ms = 0")
            else:
                db.execute("DELETE FROM commits")
    result = all_due(project)
    assert [(run["run_id"], run["outcome"]) for run in result["runs"]] == [(run_id, "succeeded")]


def test_usage_of_all_due(project):
    project.copy_pipeline("x", **{"from": "data/rows.csv"})
    for args in (["x"], ["--due", "2001-01-01"], ["--param", "a=1"], ["--plan", "p.json"]):
        result = project.sluice("run", "--all-due", *args)
        assert result.exit == 2 and "--all-due takes pipelines" in result.error
    assert project.sluice("run", "--all-due").exit == 0
