"""What a run leaves behind: modes, partitions, file sizes, pinned schemas, plain files, parameters,
tasks, checks; and that it leaves nothing behind when it fails."""

import csv
import datetime
import json
import os

import pytest
from conftest import multiset

DATE = datetime.date
RUN_ID = "0193b6f0-0000-7000-8000-000000000001"


def lines(rows, header="id,v"):
    return header + "\n" + "".join(f"{','.join(map(str, row))}\n" for row in rows)


def values(project, sql, **load):
    """A pipeline whose one transform needs no file; the table is t.x."""
    load.setdefault("into", "t.x")
    load.setdefault("mode", "overwrite")
    return project.pipeline("x", {"transform": {"x": {"sql": sql}}, "load": {"x": load}})


# --- modes


def test_append_adds_each_file_once(project):
    project.copy_pipeline("x", **{"from": "in/*.csv"})
    for number in range(3):
        project.write(f"in/{number}.csv", lines([(number, number * 10)]))
        project.run("x")
    assert project.rows("t.x") == [(0, 0), (1, 10), (2, 20)]
    assert len({file["position"] for file in project.files("t.x")}) == 3
    project.check_consistent()


def test_a_changed_file_is_a_new_one(project):
    project.copy_pipeline("x", **{"from": "in/*.csv"})
    project.write("in/1.csv", lines([(1, 1)]))
    project.run("x")
    project.write("in/1.csv", lines([(2, 2), (3, 3)]))
    project.run("x")
    assert project.rows("t.x") == [(1, 1), (2, 2), (3, 3)]


def test_repeat_appends_all_of_it_again(project):
    project.write("in.csv", lines([(1, 1)]))
    project.copy_pipeline("x", **{"from": "in.csv", "only_new": False, "repeat": True})
    project.run("x")
    project.run("x")
    assert project.rows("t.x") == [(1, 1), (1, 1)]


def test_append_without_a_guard_is_refused(project):
    project.write("in.csv", lines([(1, 1)]))
    project.write(
        "pipelines/x.yaml",
        """\
        extract:
          x: {from: in.csv}
        load:
          x: {into: t.x}
        """,
    )
    line = project.fails("x", expect=2)
    assert line.startswith("pipelines/x.yaml:4:3: load.x.mode: append would add all rows of extract.x")


def overwriting(project, **load):
    project.pipeline(
        "x",
        {
            "extract": {"x": {"from": "in.csv"}},
            "transform": {"y": {"sql": "select * from x where v > 0"}},
            "load": {"y": {"into": "t.x", "mode": "overwrite", **load}},
        },
    )


def test_overwrite_replaces_all(project):
    overwriting(project, partition_by=["id"])
    project.write("in.csv", lines([(1, 1), (2, 2)]))
    project.run("x")
    project.write("in.csv", lines([(2, 5), (3, 6)]))
    project.run("x")
    assert project.rows("t.x") == [(2, 5), (3, 6)]
    assert [file["values"] for file in project.files("t.x")] == [["2"], ["3"]]
    project.check_consistent()


@pytest.mark.parametrize(
    "on_empty,expect,rows",
    [(None, 0, [(1, 1)]), ("keep", 0, [(1, 1)]), ("replace", 0, []), ("fail", 3, [(1, 1)])],
)
def test_overwrite_by_nothing(project, on_empty, expect, rows):
    overwriting(project, **({"on_empty": on_empty} if on_empty else {}))
    project.write("in.csv", lines([(1, 1)]))
    project.run("x")
    project.write("in.csv", lines([(1, -1)]))
    result = project.run("x", expect=expect)
    assert project.rows("t.x") == rows
    if expect:
        assert "no rows to overwrite t.x with (on_empty: fail)" in result.error
        assert len(project.commits()) == 1
    project.check_consistent()


# --- partitions


def partitions(project, sql, by, **load):
    values(project, sql, partition_by=by, **load)
    project.run("x")
    project.check_consistent()
    return [file["values"] for file in project.files("t.x")]


MOMENTS = """
    select * from (values
      (1, timestamp '2001-02-03 04:05:06'), (2, timestamp '2001-02-03 05:00:00'),
      (3, timestamp '2001-02-04 00:00:00'), (4, timestamp '1969-12-31 23:59:59'),
      (5, timestamp '2001-12-31 23:00:00'), (6, null), (7, timestamp '0099-01-01 00:00:00')) v(id, t)
    """


