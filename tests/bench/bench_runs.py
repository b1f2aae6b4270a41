"""`just bench runs [noop|overhead|backfill]`: what it costs that a run loses and repeats no row.

noop      a run over 100,000 objects that are all known, beside a bare listing of them by
          `sluice s3 ls` (SeaweedFS on this machine)
overhead  a run of nothing new that is recorded, with lease, journal and fence, beside `sluice plan`
          of the same, which asks the same questions and writes nothing
backfill  365 days of flights, a run a day, beside one run over the same rows and 365 runs' commits
          of one row
"""

import os
import shutil
import statistics
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path

import duckdb
from bench_catalog import SMALL, ask, catalogs
from measuring import ROOT, SLUICE, WORK, Table, measure, project

sys.path.insert(0, str(ROOT / "tests"))

from servers import Weed, aws_environment, s3_client  # noqa: E402

DATA = Path(os.environ.get("SLUICE_DATA", ROOT / "../shared/data"))
OBJECTS = 100_000


def ratio_of(pairs, column=0):
    return statistics.median(a[column] / b[column] for a, b in pairs)


def in_turn(runs, *measures):
    """The figures of each, taken in turn; the first round is for nothing."""
    rounds = [[each() for each in measures] for _ in range(runs + 1)][1:]
    return list(zip(*rounds))


# --- nothing new ---

NOOP = """\
extract:
  events: {from: "s3://known/events/**/*.csv", only_new: true}
load:
  events: {into: bench.events}
"""


@contextmanager
def weed(name):
    folder = WORK / name
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    server = Weed(folder)
    server.start()
    try:
        yield server
    finally:
        server.stop()


def fill(server, env):
    """100,000 objects of a few bytes, in 100 folders."""
    source = WORK / "known-files"
    for i in range(OBJECTS):
        path = source / f"events/{i % 100:02}/{i:06}.csv"
        if not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(f"id\n{i}\n")
    s3_client(server.endpoint).create_bucket(Bucket="known")
    subprocess.run([SLUICE, "s3", "sync", "--quiet", f"{source}/", "s3://known/"], env=env, check=True)


def bench_noop(table, runs):
    with weed("weed-noop") as server:
        env = {**os.environ, **aws_environment(server.endpoint)}
        fill(server, env)
        folder = project("noop", {"noop.yaml": NOOP})
        measure([SLUICE, "run", "noop", "--quiet"], folder, env)
        ours, bare = in_turn(
            runs,
            lambda: measure([SLUICE, "run", "noop", "--quiet"], folder, env),
            lambda: measure([SLUICE, "s3", "ls", "--recursive", "s3://known/events/"], folder, env),
        )
    table.add("a run over 100,000 known objects in S3", ours, "≤ 1.2, ≤ 64 MiB",
              ratio_of(zip(ours, bare)))  # fmt: skip
    table.add("`sluice s3 ls --recursive` of them", bare, "")


# --- a year, day by day ---

YEAR = """\
params: {day: {type: date, default: "2001-01-01"}}
extract:
  flights: {from: "%s"}
load:
  flights: {into: bench.flights, mode: overwrite_partitions, partition_by: ["day(date)"]}
"""


DAYS = """
copy (
    select date::date as day_of, * from (
        select * exclude (n) replace (timestamp '2001-01-01' + to_days((n %% 365)::int) + (date - date::date) as date)
        from (select *, row_number() over () as n from '%s'))
    order by day_of
) to '%s' (format parquet, partition_by (day_of), write_partition_columns false)
"""


def days():
    """flights-3m on the days of 2001, a file for each."""
    folder = WORK / "flights-days"
    if not (folder / "done").exists():
        shutil.rmtree(folder, ignore_errors=True)
        (folder / "parts").mkdir(parents=True)
        duckdb.sql("set threads = 1")  # one file a day
        duckdb.sql(DAYS % (DATA / "flights-3m.parquet", folder / "parts"))
        for part in (folder / "parts").iterdir():
            (file,) = part.iterdir()
            file.rename(folder / f"{part.name.removeprefix('day_of=')}.parquet")
        (folder / "done").touch()
    return folder


def bench_backfill(table, runs):
    folder = days()
    by_day = project("backfill", {"year.yaml": YEAR % (folder / "${params.day}.parquet")})
    at_once = project("year", {"year.yaml": YEAR % (folder / "*.parquet")})
    backfill = [SLUICE, "backfill", "year", "--quiet", "--param", "day", "--from", "2001-01-01",
                "--to", "2001-12-31"]  # fmt: skip

    def fresh(command, cwd):
        shutil.rmtree(cwd / ".sluice", ignore_errors=True)
        return measure(command, cwd)

    ours, once, commits = in_turn(
        runs,
        lambda: fresh(backfill, by_day),
        lambda: fresh([SLUICE, "run", "year", "--quiet"], at_once),
        lambda: (365 * ask("commit", *catalogs(SMALL))[1] / 1e6, 0, 0),
    )
    ratio = statistics.median(a[0] / (b[0] + c[0]) for a, b, c in zip(ours, once, commits))
    table.add("a backfill of 365 days, 3 M flights", ours, "≤ 1.3", ratio)
    table.add("one run over the same rows", once, "")
    table.add("365 bare commits of SQLite", commits, "")


BENCHES = {"noop": bench_noop, "backfill": bench_backfill}


def bench_runs(runs, names=()):
    table = Table()
    for name in names or BENCHES:
        BENCHES[name](table, runs)
    table.print()


if __name__ == "__main__":
    bench_runs(3, sys.argv[1:])
