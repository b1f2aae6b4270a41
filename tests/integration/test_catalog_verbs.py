"""The verbs of the storage model from the shell: the walk through connectors/catalog.md, command by command, and
what each says of a mistake."""

import json
import os
import pathlib
import re
import shlex

import duckdb
import pytest

GUIDE = pathlib.Path(__file__).parents[2] / "connectors" / "catalog.md"
ID = "5f0c2b1e-0001-4000-8000-00000000000"


@pytest.fixture
def verbs(project):
    def run(*args, code=0):
        result = project.sluice("catalog", *args, "--json")
        assert result.exit == code, str(result)
        assert code == 0 or args[0] == "exists" or len(result.stderr.splitlines()) == 1, str(result)
        return json.loads(result.stdout) if result.stdout else result.stderr.strip()

    return run


def guide_commands():
    """Lines of the guide's shell blocks."""
    text = GUIDE.read_text()
    return [line for block in re.findall(r"```sh\n(.*?)```", text, re.S) for line in block.splitlines() if line]


def test_the_guide(project):
    """Every command of it succeeds, and says what its text says."""
    said = {}
    for line in guide_commands():
        if line.startswith("printf "):
            content, name = re.fullmatch(r"printf '(.*)' > (\S+)", line).groups()
            project.write(name, content.replace("\\n", "\n"))
            continue
        words = shlex.split(line)
        assert words[0] == "sluice"
        for format in ([], ["--json"]):
            if format and ("--format" in words or words[2].split("-")[0] not in ("list", "get", "read", "download")):
                continue
            result = project.sluice(*words[1:], *format)
            assert result.exit == 0, f"{line}\n{result}"
            if format and "--output" not in words:
                said.setdefault(words[2], []).append(json.loads(result.stdout))
    before, after = said["list-deltas"]
    assert before == []
    assert [d["delta_id"] for d in said["list-partition-deltas"][0]] == [ID + "5"]
    assert [(d["position"], d["rows"], d["type"]) for d in after] == [(2, 3, "upsert")]
    (delta,) = said["get-delta"]
    assert [f["rows"] for f in delta["files"]] == [2, 1]
    assert all(f["key"].startswith("wildlife/strikes/1/month=1990-01/") for f in delta["files"])
    assert [sorted(row["id"] for row in read["rows"]) for read in said["read"]] == [[1, 2, 3], [1, 3]]
    entry = project.path("entry-2.parquet")
    assert duckdb.sql(f"select id, month from '{entry}'").fetchall() == [(3, "1990-01")]
    assert "files" not in said["get-latest-delta"][0] and said["get-latest-delta"][0]["delta_id"] == ID + "5"
    (partitions,) = said["list-partitions"]
    assert [(p["partition_id"], p["partition"], p["position"]) for p in partitions] == [(ID + "2", ["1990-01"], 2)]
    (versions,) = said["list-table-versions"]
    assert [v["lifecycle"] for v in versions] == ["deleted"]


def test_the_guide_names_every_verb(project):
    """All that the help lists is tried somewhere: in the guide, in the model's random verbs, or here."""
    help_text = project.sluice("help", "catalog").stdout
    listed = re.findall(r"^  ((?:list|get|create|update|delete|stage|commit|merge|download)-[a-z-]+)", help_text, re.M)
    model = (pathlib.Path(__file__).parents[1] / "faults" / "test_catalog_model.py").read_text()
    here = pathlib.Path(__file__).read_text()
    missing = [verb for verb in listed if f'"{verb}"' not in model + here and f" {verb} " not in GUIDE.read_text()]
    assert listed and not missing


def test_namespaces(verbs):
    assert verbs("create-namespace", "a", "--property", "owner=me")["properties"] == {"owner": "me"}
    assert "a" in verbs("create-namespace", "a", code=1)
    verbs("create-namespace", "a", "--if-missing")
    text = "quote \" slash / dots .. Straße 日本"
    assert verbs("update-namespace", "a", "--property", f"k{text}={text}")["properties"] == {f"k{text}": text}
    assert verbs("get-namespace", "a")["properties"] == {f"k{text}": text}
    assert verbs("exists", "a") == {"exists": True}
    assert verbs("exists", "b", code=1) == {"exists": False}
    verbs("get-namespace", "b", code=1)
    verbs("delete-namespace", "a")
    assert verbs("list-namespaces") == []


