"""Tables whose columns change between deltas: added, left out, widened, renamed, named anew. What is read, merged
and compacted is held against a model of a few lines, which knows columns by their field ids; so is what two
processes do to one schema at once."""

import collections
import decimal
import random
import re
import threading

import pyarrow
import pyarrow.parquet
import pytest

duckdb = pytest.importorskip("duckdb")

WIDER = {
    "INTEGER": "BIGINT",
    "BIGINT": "DECIMAL(21,2)",
    "FLOAT": "DOUBLE",
    "DECIMAL(4,1)": "DECIMAL(8,3)",
}
ARROW = {
    "INTEGER": pyarrow.int32(),
    "BIGINT": pyarrow.int64(),
    "DECIMAL(21,2)": pyarrow.decimal128(21, 2),
    "FLOAT": pyarrow.float32(),
    "DOUBLE": pyarrow.float64(),
    "DECIMAL(4,1)": pyarrow.decimal128(4, 1),
    "DECIMAL(8,3)": pyarrow.decimal128(8, 3),
    "VARCHAR": pyarrow.string(),
}
NEW_TYPES = ["INTEGER", "BIGINT", "FLOAT", "DECIMAL(4,1)", "VARCHAR"]


def value(dice, kind):
    if dice.random() < 0.2:
        return None
    return {
        "INTEGER": lambda: dice.randrange(-5, 1000),
        "BIGINT": lambda: dice.choice([3, 5_000_000_000 + dice.randrange(9)]),
        "DECIMAL(21,2)": lambda: decimal.Decimal(dice.randrange(999)) / 4,
        "FLOAT": lambda: dice.randrange(99) / 8,
        "DOUBLE": lambda: dice.choice([0.1, 1e300, 2.5]),
        "DECIMAL(4,1)": lambda: decimal.Decimal(dice.randrange(999)) / 10,
        "DECIMAL(8,3)": lambda: decimal.Decimal(dice.randrange(99999)) / 1000,
        "VARCHAR": lambda: dice.choice(["", "a'b", "ü", "null", "7"]),
    }[kind]()