@pytest.mark.parametrize(
    "transform,want",
    [
        ("year", ["0099", "1969", "2001", None]),
        ("month", ["0099-01", "1969-12", "2001-02", "2001-12", None]),
        ("day", ["0099-01-01", "1969-12-31", "2001-02-03", "2001-02-04", "2001-12-31", None]),
        (
            "hour",
            [
                "0099-01-01-00",
                "1969-12-31-23",
                "2001-02-03-04",
                "2001-02-03-05",
                "2001-02-04-00",
                "2001-12-31-23",
                None,
            ],
        ),
    ],
)
def test_partitions_of_time(project, transform, want):
    got = partitions(project, MOMENTS, [f"{transform}(t)"])
    key = lambda value: (value is None, value or "")
    assert sorted((value for (value,) in got), key=key) == want
    assert sorted(row[0] for row in project.rows("t.x")) == [1, 2, 3, 4, 5, 6, 7]


def test_month_of_a_date(project):
    sql = "select unnest([date '2001-02-03', date '2001-02-28', date '1969-12-31']) as d"
    assert sorted(partitions(project, sql, ["month(d)"])) == [["1969-12"], ["2001-02"]]


NAMES = ["a/b", "..", ".", "100%", "", "🦆", "x" * 300, "x" * 299 + "y", "a=b", "it's", "A", "a", " ", "\n"]


def test_partition_values_may_be_anything(project):
    project.write("in.ndjson", "".join(json.dumps({"v": v}) + "\n" for v in [*NAMES, None]))
    project.pipeline(
        "x",
        {
            "extract": {"x": {"from": "in.ndjson", "only_new": True, "columns": {"v": "varchar"}}},
            "load": {"x": {"into": "t.x", "partition_by": ["v"]}},
        },
    )
    project.run("x")
    files = project.files("t.x")
    assert multiset(file["values"][0] for file in files) == multiset([*NAMES, None])
    store = str(project.path(".sluice/store"))
    for file in files:
        assert os.path.realpath(file["path"]).startswith(store + "/t/x/1/v=")
        assert all(len(part) <= 255 for part in file["path"].split("/"))
    assert multiset(v for (v,) in project.rows("t.x")) == multiset([*NAMES, None])
    project.check_consistent()


def test_partition_by_two_columns(project):
    sql = "select i % 2 as a, i % 3 as b, i from range(12) r(i)"
    got = partitions(project, sql, ["a", "b"])
    assert sorted(got) == sorted([str(a), str(b)] for a in range(2) for b in range(3))
    assert all(file["rows"] == 2 for file in project.files("t.x"))


def test_partition_column_with_an_odd_name(project):
    got = partitions(project, """select 1 as "a b/$", 2 as v""", ['"a b/$"'])
    assert got == [["1"]]
    assert project.table("t.x").to_pylist() == [{"a b/$": 1, "v": 2}]


def test_partition_column_that_is_missing(project):
    values(project, "select 1 as city", partition_by=["citi"])
    line = project.fails("x", expect=2)
    assert 'load.x.partition_by: x has no column "citi"; did you mean "city"?' in line
    assert project.stored() == [] and project.commits() == []


def test_partition_fields_cannot_change(project):
    values(project, "select 1 as a, 2 as b", partition_by=["a"])
    project.run("x")
    values(project, "select 1 as a, 2 as b", partition_by=["b"])
    line = project.fails("x", expect=2)
    assert "the table t.x is partitioned by [a], which cannot be changed by a load" in line
    assert project.rows("t.x") == [(1, 2)]


def test_sort_by(project):
    import pyarrow.parquet

    sql = "select i % 2 as p, hash(i) % 1000 as h, i from range(2000) r(i)"
    values(project, sql, partition_by=["p"], sort_by=["h desc", "i"])
    project.run("x")
    files = project.files("t.x")
    assert len(files) == 2
    for file in files:
        rows = pyarrow.parquet.ParquetFile(file["path"]).read().to_pylist()
        assert rows == sorted(rows, key=lambda row: (-row["h"], row["i"]))


def test_sort_by_a_name_with_spaces(project):
    sql = 'select i as "Flight Date", 1 as "asc" from range(5) r(i)'
    values(project, sql, sort_by=["asc", "Flight Date desc"])
    project.run("x")
    (file,) = project.files("t.x")
    import pyarrow.parquet

    table = pyarrow.parquet.ParquetFile(file["path"]).read()
    assert table.column("Flight Date").to_pylist() == [4, 3, 2, 1, 0]


