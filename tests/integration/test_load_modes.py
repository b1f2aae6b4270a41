"""Loads into tables with a key, and into parts of a table, against models: upserts and deletes in
DuckDB, histories in a few lines of Python."""

import datetime
import io
import json
import random
import threading

import duckdb
import merged
import pyarrow
import pyarrow.parquet
import pytest
from lake import Lake

DAY = datetime.date
UTC = datetime.timezone.utc


def pipeline(project, name="x", columns=None, sql=None, **load):
    content = {"extract": {"x": {"from": f"{name}.parquet"}}, "load": {"x": load}}
    if sql:
        content["extract"] = {"raw": {"from": f"{name}.parquet"}}
        content["transform"] = {"x": {"sql": sql}}
    load.setdefault("into", "t.x")
    project.pipeline(name, content)


def put(project, rows, schema, name="x"):
    """The next dataset; its columns come in any order."""
    table = pyarrow.Table.from_pylist(rows, schema=schema)
    names = list(schema.names)
    random.Random(len(rows)).shuffle(names)
    pyarrow.parquet.write_table(table.select(names), project.path(f"{name}.parquet"))


# --- upserts and deletes against DuckDB

SCHEMA = pyarrow.schema(
    [
        ("k1", pyarrow.int64()),
        ("k2", pyarrow.string()),
        ("part", pyarrow.string()),
        ("day", pyarrow.date32()),
        ("v", pyarrow.float64()),
        ("seq", pyarrow.int32()),
        ("op", pyarrow.string()),
    ]
)

LAYOUTS = {
    "whole": [],
    "by_key": ["k2"],
    "moving": ["part"],
    "month": ["month(day)"],
    "bucket": ["bucket(3, k1)", "truncate(1, k2)"],
    "mixed": ["k2", "part"],
    "by_sequence": ["seq"],
}


def batch(rng):
    return [
        {
            "k1": rng.randrange(25),
            "k2": rng.choice(["a", "b'", 'c"/é']),
            "part": rng.choice(["p", "q", None, "r/s"]),
            "day": DAY(2024, rng.randrange(1, 4), 7),
            "v": rng.choice([None, 0.5, -1.0, rng.random()]),
            "seq": rng.choice([None, *range(12)]),
            "op": rng.choice("UUUD"),
        }
        for _ in range(rng.randrange(1, 40))
    ]


class Model:
    """All that ever came; which of it counts is one query."""

    def __init__(self, sequence):
        self.database = duckdb.connect()
        self.database.execute(
            "create table log (batch int, n int, k1 bigint, k2 text, part text, day date,"
            " v double, seq int, op text)"
        )
        self.order = "seq nulls first, batch, n" if sequence else "batch, n"
        self.batches = 0

    def add(self, rows):
        self.batches += 1
        self.database.executemany(
            "insert into log values (?, ?, ?, ?, ?, ?, ?, ?, ?)",
            [(self.batches, n, *row.values()) for n, row in enumerate(rows)],
        )

    def rows(self):
        cursor = self.database.execute(
            f"""select k1, k2, part, day, v, seq, op from
                  (select *, last_value(rowid) over (partition by k1, k2 order by {self.order}
                     rows between unbounded preceding and unbounded following) as best, rowid as own
                   from log)
                where own = best and op <> 'D' order by k1::text, k2"""
        )
        names = [column[0] for column in cursor.description]
        return [dict(zip(names, row)) for row in cursor.fetchall()]


@pytest.mark.parametrize("sequence", [None, "seq"], ids=["arrival", "sequence"])
@pytest.mark.parametrize("layout", LAYOUTS)
def test_random_upserts_and_deletes(project, layout, sequence):
    rng = random.Random(f"{layout} {sequence}")
    model = Model(sequence)
    load = {"mode": "upsert", "key": ["k1", "k2"], "delete_when": "op = 'D'"}
    if LAYOUTS[layout]:
        load["partition_by"] = LAYOUTS[layout]
    if sequence:
        load["sequence_by"] = sequence
    pipeline(project, **load)
    for _ in range(6):
        rows = batch(rng)
        put(project, rows, SCHEMA)
        project.run("x")
        model.add(rows)
        assert merged.read(project, "t.x", ["k1", "k2"], sequence) == model.rows()
    project.check_consistent()


