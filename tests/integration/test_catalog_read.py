"""Reading tables: catalog read and sql at points in time, with files left out that cannot match, in all
formats; pipelines that read tables. With the table files on this machine and in S3."""

import io
import json
import re

import pyarrow
import pyarrow.ipc
import pyarrow.parquet
import pytest
from lake import Lake


@pytest.fixture(params=["local", "s3"])
def house(request):
    """A project; its table files are on this machine, or in S3."""
    if request.param == "local":
        return request.getfixturevalue("project")
    lake = Lake(*(request.getfixturevalue(name) for name in ("on_weed", "s3", "bucket")))
    return lake.project


def put(project, name, rows):
    pyarrow.parquet.write_table(pyarrow.Table.from_pylist(rows), project.path(f"{name}.parquet"))


def load(project, rows, name="x", **options):
    """The next delta of t.NAME."""
    put(project, name, rows)
    extract = {"from": f"{name}.parquet", "repeat": True}
    if options.get("mode", "append") != "append":
        extract.pop("repeat")
    project.pipeline(
        name,
        {"extract": {name: extract}, "load": {name: {"into": f"t.{name}", **options}}},
    )
    project.run(name)


def read(project, table, *args):
    """Rows as tuples, and what stderr says of files: read, all, skipped."""
    result = project.sluice("catalog", "read", table, "--format", "json", *args)
    assert result.exit == 0, str(result)
    said = re.search(r"^read (\d+) of (\d+) files \((\d+) skipped\), \S+ \S+$", result.stderr, re.M)
    files = tuple(map(int, said.groups()))
    assert files[0] == result.json["read"]["files"] and files[2] == result.json["read"]["skipped"]
    return [tuple(row.values()) for row in result.json["rows"]], files


def fails(project, *args):
    result = project.sluice(*args)
    assert result.exit == 2, str(result)
    return result.error


# --- points in time


def test_at_a_position_a_time_and_a_tag(house):
    load(house, [{"id": 1, "v": "a"}])
    between = house.query("SELECT max(committed_ms) AS ms FROM commits")[0]["ms"]
    load(house, [{"id": 2, "v": "b"}])
    assert house.sluice("catalog", "tag", "t.x", "eve", "1").exit == 0
    load(house, [{"id": 9, "v": "z"}], mode="overwrite")
    load(house, [{"id": 10, "v": "y"}])
    assert read(house, "t.x")[0] == [(9, "z"), (10, "y")]
    assert read(house, "t.x", "--at", 1)[0] == [(1, "a")]
    assert read(house, "t.x", "--at", 2)[0] == [(1, "a"), (2, "b")]
    assert read(house, "t.x", "--at", 3)[0] == [(9, "z")]
    assert read(house, "t.x", "--at", "eve")[0] == [(1, "a")]
    when = f"{between // 1000 + 86400 * 365}"
    assert "has no position" in fails(house, "catalog", "read", "t.x", "--at", when)
    assert '"adam" is no position, no time (2026-11-01, 2026-11-01T06:00Z) and no tag of t.x, which has eve' in fails(house, "catalog", "read", "t.x", "--at", "adam")
    assert "nothing had been committed" in fails(house, "catalog", "read", "t.x", "--at", "2001-01-01")
    assert house.sluice("catalog", "expire", "t.x", "--before", "3").exit == 0
    assert read(house, "t.x", "--at", 3)[0] == [(9, "z")]
    assert read(house, "t.x", "--at", "eve")[0] == [(1, "a")]
    message = fails(house, "catalog", "read", "t.x", "--at", "2")
    assert "position 2 of t.x is expired: the first one that is kept is 3" in message