def test_file_size_splits_a_partition(project):
    sql = "select i % 2 as p, i, hash(i)::varchar || hash(i + 1)::varchar as t from range(100000) r(i)"
    values(project, sql, partition_by=["p"], sort_by=["i"], file_size="256KiB")
    project.run("x")
    files = project.files("t.x")
    sizes = [file["bytes"] for file in files]
    assert sum(file["rows"] for file in files) == 100000
    assert len(files) > 8
    # A target: none is twice as large, and but for the last of a partition none is tiny.
    assert max(sizes) < 2 * 256 * 1024
    assert sum(size < 128 * 1024 for size in sizes) <= 2
    ids = [row[1] for row in sorted(project.rows("t.x"))]
    assert sorted(ids) == list(range(100000))
    project.check_consistent()


# --- the schema is pinned


def test_later_inference_is_fitted_to_the_table(project):
    project.copy_pipeline("x", **{"from": "in/*.csv"})
    project.write("in/1.csv", lines([(1, "one")]))
    project.run("x")
    project.write("in/2.csv", lines([("2", 22)]))
    project.run("x")
    assert project.columns("t.x") == {"id": "BIGINT", "v": "VARCHAR"}
    assert project.rows("t.x") == [(1, "one"), (2, "22")]


def test_a_value_that_does_not_fit(project):
    project.copy_pipeline("x", **{"from": "in/*.csv"})
    project.write("in/1.csv", lines([(1, 1)]))
    project.run("x")
    project.write("in/2.csv", lines([(2, "two")]))
    line = project.fails("x")
    assert 'column "v" is VARCHAR and must be BIGINT: the value in row 1 does not fit' in line
    assert "two" not in line  # logs.samples is off
    assert project.rows("t.x") == [(1, 1)]
    project.check_consistent()


def test_a_fraction_is_not_rounded_away(project):
    project.copy_pipeline("x", **{"from": "in/*.csv"})
    project.write("in/1.csv", lines([(1, 1)]))
    project.run("x")
    project.write("in/2.csv", lines([(2, 2.5)]))
    line = project.fails("x")
    assert 'column "v" is DOUBLE and must be BIGINT: the value in row 1 does not fit' in line


@pytest.mark.parametrize(
    "pinned, later",
    [
        ("1", "+1.5"),  # text to whole numbers: rounded to 2
        ("1.5", "9007199254740993"),  # …992 as a double
        ("true", "5"),  # true
        ("10:00", "2020-01-01 10:00:00"),  # the time alone
    ],
)
def test_what_the_type_of_the_table_would_bend(project, pinned, later):
    project.write("in/a.csv", f"a\n{pinned}\n")
    project.copy_pipeline("x", **{"from": "in/*.csv"})
    project.run("x")
    project.write("in/b.csv", f"a\n{later}\n")
    assert "the value in row 1 does not fit; cast it in the SELECT" in project.fails("x")
    assert len(project.rows("t.x")) == 1


@pytest.mark.parametrize(
    "pinned, later, rows",
    [
        ("1", "+2", [1, 2]),
        ("1", "007.0", [1, 7]),
        ("1.5", "9007199254740992", [1.5, 9007199254740992.0]),
        ("true", "0", [False, True]),
    ],
)
def test_what_the_type_of_the_table_can_hold(project, pinned, later, rows):
    project.write("in/a.csv", f"a\n{pinned}\n")
    project.copy_pipeline("x", **{"from": "in/*.csv"})
    project.run("x")
    project.write("in/b.csv", f"a\n{later}\n")
    project.run("x")
    assert sorted(value for (value,) in project.rows("t.x")) == rows


def test_a_column_that_is_missing_is_null(project):
    project.copy_pipeline("x", **{"from": "in/*.csv"})
    project.write("in/1.csv", lines([(1, 1)]))
    project.run("x")
    project.write("in/2.csv", "id\n2\n")
    project.run("x")
    assert project.rows("t.x") == [(1, 1), (2, None)]


@pytest.mark.parametrize("schema,expect", [("freeze", 1), ("discard_columns", 0)])
def test_a_new_column_under_a_policy(project, schema, expect):
    content = {
        "extract": {"x": {"from": "in/*.csv", "only_new": True}},
        "load": {"x": {"into": "t.x", "schema": schema}},
    }
    project.pipeline("x", content)
    project.write("in/1.csv", lines([(1, 1)]))
    project.run("x")
    project.write("in/2.csv", "id,v,w\n2,2,2\n")
    result = project.run("x", expect=expect)
    if expect:
        assert 'column "w" (BIGINT) is not in the table t.x and its schema is frozen' in result.error
    assert project.rows("t.x") == ([(1, 1)] if expect else [(1, 1), (2, 2)])


