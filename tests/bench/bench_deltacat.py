"""`just bench deltacat`: the same upserts into a table with a key by sluice and by DeltaCAT (PyPI), from
Parquet files to rows read back. DeltaCAT gets an environment of its own in build/deltacat, pinned in
deltacat.txt; it merges in each write, sluice compacts once at the end. Both must read the same rows."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

from measuring import BUILD, ROOT, SLUICE, WORK, Table, measure, project

DATA = Path(os.environ.get("SLUICE_DATA", ROOT / "../shared/data"))
VENV = BUILD / "deltacat"
PINS = ROOT / "tests/bench/deltacat.txt"
BASE, DELTAS, DELTA = 1_000_000, 5, 100_000
CHECK = "select count(*) as rows, sum(delay) as delay, sum(id) as ids"

# Ray is started before the clock is read: its start is no work on the table.
THEIRS = """
import os, sys, time
os.environ["RAY_DEDUP_LOGS"] = "0"
import deltacat, ray
import pyarrow as pa, pyarrow.compute as pc, pyarrow.parquet as pq
from deltacat import Field, Schema
from deltacat.catalog import CatalogProperties
from deltacat.types.tables import TableWriteMode
folder, root = sys.argv[1], sys.argv[2]
ray.init(num_cpus=2, include_dashboard=False, logging_level="ERROR", object_store_memory=2_000_000_000)
ray.get(ray.remote(lambda: 1).remote())
started = time.monotonic()
deltacat.put_catalog("bench", deltacat.Catalog(config=CatalogProperties(root=root)))
steps = []
for n, name in enumerate(sorted(os.listdir(folder))):
    rows = pq.read_table(os.path.join(folder, name))
    fields = [Field.of(field, is_merge_key=field.name == "id") for field in rows.schema]
    more = {"schema": Schema.of(fields)} if n == 0 else {}
    deltacat.write_to_table(rows, "t", catalog="bench", namespace="default",
        mode=TableWriteMode.MERGE if n else TableWriteMode.CREATE, **more)
    steps.append(time.monotonic() - started)
read = deltacat.read_table("t", catalog="bench", namespace="default")
read = read.collect() if hasattr(read, "collect") else read
read = read.to_arrow() if hasattr(read, "to_arrow") else read
found = {"rows": read.num_rows, "delay": pc.sum(read["delay"]).as_py(), "ids": pc.sum(read["id"]).as_py()}
steps.append(time.monotonic() - started)
import json
print("RESULT " + json.dumps({"steps": steps, "found": found}))
"""

OURS = """\
params: {part: {type: int}}
resources: {memory: 512MiB, threads: 2}
extract:
  rows: {from: "%s/${params.part}.parquet"}
load:
  rows: {into: bench.t, mode: upsert, key: [id]}
"""


def make_input():
    """A first file of 1 M flights, then five of 100,000 of them again with other delays."""
    import duckdb

    folder = WORK / "deltacat-input"
    if (folder / "5.parquet").exists():
        return folder
    folder.mkdir(parents=True, exist_ok=True)
    db = duckdb.connect()
    flights = f"(select *, row_number() over () - 1 as id from '{DATA / 'flights-3m.parquet'}')"
    for n in range(DELTAS + 1):
        start, count = (0, BASE) if n == 0 else (n * 170_000, DELTA)
        db.execute(
            f"""copy (select id, date, delay + {n} as delay, distance, origin, destination from {flights}
                where id >= {start} and id < {start + count} order by id)
                to '{folder / f"{n}.parquet"}' (format parquet, compression zstd)"""
        )
    return folder


def make_venv():
    if (VENV / "made").exists() and (VENV / "made").read_text() == PINS.read_text():
        return
    shutil.rmtree(VENV, ignore_errors=True)
    subprocess.run([sys.executable, "-m", "venv", VENV], check=True)
    # Its metadata asks for versions that no longer install together; these were tried.
    subprocess.run([VENV / "bin/pip", "install", "-q", "--no-deps", "-r", PINS], check=True)
    (VENV / "made").write_text(PINS.read_text())


def theirs(files):
    """Wall seconds from the first file to rows read, and what was read."""
    root = WORK / "deltacat-table"
    shutil.rmtree(root, ignore_errors=True)
    script = WORK / "write_deltacat.py"
    script.write_text(THEIRS)
    said = subprocess.run(
        [VENV / "bin/python", script, files, root], cwd=WORK, capture_output=True, text=True, timeout=900, check=False
    )
    for line in said.stdout.splitlines():
        if line.startswith("RESULT "):
            result = json.loads(line[len("RESULT ") :])
            return result["steps"][-1], result["found"]
    sys.exit(f"bench: DeltaCAT ended with {said.returncode}: {said.stderr[-2000:]}")


def ours(files):
    """What measure() says of each command, and what was read."""
    folder = project("deltacat-ours", {"up.yaml": OURS % files})
    commands = [[SLUICE, "run", "up", "--param", f"part={n}", "--quiet"] for n in range(DELTAS + 1)]
    commands.append([SLUICE, "catalog", "compact", "bench.t", "--quiet"])
    read = [SLUICE, "catalog", "read", "bench.t", "--sql", f"{CHECK} from t", "--format", "ndjson"]
    figures = [measure(command, folder) for command in (*commands, read)]
    found = json.loads(subprocess.check_output([*read, "--quiet"], cwd=folder))
    wall, cpu, rss = zip(*figures)
    return (sum(wall), sum(cpu), max(rss)), found


def bench_deltacat(runs):
    make_venv()
    files = make_input()
    table = Table()
    pairs = []
    for _ in range(min(runs, 3)):
        figures, found = ours(files)
        wall, other = theirs(files)
        if {k: int(v) for k, v in found.items()} != {k: int(v) for k, v in other.items()}:
            sys.exit(f"bench: sluice reads {found}, DeltaCAT {other}")
        pairs.append((figures, wall))
    table.add("1 M rows and five upserts of 100,000, compacted and read: 8 processes of sluice",
              [figures for figures, _ in pairs], "")  # fmt: skip
    ratios = sorted(wall / figures[0] for figures, wall in pairs)
    table.add("the same by DeltaCAT in one process, Ray started before",
              [(wall, 0, 0) for _, wall in pairs], "", ratios[len(ratios) // 2])  # fmt: skip
    table.print()
