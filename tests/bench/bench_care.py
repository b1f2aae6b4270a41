"""`just bench care`: the care of tables with a key. A table of 1.2 GB, made from flights-3m, is
compacted beside a query written by hand that does the same to the same files; a table with 1,000
upsert deltas is read before and after its compaction."""

import json
import os
import shutil
import statistics
import subprocess
import sys
from pathlib import Path

from measuring import ROOT, SLUICE, WORK, Table, measure, project

DATA = Path(os.environ.get("SLUICE_DATA", ROOT / "../shared/data"))
sys.path.insert(0, str(ROOT / "tests"))

COLUMNS = {
    "id": "BIGINT",
    "date": "TIMESTAMP",
    "delay": "BIGINT",
    "distance": "BIGINT",
    "origin": "VARCHAR",
    "destination": "VARCHAR",
    "note": "VARCHAR",
}

# What one would write: the newest row of each id, in files of 128 MB.
BY_HAND = """
import duckdb, sys
files, out, limit = sys.argv[1], sys.argv[2], sys.argv[3]
db = duckdb.connect()
db.execute("set threads = 2")
db.execute("set preserve_insertion_order = false")
db.execute(f"set temp_directory = '{out}.tmp'")
if limit != "-":
    db.execute(f"set memory_limit = '{limit}'")
names = open(files).read().split()
place = db.execute("create temp table place as select unnest(?) as filename, unnest(range(?)) as n", [names, len(names)])
db.execute(f'''copy (select id, date, delay, distance, origin, destination, note
    from read_parquet({names}, filename = true) join place using (filename)
    qualify row_number() over (partition by id order by n desc) = 1)
    to '{out}' (format parquet, compression zstd, file_size_bytes '128MB', per_thread_output)''')
"""


class Place:
    """What tests/upserts.py needs of a project."""

    def __init__(self, folder):
        self.root = folder

    def path(self, name):
        return self.root / name

    def write(self, name, content):
        (self.root / name).write_text(content)
        return self.root / name

    def put_data_file(self, key, path):
        """A file of this machine becomes that one of the store."""
        target = self.root / ".sluice/store" / key
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.move(path, target)

    def sluice(self, *args):
        result = subprocess.run([SLUICE, *map(str, args)], cwd=self.root, capture_output=True, text=True, check=False)
        result.exit = result.returncode
        return result


def rows(start, count, salt):
    """`count` flights of a sequence that goes on for ever, each with a note that does not compress."""
    return f"""select i as id, date, delay + {salt} as delay, distance, origin, destination,
        md5(i::varchar || '{salt}') as note
        from (select *, row_number() over () - 1 as n from '{DATA / "flights-3m.parquet"}')
        join (select unnest(range({start}, {start + count})) as i) on n = i % 3000000"""


def make_large():
    """24 M rows and 20 deltas of 300,000 of them again: 1.2 GB."""
    from upserts import Keyed

    kept = WORK / "catalog-large"
    if not (kept / "made").exists():
        table = Keyed(Place(project("catalog-large", {})), columns=COLUMNS)
        table.remembers = False
        for part in range(8):
            table.commit(rows(part * 3000000, 3000000, part))
        for delta in range(20):
            table.commit(rows(delta * 1100000, 300000, 100 + delta))
        (kept / "made").touch()
    return kept


def copy_of(kept, name):
    """Hard links of what is never changed, copies of the rest."""
    folder = WORK / name
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(kept, folder, copy_function=lambda a, b: (os.link if a.endswith(".parquet") else shutil.copy)(a, b))
    return folder


def live_files(folder):
    said = subprocess.check_output([SLUICE, "catalog", "files", "n.t", "--json"], cwd=folder)
    return sorted(json.loads(said), key=lambda file: file["position"])


