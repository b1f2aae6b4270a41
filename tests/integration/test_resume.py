"""Resume: after a crash the same run goes on with what it had fetched and uploaded, as far as that is
what it should be; what is damaged, changed or half is fetched again."""

import http.server
import os
import pathlib
import random
import signal
import threading
import time

import pytest
from conftest import PATIENCE

RUN = "01890000-0000-7000-8000-000000000001"
ROWS = 2000
# Ends never, and is still interrupted at once.
ENDLESS = (
    "select *, (select sum(hash(a.i * b.i))::double from range(1000000) a(i), range(10000000) b(i)) as s from {}"
)


class Files:
    """An HTTP server of files in memory, which counts what is fetched."""

    def __init__(self):
        self.files, self.gets = {}, []
        owner = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def answer(self, with_body):
                etag, body = owner.files[self.path]
                self.send_response(200)
                self.send_header("Content-Length", str(len(body)))
                self.send_header("ETag", etag)
                self.end_headers()
                if with_body:
                    owner.gets.append(self.path)
                    self.wfile.write(body)

            def do_GET(self):
                self.answer(True)

            def do_HEAD(self):
                self.answer(False)

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def put(self, name, version, start=0):
        rows = "".join(f"{i}\n" for i in range(start, start + ROWS))
        self.files[name] = (f'"{version}"', f"n\n{rows}".encode())

    def close(self):
        self.server.shutdown()
        self.server.server_close()


@pytest.fixture
def files():
    files = Files()
    files.put("/a.csv", "a1")
    files.put("/b.csv", "b1", ROWS)
    yield files
    files.close()


def make_pipeline(project, files, endless=False, default="no"):
    """Two objects; y is loaded by the first load; where it is endless, the second never gets there."""
    project.pipeline(
        "x",
        {
            "params": {"p": {"default": default}},
            "extract": {
                "a": {"from": f"{files.url}/a.csv", "only_new": True},
                "b": {"from": f"{files.url}/b.csv", "only_new": True},
            },
            "transform": {
                "y": {"sql": "select n, $p as p from a union all select n, $p from b"},
                "z": {"sql": ENDLESS.format("y") if endless else "select *, 0::double as s from y"},
            },
            "load": {
                "y": {"into": "t.y", "sort_by": ["n"]},
                "z": {"into": "t.z", "after": ["load.y"]},
            },
        },
    )


def crash(project, *args, until=b'"event":"task.finished","msg":"done, 4000 rows"', tasks=(b'"task":"load.y"',)):
    """Kills the run once that line was logged of those tasks."""
    process = project.start("run", "x", "--run-id", RUN, *args, bufsize=0)
    line = b" "
    while line and not (until in line and any(task in line for task in tasks)):
        line = process.stderr.readline()
    assert line, "it ended before"
    time.sleep(0.3)  # what it notes, it notes soon
    process.kill()
    process.communicate()


def journal(project, kind):
    return project.query("SELECT * FROM journal WHERE kind = ?", kind, database=".sluice/state.db")


def resumed(result, event):
    return [line for line in result.named(event) if line.get("resumed")]


def check_rows(project, p="no"):
    for table in ("t.y", "t.z"):
        rows = project.rows(table)
        assert sorted(row[0] for row in rows) == list(range(2 * ROWS))
        assert {row[1] for row in rows} == {p}


def check_nothing_left(project):
    assert not journal(project, "folder") and not journal(project, "object") and not journal(project, "file")
    spool = project.path(".sluice/spool")
    assert not spool.exists() or not list(spool.iterdir())
    stored = {str(path) for path in project.path(".sluice/store").rglob("*.parquet")}
    assert stored == {file["path"] for table in ("t.y", "t.z") for file in project.files(table)}
    project.check_consistent()


@pytest.mark.parametrize("by_flag", [False, True])
def test_it_goes_on(project, files, by_flag):
    make_pipeline(project, files, endless=True)
    crash(project, "--param", "p=yes")
    assert sorted(files.gets) == ["/a.csv", "/b.csv"]
    assert len(journal(project, "object")) == 2 and len(journal(project, "file")) == 1
    before = [row["what"] for row in journal(project, "file")]
    make_pipeline(project, files)
    if by_flag:
        result = project.run("x", "--resume", RUN[:13])
    else:
        result = project.run("x", "--run-id", RUN, "--param", "p=yes")
    assert len(files.gets) == 2  # nothing was fetched again
    assert len(resumed(result, "object.fetched")) == 2
    assert len(resumed(result, "file.uploaded")) == 1
    assert before[0] in {str(pathlib.Path(file["path"]).relative_to(project.path(".sluice/store"))) for file in project.files("t.y")}
    check_rows(project, p="yes")
    assert len(project.commits()) == 1 and project.commits() == [RUN]
    check_nothing_left(project)


def test_what_the_environment_says_is_not_stored(project, files):
    project.environment["TOKEN"] = "streng-geheim"
    files.put("/a.csv", 1)
    files.put("/b.csv", 1, ROWS)
    make_pipeline(project, files, endless=True, default="${env.TOKEN}")
    crash(project)
    for part in project.path(".sluice").glob("state.db*"):
        assert b"streng-geheim" not in part.read_bytes()
    make_pipeline(project, files, default="${env.TOKEN}")
    project.run("x", "--resume", RUN)
    check_rows(project, "streng-geheim")


