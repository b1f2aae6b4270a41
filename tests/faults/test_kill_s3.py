"""kill -9 at any moment with the table files in S3, the server killed and restarted among them: what was
committed stays, what was not leaves no trace, neither objects nor unfinished uploads."""

import os
import random
import time

import pytest
import servers
from conftest import PATIENCE, SANITIZED, multiset
from lake import Lake

HITS = 24 if not SANITIZED else 6  # runs that were still there to be killed
ROUNDS = 60  # at most
ROWS = 400
LARGE = 2400  # hashes a row, which do not compress well: one file becomes a multipart upload


@pytest.fixture
def own_weed(tmp_path):
    """A server that may be killed: nobody else uses it."""
    server = servers.Weed(tmp_path / "weed").start()
    yield server
    server.stop()


def make_lake(project, weed, hashes):
    project.environment.update(servers.aws_environment(weed.endpoint))
    client = servers.s3_client(weed.endpoint)
    client.create_bucket(Bucket="kills")
    lake = Lake(project, client, "kills", part_size="5MiB")
    project.pipeline(
        "x",
        {
            "resources": {"memory": "1GiB"},
            "extract": {"x": {"from": "s3://kills/in/*.csv", "only_new": True}},
            "transform": {
                "y": {"sql": "select n, i, i % 3 as part from x"},
                "large": {
                    "sql": f"select n, i, string_agg(md5(random()::varchar), '') as v "
                    f"from x, range({hashes}) group by n, i"
                },
            },
            "load": {
                "y": {"into": "t.y", "partition_by": ["part"]},
                "large": {"into": "t.large"},
                "out": {"from": "y", "to": "s3://kills/out/${run.id}.csv"},
            },
        },
    )
    return lake


def add_file(lake, number):
    rows = "".join(f"{number},{i}\n" for i in range(ROWS))
    lake.put(f"in/{number:03}.csv", f"n,i\n{rows}")


def committed(lake):
    """The files whose rows are in the tables, after it was made sure that they are there as a whole."""
    rows = multiset((n, i) for n, i, _ in lake.rows("t.y"))
    numbers = {n for n, _ in rows}
    assert rows == multiset((n, i) for n in numbers for i in range(ROWS))
    large = lake.table("t.large")
    pairs = [] if large is None else zip(large["n"].to_pylist(), large["i"].to_pylist())
    assert multiset(pairs) == rows
    return numbers


def check_exports(lake, numbers):
    """One for each commit, which says what that commit added."""
    found = []
    keys = lake.keys("out/")
    assert {key[4:-4] for key in keys} == set(lake.project.commits())
    for key in keys:
        header, *lines = lake.get(key).decode().splitlines()
        assert header == "n,i,part"
        found += [tuple(map(int, line.split(",")))[:2] for line in lines]
    assert multiset(found) == multiset((n, i) for n in numbers for i in range(ROWS))


def kill_once(lake, weed, delay, server_too):
    process = lake.project.start("run", "x")
    time.sleep(delay)
    if server_too:
        weed.kill()
        time.sleep(0.2)
    alive = process.poll() is None
    process.kill()
    process.communicate()
    if server_too:
        weed.start()
    return alive


@pytest.mark.timeout(1200)
def test_kill_at_random_moments(project, own_weed):
    seed = int(os.environ.get("KILL_SEED", random.randrange(1 << 32)))
    dice = random.Random(seed)
    print(f"KILL_SEED={seed}")  # pytest shows it with a failure
    lake = make_lake(project, own_weed, 100)
    files, killed, before, restarts = set(), 0, 0, 0

    add_file(lake, 0)
    files.add(0)
    began = time.monotonic()
    project.run("x", timeout=120)
    typical = time.monotonic() - began
    for number in range(1, ROUNDS):
        if killed >= HITS:
            break
        known = committed(lake)
        add_file(lake, number)
        files.add(number)
        server_too = number % 8 == 3  # among the first, so that a short run has one, too
        restarts += server_too
        alive = kill_once(lake, own_weed, dice.uniform(0, 1.1 * typical), server_too)
        killed += alive
        typical *= 1.02 if alive else 0.9
        now = committed(lake)
        assert known <= now <= files
        before += now != files
        if number % 3 == 0:
            began = time.monotonic()
            project.run("x", timeout=120)
            typical = min(typical, time.monotonic() - began)
            assert committed(lake) == files
            check_exports(lake, files)
            lake.check_consistent()
    project.run("x", timeout=120)
    assert committed(lake) == files
    check_exports(lake, files)
    lake.check_consistent()
    print(f"{killed} killed, {before} before the commit, {restarts} restarts")
    assert killed >= HITS and restarts > 0
    assert before >= HITS / 10


@pytest.mark.timeout(300)
def test_kill_in_the_middle_of_an_upload(project, own_weed):
    lake = make_lake(project, own_weed, LARGE)
    files, left = set(), 0
    for number in range(20):
        add_file(lake, number)
        files.add(number)
        process = project.start("run", "x")
        while process.poll() is None and not lake.uploads():
            pass
        process.kill()
        process.communicate()
        left = len(lake.uploads())
        if left:
            break
    assert left > 0
    project.run("x", timeout=120)
    assert committed(lake) == files
    check_exports(lake, files)
    lake.check_consistent()


@pytest.mark.timeout(300)
def test_the_server_goes_away_and_comes_back_during_a_run(project, own_weed):
    """A run that outlives the server either waits for it or ends with one clear error."""
    lake = make_lake(project, own_weed, LARGE)
    files = set()
    for number, pause in enumerate((0.2, 0.5)):
        add_file(lake, number)
        files.add(number)
        process = project.start("run", "x")
        time.sleep(pause)
        own_weed.kill()
        own_weed.start()
        result = project.finish(process, timeout=120 * PATIENCE)
        assert result.exit in (0, 1), str(result)
        if result.exit == 1:
            assert len(result.errors) == 1
            project.run("x", timeout=120)
        assert committed(lake) == files
        check_exports(lake, files)
        lake.check_consistent()
