"""only_new: {on_changed: replace}: of an object that changed the old rows go and the new ones come,
in one commit."""

import json
import random
import signal
import time

import pytest
from lake import Lake

MODES = {
    "append": {"mode": "append"},
    "append, partitions": {"mode": "append", "partition_by": ["part"]},
    "upsert": {"mode": "upsert", "key": ["id"]},
    "upsert, partitions": {"mode": "upsert", "key": ["id"], "partition_by": ["part"]},
    "upsert, key and partition": {"mode": "upsert", "key": ["part", "id"], "partition_by": ["part"]},
}


def make(project, name="p", pattern="data/*.csv", into="n.t", transform=None, extract=None, **load):
    pipeline = {
        "extract": {
            "a": {
                "from": pattern,
                "only_new": {"on_changed": "replace"},
                "metadata": True,
                "columns": {"id": "int", "part": "varchar", "x": "varchar"},
                **(extract or {}),
            }
        },
        "transform": {"b": {"sql": transform or "select * from a"}},
        "load": {"b": {"into": into, **load}},
    }
    project.pipeline(name, pipeline)


def put(project, name, rows):
    project.write(f"data/{name}.csv", "id,part,x\n" + "".join(f"{i},{p},{x}\n" for i, p, x in rows))


def stored(project, table="n.t"):
    result = project.sluice(
        "catalog", "read", table, "--format", "ndjson",
        "--sql", f"select id, part, x, _source as s from {table}",
    )
    assert result.exit == 0, str(result)
    lines = [json.loads(line) for line in result.stdout.splitlines()]
    return sorted((line["id"], line["part"], line["x"], line["s"]) for line in lines)


def wanted(objects):
    return sorted(
        (i, p, x, f"data/{name}.csv") for name, rows in objects.items() for i, p, x in rows
    )


class Model:
    """Objects as they are, and what is done to them."""

    def __init__(self, project, seed, prefix="o"):
        self.project, self.random, self.prefix = project, random.Random(seed), prefix
        self.objects, self.next_id, self.version = {}, 1, 0

    def row(self, i=None):
        self.version += 1
        if i is None:
            i, self.next_id = self.next_id, self.next_id + 1
        return (i, self.random.choice("pqr"), f"v{self.version}")

    def change(self, name):
        rows = list(self.objects.get(name, []))
        what = self.random.choice(["rows", "fewer", "none", "other", "move", "more"])
        if what == "none":
            rows = []
        elif what == "fewer":
            rows = rows[: self.random.randint(0, len(rows))]
        elif what == "other":
            rows = [self.row() for _ in range(self.random.randint(1, 5))]
        elif what in ("rows", "move"):
            rows = [self.row(i) if self.random.random() < 0.6 else (i, p, x) for i, p, x in rows]
        if what == "more" or name not in self.objects:
            rows += [self.row() for _ in range(self.random.randint(1, 5))]
        self.objects[name] = rows
        self.version += 1
        put(self.project, name, rows)
        # Never the same size and time as before: that would be the same version.
        time.sleep(0.002)

    def hand_over(self):
        """A row goes from one object to another."""
        full = [name for name, rows in self.objects.items() if rows]
        if len(full) < 2:
            return
        one, other = self.random.sample(full, 2)
        self.objects[other].append(self.objects[one].pop())
        put(self.project, one, self.objects[one])
        put(self.project, other, self.objects[other])

    def round(self):
        for _ in range(self.random.randint(0, 3)):
            self.change(f"{self.prefix}{self.random.randint(0, 4)}")
        if self.random.random() < 0.3:
            self.hand_over()


@pytest.mark.parametrize("mode", MODES)
def test_model(project, mode):
    make(project, **MODES[mode])
    model = Model(project, mode)
    project.path("data").mkdir()
    for turn in range(14):
        model.round()
        if model.random.random() < 0.25:  # killed at any moment, then run again
            process = project.start("run", "p")
            time.sleep(model.random.random() * 0.15)
            process.send_signal(signal.SIGKILL)
            project.finish(process)
        project.run("p")
        if model.objects:
            assert stored(project) == wanted(model.objects), turn
        if turn == 9:
            assert project.sluice("catalog", "compact", "n.t").exit == 0
    assert project.sluice("catalog", "fsck").exit == 0


@pytest.mark.parametrize("mode", ["append", "append, partitions", "upsert, partitions"])
def test_two_writers(project, mode):
    """Two pipelines swap objects of their own in one table at once."""
    make(project, "p", "data/o*.csv", **MODES[mode])
    make(project, "q", "data/z*.csv", **MODES[mode])
    one, two = Model(project, 1), Model(project, 2, "z")
    two.next_id = 100000
    one.change("o0")
    two.change("z0")
    for turn in range(6):
        one.round()
        two.round()
        both = [project.start("run", name) for name in "pq"]
        for process in both:
            result = project.finish(process)
            assert result.exit == 0, str(result)
        assert stored(project) == wanted({**one.objects, **two.objects}), turn


