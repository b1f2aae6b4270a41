"""`bench.py s3`: what a byte and an object cost that come from S3 or go there.

The server is s3_origin.c; its first rows say what it can do for a client that does nothing else.
CPU is the measured process's alone, GB are 10^9 bytes. Files lie in memory (/dev/shm), so that no
disk is measured.
"""

import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from contextlib import contextmanager
from pathlib import Path

from measuring import BUILD, SLUICE, WORK, Table, measure, project

ORIGIN = BUILD / "tests/bench/s3_origin"
LARGE = 1 << 30
LARGE_URL = f"s3://b/size-{LARGE}/x"
SMALL_COUNT = 20000
ENV = {"PATH": os.environ["PATH"], "AWS_ACCESS_KEY_ID": "AKIDEXAMPLE",
       "AWS_SECRET_ACCESS_KEY": "secret", "AWS_REGION": "us-east-1",
       "AWS_EC2_METADATA_DISABLED": "true"}  # fmt: skip
WAITS = {1: 1, 8: 2, 64: None, 256: None}


class Origin:
    def __init__(self, answer):
        self.urls = {kind: f"{kind}://127.0.0.1:{answer[kind]}" for kind in ("http", "https")}
        self.ca = answer["ca"]

    def counters(self):
        with urllib.request.urlopen(self.urls["http"] + "/counters") as answer:
            return json.load(answer)


@contextmanager
def origin(*arguments):
    process = subprocess.Popen([ORIGIN, *arguments, WORK / "s3"], stdout=subprocess.PIPE, text=True)
    try:
        yield Origin(json.loads(process.stdout.readline()))
    finally:
        process.terminate()
        process.wait()


def sluice(server, kind, *arguments):
    verb, *rest = arguments
    return [SLUICE, "s3", verb, "--quiet", "--endpoint", server.urls[kind], "--ca-file", server.ca,
            *rest]  # fmt: skip


def repeat(command, runs, folder, before=lambda: None):
    """The first run is for nothing."""
    figures = []
    for _ in range(runs + 1):
        before()
        figures.append(measure(command, folder, ENV))
    return figures[1:]


def per_gb(figures):
    cpu = statistics.median(cpu for _, cpu, _ in figures)
    wall = statistics.median(wall for wall, _, _ in figures)
    return f"{cpu / LARGE * 1e9:.2f} CPU-s/GB, {LARGE / wall / 1e9:.2f} GB/s"


def per_object(figures, count):
    cpu = statistics.median(cpu for _, cpu, _ in figures)
    wall = statistics.median(wall for wall, _, _ in figures)
    return f"{count / wall / 1000:.1f} k/s, {cpu / count * 1e6:.0f} µs each"


def add_origin(table, runs):
    """The origin and the bare client: its CPU is the client's threads', in the one process."""
    answers = [json.loads(subprocess.check_output([ORIGIN, "--raw", WORK / "s3"]))
               for _ in range(runs)]  # fmt: skip
    for kind in ("http", "https"):
        for what, name in (("get", "GET 1 GiB"), ("put", "PUT 1 GiB"), ("small", "1 KiB objects")):
            figures = [(a[what][kind]["wall"], a[what][kind]["cpu"], 0) for a in answers]
            requests = answers[0][what][kind]["requests"]
            figure = per_object(figures, requests) if requests > 1 else per_gb(figures)
            table.add(f"the origin to a bare client, {name}, {kind}", figures, "", figure)