def test_rows_that_are_deleted_by_key_alone(project):
    rng = random.Random(5)
    keys = pyarrow.schema([("k2", pyarrow.string()), ("k1", pyarrow.int64())])
    model = Model(None)
    pipeline(project, mode="upsert", key=["k1", "k2"], partition_by=["part"])
    pipeline(project, "d", mode="delete", key=["k1", "k2"], partition_by=["part"])
    for _ in range(4):
        rows = [{**row, "op": "U"} for row in batch(rng)]
        put(project, rows, SCHEMA)
        project.run("x")
        model.add(rows)
        gone = [{**row, "op": "D"} for row in batch(rng)]
        put(project, [{"k1": row["k1"], "k2": row["k2"]} for row in gone], keys, "d")
        project.run("d")
        model.add(gone)
        assert merged.read(project, "t.x", ["k1", "k2"]) == model.rows()


def test_a_rerun_of_the_same_run_changes_nothing(project):
    run_id = "0193b6f0-0000-7000-8000-000000000001"
    put(project, [{"k1": 1, "k2": "a", "op": "U"}], SCHEMA)
    pipeline(project, mode="upsert", key=["k1", "k2"], partition_by=["part"])
    project.run("x", "--run-id", run_id)
    put(project, [{"k1": 2, "k2": "a", "op": "U"}], SCHEMA)
    project.run("x", "--run-id", run_id)
    assert [row["k1"] for row in merged.read(project, "t.x", ["k1", "k2"])] == [1]


# --- what is refused

SMALL = pyarrow.schema([("id", pyarrow.int64()), ("region", pyarrow.string()), ("v", pyarrow.int64())])


def named(rows):
    return [dict(zip(SMALL.names, row)) for row in rows]


def all_rows(project):
    """Of a table without a key."""
    rows = [entry[3] for entry in merged.entries(project, "t.x")]
    return sorted((row["id"], row["region"], row["v"]) for row in rows)


def small(project, rows, **load):
    put(project, named(rows), SMALL)
    pipeline(project, **{"mode": "upsert", "key": ["id", "region"], **load})


def test_a_null_key_names_the_row(project):
    small(project, [(1, "a", 1), (2, "b", 1), (None, "c", 1), (3, None, 1)])
    error = project.fails("x", expect=3)
    assert 'load.x.key: row 3 of x has no value in the column "id"' in error
    assert "region c" not in error  # rows are data
    settings = project.path("sluice.yaml")
    settings.write_text(settings.read_text().replace("level: debug", "level: debug, samples: true"))
    assert "(region c)" in project.fails("x", expect=3)
    assert project.commits() == []


def test_append_and_another_key_are_refused(project):
    small(project, [(1, "a", 1)])
    project.run("x")
    small(project, [(1, "a", 1)], key=["id"])
    assert "the key of the table t.x is [id, region]" in project.fails("x", expect=2)
    project.pipeline(
        "x",
        {
            "extract": {"x": {"from": "x.parquet", "repeat": True}},
            "load": {"x": {"into": "t.x"}},
        },
    )
    assert "the table t.x has a key (id, region)" in project.fails("x", expect=2)


def test_duplicates_are_counted(project):
    small(project, [(1, "a", 1), (1, "a", 2), (1, "b", 3), (1, "a", 4)])
    result = project.run("x")
    assert [event["duplicates"] for event in result.named("load.duplicates")] == [2]
    assert [row["v"] for row in merged.read(project, "t.x", ["id", "region"])] == [4, 3]


def test_limits(project):
    small(project, [(n, "a", n) for n in range(10)])
    project.run("x")
    limited = {"limits": {"deletes": "20%"}, "delete_when": "v < 0"}
    small(project, [(n, "a", -1) for n in range(3)], **limited)
    assert "3 of the 10 rows of t.x would be deleted, more than 20%" in project.fails("x", expect=3)
    small(project, [(n, "a", -1) for n in range(2)], **limited)
    project.run("x")
    assert len(merged.read(project, "t.x", ["id", "region"])) == 8
    small(project, [(7, "a", 0)], limits={"rewrite": 1})
    assert "limits.rewrite" in project.fails("x", expect=3)


