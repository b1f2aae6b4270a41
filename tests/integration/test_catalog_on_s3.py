"""The catalog with its table files in S3, on a real server: the tests of care, of compaction and of load modes
that are written for any store, once more; and what is peculiar to keys and objects."""

import os
import pathlib
import time
import uuid

import pyarrow
import pyarrow.parquet
import pytest

pytest.importorskip("duckdb")

import duckdb  # noqa: E402
import servers  # noqa: E402
from conftest import PATIENCE, SANITIZED, Project  # noqa: E402
from lake import Lake  # noqa: E402
from test_catalog_care import (  # noqa: E402, F401
    table,
    test_a_rolled_back_table_is_compacted,
    test_expire_keeps_what_tags_hold,
    test_export_and_import,
    test_gc_of_an_empty_project,
    test_rollback_and_tags,
)
from test_compaction import (  # noqa: E402, F401
    test_a_bucket_without_news_keeps_its_files,
    test_a_load_compacts_once_there_is_enough,
    test_alter,
    test_everything_deleted,
    test_positions_stay_readable_and_gc_frees_the_rest,
    test_small_files_become_large_ones_in_their_order,
    test_two_at_once,
    test_what_is_read_stays,
    test_writers_go_on_meanwhile,
)
from test_load_modes import (  # noqa: E402, F401
    test_a_row_that_moves_out_of_a_partition_that_stays,
    test_an_overwrite_with_a_key_has_each_key_once,
    test_files_have_checksums_and_bounds,
    test_limits_of_overwrites,
    test_overwrite_partitions,
    test_random_histories,
    test_random_upserts_and_deletes,
    test_rows_that_are_deleted_by_key_alone,
    test_scope_of_overwrite_partitions,
    test_the_past_may_come_late,
    test_two_pipelines_into_one_table_at_once,
    test_update_when_and_unchanged,
)
from test_catalog_verbs import write_data  # noqa: E402


SHIFT_CLOCK = pathlib.Path(os.environ.get("SLUICE_BIN", "sluice")).parent / "tests/tools/libshift_clock.so"


@pytest.fixture
def project(tmp_path, weed, s3, bucket):
    """In place of the one whose table files are on this machine."""
    project = Project(tmp_path / "project")
    project.environment.update(servers.aws_environment(weed.endpoint))
    project.lake = Lake(project, s3, bucket)
    yield project.lake.as_project()
    project.end()


def orphan(project, below="n/t/1", suffix="-x-0.parquet"):
    key = f"{below}/{uuid.uuid4()}{suffix}"
    project.lake.put(project.lake.key(key), b"x" * 100)
    return key


# --- gc: what is ours, what is old enough


def test_gc_takes_only_what_is_ours_and_old(project, table):
    lake = project.lake
    ours = orphan(project)
    others = [
        orphan(project, suffix=".parquet"),
        orphan(project, below="n/T!/1"),
        orphan(project, below="n"),
        orphan(project, below="n/t/x"),
        orphan(project, suffix="-x-0.csv"),
    ]
    lake.put("elsewhere/n/t/1/x.parquet", b"not below the store's prefix")
    said = table.catalog("gc")
    assert (said["files"], said["young"], said["removed"]) == (0, 1, 0)
    assert table.catalog("gc", "--grace", "1h", "--delete")["young"] == 1
    time.sleep(1.1)  # S3 tells whole seconds
    said = table.catalog("gc", "--grace", "1s")
    assert [file["path"] for file in said["orphans"]] == [f"s3://{lake.bucket}/{lake.key(ours)}"]
    assert said["bytes"] == 100 and not said["deleted"] and ours in project.stored()
    upload = lake.client.create_multipart_upload(Bucket=lake.bucket, Key=lake.key(orphan(project)))
    assert upload["UploadId"] and len(lake.uploads()) == 1
    time.sleep(2.1)
    assert table.catalog("gc", "--grace", "1s", "--delete")["removed"] >= 2
    stored = project.stored()
    assert ours not in stored and set(others) <= set(stored)
    assert not [key for key in lake.keys() if "sluice-clock" in key], "the mark is gone, too"
    assert lake.get("elsewhere/n/t/1/x.parquet")
    assert table.stored() == table.expected() and project.spooled() == []
    table.catalog("fsck", "--checksums")


