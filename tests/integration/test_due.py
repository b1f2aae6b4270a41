"""Due times: what a run stands for, the id that a schedule gives it, what is made up for."""

import uuid


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