@pytest.mark.parametrize("sequence", [None, "v"])
@pytest.mark.parametrize("layout", [[], ["region"], ["v"]], ids=str)
def test_shares_are_of_rows_that_are_there(project, layout, sequence):
    load = {"key": ["id"], "delete_when": "region = 'd'", "limits": {"deletes": "20%"}}
    load |= {"partition_by": layout} if layout else {}
    load |= {"sequence_by": sequence} if sequence else {}
    for n in range(3):
        small(project, [(k, "a", n) for k in range(10)], **load)
        project.run("x")
    small(project, [(k, "d", 9) for k in range(3)], **load)
    assert "3 of the 10 rows of t.x would be deleted, more than 20%" in project.fails("x", expect=3)
    small(project, [(k, "d", 9) for k in (1, 2, 70)], **load)
    project.run("x")
    assert len(merged.read(project, "t.x", ["id"], sequence)) == 8


def test_limits_of_overwrites(project):
    load = {"partition_by": ["region"], "limits": {"deletes": 1}}
    small(project, [(n, "a", n) for n in range(4)] + [(9, "b", 9)], partition_by=["region"])
    project.run("x")
    small(project, [(1, "a", 1), (2, "a", 1)], mode="overwrite_partitions", **load)
    assert "2 of the 5 rows of t.x would be deleted, more than 1;" in project.fails("x", expect=3)
    small(project, [(n, "b", n) for n in range(3)], mode="overwrite", **load)
    assert "limits.deletes" in project.fails("x", expect=3)
    small(project, [(n, "a", 1) for n in range(3)], mode="overwrite_partitions", **load)
    project.run("x")
    assert [row["v"] for row in merged.read(project, "t.x", ["id", "region"])] == [1, 1, 1, 9]


def test_limits_of_overwrites_without_a_key(project):
    def load(count, **load):
        put(project, named([(n, "a", n) for n in range(count)]), SMALL)
        pipeline(project, mode="overwrite", **load)

    load(10)
    project.run("x")
    load(8, limits={"deletes": "10%"})
    assert "2 of the 10 rows of t.x would be deleted, more than 10%" in project.fails("x", expect=3)
    load(9, limits={"deletes": "10%"})
    project.run("x")
    assert len(all_rows(project)) == 9


def test_no_rows_for_partitions(project):
    put(project, [], SMALL)
    pipeline(project, mode="overwrite_partitions", partition_by=["region"], on_empty="fail")
    assert "no rows to overwrite t.x with" in project.fails("x", expect=3)
    pipeline(project, mode="overwrite_partitions", partition_by=["region"], on_empty="keep")
    assert project.run("x").named("load.empty")


# --- values and names


@pytest.mark.parametrize("layout", [[], ["k"], ["part"]], ids=str)
def test_zero_has_one_key_whatever_its_sign(project, layout):
    schema = pyarrow.schema([("k", pyarrow.float64()), ("part", pyarrow.string())])
    load = {"partition_by": layout} if layout else {}
    pipeline(project, mode="upsert", key=["k"], **load)
    for rows in ([(0.0, "a"), (1.0, "a")], [(-0.0, "b")]):
        put(project, [{"k": k, "part": part} for k, part in rows], schema)
        project.run("x")
    assert [row["part"] for row in merged.read(project, "t.x", ["k"])] == ["b", "a"]


def test_a_partition_of_large_numbers(project):
    schema = pyarrow.schema([("k", pyarrow.uint64())])
    put(project, [{"k": 2**64 - 1}, {"k": 7}], schema)
    pipeline(project, mode="overwrite", partition_by=["k"])
    project.run("x")
    assert sorted(row[3]["k"] for row in merged.entries(project, "t.x")) == [7, 2**64 - 1]