def test_it_says_what_it_does(project):
    make(project, partition_by=["part"])
    put(project, "a", [(1, "p", "x"), (2, "q", "x")])
    put(project, "b", [(3, "q", "x"), (4, "r", "x")])
    project.run("p")
    untouched = {f["path"] for f in project.files("n.t") if "part=r" in f["path"]}
    put(project, "a", [(1, "p", "y")])
    plan = project.sluice("plan", "p")
    assert "rows of 1 changed object are replaced" in plan.stdout, plan.stdout
    event, = project.run("p").named("rows.replaced")
    assert (event["objects"], event["rows"], event["partitions"]) == (1, 2, 2)
    assert untouched <= {f["path"] for f in project.files("n.t")}
    assert stored(project) == [(1, "p", "y", "data/a.csv"), (3, "q", "x", "data/b.csv"), (4, "r", "x", "data/b.csv")]
    # As it was before: one commit took the rows away and brought the others.
    positions = {f["position"] for f in project.files("n.t")}
    assert len(positions) == 2


def test_quarantine(project):
    make(project, extract={"on_bad_row": "quarantine"})
    put(project, "a", [(1, "p", "x"), ("bad", "p", "x")])
    project.run("p")
    put(project, "a", [("worse", "p", "x"), (2, "p", "x"), (3, "p", "x")])
    project.run("p")
    assert stored(project) == [(2, "p", "x", "data/a.csv"), (3, "p", "x", "data/a.csv")]
    refused = project.sluice("quarantine", "retry", "p")
    assert refused.exit == 2 and "on_changed: replace" in refused.error, str(refused)


def test_a_failed_run_replaces_nothing(project):
    make(project)
    put(project, "a", [(1, "p", "x"), (2, "p", "x")])
    project.run("p")
    put(project, "a", [(1, "p", "y"), ("bad", "p", "x")])
    project.run("p", expect=1)
    assert stored(project) == [(1, "p", "x", "data/a.csv"), (2, "p", "x", "data/a.csv")]
    put(project, "a", [(1, "p", "y")])
    project.run("p")
    assert stored(project) == [(1, "p", "y", "data/a.csv")]


def test_rows_whose_object_nobody_knows(project):
    make(project, extract={"metadata": False, "only_new": True})
    put(project, "a", [(1, "p", "x")])
    project.run("p")
    make(project)
    put(project, "a", [(1, "p", "y")])
    said = project.fails("p", expect=3)
    assert "say no _source" in said and '"data/a.csv"' in said
    put(project, "b", [(2, "p", "y")])
    project.path("data/a.csv").unlink()
    project.run("p")
    put(project, "b", [(2, "p", "z")])
    said = project.fails("p", expect=3)
    assert "1 rows of n.t say no _source" in said


def test_what_cannot_be_replaced(project):
    put(project, "a", [(1, "p", "x")])
    for changes, says in [
        ({"extract": {"metadata": False}}, "extract.a.only_new.on_changed: replace finds the rows"),
        ({"mode": "overwrite_partitions", "partition_by": ["part"]}, "load.b.mode: overwrite_partitions would"),
        ({"mode": "overwrite"}, "load.b.mode: overwrite would replace"),
        ({"mode": "delete", "key": ["id"]}, "load.b.mode: does not go with `on_changed: replace`"),
        ({"mode": "upsert", "key": ["id"], "sequence_by": "x"}, "load.b.sequence_by: does not go with"),
        ({"mode": "upsert", "key": ["id"], "update": {"when": "new.x > old.x"}}, "load.b.update.when: does not go"),
    ]:
        make(project, **changes)
        result = project.sluice("validate", "p")
        assert result.exit == 2 and says in result.error, str(result)
    make(project, transform="select id, x from a")
    assert "b has no column _source" in project.fails("p", expect=2)


@pytest.fixture
def lake(on_weed, s3, bucket):
    return Lake(on_weed, s3, bucket)


@pytest.mark.parametrize("mode", ["append, partitions", "upsert"])
def test_in_s3(lake, mode):
    """Objects and table files in S3: rows go by the URL, versions are ETags; explain leads there."""
    make(lake.project, "p", f"s3://{lake.bucket}/in/*.csv", **MODES[mode])
    lake.put("in/a.csv", b"id,part,x\n1,p,x\n2,q,x\n")
    lake.put("in/b.csv", b"id,part,x\n3,q,x\n")
    lake.project.run("p")
    lake.put("in/a.csv", b"id,part,x\n2,p,y\n")
    lake.project.run("p")
    a, b = (f"s3://{lake.bucket}/in/{name}.csv" for name in "ab")
    assert stored(lake.project) == [(2, "p", "y", a), (3, "q", "x", b)]
    row, = lake.project.sluice("explain", "n.t", "--where", "id = 2", "--json").json["rows"]
    assert (row["object"], row["line"]) == (a, 2)
    assert row["version"] == lake.client.head_object(Bucket=lake.bucket, Key="in/a.csv")["ETag"].strip('"')
    lake.put("in/a.csv", b"id,part,x\n")
    lake.project.run("p")
    assert stored(lake.project) == [(3, "q", "x", b)]
    lake.check_consistent()
