"""state: s3://…: history, journal and leases in a bucket, for runs without a disk that lasts."""

import json
import os
import pathlib
import random
import signal
import threading
import time

import pytest
import servers
from conftest import PATIENCE, Project, keep_state_in


@pytest.fixture
def project(project, origin):
    return keep_state_in(project, origin.endpoint)


def names(origin):
    return sorted(origin.store.buckets["b"])


def document(origin, name="x"):
    return json.loads(origin.body("b", f"_sluice/leases/{name}.json"))


def small(project, rows=1):
    project.copy_pipeline("x", **{"from": "in/*.csv"})
    for number in range(rows):
        project.write(f"in/{number}.csv", f"n\n{number}\n")


def again(project, origin, **environment):
    """The same project on another machine: its catalog and store are shared, nothing else is."""
    other = Project(project.root)
    other.environment.update(project.environment)
    other.state = project.state
    other.environment.update(environment)
    return other


def pretend_elsewhere(origin, name="x", **changes):
    """The holder is on another host."""
    value = {**document(origin, name), "host": "task-7", "boot_id": "other", "process_id": 1, **changes}
    origin.put("b", f"_sluice/leases/{name}.json", json.dumps(value).encode())


# --- what is there ---


def test_a_run_and_what_reads_it(project, origin):
    small(project)
    project.run("x")
    run = project.sluice("runs", "--json").json[0]
    assert (run["pipeline"], run["outcome"], run["rows"]) == ("x", "succeeded", 1)
    assert names(origin) == ["_sluice/leases/x.json", f"_sluice/runs/{run['run_id']}.json"]
    assert document(origin)["held"] is False
    assert document(origin)["journal"] == []
    shown = project.sluice("runs", "show", run["run_id"][:10], "--json").json
    assert [task["task"] for task in shown["tasks"]] == ["extract.x", "load.x"]
    assert project.sluice("health").exit == 0
    assert project.sluice("cursors", "show", "x").exit == 0
    assert project.sluice("logs", "x").exit == 0
    assert not project.path(".sluice/state.db").exists()
    project.check_consistent()


def test_requests_are_few(project, origin):
    """What the README says."""
    small(project)
    project.run("x")
    assert len(origin.requests) <= 9 + 10, origin.requests  # with the probe
    origin.begin()
    project.run("x")
    assert len(origin.requests) == 5, origin.requests  # nothing new
    project.write("in/more.csv", "n\n7\n")
    origin.begin()
    project.run("x")
    assert len(origin.requests) <= 10, origin.requests
    origin.begin()
    assert project.sluice("runs", "x").exit == 0
    assert len(origin.requests) <= 4, origin.requests


def test_history_is_kept_and_listed_in_pages(project, origin):
    """More runs than one document holds."""
    small(project)
    project.run("x")
    first = project.sluice("runs", "--json").json[0]["run_id"]
    value = document(origin)
    template = value["runs"][0]
    for number in range(150):
        run_id = f"01a00000-0000-7000-8000-{number:012d}"
        value["runs"].insert(
            0, {**template, "run_id": run_id, "started_ms": template["started_ms"] + number + 1}
        )
    origin.put("b", "_sluice/leases/x.json", json.dumps(value).encode())
    for _ in range(3):
        project.run("x")
    assert len(document(origin)["runs"]) <= 100
    assert len([name for name in names(origin) if name.startswith("_sluice/history/x/")]) == 1
    listed = [run["run_id"] for run in project.sluice("runs", "x", "--limit", "500", "--json").json]
    assert len(listed) == len(set(listed)) == 154
    assert listed[-1] == first
    assert len(project.sluice("runs", "x", "--limit", "5", "--json").json) == 5


def test_no_secret_is_in_it(project, origin):
    project.environment["TOKEN"] = "a-secret-that-nobody-may-see"
    project.pipeline(
        "x",
        {
            "on_failure": [
                {"url": "http://127.0.0.1:9/${env.TOKEN}", "headers": {"Authorization": "${env.TOKEN}"}, "attempts": 1}
            ],
            "transform": {"x": {"sql": "select error('no')::int as n"}},
            "load": {"x": {"into": "t.x", "mode": "overwrite"}},
        },
    )
    assert project.sluice("run", "x").exit == 1
    bodies = b"".join(stored.body for stored in origin.store.buckets["b"].values())
    assert b'"outcome":"failed"' in bodies
    assert b"a-secret-that" not in bodies
    assert servers.SECRET_KEY.encode() not in bodies


# --- whether conditional writes hold ---


@pytest.mark.parametrize("conditions", ["ignored", "early", "refused"])
def test_a_store_that_does_not_keep_conditions_is_refused(project, origin, conditions):
    small(project)
    origin.store.conditions = conditions
    error = project.fails("x", expect=2)
    assert error.startswith("state s3://b/_sluice: conditional writes do not hold in this store (")
    assert "use a store where they do" in error and "sqlite:PATH" in error
    assert names(origin) == []  # nothing is left of the probe
    assert project.commits() == []
    origin.store.conditions = "hold"
    project.run("x")
    assert not [name for name in names(origin) if "probe" in name]


