"""`just crash-test [N]`: is a run exactly once, whatever happens to it?

    crash.py [N] [--modes M,…] [--faults F,…] [--seed S] [--jobs J] [--keep]
    crash.py --repeat MODE:FAULT:SEED[:ROUND:STEP]          one chain of rounds, or one step, again
    crash.py --property [N] [--seed S]                      random pipelines against a model (property.py)

N (500) is how many kills at random moments must hit a run, for each load mode; the other faults get a share
of it. `steps` kills at each call in turn that changes a file or sends something. After each round what is
there must be what is there without faults, and nothing else. Exit 1 where it is not."""

import argparse
import collections
import concurrent.futures
import os
import pathlib
import random
import shutil
import sys
import tempfile
import time

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent
sys.path[:0] = [str(HERE), str(ROOT / "tests")]
os.environ.setdefault("SLUICE_BIN", str(ROOT / "build/sluice"))

import chain  # noqa: E402
import inputs  # noqa: E402
import random_pipelines  # noqa: E402

SHARES = {"kill": 1, "term": 5, "full": 5, "disk": 10, "s3-kill": 10, "s3-step": 10, "s3-server": 50}
STEP_ROUNDS = (0, 1)  # the first makes the tables, the second finds them
LAST_STEP = 4  # so many in a row that were not reached end a round's
bench = None  # one for each process


def begin(folder):
    global bench  # pylint: disable=global-statement  # what a process of the pool keeps
    bench = chain.Bench(folder)


def work(kind, *args):
    """In a process of the pool: never raises, so that a fault of the test is told with its seed, too."""
    try:
        return getattr(chain, kind)(bench, *args)
    except Exception as error:  # pylint: disable=broad-exception-caught
        return 0, 0, collections.Counter(), f"the test itself failed: {type(error).__name__}: {error}"


class Cell:
    """A mode and a fault: what was done, and what was found."""

    def __init__(self, mode, fault):
        self.mode, self.fault = mode, fault
        self.hits = self.rounds = 0
        self.stages, self.wrong = collections.Counter(), []

    def add(self, result, name):
        hits, rounds, stages, wrong = result
        self.hits += hits or 0
        self.rounds += rounds
        self.stages += stages
        if wrong:
            self.wrong.append(name)
            print(f"\nDIFFERENCE {name}\n  {wrong}\n  again: just crash-test --repeat {name}", flush=True)


