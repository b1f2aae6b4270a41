"""metadata: true, which tells of each row the run, the object, its version and its line."""

import csv
import gzip
import hashlib
import json

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

NAMES = ["_run_id", "_source", "_source_version", "_row_number"]


def read(project, table, sql):
    result = project.sluice("catalog", "read", table, "--sql", sql, "--format", "csv")
    assert result.exit == 0, str(result)
    return [tuple(line) for line in csv.reader(result.stdout.splitlines()[1:])]


def pipeline(project, name="p", load=None, **extract):
    extract.setdefault("from", "data/a*.csv")
    extract.setdefault("only_new", True)
    project.pipeline(
        name,
        {"extract": {"a": {"metadata": True, **extract}}, "load": {"a": {"into": "n.t", **(load or {})}}},
    )


def test_where_rows_come_from(project):
    project.write("data/a1.csv", "x\n1\n2\n")
    project.write("data/a2.csv", 'x,y\n3,"p\nq"\n4,r\n')
    pipeline(project)
    first = project.run("p", "--run-id", "11111111-1111-4111-8111-111111111111")
    assert first.exit == 0
    project.write("data/a1.csv", "x\n5\n")
    project.run("p")
    rows = read(project, "n.t", "select x, _source, _row_number, _run_id, _source_version from t order by x, _run_id")
    assert [row[:3] for row in rows] == [
        ("1", "data/a1.csv", "2"), ("2", "data/a1.csv", "3"), ("3", "data/a2.csv", "2"),
        ("4", "data/a2.csv", "4"), ("5", "data/a1.csv", "2"),
    ]
    assert rows[0][3] == "11111111-1111-4111-8111-111111111111" != rows[4][3]
    assert rows[0][4] == rows[1][4] != rows[4][4] != ""


@pytest.mark.parametrize("name", ["a.csv.gz", "a.ndjson", "a.json", "a.parquet"])
def test_formats(project, name):
    rows = [{"x": 10}, {"x": 11}]
    if name.endswith("gz"):
        project.write("data/" + name, gzip.compress(b"x\n10\n11\n"))
    elif name.endswith("ndjson"):
        project.write("data/" + name, "".join(json.dumps(row) + "\n" for row in rows))
    elif name.endswith("json"):
        project.write("data/" + name, json.dumps(rows))
    else:
        project.path("data").mkdir()
        pq.write_table(pa.Table.from_pylist(rows), project.path("data/" + name))
    pipeline(project, **{"from": "data/" + name})
    project.run("p")
    first = 2 if name.endswith("gz") else 1
    assert read(project, "n.t", "select x, _source, _row_number from t order by x") == [
        ("10", "data/" + name, str(first)), ("11", "data/" + name, str(first + 1)),
    ]


def test_sql_selects_what_survives(project):
    project.write("data/a1.csv", "x\n1\n2\n")
    project.pipeline(
        "p",
        {
            "extract": {"a": {"from": "data/a*.csv", "only_new": True, "metadata": True}},
            "transform": {"b": {"sql": "select x, _source as file from a where _row_number > 2"}},
            "load": {"b": {"into": "n.t"}},
        },
    )
    project.run("p")
    assert read(project, "n.t", "select * from t") == [("2", "data/a1.csv")]


def test_a_column_of_that_name(project):
    project.write("data/a1.csv", "x,_Source\n1,2\n")
    pipeline(project)
    said = project.fails("p")
    assert 'data/a1.csv: has a column "_Source" already, which metadata: true adds' in said
    pipeline(project, columns={"_run_id": "varchar"})
    said = project.fails("p", expect=2)
    assert 'extract.a.columns: "_run_id" is a column that metadata: true adds; leave it out' in said


def test_a_table_that_has_no_such_columns_yet(project):
    project.write("data/a1.csv", "x\n1\n")
    pipeline(project, metadata=False)
    project.run("p")
    pipeline(project, load={"schema": "freeze"})
    project.write("data/a2.csv", "x\n2\n")
    assert "_run_id" in project.fails("p")
    pipeline(project)
    project.run("p")
    assert read(project, "n.t", "select x, _source, _row_number from t order by x") == [
        ("1", "", ""), ("2", "data/a2.csv", "2"),
    ]