# --- plain files


def exporting(project, to, sql="select * from x order by id", **load):
    project.pipeline(
        "x",
        {
            "extract": {"x": {"from": "in.csv"}},
            "transform": {"y": {"sql": sql, "checks": [{"row_count": {"min": 2}}]}},
            "load": {"y": {"to": to, **load}},
        },
    )


def test_export_csv(project):
    exporting(project, "out/x.csv")
    project.write("in.csv", 'id,v\n2,"a,""b"\n1,\n3,"x\ny"\n')
    project.run("x")
    with open(project.path("out/x.csv"), newline="") as file:
        assert list(csv.reader(file)) == [["id", "v"], ["1", ""], ["2", 'a,"b'], ["3", "x\ny"]]


def test_export_csv_dialect(project):
    exporting(
        project, "out/x.txt", format="csv", csv={"delimiter": ";", "header": False, "nulls": ["NULL"]}
    )
    project.write("in.csv", "id,v\n1,\n2,a;b\n")
    project.run("x")
    assert project.path("out/x.txt").read_text() == '1;NULL\n2;"a;b"\n'


def test_export_ndjson_and_parquet(project):
    import pyarrow.parquet

    project.write("in.csv", "id,v\n1,ü\n2,\n")
    exporting(project, "out/x.ndjson.gz")
    project.run("x")
    import gzip

    text = gzip.decompress(project.path("out/x.ndjson.gz").read_bytes()).decode()
    assert [json.loads(line) for line in text.splitlines()] == [
        {"id": 1, "v": "ü"},
        {"id": 2, "v": None},
    ]
    exporting(project, "out/x.parquet")
    project.run("x")
    assert pyarrow.parquet.read_table(project.path("out/x.parquet")).to_pylist() == [
        {"id": 1, "v": "ü"},
        {"id": 2, "v": None},
    ]


def test_export_replaces_the_file_only_when_all_is_well(project):
    exporting(project, "out/x.csv")
    project.write("in.csv", lines([(1, 1), (2, 2)]))
    project.run("x")
    before = project.path("out/x.csv").read_text()
    project.write("in.csv", lines([(3, 3)]))
    line = project.fails("x", expect=3)
    assert "check row_count(2 or more) failed: y has 1 row, at least 2 are wanted" in line
    assert project.path("out/x.csv").read_text() == before
    assert os.listdir(project.path("out")) == ["x.csv"]
    project.write("in.csv", lines([(3, 3), (4, 4)]))
    project.run("x")
    assert project.path("out/x.csv").read_text() == "id,v\n3,3\n4,4\n"
    project.check_consistent()


def test_export_of_only_new_needs_the_run_in_its_path(project):
    content = {
        "extract": {"x": {"from": "in.csv", "only_new": True}},
        "load": {"x": {"to": "out/x.csv"}},
    }
    project.write("in.csv", lines([(1, 1)]))
    project.pipeline("x", content)
    assert "put ${run.id} or ${run.due:%Y-%m-%d} into the path" in project.fails("x", expect=2)
    content["load"]["x"]["to"] = "out/x-${run.id}.csv"
    project.pipeline("x", content)
    project.run("x", "--run-id", RUN_ID)
    assert os.listdir(project.path("out")) == [f"x-{RUN_ID}.csv"]


def test_due(project):
    exporting(project, "out/${run.due:%Y/%m-%d}-${run.due - 1d:%d}.csv")
    project.write("in.csv", lines([(1, 1), (2, 2)]))
    result = project.run("x", "--due", "2024-03-01T06:15:00Z")
    assert project.path("out/2024/03-01-29.csv").is_file()
    assert result.named("run.started")[0]["due"] == "2024-03-01T06:15:00.000Z"


# --- several loads, one commit


TWO = {
    "extract": {"x": {"from": "in/*.csv", "only_new": True}},
    "transform": {
        "small": {"sql": "select * from x where v < 10"},
        "large": {
            "sql": "select * from x where v >= 10",
            "checks": [{"accepted_values": {"v": [10, 11]}}],
        },
    },
    "load": {
        "small": {"into": "t.small"},
        "large": {"into": "t.large"},
        "all": {"from": "x", "to": "out/${run.id}.csv"},
    },
}