@pytest.mark.parametrize("load", [{"mode": "scd2", "key": ["id"]}, {"mode": "overwrite", "sort_by": ["v", "id desc"]}], ids=str)
def test_a_column_without_a_value_yet(project, load):
    put(project, named([(1, "a", None), (2, "a", None)]), SMALL)
    pipeline(project, sql="select id, region, null as v from raw", **load)
    project.run("x")
    rows = merged.read(project, "t.x", ["id"])
    assert [(row["id"], row.get("v")) for row in rows] == [(1, None), (2, None)]


def test_names_that_statements_have(project):
    rows = pyarrow.schema([("id", pyarrow.int64()), ("seq", pyarrow.int64()), ("_deleted", pyarrow.string())])
    for part in ("p", "q"):
        put(project, [{"id": 1, "seq": 1, "_deleted": part}], rows)
        pipeline(project, mode="upsert", key=["id"], sequence_by="seq", partition_by=["_deleted"])
        project.run("x")
    assert [row["_deleted"] for row in merged.read(project, "t.x", ["id"], "seq")] == ["q"]
    put(project, [{"id": 1, "_Sluice_rank": 5}], pyarrow.schema([("id", pyarrow.int64()), ("_Sluice_rank", pyarrow.int64())]))
    pipeline(project, mode="upsert", key=["id"], into="t.y")
    assert 'load.x.key: column "_Sluice_rank" of x' in project.fails("x", expect=2)


# --- update


def test_update_when_and_unchanged(project):
    small(project, [(1, "a", 5), (2, "a", 5)])
    project.run("x")
    small(project, [(1, "a", 4), (2, "a", 6), (3, "a", 1)], update={"when": "new.v > old.v -- greater"})
    project.run("x")
    assert [row["v"] for row in merged.read(project, "t.x", ["id", "region"])] == [5, 6, 1]
    files = len(list(merged.entries(project, "t.x")))
    small(project, [(1, "a", 5), (2, "a", 7), (3, "a", None)], update={"unchanged": "skip"})
    project.run("x")
    assert [row["v"] for row in merged.read(project, "t.x", ["id", "region"])] == [5, 7, None]
    assert len(list(merged.entries(project, "t.x"))) == files + 2
    small(project, [(1, "a", 5)], update={"when": "new.nothing > 1"})
    assert "load.x.update.when" in project.fails("x")


# --- parts of a table


def test_overwrite_partitions(project):
    pipeline(project, mode="overwrite_partitions", partition_by=["region"])
    put(project, named([(1, "a", 1), (2, "b", 1), (3, None, 1)]), SMALL)
    project.run("x")
    put(project, named([(4, "a", 2), (5, None, 2)]), SMALL)
    project.run("x")
    assert all_rows(project) == [(2, "b", 1), (4, "a", 2), (5, None, 2)]


def test_scope_of_overwrite_partitions(project):
    def load(rows, scope):
        put(project, named(rows), SMALL)
        pipeline(project, mode="overwrite_partitions", partition_by=["region"], scope=scope)

    load([(1, "a", 1), (2, "b", 1), (3, "c", 1)], "true")
    project.run("x")
    load([(4, "a", 2), (5, "c", 2)], "region in ('a', 'b')")
    assert "1 of the 2 rows of x are not in scope" in project.fails("x", expect=3)
    load([(4, "a", 2)], "region in ('a', 'b')")
    project.run("x")
    assert all_rows(project) == [(3, "c", 1), (4, "a", 2)]
    load([(4, "a", 2), (6, "c", 9)], "region = 'a' or id > 5")
    project.run("x")
    load([(7, "d", 7), (8, "d", 8)], "id > 6")
    project.run("x")
    load([(8, "d", 9)], "id > 7")
    assert "partly in scope" in project.fails("x", expect=3)
    project.check_consistent()


def test_a_row_that_moves_out_of_a_partition_that_stays(project):
    small(project, [(1, "a", 1), (2, "b", 1)], key=["id"], partition_by=["region"])
    project.run("x")
    small(project, [(1, "c", 2)], key=["id"], partition_by=["region"], mode="overwrite_partitions")
    project.run("x")
    rows = merged.read(project, "t.x", ["id"])
    assert [(row["id"], row["region"]) for row in rows] == [(1, "c"), (2, "b")]


