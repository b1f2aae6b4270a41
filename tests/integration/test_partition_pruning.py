"""Partitions that a condition leaves out by their values: what `catalog read` gives under random
conditions is what DuckDB gives of all the rows."""

import json
import random
import re

import duckdb
from test_catalog_read import read

COLUMNS = """
    select i::bigint as id, {n} as n, {dec} as dec,
      case when i % 11 = 0 then null else ['', 'a', 'ab', 'abc', 'äb', 'ä', 'b', '😀x', 'z']
        [1 + (hash(i + {seed}) % 9)::int] end as t,
      case when i % 13 = 0 then null else date '1999-12-20' + (hash(i + {seed} + 1) % 60)::int end as d,
      case when i % 17 = 0 then null
        else timestamp '1969-12-30 20:00:00.5' + interval 1 minute * (hash(i + {seed} + 2) % 9000)::int end as ts,
      case when i % 19 = 0 then null
        else timestamptz '2001-02-27 22:30:00+00' + interval 1 minute * (hash(i + {seed} + 3) % 9000)::int end as tz,
      i % 3 = 0 as b, (hash(i) % 4)::double / 8 as f
    from range({low}, {high}) s(i)"""

CONSTANTS = {
    "n": lambda r: r.choice(["0", "-10", "7", "-1", "20", "35", "3.5", "'12'", "100"]),
    "dec": lambda r: r.choice(["0", "-1.5", "2.25", "2.250", "10", "-3", "9.99", "'4.50'"]),
    "t": lambda r: r.choice(["''", "'a'", "'ab'", "'abc'", "'ä'", "'äb'", "'b'", "'😀'", "'zz'", "'A'"]),
    "d": lambda r: r.choice(["'1999-12-31'", "date '2000-01-01'", "'2000-02-01'", "date '2000-01-15'", "'1998-01-01'"]),
    "ts": lambda r: r.choice(
        ["'1969-12-31 23:59:59.999999'", "timestamp '1970-01-01'", "date '1970-01-02'", "'1970-01-03 04:05:00.5'"]
    ),
    "tz": lambda r: r.choice(
        ["'2001-02-28 00:00:00+00'", "timestamptz '2001-03-01 01:00:00+02'", "'2001-02-28 23:30:00-03:30'"]
    ),
    "b": lambda r: r.choice(["true", "false"]),
    "f": lambda r: r.choice(["0", "0.125", "0.2", "1"]),
}

PARTITIONS = [
    ["n"], ["dec"], ["t"], ["d"], ["ts"], ["tz"], ["b"], ["f"],
    ["truncate(10, n)"], ["truncate(50, dec)"], ["truncate(1, t)"], ["truncate(2, t)"],
    ["bucket(5, n)"], ["bucket(5, t)"], ["bucket(5, d)"], ["bucket(4, ts)"], ["bucket(4, tz)"], ["bucket(3, dec)"],
    ["year(d)"], ["month(d)"], ["day(d)"], ["year(ts)"], ["day(ts)"], ["hour(ts)"],
    ["month(tz)"], ["day(tz)"], ["hour(tz)"],
    ["b", "truncate(1, t)"], ["month(d)", "bucket(2, n)"],
]  # fmt: skip


def condition(rng):
    column = rng.choice(list(CONSTANTS))
    kind = rng.randrange(10)
    one, two = CONSTANTS[column](rng), CONSTANTS[column](rng)
    if kind == 0:
        return f"{column} is null"
    if kind == 1:
        return f"{column} is not null"
    if kind == 2:
        return f"{column} in ({one}, {two})"
    if kind == 3:
        return f"{column} between {one} and {two}"
    return f"{column} {rng.choice(['=', '=', '<', '<=', '>', '>='])} {one}"


def load(project, database, part, partition_by, sql, again=False):
    """A delta of t.x<part> with rows that the database has, too."""
    database.execute(f"create or replace temp table delta as {sql}")
    database.execute("insert into x select * from delta" if again else "create table x as from delta")
    database.execute(f"copy delta to '{project.path(f'x{part}.parquet')}' (format parquet)")
    project.pipeline(
        f"x{part}",
        {
            "extract": {"x": {"from": f"x{part}.parquet", "repeat": True}},
            "load": {"x": {"into": f"t.x{part}", "partition_by": partition_by}},
        },
    )
    project.run(f"x{part}")


