"""`sluice s3 …` and the files of this machine: what cannot be read or written, what changes or goes
while it is sent, a full disk, and Ctrl-C with more to do than is under way."""

import os
import signal
import subprocess
import threading
import time

import pytest
import servers
from conftest import PATIENCE, Result, unprivileged

MIB = 1024 * 1024
MANY = 300  # more than are under way at once


@pytest.fixture
def here(project, origin):
    """The project, with what reaches the origin in its environment."""
    project.environment.update(servers.aws_environment(origin.endpoint))
    return project


def run_unprivileged(project, *args):
    command = [*unprivileged(), os.environ["SLUICE_BIN"], "s3", *args]
    done = subprocess.run(
        command, cwd=project.root, env=project.environment, stdin=subprocess.DEVNULL, capture_output=True,
        text=True, timeout=60, check=False,
    )  # fmt: skip
    return Result(command, done.returncode, done.stdout, done.stderr)


def keys(origin):
    return sorted(origin.store.buckets["b"])


def left_over(folder):
    return [path for path in folder.rglob("*") if ".sluice-" in path.name]


# --- permissions


@pytest.mark.parametrize("args", [["cp", "-r", "tree"], ["sync", "--delete", "tree"], ["cp", "tree/**"]])
def test_what_cannot_be_read(here, origin, args):
    """It is told, and the rest goes on; a sync that missed something deletes nothing."""
    for name in ("a", "closed/x", "secret", "z/y"):
        here.write(f"tree/{name}", b"x")
    here.path("tree/closed").chmod(0)
    here.path("tree/secret").chmod(0)
    for key in ("t/closed/x", "t/extra"):
        origin.put("b", key, b"old")
    try:
        result = run_unprivileged(here, *args, "s3://b/t/")
    finally:
        here.path("tree/closed").chmod(0o755)
    assert result.exit == 1, str(result)
    denied = [line for line in result.errors if "Permission denied" in line]
    assert len(denied) == 2, str(result)
    assert any("tree/closed" in line for line in denied) and any("tree/secret" in line for line in denied)
    assert keys(origin) == ["t/a", "t/closed/x", "t/extra", "t/z/y"]


def test_a_target_that_cannot_be_read(here, origin):
    """What is there is not known: nothing is done."""
    here.write("tree/closed/x", b"x")
    here.path("tree/closed").chmod(0)
    origin.put("b", "t/a", b"a")
    try:
        result = run_unprivileged(here, "sync", "--delete", "s3://b/t", "tree")
    finally:
        here.path("tree/closed").chmod(0o755)
    assert result.exit == 1 and "tree/closed: Permission denied" in result.error, str(result)
    assert here.path("tree/closed/x").exists() and not here.path("tree/a").exists()


def test_a_target_that_cannot_be_written(here, origin):
    here.path("out").mkdir(mode=0o555)
    origin.put("b", "x", b"x")
    result = run_unprivileged(here, "cp", "s3://b/x", "out/")
    assert result.exit == 1 and "out/x" in result.error and "Permission denied" in result.error, str(result)


def test_keys_that_may_not_be_deleted(here, origin):
    """Each is told by its name; the others are gone."""
    for i in range(1200):
        origin.put("b", f"t/{i:04}", b"x")
    origin.store.locked = {"t/0007", "t/1101"}
    result = here.sluice("s3", "rm", "-r", "--json", "s3://b/t")
    assert result.exit == 1 and keys(origin) == ["t/0007", "t/1101"]
    assert len(result.errors) == 2, str(result)
    for line, key in zip(sorted(result.errors), keys(origin)):
        assert f"s3://b/{key}" in line and "AccessDenied" in line and "it is locked" in line
    assert sum('"outcome":"failed"' in line.replace(" ", "") for line in result.stdout.splitlines()) == 2
    batches = [request for request in origin.requests if request.method == "POST"]
    assert len(batches) == 2, "1,000 at once"


# --- files that are not what they were


