"""What cares for tables while it is killed, and while each write fails in turn: the table is as it was or as it
was to be, fsck finds nothing wrong, and gc what was left behind."""

import errno
import json
import os
import pathlib
import random
import shutil
import sqlite3
import time

import pytest
from conftest import SANITIZED

pytest.importorskip("duckdb")

from upserts import Keyed  # noqa: E402

FAIL_WRITE = pathlib.Path(os.environ.get("SLUICE_BIN", "sluice")).parent / "tests/tools/libfail_write.so"
WRITES_MAX = 3000
STEPS = {"alter": 4, "rollback": 2, "load": 4}  # every write of a compaction, and so many of the others apart


class Saved:
    """A project's state, to be there again as often as wanted."""

    def __init__(self, project):
        self.live, self.kept = project.path(".sluice"), project.path("kept")
        shutil.copytree(self.live, self.kept)

    def restore(self):
        shutil.rmtree(self.live)
        shutil.copytree(self.kept, self.live)


def live_files(table):
    return sorted(file["path"] for file in table.manifest())


def rows_read(project):
    result = project.sluice("catalog", "read", "n.t", "--json")
    assert result.exit == 0, str(result)
    return sorted(tuple(row.values()) for row in result.json["rows"])


def state(project, table):
    """What is another one once a change was committed."""
    versions = project.query("SELECT max(version) AS n FROM table_versions WHERE lifecycle = 'active'")
    return versions[0]["n"], live_files(table)


# --- each write of a compaction


def failing(number, error, on, mark):
    environment = {"LD_PRELOAD": str(FAIL_WRITE), "FAIL_AT": str(number), "FAIL_ERROR": str(error)}
    return {**environment, "FAIL_MARK": str(mark), **({"FAIL_ON": "1"} if on else {})}


COMMANDS = {
    "compact": ["catalog", "compact", "n.t", "--buckets", "3"],
    "alter": ["catalog", "alter", "n.t", "--partition-by", "seq"],
    "rollback": ["catalog", "rollback", "n.t", "2"],
    "load": ["run", "x"],
}


@pytest.mark.skipif(SANITIZED, reason="the sanitizer wants to be the first library")
@pytest.mark.parametrize("error, on", [(errno.EIO, False), (errno.ENOSPC, True)], ids=["once", "full"])
@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.timeout(1800)
def test_each_write_fails_in_turn(project, command, error, on):
    table = Keyed(project)
    table.commit("select range as id, 'old' as v, 1 as seq from range(200)")
    table.commit("select range as id, 'new' as v, 2 as seq from range(100, 300)")
    table.commit("select range as id, 3 as seq from range(150, 160)", deletes=True)
    project.write("x.csv", "id,v,seq\n1,loaded,9\n900,loaded,9\n")
    load = {"into": "n.t", "mode": "upsert", "key": ["id"]}
    project.pipeline("x", {"extract": {"x": {"from": "x.csv", "only_new": True}}, "load": {"x": load}})
    saved, mark, old = Saved(project), project.path("failed"), state(project, table)
    before = rows_read(project)
    assert project.sluice(*COMMANDS[command]).exit == 0
    after = rows_read(project)
    assert (before == after) == (command in ("compact", "alter"))
    done = failed = 0
    for number in range(1, WRITES_MAX, STEPS.get(command, 1)):
        saved.restore()
        mark.unlink(missing_ok=True)
        result = project.sluice(*COMMANDS[command], env=failing(number, error, on, mark))
        if not mark.exists():
            assert result.exit == 0, str(result)
            break
        assert result.exit in (0, 1), f"write {number}: {result}"
        assert result.exit == 0 or len(result.errors) == 1, f"write {number}: {result}"
        is_new = state(project, table) != old
        done += is_new
        failed += not is_new
        assert result.exit != 0 or is_new, f"write {number}: it said it was done\n{result}"
        assert rows_read(project) == (after if is_new else before), f"write {number}"
        result = project.sluice("catalog", "fsck")
        assert result.exit == 0, f"write {number}: {result}"
        if number % 3 == 0:
            result = project.sluice("catalog", "gc", "--grace", "0s", "--delete", "--json")
            assert result.exit == 0, f"write {number}: {result}"
            named = {file["path"] for file in project.query("SELECT path FROM files")}
            assert set(project.stored()) == named, f"write {number}"
        if number % 10 == 0:  # with room again it goes on
            assert project.sluice(*COMMANDS[command]).exit == 0 or is_new, f"write {number}"
            assert rows_read(project) == after, f"write {number}"
    else:
        pytest.fail("it never ended without a failure")
    assert failed > 5, (failed, done)
    print(f"{command}: {number - 1} writes, {failed} left the old state, {done} the new one")


# --- kill -9


def catalog_rows(path):
    """All of a catalog, as texts."""
    connection = sqlite3.connect(path)
    names = [n for (n,) in connection.execute("select name from sqlite_schema where type = 'table' order by 1")]
    rows = {n: sorted(map(str, connection.execute(f'select * from "{n}"'))) for n in names}
    connection.close()
    return rows


def seconds_of(project, *command):
    began = time.monotonic()
    result = project.sluice(*command)
    assert result.exit == 0, str(result)
    return time.monotonic() - began


def kill(project, command, delay):
    """True: it was still there to be killed."""
    process = project.start(*command)
    time.sleep(delay)
    alive = process.poll() is None
    process.kill()
    process.communicate()
    return alive


