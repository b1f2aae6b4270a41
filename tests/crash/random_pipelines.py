"""Random pipelines with random input, failures, kills and backfills, beside a model of a few lines: after each
step the tables and the quarantine are what the model says. A difference is tried again with fewer steps."""

import collections
import copy
import datetime
import gzip
import json
import pathlib
import random
import shutil

import merged
from chain import FAIL_WRITE
from conftest import SANITIZED, Project

BEGIN = datetime.datetime(2024, 1, 1)
COLUMNS = {"id": "bigint", "g": "bigint", "v": "bigint", "op": "varchar", "at": "timestamp"}
POISON = 666  # a check refuses it
STEPS = 12  # of a case
DAYS = [f"2001-01-{day:02}" for day in range(1, 7)]


# --- what is made


def make_spec(dice):
    """A pipeline's choices."""
    increment = dice.choice(["only_new", "only_new", "cursor", "whole"])
    modes = {
        "only_new": ["append", "upsert", "delete", "scd2"],
        "cursor": ["append", "upsert", "scd2"],
        "whole": ["overwrite", "overwrite_partitions"],
    }
    spec = {
        "increment": increment,
        "mode": dice.choice(modes[increment]),
        "on_bad_row": dice.choice(["fail", "skip", "quarantine", "quarantine"]),
        "least": dice.choice([None, None, 20]),
        "sifts": dice.random() < 0.5,
        "partition_by": dice.choice([[], ["g"], ["bucket(3, id)"], ["g", "day(at)"]]),
        "attempts": dice.choice([1, 2, 3]),
        "max_bad_rows": dice.choice([None, 2]) if increment == "only_new" else None,
        "gzip": dice.random() < 0.3,
        "lag": False,
    }
    if spec["mode"] == "upsert" and increment == "cursor":
        spec["lag"] = dice.random() < 0.7
    if spec["mode"] == "overwrite_partitions":
        spec["partition_by"] = ["g"]
    if spec["mode"] == "delete":
        spec["partition_by"] = []
    return spec


def make_pipeline(spec):
    extract = {
        "from": "in/*",
        "format": "csv",
        "columns": COLUMNS,
        "on_bad_row": spec["on_bad_row"],
        "csv": {"delimiter": ",", "header": True},
    }
    if spec["increment"] == "only_new":
        extract["only_new"] = True
    if spec["increment"] == "cursor":
        extract["cursor"] = {"column": "at", **({"lag": "1h"} if spec["lag"] else {})}
    if spec["max_bad_rows"] is not None and spec["on_bad_row"] != "fail":
        extract["max_bad_rows"] = spec["max_bad_rows"]
    load = {"into": "t.x", "mode": spec["mode"]}
    if spec["mode"] in ("upsert", "delete", "scd2"):
        load["key"] = ["id"]
    if spec["mode"] == "upsert":
        load |= {"sequence_by": "at", "delete_when": "op = 'D'"}
    if spec["mode"] == "scd2":
        load |= {"as_of": "at", "track": ["v", "g"]}
    if spec["partition_by"]:
        load["partition_by"] = spec["partition_by"]
    where = f" where v >= {spec['least']}" if spec["least"] is not None else ""
    checks = [{"sql": f"select count(*) = 0 from y where v = {POISON}", "name": "no_poison"}]
    if spec["sifts"]:
        checks.insert(0, {"accepted_values": {"g": ["0", "1", "2", "3"]}, "severity": "quarantine"})
    return {
        "resources": {"memory": "256MiB", "threads": 1},
        "defaults": {"retry": {"attempts": spec["attempts"], "backoff": "10ms"}},
        "extract": {"x": extract},
        "transform": {"y": {"sql": f"select * from x{where}", "checks": checks}},
        "load": {"y": load},
    }


BACKFILLED = {
    "params": {"day": {"type": "date"}},
    "resources": {"memory": "512MiB", "threads": 1},
    "extract": {"rows": {"from": "days/*.csv", "repeat": True, "columns": {"d": "date", "n": "bigint"}}},
    "transform": {"day": {"sql": "select d, n from rows where d = $day"}},
    "load": {"day": {"into": "t.days", "mode": "overwrite_partitions", "partition_by": ["d"]}},
}
SEED_ROWS = 30
SEED = {
    "transform": {"s": {"sql": f"select i as id, i % 4 as g, i as v from range({SEED_ROWS}) r(i)"}},
    "load": {"s": {"into": "t.x", "mode": "upsert", "key": ["id"]}},
}