def test_random_conditions_on_partitioned_tables(project):
    seed = random.SystemRandom().randrange(1 << 30)
    print("seed", seed)
    rng = random.Random(seed)
    skipped = {}
    for part, partition_by in enumerate(rng.sample(PARTITIONS, 5)):
        database = duckdb.connect()
        database.execute("set timezone = 'UTC'")
        ints, decimals = "(hash(i) % 60)::int - 20", "(((hash(i) % 60)::int - 20)::decimal(6, 2) / 4)::decimal(6, 2)"
        load(project, database, part, partition_by,
             COLUMNS.format(n=ints, dec=decimals, low=0, high=150, seed=seed))  # fmt: skip
        # What partitions are not made of becomes wider.
        fixed = " ".join(partition_by)
        if not re.search(r"\bn\b", fixed):
            database.execute("alter table x alter n type decimal(12, 1)")
            ints = f"({ints})::decimal(12, 1) + 0.5"
        if not re.search(r"\bdec\b", fixed):
            database.execute("alter table x alter dec type decimal(9, 3)")
            decimals = f"(({decimals}) + 0.125)::decimal(9, 3)"
        load(project, database, part, partition_by,
             COLUMNS.format(n=ints, dec=decimals, low=150, high=250, seed=seed), again=True)  # fmt: skip
        for _ in range(12):
            where = " and ".join(condition(rng) for _ in range(rng.choice([1, 1, 2])))
            rows, files = read(project, f"t.x{part}", "--columns", "id", "--where", where)
            expected = database.execute(f"select id from x where {where}").fetchall()
            assert sorted(rows) == sorted(expected), f"seed {seed}: by {partition_by}: {where}"
            skipped[partition_by[0]] = skipped.get(partition_by[0], 0) + files[2]
    assert sum(skipped.values()) > 0, skipped


def lose_statistics(project):
    """What is left out now is left out by the values of partitions alone."""
    import sqlite3

    with sqlite3.connect(project.path(".sluice/catalog.db")) as database:
        database.execute("UPDATE files SET stats = NULL")
    database.close()


def test_values_alone_leave_partitions_out(project):
    database = duckdb.connect()
    sql = "select i::int as id, i % 4 as p, case when i < 90 then 'a' || i % 2 end as t, date '2001-01-30' + (i % 4)::int as d from range(100) s(i)"
    load(project, database, 1, ["p"], sql)
    database.execute("drop table x")
    load(project, database, 2, ["bucket(8, id)"], sql)
    database.execute("drop table x")
    load(project, database, 3, ["month(d)", "t"], sql)
    lose_statistics(project)
    assert read(project, "t.x1", "--columns", "id", "--where", "p = 3 and id < 6") == ([(3,)], (1, 4, 3))
    assert read(project, "t.x1", "--columns", "id", "--where", "p > 3")[1] == (0, 4, 4)
    rows, files = read(project, "t.x2", "--columns", "id", "--where", "id = 77")
    assert rows == [(77,)] and files == (1, 8, 7)
    assert read(project, "t.x2", "--columns", "id", "--where", "id > 77")[1] == (8, 8, 0)
    all_files = read(project, "t.x3")[1][1]
    rows, files = read(project, "t.x3", "--columns", "id", "--where", "d >= date '2001-02-01' and t is null")
    assert len(rows) == 6 and files == (1, all_files, all_files - 1)
    plan = read(project, "t.x3", "--where", "t = 'a1' and d < '2001-02-01'")
    assert plan[1] == (1, all_files, all_files - 1)


def test_rows_that_moved_to_another_partition(project):
    """The old partition's deletes are read with its rows, the new one is left out."""

    def upsert(rows):
        project.write("k.ndjson", "".join(json.dumps(row) + "\n" for row in rows))
        project.pipeline("k", {
            "extract": {"k": {"from": "k.ndjson", "columns": {"id": "bigint", "p": "varchar"}}},
            "load": {"k": {"into": "t.k", "mode": "upsert", "key": ["id"], "partition_by": ["p"]}},
        })  # fmt: skip
        project.run("k")

    upsert([{"id": n, "p": "ab"[n % 2]} for n in range(6)])
    upsert([{"id": 0, "p": "b"}, {"id": 1, "p": "b"}])
    lose_statistics(project)
    rows, files = read(project, "t.k", "--columns", "id", "--where", "p = 'a'")
    assert sorted(rows) == [(2,), (4,)] and files[2] > 0
    rows, files = read(project, "t.k", "--columns", "id", "--where", "p = 'b'")
    assert sorted(rows) == [(0,), (1,), (3,), (5,)] and files[2] > 0


# --- conditions of a pipeline's SQL


SELECT = "select id, p from o where p = 'b' and id >= $least"


def copy(project, sql=SELECT, **more):
    project.pipeline("copy", {
        "params": {"least": {"type": "int", "default": "0"}},
        "extract": {"o": {"from": "catalog://t.o"}, **more.pop("extract", {})},
        "transform": {"c": {"sql": sql, **more.pop("options", {})}, **more.pop("transform", {})},
        "load": {"c": {"into": "t.c", "mode": "overwrite"}, **more.pop("load", {})},
    })  # fmt: skip


