"""sluice catalog compact and alter over tables made of deltas: what is read stays what it was, whatever
is killed, replaced or committed meanwhile."""

import json
import random
import time

import pytest

pytest.importorskip("duckdb")

from upserts import Keyed  # noqa: E402


def fill(table, dice, deltas=8, rows=300, values=None):
    """Random upserts and deletes; a key stays in its partition."""
    for number in range(deltas):
        deletes = dice.random() < 0.3
        start, count = dice.randrange(rows), dice.randrange(1, rows)
        for value in values or [()]:
            where = f"where part = '{value[0]}'" if value else ""
            part = "case when id % 2 = 0 then 'a/b' else 'ü' end as part"
            select = f"""select * from (select range as id, 'v{number} ' || range as v,
                ({dice.randrange(20)} + range % 3)::bigint as seq, {part}
                from range({start}, {start + count})) {where}"""
            table.commit(select, deletes=deletes and number > 0, values=value)


COLUMNS = {"id": "BIGINT", "v": "VARCHAR", "seq": "BIGINT", "part": "VARCHAR"}


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("buckets", [[], ["--buckets", "5"]], ids=["chosen", "five"])
def test_what_is_read_stays(project, seed, buckets):
    dice = random.Random(seed)
    partitioned = seed % 2 == 1
    values = [("a/b",), ("ü",)] if partitioned else None
    table = Keyed(
        project,
        columns=COLUMNS,
        key=("id", "part") if partitioned else ("id",),
        sequence="seq" if seed >= 2 else None,
        partition_by=("part",) if partitioned else (),
    )
    if seed >= 2:  # else what was deleted is forgotten, and older rows may come back
        with_tombstones(project, 30 * 86400 * 1000)
    for turn in range(3):
        fill(table, dice, values=values)
        before = table.expected()
        assert table.stored() == before
        said = table.compact(*(buckets if turn == 0 else []))
        assert said["compacted"] == len(values or [1]), said
        assert table.stored() == before
        live = table.manifest()
        assert all(file["bucket"] >= 1 for file in live)
        assert seed >= 2 or all(file["content"] == "data" for file in live)
        assert all(file["checksum"] and json.loads(file["stats"]) for file in live)
        assert table.compact()["compacted"] == 0
    table.catalog("fsck", "--checksums")
    assert project.spooled() == []


def test_a_bucket_without_news_keeps_its_files(project):
    table = Keyed(project)
    table.commit("select range as id, 'old' as v, 1 as seq from range(1000)")
    table.compact("--buckets", "8", "--full")
    before = {file["path"] for file in table.manifest()}
    table.commit("select 7 as id, 'new' as v, 2 as seq")
    said = table.compact()["partitions"][0]
    after = {file["path"] for file in table.manifest()}
    assert len(before) == len(after) == 8 and len(before & after) == 7
    assert said["files_rewritten"] == 2
    assert table.stored() == table.expected()


def test_buckets_change_by_a_full_round_alone(project):
    table = Keyed(project, columns=COLUMNS, key=("id", "part"), partition_by=("part",))
    fill(table, random.Random(1), values=[("a/b",), ("ü",)])
    table.compact("--buckets", "3")
    wrong = project.sluice("catalog", "compact", "n.t", "--buckets", "4", "--partition", "ü")
    assert wrong.exit == 2 and "--partition" in wrong.error
    said = table.compact("--buckets", "4")
    assert said["buckets"] == 4 and said["compacted"] == 2
    assert max(file["bucket"] for file in table.manifest()) == 4
    assert table.stored() == table.expected()


def test_small_files_become_large_ones_in_their_order(project):
    table = Keyed(project, key=())
    for number in range(6):
        table.commit(f"select range + {number * 100} as id, 'x' as v, 1 as seq from range(100)")
    dry = table.compact("--dry-run")
    assert dry["partitions"][0]["files_rewritten"] == 6 and len(table.manifest()) == 6
    assert table.compact()["compacted"] == 1
    (file,) = table.manifest()
    ids = table.db.execute(f"select id from '{project.data_file(file['path'])}'").fetchall()
    assert [id for (id,) in ids] == list(range(600))
    assert table.compact()["compacted"] == 0
    assert project.sluice("catalog", "compact", "n.t", "--buckets", "2").exit == 2


