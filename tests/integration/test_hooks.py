"""Hooks: what is told when a run has ended. Recorded with the commit or the failure, delivered at
least once under one key, by the next run if this one died, and never a reason for a run to fail."""

import http.server
import json
import os
import signal
import threading
import time

import pytest
from conftest import PATIENCE

RUN = "01890000-0000-7000-8000-00000000000"


class Receiver:
    """A server that keeps what is posted; `answers` are the next statuses, or functions."""

    def __init__(self):
        self.posts, self.answers = [], []
        receiver = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                receiver.posts.append((self.path, dict(self.headers), body.decode()))
                answer = receiver.answers.pop(0) if receiver.answers else 204
                if callable(answer):
                    answer()
                    return
                self.send_response(answer)
                self.send_header("Content-Length", "0")
                if answer == 302:
                    self.send_header("Location", "/elsewhere")
                self.end_headers()

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def close(self):
        self.server.shutdown()
        self.server.server_close()

    @property
    def paths(self):
        return [path for path, _, _ in self.posts]

    def keys(self, path):
        return [headers["Idempotency-Key"] for at, headers, _ in self.posts if at == path]


@pytest.fixture
def receiver():
    receiver = Receiver()
    yield receiver
    receiver.close()


def make_pipeline(project, receiver, sql="select n from x", **more):
    project.pipeline(
        "x",
        {
            "extract": {"x": {"from": "in/*.csv", "only_new": True}},
            "transform": {"y": {"sql": sql, "checks": [{"not_null": ["n"]}]}},
            "load": {"y": {"into": "t.y"}},
            "on_commit": [f"{receiver.url}/commit"],
            "on_failure": [{"url": f"{receiver.url}/failure", "attempts": 1}],
            "finally": [{"url": f"{receiver.url}/finally", "attempts": 1}],
            **more,
        },
    )


def add_file(project, number):
    project.write(f"in/{number}.csv", f"n\n{number}\n")


def pending(project):
    return len(project.query("SELECT * FROM hooks WHERE ended_ms IS NULL")) + len(
        project.query("SELECT * FROM hooks", database=".sluice/state.db")
    )


def test_a_commit_is_told(project, receiver):
    make_pipeline(project, receiver)
    add_file(project, 1)
    result = project.run("x", "--run-id", RUN + "1")
    assert receiver.paths == ["/commit", "/finally"]
    _, headers, body = receiver.posts[0]
    assert headers["Content-Type"] == "application/json"
    shown = project.sluice("runs", "show", RUN + "1", "--json").json
    assert json.loads(body) == shown
    assert shown["outcome"] == "succeeded" and shown["rows"] == 1
    assert len(set(receiver.keys("/commit") + receiver.keys("/finally"))) == 2
    assert [line["hook"] for line in result.named("hook.delivered")] == ["on_commit[1]", "finally[1]"]
    assert pending(project) == 0
    project.run("x", "--run-id", RUN + "1")  # it was committed before: nothing is told again
    assert len(receiver.posts) == 2
    project.run("x")  # nothing new: no commit
    assert receiver.paths == ["/commit", "/finally", "/finally"]
    assert json.loads(receiver.posts[2][2])["outcome"] == "nothing_new"


def test_failures_are_told(project, receiver):
    make_pipeline(project, receiver, sql="select null::int as n from x")
    add_file(project, 1)
    project.run("x", expect=3)
    assert receiver.paths == ["/failure", "/finally"]
    told = json.loads(receiver.posts[0][2])
    assert told["outcome"] == "check_failed" and "not_null" in told["error"]
    make_pipeline(project, receiver, sql="select error('so') as n from x")
    project.run("x", expect=1)
    assert receiver.paths[2:] == ["/failure", "/finally"]
    assert json.loads(receiver.posts[2][2])["outcome"] == "failed"
    assert pending(project) == 0