@pytest.mark.parametrize("name", ["weed", "moto"])
def test_real_stores_hold(project, request, name):
    """SeaweedFS 4.48 and moto 5.2; ones that did not would be refused."""
    server = request.getfixturevalue(name)
    servers.s3_client(server.endpoint).create_bucket(Bucket="state-" + name)
    keep_state_in(project, server.endpoint, "state-" + name)
    small(project)
    for _ in range(2):
        project.run("x")
    assert [run["outcome"] for run in project.sluice("runs", "--json").json] == ["nothing_new", "succeeded"]


def test_the_probe_counts_for_a_week(project, origin):
    small(project)
    project.run("x")
    origin.store.conditions = "ignored"
    value = document(origin)
    value["probed"]["ms"] -= 8 * 86400 * 1000
    origin.put("b", "_sluice/leases/x.json", json.dumps(value).encode())
    assert "conditional writes do not hold" in project.fails("x", expect=2)


# --- leases over hosts ---


def test_a_holder_elsewhere_is_waited_for(project, origin):
    """Its last heartbeat is older than the ttl by the store's clock: it is watched for a third of it."""
    small(project)
    project.write("sluice.yaml", project.yaml("    lease: {ttl: 2s}\n"))
    project.run("x")
    running = {**document(origin)["runs"][0], "run_id": "01900000-0000-7000-8000-000000000001"}
    running.update(outcome="running", finished_ms=0, started_ms=running["started_ms"] + 1)
    value = document(origin)
    pretend_elsewhere(
        origin, held=True, ttl_ms=2000, run_id=running["run_id"], runs=[running] + value["runs"]
    )
    busy = project.sluice("run", "x")
    assert busy.exit == 75, str(busy)
    assert "is being run by process 1 on task-7" in busy.error
    assert project.sluice("runs", "x", "--json").json[0]["outcome"] == "running"
    time.sleep(4)
    began = time.monotonic()
    project.run("x")
    assert time.monotonic() - began > 0.6
    outcomes = {run["run_id"]: run["outcome"] for run in project.sluice("runs", "x", "--json").json}
    assert outcomes[running["run_id"]] == "lost"
    assert document(origin)["fence"] == value["fence"] + 1


def test_a_beating_holder_elsewhere_is_not_robbed(project, origin):
    """Though the store's clock says that it is silent: somebody set it."""
    small(project)
    project.write("sluice.yaml", project.yaml("    lease: {ttl: 3s}\n"))
    project.run("x")
    pretend_elsewhere(origin, held=True, ttl_ms=3000)
    ended = threading.Event()

    def beat():
        beats = 0
        while not ended.wait(0.4):
            beats += 1
            pretend_elsewhere(origin, beats=beats)
            stored = origin.store.buckets["b"]["_sluice/leases/x.json"]
            stored.modified = stored.modified.replace(year=2020)

    thread = threading.Thread(target=beat)
    thread.start()
    try:
        time.sleep(1)
        process = project.start("run", "x")
        time.sleep(5)
        assert process.poll() is None
        os.kill(process.pid, signal.SIGINT)
        assert project.finish(process).exit == 130
    finally:
        ended.set()
        thread.join()


def test_a_killed_holder_is_replaced_at_once(project, origin):
    project.pipeline(
        "x",
        {
            "transform": {"x": {"sql": "select sum(hash(a.i * b.i))::varchar v from range(30000) a(i), range(60000) b(i)"}},
            "load": {"x": {"into": "t.x", "mode": "overwrite"}},
        },
    )
    process = project.start("run", "x", bufsize=0)
    log = b""
    while b'"event":"task.started"' not in log:
        log += process.stderr.readline()
    os.kill(process.pid, signal.SIGKILL)
    project.finish(process)
    small(project)
    began = time.monotonic()
    project.run("x")
    assert time.monotonic() - began < 10 * PATIENCE
    outcomes = sorted(run["outcome"] for run in project.sluice("runs", "x", "--json").json)
    assert outcomes == ["lost", "succeeded"]
    project.check_consistent()


def test_resume(project, origin):
    """What the killed run has fetched is not fetched again: the journal is in the bucket."""
    origin.put("in", "a.csv", b"n\n1\n")
    work = "select n, (select sum(hash(q.i * b.i))::varchar from range({}) q(i), range(60000) b(i)) as v from a"
    for rows in (100000, 1):
        project.pipeline(
            "x",
            {
                "extract": {"a": {"from": "s3://in/*.csv", "only_new": True}},
                "transform": {"y": {"sql": work.format(rows)}},
                "load": {"y": {"into": "t.y"}},
            },
        )
        if rows == 1:
            break
        process = project.start("run", "x")
        end = time.monotonic() + 30 * PATIENCE
        while b'"kind":"object"' not in (origin.body("b", "_sluice/leases/x.json") or b""):
            assert time.monotonic() < end
            time.sleep(0.02)
        process.kill()
        project.finish(process)
    origin.begin()
    result = project.run("x", "--resume", document(origin)["run_id"])
    assert [line["resumed"] for line in result.named("object.fetched")] == [True]
    assert not [r for r in origin.requests if (r.bucket, r.key, r.method) == ("in", "a.csv", "GET")]
    assert len(project.rows("t.y")) == 1
    project.check_consistent()