def add_large(table, runs, folder, scratch, server):
    file = scratch / "x"
    for kind, get_limit, put_limit in (("http", 0.40, 0.45), ("https", 0.95, 1.0)):
        figures = repeat(sluice(server, kind, "cat", LARGE_URL), runs, folder)
        table.add(f"GET 1 GiB, `s3 cat`, {kind}", figures, f"≤ {get_limit:.2f}, ≤ 64 MiB",
                  per_gb(figures))  # fmt: skip

        figures = repeat(sluice(server, kind, "cp", LARGE_URL, file), runs, folder,
                         before=lambda: file.unlink(missing_ok=True))  # fmt: skip
        table.add(f"GET 1 GiB into a file, `s3 cp`, {kind}", figures, "", per_gb(figures))
        if file.stat().st_size != LARGE:
            sys.exit(f"bench: {file} has {file.stat().st_size} bytes")

        before = server.counters()["bytes_written"]
        figures = repeat(sluice(server, kind, "cp", file, "s3://b/new"), runs, folder)
        table.add(f"PUT 1 GiB from a file, `s3 cp`, {kind}", figures,
                  f"≤ {put_limit:.2f}, ≤ 64 MiB", per_gb(figures))  # fmt: skip
        written = server.counters()["bytes_written"] - before
        if written != LARGE * (runs + 1):
            sys.exit(f"bench: {written} bytes came to the origin")
    file.unlink()


def add_small(table, runs, folder, scratch, server):
    out = scratch / "out"
    source = f"s3://b/many-{SMALL_COUNT}x1024/"
    for kind, limit in (("http", "≥ 20 k/s, ≤ 50 µs"), ("https", "≥ 15 k/s, ≤ 50 µs")):
        figures = repeat(sluice(server, kind, "cp", "--recursive", source, f"{out}/"), runs, folder,
                         before=lambda: shutil.rmtree(out, ignore_errors=True))  # fmt: skip
        table.add(f"GET 20,000 × 1 KiB into files, {kind}", figures, limit,
                  per_object(figures, SMALL_COUNT))  # fmt: skip
        if len(os.listdir(out)) != SMALL_COUNT:
            sys.exit(f"bench: {len(os.listdir(out))} files of {SMALL_COUNT} in {out}")

        command = sluice(server, kind, "cp", "--recursive", out, "s3://b/new/")
        figures = repeat(command, runs, folder)
        table.add(f"PUT 20,000 × 1 KiB from files, {kind}", figures, "",
                  per_object(figures, SMALL_COUNT))  # fmt: skip
        shutil.rmtree(out)


def add_waiting(table, runs, folder, scratch):
    """Each answer 20 ms late: the time of 2,000 objects falls as objects / concurrency."""
    out = scratch / "out"
    with origin("--latency", "20") as server:
        for concurrency, at_most in WAITS.items():
            figures = []
            for _ in range(min(runs, at_most or runs)):
                shutil.rmtree(out, ignore_errors=True)
                figures.append(measure(
                    sluice(server, "http", "cp", "--recursive", "--concurrency", concurrency,
                           "s3://b/many-2000x102400/", f"{out}/"), folder, ENV))  # fmt: skip
            ideal = 0.020 * (1 + 2000 / concurrency)
            wall = statistics.median(wall for wall, _, _ in figures)
            table.add(f"2,000 × 100 KB, 20 ms late, `--concurrency {concurrency}`", figures,
                      f"ideal {ideal:.2f} s", f"{wall / ideal:.2f} × ideal")  # fmt: skip
    shutil.rmtree(out)


def bench_s3(runs):
    table = Table("is")
    folder = project("s3", {})
    memory = Path("/dev/shm")
    print(f"{time.strftime('%Y-%m-%d')}, {runs} runs, load {os.getloadavg()[0]:.1f} before",
          file=sys.stderr)  # fmt: skip
    with tempfile.TemporaryDirectory(dir=memory if memory.is_dir() else WORK) as scratch:
        scratch = Path(scratch)
        add_origin(table, runs)
        with origin("--checksums") as server:
            add_large(table, runs, folder, scratch, server)
            add_small(table, runs, folder, scratch, server)
        add_waiting(table, runs, folder, scratch)
    table.print()
    print(f"load {os.getloadavg()[0]:.1f} after", file=sys.stderr)
