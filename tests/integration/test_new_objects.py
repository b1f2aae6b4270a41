"""`only_new: true` on objects, in S3 and in the file system: whatever the clocks say, each version of
each object is read once."""

import os
import time

import pytest
from conftest import multiset
from lake import Lake


class Files:
    """in/ of the project; times can be what one likes."""

    def __init__(self, project):
        self.project, self.url = project, "in/**/*.csv"
        project.path("in").mkdir()

    def put(self, name, *rows, at=None):
        path = self.project.write(f"in/{name}", "n\n" + "".join(f"{row}\n" for row in rows))
        if at is not None:
            os.utime(path, (at, at))

    def remove(self, name):
        self.project.path(f"in/{name}").unlink()


class Objects:
    """in/ of a bucket: times are the server's."""

    def __init__(self, lake):
        self.lake, self.url = lake, f"s3://{lake.bucket}/in/**/*.csv"

    def put(self, name, *rows, at=None):
        return self.lake.put(f"in/{name}", "n\n" + "".join(f"{row}\n" for row in rows))

    def remove(self, name):
        self.lake.client.delete_object(Bucket=self.lake.bucket, Key=f"in/{name}")


@pytest.fixture(params=["files", "s3"])
def source(request, project):
    if request.param == "files":
        source = Files(project)
    else:
        request.getfixturevalue("on_weed")
        source = Objects(Lake(project, request.getfixturevalue("s3"), request.getfixturevalue("bucket")))
        source.rows = source.lake.rows
    if request.param == "files":
        source.rows = project.rows
    project.copy_pipeline("x", **{"from": source.url})
    source.is_s3 = request.param == "s3"
    return source


def loaded(project, source, *expected, fetched=None):
    """Runs it once: these rows are there, and so many objects were read; a second run finds nothing."""
    result = project.run("x")
    assert multiset(n for (n,) in source.rows("t.x")) == multiset(expected)
    if fetched is not None:
        assert len(result.named("object.fetched")) == fetched
    assert project.run("x").named("run.nothing_new")


def test_late_ones(project, source):
    """Keys that sort before all others, in folders that are older than others."""
    source.put("2024/02/b.csv", 1)
    loaded(project, source, 1)
    source.put("2024/02/a.csv", 2)
    source.put("2024/01/z.csv", 3)
    source.put("0.csv", 4)
    loaded(project, source, 1, 2, 3, 4, fetched=3)


def test_overwritten_ones(project, source):
    source.put("a.csv", 1)
    source.put("b.csv", 2)
    loaded(project, source, 1, 2)
    source.put("a.csv", 1, 10)
    loaded(project, source, 1, 1, 2, 10, fetched=1)


def test_the_same_size_and_another_content(project, source):
    source.put("a.csv", 1)
    loaded(project, source, 1)
    source.put("a.csv", 2)
    loaded(project, source, 1, 2, fetched=1)


def test_clocks_that_are_wrong(project, source):
    """Older than the last run, of before all computers, and of the day after tomorrow."""
    now = time.time()
    source.put("a.csv", 1, at=now + 172800)
    loaded(project, source, 1)
    source.put("b.csv", 2, at=now - 86400)
    source.put("c.csv", 3, at=1)
    source.put("a.csv", 4, at=now - 172800)  # the same name, and older than what was read
    loaded(project, source, 1, 2, 3, 4, fetched=3)


def test_equal_times(project, source):
    when = time.time() - 3600
    source.put("a.csv", 1, at=when)
    source.put("b.csv", 2, at=when)
    loaded(project, source, 1, 2)
    source.put("c.csv", 3, at=when)
    loaded(project, source, 1, 2, 3, fetched=1)


def test_the_same_name_size_and_time(project, source):
    """A tool that sets the time back: in S3 the ETag tells, of a file nothing does. That is the price
    for a file that was moved or restored being the same one."""
    when = time.time() - 3600
    source.put("a.csv", 1, at=when)
    loaded(project, source, 1)
    source.put("a.csv", 2, at=when)
    loaded(project, source, *([1, 2] if source.is_s3 else [1]))


def test_deleted_and_put_again(project, source):
    source.put("a.csv", 1)
    source.put("b.csv", 2)
    loaded(project, source, 1, 2)
    source.remove("a.csv")
    loaded(project, source, 1, 2, fetched=0)
    source.put("a.csv", 3)
    loaded(project, source, 1, 2, 3, fetched=1)