def test_required(project):
    project.write("data/a1.csv", "x\n1\n")
    pipeline(project, load={"required": ["_source", "_row_number"]})
    project.run("p")
    assert read(project, "n.t", "select _row_number from t") == [("2",)]


def test_rows_put_aside_do_not_move_the_others(project):
    project.write("data/a1.csv", "x\n1\noops\n3\n")
    pipeline(project, columns={"x": "int"}, on_bad_row="quarantine")
    project.run("p")
    assert read(project, "n.t", "select x, _row_number from t order by x") == [("1", "2"), ("3", "4")]
    assert read(project, "quarantine.p_a", "select source, line from p_a") == [("data/a1.csv", "3")]


def test_of_tables(project):
    project.write("data/a1.csv", "x\n1\n2\n")
    pipeline(project, metadata=False)
    project.run("p")
    extract = {"from": "catalog://n.t", "metadata": True}
    project.pipeline("q", {"extract": {"t": {**extract, "repeat": True}}, "load": {"t": {"into": "n.u"}}})
    project.pipeline("r", {"extract": {"t": {**extract, "only_new": True}}, "load": {"t": {"into": "n.v"}}})
    project.run("q")
    project.run("r")
    position = read(project, "n.u", "select distinct _source_version from u")[0][0]
    assert int(position) > 0
    assert read(project, "n.u", "select x, _source, _row_number from u order by x") == [
        ("1", "catalog://n.t", ""), ("2", "catalog://n.t", ""),
    ]
    project.write("data/a2.csv", "x\n3\n")
    project.run("p")
    project.run("r")
    rows = read(project, "n.v", "select x, _source, _source_version = _stream_position::varchar from v order by x")
    assert rows == [(str(x), "catalog://n.t", "true") for x in (1, 2, 3)]
    project.pipeline("s", {"extract": {"t": {**extract, "from": "catalog://n.u", "repeat": True}},
                           "load": {"t": {"into": "n.w"}}})
    assert 'the table has a column "_run_id" already, which metadata: true adds' in project.fails("s", expect=2)


def test_deterministic(project, tmp_path):
    """But for the run's id the files of two projects are the same bytes; with the same one, all are."""
    sums = {}
    for run_id in ("11111111-1111-4111-8111-111111111111", "22222222-2222-4222-8222-222222222222"):
        for again in ("once", "twice"):
            other = type(project)(tmp_path / f"{run_id}-{again}")
            other.write("data/a1.csv", "x\n" + "".join(f"{i}\n" for i in range(5000)))
            other.write("data/a2.csv", 'x,y\n' + "".join(f'{i},"p\nq"\n' for i in range(5000)))
            other.pipeline("p", {
                "deterministic": True,
                "extract": {"a": {"from": "data/a*.csv", "repeat": True, "metadata": True}},
                "transform": {"b": {"sql": "select * exclude (_source_version) from a"}},
                "load": {"b": {"into": "n.t"}},
            })
            other.run("p", "--run-id", run_id)
            path = other.path(other.files("n.t")[0]["path"])
            sums.setdefault(run_id, set()).add(hashlib.sha256(path.read_bytes()).hexdigest())
            table = pq.read_table(path)
            sums.setdefault("rest", []).append(table.drop(["_run_id"]))
            other.end()
    assert all(len(sums[run_id]) == 1 for run_id in sums if run_id != "rest")
    assert all(table.equals(sums["rest"][0]) for table in sums["rest"])


def test_beside_a_cursor(project):
    project.write("data/a1.csv", "x\n1\n2\n")
    pipeline(project, only_new=False, cursor={"column": "x"}, columns={"x": "int"})
    project.run("p")
    project.write("data/a1.csv", "x\n1\n2\n3\n")
    project.run("p")
    assert read(project, "n.t", "select x, _row_number from t order by x") == [("1", "2"), ("2", "3"), ("3", "4")]


def test_nothing_new_and_previews(project):
    project.write("data/a1.csv", "x\n1\n")
    pipeline(project)
    project.run("p")
    assert "nothing new" in project.run("p").stderr
    shown = project.sluice("preview", "p", "a", "--json")
    assert shown.exit == 0 and "data/a1.csv" in shown.stdout, str(shown)
