"""Files as they come: every dialect option of CSV, JSON, NDJSON, Parquet, compressed, odd names, odd
columns, and what is said when one of them breaks its contract."""

import datetime
import decimal
import gzip
import json
import re

import pytest

DATE = datetime.date


def load(project, content, name="x.csv", **extract):
    """One file through the smallest pipeline; the table's rows."""
    project.write(f"in/{name}", content if isinstance(content, bytes) else content.encode())
    extract.setdefault("from", f"in/{name}")
    project.copy_pipeline("x", **extract)
    result = project.run("x")
    project.check_consistent()
    return result


def refused(project, content, name="x.csv", expect=1, **extract):
    """One file that must not be loaded: the error line, nothing committed."""
    project.write(f"in/{name}", content if isinstance(content, bytes) else content.encode())
    extract.setdefault("from", f"in/{name}")
    project.copy_pipeline("x", **extract)
    line = project.fails("x", expect=expect)
    assert project.commits() == []
    assert project.stored() == []
    project.check_consistent()
    return line




# --- the dialect


DIALECTS = {
    "delimiter": ("a;b\n1;2,5\n", {"delimiter": ";"}, [(1, "2,5")]),
    "delimiter of two bytes": ("a||b\n1||2|5\n", {"delimiter": "||"}, [(1, "2|5")]),
    "tab": ("a\tb\n1\tx,y;z\n", {"delimiter": "\t"}, [(1, "x,y;z")]),
    "quote": ("a,b\n1,'x,y'\n", {"quote": "'"}, [(1, "x,y")]),
    "no quote": ('a,b\n1,"x\n2,y"\n', {"quote": ""}, [(1, '"x'), (2, 'y"')]),
    "escape": ('a,b\n1,"x\\"y"\n', {"escape": "\\"}, [(1, 'x"y')]),
    "doubled quote": ('a,b\n1,"x""y"\n', {}, [(1, 'x"y')]),
    "quoted line end": ('a,b\n1,"x\ny"\n2,z\n', {}, [(1, "x\ny"), (2, "z")]),
    "no header": ("1,x\n2,y\n", {"header": False}, [(1, "x"), (2, "y")]),
    "skip": ("made by X\n\na,b\n1,x\n", {"skip": 2}, [(1, "x")]),
    "nulls": ("a,b\n1,NA\n-,y\n3,\n", {"nulls": ["NA", "-", ""]}, [(1, None), (None, "y"), (3, None)]),
    "nulls without the empty cell": ("a,b\n1,NA\n2,\n", {"nulls": ["NA"]}, [(1, None), (2, "")]),
    "empty cell": ("a,b\n1,\n,y\n", {}, [(1, None), (None, "y")]),
    "date_format": ("a\n03.02.2001\n", {"date_format": "%d.%m.%Y"}, [(DATE(2001, 2, 3),)]),
    "timestamp_format": (
        "a\n03.02.2001 04:05\n",
        {"timestamp_format": "%d.%m.%Y %H:%M"},
        [(datetime.datetime(2001, 2, 3, 4, 5),)],
    ),
    "latin-1": ("a,b\n1,Zürich\n".encode("latin-1"), {"encoding": "latin-1"}, [(1, "Zürich")]),
    "utf-16": ("a,b\n1,Zürich\n".encode("utf-16"), {"encoding": "utf-16"}, [(1, "Zürich")]),
    "decimal comma": (
        "a;b\n1,5;x\n-2,25;y\n",
        {"delimiter": ";", "decimal": ","},
        [(1.5, "x"), (-2.25, "y")],
    ),
    "BOM": ("\ufeffa,b\n1,x\n", {}, [(1, "x")]),
    "CRLF": ("a,b\r\n1,x\r\n2,y\r\n", {}, [(1, "x"), (2, "y")]),
    "no line end at the end": ("a,b\n1,x\n2,y", {}, [(1, "x"), (2, "y")]),
    "emoji": ("a,b\n1,🦆\n", {}, [(1, "🦆")]),
}


@pytest.mark.parametrize("case", DIALECTS)
def test_dialect(project, case):
    content, csv, rows = DIALECTS[case]

    load(project, content, **({"csv": csv} if csv else {}))
    assert project.rows("t.x") == rows


def test_bom_is_not_in_the_first_name(project):
    load(project, "\ufeffa,b\n1,x\n")
    assert list(project.columns("t.x")) == ["a", "b"]


