"""The figures of the catalog: `just bench catalog`.

One delta committed beside a bare SQLite transaction with the same inserts, in catalogs of 1,000 and
of 1,000,000 deltas, and the latest 100 deltas listed from the large one. catalog.c measures: a
whole process would be mostly its own start.
"""

import shutil
import statistics
import subprocess

from measuring import BUILD, WORK, measure

PROGRAM = BUILD / "tests/bench/catalog"
SMALL, LARGE = 1_000, 1_000_000


def ask(*args):
    return [int(word) for word in subprocess.check_output([PROGRAM, *args], text=True).split()]


def catalogs(deltas):
    """A fresh catalog of so many deltas, and a copy of it for the bare transactions."""
    folder = WORK / "catalog"
    folder.mkdir(parents=True, exist_ok=True)
    made, ours, bare = (folder / f"{deltas}-{name}.db" for name in ("made", "ours", "bare"))
    if not made.exists():
        subprocess.run([PROGRAM, "fill", made, str(deltas)], check=True)
    for copy in (ours, bare):
        shutil.copyfile(made, copy)
    return ours, bare


def bench_catalog(runs):
    times = {}
    for deltas in (SMALL, LARGE):
        pairs = [ask("commit", *catalogs(deltas)) for _ in range(runs)]
        times[deltas] = statistics.median(ours for ours, _ in pairs)
        bare = statistics.median(bare for _, bare in pairs)
        ratio = statistics.median(ours / bare for ours, bare in pairs)
        print(f"| one delta committed among {deltas:,} | {times[deltas] / 1000:.2f} ms | "
              f"{bare / 1000:.2f} ms bare | {ratio:.2f} | ≤ 2 |")  # fmt: skip
    print(f"| {LARGE:,} beside {SMALL:,} deltas | | | {times[LARGE] / times[SMALL]:.2f} | ≤ 1.2 |")
    large = catalogs(LARGE)[0]
    ask("list", large)
    listing = statistics.median(ask("list", large)[0] for _ in range(runs))
    rss = max(measure([PROGRAM, "list", large], WORK)[2] for _ in range(runs))
    print(f"| the latest 100 of {LARGE:,} deltas, opened and listed | {listing / 1000:.2f} ms | "
          f"{rss:.1f} MiB | | ≤ 10 ms, ≤ 16 MiB |")  # fmt: skip
