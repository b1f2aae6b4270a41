"""Columns of a table over time: added, widened, missing, renamed, by loads and by hand; what cannot
be fitted is an error that names column, types and row, and commits nothing."""

import json

import pytest


def rows_of(project, sql, **load):
    """Runs a pipeline whose rows come from `sql`, into t.x."""
    load = {"into": "t.x", "mode": "overwrite", **load}
    project.pipeline("x", {"transform": {"x": {"sql": sql}}, "load": {"x": load}})
    return project.run("x")


def refused(project, sql, expect=1, **load):
    load = {"into": "t.x", "mode": "overwrite", **load}
    project.pipeline("x", {"transform": {"x": {"sql": sql}}, "load": {"x": load}})
    return project.fails("x", expect=expect)


def catalog(project, *args):
    result = project.sluice("catalog", *args, "--json")
    assert result.exit == 0, str(result)
    return result.json


def schema(project, table="t.x"):
    """schema_id and name → type."""
    said = catalog(project, "schema", table)
    return said["schema_id"], {column["name"]: column["type"] for column in said["columns"]}


def field_ids(project):
    """Of the newest data file: name → field id in Parquet."""
    import pyarrow.parquet

    arrow = pyarrow.parquet.ParquetFile(project.files("t.x")[-1]["path"]).schema_arrow
    return {field.name: int(field.metadata[b"PARQUET:field_id"]) for field in arrow}


# --- loads


def test_a_new_column_is_added(project):
    rows_of(project, "select 1 as id")
    ran = rows_of(project, "select 2 as id, 'x' as w, date '2001-02-03' as d")
    assert schema(project) == (2, {"id": "INTEGER", "w": "VARCHAR", "d": "DATE"})
    assert field_ids(project) == {"id": 1, "w": 2, "d": 3}
    event = ran.named("schema.evolved")[0]
    assert event["changes"] == "w VARCHAR added, d DATE added" and event["table"] == "t.x"
    rows_of(project, "select 3 as id, 'y' as w, null::date as d")
    assert schema(project)[0] == 2  # nothing new
    project.check_consistent()


@pytest.mark.parametrize(
    "before, after, becomes",
    [
        ("1::integer", "2::bigint", "BIGINT"),
        ("1::bigint", "2.5::decimal(10,2)", "DECIMAL(21,2)"),
        ("1::float", "2::double", "DOUBLE"),
        ("1.5::decimal(4,1)", "2.25::decimal(6,2)", "DECIMAL(6,2)"),
        ("{'a': 1}", "{'b': 'x', 'a': 2::bigint}", 'STRUCT("a" BIGINT, "b" VARCHAR)'),
        ("[1]", "[2::bigint]", "BIGINT[]"),
        # What is there holds it: later types are fitted to it.
        ("1::bigint", "2::integer", "BIGINT"),
        ("1::decimal(10,2)", "2::bigint", "DECIMAL(10,2)"),
        ("1::bigint", "'2'", "BIGINT"),
        ("1::double", "2::bigint", "DOUBLE"),
        ("'a'", "2", "VARCHAR"),
        ("'a'::enum('a', 'b')", "'c'", "VARCHAR"),
        ("timestamp_s '2001-01-01'", "timestamp '2001-01-01'", "TIMESTAMP"),
    ],
)
def test_types(project, before, after, becomes):
    rows_of(project, f"select {before} as v")
    was = schema(project)[1]["v"]
    rows_of(project, f"select {after} as v")
    assert schema(project) == (1 if becomes == was else 2, {"v": becomes})
    assert len(project.rows("t.x")) == 1


def test_a_column_that_rows_lack_is_null(project):
    rows_of(project, "select 1 as id, 'x' as w")
    rows_of(project, "select 2 as id")
    assert schema(project) == (1, {"id": "INTEGER", "w": "VARCHAR"})
    assert project.rows("t.x") == [(2, None)]


@pytest.mark.parametrize("policy", ["evolve", "freeze", "discard_columns", "discard_rows"])
def test_the_first_value_gives_the_type(project, policy):
    rows_of(project, "select 1 as id, null as v", schema=policy)
    assert schema(project) == (1, {"id": "INTEGER", "v": "NULL"})
    rows_of(project, "select 1 as id, 'x' as v", schema=policy)
    assert schema(project) == (1, {"id": "INTEGER", "v": "VARCHAR"})
    assert project.rows("t.x") == [(1, "x")]