def test_positions_stay_readable_and_gc_frees_the_rest(project):
    table = Keyed(project)
    first = table.commit("select range as id, 'a' as v, 1 as seq from range(10)")
    table.commit("select 1 as id, 'b' as v, 2 as seq")
    table.compact()
    table.commit("select 2 as id, 'c' as v, 2 as seq")
    assert table.stored() == table.expected()
    assert table.catalog("gc", "--grace", "0s")["files"] == 0
    table.catalog("expire", "n.t", "--before", str(first + 2))
    gone = table.catalog("gc", "--grace", "0s")
    assert gone["files"] == 2 and not gone["deleted"]
    assert table.catalog("gc", "--grace", "1h")["young"] == 2
    assert table.catalog("gc", "--grace", "0s", "--delete")["removed"] == 2
    assert table.stored() == table.expected()
    table.catalog("fsck", "--checksums")


def test_writers_go_on_meanwhile(project):
    table = Keyed(project)
    fill(table, random.Random(2), rows=2000)
    compaction = project.start("catalog", "compact", "n.t", "--buckets", "7", "--json")
    for number in range(5):
        table.commit(f"select range as id, 'late {number}' as v, 99 as seq from range({number * 10})")
    result = project.finish(compaction)
    assert result.exit == 0, str(result)
    assert table.stored() == table.expected()
    table.compact()
    assert table.stored() == table.expected()


def test_two_at_once(project):
    table = Keyed(project)
    fill(table, random.Random(3), rows=2000)
    both = [project.start("catalog", "compact", "n.t", "--json") for _ in range(2)]
    exits = sorted(project.finish(one).exit for one in both)
    assert exits in ([0, 0], [0, 75])
    assert table.stored() == table.expected()


def test_tombstones_keep_late_updates_from_reviving(project):
    table = Keyed(project, sequence="seq")
    table.commit("select 1 as id, 'a' as v, 5 as seq union all select 2, 'a', 5")
    table.commit("select 1 as id, 9 as seq", deletes=True)
    with_tombstones(project, 30 * 86400 * 1000)
    table.compact()
    assert {file["content"] for file in table.manifest()} == {"data", "deletes"}
    table.commit("select 1 as id, 'late' as v, 7 as seq")
    assert table.stored() == table.expected() and len(table.stored()) == 1
    table.compact()
    assert table.stored() == table.expected() and len(table.stored()) == 1
    # A newer row is one again, also beside a tombstone that is kept; then their time is over.
    table.commit("select 1 as id, 'back' as v, 10 as seq")
    table.compact()
    assert table.stored() == table.expected() and len(table.stored()) == 2
    table.commit("select 2 as id, 11 as seq", deletes=True)
    table.compact()
    assert table.stored() == table.expected() and len(table.stored()) == 1
    with_tombstones(project, 1)
    time.sleep(0.01)
    assert table.compact()["compacted"] == 1
    assert {file["content"] for file in table.manifest()} == {"data"}
    assert table.stored() == table.expected()


def with_tombstones(project, ms):
    import sqlite3

    connection = sqlite3.connect(project.path(".sluice/catalog.db"))
    with connection:
        connection.execute("update table_versions set tombstones_ms = ?", (ms,))
    connection.close()


def test_everything_deleted(project):
    table = Keyed(project)
    table.commit("select range as id, 'a' as v, 1 as seq from range(10)")
    table.commit("select range as id, 2 as seq from range(10)", deletes=True)
    table.compact()
    assert table.stored() == table.expected() == []
    table.commit("select 3 as id, 'b' as v, 1 as seq")
    table.compact()
    assert table.stored() == table.expected()
    table.catalog("fsck")