class Crash:
    def __init__(self, options, folder):
        self.options, self.folder = options, folder
        self.pool = concurrent.futures.ProcessPoolExecutor(options.jobs, initializer=begin, initargs=(folder,))
        self.cells, self.began = [], time.monotonic()

    def say(self, cell, goal):
        minutes = (time.monotonic() - self.began) / 60
        line = f"{cell.mode} × {cell.fault}: {cell.hits} of {goal} hits, {len(cell.wrong)} differences, {minutes:.1f} min"
        end = "\r" if sys.stdout.isatty() else "\n"
        print(line, end=end, flush=True)

    def chains(self, mode, fault, goal):
        """Chains with seeds of their own until so many runs were hit."""
        cell, seed = Cell(mode, fault), self.options.seed
        self.cells.append(cell)
        under_way, told = {}, 0
        while cell.hits < goal and len(cell.wrong) < self.options.differences:
            while len(under_way) < self.options.jobs:
                under_way[self.pool.submit(work, "run_chain", mode, fault, seed)] = seed
                seed += 1
            done, _ = concurrent.futures.wait(under_way, return_when=concurrent.futures.FIRST_COMPLETED)
            for future in done:
                cell.add(future.result(), f"{mode}:{fault}:{under_way.pop(future)}")
            if time.monotonic() - told > 20:
                self.say(cell, goal)
                told = time.monotonic()
        for future, seed in under_way.items():
            cell.add(future.result(), f"{mode}:{fault}:{seed}")
        self.say(cell, goal)

    def steps(self, mode, stride):
        """Each step of a round in turn, until a run ends without having come to it."""
        cell, seed = Cell(mode, "steps"), self.options.seed
        self.cells.append(cell)
        for number in STEP_ROUNDS:
            step, past, under_way = 1, 0, {}
            while past < LAST_STEP and len(cell.wrong) < self.options.differences:
                while len(under_way) < 2 * self.options.jobs:
                    under_way[self.pool.submit(work, "run_step", mode, seed, number, step)] = step
                    step += stride
                done, _ = concurrent.futures.wait(under_way, return_when=concurrent.futures.FIRST_COMPLETED)
                for future in done:
                    name = f"{mode}:steps:{seed}:{number}:{under_way.pop(future)}"
                    past = past + 1 if future.result()[0] is None else 0
                    cell.add(future.result(), name)
            for future, at in under_way.items():
                cell.add(future.result(), f"{mode}:steps:{seed}:{number}:{at}")
            self.say(cell, f"every {stride}." if stride > 1 else "all")

    def all(self):
        try:
            self.all_cells()
        except KeyboardInterrupt:
            print("\ninterrupted")
            self.pool.shutdown(wait=False, cancel_futures=True)

    def all_cells(self):
        count = self.options.count
        for fault in self.options.faults:
            for mode in self.options.modes:
                if fault == "steps":
                    self.steps(mode, self.options.stride or max(1, round(500 / max(count, 1))))
                else:
                    self.chains(mode, fault, max(1, count // SHARES[fault]))

    def end(self):
        self.pool.shutdown()
        wrong = [name for cell in self.cells for name in cell.wrong]
        print("\n| mode | fault | rounds | hits | differences |\n| --- | --- | --- | --- | --- |")
        for cell in self.cells:
            print(f"| {cell.mode} | {cell.fault} | {cell.rounds} | {cell.hits} | {len(cell.wrong)} |")
        print("\nWhere the runs were when they were hit:\n\n| where | hits |\n| --- | --- |")
        stages = sum((cell.stages for cell in self.cells), collections.Counter())
        for stage, count in sorted(stages.items()):
            print(f"| {stage[2:]} | {count} |")
        print(f"\nseed {self.options.seed}, {(time.monotonic() - self.began) / 60:.1f} minutes")
        return wrong


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    names = lambda text: text.split(",")
    parser.add_argument("count", type=int, nargs="?", default=500, metavar="N")
    parser.add_argument("--modes", type=names, default=list(inputs.MODES))
    parser.add_argument("--faults", type=names, default=["steps", *chain.FAULTS])
    parser.add_argument("--seed", type=int, default=random.randrange(1 << 30))
    parser.add_argument("--stride", type=int, help="of the steps: 1 kills at each of them")
    parser.add_argument("--jobs", type=int, default=min(4, os.cpu_count() or 1))
    parser.add_argument("--differences", type=int, default=5, help="so many of a mode and a fault end it")
    parser.add_argument("--keep", action="store_true", help="the projects stay")
    parser.add_argument("--repeat", metavar="MODE:FAULT:SEED[:ROUND:STEP]")
    parser.add_argument("--property", action="store_true")
    options = parser.parse_args()
    for name in options.modes:
        if name not in inputs.MODES:
            parser.error(f"{name} is no mode; there are: {' '.join(inputs.MODES)}")
    for name in options.faults:
        if name != "steps" and name not in chain.FAULTS:
            parser.error(f"{name} is no fault; there are: steps {' '.join(chain.FAULTS)}")
    return options


def repeat(name, folder):
    mode, fault, seed, *step = name.split(":")
    begin(folder)
    if fault == "steps":
        _, _, stages, wrong = work("run_step", mode, int(seed), *map(int, step))
    else:
        _, _, stages, wrong = work("run_chain", mode, fault, int(seed))
    print(dict(stages))
    print(wrong or "no difference")
    if bench.weed:
        bench.weed.stop()
    return wrong


def one_property(folder, seed):
    own = pathlib.Path(folder) / f"seed-{seed}"
    own.mkdir()
    try:
        return (seed, *random_pipelines.check_case(own, seed))
    except Exception as error:  # pylint: disable=broad-exception-caught
        return seed, f"the test itself failed: {type(error).__name__}: {error}", 0, 0


def properties(options, folder):
    """Seeds of random pipelines that differ from the model."""
    began, wrong, kills, failed, count = time.monotonic(), [], 0, 0, 0
    seeds = range(options.seed, options.seed + options.count)
    with concurrent.futures.ProcessPoolExecutor(options.jobs) as pool:
        for future in concurrent.futures.as_completed([pool.submit(one_property, folder, seed) for seed in seeds]):
            seed, difference, case_kills, case_failed = future.result()
            count, kills, failed = count + 1, kills + case_kills, failed + case_failed
            if difference:
                wrong.append(seed)
                print(f"\nDIFFERENCE seed {seed}: {difference}\n  again: just crash-test --property 1 --seed {seed}", flush=True)
            if count % 20 == 0:
                print(f"{count} of {options.count} pipelines, {(time.monotonic() - began) / 60:.1f} min", flush=True)
    print(f"{count} pipelines, {kills} kills, {failed} runs that had to fail, {len(wrong)} differences, seed {options.seed}")
    return wrong


def work_folder():
    """In memory where there is such a place: what is tested is the death of processes, not of disks."""
    shared = pathlib.Path("/dev/shm")
    return tempfile.mkdtemp(prefix="sluice-crash-", dir=shared if os.access(shared, os.W_OK) else None)


def main():
    options = arguments()
    folder = work_folder()
    print(f"seed {options.seed}, projects in {folder}", flush=True)
    if options.property:
        wrong = properties(options, folder)
    elif options.repeat:
        wrong = repeat(options.repeat, folder)
    else:
        if "disk" in options.faults and not chain.can_mount(folder):
            print("no right to mount a small disk: `disk` is left out (`full` is not)")
            options.faults.remove("disk")
        crash = Crash(options, folder)
        crash.all()
        wrong = crash.end()
    if wrong or options.keep:
        print(f"projects are kept in {folder}")
    else:
        shutil.rmtree(folder, ignore_errors=True)
    sys.exit(1 if wrong else 0)


if __name__ == "__main__":
    main()