def test_what_changed_is_fetched_again(project, files):
    make_pipeline(project, files, endless=True)
    crash(project)
    files.put("/b.csv", "b2", ROWS)  # the same bytes, another ETag
    make_pipeline(project, files)
    result = project.run("x", "--run-id", RUN)
    assert files.gets[2:] == ["/b.csv"]
    assert len(resumed(result, "object.fetched")) == 1
    check_rows(project)
    check_nothing_left(project)


@pytest.mark.parametrize("damage", ["cut", "bits", "gone"])
def test_damaged_files_are_not_trusted(project, files, damage):
    make_pipeline(project, files, endless=True)
    crash(project)
    for row in journal(project, "object"):
        path = project.path(".sluice/spool") / row["what"]
        content = bytearray(path.read_bytes())
        if damage == "gone":
            path.unlink()
        else:
            if damage == "bits":
                content[100] ^= 1
            path.write_bytes(content[:-1] if damage == "cut" else content)
    for row in journal(project, "file"):
        path = project.path(".sluice/store") / row["what"]
        if damage == "gone":
            path.unlink()
        elif damage == "cut":
            path.write_bytes(path.read_bytes()[:-1])
    make_pipeline(project, files)
    result = project.run("x", "--run-id", RUN)
    assert len(files.gets) == 4
    assert not resumed(result, "object.fetched")
    assert len(resumed(result, "file.uploaded")) == (1 if damage == "bits" else 0)
    check_rows(project)
    check_nothing_left(project)


def test_another_run_takes_nothing_over(project, files):
    make_pipeline(project, files, endless=True)
    crash(project)
    make_pipeline(project, files)
    result = project.run("x")
    assert len(files.gets) == 4 and not resumed(result, "object.fetched")
    check_rows(project)
    check_nothing_left(project)


def test_other_rows_are_uploaded(project, files):
    """The same run with other SQL: what was uploaded is not what is to be."""
    make_pipeline(project, files, endless=True)
    crash(project)
    make_pipeline(project, files)
    result = project.run("x", "--run-id", RUN, "--param", "p=other")
    assert len(resumed(result, "object.fetched")) == 2
    assert not resumed(result, "file.uploaded")
    check_rows(project, p="other")
    check_nothing_left(project)


def test_it_goes_on_after_several_crashes(project, files):
    make_pipeline(project, files, endless=True)
    for _ in range(3):
        crash(project)
    assert len(files.gets) == 2
    make_pipeline(project, files)
    project.run("x", "--run-id", RUN)
    assert len(files.gets) == 2
    check_rows(project)
    check_nothing_left(project)


def test_a_stopped_holder_keeps_what_is_its(project, files):
    """Nothing is taken over from a process that may wake up and remove it."""
    from conftest import SLUICE_YAML

    project.write("sluice.yaml", SLUICE_YAML + "    lease: {ttl: 1s}\n")
    make_pipeline(project, files, endless=True)
    process = project.start("run", "x", "--run-id", RUN, bufsize=0)
    line = b" "
    while line and not (b'"task":"load.y"' in line and b"task.finished" in line):
        line = process.stderr.readline()
    os.kill(process.pid, signal.SIGSTOP)
    make_pipeline(project, files)
    deadline = time.monotonic() + 30 * PATIENCE
    while True:
        result = project.sluice("run", "x", "--run-id", RUN)
        if result.exit != 75 or time.monotonic() > deadline:
            break
        time.sleep(0.2)
    os.kill(process.pid, signal.SIGCONT)
    first = project.finish(process)
    assert result.exit == 0, str(result)
    assert first.exit == 1 and first.named("lease.lost"), str(first)
    assert not resumed(result, "object.fetched") and not resumed(result, "file.uploaded")
    check_rows(project)
    project.check_consistent()


@pytest.mark.timeout(600)
def test_killed_at_many_moments_under_one_id(project, files):
    """Whatever is taken over, and from whom: each row once, and nothing is left."""
    dice = random.Random(int(os.environ.get("KILL_SEED", 5)))
    make_pipeline(project, files)
    typical = 0.5
    for number in range(8 if PATIENCE == 1 else 3):
        run = RUN[:-2] + f"{number + 10}"
        files.put("/a.csv", f"a{number}", 2 * number * ROWS)
        files.put("/b.csv", f"b{number}", (2 * number + 1) * ROWS)
        for _ in range(3):
            process = project.start("run", "x", "--run-id", run)
            time.sleep(dice.uniform(0.2, 1) * typical)
            process.kill()
            process.communicate()
        began = time.monotonic()
        project.run("x", "--run-id", run)
        typical = max(time.monotonic() - began, 0.2)
        for table in ("t.y", "t.z"):
            assert sorted(row[0] for row in project.rows(table)) == list(range(2 * (number + 1) * ROWS))
    project.run("x")
    check_nothing_left(project)


def test_flags(project, files):
    make_pipeline(project, files)
    assert 'there is no run "0189"' in project.fails("x", "--resume", "0189", expect=2)
    project.run("x", "--run-id", RUN)
    assert "leave --due out" in project.fails("x", "--resume", RUN, "--due", "2001-01-01", expect=2)
    assert project.run("x", "--resume", RUN).named("run.repeated")
    project.copy_pipeline("other", **{"from": "in/*.csv"})
    assert f"run {RUN} was one of x, not of other" in project.fails("other", "--resume", RUN, expect=2)