def test_all_loads_or_none(project):
    project.pipeline("x", TWO)
    project.write("in/1.csv", lines([(1, 1), (2, 10)]))
    project.run("x")
    project.write("in/2.csv", lines([(3, 2), (4, 99)]))
    line = project.fails("x", expect=3)
    assert "check accepted_values(v) failed for 1 row of large" in line
    assert project.rows("t.small") == [(1, 1)] and project.rows("t.large") == [(2, 10)]
    assert len(os.listdir(project.path("out"))) == 1
    project.check_consistent()
    # What failed is still new.
    project.write("in/2.csv", lines([(3, 2), (4, 11)]))
    project.run("x")
    assert project.rows("t.small") == [(1, 1), (3, 2)]
    assert project.rows("t.large") == [(2, 10), (4, 11)]
    assert len(project.commits()) == 2


def test_only_the_loads_named_are_committed(project):
    project.pipeline("x", TWO)
    project.write("in/1.csv", lines([(1, 1), (2, 10)]))
    result = project.run("x", "--task", "load.small")
    assert project.rows("t.small") == [(1, 1)]
    assert project.files("t.large") == [] and not project.path("out").exists()
    started = {event["task"] for event in result.named("task.started")}
    assert started == {"extract.x", "transform.small", "load.small"}
    # Its cursor is its own: the others still find the file new.
    project.run("x")
    assert project.rows("t.small") == [(1, 1)] and project.rows("t.large") == [(2, 10)]
    assert len(os.listdir(project.path("out"))) == 1


def test_unknown_task(project):
    project.pipeline("x", TWO)
    project.write("in/1.csv", lines([(1, 1)]))
    line = project.fails("x", "--task", "load.smal", expect=2)
    assert "load.smal" in line and "load.small" in line
    assert project.commits() == []


def test_same_run_id_commits_once(project):
    project.copy_pipeline("x", **{"from": "in/*.csv"})
    project.write("in/1.csv", lines([(1, 1)]))
    project.run("x", "--run-id", RUN_ID)
    project.write("in/2.csv", lines([(2, 2)]))
    result = project.run("x", "--run-id", RUN_ID)
    assert len(result.named("run.repeated")) == 1
    assert project.rows("t.x") == [(1, 1)]
    assert project.commits() == [RUN_ID]
    project.run("x")
    assert project.rows("t.x") == [(1, 1), (2, 2)]


# --- parameters


PARAMS = {
    "params": {
        "text": {"type": "text", "default": "a'b; --"},
        "int": {"type": "int", "default": 3},
        "number": {"type": "number", "default": 1.5},
        "bool": {"type": "bool", "default": False},
        "date": {"type": "date", "default": "today"},
        "timestamp": {"type": "timestamp", "default": "2001-02-03T04:05:06Z"},
    },
    "transform": {
        "x": {
            "sql": "select $text as t, $int as i, $number as n, $bool as b, $date as d, "
            "$timestamp as ts"
        }
    },
    "load": {"x": {"into": "t.x", "mode": "overwrite"}},
}


def test_parameters_are_bound_with_their_types(project):
    project.pipeline("x", PARAMS)
    project.run("x", "--due", "2024-02-29T12:00:00Z")
    row = project.rows("t.x")[0]
    assert row[:5] == ("a'b; --", 3, 1.5, False, DATE(2024, 2, 29))
    assert row[5].replace(tzinfo=None) == datetime.datetime(2001, 2, 3, 4, 5, 6)
    project.run("x", "-p", "text=", "-p", "int=-7", "-p", "bool=true", "-p", "date=1999-12-31")
    assert project.rows("t.x")[0][:5] == ("", -7, 1.5, True, DATE(1999, 12, 31))
    assert project.columns("t.x")["i"] == "BIGINT"


@pytest.mark.parametrize(
    "given,says",
    [
        ("int=1.5", '--param int: "1.5"'),
        ("int=", "--param int: "),
        ("number=x", '--param number: "x"'),
        ("bool=maybe", '--param bool: "maybe"'),
        ("date=2001-02-30", '--param date: "2001-02-30"'),
        ("timestamp=noon", '--param timestamp: "noon"'),
        ("dat=2001-02-03", '--param dat: there is no such parameter; did you mean "date"?'),
    ],
)
def test_parameters_of_another_type(project, given, says):
    project.pipeline("x", PARAMS)
    line = project.fails("x", "--param", given, expect=2)
    assert says in line, line
    assert project.commits() == []