def test_alter(project):
    table = Keyed(project, key=())
    for number in range(3):
        table.commit(f"select range + {number * 10} as id, 'x' as v, range % 2 as seq from range(10)")
    before = table.stored()
    said = table.catalog("alter", "n.t", "--partition-by", "seq", "--key", "id")
    assert said["version"] == 2 and said["rows_after"] == 30
    shown = table.catalog("show", "n.t")
    assert shown["partition_by"] == ["seq"] and shown["version"] == 2 and shown["rows"] == 30
    live = [f for f in table.manifest() if f["path"].startswith("n/t/2/")]
    assert sorted({f["partition_values"] for f in live}) == ['["0"]', '["1"]']
    paths = [project.data_file(f["path"]) for f in live]
    rows = table.db.execute(f"select id::varchar, v, seq::varchar from read_parquet({paths})").fetchall()
    assert sorted(rows, key=str) == before
    # Not unique, not there: nothing changes.
    assert "2 values of the new key" in table.project.sluice("catalog", "alter", "n.t", "--key", "seq").error
    assert project.sluice("catalog", "alter", "n.t", "--key", "none").exit == 2
    assert table.catalog("show", "n.t")["version"] == 2
    assert project.sluice("catalog", "alter", "n.t").exit == 2
    table.catalog("fsck", "--checksums")
    assert table.catalog("gc", "--grace", "0s")["files"] == 0


def test_killed_at_any_moment(project):
    table = Keyed(project)
    dice = random.Random(5)
    fill(table, dice, deltas=6, rows=3000)
    kills = 0
    started = time.monotonic()
    project.sluice("catalog", "compact", "n.t", "--dry-run")
    for attempt in range(25):
        table.commit(f"select range as id, 'n{attempt}' as v, 50 as seq from range({attempt * 10}, 3000)")
        process = project.start("catalog", "compact", "n.t", "--buckets", str(3 + attempt % 2))
        time.sleep(dice.uniform(0, 0.35))
        kills += process.poll() is None
        process.kill()
        project.finish(process)
        result = project.sluice("catalog", "fsck")
        assert result.exit == 0, str(result)
        assert table.stored() == table.expected(), attempt
    assert kills > 5, time.monotonic() - started
    # What they left behind is removed by the next one.
    table.compact("--full")
    assert table.stored() == table.expected()
    assert table.catalog("gc", "--grace", "0s")["files"] == 0
    assert project.spooled() == []


PIPELINE = """
name: people
extract:
  src: {from: "people-*.csv", only_new: true}
load:
  src: {into: demo.people, mode: upsert, key: [id], file_size: 1MiB, compact: {deltas: 3}}
"""


def test_a_load_compacts_once_there_is_enough(project):
    project.pipeline("people", PIPELINE)
    for number in range(4):
        project.write(f"people-{number}.csv", f"id,name\n1,n{number}\n{number + 10},x\n")
        result = project.run("people")
        started = result.named("compact.started")
        assert len(started) == (number == 2), str(result)
        for event in started + result.named("compact.finished"):
            assert event["pipeline"] == "people" and event["table"] == "demo.people"
    assert [file["position"] for file in project.files("demo.people")] == [3, 4]
    shown = project.sluice("catalog", "read", "demo.people", "--sql", "select * from people order by id", "--json")
    assert [row["name"] for row in shown.json["rows"]] == ["n3", "x", "x", "x", "x"]
    assert project.spooled() == []
    project.sluice("catalog", "fsck")


def test_a_compaction_that_fails_fails_no_run(project):
    project.pipeline("people", PIPELINE)
    for number in range(3):
        project.write(f"people-{number}.csv", f"id,name\n1,n{number}\n")
        if number == 2:
            for path in project.path(".sluice/store").rglob("*.parquet"):
                path.unlink()
        result = project.run("people")
    (finished,) = result.named("compact.finished")
    assert finished["level"] == "warn" and finished["outcome"] == "failed" and ".parquet" in finished["error"]
    assert result.named("run.finished")[0]["outcome"] == "succeeded"
    assert project.sluice("catalog", "fsck").exit == 1
    assert project.spooled() == []