def test_decimal_comma_under_a_contract(project):
    load(
        project,
        "p;q\n1,50;x\n",
        csv={"delimiter": ";", "decimal": ","},
        columns={"p": "decimal(10,2)"},
    )
    assert project.rows("t.x") == [(decimal.Decimal("1.50"), "x")]


def test_timezone_of_naive_timestamps(project):
    load(project, "a\n2001-07-01 12:00:00\n", timezone="Europe/Berlin")
    (moment,) = project.rows("t.x")[0]
    utc = moment if moment.tzinfo is None else moment.astimezone(datetime.timezone.utc)
    assert utc.replace(tzinfo=None) == datetime.datetime(2001, 7, 1, 10)


# --- the other formats


def test_json_array(project):
    load(project, json.dumps([{"a": 1, "b": "x"}, {"a": 2, "c": True}]), "x.json")
    assert project.rows("t.x") == [(1, "x", None), (2, None, True)]


def test_json_of_one_object_a_line_is_ndjson(project):
    load(project, '{"a": 1}\n{"a": 2, "b": [1, 2]}\n', "x.ndjson")
    assert project.rows("t.x") == [(1, None), (2, "[1,2]")]


def test_ndjson_nested(project):
    """What is nested stays JSON, unless the contract says what is in it."""
    content = '{"a": {"b": [{"c": "ü"}]}}\n'
    load(project, content, "x.ndjson")
    assert project.rows("t.x") == [('{"b":[{"c":"ü"}]}',)]
    assert project.columns("t.x") == {"a": "JSON"}


def test_ndjson_nested_under_a_contract(project):
    load(
        project,
        '{"a": {"b": [{"c": "ü"}]}, "l": [1, 2]}\n',
        "x.ndjson",
        columns={"a": "struct(b struct(c varchar)[])", "l": "bigint[]"},
    )
    assert project.rows("t.x") == [({"b": [{"c": "ü"}]}, [1, 2])]


def test_format_beats_extension(project):
    load(project, '{"a": 1}\n', "x.log", format="ndjson")
    assert project.rows("t.x") == [(1,)]


def test_parquet(project):
    import pyarrow
    import pyarrow.parquet

    content = pyarrow.table(
        {
            "i": pyarrow.array([1, None, 3], pyarrow.int16()),
            "s": ["a", "", None],
            "d": [decimal.Decimal("1.50"), None, decimal.Decimal("-2.25")],
            "t": [DATE(1969, 12, 31), DATE(2001, 2, 3), None],
            "l": [[1, 2], [], None],
        }
    )
    project.path("in").mkdir()
    pyarrow.parquet.write_table(content, project.path("in/x.parquet"))
    project.copy_pipeline("x", **{"from": "in/x.parquet"})
    project.run("x")
    assert project.table("t.x").to_pylist() == content.to_pylist()
    assert project.columns("t.x") == {
        "i": "SMALLINT",
        "s": "VARCHAR",
        "d": "DECIMAL(3,2)",
        "t": "DATE",
        "l": "BIGINT[]",
    }


ROWS = "a,b\n" + "".join(f"{i},line {i}\n" for i in range(5000))


def zstd(content):
    import pyarrow

    return pyarrow.compress(content, codec="zstd", asbytes=True)


@pytest.mark.parametrize("name", ["x.csv.gz", "x.csv.zst"])
def test_compressed(project, name):
    content = gzip.compress(ROWS.encode()) if name.endswith("gz") else zstd(ROWS.encode())
    load(project, content, name)
    assert project.rows("t.x") == [(i, f"line {i}") for i in range(5000)]


def test_gzip_of_several_members(project):
    half = len(ROWS) // 2
    load(project, gzip.compress(ROWS[:half].encode()) + gzip.compress(ROWS[half:].encode()), "x.csv.gz")
    assert project.rows("t.x") == [(i, f"line {i}") for i in range(5000)]


def test_compression_beats_extension(project):
    load(project, gzip.compress(ROWS.encode()), "x.csv", compression="gzip")
    assert len(project.rows("t.x")) == 5000


def test_gzipped_ndjson(project):
    load(project, gzip.compress(b'{"a": 1}\n{"a": 2}\n'), "x.ndjson.gz")
    assert project.rows("t.x") == [(1,), (2,)]


# --- several files