@pytest.mark.skipif(SANITIZED, reason="the sanitizer wants to be the first library")
@pytest.mark.parametrize("flags", [[], ["--delete"]], ids=["dry", "real"])
def test_gc_goes_by_the_clock_of_the_store(project, table, flags):
    """This machine's is 10 days ahead: what was just put is not old."""
    orphan(project)
    ahead = {"LD_PRELOAD": str(SHIFT_CLOCK), "CLOCK_SHIFT": str(10 * 86400)}
    said = table.catalog("gc", *flags, env=ahead)
    assert (said["files"], said["young"], said["removed"]) == (0, 1, 0)


# --- what was staged, and is not committed


def test_gc_of_what_is_staged(project, table):
    lake, old = project.lake, 4 * PATIENCE
    project.write("d.csv", "id,v,seq\n100,x,1\n")
    kept = table.catalog("stage-delta", "n.t", "d.csv", "--type", "upsert")
    whole = table.catalog("stage-partition", "n.t")["partition_id"]
    inner = table.catalog("stage-delta", "n.t", "d.csv", "--type", "upsert", "--partition-id", whole)
    stream = table.catalog("stage-stream", "n.t")["stream_id"]
    listed = table.catalog("list-staged")
    assert [(s["kind"], s["id"], s["files"]) for s in listed] == [
        ("delta", kept["delta_id"], 1), ("partition", whole, 1), ("stream", stream, 0),
    ]  # fmt: skip
    assert all((s["namespace"], s["table"], s["version"]) == ("n", "t", 1) for s in listed)
    files = [delta["files"][0]["key"] for delta in (kept, inner)]
    said = table.catalog("gc", "--grace", "1ms", "--delete")
    assert (said["removed"], said["staged"], said["abandoned"]) == (0, 3, 0)
    assert "list-staged" in project.sluice("catalog", "gc").stderr
    said = table.catalog("gc", "--grace", "1ms", "--staged", "1h", "--delete")
    assert (said["removed"], said["staged"], said["abandoned"]) == (0, 3, 0), "not that old"
    time.sleep(old + 0.5)
    late = table.catalog("stage-delta", "n.t", "d.csv", "--type", "upsert", "--partition-id", whole)
    said = table.catalog("gc", "--grace", "1ms", "--staged", f"{old}s")
    assert (said["staged"], said["abandoned"]) == (3, 2), "somebody is at work on that partition"
    assert len(table.catalog("list-staged")) == 3
    said = table.catalog("gc", "--grace", "1ms", "--staged", f"{old}s", "--delete")
    assert said["removed"] == 1
    assert [s["id"] for s in table.catalog("list-staged")] == [whole]
    assert files[0] not in project.stored()
    assert {files[1], late["files"][0]["key"]} <= set(project.stored())
    assert project.sluice("catalog", "commit-delta", "n.t", "--id", kept["delta_id"]).exit == 1
    time.sleep(old + 0.5)
    assert table.catalog("gc", "--grace", "1ms", "--staged", f"{old}s", "--delete")["removed"] == 2
    assert table.catalog("list-staged") == [] and table.stored() == table.expected()
    table.catalog("fsck", "--checksums")
    lake.check_consistent()


# --- fsck: what became of objects


