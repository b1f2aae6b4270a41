"""`just bench crash`: the same increments by sluice and by dlt (PyPI), killed at random moments and run again;
rows that are lost, and rows that are there too often. dlt gets an environment of its own in build/dlt,
pinned in dlt.txt; what it runs is crash_dlt.py. Both read the same CSV files by a cursor column."""

import collections
import json
import os
import random
import shutil
import subprocess
import sys
import time

from measuring import BUILD, ROOT, SLUICE, WORK

VENV = BUILD / "dlt"
PINS = ROOT / "tests/bench/dlt.txt"
KILLS = int(os.environ.get("CRASH_KILLS", "100"))
ROUNDS = 5  # a chain: a destination that gets so many files, one after the other
ROWS = 2000  # a file
SEED = 5

OURS = """\
resources: {memory: 256MiB, threads: 1}
extract:
  rows:
    from: in/*.csv
    cursor: seq
    columns: {id: bigint, seq: bigint, v: bigint}
load:
  rows: {into: d.t%s}
"""


def make_venv():
    if (VENV / "made").exists() and (VENV / "made").read_text() == PINS.read_text():
        return
    shutil.rmtree(VENV, ignore_errors=True)
    subprocess.run([sys.executable, "-m", "venv", VENV], check=True)
    subprocess.run([VENV / "bin/pip", "install", "-q", "--no-deps", "-r", PINS], check=True)
    (VENV / "made").write_text(PINS.read_text())


def make_chain(folder, merges):
    """Files that come one after the other; under merge half of the rows of a file are of keys that were there."""
    dice = random.Random(str(folder.name))
    (folder / "in").mkdir(parents=True)
    (folder / "waiting").mkdir()
    for number in range(ROUNDS):
        first = number * ROWS
        ids = list(range(first, first + ROWS))
        if merges and number:
            ids[: ROWS // 2] = dice.sample(range(first), ROWS // 2)
        lines = [f"{key},{first + n},{dice.randrange(1000)}" for n, key in enumerate(ids)]
        (folder / f"waiting/{number}.csv").write_text("id,seq,v\n" + "\n".join(lines) + "\n")


def expected(folder, merges):
    rows = []
    for path in sorted(folder.glob("in/*.csv")):
        rows += [tuple(map(int, line.split(","))) for line in path.read_text().splitlines()[1:]]
    return collections.Counter({row[0]: row for row in rows}.values() if merges else rows)


def difference(folder, merges, found):
    """Rows that are lost, and rows that are there too often; None: the destination cannot be read."""
    if found is None:
        return None
    want = expected(folder, merges)
    return sum((want - found).values()), sum((found - want).values())


def work_folder(name, merges):
    folder = WORK / name
    shutil.rmtree(folder, ignore_errors=True)
    for number in range(KILLS):
        make_chain(folder / f"chain-{number:04}", merges)
    return folder


# --- dlt


def read_theirs(folder, destination):
    import pyarrow.parquet

    rows = []
    if destination == "duckdb":
        query = "import duckdb, json, sys; print(json.dumps(duckdb.connect(sys.argv[1], read_only=True)" \
                ".execute('select id, seq, v from d.t').fetchall()))"  # fmt: skip
        said = subprocess.run(
            [VENV / "bin/python", "-c", query, folder / "found.duckdb"], capture_output=True, check=False
        )
        if said.returncode:
            return None
        rows = [tuple(row) for row in json.loads(said.stdout)]
    else:
        for path in sorted(folder.glob("found/d/t/*.parquet")):
            columns = pyarrow.parquet.ParquetFile(path).read(["id", "seq", "v"]).to_pydict()
            rows += list(zip(columns["id"], columns["seq"], columns["v"]))
    return collections.Counter(rows)


def theirs(destination, disposition):
    merges = disposition == "merge"
    folder = work_folder(f"crash-dlt-{destination}-{disposition}", merges)
    script = ROOT / "tests/bench/crash_dlt.py"
    command = [VENV / "bin/python", script, folder, destination, disposition, str(KILLS), str(SEED)]
    subprocess.run(command, cwd=folder, check=True)
    said = json.loads((folder / "said.json").read_text())
    chains = sorted(path.parent for path in folder.glob("chain-*/done"))
    return said, [difference(chain, merges, read_theirs(chain, destination)) for chain in chains]


# --- sluice


def ours(mode):
    sys.path.insert(0, str(ROOT / "tests"))
    from conftest import Project
    import merged

    os.environ["SLUICE_BIN"] = os.environ.get("SLUICE_BIN", str(SLUICE))
    merges, dice = mode == "upsert", random.Random(SEED)
    folder = work_folder(f"crash-sluice-{mode}", merges)
    said, found, typical = collections.Counter(), [], None
    for chain in sorted(folder.glob("chain-*")):
        if said["kills"] >= KILLS:
            break
        project = Project(chain)
        project.pipeline("t", OURS % (", mode: upsert, key: [id]" if merges else ""))
        for waiting in sorted(chain.glob("waiting/*.csv")):
            waiting.rename(chain / "in" / waiting.name)
            if typical is None:  # the very first run shows how long one takes
                began = time.monotonic()
                said["failed"] += project.sluice("run", "t", "--quiet").exit != 0
                typical = time.monotonic() - began
                continue
            process = project.start("run", "t", "--quiet")
            time.sleep(dice.uniform(0, typical))
            alive = process.poll() is None
            process.kill()
            process.communicate()
            typical *= 1.05 if alive else 0.93
            said += collections.Counter(rounds=1, kills=int(alive))
            said["failed"] += project.sluice("run", "t", "--quiet").exit != 0
        said["failed"] += project.sluice("run", "t", "--quiet").exit != 0
        rows = merged.read(project, "d.t", ["id"]) if merges else [entry[3] for entry in merged.entries(project, "d.t")]
        found.append(difference(chain, merges, collections.Counter((r["id"], r["seq"], r["v"]) for r in rows)))
    return said, found


def bench_crash(_runs):
    make_venv()
    print(f"{KILLS} kills at random moments, {ROUNDS} files of {ROWS} rows a chain, seed {SEED}\n")
    print("| what | kills | chains | that cannot be read any more | that differ | rows lost | rows too many |")
    print("| --- | --- | --- | --- | --- | --- | --- |", flush=True)
    cases = [("sluice, append", ours, ("append",)), ("sluice, upsert", ours, ("upsert",))]
    for destination, disposition in (("duckdb", "append"), ("duckdb", "merge"), ("filesystem", "append")):
        cases.append((f"dlt, {destination}, {disposition}", theirs, (destination, disposition)))
    for name, function, arguments in cases:
        said, found = function(*arguments)
        readable = [pair for pair in found if pair]
        lost, more = (sum(column) for column in zip(*readable))
        wrong = sum(pair != (0, 0) for pair in readable)
        cells = (name, said["kills"], len(found), len(found) - len(readable), wrong, lost, more)
        print("| " + " | ".join(map(str, cells)) + " |", flush=True)