def test_columns_in_another_order(project):
    project.write("in/1.csv", "a,b\n1,x\n")
    project.write("in/2.csv", "b,a\ny,2\n")
    project.write("in/3.csv", "b,c,a\nz,9,3\n")
    load(project, "a,b\n4,w\n", "4.csv", **{"from": "in/*.csv"})
    assert project.rows("t.x") == [(1, "x", None), (2, "y", None), (3, "z", 9), (4, "w", None)]
    assert list(project.columns("t.x")) == ["a", "b", "c"]


def test_types_are_those_of_all_files(project):
    project.write("in/1.csv", "a\n1\n2\n")
    project.write("in/2.csv", "a\n3.5\n")
    load(project, "a\nx\n", "3.csv", **{"from": "in/*.csv"})
    assert project.rows("t.x") == [("1",), ("2",), ("3.5",), ("x",)]


def test_type_of_a_late_value(project):
    """Beyond the sample that the type was found in: not lost, but told with its line. A contract
    settles it."""
    content = "a\n" + "".join(f"{i}\n" for i in range(50000)) + "n/a\n"
    line = refused(project, content)
    assert 'extract.x: in/x.csv: line 50002, column "a": "n/a" is not BIGINT' in line
    load(project, content, columns={"a": "varchar"})
    rows = project.rows("t.x")
    assert len(rows) == 50001 and rows[0] == ("0",) and rows[-1] == ("n/a",)


def test_globs(project):
    for name in ("in/2001/01/a.csv", "in/2001/02/b.csv", "in/2002/c.csv", "in/2002/c.txt"):
        project.write(name, f"a\n{name}\n")
    project.copy_pipeline("x", **{"from": "in/**/[ab].csv"})
    project.run("x")
    assert project.rows("t.x") == [("in/2001/01/a.csv",), ("in/2001/02/b.csv",)]


def test_empty_files_among_others(project):
    project.write("in/0.csv", "")
    project.write("in/1.csv", "a,b\n")
    project.write("in/3.csv", "")
    load(project, "a,b\n1,x\n", "2.csv", **{"from": "in/*.csv"})
    assert project.rows("t.x") == [(1, "x")]


@pytest.mark.parametrize("content", ["a,b\n", "a,b"])
def test_only_a_header(project, content):
    result = load(project, content)
    assert project.rows("t.x") == []
    assert result.named("run.finished")[0]["rows"] == 0


def test_nothing_but_an_empty_file(project):
    assert refused(project, "") == (
        "pipelines/x.yaml:4:7: extract.x: in/x.csv: there are no columns: list them under columns, "
        "with their types"
    )


def test_all_null_column(project):
    load(project, "a,b\n1,\n2,\n")
    assert project.columns("t.x") == {"a": "BIGINT", "b": "NULL"}
    assert project.table("t.x").to_pylist()[0]["a"] == 1


def test_all_null_column_gets_its_type_later(project):
    project.copy_pipeline("x", **{"from": "in/*.csv"})
    project.write("in/1.csv", "a,b\n1,\n")
    project.run("x")
    project.write("in/2.csv", "a,b\n2,7\n")
    project.run("x")
    rows = project.table("t.x").to_pylist()
    assert [(row["a"], row["b"]) for row in rows] == [(1, None), (2, 7)]
    assert project.columns("t.x") == {"a": "BIGINT", "b": "BIGINT"}
    project.write("in/3.csv", "a,b\n3,x\n")
    assert 'column "b" is VARCHAR and must be BIGINT' in project.fails("x")
    project.check_consistent()


def test_header_first_rows_later(project):
    """The first file of a feed may be empty: the table is there, its columns get types later."""
    project.pipeline(
        "x",
        {
            "extract": {"x": {"from": "in/*.csv", "only_new": True}},
            "load": {"x": {"into": "t.x", "partition_by": ["a"]}},
        },
    )
    project.write("in/1.csv", "a,b\n")
    project.run("x")
    assert project.columns("t.x") == {"a": "NULL", "b": "NULL"}
    project.write("in/2.csv", "a,b\n2,y\n")
    project.run("x")
    assert project.rows("t.x") == [(2, "y")]
    project.check_consistent()


# --- names


ODD = ["it's", "100%", "a b", "$x", "🦆", "#1", "käse", 'say "hi"', "semi;colon", "back\\slash"]


