"""Rollback, tags, expire, gc, fsck, backup, export and import."""

import csv
import json
import os
import shutil
import signal
import sqlite3
import threading
import time
import uuid

import pytest

pytest.importorskip("duckdb")

from upserts import Keyed  # noqa: E402


@pytest.fixture
def table(project):
    table = Keyed(project)
    table.positions = [
        table.commit("select range as id, 'a' as v, 1 as seq from range(10)"),
        table.commit("select 1 as id, 'b' as v, 2 as seq"),
        table.commit("select 2 as id, 3 as seq", deletes=True),
    ]
    return table


def test_rollback_and_tags(project, table):
    first, second, third = table.positions
    assert table.catalog("tag", "n.t", "good", str(second)) == {"table": "n.t", "position": second}
    assert table.catalog("tag", "n.t", "now")["position"] == third
    assert [(tag["tag"], tag["position"]) for tag in table.catalog("tags", "n.t")] == [
        ("good", second),
        ("now", third),
    ]
    position = table.catalog("rollback", "n.t", "good")["position"]
    assert position > third and table.stored() == table.expected(at=second)
    table.catalog("rollback", "n.t", str(third))
    assert table.stored() == table.expected(at=third)
    table.catalog("untag", "n.t", "good")
    assert [tag["tag"] for tag in table.catalog("tags", "n.t")] == ["now"]
    wrong = project.sluice("catalog", "rollback", "n.t", "good")
    assert wrong.exit == 2 and '"good" is no position, no time and no tag of n.t' in wrong.error
    assert "2001" in project.sluice("catalog", "rollback", "n.t", "2001-01-01").error
    assert project.sluice("catalog", "untag", "n.t", "good").exit == 1
    assert project.sluice("catalog", "rollback", "n.t", "99").exit != 0
    table.catalog("fsck")


def history(table, *flags, name="n.t"):
    return [(line["position"], line["type"]) for line in table.catalog("history", name, *flags)]


def test_history_has_each_commit(project, table):
    first, second, third = table.positions
    deltas = [(third, "delete"), (second, "upsert"), (first, "upsert"), (first - 1, "partition")]
    assert history(table) == deltas
    back = table.catalog("rollback", "n.t", str(first))["position"]
    assert history(table)[:3] == [(back, "rollback"), *deltas[:2]] and history(table, "-n", "1") == [(back, "rollback")]
    again = table.catalog("rollback", "n.t", str(third))["position"]
    assert history(table, "-n", "2") == [(again, "rollback"), (back, "rollback")]
    table.catalog("delete-partition", "n.t")
    assert history(table, "-n", "2")[0] == (again + 1, "removal")
    table.known.clear()
    later = table.commit("select 5 as id, 'later' as v, 9 as seq")
    newest = [(later, "upsert"), (later - 1, "partition"), (again + 1, "removal"), (again, "rollback")]
    assert history(table, "-n", "4") == newest
    text = project.sluice("catalog", "history", "n.t", "-n", "4").stdout.splitlines()
    assert [(int(line.split()[0]), line.split()[1]) for line in text[1:]] == newest


def test_a_rolled_back_table_is_compacted(project, table):
    first, second, third = table.positions
    table.compact("--buckets", "3")
    table.catalog("rollback", "n.t", str(second))
    assert table.stored() == table.expected(at=second)
    table.compact()
    assert table.stored() == table.expected(at=second)
    table.commit("select 77 as id, 'after' as v, 1 as seq")
    table.compact()
    assert len(table.stored()) == 11
    table.catalog("fsck", "--checksums")


def test_expire_keeps_what_tags_hold(project, table):
    first, second, third = table.positions
    table.catalog("tag", "n.t", "old", str(first))
    table.compact()
    late = table.commit("select 3 as id, 'late' as v, 9 as seq")
    table.catalog("expire", "n.t", "--before", str(late))
    assert table.catalog("gc", "--grace", "0s")["files"] <= 2
    table.catalog("fsck")
    table.catalog("untag", "n.t", "old")
    table.catalog("expire", "n.t", "--before", str(late))
    assert table.catalog("gc", "--grace", "0s", "--delete")["removed"] == 3
    assert table.stored() == table.expected()
    assert project.sluice("catalog", "expire", "n.t").exit == 2
    assert table.catalog("expire", "n.t", "--older-than", "1d")["first_position"] >= 1


def shown(project, at=None, name="n.t"):
    """Rows as the program reads them, as Keyed.expected() has them."""
    when = ["--at", str(at)] if at else []
    read = project.sluice("catalog", "read", name, "--format", "csv", *when)
    assert read.exit == 0, str(read)
    rows = csv.reader(read.stdout.splitlines()[1:])
    return sorted((tuple(value or None for value in row) for row in rows), key=str)


