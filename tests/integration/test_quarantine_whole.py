"""The quarantine as users have it: every format, here and on S3; what is masked is nowhere; limits; days."""

import json

import pyarrow
import pyarrow.parquet
import pytest
import servers  # noqa: F401  (fixtures)
from lake import Lake

from test_quarantine import pipeline, quarantined


@pytest.fixture
def lake(on_weed, s3, bucket):
    return Lake(on_weed, s3, bucket)


def parquet_bytes(rows):
    sink = pyarrow.BufferOutputStream()
    pyarrow.parquet.write_table(pyarrow.Table.from_pylist(rows), sink)
    return sink.getvalue().to_pybytes()


ROWS = [{"id": 1, "n": "4", "e": "ann"}, {"id": 2, "n": "x", "e": "secret-bob"}, {"id": 3, "n": "6", "e": "eve"}]
CONTENT = {
    "csv": b"id,n,e\n1,4,ann\n2,x,secret-bob\n3,6,eve\n",
    "ndjson": b"".join(json.dumps(row).encode() + b"\n" for row in ROWS),
    "json": json.dumps(ROWS).encode(),
    "parquet": parquet_bytes(ROWS),
}
LINES = {"csv": 3, "ndjson": 2, "json": 2, "parquet": 2}


@pytest.mark.parametrize("format", CONTENT)
def test_formats_from_s3_and_back(lake, format):
    """Objects and quarantine on S3: kept, shown, tried again by object and line, once."""
    project = lake.project
    settings = {"format": format, "from": f"s3://{lake.bucket}/in/*", "columns": {"n": "bigint"}}
    for name in "ab":
        lake.put(f"in/{name}.{format}", CONTENT[format])
    pipeline(project, settings)
    project.run("birds")
    keys = [f"s3://{lake.bucket}/in/{name}.{format}" for name in "ab"]
    assert quarantined(project, columns="source, line, column_name") == [
        (key, LINES[format], "n") for key in keys
    ]
    assert any(key.startswith("warehouse/quarantine/birds_rows/") for key in lake.keys())
    settings["columns"]["n"] = "varchar"
    pipeline(project, settings, load={"rows": {"into": "t.texts"}})
    retry = ["quarantine", "retry", "birds", "--object", keys[0], "--line", LINES[format]]
    result = project.sluice(*retry)
    assert result.exit == 0, result
    assert [row[:2] for row in lake.rows("t.texts")] == [(2, "x")]
    assert "no such rows" in project.sluice(*retry).error
    assert quarantined(project, columns="source") == [(keys[1],)]
    lake.check_consistent()


# --- what is masked


def bytes_of(project):
    for path in project.root.rglob("*"):
        if path.is_file() and "in" not in path.relative_to(project.root).parts:
            yield path, path.read_bytes()


@pytest.mark.parametrize("format", CONTENT)
@pytest.mark.parametrize("samples", [False, True])
def test_no_byte_of_what_is_masked(project, format, samples):
    """Contract, cells that cannot be told apart, checks, casts of loads, failures: the secrets of rows that
    are put aside are in no file of the project but their objects."""
    if samples:
        project.write("sluice.yaml", (project.root / "sluice.yaml").read_text().replace("{dir:", "{samples: true, dir:"))
    columns = {"id": "bigint", "n": "bigint"}
    checks = [{"accepted_values": {"e": ["ann", "eve"]}, "severity": "quarantine"}]
    project.write(f"in/a.{format}", CONTENT[format])
    pipeline(project, {"format": format, "mask": ["e"], "columns": columns})
    project.run("birds")
    bad = [{"id": 7, "n": "7", "e": "secret-check"}, {"id": 8, "n": "8", "e": "ann"}]  # n: text in the files, of which one may be a number
    write_more(project, format, "b", bad)
    pipeline(project, {"format": format, "mask": ["E", "n"], "columns": columns},
             transform={"clean": {"sql": "select * from rows", "checks": checks}},
             load={"clean": {"into": "t.clean"}})
    results = [project.run("birds")]
    project.path(f"in/b.{format}").unlink()
    write_more(project, format, "c", [{"id": 9, "n": "secret-cast", "e": "ann"}])
    pipeline(project, {"format": format, "mask": ["e", "n"], "columns": {"id": "bigint"}},
             load={"rows": {"into": "t.rows"}})
    results.append(project.run("birds"))
    if format == "csv":
        project.write("in/d.csv", b"id,n,e\n1,secret-few\n2,2,secret-many,3\n3,3,\"secret-quote\"x\n4,4,secret-\xff\n")
        pipeline(project, {"format": format, "mask": ["e", "n"], "columns": columns})
        results.append(project.run("birds"))
    write_more(project, format, "e", [{"id": 9, "n": "secret-fails", "e": "secret-fails"}])
    pipeline(project, {"format": format, "mask": ["e", "n"], "columns": columns, "on_bad_row": "fail"})
    results.append(project.sluice("run", "birds"))
    assert results[-1].exit == 1
    results.append(project.sluice("quarantine", "show", "birds", "rows"))
    results.append(project.sluice("health", "birds"))
    for result in results:
        assert "secret" not in result.stdout + result.stderr
    for path, content in bytes_of(project):
        assert b"secret" not in content, path
    rows = project.table("quarantine.birds_rows").to_pylist() + project.table("quarantine.birds_clean").to_pylist()
    assert len(rows) == (8 if format == "csv" else 4)
    assert all("sha256:" in (row["raw"] or "") + (row["row_json"] or "") for row in rows)
    assert "secret" not in json.dumps(rows, default=str)