def test_two_tables_at_a_position(house):
    load(house, [{"id": 1, "v": "a"}], name="x")
    load(house, [{"id": 1, "w": "A"}], name="y")
    load(house, [{"id": 2, "v": "b"}], name="x")
    load(house, [{"id": 2, "w": "B"}], name="y")
    sql = "select v || w as vw from t.x join t.y using (id) order by 1"
    for at, expected in ([], ["aA", "bB"]), (["--at", "1"], ["aA"]):
        result = house.sluice("sql", sql, "--format", "ndjson", *at)
        assert [json.loads(line)["vw"] for line in result.stdout.splitlines()] == expected, str(result)
    result = house.sluice("catalog", "read", "t.x", "--sql", "select count(*) as n from x, t.x", "--json")
    assert result.json["rows"] == [{"n": 4}], str(result)


# --- which files


def test_files_that_cannot_match_are_not_opened(house):
    for n in range(6):
        rows = [{"id": 10 * n + i, "v": f"v{n}", "d": n + 0.5, "e": None if n < 3 else i} for i in range(10)]
        load(house, rows)
    assert read(house, "t.x", "--columns", "id,v", "--where", "id = 25") == ([(25, "v2")], (1, 6, 5))
    assert read(house, "t.x", "--columns", "id", "--where", "id between 8 and 11 -- and a comment") == (
        [(8,), (9,), (10,), (11,)],
        (2, 6, 4),
    )
    assert read(house, "t.x", "--columns", '"id"', "--where", "v = 'v5' and id < 52") == ([(50,), (51,)], (1, 6, 5))
    assert read(house, "t.x", "--columns", "id", "--where", "e = 9 and d < 3.6") == ([(39,)], (4, 6, 2))
    assert read(house, "t.x", "--where", "id > 1000") == ([], (0, 6, 6))
    assert read(house, "t.x", "--sql", "select id from x where id in (3, 57)") == ([(3,), (57,)], (2, 6, 4))
    assert read(house, "t.x", "--sql", "select count(*) from x where id = 3 or id = 57")[1] == (6, 6, 0)
    assert "--sql is all of the statement" in fails(house, "catalog", "read", "t.x", "--sql", "from x", "--where", "a")


# --- merge on read


def test_upserts_and_deletes_are_merged(house):
    load(house, [{"k": n, "part": n % 2, "v": "old"} for n in range(6)], mode="upsert", key=["k"], partition_by=["part"])
    load(house, [{"k": 2, "part": 0, "v": "new"}, {"k": 8, "part": 0, "v": "new"}], mode="upsert", key=["k"], partition_by=["part"])
    load(house, [{"k": 1, "part": 0, "v": "moved"}], mode="upsert", key=["k"], partition_by=["part"])
    expected = {0: "old", 2: "new", 4: "old", 8: "new", 1: "moved", 3: "old", 5: "old"}
    rows, _ = read(house, "t.x", "--columns", "k,v")
    assert dict(rows) == expected and len(rows) == len(expected)
    assert dict(read(house, "t.x", "--columns", "k,v", "--at", 1)[0]) == dict.fromkeys(range(6), "old")
    # The file in which 2 is old cannot be left out for its newer row; that of 2 alone can.
    assert read(house, "t.x", "--columns", "k", "--where", "v = 'old' and k = 2")[0] == []
    assert read(house, "t.x", "--columns", "k,v", "--where", "k = 8")[0] == [(8, "new")]
    compacted = house.sluice("catalog", "compact", "t.x")
    assert compacted.exit == 0, str(compacted)
    assert dict(read(house, "t.x", "--columns", "k,v")[0]) == expected
    assert dict(read(house, "t.x", "--columns", "k,v", "--at", 1)[0]) == dict.fromkeys(range(6), "old")


# --- formats

EVERY_TYPE = """
    select i, i::decimal(10, 2) / 4 as dec, (i / 7)::double as f, i % 2 = 0 as b, 'text ' || i as s,
      date '2001-01-01' + i::int as d, timestamp '2001-02-03 04:05:06.789' as ts,
      timestamptz '2001-02-03 04:05:06+02' as tz, time '01:02:03.5' as t, '\\x00a'::blob as bl,
      [i, null] as l, {'a': i, 'b': [i::varchar]} as st, map {'k': i} as m,
      case when i % 3 > 0 then i end as n, null as nothing,
      'x'::enum('x', 'y') as e, uuid '00000000-0000-0000-0000-0000000000ff' as u
    from range(5000) r(i)
"""