def test_the_same_bytes_again(project, source):
    """In S3 they are the same version; a file that was written again is another one."""
    source.put("a.csv", 1)
    loaded(project, source, 1)
    source.remove("a.csv")
    assert project.run("x").named("run.nothing_new")
    source.put("a.csv", 1)
    if source.is_s3:
        assert project.run("x").named("run.nothing_new")
        loaded(project, source, 1, fetched=0)
    else:
        loaded(project, source, 1, 1, fetched=1)


def test_a_versioned_bucket(project, on_weed, s3, bucket):
    """The newest version counts; what is below a delete marker is gone."""
    s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    lake = Lake(project, s3, bucket)
    source = Objects(lake)
    source.rows = lake.rows
    project.copy_pipeline("x", **{"from": source.url})
    source.put("a.csv", 1)
    source.put("b.csv", 2)
    loaded(project, source, 1, 2)
    source.put("a.csv", 3)
    source.put("a.csv", 4)
    loaded(project, source, 1, 2, 4, fetched=1)  # 3 was never there when somebody looked
    source.remove("b.csv")
    loaded(project, source, 1, 2, 4, fetched=0)
    source.put("b.csv", 5)
    loaded(project, source, 1, 2, 4, 5, fetched=1)
    # The version before comes back: it is one that was read, but not the last one.
    versions = s3.list_object_versions(Bucket=bucket, Prefix="in/a.csv")["Versions"]
    newest = next(version for version in versions if version["IsLatest"])
    s3.delete_object(Bucket=bucket, Key="in/a.csv", VersionId=newest["VersionId"])
    loaded(project, source, 1, 2, 3, 4, 5, fetched=1)


def libraries(project, *args):
    """What the program loads, as the dynamic linker says it."""
    result = project.sluice(*args, env={"LD_DEBUG": "files", "LD_DEBUG_OUTPUT": str(project.path("ld"))})
    assert result.exit == 0, str(result)
    said = "".join(path.read_text() for path in project.root.glob("ld.*"))
    for path in project.root.glob("ld.*"):
        path.unlink()
    assert "calling init" in said
    return result, said


def test_nothing_new_starts_no_sql_engine(project, source):
    source.put("a.csv", 1)
    _, said = libraries(project, "run", "x")
    assert "libduckdb" in said
    result, said = libraries(project, "run", "x")
    assert result.named("run.nothing_new") and "duckdb" not in said


def test_reread_in_s3(project, on_weed, s3, bucket):
    """Late files, and one that goes and comes again as it was: its rows went, so they come again."""
    lake = Lake(project, s3, bucket)
    project.pipeline(
        "x",
        {
            "extract": {"a": {"from": f"s3://{bucket}/in/**/*.csv", "only_new": {"reread": "partition"}}},
            "load": {"a": {"into": "t.x", "mode": "overwrite_partitions", "partition_by": ["d"]}},
        },
    )

    def put(name, *rows):
        lake.put(f"in/{name}", "d,n\n" + "".join(f"{d},{n}\n" for d, n in rows))

    def rows():
        return sorted(lake.rows("t.x"))

    put("1/a.csv", (1, 1), (2, 2))
    project.run("x")
    put("2/a.csv", (2, 3))
    result = project.run("x")
    assert result.named("run.widened") and rows() == [(1, 1), (2, 2), (2, 3)]
    fetched = [(line["object"].rsplit("/in/", 1)[1], line.get("resumed", False)) for line in result.named("object.fetched")]
    assert fetched[0] == ("2/a.csv", False)
    assert sorted(fetched[1:]) == [("1/a.csv", False), ("2/a.csv", True)]  # once over the wire
    lake.check_consistent()
    s3.delete_object(Bucket=bucket, Key="in/1/a.csv")
    put("1/b.csv", (1, 4))
    project.run("x")
    assert rows() == [(1, 4), (2, 3)]
    put("1/a.csv", (1, 1), (2, 2))
    project.run("x")
    assert rows() == [(1, 1), (1, 4), (2, 2), (2, 3)]
    assert project.run("x").named("run.nothing_new")
    lake.check_consistent()