def test_fsck_finds_each_fault(project, table):
    lake = project.lake
    table.compact()
    assert table.catalog("fsck", "--checksums")["sound"]
    (file,) = table.manifest()
    key = lake.key(file["path"])
    whole = lake.get(key)
    lake.put(key, whole[:50] + bytes([whole[50] ^ 1]) + whole[51:])
    assert project.sluice("catalog", "fsck").exit == 0
    result = project.sluice("catalog", "fsck", "--checksums")
    assert result.exit == 1 and len(result.stdout.splitlines()) == 1
    assert f"s3://{lake.bucket}/{key}" in result.stdout
    assert "is damaged: its checksum is crc32c:" in result.stdout
    lake.put(key, whole[:-1])
    assert f"has {len(whole) - 1} bytes, and had {len(whole)}" in project.sluice("catalog", "fsck", "n.t").stdout
    lake.client.delete_object(Bucket=lake.bucket, Key=key)
    result = project.sluice("catalog", "fsck", "--json")
    assert result.exit == 1 and len(result.json["faults"]) == 1 and "is gone" in result.json["faults"][0]
    result = project.sluice("catalog", "read", "n.t")
    assert result.exit == 1 and key in result.error, str(result)
    lake.put(key, whole)
    assert project.sluice("catalog", "fsck").exit == 0


# --- names that are hard for keys

HARD = [
    "plain", "", None, " ", ".", "..", "../../x", "/", "//", "a/b", "/a", "a/", "a'b", 'a"b', "50%", "%2F", "%2e%2e",
    "a=b", "a+b c", "ü", "u\u0308", "日本", "🦢", "a?b*c[d]", "a\\b", "a\nb", "a\tb", "\x01", "&<>;", "null", "NULL",
    "__HIVE_DEFAULT_PARTITION__", "x" * 150,
]  # fmt: skip
COLUMN = 'a/b %2F "ü" \'..\''


def test_hard_partition_values_and_column_names(project):
    """Each value is its own partition, comes back as it was, and stays in its table's folder."""
    schema = pyarrow.schema([("id", pyarrow.int64()), (COLUMN, pyarrow.string()), ("v", pyarrow.int64())])
    rows = [{"id": n, COLUMN: value, "v": 0} for n, value in enumerate(HARD)]
    pyarrow.parquet.write_table(pyarrow.Table.from_pylist(rows, schema=schema), project.path("x.parquet"))
    load = {"into": "t.x", "mode": "upsert", "key": ["id"], "partition_by": ['"' + COLUMN.replace('"', '""') + '"']}
    project.pipeline("x", {"extract": {"x": {"from": "x.parquet"}}, "load": {"x": load}})
    project.run("x")
    expected = {n: (value, 0) for n, value in enumerate(HARD)}

    def found(*args):
        result = project.sluice("catalog", "read", "t.x", "--json", *args)
        assert result.exit == 0, str(result)
        rows = result.json["rows"]
        assert len({row["id"] for row in rows}) == len(rows)
        return {row["id"]: (row[COLUMN], row["v"]) for row in rows}

    assert found() == expected
    files = project.files("t.x")
    assert sorted(map(str, (file["values"][0] for file in files))) == sorted(map(str, HARD))
    keys = project.stored()
    assert len(keys) == len(HARD) == len(set(keys))
    for key in keys:
        assert key.startswith("t/x/1/") and not {"", ".", ".."} & set(key.split("/")), key
        assert len(key.split("/")) == 5, key
    # Every second row changes its partition, and is found there alone.
    for row in rows[::2]:
        row.update({COLUMN: HARD[(row["id"] + 5) % len(HARD)], "v": 1})
        expected[row["id"]] = (row[COLUMN], 1)
    pyarrow.parquet.write_table(pyarrow.Table.from_pylist(rows[::2], schema=schema), project.path("x.parquet"))
    project.run("x")
    assert found() == expected
    quoted = '"' + COLUMN.replace('"', '""') + '"'
    for value in ("a'b", "../../x", "50%", "日本", "%2F"):
        text = value.replace("'", "''")
        own = {key: row for key, row in expected.items() if row[0] == value}
        assert found("--where", f"{quoted} = '{text}'") == own
    result = project.sluice("catalog", "compact", "t.x", "--full", "--json")
    assert result.exit == 0, str(result)
    assert found() == expected
    assert {key: value for key, (value, _) in found("--at", "1").items()} == dict(enumerate(HARD))
    project.sluice("catalog", "expire", "t.x", "--before", str(result.json.get("position") or 3))
    time.sleep(1.1)
    assert project.sluice("catalog", "gc", "--grace", "0s", "--delete").exit == 0
    assert found() == expected
    result = project.sluice("catalog", "fsck", "--checksums")
    assert result.exit == 0, str(result)
    project.check_consistent()