@pytest.mark.parametrize(
    "before, after, types",
    [
        ("1::bigint", "'two'", "is VARCHAR and must be BIGINT"),
        ("1::bigint", "2.5::double", "is DOUBLE and must be BIGINT"),
        ("1::decimal(10,2)", "1.005::double", "is DOUBLE and must be DECIMAL(10,2)"),
        ("date '2001-01-01'", "timestamp '2001-01-01 10:00'", "is TIMESTAMP and must be DATE"),
        ("[1]", "['x']", "is VARCHAR[] and must be INTEGER[]"),
        ("1", "[1]", "is INTEGER[] and must be INTEGER"),
        ("1::decimal(38,0)", "0.25::decimal(38,2)", "is DECIMAL(38,2) and must be DECIMAL(38,0)"),
    ],
)
def test_what_does_not_fit(project, before, after, types):
    rows_of(project, f"select {before} as v")
    line = refused(project, f"select unnest([null, {after}, {after}]) as v")
    assert f'column "v" {types}: the value in row 2 does not fit; cast it in the SELECT' in line
    assert schema(project)[0] == 1
    assert len(project.rows("t.x")) == 1
    project.check_consistent()


def test_values_are_shown_where_samples_are(project):
    project.write(
        "sluice.yaml",
        project.path("sluice.yaml").read_text().replace("dir: .sluice/logs", "dir: .sluice/logs, samples: true"),
    )
    if "samples" not in project.path("sluice.yaml").read_text():
        pytest.fail("sluice.yaml of the tests names no folder for logs")
    rows_of(project, "select 1 as id, 1 as v", key=["id"])
    line = refused(project, "select 7 as id, 'two' as v", key=["id"])
    assert '"two" in row 1 (id 7) does not fit' in line


def test_policies_for_new_columns(project):
    rows_of(project, "select 1 as id")
    line = refused(project, "select 2 as id, 'x' as w", schema="freeze")
    assert 'column "w" (VARCHAR) is not in the table t.x and its schema is frozen' in line
    rows_of(project, "select 2 as id, 'x' as w", schema="discard_columns")
    assert project.rows("t.x") == [(2,)]
    ran = rows_of(
        project,
        "select * from (values (3, 'x'), (4, null), (5, null)) r(id, w)",
        schema="discard_rows",
    )
    assert project.rows("t.x") == [(4,), (5,)]
    assert ran.named("rows.discarded")[0]["rows"] == 1
    assert schema(project) == (1, {"id": "INTEGER"})


def test_policies_for_types(project):
    rows_of(project, "select 1::integer as v")
    for policy in ("freeze", "discard_columns"):
        line = refused(project, "select 5000000000 as v", schema=policy)
        assert "is BIGINT and must be INTEGER: the value in row 1 does not fit" in line
        rows_of(project, "select 5::bigint as v", schema=policy)  # all that there are do fit
    sql = "select unnest(['1', 'x', null, '2.5', '3'])"
    ran = rows_of(project, f"{sql} as v", schema="discard_rows")
    assert project.rows("t.x") == [(1,), (None,), (3,)]
    assert ran.named("rows.discarded")[0]["rows"] == 2
    assert ran.named("run.finished")[0]["rejected"] == 2
    assert schema(project) == (1, {"v": "INTEGER"})


def test_a_field_of_a_struct_is_not_dropped_without_a_word(project):
    rows_of(project, "select {'a': 1} as s")
    line = refused(project, "select {'a': 1, 'b': 2} as s", schema="freeze")
    assert 'which has no place for the field "b"' in line
    rows_of(project, "select {'a': 1, 'b': 2} as s", schema="discard_columns")
    assert project.rows("t.x") == [({"a": 1},)]


def test_types_that_files_would_bend(project):
    rows_of(project, "select 1 as id")
    line = refused(project, "select 1 as id, 1::hugeint as h")
    assert 'column "h" is HUGEINT, which Parquet files cannot hold: cast it to DECIMAL(38,0)' in line
    assert schema(project)[0] == 1