def make_rows(dice, spec, clock):
    """[(id, g, v, op, at)]; v is a text where the row is bad."""
    rows = []
    for _ in range(dice.randint(1, 8)):
        clock[0] += dice.randint(1, 900)
        at = BEGIN + datetime.timedelta(seconds=clock[0])
        if spec["mode"] != "scd2" and dice.random() < 0.2:  # late, and still at a moment of its own
            at -= datetime.timedelta(seconds=dice.randrange(10000), microseconds=clock[0] % 999983 + 1)
        v = "bad" if dice.random() < (0.03 if spec["on_bad_row"] == "fail" else 0.12) else dice.randrange(60)
        v = POISON if dice.random() < 0.02 else v
        g = 9 if dice.random() < 0.08 else dice.randrange(4)
        rows.append((dice.randrange(20), g, v, dice.choice("UUUUD"), at))
    return rows


def make_steps(dice, spec):
    """Steps as plain values, so that any of them can be left out."""
    steps, clock, names = [], [0], 0
    for _ in range(STEPS):
        kind = dice.choice(["add"] * 6 + ["change"] * 2 + ["remove", "run", "run", "backfill", "backfill", "seed"])
        if kind == "add":
            steps.append(("put", names, make_rows(dice, spec, clock)))
            names += 1
        elif kind == "change" and names and spec["mode"] != "scd2":
            steps.append(("put", dice.randrange(names), make_rows(dice, spec, clock)))
        elif kind == "remove" and names:
            steps.append(("remove", dice.randrange(names)))
        elif kind == "seed" and spec["mode"] == "delete":
            steps.append(("seed",))
        elif kind == "backfill":
            first, last = sorted(dice.sample(range(len(DAYS)), 2))
            changed = {day: dice.randrange(1000) for day in dice.sample(DAYS, 3)}
            steps.append(("days", changed))
            kills = [dice.randrange(1, 700) for _ in range(dice.choice([0, 1, 3]))]
            steps.append(("backfill", first, last, dice.choice([1, 2]), dice.random() < 0.3, kills))
        if dice.random() < 0.15 and names:  # a file that is no gzip, until the next step puts it right
            steps.append(("broken", names))
            names += 1
        for _ in range(dice.choice([0, 0, 1, 2])):
            steps.append(("kill", dice.randrange(1, 450)))
        if dice.random() < 0.7:
            steps.append(("run",))
    return [*steps, ("mend",), ("run",), ("run",)]


# --- the model


class Failure(Exception):
    """The run must fail."""


class Model:
    def __init__(self, spec):
        self.spec = spec
        self.files = {}  # name → (version, rows; None: broken)
        self.versions = 0
        self.seen, self.last, self.listing = set(), None, None
        self.log = []  # good rows that were loaded, in order of the runs
        self.rows, self.history = [], {}
        self.bad, self.sifted = collections.Counter(), collections.Counter()
        self.days, self.done, self.loaded_days = dict.fromkeys(DAYS, 0), set(), {}

    def put(self, name, rows):
        self.versions += 1
        self.files[name] = (self.versions, rows)

    def new_files(self):
        names = sorted(self.files)
        if self.spec["increment"] == "only_new":
            names = [name for name in names if (name, self.files[name][0]) not in self.seen]
        if self.spec["increment"] == "cursor" and self.listing == self.listed():
            return []
        return names

    def listed(self):
        return sorted((name, version) for name, (version, _) in self.files.items())

    def run(self):
        """What a run that commits does; raises Failure, and then it does nothing. None: nothing new."""
        names, spec = self.new_files(), self.spec
        if not names:
            if not self.files and spec["increment"] == "whole":
                raise Failure
            return
        if any(self.files[name][1] is None for name in names):
            raise Failure
        after = copy.deepcopy(self)
        bad = [(name, n, row) for name in names for n, row in enumerate(self.files[name][1]) if row[2] == "bad"]
        if bad and spec["on_bad_row"] == "fail":
            raise Failure
        if spec["max_bad_rows"] is not None and len(bad) > spec["max_bad_rows"]:
            raise Failure
        rows = [row for name in names for row in self.files[name][1] if row[2] != "bad"]
        if spec["increment"] == "cursor":
            lag = datetime.timedelta(hours=1 if spec["lag"] else 0)
            last = self.last
            after.last = max([*(row[4] for row in rows), *([last] if last else [])], default=None)
            rows = [row for row in rows if last is None or row[4] > last - lag]
        rows = [row for row in rows if spec["least"] is None or row[2] >= spec["least"]]
        if spec["sifts"]:
            after.sifted.update((row[0], row[2], row[4]) for row in rows if row[1] == 9)
            rows = [row for row in rows if row[1] != 9]
        if any(row[2] == POISON for row in rows):
            raise Failure
        if spec["on_bad_row"] == "quarantine":
            after.bad.update((f"in/{name}", n + 2) for name, n, _ in bad)
        after.seen |= {(name, self.files[name][0]) for name in names}
        after.listing = self.listed()
        after.load(rows)
        self.__dict__.update(after.__dict__)

    def load(self, rows):
        mode = self.spec["mode"]
        if mode == "append":
            self.rows += rows
        elif mode == "overwrite":
            self.rows = rows or self.rows
        elif mode == "overwrite_partitions":
            touched = {row[1] for row in rows}
            self.rows = [row for row in self.rows if row[1] not in touched] + rows
        elif mode == "delete":
            gone = {row[0] for row in rows}
            self.rows = [row for row in self.rows if row[0] not in gone]
        elif mode == "upsert":
            self.log += rows
            best = {}
            for row in self.log:
                if row[0] not in best or row[4] >= best[row[0]][4]:
                    best[row[0]] = row
            self.rows = [row for row in best.values() if row[3] != "D"]
        elif mode == "scd2":
            for row in sorted(rows, key=lambda row: row[4]):
                spans = self.history.setdefault(row[0], [])
                if spans and spans[-1][:2] == [row[2], row[1]]:
                    continue
                if spans:
                    spans[-1][3] = row[4]
                spans.append([row[2], row[1], row[4], None])
            self.rows = [(key, g, v, begin, end) for key, those in self.history.items() for v, g, begin, end in those]

    def seed(self):
        if self.spec["mode"] == "delete":
            self.rows = [(i, i % 4, i, None, None) for i in range(SEED_ROWS)]

    def backfill(self, first, last, again):
        for day in DAYS[first : last + 1]:
            if again or day not in self.done:
                self.done.add(day)
                self.loaded_days[day] = self.days[day]