def write_more(project, format, name, rows):
    content = {
        "csv": lambda: "id,n,e\n" + "".join(f"{r['id']},{r['n']},{r['e']}\n" for r in rows),
        "ndjson": lambda: "".join(json.dumps(r) + "\n" for r in rows),
        "json": lambda: json.dumps(rows),
        "parquet": lambda: parquet_bytes(rows),
    }[format]()
    project.write(f"in/{name}.{format}", content if isinstance(content, bytes) else content.encode())


# --- limits


@pytest.mark.parametrize("bad,limits,stops", [
    (40, {"max_bad_rows": 40}, False), (41, {"max_bad_rows": 40}, True),
    (0, {"max_bad_rows": 0}, False), (1, {"max_bad_rows": 0}, True),
    (40, {"max_bad_share": "10%"}, False), (41, {"max_bad_share": "10%"}, True),
    (1, {"max_bad_share": "0.25%"}, False), (2, {"max_bad_share": "0.25%"}, True),
    (400, {"max_bad_share": "100%"}, False),
])
def test_limits_over_many_objects(project, bad, limits, stops):
    """400 rows in 40 objects, of which the bad ones are anywhere; exactly the limit is no offence."""
    for file in range(40):
        rows = [10 * file + i for i in range(10)]
        project.write(f"in/{file:02}.csv", "id,n\n" + "".join(
            f"{i},{'x' if i * 7 % 400 < bad else i}\n" for i in rows))
    pipeline(project, {"csv": {"delimiter": ","}, "columns": {"id": "bigint", "n": "bigint"}, **limits})
    result = project.sluice("run", "birds")
    if not stops:
        assert result.exit == 0, result
        assert len(project.rows("t.rows")) == 400 - bad
        assert not bad or len(quarantined(project)) == bad
        return
    assert result.exit == 3, result
    assert f"extract.rows.{list(limits)[0]}: {bad} " in result.error
    assert project.query("SELECT * FROM tables") == [] and project.query("SELECT * FROM commits") == []
    assert not list(project.path(".sluice/store").rglob("*.parquet"))
    project.check_consistent()


# --- days


@pytest.mark.parametrize("day,stays", [(-92, False), (-89, True)])
def test_days_beyond_keep(project, day, stays):
    """What was put aside 90 days ago goes with the commit of the next run that has one; the rows of one
    day go together, when the whole day is that old."""
    import datetime

    pipeline(project, {"csv": {"delimiter": ","}}, quarantine={"keep": "90d"})
    project.write("in/a.csv", "id,n\n1,x\n")
    project.run("birds")
    then = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(days=day)
    import sqlite3

    with sqlite3.connect(project.path(".sluice/catalog.db")) as catalog:
        assert catalog.execute(
            "update partitions set partition_values = ? where partition_values like '[\"20%'",
            (json.dumps([then.strftime("%Y-%m-%d")]),),
        ).rowcount == 1
    assert len(quarantined(project)) == 1
    project.run("birds")  # nothing new: nothing is committed
    assert len(quarantined(project)) == 1
    project.write("in/b.csv", "id,n\n2,2\n")
    project.run("birds")
    assert len(quarantined(project)) == stays
    project.check_consistent()