def test_parameter_without_a_value(project):
    project.pipeline(
        "x",
        {
            "params": {"since": "date"},
            "transform": {"x": {"sql": "select $since as d"}},
            "load": {"x": {"into": "t.x", "mode": "overwrite"}},
        },
    )
    line = project.fails("x", expect=2)
    assert "params.since: has no default; give it with --param since=…" in line
    project.run("x", "--param", "since=2001-02-03")
    assert project.rows("t.x") == [(DATE(2001, 2, 3),)]


# --- checks


CHECKS = {
    "not_null": ({"not_null": ["a", "n"]}, "check not_null(a, n) failed for 1 row of x"),
    "unique": ({"unique": ["a"]}, "check unique(a) failed for 2 rows of x"),
    "unique together": ({"unique": ["a", "b"]}, "check unique(a, b) failed for 1 row of x"),
    "accepted_values": (
        {"accepted_values": {"b": ["x"]}},
        "check accepted_values(b) failed for 1 row of x",
    ),
    "row_count min": (
        {"row_count": {"min": 4}},
        "check row_count(4 or more) failed: x has 3 rows, at least 4 are wanted",
    ),
    "row_count max": (
        {"row_count": {"max": 2}},
        "check row_count(0 to 2) failed: x has 3 rows, at most 2 are wanted",
    ),
    "sql": (
        {"sql": "select count(*) = 0 from x where a = $one", "name": "no_one"},
        "check no_one failed on x",
    ),
}
GOOD = [
    {"not_null": ["a", "b"]},
    {"unique": ["a", "n"]},
    {"accepted_values": {"b": ["x", "y"], "n": ["1", "2"]}},
    {"row_count": {"min": 3, "max": 3}},
    {"sql": "select max(a) = 1 from x"},
]
CHECKED = "select * from (values (1, 'x', 1), (1, 'x', 2), (1, 'y', null)) v(a, b, n)"


def checked(project, checks, where):
    content = {
        "params": {"one": {"type": "int", "default": 1}},
        "transform": {"x": {"sql": CHECKED}},
        "load": {"x": {"into": "t.x", "mode": "overwrite"}},
    }
    content[where]["x"]["checks"] = checks
    project.pipeline("x", content)


@pytest.mark.parametrize("where", ["transform", "load"])
@pytest.mark.parametrize("case", CHECKS)
def test_check_that_fails(project, case, where):
    check, says = CHECKS[case]
    checked(project, [*GOOD, check], where)
    result = project.run("x", expect=3)
    assert says in result.error, result.error
    assert result.error.startswith("sluice: pipelines/x.yaml:")
    (event,) = result.named("check.failed")
    assert (event["level"], event["severity"]) == ("error", "error")
    assert project.commits() == []
    project.check_consistent()
    assert project.sluice("runs", "x", "--json").json[0]["outcome"] == "check_failed"


@pytest.mark.parametrize("case", CHECKS)
def test_check_that_warns(project, case):
    check, says = CHECKS[case]
    checked(project, [*GOOD, {**check, "severity": "warn"}], "transform")
    result = project.run("x")
    (event,) = result.named("check.failed")
    assert event["level"] == "warn" and event["msg"] == says
    assert len(project.rows("t.x")) == 3


def test_checks_that_pass(project):
    checked(project, GOOD, "transform")
    result = project.run("x")
    assert result.named("check.failed") == []
    assert len(project.rows("t.x")) == 3


def test_every_check_that_fails_is_told(project):
    checked(project, [CHECKS["not_null"][0], GOOD[0], CHECKS["unique"][0]], "transform")
    result = project.run("x", expect=3)
    assert [event["check"] for event in result.named("check.failed")] == ["not_null(a, n)", "unique(a)"]


def test_checks_are_not_asked_when_nothing_is_new(project):
    content = {
        "extract": {"x": {"from": "in/*.csv", "only_new": True}},
        "load": {"x": {"into": "t.x", "checks": [{"row_count": {"min": 1}}]}},
    }
    project.pipeline("x", content)
    project.write("in/1.csv", lines([(1, 1)]))
    project.run("x")
    project.run("x")
    assert project.rows("t.x") == [(1, 1)]


def test_check_on_a_lookup_of_other_columns(project):
    """A check's column that does not exist is an error of the pipeline, not of the data."""
    checked(project, [{"not_null": ["nope"]}], "transform")
    result = project.sluice("run", "x")
    assert result.exit in (1, 2) and "nope" in result.error
    assert project.commits() == []