@pytest.fixture
def history(project):
    """A keyed table in two partitions with 25 deltas, some compacted, and a tag."""
    columns = {"id": "BIGINT", "v": "VARCHAR", "seq": "BIGINT", "part": "VARCHAR"}
    table = Keyed(project, columns=columns, key=("id", "part"), partition_by=("part",))
    table.positions = []
    for number in range(8):
        part = "ab"[number % 2]
        select = f"select range as id, 'v{number}' as v, {number} as seq, '{part}' as part from range({number}, 40)"
        table.positions.append(table.commit(select, values=(part,)))
        if number == 4:
            table.compact("--buckets", "2")
    table.catalog("tag", "n.t", "kept", str(table.positions[1]))
    return table


KILLED = {
    "rollback": ["rollback", "n.t", "kept"],
    "expire": ["expire", "n.t", "--before", "7"],
    "columns": ["alter", "n.t", "--rename", "v=w", "--add", "more VARCHAR", "--widen", "seq DECIMAL(21,2)"],
    "partitions": ["alter", "n.t", "--unpartitioned"],
    "compact": ["compact", "n.t", "--full", "--buckets", "4"],
}
KILLS = 25 if not SANITIZED else 6


def looks(project, table):
    """All that a person sees of the table, at each position that is kept."""
    shown = table.catalog("get-table-version", "n.t")
    seen = [shown["version"], shown["columns"], shown.get("first_position"), table.catalog("tags", "n.t")]
    first = shown.get("first_position") or 1
    for at in sorted({first, *(p for p in table.positions if p >= first), shown["position"]}):
        if at > shown["position"]:
            continue
        result = project.sluice("catalog", "read", "n.t", "--at", str(at), "--json")
        assert result.exit == 0, str(result)
        seen.append((at, sorted(map(str, (tuple(row.values()) for row in result.json["rows"])))))
    return json.loads(json.dumps(seen, default=str))


@pytest.mark.parametrize("name", KILLED)
@pytest.mark.timeout(1800)
def test_killed_care(project, history, name):
    seed = int(os.environ.get("KILL_SEED", random.randrange(1 << 32)))
    print(f"KILL_SEED={seed}")  # pytest shows it with a failure
    dice = random.Random(seed)
    saved, command = Saved(project), ["catalog", *KILLED[name]]
    before = looks(project, history)
    typical = seconds_of(project, *command)
    after = looks(project, history)
    kills = ended = 0
    while kills < KILLS:
        saved.restore()
        alive = kill(project, command, dice.uniform(0, typical))
        kills += alive
        typical *= 1.02 if alive else 0.95
        result = project.sluice("catalog", "fsck", "--checksums")
        assert result.exit == 0, str(result)
        now = looks(project, history)
        assert now in (before, after)
        ended += now == after
        if dice.random() < 0.3:  # once more, and it is done
            if now == before:
                assert project.sluice(*command).exit == 0
            assert looks(project, history) == after
            assert project.sluice("catalog", "gc", "--grace", "0s", "--delete").exit == 0
            named = {file["path"] for file in project.query("SELECT path FROM files")}
            assert set(project.stored()) == named
            assert project.spooled() == []
    print(f"{kills} killed, {ended} ended in the new state")


@pytest.mark.parametrize("verb", ["import", "export", "backup"])
@pytest.mark.timeout(900)
def test_killed_copies(project, history, tmp_path, verb):
    """A catalog that was being imported is empty or whole; a file that was being made is not there or whole."""
    dice = random.Random(int(os.environ.get("KILL_SEED", "7")))
    for number in range(300):  # so that it takes a while
        assert project.sluice("catalog", "create-namespace", f"n{number}", "--property", f"a={'x' * 5000}").exit == 0
    database, made = project.path(".sluice/catalog.db"), tmp_path / "made"
    whole, text = catalog_rows(database), tmp_path / "text"
    history.catalog("export", text)
    exported = text.read_bytes().splitlines()[1:-1]  # the first line says when, the last one its checksum
    command = ["catalog", verb, text if verb == "import" else made]

    def clear():
        made.unlink(missing_ok=True)
        if verb == "import":
            for path in project.path(".sluice").glob("catalog.db*"):
                path.unlink()

    clear()
    typical = seconds_of(project, *command)
    kills = done = 0
    while kills < KILLS:
        clear()
        alive = kill(project, command, dice.uniform(0, typical))
        kills += alive
        typical *= 1.02 if alive else 0.95
        if verb == "import":
            empty = project.sluice("catalog", "list-namespaces", "--json").json == []
            assert empty or catalog_rows(database) == whole
            if empty:
                assert project.sluice("catalog", "import", text).exit == 0
                assert catalog_rows(database) == whole
            done += not empty
            continue
        if made.exists():
            if verb == "backup":
                assert catalog_rows(made) == whole
            else:
                lines = made.read_bytes().splitlines()
                assert lines[1:-1] == exported and b"crc32c" in lines[-1]
            done += 1
        else:
            assert project.sluice(*command).exit == 0
        assert [path.name for path in tmp_path.glob("made*")] == ["made"]
        assert catalog_rows(database) == whole
    print(f"{kills} killed, {done} were done")
    if verb != "import":  # what was being made lies beside it under a name of its own, if at all
        left = [path.name for path in tmp_path.iterdir() if path.name not in ("made", "text", "project")]
        assert all(name.startswith(".sluice-") for name in left), left