@pytest.mark.parametrize("name", ["A", "a b", "a/b", "..", "_a", "", "a.b.c", "é"])
def test_names_outside_of_the_grammar(verbs, name):
    assert name in verbs("create-namespace", name, code=2)
    verbs("create-namespace", "a")
    verbs("create-table", f"a.{name}", code=2)


def test_tables(verbs):
    verbs("create-table", "a.t", code=1)
    verbs("create-namespace", "a")
    assert verbs("create-table", "a.t", "--description", "x")["description"] == "x"
    verbs("create-table", "a.t", code=1)
    assert verbs("update-table", "a.t", "--description", "y")["description"] == "y"
    assert verbs("update-table", "a.t", "--rename", "u")["table"] == "u"
    assert verbs("list-tables", "a")[0]["table"] == "u"
    verbs("list-tables", "b", code=1)
    verbs("get-table", "a.t", code=1)
    assert "a" in verbs("delete-namespace", "a", code=1)
    verbs("delete-table", "a.u")
    verbs("delete-namespace", "a")


def table(verbs, *flags):
    verbs("create-namespace", "a", "--if-missing")
    verbs("create-table", "a.t", "--if-missing")
    return verbs("create-table-version", "a.t", "--column", "k VARCHAR NOT NULL", "--column", '"a b" BIGINT', *flags)


def test_versions(verbs):
    first = table(verbs, "--partition-by", "k", "--sort-by", "a b", "--key", "k")
    assert (first["version"], first["lifecycle"], first["schema_id"]) == (1, "unreleased", 1)
    assert [(c["name"], c["type"], c["field_id"]) for c in first["columns"]] == [("k", "VARCHAR", 1), ("a b", "BIGINT", 2)]
    assert first["columns"][0]["required"] and first["key"] == ["k"]
    verbs("get-table-version", "a.t", code=1)  # none is active
    assert verbs("get-table-version", "a.t", "--latest")["version"] == 1
    assert table(verbs, "--lifecycle", "active")["version"] == 2
    assert verbs("get-table-version", "a.t")["version"] == 2
    verbs("update-table-version", "a.t@2", "--lifecycle", "deleted")
    assert "deleted" in verbs("update-table-version", "a.t@2", "--lifecycle", "active", code=1)
    assert len(verbs("list-table-versions", "a.t")) == 2
    assert len(verbs("list-schemas", "a.t@1")) == 1
    verbs("get-table-version", "a.t@3", code=1)


def test_pages(verbs, project):
    for name in "abcde":
        verbs("create-namespace", name)
    found, after = [], []
    while True:
        result = project.sluice("catalog", "list-namespaces", "--json", "--limit", "2", *after)
        assert result.exit == 0, str(result)
        found += [n["namespace"] for n in json.loads(result.stdout)]
        next_page = re.search(r"--after '(.*)'", result.stderr)
        if not next_page:
            break
        after = ["--after", next_page.group(1)]
    assert found == list("abcde")
    assert [n["namespace"] for n in verbs("list-namespaces", "--reverse")] == list("edcba")


def test_bad_manifests(verbs, project):
    table(verbs, "--lifecycle", "active")
    partition = verbs("stage-partition", "a.t")["partition_id"]
    assert verbs("get-partition", "a.t", "--id", partition)["state"] == "staged"
    for content in ["", "{", "[{}]", '[{"key": "x", "rows": -1, "bytes": 1}]', '[{"key": "x", "rows": 1}]',
                    '[{"key": "x", "rows": 1, "bytes": 1, "content": "y"}]', '{"files": 1}']:
        project.write("m.json", content)
        verbs("stage-delta", "a.t", "--partition-id", partition, "--manifest", "m.json", code=2)
    assert "m.json" in verbs("stage-delta", "a.t", "--partition-id", partition, "--manifest", "m.json", code=2)
    assert os.path.basename("/none.json") in verbs(
        "stage-delta", "a.t", "--partition-id", partition, "--manifest", "none.json", code=1)


def test_ids_that_are_not_said(verbs):
    table(verbs, "--lifecycle", "active")
    for verb in ["commit-delta", "delete-delta", "commit-partition", "commit-stream"]:
        assert "--id" in verbs(verb, "a.t", code=2)