def test_bodies_and_headers_of_ones_own(project, receiver):
    make_pipeline(
        project,
        receiver,
        on_commit=[
            {
                "url": f"{receiver.url}/secret-path?token=geheim",
                "headers": {"Authorization": "Bearer ${env.TOKEN}"},
                "body": '{"text": "run ${run.id} is there"}',
            }
        ],
    )
    add_file(project, 1)
    result = project.run("x", "--run-id", RUN + "1", env={"TOKEN": "streng-geheim", "SLUICE_LOG": "trace"})
    path, headers, body = receiver.posts[0]
    assert path == "/secret-path?token=geheim" and headers["Authorization"] == "Bearer streng-geheim"
    assert json.loads(body) == {"text": f"run {RUN}1 is there"}
    receiver.answers = [500, 500, 500]
    add_file(project, 2)
    failed = project.run("x", env={"TOKEN": "streng-geheim", "SLUICE_LOG": "trace"})
    assert "HTTP 500" in failed.named("hook.failed")[0]["msg"]
    logs = result.stderr + failed.stderr + "".join(
        path.read_text() for path in project.path(".sluice/logs").iterdir()
    )
    stored = project.path(".sluice/catalog.db").read_bytes() + project.path(".sluice/state.db").read_bytes()
    for database in ("catalog.db-wal", "state.db-wal"):
        if project.path(f".sluice/{database}").exists():
            stored += project.path(f".sluice/{database}").read_bytes()
    for secret in ("streng-geheim", "secret-path", "token="):
        assert secret not in logs and secret.encode() not in stored


def test_it_is_tried_again_under_one_key(project, receiver):
    make_pipeline(project, receiver)
    receiver.answers = [503, 500, 200]
    add_file(project, 1)
    result = project.run("x")
    assert receiver.paths == ["/commit"] * 3 + ["/finally"]
    assert len(set(receiver.keys("/commit"))) == 1
    assert result.named("hook.delivered")[0]["attempts"] == 3
    assert not result.named("hook.failed") and pending(project) == 0


@pytest.mark.parametrize("answer", [404, 302, 500])
def test_what_is_not_taken_waits_for_the_next_run(project, receiver, answer):
    make_pipeline(project, receiver)
    receiver.answers = [answer] * (3 if answer == 500 else 1) + [200]
    add_file(project, 1)
    result = project.run("x", "--run-id", RUN + "1")  # exit 0
    assert result.named("hook.failed")[0]["level"] == "warn"
    assert result.named("hook.failed")[0]["status"] == answer
    assert receiver.paths.count("/commit") == (3 if answer == 500 else 1)
    assert pending(project) == 1
    project.run("x")
    assert json.loads(receiver.posts[-2][2])["run_id"] == RUN + "1"
    assert len(set(receiver.keys("/commit"))) == 1
    assert pending(project) == 0


def test_nobody_listens(project, receiver):
    make_pipeline(project, receiver)
    receiver.close()
    add_file(project, 1)
    result = project.run("x")
    assert len(result.named("hook.failed")) == 2 and pending(project) == 2


def test_a_hook_that_is_gone_is_dropped(project, receiver):
    make_pipeline(project, receiver)
    receiver.answers = [404]
    add_file(project, 1)
    project.run("x")
    make_pipeline(project, receiver, on_commit=[])
    receiver.posts.clear()
    make_pipeline_without = json.loads(project.path("pipelines/x.yaml").read_text())
    del make_pipeline_without["on_commit"]
    project.pipeline("x", make_pipeline_without)
    result = project.run("x")
    assert result.named("hook.dropped")[0]["hook"] == "on_commit[1]"
    assert receiver.paths == ["/finally"] and pending(project) == 0


def kill(process):
    def answer():
        os.kill(process[0].pid, signal.SIGKILL)

    return answer


def wait_for_death(project, process):
    process.wait(timeout=30 * PATIENCE)
    assert process.returncode == -signal.SIGKILL