def test_expire_forgets_what_is_before_and_nothing_else(project, table):
    first, second, third = table.positions
    table.compact("--full")  # what is read before the third is a partition of its own now
    table.catalog("rollback", "n.t", str(first))
    assert table.catalog("expire", "n.t", "--before", str(second))["first_position"] == second
    assert shown(project, second) == table.expected(at=second)
    assert shown(project, third) == table.expected(at=third)
    assert shown(project) == table.expected(at=first)
    early = project.sluice("catalog", "read", "n.t", "--at", str(first))
    assert early.exit == 2 and f"position {first} of n.t is expired" in early.error
    table.catalog("gc", "--delete", "--grace", "0s")
    assert shown(project, second) == table.expected(at=second)
    table.catalog("expire", "n.t", "--before", str(third))
    assert project.sluice("catalog", "read", "n.t", "--at", str(second)).exit == 2
    assert shown(project, third) == table.expected(at=third)
    table.catalog("fsck", "--checksums")


def test_gc_takes_only_what_is_ours(project, table):
    store = project.path(".sluice/store")
    ours = store / f"n/t/1/{uuid.uuid4()}-x-0.parquet"
    others = [
        store / "n/t/1/notes.parquet",
        store / "n/t/1/notes.txt",
        store / f"n/T!/1/{uuid.uuid4()}-x-0.parquet",
        store / f"n/{uuid.uuid4()}-x-0.parquet",
        store / f"n/t/x/{uuid.uuid4()}-x-0.parquet",
    ]
    for path in [ours, *others]:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"x" * 100)
    assert table.catalog("gc")["young"] == 1
    old = time.time() - 4 * 86400
    for path in [ours, *others]:
        os.utime(path, (old, old))
    said = table.catalog("gc")
    assert [file["path"] for file in said["orphans"]] == [str(ours)] and said["bytes"] == 100
    assert ours.exists()
    assert "--delete" in project.sluice("catalog", "gc").stderr
    assert table.catalog("gc", "--delete")["removed"] == 1
    assert not ours.exists() and all(path.exists() for path in others)
    assert table.stored() == table.expected() and project.spooled() == []


def test_gc_leaves_what_a_live_run_writes(project, table):
    project.pipeline(
        "slow",
        {
            "transform": {"x": {"sql": "select i from range(50000) r(i)"}},
            "load": {"x": {"into": "n.x", "mode": "overwrite"}},
        },
    )
    run = project.start("run", "slow", bufsize=0)
    line = run.stderr.readline()
    while b'"event":"task.started"' not in line:
        line = run.stderr.readline()
        assert line
    os.kill(run.pid, signal.SIGSTOP)  # it holds its lease
    try:
        path = project.path(f".sluice/store/n/x/1/{json.loads(line)['run_id']}-x-9.parquet")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"half")
        said = table.catalog("gc", "--delete", "--grace", "0s")
        assert said["in_use"] >= 1 and said["removed"] == 0 and path.exists()
    finally:
        os.kill(run.pid, signal.SIGCONT)
        ended = project.finish(run)
    assert ended.exit == 0, str(ended)
    said = table.catalog("gc", "--delete", "--grace", "0s")
    assert said["in_use"] == 0 and not path.exists()
    table.catalog("fsck", "--checksums")


def test_gc_of_an_empty_project(project):
    assert json.loads(project.sluice("catalog", "gc", "--json").stdout)["files"] == 0


def test_fsck_finds_each_fault(project, table):
    table.compact()
    assert table.catalog("fsck", "--checksums")["sound"]
    store = project.path(".sluice/store")
    live = [store / file["path"] for file in table.manifest()]
    (path,) = live
    whole = path.read_bytes()
    path.write_bytes(whole[:50] + bytes([whole[50] ^ 1]) + whole[51:])
    assert project.sluice("catalog", "fsck").exit == 0
    result = project.sluice("catalog", "fsck", "--checksums")
    assert result.exit == 1 and len(result.stdout.splitlines()) == 1
    assert str(path) in result.stdout and "is damaged: its checksum is crc32c:" in result.stdout
    path.write_bytes(whole[:-1])
    assert f"has {len(whole) - 1} bytes, and had {len(whole)}" in project.sluice("catalog", "fsck", "n.t").stdout
    path.unlink()
    result = project.sluice("catalog", "fsck", "--json")
    assert result.exit == 1 and len(result.json["faults"]) == 1 and "is gone" in result.json["faults"][0]
    path.write_bytes(whole)
    assert project.sluice("catalog", "fsck").exit == 0
    assert project.sluice("catalog", "fsck", "n.none").exit == 2