def test_two_loads_of_one_run(project):
    project.pipeline(
        "x",
        {
            "transform": {"a": {"sql": "select 1 as id, 'x' as w"}, "b": {"sql": "select 2 as id, true as z"}},
            "load": {name: {"into": "t.x", "mode": "overwrite"} for name in "ab"},
        },
    )
    rows_of(project, "select 0 as id")
    project.pipeline(
        "x",
        {
            "extract": {"in": {"from": "in.csv", "repeat": True}},
            "transform": {
                "a": {"sql": "select id::integer as id, 'x' as w from \"in\""},
                "b": {"sql": "select id::integer as id, true as z from \"in\""},
            },
            "load": {name: {"into": "t.x", "mode": "append"} for name in "ab"},
        },
    )
    project.write("in.csv", "id\n7\n")
    project.run("x")
    number, columns = schema(project)
    assert number == 3 and columns == {"id": "INTEGER", "w": "VARCHAR", "z": "BOOLEAN"} or columns == {
        "id": "INTEGER",
        "z": "BOOLEAN",
        "w": "VARCHAR",
    }
    assert len(project.files("t.x")) == 3
    assert len(catalog(project, "schema", "t.x", "--all")["schemas"]) == 3
    project.check_consistent()


def test_a_partition_keeps_its_texts(project):
    options = {"partition_by": ["v"]}
    rows_of(project, "select 1::bigint as v", **options)
    line = refused(project, "select 2.5::decimal(10,2) as v", **options)
    assert "is DECIMAL(10,2) and must be BIGINT: the value in row 1 does not fit" in line
    rows_of(project, "select 2::decimal(10,2) as v", **options)
    assert [file["values"] for file in project.files("t.x")] == [["2"]]


# --- by hand


def make_required(project):
    catalog(project, "create-namespace", "t")
    catalog(project, "create-table", "t.x")
    catalog(
        project, "create-table-version", "t.x", "--lifecycle", "active", "--column", "id BIGINT NOT NULL",
        "--column", "v VARCHAR",
    )  # fmt: skip


def test_a_required_column(project):
    make_required(project)
    line = refused(project, "select 'x' as v")
    assert 'column "id" of the table t.x is required and the rows have none' in line
    line = refused(project, "select unnest([1, null]) as id, 'x' as v")
    assert 'column "id" is required, but null in 1 row' in line
    rows_of(project, "select 1 as id, 'x' as v")
    rows_of(project, "select unnest([1, null]) as id, 'x' as v", schema="discard_rows")
    assert project.rows("t.x") == [(1, "x")]
    said = catalog(project, "alter", "t.x", "--nullable", "id")
    assert said["columns"][0]["required"] is False
    rows_of(project, "select 'y' as v")
    assert project.rows("t.x") == [(None, "y")]


def test_a_pipeline_says_what_is_required(project):
    sql = "select * from (values (1, 'a'), (2, {})) t(id, v)"
    line = refused(project, sql.format("null"), required=["V", "id"])
    assert 'column "v" is required, but null in 1 row (row 2)' in line
    assert 'required: the rows have no column "w"' in refused(project, sql.format("'b'"), required=["w"])
    rows_of(project, sql.format("'b'"), required=["V", "id"])
    shown = catalog(project, "schema", "t.x")
    assert [column["required"] for column in shown["columns"]] == [True, True]
    assert 'column "v" is required, but null in 1 row (row 2)' in refused(project, sql.format("null"))
    line = refused(project, "select 3 as id, 'c' as v, 5 as n", required=["n"])
    assert 'the column "n" of the table t.x may be null; change the table: sluice catalog alter t.x --required n' in line


