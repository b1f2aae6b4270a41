"""What goes wrong around a run: disks, permissions, damaged and changing files, limits, damaged
databases, bad SQL. Each is one clear line, nothing is committed, and once mended the next run does
what the failed one would have done."""

import contextlib
import gzip
import os
import signal
import sqlite3
import subprocess
import threading

import pytest
from conftest import unprivileged

ROWS = "id,text\n" + "".join(f"{i},line {i * 7919 % 10007}\n" for i in range(20000))
COUNT = 20000


def failed(project, line, *says):
    for text in says:
        assert text in line, line
    assert project.commits() == []
    assert project.rows("t.x") == []
    project.check_consistent()


def mended(project, rows=COUNT):
    project.run("x")
    assert len(project.rows("t.x")) == rows
    project.check_consistent()


# --- damaged files


def test_truncated_gzip(project):
    content = gzip.compress(ROWS.encode())
    path = project.write("in.csv.gz", content[: len(content) // 2])
    project.copy_pipeline("x", **{"from": "in.csv.gz"})
    failed(
        project,
        project.fails("x"),
        f"extract.x: in.csv.gz: the gzip data ends too early, at byte {len(content) // 2}: the file is "
        "truncated",
    )
    project.write("in.csv.gz", content)
    mended(project)


def test_gzip_cut_at_every_kind_of_place(project):
    """The trailer alone, and where the lost rows end at a line's end: a reader of rows sees nothing."""
    content = gzip.compress(ROWS.encode())
    project.copy_pipeline("x", **{"from": "in.csv.gz"})
    for cut in (1, 4, 8, 9, len(content) - 5):
        project.write("in.csv.gz", content[: len(content) - cut])
        failed(project, project.fails("x"), "truncated")


def test_truncated_zstd(project):
    import pyarrow

    content = pyarrow.compress(ROWS.encode(), codec="zstd", asbytes=True)
    path = project.write("in.csv.zst", content[:-20])
    project.copy_pipeline("x", **{"from": "in.csv.zst"})
    failed(
        project,
        project.fails("x"),
        f"extract.x: in.csv.zst: the zstd data ends too early, at byte {len(content) - 20}: the file is "
        "truncated",
    )
    project.write("in.csv.zst", content)
    mended(project)


@pytest.mark.parametrize("where", [0.02, 0.3, 0.9])
def test_flipped_bit_in_gzip(project, where):
    content = bytearray(gzip.compress(ROWS.encode()))
    content[int(len(content) * where)] ^= 0x10
    path = project.write("in.csv.gz", bytes(content))
    project.copy_pipeline("x", **{"from": "in.csv.gz"})
    failed(project, project.fails("x"), f"extract.x: in.csv.gz: the gzip data is damaged at about byte ")


def test_checksum_of_gzip(project):
    content = bytearray(gzip.compress(ROWS.encode()))
    content[-6] ^= 0x01
    project.write("in.csv.gz", bytes(content))
    project.copy_pipeline("x", **{"from": "in.csv.gz"})
    failed(project, project.fails("x"), "the gzip data is damaged at about byte ", "check")


def test_bytes_behind_gzip(project):
    project.write("in.csv.gz", gzip.compress(ROWS.encode()) + b"and more")
    project.copy_pipeline("x", **{"from": "in.csv.gz"})
    failed(project, project.fails("x"), "8 bytes that are not gzip follow the end of the data")


def test_plain_text_named_gz(project):
    project.write("in.csv.gz", ROWS)
    project.copy_pipeline("x", **{"from": "in.csv.gz"})
    failed(project, project.fails("x"), "in.csv.gz", "gzip")


def test_truncated_parquet(project):
    import pyarrow
    import pyarrow.parquet

    path = project.path("in.parquet")
    pyarrow.parquet.write_table(pyarrow.table({"id": list(range(COUNT))}), path)
    content = path.read_bytes()
    project.copy_pipeline("x", **{"from": "in.parquet"})
    for length in (3, len(content) // 2, len(content) - 1):
        path.write_bytes(content[:length])
        failed(project, project.fails("x"), "extract.x: in.parquet: ")
    path.write_bytes(content)
    mended(project)


def test_huge_line(project):
    path = project.write("in.csv", "id,text\n1,a\n2," + "x" * 20_000_000 + "\n3,c\n")
    project.copy_pipeline("x", **{"from": "in.csv"})
    failed(project, project.fails("x"), "in.csv: line 3: the line is longer than the limit (2,000,000 bytes; NDJSON 8 MiB)")


def test_column_missing_in_a_later_file(project):
    project.write("in/1.csv", ROWS)
    project.copy_pipeline("x", **{"from": "in/*.csv", "columns": {"text": "varchar"}})
    project.run("x")
    path = project.write("in/2.csv", "id,txt\n1,a\n")
    line = project.fails("x")
    assert 'in/2.csv: column "text" is missing; the file has: "txt", "id"' in line, line
    assert len(project.commits()) == 1 and len(project.rows("t.x")) == COUNT
    project.check_consistent()


# --- files that change


def test_file_that_grows_while_it_is_read(project):
    """Either an error, or exactly what the file was at one moment."""
    path = project.write("in.csv", ROWS)
    project.copy_pipeline("x", **{"from": "in.csv"})
    stop = threading.Event()
    written = [COUNT]

    def grow():
        with open(path, "a") as file:
            while not stop.is_set():
                file.write(f"{written[0]},more\n")
                file.flush()
                written[0] += 1

    writer = threading.Thread(target=grow)
    writer.start()
    try:
        result = project.sluice("run", "x")
    finally:
        stop.set()
        writer.join()
    assert written[0] > COUNT
    if result.exit == 0:
        ids = [row[0] for row in project.rows("t.x")]
        assert ids == list(range(len(ids))) and len(ids) >= COUNT
    else:
        assert result.exit == 1, str(result)
        assert f"{path} has changed since the run began" in result.error
        failed(project, result.error)
        mended(project, written[0])


def test_file_that_is_replaced_while_it_is_read(project):
    """Two versions of one file in turn: a table has the rows of one of them."""
    path = project.path("in.csv")
    versions = [ROWS.replace("line", word) for word in ("odd", "even")]
    path.write_text(versions[0])
    overwrite = {
        "extract": {"x": {"from": "in.csv"}},
        "load": {"x": {"into": "t.x", "mode": "overwrite"}},
    }
    project.pipeline("x", overwrite)
    stop = threading.Event()

    def replace():
        turn = 0
        while not stop.is_set():
            turn += 1
            other = project.path("other.csv")
            other.write_text(versions[turn % 2])
            os.replace(other, path)

    writer = threading.Thread(target=replace)
    writer.start()
    try:
        results = [project.sluice("run", "x") for _ in range(4)]
    finally:
        stop.set()
        writer.join()
    for result in results:
        assert result.exit in (0, 1), str(result)
        if result.exit == 1:
            assert "has changed since the run began" in result.error, str(result)
    rows = project.rows("t.x")
    assert len({text.split()[0] for _, text in rows}) <= 1 and len(rows) in (0, COUNT)
    project.run("x")
    assert len(project.rows("t.x")) == COUNT


def test_file_that_goes_away(project):
    """Gone between the plan and the reading: the run is held in between."""
    import signal

    path = project.write("in/1.csv", ROWS)
    project.write("in/2.csv", ROWS)
    project.pipeline(
        "x",
        {
            "extract": {"x": {"from": "in/*.csv", "only_new": True, "after": ["transform.slow"]}},
            "transform": {"slow": {"sql": "select count(*) as n from range(300000000) r(i) where hash(i) = 1"}},
            "load": {"x": {"into": "t.x"}, "slow": {"into": "t.slow", "mode": "overwrite"}},
        },
    )
    process = project.start("run", "x", bufsize=0)
    while b'"event":"task.started"' not in (line := process.stderr.readline()):
        assert line
    process.send_signal(signal.SIGSTOP)
    path.unlink()
    process.send_signal(signal.SIGCONT)
    result = project.finish(process)
    assert result.exit == 1, str(result)
    assert f"{path} is gone: it was there when the run began" in result.error
    failed(project, result.error)


# --- permissions


def run_unprivileged(project, *args):
    done = subprocess.run(
        [*unprivileged(), os.environ["SLUICE_BIN"], *args],
        cwd=project.root,
        env=project.environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    errors = [line for line in done.stderr.splitlines() if line.startswith("sluice: ")]
    return done.returncode, errors, done.stderr


@pytest.fixture
def closed():
    """closed(path, mode): permissions that the test ends with."""
    before = []

    def close(path, mode):
        before.append((path, os.stat(path).st_mode))
        os.chmod(path, mode)

    yield close
    for path, mode in reversed(before):
        os.chmod(path, mode)


def test_unreadable_file(project, closed):
    path = project.write("in.csv", ROWS)
    project.copy_pipeline("x", **{"from": "in.csv"})
    closed(path, 0)
    code, errors, log = run_unprivileged(project, "run", "x")
    assert code == 1, log
    assert len(errors) == 1 and f"cannot open {path}: Permission denied" in errors[0], log
    failed(project, errors[0])
    path.chmod(0o644)
    mended(project)


def test_unreadable_folder_is_not_an_empty_one(project, closed):
    project.write("in/a/1.csv", ROWS)
    project.write("in/b/1.csv", ROWS)
    project.copy_pipeline("x", **{"from": "in/**/*.csv"})
    closed(project.path("in/b"), 0)
    code, errors, log = run_unprivileged(project, "run", "x")
    assert code == 1, log
    assert len(errors) == 1 and f"{project.path('in/b')}: Permission denied" in errors[0], log
    failed(project, errors[0])


def test_what_reads_works_in_a_read_only_project(project, closed):
    """SQLite cannot make its log's files there, so that the databases are read as they are."""
    project.write("in.csv", ROWS)
    project.copy_pipeline("x", **{"from": "in.csv"})
    project.run("x")
    closed(project.path(".sluice"), 0o555)
    for words in (["health"], ["runs"], ["catalog", "ls"], ["plan", "x"], ["catalog", "read", "t.x", "--limit", "1"]):
        code, errors, log = run_unprivileged(project, *words)
        assert (code, errors) == (0, []), (words, log)


def test_read_only_project_folder(project, closed):
    project.write("in.csv", ROWS)
    project.copy_pipeline("x", **{"from": "in.csv"})
    closed(project.root, 0o555)
    code, errors, log = run_unprivileged(project, "run", "x")
    assert code == 1, log
    assert len(errors) == 1 and ".sluice" in errors[0] and "Permission denied" in errors[0], log
    code, errors, log = run_unprivileged(project, "validate", "x")
    assert (code, errors) == (0, []), log
    code, errors, log = run_unprivileged(project, "plan", "x")
    assert (code, errors) == (0, []), log
    os.chmod(project.root, 0o755)
    mended(project)


def test_catalog_that_may_not_be_written(project, closed):
    project.write("in/1.csv", ROWS)
    project.copy_pipeline("x", **{"from": "in/*.csv"})
    project.run("x")
    project.write("in/2.csv", ROWS)
    for name in os.listdir(project.path(".sluice")):
        if name.startswith("catalog.db"):
            closed(project.path(f".sluice/{name}"), 0o444)
    closed(project.path(".sluice"), 0o555)
    code, errors, log = run_unprivileged(project, "run", "x")
    assert code == 1, log
    assert len(errors) == 1 and "it cannot be written" in errors[0], log
    os.chmod(project.path(".sluice"), 0o755)
    assert len(project.rows("t.x")) == COUNT


def test_store_that_may_not_be_written(project, closed):
    project.write("in/1.csv", ROWS)
    project.copy_pipeline("x", **{"from": "in/*.csv"})
    project.run("x")
    project.write("in/2.csv", ROWS)
    closed(project.path(".sluice/store/t/x/1"), 0o555)
    code, errors, log = run_unprivileged(project, "run", "x")
    assert code == 1, log
    assert len(errors) == 1 and "Permission denied" in errors[0] and "/t/x/1" in errors[0], log
    assert len(project.rows("t.x")) == COUNT
    project.check_consistent()
    os.chmod(project.path(".sluice/store/t/x/1"), 0o755)
    mended(project, 2 * COUNT)


def test_log_folder_that_may_not_be_written(project, closed):
    project.write("in.csv", ROWS)
    project.copy_pipeline("x", **{"from": "in.csv"})
    logs = project.path(".sluice/logs")
    logs.mkdir(parents=True)
    closed(logs, 0o555)
    code, errors, log = run_unprivileged(project, "run", "x")
    assert code == 1, log
    assert len(errors) == 1 and str(logs) in errors[0] and "Permission denied" in errors[0], log
    assert project.commits() == []


def test_export_folder_that_may_not_be_written(project, closed):
    """The commit stands, the file waits: the next run puts it there."""
    project.write("in.csv", ROWS)
    project.pipeline(
        "x",
        {
            "extract": {"x": {"from": "in.csv", "only_new": True}},
            "load": {"x": {"into": "t.x"}, "out": {"from": "x", "to": "out/${run.id}.csv"}},
        },
    )
    out = project.path("out")
    out.mkdir()
    closed(out, 0o555)
    code, errors, log = run_unprivileged(project, "run", "x")
    assert code == 1, log
    assert len(errors) == 1 and "the run was committed, but a file is not yet in its place" in errors[0]
    assert len(project.rows("t.x")) == COUNT and os.listdir(out) == []
    out.chmod(0o755)
    project.run("x")
    assert len(os.listdir(out)) == 1
    (path,) = out.iterdir()
    assert path.read_text() == ROWS
    assert len(project.rows("t.x")) == COUNT
    project.check_consistent()


def test_export_whose_staged_file_is_lost(project):
    """A place that says "no such file" is no sign that the file was published before."""
    project.write("in.csv", ROWS)
    pipeline = {"extract": {"x": {"from": "in.csv", "repeat": True}}}
    project.pipeline("x", pipeline | {"load": {"x": {"to": "/proc/sluice-test/${run.id}.csv"}}})
    assert "the run was committed, but a file is not yet in its place" in project.fails("x")
    project.pipeline("x", pipeline | {"load": {"x": {"to": "out/${run.id}.csv"}}})
    assert "a file of run" in project.fails("x")
    (staged,) = [name for name in project.spooled() if str(name).endswith("x-export")]
    os.unlink(project.path(".sluice/spool") / staged)
    done = project.run("x")
    (lost,) = done.named("file.lost")
    assert "/proc/sluice-test/" in lost["msg"] and "load it again" in lost["msg"]
    assert len(os.listdir(project.path("out"))) == 1
    assert project.run("x").named("file.lost") == []


def test_a_run_that_was_thought_dead_deletes_nothing_of_its_twin(project):
    """The state is lost while a run works, and its scheduler starts the same run again."""
    run_id = "01a1fd28-3333-7308-97e2-fed41dae0a2f"
    project.write("in.csv", ROWS)
    project.pipeline(
        "x",
        {
            "extract": {"x": {"from": "in.csv", "only_new": True}},
            "load": {
                "x": {
                    "into": "t.x",
                    "checks": [{"sql": "select count(*) > 0 from x a, x b, x c where a.id + b.id = c.id"}],
                }
            },
        },
    )
    first = project.start("run", "x", "--run-id", run_id)
    while not project.stored():  # then it is at its check, which takes long
        assert first.poll() is None
    os.kill(first.pid, signal.SIGSTOP)
    for path in project.path(".sluice").glob("state.db*"):
        path.unlink()
    text = project.path("pipelines/x.yaml").read_text()
    project.path("pipelines/x.yaml").write_text(text.replace("where a.id", "where c.id = 1 and a.id"))
    project.run("x", "--run-id", run_id)
    os.kill(first.pid, signal.SIGINT)
    os.kill(first.pid, signal.SIGCONT)
    assert project.finish(first).exit == 130
    assert len(project.rows("t.x")) == COUNT
    project.check_consistent()


# --- history


def test_history_is_repaired_where_it_lacks_a_commit_and_nowhere_else(project):
    project.pipeline(
        "x",
        {"extract": {"x": {"from": "in*.csv", "only_new": True}}, "load": {"x": {"into": "t.x"}}},
    )
    for n in range(3):
        project.write(f"in{n}.csv", "id\n1\n")
        project.run("x")
    commits = project.commits()
    project.path(".sluice/state.db").unlink()
    project.run("x")
    succeeded = "SELECT run_id, record FROM runs WHERE outcome = 'succeeded' ORDER BY started_ms"
    found = project.query(succeeded, database=".sluice/state.db")
    assert [row["run_id"] for row in found] == commits

    with sqlite3.connect(project.path(".sluice/state.db")) as state:
        state.execute("UPDATE runs SET record = '{}' WHERE outcome = 'succeeded'")
        state.execute(
            "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 200)"
            " INSERT INTO runs SELECT 'later-' || i, pipeline, instance, due_ms, started_ms + i,"
            "   finished_ms + i, outcome, 0, 0, NULL, '{}' FROM runs, n WHERE outcome = 'nothing_new'"
        )
    state.close()
    project.run("x")
    found = project.query(succeeded, database=".sluice/state.db")
    assert [row["record"] for row in found] == ["{}"] * 3


# --- full disks


def test_what_reads_works_on_a_full_disk(project, small_disk):
    project.write("in.csv", ROWS)
    project.copy_pipeline("x", **{"from": "in.csv"})
    small_disk(project.path(".sluice"), "2m")
    project.run("x")
    with open(project.path(".sluice/fill"), "wb", buffering=0) as fill, contextlib.suppress(OSError):
        while fill.write(b"x" * 4096):
            pass
    for words in (["health"], ["runs"], ["catalog", "ls"]):
        result = project.sluice(*words)
        assert (result.exit, result.errors) == (0, []), str(result)


@pytest.mark.parametrize("folder,size", [("spool", "256k"), ("store", "512k"), ("", "1m")])
def test_full_disk(project, small_disk, folder, size):
    project.write("in.csv", "id,text\n" + "".join(f"{i},{os.urandom(25).hex()}\n" for i in range(COUNT)))
    project.copy_pipeline("x", **{"from": "in.csv"})
    resize = small_disk(project.path(f".sluice/{folder}"), size)
    result = project.sluice("run", "x")
    assert result.exit == 1, str(result)
    assert "No space left on device" in result.error or "make room" in result.error, str(result)
    failed(project, result.error)
    resize("50m")
    mended(project)


def test_full_disk_of_an_export(project, small_disk):
    project.write("in.csv", ROWS)
    project.pipeline(
        "x",
        {
            "extract": {"x": {"from": "in.csv", "only_new": True}},
            "load": {"x": {"into": "t.x"}, "out": {"from": "x", "to": "out/${run.id}.csv"}},
        },
    )
    resize = small_disk(project.path("out"), "64k")
    result = project.sluice("run", "x")
    assert result.exit == 1, str(result)
    assert "No space left on device" in result.error, str(result)
    assert os.listdir(project.path("out")) == [], "a part of a file"
    resize("50m")
    project.run("x")
    (path,) = project.path("out").iterdir()
    assert path.read_text() == ROWS
    assert len(project.rows("t.x")) == COUNT
    project.check_consistent()


# --- limits


def test_threads_that_nobody_named_fit_into_the_memory(project):
    """Else the default memory would be refused where there are many processors."""
    project.write("in.csv", ROWS)
    project.pipeline(
        "x",
        """
        resources: {memory: 230MiB}
        extract: {x: {from: in.csv, only_new: true}}
        load: {x: {into: t.x}}
        """,
    )
    if len(os.sched_getaffinity(0)) < 2:
        pytest.skip("one processor: there is nothing to lower")
    assert project.run("x").exit == 0


def test_memory_that_is_too_small(project):
    project.write("in.csv", ROWS)
    project.write(
        "pipelines/x.yaml",
        """\
        resources: {memory: 64MiB, threads: 4}
        extract:
          x: {from: in.csv, only_new: true}
        load:
          x: {into: t.x}
        """,
    )
    line = project.fails("x", expect=2)
    assert line.startswith("pipelines/x.yaml:1:13: resources.memory: a run with 4 threads needs ")
    failed(project, line, "raise it, or lower resources.threads")


def test_spool_quota(project):
    project.write("in.csv", ROWS + "".join(f"{i},{os.urandom(20).hex()}\n" for i in range(100000)))
    project.pipeline(
        "x",
        {
            "resources": {"spool": "1MiB"},
            "extract": {"x": {"from": "in.csv", "only_new": True}},
            "load": {"x": {"into": "t.x"}},
        },
    )
    failed(
        project,
        project.fails("x"),
        "pipelines/x.yaml:3:5: extract.x: the run's own files take ",
        ", more than resources.spool (1.0 MiB): raise it, or read less in one run",
    )


def test_spool_quota_of_what_is_unpacked(project):
    project.write("in.csv.gz", gzip.compress(ROWS.encode() + b"1,2\n" * 1000000))
    project.pipeline(
        "x",
        {
            "resources": {"spool": "1MiB"},
            "extract": {"x": {"from": "in.csv.gz", "only_new": True}},
            "load": {"x": {"into": "t.x"}},
        },
    )
    assert project.fails("x").endswith(
        "in.csv.gz: it unpacks to more than resources.spool (1.0 MiB): raise it"
    )


# --- damaged databases


@pytest.mark.parametrize("name", ["catalog", "state"])
def test_database_that_is_none(project, name):
    project.write("in.csv", ROWS)
    project.copy_pipeline("x", **{"from": "in.csv"})
    path = project.write(f".sluice/{name}.db", b"this is not a database at all\n" * 500)
    line = project.fails("x")
    assert line == (
        f"{name} {path}: this is no SQLite database; restore it from a backup or move it away"
    )
    health = project.sluice("health", "x")
    assert health.exit == 4, str(health)
    assert f"{name} {path}: this is no SQLite database" in health.stdout, str(health)
    path.unlink()
    mended(project)


@pytest.mark.parametrize("name", ["catalog", "state"])
def test_database_of_something_else(project, name):
    project.write("in.csv", ROWS)
    project.copy_pipeline("x", **{"from": "in.csv"})
    path = project.path(f".sluice/{name}.db")
    path.parent.mkdir()
    connection = sqlite3.connect(path)
    connection.execute("create table mine (a)")
    connection.commit()
    connection.close()
    content = path.read_bytes()
    line = project.fails("x")
    assert line == f"{name} {path}: this is the database of something else; name another file"
    assert path.read_bytes() == content


@pytest.mark.parametrize("name", ["catalog", "state"])
def test_database_with_damaged_pages(project, name):
    project.write("in/1.csv", ROWS)
    project.copy_pipeline("x", **{"from": "in/*.csv"})
    project.run("x")
    project.write("in/2.csv", ROWS)
    path = project.path(f".sluice/{name}.db")
    content = bytearray(path.read_bytes())
    for page in range(1, len(content) // 4096):
        content[page * 4096 : page * 4096 + 2000] = b"\xee" * 2000
    path.write_bytes(content)
    for tail in ("-wal", "-shm"):
        path.with_name(path.name + tail).unlink(missing_ok=True)
    line = project.fails("x")
    assert f"{name} {path}: the file is damaged" in line


def test_state_that_was_deleted(project):
    """The catalog alone is the truth: the history is made anew from it, and fences go on growing."""
    project.copy_pipeline("x", **{"from": "in/*.csv"})
    for number in (1, 2):
        project.write(f"in/{number}.csv", ROWS)
        project.run("x")
    first = project.commits()
    fence = project.query("SELECT max(fence) AS fence FROM fences")[0]["fence"]
    for path in project.path(".sluice").glob("state.db*"):
        path.unlink()
    project.write("in/3.csv", ROWS)
    project.run("x")
    history = project.sluice("runs", "x", "--json").json
    assert {run["run_id"] for run in history} == set(project.commits())
    assert set(first) < set(project.commits())
    assert all(run["outcome"] == "succeeded" and run["rows"] == COUNT for run in history)
    assert project.query("SELECT max(fence) AS fence FROM fences")[0]["fence"] > fence
    assert len(project.rows("t.x")) == 3 * COUNT
    project.check_consistent()


def test_catalog_locked_by_another_process(project):
    project.write("in.csv", ROWS)
    project.copy_pipeline("x", **{"from": "in.csv"})
    project.run("x")
    project.write("in.csv", ROWS + f"{COUNT},y\n")
    connection = sqlite3.connect(project.path(".sluice/catalog.db"))
    connection.execute("begin exclusive")
    process = project.start("run", "x")
    result = project.finish(process, timeout=100)
    connection.rollback()
    connection.close()
    assert result.exit == 75, str(result)
    assert "locked by another process" in result.error
    project.run("x")


def test_data_file_that_was_deleted(project):
    project.write("in.csv", ROWS)
    project.copy_pipeline("x", **{"from": "in.csv"})
    project.run("x")
    (file,) = project.files("t.x")
    os.unlink(file["path"])
    result = project.sluice("catalog", "read", "t.x")
    assert result.exit == 1, str(result)
    assert file["path"] in result.error


# --- SQL


def sql_pipeline(project, sql):
    project.write("in.csv", "id,text\n1,a\n2,b\n")
    indented = "\n".join("      " + line for line in sql.splitlines())
    project.write(
        "pipelines/x.yaml",
        "extract:\n  x: {from: in.csv}\n  strikes: {from: in.csv}\ntransform:\n  y:\n    sql: |\n"
        + indented
        + "\nload:\n  y: {into: t.x, mode: overwrite}\n",
    )


@pytest.mark.parametrize(
    "sql,place,says",
    [
        ("select idd\nfrom x", "7:14", 'column "idd"'),
        ("select id,\n  nofunction(text)\nfrom x", "8:9", "nofunction"),
        ("select id from x\nwhere text::integer > 0", None, "Could not convert string 'a' to INT32"),
        ("select error('no, said ' || text)::varchar as e from x", None, "no, said a"),
        ("selec id from x", "7:7", "selec"),
        ("select id from x;\nselect 2", None, "one"),
        ("delete from x", None, "SELECT"),
        ("select id from strike", "7:22", 'no dataset is called "strike"; did you mean "strikes"?'),
        ("select $since from x", "7:14", "since"),
    ],
)
def test_sql_that_fails(project, sql, place, says):
    sql_pipeline(project, sql)
    result = project.sluice("run", "x")
    assert result.exit in (1, 2), str(result)
    line = result.error.removeprefix("sluice: ")
    assert line.startswith(f"pipelines/x.yaml:{place}: " if place else "pipelines/x.yaml:"), line
    assert "transform.y.sql: " in line and says in line, line
    failed(project, line)


OUTSIDE = [
    "select * from read_csv('{secret}')",
    "select * from '{secret}'",
    "select * from read_text('/etc/passwd')",
    "select * from read_blob('in.csv')",
    "select * from glob('/etc/*')",
    "select (select count(*) from read_csv('{secret}')) as n from x",
    "select * from read_parquet('.sluice/store/**/*.parquet')",
    "select * from sqlite_scan('.sluice/catalog.db', 'commits')",
    "select getenv('HOME') as h from x",
    "select * from read_csv('http://127.0.0.1:9/x.csv')",
    "from x select *, (select content from read_text('{secret}'))",
]


@pytest.mark.parametrize("sql", OUTSIDE)
def test_sql_reaches_no_other_files(project, sql):
    secret = project.write("secret.csv", "s\ntop-secret\n")
    sql_pipeline(project, sql.format(secret=secret))
    result = project.sluice("run", "x")
    assert result.exit in (1, 2), str(result)
    assert "top-secret" not in result.stderr
    assert result.error.startswith("sluice: pipelines/x.yaml:7:"), str(result)
    failed(project, result.error)


def test_session_settings_cannot_be_changed(project):
    for sql in ("set enable_external_access = true", "attach 'x.db'", "copy x to 'y.csv'", "pragma version"):
        sql_pipeline(project, sql)
        line = project.fails("x", expect=2)
        assert line.startswith("pipelines/x.yaml:7:7: transform.y.sql: "), line
    assert not project.path("y.csv").exists()