@pytest.mark.parametrize("name", ODD)
def test_odd_file_names(project, name):
    load(project, "a\n1\n", f"{name}.csv", **{"from": "in/*.csv"})
    assert project.rows("t.x") == [(1,)]
    again = project.run("x")
    assert len(again.named("run.nothing_new")) == 1


def test_odd_column_names(project):
    header = ",".join('"' + name.replace('"', '""') + '"' for name in ODD)
    load(project, header + "\n" + ",".join(map(str, range(len(ODD)))) + "\n")
    assert project.table("t.x").column_names == ODD
    assert project.rows("t.x") == [tuple(range(len(ODD)))]


def test_odd_column_names_under_a_contract(project):
    columns = {name: "decimal(5,1)" for name in ODD}
    header = ",".join('"' + name.replace('"', '""') + '"' for name in ODD)
    load(project, header + "\n" + ",".join(map(str, range(len(ODD)))) + "\n", columns=columns)
    assert project.rows("t.x") == [tuple(map(decimal.Decimal, range(len(ODD))))]


def test_bytes_of_a_file_name_that_are_no_utf8(project):
    import os

    project.path("in").mkdir()
    with open(os.path.join(os.fsencode(project.path("in")), b"caf\xe9.csv"), "wb") as file:
        file.write(b"a\n1\n")
    project.copy_pipeline("x", **{"from": "in/*.csv"})
    project.run("x")
    assert project.rows("t.x") == [(1,)]
    assert len(project.run("x").named("run.nothing_new")) == 1


# --- contracts


def test_contract_types_hold(project):
    load(
        project,
        "id,day,price,code\n1,2001-02-03,1.5,007\n",
        columns={"id": "integer", "day": "date", "price": "decimal(10,2)", "code": "varchar"},
    )
    assert project.rows("t.x") == [(1, DATE(2001, 2, 3), decimal.Decimal("1.50"), "007")]


def test_contract_of_json(project):
    load(project, '{"id": "7", "p": 1.5}\n', "x.ndjson", columns={"id": "bigint", "p": "decimal(4,2)"})
    assert project.rows("t.x") == [(7, decimal.Decimal("1.50"))]


def test_contract_column_is_missing(project):
    line = refused(project, "id,Price\n1,2\n", columns={"id": "bigint", "prise": "double"})
    assert line == (
        'pipelines/x.yaml:8:7: extract.x: in/x.csv: column "prise" is missing; the file has: '
        '"Price", "id"'
    )


def test_bad_cell(project):
    line = refused(project, "id,n\n1,5\n2,x7\n3,9\n", columns={"n": "bigint"})
    assert line == (
        'pipelines/x.yaml:7:7: extract.x: in/x.csv: line 3, column "n": "x7" is not BIGINT; '
        "mend it, or say on_bad_row: skip or quarantine"
    )


@pytest.mark.parametrize(
    "content,number",
    [
        ('id,t,n\n1,"a\nb\nc",5\n2,d,x7\n', 5),
        ('id,t,n\r\n1,"a\r\nb",5\r\n2,d,x7\r\n', 4),
        ('id,"t\nt",n\n1,a,5\n2,d,x7\n', 4),
        ("id,t,n\n\n1,a,5\n\n\n2,d,x7\n", 6),
        ('id,t,n\n\n1,"a\n\n""\n\nb",5\n\n2,d,x7\n', 9),
        ("id,t,n\n1,a\n2,d,x7\n", 2),
        ('id,t,n\n1,"a\nb",5\n2,d\n', 4),
        ('id,t,n\n1,"a\nb"\n2,d,x7\n', 2),
    ],
)
def test_lines_are_those_of_the_file(project, content, number):
    """Where rows go over several lines, or lines are no rows."""
    line = refused(project, content, columns={"n": "bigint"}, csv={"delimiter": ","})
    assert re.search(rf"extract\.x: in/x\.csv: line {number}[,:] ", line), line


@pytest.mark.parametrize(
    "content,says",
    [("a,b\n1,2\n3\n", "the row has less than 2 cells"), ("a,b\n1,2\n3,4,5\n", "the row has more than 2 cells")],
)
def test_too_few_and_too_many_cells(project, content, says):
    line = refused(project, content, csv={"delimiter": ","})
    assert f"extract.x: in/x.csv: line 3: {says}; mend it, or say on_bad_row: skip or quarantine" in line