def test_killed_at_any_moment(project, origin):
    """Rows, journal and history are right after the next run, and nothing is left over."""
    chance = random.Random(5)
    project.copy_pipeline("x", **{"from": "in/*.csv"})
    for number in range(20):
        project.write(f"in/{number}.csv", f"n\n{number}\n")
        process = project.start("run", "x")
        time.sleep(chance.random() * 0.35 * PATIENCE)
        process.kill()
        project.finish(process)
        project.run("x")
        assert sorted(project.rows("t.x")) == [(n,) for n in range(number + 1)]
        project.check_consistent()
    assert document(origin)["journal"] == []
    assert document(origin)["held"] is False
    listed = project.sluice("runs", "x", "--limit", "100", "--json").json
    assert {run["outcome"] for run in listed} <= {"lost", "succeeded", "nothing_new"}
    assert sum(run["rows"] for run in listed) == 20


# --- a store that fails ---


def test_a_bucket_that_is_not_there(project, origin):
    small(project)
    project.state = "s3://nowhere/_sluice"
    project.write("sluice.yaml", project.yaml())
    error = project.fails("x", expect=1)
    assert "s3://nowhere/_sluice/leases/x.json" in error and "NoSuchBucket" in error
    result = project.sluice("runs")
    assert result.exit == 1 and "NoSuchBucket" in result.error


def test_something_else_lies_there(project, origin):
    small(project)
    origin.put("b", "_sluice/leases/x.json", b"<html>")
    assert "is no document of a state" in project.fails("x", expect=1)


@pytest.mark.parametrize("fault", ["503", "500", "reset_before", "drop_answer", "reset_after"])
def test_each_request_fails_once(project, origin, fault):
    """Its effect may be there or not: nothing is lost, nothing comes twice."""
    small(project)
    project.run("x")
    for number in range(1, 11):
        project.write(f"in/f{number}.csv", f"n\n{100 + number}\n")
        origin.begin()
        origin.fault(number, fault)
        project.run("x")
        assert document(origin)["held"] is False
        assert document(origin)["journal"] == []
    assert sorted(project.rows("t.x")) == [(0,)] + [(100 + n,) for n in range(1, 11)]
    assert {run["outcome"] for run in project.sluice("runs", "--json").json} == {"succeeded"}
    project.check_consistent()


SLOW = {
    "transform": {"x": {"sql": "select sum(hash(a.i * b.i))::varchar v from range(40000) a(i), range(60000) b(i)"}},
    "load": {"x": {"into": "t.x", "mode": "overwrite"}},
}


@pytest.mark.parametrize("fault", ["500", "stall_before", "reset_before"])
def test_a_store_that_dies_in_the_middle(project, origin, fault):
    """The run goes on while the lease is surely held, and stops before it may have been lost."""
    project.write("sluice.yaml", project.yaml("    lease: {ttl: 4s}\n"))
    project.pipeline("x", SLOW)
    process = project.start("run", "x", bufsize=0)
    log = b""
    while b'"event":"task.started"' not in log:
        log += process.stderr.readline()
    origin.fault(0, fault)
    began = time.monotonic()
    result = project.finish(process)
    assert result.exit == 1, str(result)
    assert time.monotonic() - began < 40 * PATIENCE
    assert "the lease of x could not be renewed for" in result.error, str(result)
    assert "nothing was committed" in result.error
    assert project.commits() == []
    origin.begin()
    project.copy_pipeline("x", **{"from": "in/*.csv"})
    project.write("in/1.csv", "n\n1\n")
    project.run("x")
    project.check_consistent()


def test_a_store_that_is_slow(project, origin):
    small(project)
    origin.fault(0, "slow_first_byte", seconds=0.3)
    project.run("x")
    assert len(project.rows("t.x")) == 1


def test_a_store_that_never_answers(project, origin):
    small(project)
    origin.fault(0, "stall_before")
    began = time.monotonic()
    error = project.fails("x", expect=1, timeout=100)
    assert time.monotonic() - began < 60 * PATIENCE
    assert "no good answer for 30 s" in error
    assert pathlib.Path(project.root).exists()


def test_backfill_and_resume(project, origin):
    project.pipeline(
        "x",
        {
            "params": {"day": {"type": "date", "default": "2020-01-01"}},
            "transform": {"x": {"sql": "select $day::date as d"}},
            "load": {"x": {"into": "t.x", "mode": "upsert", "key": ["d"]}},
        },
    )
    args = ("backfill", "x", "--param", "day", "--from", "2020-01-01", "--to", "2020-01-05")
    result = project.sluice(*args)
    assert result.exit == 0, str(result)
    assert len(project.rows("t.x")) == 5
    assert len(project.sluice("runs", "x", "--json").json) == 5
    result = project.sluice(*args)
    assert result.exit == 0, str(result)
    assert len(project.commits()) == 5
    assert document(origin)["held"] is False
