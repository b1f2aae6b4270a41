"""Random sequences of the catalog's verbs, by hand from the shell, against the model in tests/catalog_model.py;
the same with kill -9 at random moments: each command did all of what it was to do, or nothing."""

import copy
import itertools
import json
import os
import random
import time
import uuid

import pytest
from catalog_model import Delta, Model
from conftest import SANITIZED

STEPS = 150 if SANITIZED else 1500
KILLS = 8 if SANITIZED else 50
NAMESPACES = ["a", "b_1"]
TABLES = ["t", "u"]
VALUES = [None, "", "x", "2001-01", "a/../b", "quote's \"two\"", "Straße €", "100%"]
TYPES = ["add", "append", "upsert", "delete"]
LIFECYCLES = ["unreleased", "beta", "active", "deprecated", "deleted"]


class Sequence:
    """The program and the model, side by side."""

    def __init__(self, project, seed):
        self.project, self.dice, self.model = project, random.Random(seed), Model()
        self.kills, self.refused, self.files = 0, 0, itertools.count()

    def command(self, *args, kill=False):
        process = self.project.start("catalog", *args, "--json", "--quiet")
        if kill:
            time.sleep(self.dice.uniform(0, 0.02))
            process.kill()
        result = self.project.finish(process)
        if not kill and result.exit:
            assert result.exit in (1, 2) and len(result.stderr.splitlines()) == 1, str(result)
        return result

    def ask(self, *args):
        result = self.command(*args)
        assert result.exit == 0, str(result)
        return json.loads(result.stdout)

    # --- places

    def at(self):
        return self.dice.choice(NAMESPACES), self.dice.choice(TABLES)

    def name(self, at, number=0):
        return f"{at[0]}.{at[1]}" + (f"@{number}" if number else "")

    def number(self, at):
        """Of a version, mostly of one that is there; 0 is the latest active one."""
        table = self.model.table(at)
        return self.dice.choice([0, 0, *range(1, (len(table.versions) if table else 0) + 2)])

    def streams(self, at, number):
        version = self.model.version(at, number)
        return list(version.streams) if version else []

    def stream(self, at, number):
        """None: the committed one; else any that was ever made there, or one that never was."""
        return self.dice.choice([None, None, None, *self.streams(at, number), str(uuid.uuid4())])

    def partition_ids(self, at, number, stream_id):
        stream, _ = self.model.stream_of(at, number, stream_id)
        return list(stream.partitions) if stream else []

    def delta_ids(self, at, number, stream_id):
        stream, _ = self.model.stream_of(at, number, stream_id)
        return [d for p in stream.partitions.values() for d in p.deltas] if stream else []

    def some(self, known):
        return self.dice.choice([*known[-6:], str(uuid.uuid4())]) if self.dice.random() < 0.9 else str(uuid.uuid4())

    # --- verbs: what to call, and what the model makes of it

    def create_namespace(self):
        name = self.dice.choice(NAMESPACES)
        return ["create-namespace", name], lambda m: m.create_namespace(name)

    def delete_namespace(self):
        name = self.dice.choice(NAMESPACES)
        return ["delete-namespace", name], lambda m: m.delete_namespace(name)

    def create_table(self):
        at = self.at()
        return ["create-table", self.name(at)], lambda m: m.create_table(at)

    def rename_table(self):
        at, new = self.at(), self.dice.choice(TABLES)
        return ["update-table", self.name(at), "--rename", new], lambda m: m.rename_table(at, new)

    def delete_table(self):
        at = self.at()
        return ["delete-table", self.name(at)], lambda m: m.delete_table(at)

    def create_version(self):
        at, lifecycle = self.at(), self.dice.choice(["active", "active", "active", "unreleased"])
        def model(m):
            made = f"unknown {uuid.uuid4()}"  # the program's choice: looked up after it
            wrong = m.create_version(at, lifecycle, made)
            self.made = None if wrong else (at, made)
            return wrong

        return ["create-table-version", self.name(at), *self.COLUMNS, "--lifecycle", lifecycle], model

    def set_lifecycle(self):
        at = self.at()
        number, lifecycle = self.number(at), self.dice.choice(LIFECYCLES[:4] * 3 + LIFECYCLES)
        command = ["update-table-version", self.name(at, number), "--lifecycle", lifecycle]
        return command, lambda m: m.set_lifecycle(at, number, lifecycle)

    def stage_stream(self):
        at, new = self.at(), str(uuid.uuid4())
        number = self.number(at)
        return ["stage-stream", self.name(at, number), "--id", new], lambda m: m.stage_stream(at, number, new)

    def commit_stream(self):
        at = self.at()
        number = self.number(at)
        chosen = self.some(self.streams(at, number))
        command = ["commit-stream", self.name(at, number), "--id", chosen]
        return command, lambda m: m.commit_stream(at, number, chosen)

    def in_stream(self, verb):
        at = self.at()
        number = self.number(at)
        stream = self.stream(at, number)
        return at, number, stream, [verb, self.name(at, number), *(["--stream", stream] if stream else [])]

    def values(self):
        value = self.dice.choice(VALUES)
        return (value,), ["--partition", json.dumps([value])]

    def stage_partition(self):
        at, number, stream, command = self.in_stream("stage-partition")
        values, flags = self.values()
        new = str(uuid.uuid4())
        return [*command, *flags, "--id", new], lambda m: m.stage_partition(at, number, stream, values, new)

    def commit_partition(self):
        at, number, stream, command = self.in_stream("commit-partition")
        chosen = self.some(self.partition_ids(at, number, stream))
        return [*command, "--id", chosen], lambda m: m.commit_partition(at, number, stream, chosen)

    def delete_partition(self):
        at, number, stream, command = self.in_stream("delete-partition")
        values, flags = self.values()
        return [*command, *flags], lambda m: m.delete_partition(at, number, stream, values)

    def delete_staged_partition(self):
        at, number, stream, command = self.in_stream("delete-partition")
        chosen = self.some(self.partition_ids(at, number, stream))
        return [*command, "--id", chosen], lambda m: m.delete_staged_partition(at, number, stream, chosen)

    def stage_delta(self):
        at, number, stream, command = self.in_stream("stage-delta")
        values, flags = self.values()
        partition = self.some(self.partition_ids(at, number, stream)) if self.dice.random() < 0.6 else None
        new, kind = str(uuid.uuid4()), self.dice.choice(TYPES)
        files = [
            (f"{at[0]}/{at[1]}/{next(self.files)} {self.dice.choice(['', 'é', '%', '+'])}.parquet", n, 10 * n)
            for n in self.dice.sample(range(100), self.dice.randint(1, 3))
        ]
        content = "deletes" if kind == "delete" else "data"
        manifest = [{"key": key, "rows": rows, "bytes": size, "content": content} for key, rows, size in files]
        self.project.write("manifest.json", json.dumps(manifest))
        flags = ["--partition-id", partition] if partition else flags
        command += [*flags, "--id", new, "--type", kind, "--manifest", "manifest.json"]
        return command, lambda m: m.stage_delta(at, number, stream, partition, values, Delta(new, kind, list(files)))

    def merge_deltas(self):
        at, number, stream, command = self.in_stream("merge-deltas")
        known = self.delta_ids(at, number, stream)
        ids = self.dice.sample(known, min(len(known), self.dice.randint(2, 3)))
        ids += [str(uuid.uuid4()) for _ in range(2 - len(ids))]
        new = str(uuid.uuid4())
        return [*command, *ids, "--id", new], lambda m: m.merge_deltas(at, number, stream, ids, new)

    def commit_delta(self):
        at, number, stream, command = self.in_stream("commit-delta")
        chosen = self.some(self.delta_ids(at, number, stream))
        position = self.dice.choice([0, 0, 0, self.dice.randint(1, 40)])
        command += ["--id", chosen, *(["--position", str(position)] if position else [])]
        return command, lambda m: m.commit_delta(at, number, stream, chosen, position)

    def delete_delta(self):
        at, number, stream, command = self.in_stream("delete-delta")
        chosen = self.some(self.delta_ids(at, number, stream))
        return [*command, "--id", chosen], lambda m: m.delete_delta(at, number, stream, chosen)

    COLUMNS = ["--column", "k VARCHAR", "--column", "v BIGINT", "--key", "k", "--partition-by", "k"]
    VERBS = (
        [create_namespace, create_table, set_lifecycle, stage_stream, commit_stream] * 2
        + [stage_partition, commit_partition, stage_delta, commit_delta] * 30
        + [create_version, merge_deltas, delete_partition, delete_staged_partition, delete_delta] * 6
        + [delete_namespace, rename_table, delete_table]
    )

    # --- one step

    def make_tables(self):
        for namespace, table in itertools.product(NAMESPACES, TABLES):
            at = (namespace, table)
            self.command("create-namespace", namespace, "--if-missing")
            self.command("create-table", self.name(at))
            self.command("create-table-version", self.name(at), *self.COLUMNS, "--lifecycle", "active")
            self.model.namespaces.setdefault(namespace, {})
            self.model.create_table(at)
            self.model.create_version(at, "active", "new")
            self.learn(self.model, (at, "new"))

    def learn(self, model, made):
        """The id that the program gave to the stream of a new version."""
        at, placeholder = made
        version = model.table(at).versions[-1]
        found = self.ask("get-stream", self.name(at, version.number))
        stream = version.streams.pop(placeholder)
        stream.id = found["stream_id"]
        version.streams[stream.id] = stream

    def step(self, kill=False):
        command, act = self.dice.choice(self.VERBS)(self)
        after, self.made = copy.deepcopy(self.model), None
        wrong = act(after)
        result = self.command(*command, kill=kill)
        if kill and result.exit < 0:
            self.kills += 1
            self.settle(after, wrong)
            return
        assert (result.exit != 0) == (wrong is not None), f"the model says {wrong}: {result}"
        self.refused += wrong is not None
        if not wrong:
            self.model = after
            if self.made:
                self.learn(self.model, self.made)

    def settle(self, after, wrong):
        """All of it was done, or nothing."""
        if wrong or self.agrees(self.model):
            self.check()
            return
        if self.made:
            self.learn(after, self.made)
        self.model = after
        self.check()

    # --- the lists

    def agrees(self, model):
        try:
            self.check(model)
        except AssertionError:
            return False
        return True

    def check_stream(self, name, stream):
        flags = ["--stream", stream.id]
        found = self.ask("list-partitions", name, *flags)
        found = {(p["partition_id"], tuple(p["partition"]), p["rows"], p["position"]) for p in found}
        assert found == self.checked.partitions(stream)
        found = self.ask("list-deltas", name, *flags, "--include-manifest")
        found = [
            (d["position"], d["type"], d["delta_id"], tuple(d["partition"]), d["rows"], [f["key"] for f in d["files"]])
            for d in found
        ]
        assert found == self.checked.deltas(stream)
        for partition in stream.partitions.values():
            found = self.ask("list-partition-deltas", name, *flags, "--id", partition.id, "--ascending")
            assert [d["delta_id"] for d in found] == [
                d.id for d in sorted(partition.committed(), key=lambda d: d.position)
            ]

    def check(self, model=None):
        self.checked = model or self.model
        assert [n["namespace"] for n in self.ask("list-namespaces")] == sorted(self.checked.namespaces)
        for namespace, tables in self.checked.namespaces.items():
            assert [t["table"] for t in self.ask("list-tables", namespace)] == sorted(tables)
            for table, content in tables.items():
                found = self.ask("list-table-versions", f"{namespace}.{table}")
                assert [(v["version"], v["lifecycle"]) for v in found] == [
                    (v.number, v.lifecycle) for v in content.versions
                ]
                for version in content.versions:
                    self.check_version(f"{namespace}.{table}@{version.number}", version)

    def check_version(self, name, version):
        found = {s["stream_id"]: s["state"] for s in self.ask("list-streams", name)}
        assert found == {s.id: s.state for s in version.streams.values()}
        for stream in version.streams.values():
            self.check_stream(name, stream)


def begin(project):
    seed = int(os.environ.get("MODEL_SEED", random.randrange(1 << 32)))
    print(f"MODEL_SEED={seed}")  # pytest shows it with a failure
    sequence = Sequence(project, seed)
    sequence.make_tables()
    return sequence


@pytest.mark.timeout(1200)
def test_random_verbs(project):
    sequence = begin(project)
    for number in range(STEPS):
        sequence.step()
        if number % 100 == 99:
            sequence.check()
    sequence.check()
    assert STEPS / 20 < sequence.refused < STEPS * 0.9


@pytest.mark.timeout(1200)
def test_random_verbs_that_are_killed(project):
    sequence = begin(project)
    while sequence.kills < KILLS:
        sequence.step()
        sequence.step(kill=True)
    sequence.check()