def test_what_is_not_there_is_named(verbs):
    assert "namespace a: there is no such" in verbs("list-tables", "a", code=1)
    assert "a: there is no such namespace" in verbs("get-namespace", "a", code=1)
    verbs("create-namespace", "a")
    verbs("create-table", "a.t")
    assert "a.u: there is no such table" in verbs("get-table", "a.u", code=1)
    assert "a.t: there is no active version" in verbs("get-table-version", "a.t", code=1)
    assert "a.t: there is no version" in verbs("get-table-version", "a.t", "--latest", code=1)
    table(verbs, "--lifecycle", "active", "--partition-by", "k")
    assert "a.t version 7: there is no such version" in verbs("get-table-version", "a.t@7", code=1)
    assert "a.t: there is no stream with the id x" in verbs("get-stream", "a.t", "--id", "x", code=1)
    assert "partition [x]: there is no committed partition" in verbs("get-partition", "a.t", "--partition", "x", code=1)
    assert "a.t: there is no delta with the id x" in verbs("get-delta", "a.t", "--id", "x", code=1)
    at = ["--partition", "x", "--position", "7"]
    assert "partition [x]: there is no delta at position 7" in verbs("get-delta", "a.t", *at, code=1)
    assert "--position" in verbs("get-delta", "a.t", code=2)
    assert "JSON array" in verbs("get-partition", "a.t", "--partition", '["x",', code=2)


@pytest.mark.parametrize(
    "field, said",
    [("bucket(0, i)", "bucket"), ("bucket(99999999999999999999, i)", "bucket"), ("day(i)", "i is BIGINT"),
     ("hour(d)", "d is DATE"), ("truncate(2, d)", "takes no DATE"), ("bucket(2, f)", "takes no DOUBLE"),
     ("none", "none of its columns"), ("day(none)", "none of its columns"), ("weird(i)", "weird")])
def test_partitionings_that_no_run_would_take(verbs, field, said):
    verbs("create-namespace", "a")
    verbs("create-table", "a.t")
    columns = ["--column", "i BIGINT", "--column", "d DATE", "--column", "f DOUBLE"]
    assert said in verbs("create-table-version", "a.t", *columns, "--partition-by", field, code=2)
    fine = verbs("create-table-version", "a.t", *columns, "--partition-by", "bucket( 16 , i)", "--partition-by", "day(d)")
    assert fine["partition_by"] == ["bucket(16, i)", "day(d)"]


# --- data ---

COLUMNS = ["--column", "id BIGINT", "--column", "month VARCHAR", "--column", "note VARCHAR"]


def months(verbs, *flags):
    """A table by month with a staged partition; the partition's id."""
    verbs("create-namespace", "a")
    verbs("create-table", "a.t")
    verbs("create-table-version", "a.t", *COLUMNS, "--partition-by", "month", "--lifecycle", "active", *flags)
    return verbs("stage-partition", "a.t", "--partition", "1990-01")["partition_id"]


KEYED = ["--key", "id", "--key", "month", "--sort-by", "id"]
SELECT = "select * from (values (2, '1990-01', 'b'), (1, '1990-01', null)) t(id, month, note)"


def write_data(project, name, select=SELECT):
    path, plain = project.path(name), name.removesuffix(".gz").removesuffix(".zst")
    if plain.endswith(".parquet"):
        format = "format parquet"
    else:
        compression = {"gz": "gzip", "zst": "zstd"}.get(name.rsplit(".", 1)[1], "none")
        kind = "format csv, header" if plain.endswith(".csv") else "format json"
        format = f"{kind}{', array true' if plain.endswith('.json') else ''}, compression {compression}"
    duckdb.sql(f"copy ({select}) to '{path}' ({format})")


@pytest.mark.parametrize(
    "name", ["d.csv", "d.csv.gz", "d.csv.zst", "d.ndjson", "d.ndjson.gz", "d.ndjson.zst", "d.json", "d.parquet"])