def test_an_overwrite_with_a_key_has_each_key_once(project):
    small(project, [(1, "a", 1), (1, "a", 2)], mode="overwrite")
    project.run("x")
    assert all_rows(project) == [(1, "a", 2)]


# --- histories


def history(rows):
    def text(time):
        return time and time.astimezone(UTC).isoformat()

    return sorted(
        ([r["id"], r["region"], text(r["valid_from"]), text(r["valid_to"])] for r in rows), key=str
    )


class History:
    def __init__(self):
        self.rows = []  # [id, region, from, to]

    def load(self, state, at, close):
        for key, region in state.items():
            now = [row for row in self.rows if row[0] == key and row[3] is None]
            if now and now[0][1] == region:
                continue
            if now:
                now[0][3] = at
            self.rows.append([key, region, at, None])
        for row in self.rows:
            if close and row[3] is None and row[0] not in state:
                row[3] = at


@pytest.mark.parametrize("close", [False, True], ids=["keep", "close"])
@pytest.mark.parametrize("layout", [[], ["region"], ["month(valid_from)"], ["month(valid_to)"]], ids=str)
def test_random_histories(project, close, layout):
    rng = random.Random(f"{close} {layout}")
    model = History()
    load = {"mode": "scd2", "key": ["id"], "track": ["region"], "absent": "close" if close else "keep"}
    if layout:
        load["partition_by"] = layout
    pipeline(project, **load)
    for day in range(1, 7):
        state = {rng.randrange(12): rng.choice(["a", "b", None]) for _ in range(rng.randrange(1, 9))}
        put(project, [{"id": k, "region": r, "v": day} for k, r in state.items()], SMALL)
        due = f"2024-0{day}-01T00:00:00+00:00"
        project.run("x", "--due", due.replace("+00:00", "Z"))
        model.load(state, due, close)
        rows = merged.read(project, "t.x", ["id", "valid_from"])
        assert history(rows) == sorted(model.rows, key=str)
    files = len(project.files("t.x"))
    project.run("x", "--due", due.replace("+00:00", "Z"))
    assert len(project.files("t.x")) == files  # the same again changes nothing
    project.check_consistent()


def test_the_past_may_come_late(project):
    schema = pyarrow.schema(
        [("id", pyarrow.int64()), ("region", pyarrow.string()), ("since", pyarrow.date32())]
    )
    pipeline(project, mode="scd2", key=["id"], as_of="since")
    for rows in ([("a", 1), ("c", 5)], [("b", 3), ("a", 2)], [("c", 9)], [("x", 5)]):
        put(project, [{"id": 1, "region": r, "since": DAY(2024, 1, d)} for r, d in rows], schema)
        project.run("x")
    rows = sorted(merged.read(project, "t.x", ["id", "valid_from"]), key=lambda row: row["valid_from"])
    assert [(r["region"], r["valid_from"].day, r["valid_to"] and r["valid_to"].day) for r in rows] == [
        ("a", 1, 3),  # what said so again at 2 is left out
        ("b", 3, 5),
        ("x", 5, None),  # in the place of c, as was said later; c at 9 said nothing new then
    ]


def test_a_moment_that_is_told_again(project):
    """Who is absent then ends when it began, and stays ended whatever else comes late."""
    def load(ids, due):
        put(project, named([(n, "a", 1) for n in ids]), SMALL)
        project.run("x", "--due", due + "T00:00:00Z")

    def spans():
        rows = merged.read(project, "t.x", ["id", "valid_from"])
        days = [(r["id"], r["valid_from"].day, r["valid_to"] and r["valid_to"].day) for r in rows]
        return sorted(days, key=str)

    pipeline(project, mode="scd2", key=["id"], absent="close")
    load([1, 2], "2024-01-05")
    load([1], "2024-01-05")
    assert spans() == [(1, 5, None), (2, 5, 5)]
    load([1, 3], "2024-01-03")
    assert spans() == [(1, 3, 5), (1, 5, None), (2, 5, 5), (3, 3, None)]
    load([1, 2, 3], "2024-01-05")
    assert spans() == [(1, 3, 5), (1, 5, None), (2, 5, None), (3, 3, None)]