def test_a_file_that_grows(here, origin):
    path = here.write("f", bytes(40 * MIB))
    stop = threading.Event()

    def grow():
        with open(path, "ab", buffering=0) as file:
            while not stop.wait(0.002):
                file.write(b"more")

    writer = threading.Thread(target=grow)
    writer.start()
    try:
        result = here.sluice("s3", "cp", "f", "s3://b/")
    finally:
        stop.set()
        writer.join()
    assert result.exit == 1 and "changed while it was sent" in result.error, str(result)
    assert keys(origin) == [] and not origin.store.uploads


@pytest.mark.parametrize("command", ["cp", "mv"])
def test_a_file_that_goes(here, origin, command):
    """Between being found and being opened: its failure alone."""
    for i in range(MANY):
        here.write(f"tree/{i:03}", b"x")
    origin.fault(1, "slow_first_byte", seconds=1.5 * PATIENCE)
    process = here.start("s3", command, "-r", "--concurrency", "1", "tree", "s3://b/")
    end = time.monotonic() + 20 * PATIENCE
    while not origin.requests and time.monotonic() < end:
        time.sleep(0.01)
    time.sleep(0.2 * PATIENCE)
    here.path(f"tree/{MANY - 1}").unlink()
    result = here.finish(process)
    assert result.exit == 1 and f"tree/{MANY - 1}: No such file" in result.error, str(result)
    assert len(keys(origin)) == MANY - 1


# --- full disks


def test_a_download_onto_a_full_disk(here, origin, small_disk):
    small_disk(here.path("small"), "3m")
    for name, size in (("large", 20 * MIB), ("small", 1000)):
        origin.put("b", f"t/{name}", bytes(size))
    result = here.sluice("s3", "cp", "-r", "s3://b/t", "small")
    assert result.exit == 1 and "No space left" in result.error, str(result)
    assert "small/large" in result.error, "it says what could not be written"
    assert os.listdir(here.path("small")) == ["small"]
    with open(here.path("small/x"), "wb") as sink:
        process = subprocess.run(
            [os.environ["SLUICE_BIN"], "s3", "cat", "s3://b/t/large"], cwd=here.root, env=here.environment,
            stdout=sink, stderr=subprocess.PIPE, timeout=60, check=False,
        )  # fmt: skip
    assert process.returncode == 1 and b"standard output: No space left" in process.stderr


# --- Ctrl-C


COMMANDS = {
    "up": ["cp", "-r", "tree", "s3://b/new/"],
    "down": ["cp", "-r", "s3://b/t/", "out"],
    "across": ["cp", "-r", "s3://b/t/", "s3://b/new/"],
    "mv": ["mv", "-r", "tree", "s3://b/new/"],
    "sync": ["sync", "--delete", "tree", "s3://b/new/"],
    "sync-down": ["sync", "--delete", "s3://b/t/", "out"],
    "rm": ["rm", "-r", "s3://b/t/"],
}


@pytest.mark.parametrize("name", COMMANDS)
def test_ctrl_c_with_more_to_do(here, origin, name):
    """All is known already, some of it is under way and stalls: 130, within two seconds."""
    for i in range(MANY):
        here.write(f"tree/{i:03}", b"x")
        origin.put("b", f"t/{i:03}", b"x")
    listed = 1 if name in ("down", "across", "rm", "sync", "sync-down") else 0
    for number in range(listed + 1, 2 * MANY):
        origin.fault(number, "stall_before")
    process = here.start("s3", *COMMANDS[name])
    end = time.monotonic() + 20 * PATIENCE
    while len(origin.requests) <= listed and time.monotonic() < end:
        time.sleep(0.01)
    time.sleep(0.3 * PATIENCE)
    assert process.poll() is None
    started = time.monotonic()
    process.send_signal(signal.SIGINT)
    result = here.finish(process, timeout=20)
    assert result.exit == 130 and "interrupted" in result.error, str(result)
    assert time.monotonic() - started < 3 * PATIENCE
    assert len([key for key in keys(origin) if key.startswith("t/")]) == MANY
    assert not origin.store.uploads and left_over(here.root) == []