def test_data_of_every_format_is_staged(verbs, project, name):
    partition = months(verbs, *KEYED)
    write_data(project, name)
    delta = verbs("stage-delta", "a.t", name, "--partition-id", partition, "--type", "upsert")
    assert (delta["state"], delta["type"], delta["rows"]) == ("staged", "upsert", 2)
    (file,) = delta["files"]
    assert file["content"] == "data" and file["schema_id"] == 1 and file["stats"]["1"] == {"min": "1", "max": "2", "nulls": 0}
    stored = project.path(".sluice/store") / file["key"]
    assert stored.stat().st_size == file["bytes"] and file["checksum"].startswith("crc32c:")
    rows = duckdb.sql(f"select * from '{stored}'").fetchall()
    assert rows == [(1, "1990-01", None), (2, "1990-01", "b")]  # sorted as the table is
    fields = duckdb.sql(f"select name, field_id from parquet_schema('{stored}') where field_id is not null").fetchall()
    assert fields == [("id", 1), ("month", 2), ("note", 3)]
    verbs("commit-delta", "a.t", "--id", delta["delta_id"])
    verbs("commit-partition", "a.t", "--id", partition)
    assert [row["id"] for row in verbs("read", "a.t")["rows"]] == [1, 2]
    assert project.sluice("catalog", "fsck", "--checksums").exit == 0
    assert project.spooled() == []


def test_csv_of_another_dialect_is_staged(verbs, project):
    partition = months(verbs, *KEYED)
    text = "made by hand\n7;1990-01;'n;a'\n8;1990-01;-\n"
    project.path("d.csv").write_bytes(text.replace("n;a", "ñ;a").encode("latin-1"))
    delta = verbs(
        "stage-delta", "a.t", "d.csv", "--partition-id", partition, "--type", "upsert", "--delimiter", ";", "--quote", "'",
        "--no-header", "--skip", "1", "--null", "-", "--encoding", "latin-1",
    )  # fmt: skip
    verbs("commit-delta", "a.t", "--id", delta["delta_id"])
    verbs("commit-partition", "a.t", "--id", partition)
    rows = [tuple(row.values()) for row in verbs("read", "a.t")["rows"]]
    assert sorted(rows) == [(7, "1990-01", "ñ;a"), (8, "1990-01", None)]


@pytest.mark.parametrize(
    "content, flags, said",
    [
        ("id,month,note\n1,1990-01,a\n2,1990-02,b\n3,1990-03,c\n", [], "[1990-02]"),
        ("id,month,note\n1,,a\n", [], "no value in month"),
        ("id,month,note\n1,1990-01,a\n1,1990-01,b\n", ["--type", "upsert"], "id = 1, month = 1990-01"),
        ("id,month,note\n,1990-01,a\n", ["--type", "upsert"], "no value in id"),
        ("id,month,note\n1,1990-01,a\n1,1990-01,b\n", ["--type", "append"], "id = 1, month = 1990-01"),
        ("id,month\n1,1990-01\n1,1990-01\n", ["--type", "delete"], "id = 1, month = 1990-01"),
        ("id,month,note\n1,1990-01,a\n", ["--type", "delete"], "column note"),
        ("id,month\n1,1990-01\n", [], '"note" is missing'),
        ("id,month,note,more\n1,1990-01,a,1\n", [], "column more"),
        ("id,month,note\nx,1990-01,a\n", [], "d.csv"),
        ("id,month,note\n", [], "no rows"),
    ],
)
def test_data_that_cannot_be_staged(verbs, project, content, flags, said):
    partition = months(verbs, *KEYED)
    project.write("d.csv", content)
    result = project.sluice("catalog", "stage-delta", "a.t", "d.csv", "--partition-id", partition, *flags)
    assert result.exit != 0 and said in result.stderr and len(result.stderr.splitlines()) == 1, str(result)
    assert not list(project.path(".sluice").rglob("*.parquet"))
    assert project.spooled() == []


def test_which_data_is_staged(verbs, project):
    partition = months(verbs)
    project.write("d.csv", "id,month,note\n1,1990-01,a\n")
    project.write("d.ndjson", '{"id": 2, "month": "1990-01"}')
    project.write("d.txt", "")
    into = ["--partition-id", partition]
    assert "--manifest" in verbs("stage-delta", "a.t", *into, code=2)
    assert "--manifest" in verbs("stage-delta", "a.t", "d.csv", "--manifest", "m.json", *into, code=2)
    assert "d.txt" in verbs("stage-delta", "a.t", "d.txt", *into, code=2)
    project.write("d.parquet.gz", "")
    assert "d.parquet.gz" in verbs("stage-delta", "a.t", "d.parquet.gz", *into, code=2)
    assert "one format" in verbs("stage-delta", "a.t", "d.csv", "d.ndjson", *into, code=2)
    assert "none.csv" in verbs("stage-delta", "a.t", "none.csv", *into, code=1)
    assert "has no key" in verbs("stage-delta", "a.t", "d.csv", *into, "--type", "upsert", code=2)
    assert "stage-partition" in verbs("stage-delta", "a.t", "d.csv", "--partition", "1990-01", code=1)
    verbs("stage-delta", "a.t@7", "d.csv", *into, code=1)


