"""Measures sluice as whole processes and prints the table of tests/bench/README.md.

    bench.py [--runs 5] [--large] [NAME...]      NAMEs: version health validate flights empty tasks s3
                                                 catalog care crash deltacat runs [FIGURE...]

Pairs run in turn (A B A B ...) so that a noisy machine harms both alike; figures are medians, and
ratios are the median of the pairs' ratios. --large adds flights at ten times the rows. Works in
build/bench, which it fills once and keeps. s3 (bench_s3.py) and catalog (bench_catalog.py) have
tables of their own: they run only where they are named.
"""

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
from pathlib import Path

from bench_care import bench_care
from bench_catalog import bench_catalog
from bench_crash import bench_crash
from bench_deltacat import bench_deltacat
from bench_runs import FIGURES, bench_runs
from bench_s3 import bench_s3
from measuring import BUILD, ROOT, SLUICE, WORK, Table, measure, project

DATA = Path(os.environ.get("SLUICE_DATA", ROOT / "../shared/data"))

SMALL = """\
schedule: "15 6 * * *"
freshness: 26h
extract:
  a: {from: data/a*.csv, only_new: true}
transform:
  b: {sql: "select * from a where x > 0"}
load:
  b: {into: bench.t%d}
"""


def bench_version(table, runs):
    command = [SLUICE, "version"]
    measure(command, WORK)
    table.add("`sluice version`", [measure(command, WORK) for _ in range(runs)],
              "≤ 10 ms, ≤ 12 MiB")  # fmt: skip


def bench_health(table, runs):
    """10 pipelines with 100 runs each in the state, written by real runs."""
    folder = project("health", {f"p{i}.yaml": SMALL % i for i in range(10)})
    (folder / "data").mkdir()
    (folder / "data/a.csv").write_text("x\n1\n2\n")
    for i in range(10):
        for _ in range(100):
            subprocess.run([SLUICE, "run", f"p{i}", "--quiet"], cwd=folder, check=True,
                           stdout=subprocess.DEVNULL)  # fmt: skip
    command = [SLUICE, "health"]
    measure(command, folder)
    table.add("`sluice health`, 10 pipelines, 1,000 runs",
              [measure(command, folder) for _ in range(runs)], "≤ 10 ms, ≤ 12 MiB")  # fmt: skip


def bench_validate(table, runs):
    folder = project("validate", {f"p{i}.yaml": SMALL % i for i in range(1000)})
    command = [SLUICE, "validate"]
    measure(command, folder)
    table.add("`sluice validate`, 1,000 pipelines",
              [measure(command, folder) for _ in range(runs)], "≤ 0.3 s")  # fmt: skip


def bench_empty(table, runs):
    folder = project("empty", {"p.yaml": SMALL % 0})
    (folder / "data").mkdir()
    (folder / "data/a.csv").write_text("x\n1\n2\n")
    command = [SLUICE, "run", "p", "--quiet"]
    measure(command, folder)
    measure(command, folder)
    table.add("an empty run", [measure(command, folder) for _ in range(runs)], "≤ 40 ms")


FLIGHTS = """\
resources: {memory: 512MiB, threads: 2}
extract:
  flights:
    from: %s
    only_new: true
    columns: {date: timestamp, delay: bigint, distance: bigint, origin: varchar, destination: varchar}
transform:
  typed: {sql: "select *, delay > 15 as is_late from flights"}
load:
  typed: {into: flights.flights, partition_by: ["day(date)"]}
"""


def flights_input(copies):
    path = WORK / f"flights-{copies}.csv.gz"
    if not path.exists():
        plain = WORK / f"flights-{copies}.csv"
        subprocess.run(
            [BUILD / "tests/bench/bare", "make", DATA / "flights-3m.parquet", plain, str(copies)],
            check=True)  # fmt: skip
        subprocess.run(["gzip", "-f", "-6", plain], check=True)
    return path


def bench_flights(table, runs, copies=1):
    source = flights_input(copies)
    folder = project(f"flights-{copies}", {"flights.yaml": FLIGHTS % source})
    ours, bare = [], []
    for i in range(runs + 1):
        shutil.rmtree(folder / ".sluice", ignore_errors=True)
        shutil.rmtree(WORK / "bare-out", ignore_errors=True)
        pair = (measure([SLUICE, "run", "flights", "--quiet"], folder),
                measure([BUILD / "tests/bench/bare", "run", source, WORK / "bare-out"], WORK))
        if i > 0:
            ours.append(pair[0])
            bare.append(pair[1])
    ratio = statistics.median(a[0] / b[0] for a, b in zip(ours, bare))
    rows = f"{3 * copies} M rows"
    table.add(f"flights as CSV.gz → table, {rows}", ours, "≤ 1.25, ≤ 512 MiB", ratio)
    table.add(f"the same by the bare program, {rows}", bare, "")
    files = json.loads(subprocess.check_output(
        [SLUICE, "catalog", "files", "flights.flights", "--json"], cwd=folder))
    print(f"flights, {rows}: {len(files)} files", file=sys.stderr)


def bench_tasks(table, runs):
    """10,000 tasks that do nothing: what is above an empty pipeline is the engine's."""
    out = subprocess.check_output([BUILD / "tests/bench/tasks"], text=True)
    print(out.strip(), file=sys.stderr)
    figures = [measure([BUILD / "tests/bench/tasks"], WORK) for _ in range(runs)]
    table.add("10,000 tasks that do nothing (whole process)", figures, "≤ 50 µs of CPU a task")


BENCHES = {
    "version": bench_version,
    "health": bench_health,
    "validate": bench_validate,
    "empty": bench_empty,
    "tasks": bench_tasks,
    "flights": bench_flights,
}
APART = {"s3": bench_s3, "catalog": bench_catalog, "care": bench_care, "crash": bench_crash,
         "deltacat": bench_deltacat, "runs": bench_runs}  # fmt: skip


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--large", action="store_true")
    parser.add_argument("names", nargs="*", metavar="NAME")
    options = parser.parse_args()
    figures = []
    if options.names[:1] == ["runs"]:
        options.names, figures = options.names[:1], options.names[1:]
        unknown = [name for name in figures if name not in FIGURES]
        if unknown:
            parser.error(f"{unknown[0]} is no figure of runs; there are: {' '.join(FIGURES)}")
    for name in options.names:
        if name not in BENCHES and name not in APART:
            parser.error(f"{name} is no benchmark; there are: {' '.join((*BENCHES, *APART))}")
    WORK.mkdir(parents=True, exist_ok=True)
    subprocess.run(["ninja", "-C", BUILD, "sluice", "tests/bench/bare", "tests/bench/measure",
                    "tests/bench/tasks", "tests/bench/s3_origin", "tests/bench/catalog",
                    "tests/bench/state", "sluice_net.so"],
                   check=True, stdout=subprocess.DEVNULL)  # fmt: skip
    table = Table()
    for name in options.names or BENCHES:
        if name not in APART:
            BENCHES[name](table, options.runs)
    if options.large:
        bench_flights(table, options.runs, copies=10)
    table.print()
    for name in options.names:
        if name == "runs":
            bench_runs(options.runs, figures)
        elif name in APART:
            APART[name](options.runs)


if __name__ == "__main__":
    main()