def source(project, count=3):
    """t.o: `count` deltas of ten rows, ids in order, p is a or b: two files each."""
    for n in range(count):
        project.write("o.ndjson", "".join(json.dumps({"id": 10 * n + i, "p": "ab"[i % 2]}) + "\n" for i in range(10)))
        project.pipeline("o", {
            "extract": {"o": {"from": "o.ndjson", "repeat": True, "columns": {"p": "varchar"}}},
            "load": {"o": {"into": "t.o", "partition_by": ["p"]}},
        })  # fmt: skip
        project.run("o")


def table_read(result):
    (event,) = result.named("table.read")
    return event["files"], event["skipped"]


def test_conditions_of_the_only_reader_are_asked_of_files(project):
    source(project)
    copy(project)
    assert table_read(project.run("copy")) == (3, 3)
    assert sorted(project.rows("t.c")) == [(n, "b") for n in range(1, 30, 2)]
    planned = project.sluice("plan", "copy", "--param", "least=15")
    assert "reads catalog://t.o: 2 files (4 skipped), " in planned.stdout, str(planned)
    result = project.run("copy", "--param", "least=15")
    assert table_read(result) == (2, 4)
    assert sorted(project.rows("t.c")) == [(n, "b") for n in range(15, 30, 2)]
    assert table_read(project.run("copy", "--param", "least=1000")) == (0, 6)
    # Nothing is left of it, and it is not "nothing new": the load decides what no rows mean.
    assert sorted(project.rows("t.c")) == [(n, "b") for n in range(15, 30, 2)]
    # Its own rows are all of them.
    preview = project.sluice("preview", "copy", "o", "--format", "csv", "--limit", "100")
    assert len(preview.stdout.splitlines()) == 31, str(preview)


def test_conditions_that_others_do_not_ask(project):
    source(project)
    for more in (
        {"load": {"o": {"into": "t.all", "mode": "overwrite"}}},
        {"transform": {"d": {"sql": "select count(*) as n from o"}}, "load": {"d": {"into": "t.d", "mode": "overwrite"}}},
        {"options": {"checks": [{"sql": "select count(*) = 30 from o", "name": "all"}]}},
        {"sql": "select id, p from (select * from o) where p = 'b'"},
        {"sql": "select o.id, o.p from o join o as other using (id) where o.p = 'b'"},
        {"sql": "select id, p from o where p = 'b' or id = 0"},
    ):
        copy(project, **more)
        assert table_read(project.run("copy")) == (6, 0), more
        ids = {row[0] for row in project.rows("t.c")}
        assert ids >= set(range(1, 30, 2)) and len(ids) in (15, 16)


def test_conditions_on_what_is_new(project):
    source(project, 2)
    project.pipeline("copy", {
        "extract": {"o": {"from": "catalog://t.o", "only_new": True}},
        "transform": {"c": {"sql": "select id, p, _change_type from o where p = 'a' and _change_type = 'insert'"}},
        "load": {"c": {"into": "t.c"}},
    })  # fmt: skip
    assert table_read(project.run("copy")) == (2, 2)
    source(project, 1)
    assert table_read(project.run("copy")) == (1, 1)
    assert sorted(project.rows("t.c")) == sorted((n, "a", "insert") for n in [*range(0, 20, 2), *range(0, 10, 2)])
    assert project.run("copy").events[-1]["outcome"] == "nothing_new"


INFINITE = """
extract: {{a: {{from: a.csv, columns: {{id: bigint, d: {kind}}}, repeat: true}}}}
load: {{a: {{into: n.t{number}, mode: append, partition_by: ["{by}"]}}}}
"""


def test_infinite_times(project):
    """They are in the partition without a value, which no condition on the time rules out."""
    project.write("a.csv", "id,d\n1,2024-01-01\n2,infinity\n3,-infinity\n4,\n5,2025-06-01\n")
    cases = [(by, "timestamp") for by in ("d", "year(d)", "month(d)", "day(d)", "hour(d)")]
    cases += [(by, "timestamptz") for by in ("day(d)", "hour(d)")] + [(by, "date") for by in ("day(d)", "month(d)")]
    for number, (by, kind) in enumerate(cases):
        project.write("pipelines/p.yaml", INFINITE.format(kind=kind, by=by, number=number))
        project.run("p")
        for where, ids in (
            ("d > '2024-06-01'", [2, 5]),
            ("d >= '2025-06-01'", [2, 5]),
            ("d < '2024-06-01'", [1, 3]),
            ("d = 'infinity'", [2]),
            ("d is not null", [1, 2, 3, 5]),
            ("d is null", [4]),
        ):
            said = project.sluice("catalog", "read", f"n.t{number}", "--where", where, "--format", "ndjson")
            found = sorted(json.loads(line)["id"] for line in said.stdout.splitlines())
            assert found == ids, (by, kind, where)
