"""A chain: a project gets rounds of new input, each of whose runs is hit by a fault, once or again, and run
until it ends. After each round it must look like a project that was never hit."""

import collections
import contextlib
import errno
import os
import pathlib
import random
import shutil
import signal
import subprocess
import time
import uuid

import inputs
import servers
from world import Hooks, Inputs, World, differences

FAIL_WRITE = pathlib.Path(os.environ.get("SLUICE_BIN", "build/sluice")).parent / "tests/tools/libfail_write.so"
BLOWS = 4  # at most, for one round
SMALL_DISK = 8 << 20


class Difference(Exception):
    pass


class Bench:
    """What one process of the crash test keeps: projects without faults, the server of hooks, S3."""

    def __init__(self, folder):
        self.folder = pathlib.Path(folder)
        self.own = self.folder / f"process-{os.getpid()}"
        self.own.mkdir(parents=True, exist_ok=True)
        shared = self.folder / "inputs"
        shared.mkdir(exist_ok=True)
        self.hooks, self.inputs = Hooks(), Inputs(shared)
        self.sound = {}  # (mode, variant, in S3) → what is seen after each round, and how long a run takes
        self.bases = {}  # (mode, variant) → the project before each round
        self.typical = {}
        self.weed, self.numbers = None, 0

    def new_name(self, what):
        self.numbers += 1
        return f"{what}-{os.getpid()}-{self.numbers}"

    def start_weed(self):
        if not self.weed:
            self.weed = servers.Weed(self.own / "weed").start()
            servers.s3_client(self.weed.endpoint).create_bucket(Bucket="crash")
        return self.weed

    def world(self, mode, variant, in_s3=False, root=None):
        name = self.new_name(mode)
        s3 = None
        if in_s3:
            weed = self.start_weed()
            client = servers.s3_client(weed.endpoint)
            s3 = (client, servers.aws_environment(weed.endpoint), "crash", name)
        return World(root or self.own / name, name, mode, variant, self.hooks, self.inputs, s3)

    def without_faults(self, mode, variant, in_s3=False):
        """What is seen after each round."""
        key = (mode, variant, in_s3)
        if key not in self.sound:
            world = self.world(mode, variant, in_s3)
            world.seed()
            looks, bases, took = [], [], []
            for number in range(inputs.ROUNDS):
                if not in_s3:
                    base = self.new_name("base")
                    bases.append(world.copy_to(self.own / base, base))
                world.place(number)
                began = time.monotonic()
                world.run("x")
                took.append(time.monotonic() - began)
                looks.append(world.looks())
                wrong = world.leftovers()
                assert not wrong, f"without a fault: {wrong}"
            self.sound[key], self.bases[key] = looks, bases
            self.typical.setdefault((mode, in_s3), sorted(took)[len(took) // 2])
        return self.sound[key]

    def end(self):
        if self.weed:
            self.weed.stop()
        shutil.rmtree(self.own, ignore_errors=True)


# --- blows: each returns whether the run was hit


def new_run_id(dice):
    return str(uuid.UUID(int=dice.getrandbits(128), version=4))


def end_run(world, process, exits, what):
    result = world.finish(process, timeout=120)
    if result.exit not in exits or (result.exit == 1 and len(result.errors) != 1):
        raise Difference(f"{what}: an exit of {sorted(exits)} was expected\n{result}")
    return result


class Blows:
    """Ways to hit a run. `number` chooses the step where it is to be a certain one."""

    def __init__(self, bench, world, dice):
        self.bench, self.world, self.dice = bench, world, dice
        self.key = (world.mode, world.lake is not None)
        self.steps = 250

    def delay(self):
        return self.dice.uniform(0, 1.05 * self.bench.typical[self.key])

    def learn(self, alive):
        """The machine is not always as busy as when it was measured."""
        self.bench.typical[self.key] *= 1.02 if alive else 0.93

    def kill(self, args):
        """kill -9 at a random moment."""
        process = self.world.start("run", "x", *args)
        time.sleep(self.delay())
        alive = process.poll() is None
        process.kill()
        process.communicate()
        self.learn(alive)
        return alive

    def term(self, args):
        """SIGTERM at a random moment: it ends in order."""
        process = self.world.start("run", "x", *args)
        time.sleep(self.delay())
        alive = process.poll() is None
        process.send_signal(signal.SIGTERM)
        result = end_run(self.world, process, {0, 143, -signal.SIGTERM}, "after SIGTERM")
        self.learn(alive)
        return alive and result.exit != 0

    def fail(self, args, number, environment, exits):
        mark = self.world.root.with_name(self.world.root.name + ".mark")
        mark.unlink(missing_ok=True)
        environment = {"LD_PRELOAD": str(FAIL_WRITE), "FAIL_AT": str(number), "FAIL_MARK": str(mark), **environment}
        process = self.world.start("run", "x", *args, env=environment)
        end_run(self.world, process, exits, f"step {number}")
        hit = mark.exists()
        mark.unlink(missing_ok=True)
        return hit

    def step(self, args, number=None):
        """kill -9 at the nth call that changes a file or sends something."""
        number = number or self.dice.randrange(1, self.steps)
        hit = self.fail(args, number, {"FAIL_KILL": "1"}, {0, -signal.SIGKILL})
        if not hit:
            self.steps = max(20, number)
        return hit

    def full(self, args, number=None):
        """No room from the nth write on."""
        number = number or self.dice.randrange(1, self.steps)
        hit = self.fail(args, number, {"FAIL_ERROR": str(errno.ENOSPC), "FAIL_ON": "1"}, {0, 1})
        if not hit:
            self.steps = max(20, number)
        return hit

    def disk(self, args):
        """A disk, a tmpfs of its own, that has so much room and no more."""
        ballast = self.world.path("ballast")
        room = self.dice.choice((8, 64, 160)) << 10
        usage = os.statvfs(self.world.root)
        size = max(4096, usage.f_bavail * usage.f_frsize - self.dice.randrange(room))
        with open(ballast, "wb") as file:
            os.posix_fallocate(file.fileno(), 0, size)
        process = self.world.start("run", "x", *args)
        result = end_run(self.world, process, {0, 1}, f"a disk with {usage.f_bavail * usage.f_frsize - size} bytes")
        ballast.unlink()
        return result.exit == 1

    def server(self, args):
        """The S3 server is killed at a random moment and comes back; the run sometimes is, too."""
        process = self.world.start("run", "x", *args)
        time.sleep(self.delay())
        alive = process.poll() is None
        self.bench.weed.kill()
        time.sleep(self.dice.uniform(0, 0.3))
        if self.dice.random() < 0.3:
            process.kill()
        self.bench.weed.start()
        end_run(self.world, process, {0, 1, -signal.SIGKILL}, "the server was killed")
        self.learn(alive)
        return alive


FAULTS = {  # name → (blow, in S3)
    "kill": ("kill", False),
    "term": ("term", False),
    "full": ("full", False),
    "disk": ("disk", False),
    "s3-kill": ("kill", True),
    "s3-step": ("step", True),
    "s3-server": ("server", True),
}


# --- a round


def run_again(world, how, run_id, dice):
    """The next run, as people start it."""
    args = {"plain": [], "resume": ["--resume", run_id], "same id": ["--run-id", run_id]}[how]
    result = world.sluice("run", "x", *args, timeout=120)
    if how == "resume" and result.exit == 2 and "there is no run" in result.stderr:
        result = world.sluice("run", "x", timeout=120)  # it died before it said that it is there
    if result.exit != 0 or result.errors:
        raise Difference(f"the next run ({how}) failed\n{result}")
    return result


def compare(world, expected, before, number):
    """Raises Difference where it does not look like a project that was never hit."""
    commits = world.commits_of_x()
    new = commits[len(before) :]
    again = set()
    if world.mode in inputs.WHOLE:  # reads all of it each time: a run after one that had committed commits, too
        again = world.again | set(new[1:])
        world.again = again
    elif len(new) != 1:
        raise Difference(f"round {number}: {len(new)} commits: {new}")
    wrong = differences(expected, world.looks(again)) + world.leftovers()
    if wrong:
        raise Difference(f"round {number}:\n    " + "\n    ".join(wrong))


def hit_round(bench, world, blow, dice, number, expected, stages, at=None):
    """One round: its input, blows, the next run, the comparison. How many blows hit."""
    before = world.commits_of_x()
    world.place(number)
    blows, hits = Blows(bench, world, dice), 0
    run_id = new_run_id(dice)
    for count in range(BLOWS):
        args = ["--run-id", run_id]
        if count and dice.random() < 0.5:
            run_id = new_run_id(dice)
            args = ["--run-id", run_id]
        hit = getattr(blows, blow)(args, at) if at and not count else getattr(blows, blow)(args)
        hits += hit
        if hit:
            stages[world.stage(run_id)] += 1
        # A second blow, now and then, hits the run that cleans up after the first.
        if dice.random() < 0.5:
            break
    run_again(world, dice.choice(["plain", "plain", "resume", "same id"]), run_id, dice)
    compare(world, expected, before, number)
    return hits


@contextlib.contextmanager
def small_disk(path):
    """A file system of its own, where there is a right to make one."""
    path.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", f"size={SMALL_DISK}", "sluice-crash", str(path)]
    subprocess.run(command, check=True, capture_output=True)
    try:
        yield path
    finally:
        subprocess.run(["umount", "-l", str(path)], check=True)
        path.rmdir()


def can_mount(folder):
    try:
        with small_disk(pathlib.Path(folder) / "tried"):
            return True
    except (OSError, subprocess.CalledProcessError):
        return False


def run_chain(bench, mode, fault, seed):
    """(hits, rounds, stages, a text where it went wrong)"""
    if fault != "disk":
        return run_chain_in(bench, mode, fault, seed, None)
    with small_disk(bench.own / bench.new_name("disk")) as root:
        return run_chain_in(bench, mode, fault, seed, root)


def run_chain_in(bench, mode, fault, seed, root):
    blow, in_s3 = FAULTS[fault]
    dice, variant = random.Random(f"{mode} {fault} {seed}"), seed % inputs.VARIANTS
    expected = bench.without_faults(mode, variant, in_s3)
    stages, hits, number = collections.Counter(), 0, 0
    world = bench.world(mode, variant, in_s3, root)
    try:
        world.seed()
        for number in range(inputs.ROUNDS):
            hits += hit_round(bench, world, blow, dice, number, expected[number], stages)
    except Difference as difference:
        return hits, number + 1, stages, f"{world.root}: {difference}"
    finally:
        world.end()
    if not root:
        shutil.rmtree(world.root)
    return hits, inputs.ROUNDS, stages, None


def run_step(bench, mode, seed, number, step):
    """One run of a round killed at a step; None as first where there is no such step."""
    variant = seed % inputs.VARIANTS
    expected = bench.without_faults(mode, variant)
    dice = random.Random(f"{mode} {seed} {number} {step}")
    name, stages = bench.new_name("step"), collections.Counter()
    world = bench.bases[(mode, variant, False)][number].copy_to(bench.own / name, name)
    try:
        hits = hit_round(bench, world, "step", dice, number, expected[number], stages, at=step)
    except Difference as difference:
        return 1, 1, stages, f"{world.root}: {difference}"
    finally:
        world.end()
    shutil.rmtree(world.root)
    return hits if stages else None, 1, stages, None