def test_fsck_looks_at_every_version(project, table):
    (path, *_) = [project.path(".sluice/store") / file["path"] for file in table.manifest()]
    changed = project.sluice("catalog", "alter", "n.t", "--partition-by", "bucket(2, id)")
    assert changed.exit == 0, str(changed)
    path.unlink()
    for args, exit in (["n.t"], 1), ([], 1), (["n.t", "--version", "1"], 1), (["n.t", "--version", "2"], 0):
        result = project.sluice("catalog", "fsck", *args)
        assert result.exit == exit and (str(path) in result.stdout) == bool(exit), str(result)
    assert project.sluice("catalog", "fsck", "n.t", "--version", "7").exit == 2
    assert project.sluice("catalog", "fsck", "--version", "1").exit == 2


def test_expire_trims_the_positions(project, table):
    times = [row["committed_ms"] for row in project.query("SELECT committed_ms FROM positions ORDER BY position")]
    for n in range(10):
        table.commit(f"select {n} as id, 'x' as v, {10 + n} as seq")
    table.catalog("tag", "n.t", "held", "5")
    table.catalog("expire", "n.t", "--before", "11")
    kept = [row["position"] for row in project.query("SELECT position FROM positions ORDER BY position")]
    assert kept == [1, 5, 6, 10, *range(11, kept[-1] + 1)]
    spans = {row["position"]: row["committed_ms"] for row in project.query("SELECT * FROM positions")}

    def at(ms):
        return project.sluice("catalog", "read", "n.t", "--at", iso(ms), "--format", "csv")

    for ms in (times[0], spans[5], spans[6], spans[10]):
        assert "expired" in at(ms).error
    assert "nothing had been committed" in at(times[0] - 60000).error
    assert project.sluice("catalog", "rollback", "n.t", iso(spans[6])).exit != 0
    assert table.catalog("rollback", "n.t", iso(spans[5]))["position"] == kept[-1] + 1
    table.catalog("untag", "n.t", "held")
    table.catalog("expire", "n.t", "--before", "11")
    assert len(project.query("SELECT * FROM positions")) == len(kept) - 1
    table.catalog("fsck")


def iso(ms):
    from datetime import datetime, timezone

    return datetime.fromtimestamp(ms / 1000, timezone.utc).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def rows_of(path):
    connection = sqlite3.connect(path)
    tables = [name for (name,) in connection.execute("select name from sqlite_schema where type = 'table' order by 1")]
    rows = {name: sorted(map(str, connection.execute(f'select * from "{name}"'))) for name in tables}
    connection.close()
    return rows


def test_the_version_before_stays_readable(project, table):
    first, second, third = table.positions
    table.catalog("tag", "n.t", "held", str(second))
    before = {at: shown(project, at) for at in (first, second, third)}
    table.catalog("alter", "n.t", "--partition-by", "v")
    assert shown(project) == before[third]
    for at, rows in before.items():
        assert shown(project, at, name="n.t@1") == rows
    assert shown(project, "held", name="n.t@1") == before[second]
    assert history(table, name="n.t@1")[0] == (third, "delete")
    assert len(table.catalog("files", "n.t@1")) == 3
    assert table.catalog("tags", "n.t@1")[0]["tag"] == "held" and table.catalog("tags", "n.t") == []
    both = project.sluice("sql", 'select count(*), count(b.id) from n.t a join n."t@1" b using (id)', "--format", "csv")
    assert both.stdout.splitlines()[1] == "9,9", str(both)
    assert "there is no n.t@7" in project.sluice("catalog", "read", "n.t@7").error
    assert project.sluice("catalog", "read", "n.t@x").exit == 2
    assert project.sluice("catalog", "compact", "n.t@1").exit == 2
    table.catalog("fsck", "--checksums")


def test_export_and_import(project, table, tmp_path):
    table.compact()
    table.catalog("tag", "n.t", "v1.0-a_b")
    text = tmp_path / "catalog.ndjson"
    said = table.catalog("export", text)
    assert said["rows"] > 10 and said["bytes"] == text.stat().st_size
    lines = [json.loads(line) for line in text.read_text().splitlines()]
    assert lines[0]["format"] == "sluice-catalog" and lines[-1]["rows"] == said["rows"]
    assert "is there already" in project.sluice("catalog", "export", text).error
    catalog, before = project.path(".sluice/catalog.db"), rows_of(project.path(".sluice/catalog.db"))
    assert "is not empty" in project.sluice("catalog", "import", text).error
    for path in catalog.parent.glob("catalog.db*"):
        path.unlink()
    assert table.catalog("import", text)["rows"] == said["rows"]
    assert rows_of(catalog) == before
    table.catalog("fsck", "--checksums")
    assert table.stored() == table.expected()