def test_killed_while_it_tells(project, receiver):
    """The commit is there, the server has heard of it, and nobody wrote that down."""
    make_pipeline(project, receiver)
    add_file(project, 1)
    process = []
    receiver.answers = [lambda: (time.sleep(0.3), os.kill(process[0].pid, signal.SIGKILL))]
    process.append(project.start("run", "x", "--run-id", RUN + "1"))
    wait_for_death(project, process[0])
    assert receiver.paths == ["/commit"] and project.rows("t.y") == [(1,)]
    assert pending(project) >= 2
    project.run("x")
    told = [(path, json.loads(body)["run_id"], json.loads(body)["outcome"]) for path, _, body in receiver.posts]
    assert told[1:3] == [("/commit", RUN + "1", "succeeded"), ("/finally", RUN + "1", "succeeded")]
    assert told[3][0] == "/finally" and told[3][2] == "nothing_new" and len(told) == 4
    assert len(set(receiver.keys("/commit"))) == 1
    assert pending(project) == 0
    project.check_consistent()


def test_a_run_that_is_lost_has_failed(project, receiver):
    make_pipeline(project, receiver)
    add_file(project, 1)
    slow = json.loads(project.path("pipelines/x.yaml").read_text())
    slow["transform"]["y"]["sql"] = (
        "select sum(hash(a.i * b.i))::bigint as n from x, range(1000000) a(i), range(10000000) b(i)"
    )
    project.pipeline("x", slow)
    process = project.start("run", "x", "--run-id", RUN + "1", bufsize=0)
    line = b" "
    while line and b'"event":"task.started"' not in line:
        line = process.stderr.readline()
    assert line
    process.kill()
    process.communicate()
    make_pipeline(project, receiver)
    project.run("x")
    told = [(path, json.loads(body)["outcome"]) for path, _, body in receiver.posts]
    assert sorted(told) == [
        ("/commit", "succeeded"),
        ("/failure", "lost"),
        ("/finally", "lost"),
        ("/finally", "succeeded"),
    ]
    assert pending(project) == 0


def test_a_cancelled_run_leaves_it_to_the_next_one(project, receiver):
    make_pipeline(project, receiver)
    add_file(project, 1)
    slow = json.loads(project.path("pipelines/x.yaml").read_text())
    slow["transform"]["y"]["sql"] = (
        "select sum(hash(a.i * b.i))::bigint as n from x, range(1000000) a(i), range(10000000) b(i)"
    )
    project.pipeline("x", slow)
    process = project.start("run", "x", bufsize=0)
    line = b" "
    while line and b'"event":"task.started"' not in line:
        line = process.stderr.readline()
    assert line
    process.send_signal(signal.SIGINT)
    process.communicate()
    assert process.returncode == 130 and receiver.posts == []
    make_pipeline(project, receiver)
    project.run("x")
    told = [(path, json.loads(body)["outcome"]) for path, _, body in receiver.posts]
    assert sorted(told) == [("/commit", "succeeded"), ("/finally", "cancelled"), ("/finally", "succeeded")]


def die_after_the_commit(project, receiver):
    """Until one died with its commit done and nobody told: the run's id."""
    for number in range(1, 30):
        add_file(project, number)
        receiver.posts.clear()
        run = RUN[:-2] + f"{number:03}"
        process = project.start("run", "x", "--run-id", run, bufsize=0)
        line = b" "
        while line and b'"event":"commit.succeeded"' not in line:
            line = process.stderr.readline()
        process.kill()
        process.communicate()
        if process.returncode == -signal.SIGKILL and "/commit" not in receiver.paths:
            assert project.commits()[-1] == run
            return run
    pytest.fail("it was never killed in time")


def test_an_earlier_commit_is_told_before_anything_else(project, receiver):
    """The next run hangs in its SQL, and is killed, too: the one before it is told of all the same."""
    make_pipeline(project, receiver)
    run = die_after_the_commit(project, receiver)
    slow = "select sum(hash(a.i * b.i))::bigint as n from x, range(1000000) a(i), range(10000000) b(i)"
    make_pipeline(project, receiver, sql=slow)
    add_file(project, 100)
    process = project.start("run", "x", bufsize=0)
    lines = []
    while not lines or (lines[-1] and b'"event":"task.started"' not in lines[-1]):
        lines.append(process.stderr.readline())
    process.kill()
    process.communicate()
    assert any(b'"event":"hook.delivered"' in line for line in lines)
    told = [(path, json.loads(body)["run_id"]) for path, _, body in receiver.posts]
    assert told == [("/commit", run), ("/finally", run)]
    make_pipeline(project, receiver)
    project.run("x")
    assert receiver.paths.count("/commit") == 2  # and of its own
    assert pending(project) == 0