class Evolving:
    """The program's table t.x and the model of it."""

    def __init__(self, project, dice, keyed, sequence, layout):
        self.project, self.dice, self.keyed, self.sequence, self.layout = project, dice, keyed, sequence, layout
        # What loads always have; the rest comes and goes.
        self.columns = {}  # field id → [name, type]
        self.base = {"id": "INTEGER", "part": "VARCHAR", "seq": "INTEGER", "op": "VARCHAR"}
        self.log = []  # (position, number, row by field id)
        self.positions, self.names = [], 0

    # --- the model

    def field(self, name):
        return next((field for field, column in self.columns.items() if column[0] == name), None)

    def learn(self, kinds):
        """The columns of a dataset, in its order."""
        for name, kind in kinds.items():
            field = self.field(name)
            if field is None:
                self.columns[max(self.columns, default=0) + 1] = [name, kind]
                continue
            known = self.columns[field]
            if kind in self.after(known[1]):
                known[1] = kind

    @staticmethod
    def after(kind):
        wider = []
        while kind in WIDER:
            kind = WIDER[kind]
            wider.append(kind)
        return wider

    def expected(self, at):
        names = {field: name for field, (name, _) in self.columns.items()}
        rows = [entry for entry in self.log if entry[0] <= at]
        if self.keyed:
            best = {}
            for entry in rows:
                row = entry[2]
                seq = row[self.field("seq")] if self.sequence else None
                rank = (seq is not None, seq or 0, entry[0], entry[1])
                key = row[self.field("id")]
                if key not in best or rank > best[key][0]:
                    best[key] = (rank, row)
            rows = [row for _, row in best.values() if row[self.field("op")] != "D"]
        else:
            rows = [row for _, _, row in rows]
        return collections.Counter(
            tuple((name, row.get(field)) for field, name in sorted(names.items())) for row in rows
        )

    # --- what is done

    def load(self):
        kinds = dict(self.base)
        for field, (name, kind) in self.columns.items():
            if name not in kinds and self.dice.random() < 0.7:  # else the load leaves it out
                kinds[name] = self.dice.choice([kind, *self.after(kind)[:1]]) if self.dice.random() < 0.4 else kind
        if self.dice.random() < 0.5:
            self.names += 1
            name = self.dice.choice(["a b", 'c"d', "ü", "New", "v"]) + str(self.names % 4)
            kinds.setdefault(name, self.dice.choice(NEW_TYPES))
        names = list(kinds)
        self.dice.shuffle(names)
        kinds = {name: kinds[name] for name in names}
        fields = {}
        for name, kind in kinds.items():  # a column that is there may be wider already
            field = self.field(name)
            if field is not None and kind not in [self.columns[field][1], *self.after(self.columns[field][1])]:
                kind = self.columns[field][1]
            fields[name] = kind
        kinds = fields
        rows = []
        for _ in range(self.dice.randrange(1, 25)):
            row = {name: value(self.dice, kind) for name, kind in kinds.items()}
            row["id"] = self.dice.randrange(30)
            row["part"] = self.dice.choice(["p", "q/r", None])
            row["seq"] = self.dice.choice([None, *range(9)])
            row["op"] = self.dice.choice("UUUUD")
            rows.append(row)
        schema = pyarrow.schema([(name, ARROW[kind]) for name, kind in kinds.items()])
        table = pyarrow.Table.from_pylist(rows, schema=schema)
        pyarrow.parquet.write_table(table, self.project.path("x.parquet"))
        load = {"into": "t.x"}
        if self.keyed:
            load.update(mode="upsert", key=["id"], delete_when="op = 'D'", tombstones="30d")
            if self.sequence:
                load["sequence_by"] = "seq"
        if self.layout:
            load["partition_by"] = self.layout
        extract = {"from": "x.parquet"} if self.keyed else {"from": "x.parquet", "repeat": True}
        self.project.pipeline("x", {"extract": {"x": extract}, "load": {"x": load}})
        self.project.run("x")
        position = self.catalog("show", "t.x")["position"]
        self.learn(kinds)
        for number, row in enumerate(table.to_pylist()):
            self.log.append((position, number, {self.field(name): cell for name, cell in row.items()}))
        self.positions.append(position)

    def catalog(self, *args):
        result = self.project.sluice("catalog", *args, "--json")
        assert result.exit == 0, str(result)
        return result.json

    def free(self):
        return [field for field, (name, _) in self.columns.items() if name not in self.base]

    def rename(self):
        if not self.free():
            return
        field = self.dice.choice(self.free())
        self.names += 1
        old, new = self.columns[field][0], f"renamed {self.names}"
        self.catalog("alter", "t.x", "--rename", f"{old}={new}")
        self.columns[field][0] = new

    def widen(self):
        fields = [field for field in self.free() if self.columns[field][1] in WIDER]
        if not fields:
            return
        column = self.columns[self.dice.choice(fields)]
        column[1] = WIDER[column[1]]
        quoted = '"' + column[0].replace('"', '""') + '"'
        self.catalog("alter", "t.x", "--widen", f"{quoted} {column[1]}")

    def add(self):
        self.names += 1
        name, kind = f"added {self.names}", self.dice.choice(NEW_TYPES)
        self.catalog("alter", "t.x", "--add", f'"{name}" {kind}')
        self.columns[max(self.columns) + 1] = [name, kind]

    def compact(self):
        buckets = ["--buckets", str(self.dice.randrange(1, 5))] if self.keyed and self.dice.random() < 0.4 else []
        self.catalog("compact", "t.x", *self.dice.choice([[], ["--full"]]), *buckets)

    # --- compared

    def check(self, at=None):
        path = self.project.path("read.parquet")
        path.unlink(missing_ok=True)
        flags = ["--at", str(at)] if at else []
        result = self.project.sluice("catalog", "read", "t.x", "--output", path, *flags)
        assert result.exit == 0, str(result)
        found = pyarrow.parquet.ParquetFile(path).read()
        kinds = {name: kind for name, kind in self.columns.values()}
        assert {field.name: field.type for field in found.schema} == {n: ARROW[k] for n, k in kinds.items()}
        names = [name for _, (name, _) in sorted(self.columns.items())]
        rows = collections.Counter(tuple((name, row[name]) for name in names) for row in found.to_pylist())
        assert rows == self.expected(at or self.positions[-1]), (at, self.columns)


CASES = [
    (True, False, []),
    (True, True, []),
    (True, False, ["part"]),
    (True, True, ["part"]),
    (True, True, ["bucket(3, id)"]),
    (False, False, []),
    (False, False, ["part"]),
]


@pytest.mark.parametrize("keyed, sequence, layout", CASES, ids=str)
@pytest.mark.parametrize("seed", range(2))
@pytest.mark.timeout(600)
def test_random_changes(project, seed, keyed, sequence, layout):
    dice = random.Random(f"{seed} {keyed} {sequence} {layout}")
    table = Evolving(project, dice, keyed, sequence, layout)
    table.load()
    for _ in range(14):
        dice.choice([table.load, table.load, table.rename, table.widen, table.add, table.compact, table.compact])()
        table.check()
    table.load()
    table.check()
    table.compact()
    table.check()
    for at in dice.sample(table.positions, min(4, len(table.positions))):
        table.check(at)
    table.catalog("fsck", "--checksums")
    project.check_consistent()