def test_parquet_and_arrow(project):
    arrow = project.sluice("sql", EVERY_TYPE, "--output", "all.arrow")
    assert arrow.exit == 0 and arrow.stdout == "", str(arrow)
    stream = pyarrow.ipc.open_stream(project.path("all.arrow").read_bytes())
    table = stream.read_all()
    table.validate(full=True)
    parquet = project.sluice("sql", EVERY_TYPE, "--output", "all.parquet")
    assert parquet.exit == 0, str(parquet)
    same = pyarrow.parquet.read_table(project.path("all.parquet"))
    assert table.num_rows == 5000 and table.column_names == same.column_names
    for name in table.column_names:
        left, right = table.column(name).to_pylist(), same.column(name).to_pylist()
        if name == "u":
            right = [left[0]] * 5000  # bytes there, a text here
        assert left == right, name
    empty = project.sluice("sql", "select 1 as a where false", "--output", "none.arrow")
    assert empty.exit == 0, str(empty)
    assert pyarrow.ipc.open_stream(project.path("none.arrow").read_bytes()).read_all().num_rows == 0


def test_into_files(house):
    load(house, [{"id": n, "v": "x"} for n in range(3)])
    for name, text in ("o.csv", "id,v\n0,x\n1,x\n"), ("o.ndjson", '{"id":0,"v":"x"}\n{"id":1,"v":"x"}\n'):
        result = house.sluice("catalog", "read", "t.x", "--output", name, "--limit", "2")
        assert (result.exit, result.stdout) == (0, ""), str(result)
        assert house.path(name).read_text() == text
    result = house.sluice("catalog", "read", "t.x", "--output", "o.parquet", "--limit", "2")
    assert result.exit == 0 and pyarrow.parquet.read_table(house.path("o.parquet")).num_rows == 2, str(result)
    result = house.sluice("catalog", "read", "t.x", "--where", "none_such = 1", "--output", "o.csv")
    assert result.exit != 0 and house.path("o.csv").read_text() == "id,v\n0,x\n1,x\n", str(result)
    assert house.spooled() == []


# --- pipelines that read tables


def copy(project, sql=None, **extract):
    content = {"extract": {"o": {"from": "catalog://t.x", **extract}}, "load": {"o": {"into": "t.copy"}}}
    if sql:
        content["transform"] = {"c": {"sql": sql}}
        content["load"] = {"c": {"into": "t.copy"}}
    if not extract.get("only_new"):
        content["load"][next(iter(content["load"]))]["mode"] = "overwrite"
    project.pipeline("copy", content)


def extract_plan(project):
    plan = project.sluice("plan", "copy", "--json").json
    return plan, next(task for task in plan["tasks"] if task["kind"] == "extract")


def test_a_pipeline_reads_a_table_whole_and_at_a_point(house):
    load(house, [{"id": 1}])
    load(house, [{"id": 2}])
    copy(house)
    result = house.run("copy")
    assert read(house, "t.copy")[0] == [(1,), (2,)]
    (event,) = result.named("table.read")
    assert (event["table"], event["position"], event["files"]) == ("catalog://t.x", 2, 2)
    copy(house, at="1")
    _, planned = extract_plan(house)
    assert (planned["position"], planned["files"]) == (1, 1)
    house.run("copy")
    assert read(house, "t.copy")[0] == [(1,)]
    copy(house, at="7")
    assert "extract.o.at: t.x has no position 7 yet: its newest one is 2" in house.fails("copy", expect=2)
    house.pipeline("copy", {"extract": {"o": {"from": "catalog://t.none"}}, "load": {"o": {"into": "t.copy", "mode": "overwrite"}}})
    assert "copy.yaml:4:7: extract.o.from: there is no table t.none yet" in house.fails("copy")