@pytest.mark.parametrize("damage", ["cut", "changed", "other", "empty"])
def test_a_damaged_export_is_refused_whole(project, table, tmp_path, damage):
    text = tmp_path / "catalog.ndjson"
    table.catalog("export", text)
    whole = text.read_bytes()
    text.write_bytes(
        {
            "cut": whole[: len(whole) // 2],
            "changed": whole.replace(b'"n"', b'"m"', 1),
            "other": b'{"a": 1}\n',
            "empty": b"",
        }[damage]
    )
    for path in project.path(".sluice").glob("catalog.db*"):
        path.unlink()
    result = project.sluice("catalog", "import", text)
    assert result.exit == 1 and str(text) in result.error
    assert table.catalog("ls") == []


def test_backup_while_others_write(project, table, tmp_path):
    writer = sqlite3.connect(project.path(".sluice/catalog.db"))
    writer.execute("begin immediate")
    copy = tmp_path / "copy.db"
    said = table.catalog("backup", copy)
    writer.rollback()
    writer.close()
    assert said["bytes"] == copy.stat().st_size
    assert rows_of(copy) == rows_of(project.path(".sluice/catalog.db"))
    assert "is there already" in project.sluice("catalog", "backup", copy).error
    assert sorted(path.name for path in tmp_path.glob("copy*")) == ["copy.db"]
    for path in project.path(".sluice").glob("catalog.db*"):
        path.unlink()
    assert "there is none yet" in project.sluice("catalog", "backup", tmp_path / "other.db").error
    shutil.copy(copy, project.path(".sluice/catalog.db"))
    table.catalog("fsck")
    assert table.stored() == table.expected()


def make_large(project, megabytes):
    """Properties of a million bytes, which are allowed."""
    properties = json.dumps({"x": "y" * 1_000_000})
    with sqlite3.connect(project.path(".sluice/catalog.db")) as db:
        for n in range(megabytes):
            db.execute(
                "insert into namespaces (name, properties, created_ms) values (?, ?, 1)",
                (f"large{n}", properties),
            )


def test_a_tag_moves_only_where_that_is_meant(project, table):
    first, second, third = table.positions
    table.catalog("tag", "n.t", "good", str(second))
    table.catalog("tag", "n.t", "good", str(second))  # the same again
    refused = project.sluice("catalog", "tag", "n.t", "good")
    assert refused.exit != 0 and f"holds position {second}" in refused.error and "--move" in refused.error
    assert table.catalog("tags", "n.t")[0]["position"] == second
    table.catalog("tag", "n.t", "good", str(third), "--move")
    assert table.catalog("tags", "n.t")[0]["position"] == third
    long = project.sluice("catalog", "tag", "n.t", "a" * 300)
    assert long.exit == 2 and "255" in long.error


@pytest.fixture
def copies_to(tmp_path):
    (tmp_path / "copies").mkdir()
    return tmp_path / "copies"


def test_backup_ends_while_others_never_pause(project, table, copies_to):
    """SQLite begins a copy anew with each commit of another process, unless it copies one state."""
    path, stop = project.path(".sluice/catalog.db"), threading.Event()
    make_large(project, 24)

    def write():
        db = sqlite3.connect(path, isolation_level=None, timeout=30)
        db.execute("pragma synchronous = off")
        while not stop.is_set():
            db.execute("update namespaces set created_ms = created_ms + 1")
        db.close()

    writer = threading.Thread(target=write)
    writer.start()
    try:
        copied = project.sluice("catalog", "backup", copies_to / "copy.db", timeout=30)
    finally:
        stop.set()
        writer.join()
    assert copied.exit == 0, str(copied)
    (found,) = sqlite3.connect(copies_to / "copy.db").execute("pragma integrity_check").fetchone()
    assert found == "ok" and os.listdir(copies_to) == ["copy.db"]


@pytest.mark.parametrize("command", ["backup", "export"])
def test_what_a_killed_copy_left_goes(project, table, copies_to, command):
    left = copies_to / ".sluice-0123456789abcdef.tmp"
    left.write_bytes(b"half")
    theirs = copies_to / ".sluice-theirs"
    theirs.write_bytes(b"theirs")
    assert project.sluice("catalog", command, copies_to / "copy").exit == 0
    assert sorted(os.listdir(copies_to)) == [theirs.name, "copy"]


def test_backups_to_one_file_at_once(project, table, copies_to):
    make_large(project, 8)
    started = [project.start("catalog", "backup", copies_to / "copy.db") for _ in range(4)]
    results = [project.finish(copy) for copy in started]
    assert sorted(result.exit for result in results) == [0, 1, 1, 1], str(results)
    assert os.listdir(copies_to) == ["copy.db"]