# --- the program beside it


class Case:
    """A project and its model, step by step."""

    def __init__(self, root, spec):
        self.project, self.model, self.spec = Project(root), Model(spec), spec
        settings = pathlib.Path(self.project.path("sluice.yaml"))
        settings.write_text(settings.read_text().replace("debug", "info"))
        self.project.path("in").mkdir()
        for name, content in (("x", make_pipeline(spec)), ("days", BACKFILLED), ("seed", SEED)):
            self.project.pipeline(name, content)
        self.kills = self.failed = 0
        self.days({})
        if spec["mode"] == "delete":
            self.seed()

    def seed(self):
        self.project.run("seed")
        self.model.seed()

    # --- steps

    def put(self, number, rows):
        name = f"{number:03}.csv" + (".gz" if self.spec["gzip"] else "")
        lines = ["id,g,v,op,at", *(",".join(map(str, row)) for row in rows)]
        content = ("\n".join(lines) + "\n").encode()
        self.write(name, gzip.compress(content) if self.spec["gzip"] else content)
        self.model.put(name, rows)

    def write(self, name, content):
        path = self.project.path(f"in/{name}")
        new = self.project.path(f"{name}.new")
        new.write_bytes(content)
        new.rename(path)  # another file, whatever the clock says

    def remove(self, number):
        name = f"{number:03}.csv" + (".gz" if self.spec["gzip"] else "")
        self.project.path(f"in/{name}").unlink(missing_ok=True)
        self.model.files.pop(name, None)

    def broken(self, number):
        name = f"{number:03}.csv.gz"
        self.write(name, b"\x1f\x8bno gzip")
        self.model.put(name, None)

    def mend(self):
        """All that makes runs fail is put right."""
        for name, (version, rows) in list(self.model.files.items()):
            if (name, version) in self.model.seen:
                continue
            if rows is None:
                self.project.path(f"in/{name}").unlink()
                del self.model.files[name]
            elif self.spec["on_bad_row"] == "fail" or self.spec["max_bad_rows"] or any(r[2] == POISON for r in rows):
                good = [row for row in rows if row[2] not in ("bad", POISON)]
                if good != rows:
                    self.put(int(name[:3]), good)

    def expected(self):
        """The model after a run, or None where it must fail."""
        after = copy.deepcopy(self.model)
        try:
            after.run()
            return after
        except Failure:
            return None

    def run(self):
        after = self.expected()
        result = self.project.sluice("run", "x")
        if after is None:
            assert result.exit in (1, 3), f"it had to fail: {result}"
            self.failed += 1
            return
        assert result.exit == 0, str(result)
        self.model = after
        self.check()
        self.project.check_consistent()

    def kill(self, step):
        if SANITIZED:
            return
        after, before = self.expected(), self.project.commits()
        environment = {"LD_PRELOAD": str(FAIL_WRITE), "FAIL_AT": str(step), "FAIL_KILL": "1"}
        result = self.project.sluice("run", "x", env=environment)
        self.kills += result.exit == -9
        committed = self.project.commits() != before
        assert not committed or after, f"it committed what had to fail: {result}"
        assert result.exit in ((-9, 0) if after else (-9, 1, 3)), str(result)
        if after and (committed or result.exit == 0):
            self.model = after
        self.check()

    def days(self, changed):
        self.model.days.update(changed)
        lines = [f"{day},{n + i}" for day, n in self.model.days.items() for i in range(2)]
        self.project.write("days/all.csv", "d,n\n" + "\n".join(lines) + "\n")

    def backfill(self, first, last, parallel, again, kills):
        command = ["backfill", "days", "--param", "day", "--from", DAYS[first], "--to", DAYS[last]]
        command += ["--parallel", parallel, *(["--again"] if again else [])]
        for step in [] if SANITIZED else kills:
            environment = {"LD_PRELOAD": str(FAIL_WRITE), "FAIL_AT": str(step), "FAIL_KILL": "1"}
            self.kills += self.project.sluice(*command, env=environment).exit == -9
        result = self.project.sluice(*command)
        assert result.exit == 0, str(result)
        self.model.backfill(first, last, again)
        found = sorted((str(row["d"]), row["n"]) for _, _, _, row in merged.entries(self.project, "t.days"))
        days = self.model.loaded_days
        assert found == sorted((day, n + i) for day, n in days.items() for i in range(2)), f"t.days: {found}, not {days}"

    # --- what is there

    def check(self):
        model, mode = self.model, self.spec["mode"]
        if mode in ("upsert", "delete"):
            found = merged.read(self.project, "t.x", ["id"], "at" if mode == "upsert" else None)
        elif mode == "scd2":
            found = merged.read(self.project, "t.x", ["id", "valid_from"])
        else:
            found = [entry[3] for entry in merged.entries(self.project, "t.x")]
        if mode == "scd2":
            spans = collections.Counter(
                (r["id"], r["g"], r["v"], naive(r["valid_from"]), naive(r["valid_to"])) for r in found
            )
            assert_same("t.x", spans, collections.Counter(model.rows))
        elif mode == "delete":
            assert_same("t.x", collections.Counter(r["id"] for r in found), collections.Counter(r[0] for r in model.rows))
        else:
            rows = collections.Counter((r["id"], r["g"], r["v"], r["op"], r["at"]) for r in found)
            assert_same("t.x", rows, collections.Counter(model.rows))
        self.check_quarantine()

    def check_quarantine(self):
        bad = [entry[3] for entry in merged.entries(self.project, "quarantine.x_x")]
        sifted = [entry[3] for entry in merged.entries(self.project, "quarantine.x_y")]
        bad = collections.Counter((row["source"], row["line"]) for row in bad)
        rows = [json.loads(row["row_json"]) for row in sifted]
        sifted = collections.Counter((row["id"], row["v"], time_of(row["at"])) for row in rows)
        assert_same("quarantine.x_x", bad, self.model.bad)
        assert_same("quarantine.x_y", sifted, self.model.sifted)