def test_a_delta_is_downloaded_as_it_is_stored(verbs, project):
    partition = months(verbs, *KEYED)
    project.write("1.csv", "id,month,note\n1,1990-01,a\n2,1990-01,b\n")
    project.write("2.csv", "id,month,note\n2,1990-01,c\n")
    first = verbs("stage-delta", "a.t", "1.csv", "--partition-id", partition, "--type", "upsert")["delta_id"]
    second = verbs("stage-delta", "a.t", "2.csv", "--partition-id", partition, "--type", "upsert")["delta_id"]
    rows = [{"id": 1, "month": "1990-01", "note": "a"}, {"id": 2, "month": "1990-01", "note": "b"}]
    newer = {"id": 2, "month": "1990-01", "note": "c"}
    assert verbs("download-delta", "a.t", "--id", first)["rows"] == rows  # staged
    both = verbs("merge-deltas", "a.t", first, second)["delta_id"]
    assert verbs("download-delta", "a.t", "--id", both)["rows"] == [*rows, newer]  # not merged by key
    one = verbs("download-delta", "a.t", "--id", both, "--entry", "2")
    assert one["rows"] == [newer] and (one["read"]["files"], one["read"]["skipped"]) == (1, 1)
    assert "--entry 3" in verbs("download-delta", "a.t", "--id", both, "--entry", "3", code=2)
    verbs("commit-delta", "a.t", "--id", both)
    verbs("commit-partition", "a.t", "--id", partition)
    assert verbs("read", "a.t")["rows"] == [rows[0], newer]  # the key is there once
    position = verbs("list-deltas", "a.t")[0]["position"]
    at = ["--partition", "1990-01", "--position", str(position)]
    assert verbs("download-delta", "a.t", *at)["rows"] == [*rows, newer]
    result = project.sluice("catalog", "download-delta", "a.t", *at, "--format", "csv", "--limit", "1")
    assert result.stdout == "id,month,note\n1,1990-01,a\n", str(result)
    for format in ["parquet", "arrow", "ndjson", "json", "csv"]:
        result = project.sluice("catalog", "download-delta", "a.t", *at, "--output", f"d.{format}")
        assert result.exit == 0 and project.path(f"d.{format}").stat().st_size > 0, str(result)
    assert duckdb.sql(f"select count(*) from '{project.path('d.parquet')}'").fetchall() == [(3,)]
    verbs("download-delta", "a.t", "--partition", "1990-01", "--position", "99", code=1)
    assert "--position" in verbs("download-delta", "a.t", code=2)
    assert "--position" in verbs("download-delta", "a.t", *at, "--id", both, code=2)


def test_deletes_are_downloaded_as_keys(verbs, project):
    partition = months(verbs, "--key", "id", "--sequence-by", "note")  # the month is not in the key: nobody can check it
    project.write("d.csv", "id,note\n1,x\n")
    delta = verbs("stage-delta", "a.t", "d.csv", "--partition-id", partition, "--type", "delete")
    assert delta["files"][0]["content"] == "deletes"
    assert verbs("download-delta", "a.t", "--id", delta["delta_id"])["rows"] == [{"id": 1, "note": "x"}]


def test_rows_and_deletes_of_one_delta_are_told_apart(verbs, project):
    partition = months(verbs, *KEYED)
    project.write("rows.csv", "id,month,note\n1,1990-01,a\n")
    project.write("keys.csv", "id,month\n2,1990-01\n")
    into = ["--partition-id", partition]
    files = verbs("stage-delta", "a.t", "rows.csv", *into, "--type", "upsert")["files"]
    files += verbs("stage-delta", "a.t", "keys.csv", *into, "--type", "delete")["files"]
    project.write("m.json", json.dumps(files))
    delta = verbs("stage-delta", "a.t", *into, "--type", "upsert", "--manifest", "m.json")["delta_id"]
    found = sorted((row["id"], row["_change_type"]) for row in verbs("download-delta", "a.t", "--id", delta)["rows"])
    assert found == [(1, "upsert"), (2, "delete")]
