"""What runs that lose and repeat no row cost: a function for each figure, each printing pairs of its own.

    just bench runs [quarantine noop journal backfill]        without a name all of them

A pair is two runs, one after the other; figures are medians, ratios the median of the pairs' ratios, of
the wall time and of the CPU time: on a machine that others use only the latter says much.
"""

import csv
import os
import shutil
import statistics
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path

from bench_catalog import SMALL, ask, catalogs
from measuring import BUILD, ROOT, SLUICE, WORK, Table, measure, project

sys.path.insert(0, str(ROOT / "tests"))

from servers import Weed, aws_environment, s3_client  # noqa: E402

DATA = Path(os.environ.get("SLUICE_DATA", ROOT / "../shared/data"))
ROWS, FILES = 3_000_000, 10
OBJECTS = 100_000

QUARANTINE = """\
extract:
  strikes:
    from: %s/*.csv
    on_bad_row: %s
    csv: {delimiter: ","}
    columns: {Flight Date: date, "Cost Total $": bigint, Cost Repair: bigint, Cost Other: bigint}
load:
  strikes: {into: bench.strikes, mode: overwrite}
"""


def make_strikes(name, bad_every):
    """The real strikes, over and over, as 3 M rows in ten files; of each `bad_every` rows one is bad."""
    folder = WORK / name
    if folder.exists():
        return folder
    shutil.rmtree(f"{folder}.new", ignore_errors=True)
    new = Path(f"{folder}.new")
    new.mkdir(parents=True)
    with open(DATA / "birdstrikes.csv", newline="", encoding="utf-8") as file:
        header, *rows = csv.reader(file)
    place, number = header.index("Cost Total $"), 0
    for index in range(FILES):
        with open(new / f"{index}.csv", "w", newline="", encoding="utf-8") as file:
            out = csv.writer(file, lineterminator="\n")
            out.writerow(header)
            for _ in range(ROWS // FILES):
                row = rows[number % len(rows)]
                number += 1
                if bad_every and number % bad_every == 0:
                    row = [*row[:place], "n/a", *row[place + 1 :]]
                out.writerow(row)
    new.rename(folder)
    return folder


def pairs(runs, a, b):
    """Figures of A and B, which run in turn, and the two ratios B / A."""
    figures_a, figures_b = [], []
    a(), b()
    for index in range(runs):
        for figures, run in ((figures_a, a), (figures_b, b))[:: 1 if index % 2 else -1]:
            figures.append(run())
    ratios = [
        statistics.median(y[column] / x[column] for x, y in zip(figures_a, figures_b))
        for column in (0, 1)
    ]
    return figures_a, figures_b, "%.2f, CPU %.2f" % tuple(ratios)


def run_strikes(data, policy):
    """A run of a project of its own into a table that is new: nothing is kept from the one before."""
    folder = project(f"quarantine-{policy}", {"p.yaml": QUARANTINE % (data, policy)})
    return measure([SLUICE, "run", "p", "--quiet"], folder)


def quarantine(runs):
    """1 % of 3 M rows are bad: beside the run over as many rows that are all good, under the default (fail),
    and beside the one that leaves the same rows out (skip)."""
    table = Table()
    good, bad = make_strikes("strikes-good", 0), make_strikes("strikes-bad", 100)
    plain, aside, ratio = pairs(
        runs, lambda: run_strikes(good, "fail"), lambda: run_strikes(bad, "quarantine"))
    table.add("3 M strikes, all good, `on_bad_row: fail`", plain, "")
    table.add("1 % of them bad, `quarantine`", aside, "≤ 1.10", ratio)
    skipped, aside, ratio = pairs(
        runs, lambda: run_strikes(bad, "skip"), lambda: run_strikes(bad, "quarantine"))
    table.add("1 % bad, `skip`", skipped, "")
    table.add("1 % bad, `quarantine`", aside, "≤ 1.10", ratio)
    table.print()


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


def noop(runs):
    """A run over 100,000 objects that are all known, beside a bare listing of them (SeaweedFS)."""
    table = Table()
    with weed("weed-noop") as server:
        env = {**os.environ, **aws_environment(server.endpoint)}
        fill(server, env)
        folder = project("noop", {"noop.yaml": NOOP})
        measure([SLUICE, "run", "noop", "--quiet"], folder, env)
        bare, ours, ratio = pairs(
            runs,
            lambda: measure([SLUICE, "s3", "ls", "--recursive", "s3://known/events/"], folder, env),
            lambda: measure([SLUICE, "run", "noop", "--quiet"], folder, env),
        )
    table.add("`sluice s3 ls --recursive` of 100,000 objects", bare, "")
    table.add("a run over them, all known", ours, "≤ 1.2, ≤ 64 MiB", ratio)
    table.print()


# --- lease and journal ---


def journal(runs):
    """What the state is asked for a run of one object: lease, record, four entries of the journal, and all
    of it ended; state.c, the median of 200 such runs."""
    table, program = Table(), BUILD / "tests/bench/state"
    times = []
    for _ in range(runs):
        for path in WORK.glob("state.db*"):
            path.unlink()
        micros = int(subprocess.check_output([program, "runs", WORK / "state.db", "200"], text=True))
        times.append((micros / 1e6, 0, 0))
    table.add("lease, journal and record of a run", times, "≤ 5 ms")
    table.print()


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
        import duckdb  # pylint: disable=import-outside-toplevel

        duckdb.sql("set threads = 1")  # one file a day
        duckdb.sql(DAYS % (DATA / "flights-3m.parquet", folder / "parts"))
        for part in (folder / "parts").iterdir():
            (file,) = part.iterdir()
            file.rename(folder / f"{part.name.removeprefix('day_of=')}.parquet")
        (folder / "done").touch()
    return folder


def backfill(runs):
    """A run a day beside one run over the same rows and 365 bare commits of SQLite."""
    table = Table()
    folder = days()
    by_day = project("backfill", {"year.yaml": YEAR % (folder / "${params.day}.parquet")})
    at_once = project("year", {"year.yaml": YEAR % (folder / "*.parquet")})
    by_days = [SLUICE, "backfill", "year", "--quiet", "--param", "day", "--from", "2001-01-01",
               "--to", "2001-12-31"]  # fmt: skip

    def fresh(command, cwd):
        shutil.rmtree(cwd / ".sluice", ignore_errors=True)
        return measure(command, cwd)

    commits = [365 * ask("commit", *catalogs(SMALL))[1] / 1e6 for _ in range(runs)]
    bare = statistics.median(commits)
    once, ours, _ = pairs(
        runs,
        lambda: fresh([SLUICE, "run", "year", "--quiet"], at_once),
        lambda: fresh(by_days, by_day),
    )
    ratio = statistics.median(b[0] / (a[0] + bare) for a, b in zip(once, ours))
    table.add("3 M flights of 365 days in one run", once, "")
    table.add("365 bare commits of SQLite", [(bare, 0, 0)], "")
    table.add("`sluice backfill`, a run a day", ours, "≤ 1.3", ratio)
    table.print()


FIGURES = {"quarantine": quarantine, "noop": noop, "journal": journal, "backfill": backfill}


def bench_runs(runs, names):
    for name in names or FIGURES:
        FIGURES[name](runs)