# --- deltas by hand


@pytest.mark.parametrize("name", ["d.csv", "d.ndjson.gz", "d.json", "d.parquet"])
def test_deltas_are_staged_downloaded_and_merged(project, name):
    def catalog(*args):
        result = project.sluice("catalog", *args, "--json")
        assert result.exit == 0, str(result)
        return result.json

    catalog("create-namespace", "a")
    catalog("create-table", "a.t")
    columns = ["--column", "id BIGINT", "--column", "month VARCHAR", "--column", "note VARCHAR"]
    catalog("create-table-version", "a.t", *columns, "--key", "id", "--key", "month", "--partition-by", "month",
            "--lifecycle", "active")  # fmt: skip
    partition = catalog("stage-partition", "a.t", "--partition", "ü/../%")["partition_id"]
    write_data(project, name, "select * from (values (2, 'ü/../%', 'b'), (1, 'ü/../%', null)) t(id, month, note)")
    first = catalog("stage-delta", "a.t", name, "--partition-id", partition, "--type", "upsert")
    write_data(project, name, "select * from (values (3, 'ü/../%', 'c')) t(id, month, note)")
    second = catalog("stage-delta", "a.t", name, "--partition-id", partition, "--type", "upsert")
    assert set(project.stored()) == {file["key"] for delta in (first, second) for file in delta["files"]}
    rows = catalog("download-delta", "a.t", "--id", first["delta_id"])["rows"]
    assert [row["id"] for row in sorted(rows, key=lambda row: row["id"])] == [1, 2]
    both = catalog("merge-deltas", "a.t", first["delta_id"], second["delta_id"])["delta_id"]
    assert catalog("gc", "--grace", "0s", "--delete")["removed"] == 0
    assert len(catalog("download-delta", "a.t", "--id", both)["rows"]) == 3
    catalog("commit-delta", "a.t", "--id", both)
    catalog("commit-partition", "a.t", "--id", partition)
    assert sorted(row["id"] for row in catalog("read", "a.t")["rows"]) == [1, 2, 3]
    project.write("keys.csv", "id,month\n2,ü/../%\n")
    gone = catalog("stage-delta", "a.t", "keys.csv", "--partition", "ü/../%", "--type", "delete")["delta_id"]
    catalog("commit-delta", "a.t", "--id", gone)
    assert sorted(row["id"] for row in catalog("read", "a.t")["rows"]) == [1, 3]
    catalog("fsck", "--checksums")
    assert project.spooled() == []


# --- the catalog goes elsewhere, its objects stay


def test_an_export_is_imported_elsewhere(project, table, tmp_path):
    table.compact()
    expected = table.catalog("read", "n.t")["rows"]
    text = tmp_path / "catalog.ndjson"
    table.catalog("export", text)
    other = Project(tmp_path / "other")
    other.environment.update(project.environment, HOME=str(other.root))
    other.write("sluice.yaml", project.path("sluice.yaml").read_text())
    assert other.sluice("catalog", "import", text).exit == 0
    assert other.sluice("catalog", "read", "n.t", "--json").json["rows"] == expected
    assert other.sluice("catalog", "fsck", "--checksums").exit == 0
    assert other.sluice("catalog", "gc", "--grace", "0s", "--json").json["files"] == 0