def test_an_earlier_commit_is_told_when_nothing_is_new(project, receiver):
    make_pipeline(project, receiver)
    run = die_after_the_commit(project, receiver)
    result = project.run("x")
    order = [line["event"] for line in result.events if line["event"] in ("hook.delivered", "run.started", "run.nothing_new")]
    assert order == ["hook.delivered", "hook.delivered", "run.started", "run.nothing_new", "hook.delivered"]
    told = [(path, json.loads(body)["run_id"]) for path, _, body in receiver.posts]
    assert told[:2] == [("/commit", run), ("/finally", run)] and len(told) == 3
    assert pending(project) == 0


def test_a_server_that_is_down_is_asked_once_before_a_run(project, receiver):
    make_pipeline(project, receiver)
    run = die_after_the_commit(project, receiver)
    receiver.answers = [503] * 2 + [200] * 9
    result = project.run("x")
    failed = result.named("hook.failed")
    assert [(line["of_run"], line["attempts"]) for line in failed] == [(run, 1), (run, 1)]
    assert pending(project) == 0


def test_killed_between_commit_and_delivery_at_many_moments(project, receiver):
    """Each run that committed is told of, whenever its process died."""
    make_pipeline(project, receiver)
    add_file(project, 0)
    began = time.monotonic()
    project.run("x")
    typical = time.monotonic() - began
    rounds = 20
    for number in range(1, rounds + 1):
        add_file(project, number)
        process = project.start("run", "x")
        time.sleep(typical * (0.5 + 0.6 * number / rounds))
        process.kill()
        process.communicate()
    project.run("x")
    committed = {row["run_id"] for row in project.query("SELECT run_id FROM commits")}
    told = {json.loads(body)["run_id"] for path, _, body in receiver.posts if path == "/commit"}
    assert told == committed
    assert sorted(project.rows("t.y")) == [(number,) for number in range(rounds + 1)]
    failed = {json.loads(body)["run_id"] for path, _, body in receiver.posts if path == "/failure"}
    assert not failed & committed
    assert pending(project) == 0
    project.check_consistent()


def test_urls_hold_nothing_of_one_run(project, receiver):
    make_pipeline(project, receiver, on_commit=[f"{receiver.url}/${{run.id}}"])
    assert "a later run may have to deliver it" in project.fails("x", expect=2)


def test_bodies_hold_nothing_of_the_environment(project, receiver):
    """They are stored in the state and the catalog."""
    hook = {"url": receiver.url, "body": '{"routing_key": "${env.PD_KEY}"}'}
    make_pipeline(project, receiver, on_failure=[hook])
    project.environment["PD_KEY"] = "streng-geheim"
    message = project.fails("x", expect=2)
    assert "on_failure[1].body" in message
    assert "in a header or in the url" in message
    assert "streng-geheim" not in message


def test_rows_of_the_data_are_not_told(project, receiver):
    """`runs show` has rows that offend a check; whoever is told of the run does not get them."""
    make_pipeline(project, receiver, sql="select nullif(n, 1) as n, 'a secret' as s from x")
    add_file(project, 1)
    project.run("x", "--run-id", RUN + "1", expect=3)
    shown = project.sluice("runs", "show", RUN + "1", "--json")
    assert "a secret" in shown.stdout and receiver.paths == ["/failure", "/finally"]
    for _, _, body in receiver.posts:
        (check,) = [c for t in json.loads(body)["tasks"] for c in t.get("checks", [])]
        assert check["rows"] == 1 and "sample" not in check and "a secret" not in body