def test_skipped_rows_are_counted(project):
    lines = "".join(f"{i},{'bad' if i % 3 == 0 else i}\n" for i in range(1, 61))
    result = load(project, f"id,n\n{lines}", columns={"n": "bigint"}, on_bad_row="skip")
    skipped = result.named("rows.skipped")
    run_id = result.named("run.started")[0]["run_id"]

    assert project.rows("t.x") == [(i, i) for i in range(1, 61) if i % 3]
    assert [(e["line"], e["column"]) for e in skipped if "line" in e] == [
        (1 + 3 * i, "n") for i in range(1, 11)
    ]
    assert {e["object"] for e in skipped if "line" in e} == {"in/x.csv"}
    assert {e["reason"] for e in skipped if "line" in e} == {"the value is not BIGINT"}
    assert [e["rejected"] for e in skipped if "rejected" in e] == [20]
    assert result.named("run.finished")[0]["rejected"] == 20
    record = project.sluice("runs", "show", run_id, "--json").json
    (extract,) = [task for task in record["tasks"] if task["task"] == "extract.x"]
    assert extract["rejected"] == 20
    assert [reject["line"] for reject in extract["rejects"]] == [1 + 3 * i for i in range(1, 11)]
    assert {reject["reason"] for reject in extract["rejects"]} == {"the value is not BIGINT"}


def test_a_row_with_two_bad_cells_counts_once(project):
    result = load(
        project,
        "id,n\nx,y\n1,2\n",
        columns={"id": "bigint", "n": "bigint"},
        on_bad_row="skip",
    )
    assert project.rows("t.x") == [(1, 2)]
    assert result.named("run.finished")[0]["rejected"] == 1


def test_no_sample_of_rows_in_the_log(project):
    result = load(project, "id,n\n1,secret7\n2,3\n", columns={"n": "bigint"}, on_bad_row="skip")
    assert "secret7" not in result.stderr
    for path in project.path(".sluice/logs").iterdir():
        assert "secret7" not in path.read_text()


def test_samples_of_rows_in_the_log_when_asked_for(project):
    settings = (project.root / "sluice.yaml").read_text()
    project.write("sluice.yaml", settings.replace("{dir:", "{samples: true, dir:"))
    result = load(project, "id,n\n1,secret7\n2,3\n", columns={"n": "bigint"}, on_bad_row="skip")
    (reject,) = [e for e in result.named("rows.skipped") if "line" in e]
    run_id = result.named("run.started")[0]["run_id"]

    assert reject["reason"] == '"secret7" is not BIGINT'
    assert "secret7" not in project.sluice("runs", "show", run_id, "--json").stdout


def test_skip_in_ndjson(project):
    result = load(
        project,
        '{"id": 1, "n": 5}\n{"id": 2, "n": "x"}\n{"id": 3, "n": 7}\n',
        "x.ndjson",
        columns={"n": "bigint"},
        on_bad_row="skip",
    )
    assert project.rows("t.x") == [(1, 5), (3, 7)]
    (reject,) = [e for e in result.named("rows.skipped") if "line" in e]
    assert (reject["line"], reject["column"]) == (2, "n")


def test_broken_ndjson_line(project):
    line = refused(project, '{"a": 1}\n{"a": 2\n{"a": 3}\n', "x.ndjson")
    assert 'in/x.ndjson: line 2: this is no JSON object: {"a": 2' in line


def test_contract_of_parquet(project):
    import pyarrow
    import pyarrow.parquet

    project.path("in").mkdir()
    pyarrow.parquet.write_table(
        pyarrow.table({"id": [1, 2, 3], "n": ["4", "x", "6"]}), project.path("in/x.parquet")
    )
    project.copy_pipeline("x", **{"from": "in/x.parquet", "columns": {"n": "bigint"}})
    line = project.fails("x")
    assert 'in/x.parquet: row 2, column "n": "x" is not BIGINT' in line


# --- what cannot be told apart


def test_ambiguous_dates_are_refused(project):
    line = refused(project, "day\n01/02/2001\n03/04/2001\n")
    assert 'column "day"' in line and "date_format" in line


def test_a_day_over_twelve_tells_them_apart(project):
    load(project, "day\n01/02/2001\n23/04/2001\n", csv={"date_format": "%d/%m/%Y"})
    assert project.rows("t.x") == [(DATE(2001, 2, 1),), (DATE(2001, 4, 23),)]


