"""One run of a pipeline at a time: a holder that is stopped loses its lease and commits nothing, and
of two that start at once one runs."""

import os
import signal
import time

import pytest
from conftest import PATIENCE, keep_state_in

ROWS = 2000


@pytest.fixture(params=["sqlite", "s3", "weed"])
def project(request, project):
    """With each state: embedded, in an S3 that does what it should, in SeaweedFS."""
    if request.param == "s3":
        keep_state_in(project, request.getfixturevalue("origin").endpoint)
    if request.param == "weed":
        keep_state_in(
            project, request.getfixturevalue("weed").endpoint, request.getfixturevalue("bucket")
        )
    return project


def make_pipeline(project, ttl=None, rows=ROWS):
    if ttl:
        project.write("sluice.yaml", project.yaml(f"    lease: {{ttl: {ttl}}}\n"))
    project.pipeline(
        "slow",
        {
            "transform": {"x": {"sql": f"select i from range({rows}) r(i)"}},
            "load": {"x": {"into": "t.x", "mode": "overwrite"}},
        },
    )


def start_and_stop(project, *args):
    """Starts the pipeline and stops the process once it holds the lease."""
    process = project.start("run", "slow", *args, bufsize=0)
    log = b""
    while b'"event":"task.started"' not in log:
        line = process.stderr.readline()
        assert line, log
        log += line
    os.kill(process.pid, signal.SIGSTOP)
    return process


def wake(project, process):
    os.kill(process.pid, signal.SIGCONT)
    return project.finish(process)


def wait_for_the_lease(project, *args):
    """The next run gets it as soon as nothing was heard of the holder for its ttl, not before."""
    began = time.monotonic()
    while True:
        result = project.sluice("run", "slow", *args)
        if result.exit != 75:
            return result, time.monotonic() - began
        assert time.monotonic() - began < 30 * PATIENCE, str(result)
        time.sleep(0.1)


@pytest.mark.parametrize("same_id", [False, True])
def test_a_stopped_holder_loses_its_lease_and_notices(project, same_id):
    make_pipeline(project, ttl="1s")
    args = ["--run-id", "01890000-0000-7000-8000-000000000001"] if same_id else []
    holder = start_and_stop(project, *args)
    try:
        second, waited = wait_for_the_lease(project, *args)
    finally:
        first = wake(project, holder)
    assert second.exit == 0, str(second)
    assert waited > 0.5
    assert first.exit == 1, str(first)
    assert "the lease of slow was lost to process" in first.error or "a later run took over" in first.error
    assert first.named("lease.lost")
    assert len(project.commits()) == 1
    assert len(project.rows("t.x")) == ROWS
    outcomes = sorted(run["outcome"] for run in project.sluice("runs", "slow", "--json").json)
    # Of one id the history says what its last holder did; else the stopped one knows best of itself.
    assert outcomes == (["succeeded"] if same_id else ["failed", "succeeded"])
    project.run("slow")
    project.check_consistent()


def test_a_live_holder_is_not_robbed(project):
    """It works for longer than the ttl, and its heartbeats keep the lease."""
    make_pipeline(project, ttl="1s")
    project.pipeline(
        "slow",
        {
            "resources": {"threads": 1},
            "transform": {
                "x": {"sql": "select sum(hash(a.i * b.i))::varchar as v from range(20000) a(i), range(60000) b(i)"}
            },
            "load": {"x": {"into": "t.x", "mode": "overwrite"}},
        },
    )
    process = project.start("run", "slow", bufsize=0)
    log = b""
    while b'"event":"task.started"' not in log:
        log += process.stderr.readline()
    busy = 0
    while process.poll() is None:
        second = project.sluice("run", "slow")
        if process.poll() is None:
            assert second.exit in (75, 0), str(second)
            busy += second.exit == 75
        if busy > 25:
            os.kill(process.pid, signal.SIGINT)
            break
        time.sleep(0.1)
    project.finish(process)
    assert busy > 5
    assert not [run for run in project.sluice("runs", "slow", "--json").json if run["outcome"] == "lost"]


@pytest.mark.timeout(600)
def test_two_start_at_once(project):
    """100 times: one runs, the other is told so; no row is lost, and none comes twice."""
    rounds = 100 if PATIENCE == 1 else 15
    project.copy_pipeline("x", **{"from": "in/*.csv"})
    committed = []
    for number in range(rounds):
        project.write(f"in/{number}.csv", f"n\n{number}\n")
        pair = [project.start("run", "x") for _ in range(2)]
        results = [project.finish(process) for process in pair]
        exits = sorted(result.exit for result in results)
        # The second may come when the first has ended: then there is nothing new.
        assert exits in ([0, 75], [0, 0]), "\n".join(map(str, results))
        committed += [result for result in results if result.named("commit.succeeded")]
    assert len(committed) == rounds
    assert sorted(project.rows("t.x")) == [(number,) for number in range(rounds)]
    project.check_consistent()