@pytest.mark.parametrize("absent", ["keep", "close"])
def test_a_history_of_no_rows(project, absent):
    pipeline(project, mode="scd2", key=["id"], absent=absent)
    for rows in ([], [(1, "a", 1)], []):
        put(project, named(rows), SMALL)
        project.run("x")
    assert [row["valid_to"] for row in merged.read(project, "t.x", ["id", "valid_from"])] == [None]


# --- together


def test_two_pipelines_into_one_table_at_once(project):
    names = ["x", "y"]
    for name in names:
        pipeline(project, name, mode="upsert", key=["id"], partition_by=["region"])
        rows = [{"id": n, "region": name, "v": 1} for n in range(50)]
        put(project, rows, SMALL, name)
    project.run("x")
    conflicts = []

    def work(name):
        for _ in range(5):
            conflicts.extend(project.run(name).named("commit.conflict"))

    threads = [threading.Thread(target=work, args=(name,)) for name in names]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    rows = merged.read(project, "t.x", ["id"])
    assert [row["id"] for row in sorted(rows, key=lambda row: row["id"])] == list(range(50))
    assert len({row["region"] for row in rows}) == 1
    assert all("somebody else was faster" in event["msg"] for event in conflicts)
    project.check_consistent()


def test_two_pipelines_that_make_one_table_at_once(project):
    """One makes it; the other one finds another schema, and is run again."""
    wide = SMALL.append(pyarrow.field("more", pyarrow.string()))
    pipeline(project, "x", mode="upsert", key=["id"])
    pipeline(project, "y", mode="upsert", key=["id"])
    put(project, [{"id": n, "region": "x", "v": n} for n in range(20)], SMALL, "x")
    put(project, [{"id": n, "region": "y", "v": n, "more": "m"} for n in range(10, 30)], wide, "y")
    threads = [threading.Thread(target=project.run, args=(name,)) for name in ("x", "y")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    rows = merged.read(project, "t.x", ["id"])
    assert sorted(row["id"] for row in rows) == list(range(30))
    assert set(project.columns("t.x")) == {"id", "region", "v", "more"}
    project.check_consistent()


def test_plan_says_what_is_looked_up(project):
    small(project, [(1, "a", 1)], key=["id"], partition_by=["region"])
    project.run("x")
    plan = json.loads(project.sluice("plan", "x", "--json").stdout)
    load = [task for task in plan["tasks"] if task["task"] == "load.x"][0]
    assert load["lookup_files"] == load["rewrite_files"] == 1
    assert "looks up 1 file" in project.sluice("plan", "x").stdout


def test_upserts_in_s3(on_weed, s3, bucket):
    """Look-ups fetch what is stored; what a row leaves behind is a file of deletes there."""
    lake = Lake(on_weed, s3, bucket)
    project = lake.project
    project.data_file = lambda key: io.BytesIO(lake.get(lake.key(key)))
    for region in ("a", "b"):
        small(project, [(1, region, 1), (2, "a", 2)], key=["id"], partition_by=["region"])
        project.run("x")
    contents = project.query("SELECT path, content FROM files ORDER BY path")
    assert sorted(file["content"] for file in contents) == ["data"] * 3 + ["deletes"]
    rows = merged.read(project, "t.x", ["id"])
    assert [(row["id"], row["region"], row["v"]) for row in rows] == [(1, "b", 1), (2, "a", 2)]


def test_files_have_checksums_and_bounds(project):
    small(project, [(1, "a", 1), (5, "b", None)])
    project.run("x")
    file = project.query("SELECT path, checksum, stats FROM files")[0]
    assert file["checksum"].startswith("crc32c:") and len(file["checksum"]) == 15
    stats = json.loads(file["stats"])
    by_name = {row["name"]: str(row["field_id"]) for row in project.query("SELECT * FROM columns")}
    assert stats[by_name["id"]] == {"min": "1", "max": "5", "nulls": 0}
    assert stats[by_name["v"]] == {"min": "1", "max": "1", "nulls": 1}