# --- two at once


def at_once(project, names, count):
    """Each pipeline that many times; what went wrong."""
    failed, conflicts = [], []

    def work(name):
        for number in range(count):
            rows = PLANS[name](number)
            pyarrow.parquet.write_table(rows, project.path(f"{name}.parquet"))
            result = project.sluice("run", name)
            conflicts.extend(result.named("commit.conflict"))
            if result.exit:
                failed.append(str(result))

    threads = [threading.Thread(target=work, args=(name,)) for name in names]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failed, failed[0]
    return conflicts


def plan_added(own):
    def rows(number):
        return pyarrow.table({"id": [1000 * ord(own) + number], f"{own}{number}": ["x"]})

    return rows


def plan_widened(own):
    """`n` goes from INTEGER to DECIMAL(21,2) by way of BIGINT, `f` from FLOAT to DOUBLE; y goes ahead."""
    ahead = own == "y"

    def rows(number):
        stage = min(number + ahead, 2)
        n = [
            pyarrow.array([number], pyarrow.int32()),
            pyarrow.array([5_000_000_000 + number], pyarrow.int64()),
            pyarrow.array([decimal.Decimal(number) + decimal.Decimal("0.25")], pyarrow.decimal128(21, 2)),
        ][stage]
        f = pyarrow.array([0.5], pyarrow.float64() if stage else pyarrow.float32())
        return pyarrow.table({"id": [1000 * ord(own) + number], "n": n, "f": f})

    return rows


PLANS = {}


@pytest.mark.parametrize("mode", ["append", "upsert"])
@pytest.mark.parametrize("plan", [plan_added, plan_widened])
def test_two_that_evolve_one_table(project, mode, plan):
    count = 6
    for name in "xy":
        PLANS[name] = plan(name)
        load = {"into": "t.x", "mode": mode, **({"key": ["id"]} if mode == "upsert" else {})}
        extract = {"from": f"{name}.parquet", **({"repeat": True} if mode == "append" else {})}
        project.pipeline(name, {"extract": {name: extract}, "load": {name: load}})
    conflicts = at_once(project, "xy", count)
    for event in conflicts:
        assert "somebody else was faster" in event["msg"], event
    result = project.sluice("catalog", "read", "t.x", "--output", "all.parquet")
    assert result.exit == 0, str(result)
    rows = {row["id"]: row for row in pyarrow.parquet.ParquetFile(project.path("all.parquet")).read().to_pylist()}
    assert sorted(rows) == sorted(1000 * ord(name) + number for name in "xy" for number in range(count))
    for name in "xy":
        for number in range(count):
            row = rows[1000 * ord(name) + number]
            for column, cell in plan(name)(number).to_pylist()[0].items():
                assert row[column] == cell, (column, row)
    schemas = project.sluice("catalog", "list-schemas", "t.x", "--json").json
    ids = {}
    for schema in schemas:  # one field id a name, whoever added it
        for column in schema["columns"]:
            assert ids.setdefault(column["name"], column["field_id"]) == column["field_id"]
    assert len(set(ids.values())) == len(ids)
    types = {column["name"]: column["type"] for column in schemas[-1]["columns"]}
    if plan is plan_widened:
        assert (types["n"], types["f"]) == ("DECIMAL(21,2)", "DOUBLE")
    else:
        assert len(types) == 1 + 2 * count
    assert project.sluice("catalog", "fsck", "--checksums").exit == 0
    project.check_consistent()


def test_two_that_alter_one_table(project):
    """By hand: what each added is there, or it was told that somebody else was faster."""
    for verb in (["create-namespace", "t"], ["create-table", "t.x"],
                 ["create-table-version", "t.x", "--lifecycle", "active", "--column", "id INTEGER"]):  # fmt: skip
        assert project.sluice("catalog", *verb).exit == 0
    done = []

    def work(own):
        for number in range(8):
            result = project.sluice("catalog", "alter", "t.x", "--add", f"{own}{number} BIGINT")
            if result.exit == 0:
                done.append(f"{own}{number}")
            else:
                assert re.search(r"its schema is \d+ by now and \d+ was expected; run again", result.error), str(result)

    threads = [threading.Thread(target=work, args=(own,)) for own in "xy"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    columns = project.sluice("catalog", "schema", "t.x", "--json").json["columns"]
    assert sorted(column["name"] for column in columns) == sorted(["id", *done])
    assert len({column["field_id"] for column in columns}) == len(columns)
    assert len(done) >= 8
