"""Measures sluice as whole processes and prints the table of tests/bench/README.md.

    bench.py [--runs 5] [--large] [NAME...]      NAMEs: version health validate flights empty tasks

Pairs run in turn (A B A B ...) so that a noisy machine harms both alike; figures are medians, and
ratios are the median of the pairs' ratios. --large adds flights at ten times the rows. Works in
build/bench, which it fills once and keeps.
"""

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
BUILD = ROOT / "build"
WORK = BUILD / "bench"
SLUICE = BUILD / "sluice"
DATA = Path(os.environ.get("SLUICE_DATA", ROOT / "../shared/data"))


def measure(command, cwd):
    """Wall seconds, CPU seconds and peak RSS in MiB of one run; its exit must be 0."""
    out = WORK / "measured"
    process = subprocess.run(
        [BUILD / "tests/bench/measure", out, *map(str, command)], cwd=cwd,
        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, check=True,
    )  # fmt: skip
    wall, cpu, rss, status = out.read_text().split()
    if status != "0":
        sys.exit(f"bench: {command} ended with {status}: {process.stderr.decode()[-600:]}")
    return float(wall), float(cpu), int(rss) / 1024


class Table:
    def __init__(self):
        self.rows = []

    def add(self, what, figures, limit, ratio=None):
        wall, cpu, rss = (statistics.median(column) for column in zip(*figures))
        self.rows.append((what, f"{wall * 1000:.1f} ms" if wall < 1 else f"{wall:.2f} s",
                          f"{cpu * 1000:.1f} ms" if cpu < 1 else f"{cpu:.2f} s",
                          f"{rss:.1f} MiB", f"{ratio:.2f}" if ratio else "", limit))  # fmt: skip

    def print(self):
        head = ("what", "wall", "CPU", "peak RSS", "ratio", "to reach")
        for row in (head, ("---",) * len(head), *self.rows):
            print("| " + " | ".join(row) + " |")


def project(name, pipelines):
    """An empty project in its own folder: {file name: text}."""
    folder = WORK / name
    shutil.rmtree(folder, ignore_errors=True)
    (folder / "pipelines").mkdir(parents=True)
    (folder / "sluice.yaml").write_text(f"project: {name}\n")
    for file, text in pipelines.items():
        (folder / "pipelines" / file).write_text(text)
    return folder


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


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--large", action="store_true")
    parser.add_argument("names", nargs="*", metavar="NAME")
    options = parser.parse_args()
    for name in options.names:
        if name not in BENCHES:
            parser.error(f"{name} is no benchmark; there are: {' '.join(BENCHES)}")
    WORK.mkdir(parents=True, exist_ok=True)
    subprocess.run(["ninja", "-C", BUILD, "sluice", "tests/bench/bare", "tests/bench/measure",
                    "tests/bench/tasks"],
                   check=True, stdout=subprocess.DEVNULL)  # fmt: skip
    table = Table()
    for name in options.names or BENCHES:
        BENCHES[name](table, options.runs)
    if options.large:
        bench_flights(table, options.runs, copies=10)
    table.print()


if __name__ == "__main__":
    main()