def test_a_column_becomes_required(project):
    rows_of(project, "select * from (values (1, 'a', 1), (2, 'b', null)) t(id, v, n)")
    result = project.sluice("catalog", "alter", "t.x", "--required", "n")
    assert result.exit == 2 and 'column "n": it cannot become required, as rows of 1 files are null' in result.error
    (delta,) = catalog(project, "list-deltas", "t.x")
    manifest = project.sluice("catalog", "get-delta", "t.x", "--id", delta["delta_id"], "--include-manifest", "--json")
    project.write("manifest.json", manifest.stdout)
    assert [c["required"] for c in catalog(project, "alter", "t.x", "--required", "v")["columns"]] == [False, True, False]
    line = refused(project, "select 3 as id, null::varchar as v, 1 as n")
    assert 'column "v" is required, but null in 1 row (row 1)' in line
    # Files that were written when it could be null are looked at again.
    result = project.sluice("catalog", "stage-delta", "t.x", "--manifest", "manifest.json", "--type", "append")
    assert result.exit != 0 and 'column "v" became required meanwhile' in result.error, str(result)
    rows_of(project, "select 3 as id, 'c' as v")
    assert project.rows("t.x") == [(3, "c", None)]


def test_alter(project):
    rows_of(project, "select 1 as id, 2 as v")
    said = catalog(
        project, "alter", "t.x", "--rename", "v=value", "--add", "w varchar", "--widen", "v int8",
        "--comment", "id=what it is", "--sort-by", "id desc", "--description", "rows", "--property", "a=b",
    )  # fmt: skip
    assert said["schema_id"] == 2 and said["sort_by"] == ["id desc"]
    assert said["columns"] == [
        {"field_id": 1, "name": "id", "type": "INTEGER", "iceberg_type": "int", "required": False, "comment": "what it is"},
        {"field_id": 2, "name": "value", "type": "BIGINT", "iceberg_type": "long", "required": False},
        {"field_id": 3, "name": "w", "type": "VARCHAR", "iceberg_type": "string", "required": False},
    ]
    assert catalog(project, "show", "t.x")["description"] == "rows"
    assert catalog(project, "get-table", "t.x")["properties"] == {"a": "b"}
    assert catalog(project, "alter", "t.x", "--property", "c=d", "--property", "a=")
    assert catalog(project, "get-table", "t.x")["properties"] == {"c": "d"}
    assert schema(project)[0] == 2  # only columns make a schema
    # A load finds the column by its new name.
    rows_of(project, "select 3 as id, 4 as value, 'x' as w", schema="freeze")
    assert field_ids(project) == {"id": 1, "value": 2, "w": 3}


@pytest.mark.parametrize(
    "flags, message",
    [
        (["--rename", "prise=x"], '--rename: t.x has no column "prise"; did you mean "price"?'),
        (["--rename", "id=x"], '--rename "id": partition_by goes by that column'),
        (["--rename", "price=ID"], 't.x would have two columns "ID"'),
        (["--widen", "price smallint"], '--widen "price": SMALLINT does not hold all values of INTEGER'),
        (["--add", "x integr"], '--add "x": "integr" is not a type; did you mean "integer"?'),
        (["--add", "x hugeint"], "table files cannot hold hugeint: cast it to DECIMAL(38,0)"),
        ([], "say what to change"),
        (["--add", "x date", "--dry-run"], "--dry-run is for a full round"),
    ],
)
def test_what_alter_refuses(project, flags, message):
    rows_of(project, "select 1 as id, 2 as price", partition_by=["id"])
    result = project.sluice("catalog", "alter", "t.x", *flags)
    assert result.exit == 2 and message in result.error
    assert schema(project)[0] == 1


def test_schemas_are_kept(project):
    rows_of(project, "select 1 as id")
    rows_of(project, "select 1 as id, 2 as v")
    said = catalog(project, "schema", "t.x", "--all")
    assert [item["schema_id"] for item in said["schemas"]] == [1, 2]
    assert [len(item["columns"]) for item in said["schemas"]] == [1, 2]
    text = project.sluice("catalog", "schema", "t.x", "--all").stdout
    assert "schema 1, " in text and "schema 2, " in text