def test_a_pipeline_reads_what_is_new(house):
    load(house, [{"id": 1}])
    load(house, [{"id": 2}])
    copy(house, only_new=True)
    preview = house.sluice("preview", "copy", "o", "--format", "csv")
    assert preview.stdout.splitlines() == ["id,_change_type,_stream_position", "1,insert,1", "2,insert,2"], str(preview)
    house.run("copy")
    assert read(house, "t.copy")[0] == [(1, "insert", 1), (2, "insert", 2)]
    plan, planned = extract_plan(house)
    assert plan["nothing_new"] and planned["files"] == 0 and planned["after_position"] == 2
    assert house.run("copy").events[-1]["outcome"] == "nothing_new"
    load(house, [{"id": 3}])
    assert house.sluice("catalog", "compact", "t.x", "--full").exit == 0
    load(house, [{"id": 4}])
    plan, planned = extract_plan(house)
    assert not plan["nothing_new"]
    assert (planned["after_position"], planned["files"]) == (2, 2)
    shown = house.sluice("plan", "copy").stdout
    assert re.search(r"reads catalog://t.x: 2 files, \S+ \S+: what came behind position 2, up to ", shown), shown
    house.run("copy")
    assert [row[:2] for row in read(house, "t.copy")[0]][2:] == [(3, "insert"), (4, "insert")]
    # A run that fails moves nothing.
    load(house, [{"id": 5}])
    copy(house, only_new=True, sql="select * from o where error('no')")
    house.run("copy", expect=1)
    copy(house, only_new=True)
    house.run("copy")
    assert [row[:2] for row in read(house, "t.copy")[0]][4:] == [(5, "insert")]


def test_what_an_overwrite_took_away_is_new(house):
    load(house, [{"id": 1}, {"id": 2}])
    copy(house, only_new=True)
    house.run("copy")
    load(house, [{"id": 7}], mode="overwrite")
    house.run("copy")
    rows = read(house, "t.copy")[0]
    assert sorted(rows[2:]) == [(1, "delete", 2), (2, "delete", 2), (7, "insert", 2)]


def test_changes_of_a_table_with_a_key(house):
    load(house, [{"k": 1, "v": "a"}, {"k": 2, "v": "b"}], mode="upsert", key=["k"])
    load(house, [{"k": 2}], mode="delete", key=["k"])
    copy(house, only_new=True)
    house.run("copy")
    assert read(house, "t.copy")[0] == [(1, "a", "insert", 1)]
    load(house, [{"k": 1, "v": "A"}], mode="upsert", key=["k"])
    load(house, [{"k": 1}], mode="delete", key=["k"])
    house.run("copy")
    assert read(house, "t.copy")[0][1:] == [(1, "A", "upsert", 3), (1, None, "delete", 4)]


def test_expired_changes_are_an_error_with_advice(house):
    load(house, [{"id": 1}])
    copy(house, only_new=True)
    house.run("copy")
    for n in range(2, 5):
        load(house, [{"id": n}], mode="overwrite")
    assert house.sluice("catalog", "expire", "t.x", "--before", "3").exit == 0
    message = house.fails("copy", expect=2)
    assert "t.x was read up to position 1, and what came next is expired" in message
    assert "giving the extract another name" in message


@pytest.mark.parametrize(
    "args, says",
    [
        (["../x.y"], '"../x.y" is no table: write namespace.table'),
        (["t.x", "--where", "id >"], "--where, character 6: syntax error"),
        (["t.x", "--where", "id ="], "--where, character"),
        (["t.x", "--columns", "id", "--where", "id = 1); select 2"], "--where, character"),
        (["t.x", "--sql", "select from t.x where"], "SQL, character"),
        (["t.x", "--at", "2026-02-30"], '"2026-02-30" is no position, no time (2026-11-01'),
        (["t.x", "--at", "-1"], '"-1" is no position'),
    ],
)
def test_a_mistake_is_told_where_it_was_made(house, args, says):
    load(house, [{"id": 1}])
    result = house.sluice("catalog", "read", *args)
    assert result.exit in (1, 2) and says in result.error, str(result)
