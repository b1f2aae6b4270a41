"""What bench_crash.py runs in dlt's own environment: rounds of new rows into a dlt pipeline that is killed at
random moments and run again. dlt is imported once; each run is a process forked from here, and the clock of
a kill starts with its work.

    crash_dlt.py FOLDER DESTINATION DISPOSITION KILLS SEED

The pipeline is the one of dlt's documentation on incremental loading: a resource with a cursor
(dlt.sources.incremental), write disposition append, or merge with a primary key; a rerun is pipeline.run()
again, which first finishes the packages that are pending. After each chain FOLDER/said.json says what was done."""

import csv
import json
import os
import pathlib
import random
import signal
import sys
import time

os.environ["RUNTIME__DLTHUB_TELEMETRY"] = "false"
os.environ["RUNTIME__LOG_LEVEL"] = "CRITICAL"

import dlt  # noqa: E402

FOLDER, DESTINATION, DISPOSITION, KILLS, SEED = (pathlib.Path(sys.argv[1]), *sys.argv[2:4], *map(int, sys.argv[4:6]))
PAGE = 500


def read_rows(folder, seq=dlt.sources.incremental("seq")):
    for path in sorted(folder.glob("in/*.csv")):
        with open(path, newline="", encoding="utf-8") as file:
            page = []
            for row in csv.DictReader(file):
                page.append({"id": int(row["id"]), "seq": int(row["seq"]), "v": int(row["v"])})
                if len(page) == PAGE:
                    yield page
                    page = []
            if page:
                yield page


def run(folder):
    if DESTINATION == "duckdb":
        destination = dlt.destinations.duckdb(str(folder / "found.duckdb"))
    else:
        destination = dlt.destinations.filesystem(f"file://{folder}/found")
    pipeline = dlt.pipeline(
        "crash", destination=destination, dataset_name="d", pipelines_dir=str(folder / "pipelines")
    )
    keys = {"primary_key": "id"} if DISPOSITION == "merge" else {}
    resource = dlt.resource(read_rows, name="t", write_disposition=DISPOSITION, **keys)
    formats = {"loader_file_format": "parquet"} if DESTINATION == "filesystem" else {}
    pipeline.run(resource(folder), **formats)


def start(folder):
    """A process that runs it: its id, once it works."""
    child = os.fork()
    if child == 0:
        null = os.open(os.devnull, os.O_WRONLY)
        os.dup2(null, 1)
        os.dup2(os.open(folder / "log", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600), 2)
        try:
            run(folder)
        except BaseException as error:  # pylint: disable=broad-exception-caught
            os.write(2, f"{type(error).__name__}: {error}\n".encode())
            os._exit(1)
        os._exit(0)
    return child


def ends_well(folder):
    _, status = os.waitpid(start(folder), 0)
    return status == 0


def main():
    dice = random.Random(SEED)
    kills = runs = number = failed = 0
    folders = sorted(FOLDER.glob("chain-*"))
    typical = None
    while kills < KILLS:
        folder = folders[number]
        number += 1
        for waiting in sorted(folder.glob("waiting/*.csv")):
            waiting.rename(folder / "in" / waiting.name)
            if typical is None:  # the very first run shows how long one takes
                began = time.monotonic()
                failed += not ends_well(folder)
                typical = time.monotonic() - began
                continue
            child = start(folder)
            time.sleep(dice.uniform(0, typical))
            done, _ = os.waitpid(child, os.WNOHANG)
            if done == 0:
                os.kill(child, signal.SIGKILL)
                os.waitpid(child, 0)
                kills += 1
            typical *= 1.05 if done == 0 else 0.93
            runs += 1
            failed += not ends_well(folder)
        failed += not ends_well(folder)  # the one before may have done what was pending, and no more
        (folder / "done").write_text("")
        said = {"rounds": runs, "kills": kills, "failed": failed}
        (FOLDER / "said.json").write_text(json.dumps(said))


if __name__ == "__main__":
    main()