def test_diff_and_accept(project):
    rows_of(project, "select 1 as id, 'x' as w, 1 as n, null as u")
    sql = "select 1::bigint as id, 2.5 as n, true as z, 5 as u"
    load = {"into": "t.x", "mode": "overwrite", "schema": "freeze"}
    project.pipeline("y", {"transform": {"x": {"sql": sql}}, "load": {"x": load}})
    said = catalog(project, "schema", "t.x", "--diff", "y")
    assert said == [
        {
            "load": "x",
            "differences": [
                {"column": "id", "difference": "widened", "table": "INTEGER", "rows": "BIGINT", "after": "BIGINT"},
                {"column": "w", "difference": "missing", "table": "VARCHAR", "after": "VARCHAR"},
                {"column": "n", "difference": "widened", "table": "INTEGER", "rows": "DECIMAL(2,1)", "after": "DECIMAL(11,1)"},
                {"column": "u", "difference": "typed", "table": "NULL", "rows": "INTEGER", "after": "INTEGER"},
                {"column": "z", "difference": "added", "rows": "BOOLEAN", "after": "BOOLEAN"},
            ],
            "changes": True,
        }
    ]  # fmt: skip
    text = project.sluice("catalog", "schema", "t.x", "--diff", "y").stdout
    assert "load.x into t.x: the columns would change" in text
    assert schema(project)[0] == 1
    assert "is frozen" in project.fails("y")
    catalog(project, "schema", "t.x", "--accept", "y")
    assert schema(project)[1]["z"] == "BOOLEAN"
    project.run("y")
    assert catalog(project, "schema", "t.x", "--diff", "y")[0]["changes"] is False
    result = project.sluice("catalog", "schema", "t.z", "--diff", "y")
    assert result.exit == 2 and "y has no load into t.z" in result.error


def test_another_partitioning_names_the_command(project):
    rows_of(project, "select 1 as id", partition_by=["id"])
    line = refused(project, "select 1 as id", expect=2)
    assert "sluice catalog alter t.x --partition-by" in line


# --- old files under the new schema


def read(project, sql="select * from x order by all"):
    result = project.sluice("catalog", "read", "t.x", "--sql", sql, "--format", "ndjson")
    assert result.exit == 0, str(result)
    return [json.loads(line) for line in result.stdout.splitlines()]


def grow(project):
    """Three files, each with a schema of its own."""
    project.copy_pipeline("x", **{"from": "in/*.csv"})
    project.write("in/1.csv", "id,v\n1,10\n")
    project.run("x")
    project.write("in/2.csv", "id,v,w\n2,20,x\n")
    project.run("x")
    catalog(project, "alter", "t.x", "--rename", "v=value", "--widen", "v decimal(22,3)")


def test_old_files_are_read_under_the_new_schema(project):
    grow(project)
    assert read(project, "select id, value::double as value, w from x order by id") == [
        {"id": 1, "value": 10.0, "w": None},
        {"id": 2, "value": 20.0, "w": "x"},
    ]
    assert read(project, "select distinct typeof(value) as type from x") == [{"type": "DECIMAL(22,3)"}]


def test_a_name_that_is_given_anew_is_another_column(project):
    grow(project)
    project.write("in/3.csv", "id,v\n3,30\n")
    project.run("x")  # `v` is new: the old one is `value` now
    assert read(project, "select id, value::double as value, v from x order by id") == [
        {"id": 1, "value": 10.0, "v": None},
        {"id": 2, "value": 20.0, "v": None},
        {"id": 3, "value": None, "v": 30},
    ]


@pytest.mark.parametrize("policy", ["evolve", "freeze", "discard_columns"])
def test_a_version_without_columns_gets_those_of_the_first_rows(project, policy):
    for verb in ["create-namespace t", "create-table t.x", "create-table-version t.x --lifecycle active"]:
        assert project.sluice("catalog", *verb.split()).exit == 0
    project.write("x.csv", "id,name\n1,a\n2,b\n")
    project.pipeline("x", {"extract": {"x": {"from": "x.csv", "repeat": True}}, "load": {"x": {"into": "t.x", "schema": policy}}})
    for count in (2, 4):
        project.run("x")
        result = project.sluice("catalog", "read", "t.x", "--sql", "select count(*), min(name) from x", "--format", "csv")
        assert result.stdout.splitlines()[1:] == [f"{count},a"], str(result)


def test_a_table_whose_versions_are_not_active(project):
    for verb in ["create-namespace t", "create-table t.x", "create-table-version t.x"]:
        assert project.sluice("catalog", *verb.split()).exit == 0
    result = project.sluice("catalog", "read", "t.x")
    assert result.exit == 2 and "the table t.x has no active version" in result.stderr
