"""What the benchmarks share: whole processes measured, projects to run them in, and the table."""

import shutil
import statistics
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
BUILD = ROOT / "build"
WORK = BUILD / "bench"
SLUICE = BUILD / "sluice"


def measure(command, cwd, env=None):
    """Wall seconds, CPU seconds and peak RSS in MiB of one run; its exit must be 0."""
    out = WORK / "measured"
    process = subprocess.run(
        [BUILD / "tests/bench/measure", out, *map(str, command)], cwd=cwd, env=env,
        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, check=True,
    )  # fmt: skip
    wall, cpu, rss, status = out.read_text().split()
    if status != "0":
        sys.exit(f"bench: {command} ended with {status}: {process.stderr.decode()[-600:]}")
    return float(wall), float(cpu), int(rss) / 1024


class Table:
    def __init__(self, fifth="ratio"):
        self.rows = []
        self.fifth = fifth

    def add(self, what, figures, limit, ratio=None):
        """figures: what measure() returned; ratio: a number, or the text of the fifth column."""
        wall, cpu, rss = (statistics.median(column) for column in zip(*figures))
        fifth = f"{ratio:.2f}" if isinstance(ratio, float) else ratio or ""
        self.rows.append((what, f"{wall * 1000:.1f} ms" if wall < 1 else f"{wall:.2f} s",
                          f"{cpu * 1000:.1f} ms" if cpu < 1 else f"{cpu:.2f} s",
                          f"{rss:.1f} MiB" if rss else "", fifth, limit))  # fmt: skip

    def print(self):
        if not self.rows:
            return
        head = ("what", "wall", "CPU", "peak RSS", self.fifth, "to reach")
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