def time_of(text):
    whole, _, part = text.partition(".")
    return datetime.datetime.fromisoformat(whole) + datetime.timedelta(microseconds=int(part.ljust(6, "0")))


def naive(time):
    return time and time.replace(tzinfo=None)


def assert_same(what, found, expected):
    assert found == expected, f"{what}: lost {list((expected - found).elements())}, too many {list((found - expected).elements())}"


# --- cases


def run_steps(folder, spec, steps):
    """(the case, None), or where and how it differs: (the case, (index, text))"""
    root = pathlib.Path(folder) / "case"
    shutil.rmtree(root, ignore_errors=True)
    case = Case(root, spec)
    for index, (kind, *values) in enumerate(steps):
        try:
            getattr(case, kind)(*values)
        except AssertionError as error:
            return case, (index, str(error))
        finally:
            case.project.started.clear()
    return case, None


def shrink(folder, spec, steps, difference):
    """Fewer steps that differ still in the same place: as many as may be are left out."""
    at, text = difference
    steps = steps[: at + 1]
    for index in range(len(steps) - 2, -1, -1):
        fewer = steps[:index] + steps[index + 1 :]
        _, difference = run_steps(folder, spec, fewer)
        if difference and difference[1][:12] == text[:12]:
            steps = fewer[: difference[0] + 1]
    return steps


def check_case(folder, seed):
    """A text where it differs, and (kills, runs that had to fail)."""
    dice = random.Random(f"pipeline {seed}")
    spec = make_spec(dice)
    steps = make_steps(dice, spec)
    case, difference = run_steps(folder, spec, steps)
    if not difference:
        shutil.rmtree(case.project.root)
        return None, case.kills, case.failed
    fewer = shrink(folder, spec, steps, difference)
    _, again = run_steps(folder, spec, fewer)
    said = "\n    ".join(map(str, fewer))
    return f"{(again or difference)[1]}\n  spec {spec}\n  steps\n    {said}", case.kills, case.failed