def test_wrong_encoding_is_an_error(project):
    line = refused(project, "a,b\n1,Zürich\n".encode("latin-1"))
    assert "in/x.csv" in line and "encoding" in line


def test_csv_that_claims_to_be_parquet(project):
    line = refused(project, "a,b\n1,x\n", "x.parquet")
    assert f"in/x.parquet" in line and "parquet" in line.lower()


def test_numbers_with_leading_zeros_stay_text(project):
    load(project, "zip\n01234\n98765\n")
    assert project.rows("t.x") == [("01234",), ("98765",)]


def test_big_endian_utf16_is_refused(project):
    # It was read as one header without rows: a success with nothing in it.
    project.write("in/a.csv", b"\xfe\xff" + "a,b\n1,2\n".encode("utf-16-be"))
    project.copy_pipeline("x", **{"from": "in/a.csv"}, csv={"encoding": "utf-16"})
    assert project.fails("x", expect=1).endswith(
        "in/a.csv: the file is big-endian UTF-16, which is not read: convert it to UTF-8 with iconv"
    )


def test_line_ends_of_two_kinds(project):
    project.write("in/a.csv", b"a,b\r\n1,x\n2,y\r\n")
    project.copy_pipeline("x", **{"from": "in/a.csv"})
    assert "in/a.csv: some lines end with CR LF and others" in project.fails("x")


# --- digits that a double has not

DIGITS = [
    ("decimal(38,4)", "12345678901234567890123.4567"),
    ("decimal(38,0)", "12345678901234567890123456789012345678"),
    ("decimal(20,2)", "123456789012345678.91"),
    ("decimal(20,2)", "-123456789012345678.91"),
    ("bigint", "9007199254740993.0"),
    ("decimal(38,10)", "1234567890123456789012345.5e-3"),
]


@pytest.mark.parametrize("extension", ["json", "ndjson"])
@pytest.mark.parametrize("kind,number", DIGITS)
def test_json_numbers_keep_their_digits(project, kind, number, extension):
    from decimal import Decimal

    text = 'a "quoted" 1.23456789012345678901, \\ 1'
    rows = '{"s": %s, "n": %s}' % (json.dumps(text), number)
    project.write("in." + extension, f"[{rows}]" if extension == "json" else rows + "\n")
    project.pipeline(
        "x",
        {
            "extract": {"x": {"from": "in." + extension, "columns": {"n": kind}}},
            "load": {"x": {"into": "t.x", "mode": "overwrite"}},
        },
    )
    project.run("x")
    ((string, found),) = project.rows("t.x")
    assert (string, Decimal(found)) == (text, Decimal(number))


def test_json_number_that_does_not_fit_its_decimal_is_a_bad_row(project):
    project.write("in.json", '[{"n": 1.5}, {"n": 12345678901234567890.123}]')
    project.pipeline(
        "x",
        {
            "extract": {"x": {"from": "in.json", "columns": {"n": "decimal(38,2)"}}},
            "load": {"x": {"into": "t.x", "mode": "overwrite"}},
        },
    )
    line = project.fails("x")
    assert 'in.json: row 2, column "n": "12345678901234567890.123" is not DECIMAL(38,2)' in line


# --- JSON that is none

BROKEN = {
    "syntax": '[{"a": 1},\n{"a": }]',
    "open": '[{"a": 1}',
    "text": '[{"a": "x}]',
    "BOM": '\ufeff[{"a": 1},\n{"a": }]',
}


@pytest.mark.parametrize("case", BROKEN)
def test_broken_json_names_the_object(project, case):
    project.write("data/in.json", BROKEN[case])
    project.pipeline(
        "x",
        {
            "extract": {"x": {"from": "data/in.json"}},
            "load": {"x": {"into": "t.x", "mode": "overwrite"}},
        },
    )
    line = project.fails("x")
    assert "data/in.json: " in line and ".sluice" not in line, line
    assert "mend the JSON" in line, line


def test_json_with_a_bom(project):
    project.write("in.json", '\ufeff[{"a": 1}, {"a": 2}]')
    project.write("in.ndjson", '\ufeff{"a": 1}\n{"a": 2}\n')
    for extension in ("json", "ndjson"):
        project.pipeline(
            "x",
            {
                "extract": {"x": {"from": "in." + extension}},
                "load": {"x": {"into": "t." + extension, "mode": "overwrite"}},
            },
        )
        project.run("x")
        assert project.rows("t." + extension) == [(1,), (2,)]