def bench_compaction(table, runs):
    kept = make_large()
    files = live_files(kept)
    print(f"{len(files)} files, {sum(f['bytes'] for f in files) / 1e9:.2f} GB", file=sys.stderr)
    listed = WORK / "catalog-files"
    listed.write_text("\n".join(file["path"] for file in files))
    script = WORK / "by_hand.py"
    script.write_text(BY_HAND)
    ours, bare, tight = [], [], []
    for _ in range(runs):
        folder = copy_of(kept, "catalog-compacted")
        ours.append(measure([SLUICE, "catalog", "compact", "n.t", "--quiet"], folder))
        for figures, limit in ((bare, "-"), (tight, "400MB")):
            shutil.rmtree(WORK / "by-hand", ignore_errors=True)
            figures.append(measure([sys.executable, script, listed, WORK / "by-hand", limit], WORK))
    pairs = statistics.median(a[0] / b[0] for a, b in zip(ours, tight))
    table.add("`catalog compact`, 1.2 GB of upserts", ours, "≤ 1.5, ≤ 512 MiB", pairs)
    table.add("the same by hand, `memory_limit` 400 MB", tight, "")
    table.add("the same by hand, all the memory", bare, "")
    one_more = WORK / "catalog-compacted"
    table.add("again, nothing new", [measure([SLUICE, "catalog", "compact", "n.t", "--quiet"], one_more)], "")


def make_many():
    """1,000 deltas of 1,000 rows over 1 M rows."""
    from upserts import Keyed

    kept = WORK / "catalog-many"
    if not (kept / "made").exists():
        table = Keyed(Place(project("catalog-many", {})), columns=COLUMNS)
        table.remembers = False
        table.commit(rows(0, 1000000, 0))
        for delta in range(1000):
            table.commit(rows(delta * 997, 1000, delta))
        (kept / "made").touch()
    return kept


def bench_reading(table, runs):
    folder = copy_of(make_many(), "catalog-read")
    read = [SLUICE, "catalog", "read", "n.t", "--sql", "select count(*), sum(delay), max(note) from t", "--json"]
    before = [measure(read, folder) for _ in range(runs)]
    compaction = [measure([SLUICE, "catalog", "compact", "n.t", "--quiet"], folder)]
    after = [measure(read, folder) for _ in range(runs)]
    table.add("read of 1 M rows and 1,000 deltas of 1,000", before, "")
    table.add("their compaction", compaction, "")
    ratio = statistics.median(a[0] / b[0] for a, b in zip(after, before))
    table.add("the same read after it", after, "", ratio)


FLIGHTS = """extract:
  flights: {from: '%s'}
load:
  flights: {into: n.flights, mode: overwrite, partition_by: ['month(date)'], sort_by: [date], file_size: 1MiB}
"""


def bench_pruning(table, runs):
    """What a condition leaves of the files, by partition and by the bounds of their columns."""
    folder = project("catalog-pruned", {"flights.yaml": FLIGHTS % (DATA / "flights-3m.parquet")})
    subprocess.run([SLUICE, "run", "flights", "--quiet"], cwd=folder, check=True)
    select = ["--sql", "select count(*), sum(delay), max(destination) from flights"]
    whole = []
    for where in (None, "date >= '2001-03-05' and date < '2001-03-06'", "distance > 4000"):
        read = [SLUICE, "catalog", "read", "n.flights", "--json"]
        condition = ["--sql", f"{select[1]} where {where}"] if where else select
        said = json.loads(subprocess.check_output([*read, *condition], cwd=folder))["read"]
        figures = [measure([*read, *condition], folder) for _ in range(runs)]
        whole = whole or figures
        opened = f"{said['files']} of {said['files'] + said['skipped']} files"
        ratio = statistics.median(a[0] / b[0] for a, b in zip(figures, whole))
        table.add(f"3 M flights by month, {where or 'all of them'}: {opened}", figures, "", ratio)


def bench_care(runs):
    table = Table()
    bench_compaction(table, min(runs, 3))
    bench_reading(table, runs)
    bench_pruning(table, runs)
    table.print()
