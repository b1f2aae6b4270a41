"""What runs that lose and repeat no row cost: a function for each figure, each printing pairs of its own.

    just bench runs [quarantine]        without a name all of them

A pair is two runs, one after the other; figures are medians, ratios the median of the pairs' ratios, of
the wall time and of the CPU time: on a machine that others use only the latter says much.
"""

import csv
import os
import shutil
import statistics
from pathlib import Path

from measuring import ROOT, SLUICE, WORK, Table, measure, project

DATA = Path(os.environ.get("SLUICE_DATA", ROOT / "../shared/data"))
ROWS, FILES = 3_000_000, 10

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


FIGURES = {"quarantine": quarantine}


def bench_runs(runs, names):
    for name in names or FIGURES:
        FIGURES[name](runs)
