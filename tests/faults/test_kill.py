"""kill -9 at any moment: what was committed stays, what was not leaves no trace, and the next run
gives exactly the right rows. Ctrl-C and SIGTERM end a run in order."""

import fcntl
import os
import pathlib
import random
import shutil
import signal
import tempfile
import time

import pytest
from conftest import PATIENCE, SANITIZED, Project, multiset

HITS = 50 if not SANITIZED else 12  # runs that were still there to be killed
KILLS = 5  # a project
PROJECTS = 25  # at most
ROWS = 600
# Ends never, and is still interrupted at once.
ENDLESS = "select sum(hash(a.i * b.i))::varchar as v from range(1000000) a(i), range(10000000) b(i)"


def add_file(project, number):
    rows = [(number, i, i % 3 + 1) for i in range(ROWS)]
    project.write(
        f"in/{number:03}.csv",
        "n,i,month,day\n" + "".join(f"{n},{i},{m},2001-{m:02}-01\n" for n, i, m in rows),
    )


def make_project(root):
    project = Project(root)
    project.pipeline(
        "x",
        {
            "extract": {"x": {"from": "in/*.csv", "only_new": True, "columns": {"day": "date"}}},
            "transform": {
                "y": {"sql": "select * from x order by i", "checks": [{"not_null": ["n"]}]},
                "sums": {"sql": "select n, count(*) as rows, sum(i)::bigint as sum from y group by n order by n"},
            },
            "load": {
                "y": {"into": "t.y", "partition_by": ["month(day)"], "sort_by": ["i"]},
                "sums": {"into": "t.sums"},
                "files": {"from": "sums", "to": "out/${run.id}.csv"},
            },
        },
    )
    return project


def committed(project):
    """The files whose rows are in the table, after it was made sure that they are there as a whole."""
    rows = multiset((n, i) for n, i, _, _ in project.rows("t.y"))
    numbers = {n for n, _ in rows}
    assert rows == multiset((n, i) for n in numbers for i in range(ROWS))
    sums = multiset(project.rows("t.sums"))
    assert sums == multiset((n, ROWS, ROWS * (ROWS - 1) // 2) for n in numbers)
    return numbers


def check_exports(project, all_published):
    """Whole or absent: each file is of a commit, and says what that commit added."""
    found = {}
    if project.path("out").exists():
        found = {path.name: path.read_text() for path in project.path("out").iterdir()}
    runs = project.commits()
    assert set(found) <= {f"{run}.csv" for run in runs}
    if all_published:
        assert len(found) == len(runs)
    numbers = []
    for text in found.values():
        header, *lines = text.splitlines()
        assert header == "n,rows,sum" and text.endswith("\n")
        for line in lines:
            n, count, total = map(int, line.split(","))
            assert (count, total) == (ROWS, ROWS * (ROWS - 1) // 2)
            numbers.append(n)
    assert len(numbers) == len(set(numbers))
    return set(numbers)


def check_after_kill(project, before, files):
    """Nothing half: the catalog is sound, and the new file is in it as a whole or not at all."""
    for database in (".sluice/catalog.db", ".sluice/state.db"):
        assert project.query("PRAGMA integrity_check", database=database) in (
            [],
            [{"integrity_check": "ok"}],
        )
    now = committed(project)
    assert before <= now <= files, (before, now, files)
    assert check_exports(project, False) <= now
    return now


def kill_once(project, delay):
    """True when the run was still there to be killed."""
    process = project.start("run", "x")
    time.sleep(delay)
    alive = process.poll() is None
    process.kill()
    process.communicate()
    return alive


def typical_seconds(root):
    project = make_project(root)
    durations = []
    for number in range(3):
        add_file(project, number)
        began = time.monotonic()
        project.run("x")
        durations.append(time.monotonic() - began)
    return sorted(durations)[1]


@pytest.mark.timeout(900)
def test_kill_at_random_moments(tmp_path):
    seed = int(os.environ.get("KILL_SEED", random.randrange(1 << 32)))
    dice = random.Random(seed)
    print(f"KILL_SEED={seed}")  # pytest shows it with a failure
    typical = typical_seconds(tmp_path / "measured")
    killed = early = 0

    for index in range(PROJECTS):
        if killed >= HITS:
            break
        project = make_project(tmp_path / f"p{index}")
        files, before = set(), set()
        for number in range(KILLS):
            add_file(project, number)
            files.add(number)
            # A second blow, now and then, hits the run that cleans up after the first.
            for _ in range(dice.choice([1, 1, 2])):
                alive = kill_once(project, dice.uniform(0, typical))
                killed += alive
                # The machine is not always as busy as when it was measured.
                typical *= 1.02 if alive else 0.9
                before = check_after_kill(project, before, files)
            early += before != files
            if dice.random() < 0.5 or number == KILLS - 1:
                project.run("x")
                assert committed(project) == files
                assert check_exports(project, True) == files
                project.check_consistent()
                before = set(files)
    # The moments were spread over the run: some were before its commit, some after.
    print(f"{killed} killed, {early} of them before the commit, of {typical:.3f} s each")
    assert killed >= HITS
    assert early >= HITS / 10


def start_endless(project, event="task.started", sql=ENDLESS):
    """A run that is under way: its process, once the log has the event."""
    project.pipeline(
        "x",
        {
            "transform": {"x": {"sql": sql}},
            "load": {"x": {"into": "t.x", "mode": "overwrite"}, "out": {"from": "x", "to": "out/x.csv"}},
        },
    )
    process = project.start("run", "x", bufsize=0)
    log = b""
    while f'"event":"{event}"'.encode() not in log:
        line = process.stderr.readline()
        assert line, log.decode()
        log += line
    return process


@pytest.mark.parametrize("number,code", [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
@pytest.mark.parametrize("event,wait", [("run.started", 0), ("task.started", 0), ("task.started", 0.3)])
def test_signal_ends_a_run_in_order(project, number, code, event, wait):
    process = start_endless(project, event)
    time.sleep(wait)
    began = time.monotonic()
    process.send_signal(number)
    result = project.finish(process)

    assert time.monotonic() - began < 2 * PATIENCE
    assert result.exit == code, str(result)
    assert "cancelled; nothing was committed" in result.stderr
    assert project.commits() == [] and not project.path("out").exists()
    project.check_consistent()
    (run,) = project.sluice("runs", "x", "--json").json
    assert run["outcome"] == "cancelled"
    # The lease was given back: another one may run.
    project.pipeline(
        "x", {"transform": {"x": {"sql": "select 1 as i"}}, "load": {"x": {"into": "t.x", "mode": "overwrite"}}}
    )
    project.run("x")
    assert project.rows("t.x") == [(1,)]


def test_second_signal_ends_it_at_once(project):
    process = start_endless(project)
    process.send_signal(signal.SIGSTOP)  # both are there when it goes on
    process.send_signal(signal.SIGINT)
    process.send_signal(signal.SIGTERM)
    began = time.monotonic()
    process.send_signal(signal.SIGCONT)
    result = project.finish(process)
    assert time.monotonic() - began < 1 * PATIENCE
    assert result.exit in (130, 143)
    assert project.commits() == []


def test_timeout_of_a_run(project):
    project.pipeline(
        "x",
        {
            "resources": {"timeout": "300ms"},
            "transform": {"x": {"sql": ENDLESS}},
            "load": {"x": {"into": "t.x", "mode": "overwrite"}},
        },
    )
    began = time.monotonic()
    line = project.fails("x")
    assert time.monotonic() - began < 3 * PATIENCE
    assert "x took longer than resources.timeout (300ms); nothing was committed" in line
    project.check_consistent()


def test_timeout_of_a_task_is_retried(project):
    project.pipeline(
        "x",
        {
            "transform": {
                "x": {"sql": ENDLESS, "timeout": "200ms", "retry": {"attempts": 2, "backoff": "10ms"}}
            },
            "load": {"x": {"into": "t.x", "mode": "overwrite"}},
        },
    )
    result = project.run("x", expect=1)
    assert "transform.x.timeout: took longer than its time-out of 200ms" in result.error
    assert len(result.named("task.retry")) == 1
    project.check_consistent()


# --- what previews, queries and cross-device puts leave


def wait_for(process, condition, what):
    """Until it holds, while the process runs."""
    end = time.monotonic() + 20 * PATIENCE
    while not condition():
        assert process.poll() is None, f"{process.args} ended before {what}"
        assert time.monotonic() < end, f"{what}: not within 20 s"
        time.sleep(0.001)


QUERIES = [
    ["preview", "endless", "x"],
    ["sql", "select * from t.x, range(10000000) a, range(10000000) b order by hash(a.range + b.range)"],
    ["catalog", "read", "t.x", "--sql", "select i, max(a.range) from x, range(1000000000000) a group by i"],
]


def start_query(project, args):
    """The query, once it has made its folder, and that folder's name."""
    spool = project.path(".sluice/spool")
    before = set(os.listdir(spool))
    process = project.start(*args)
    wait_for(process, lambda: set(os.listdir(spool)) - before, "it made its folder")
    (name,) = set(os.listdir(spool)) - before
    return process, name


@pytest.mark.parametrize("last", ["run", "preview", "sql"])
@pytest.mark.parametrize("args", QUERIES, ids=lambda args: args[0])
def test_killed_query_leaves_nothing(project, args, last):
    """The next command removes what it left, and nothing of one that still runs."""
    project.write("in.csv", "i\n1\n")
    project.copy_pipeline("x", **{"from": "in.csv"})
    project.pipeline(
        "endless",
        {"transform": {"x": {"sql": ENDLESS}}, "load": {"x": {"into": "t.y", "mode": "overwrite"}}},
    )
    project.run("x")
    assert project.spooled() == []
    live, kept = start_query(project, args)
    killed, dead = start_query(project, args)
    killed.kill()
    killed.communicate()
    assert set(os.listdir(project.path(".sluice/spool"))) == {kept, dead}

    commands = {"run": ["run", "x"], "preview": ["preview", "x", "x"], "sql": ["sql", "select 1 as i"]}
    assert project.sluice(*commands[last]).exit == 0
    assert os.listdir(project.path(".sluice/spool")) == [kept]
    live.send_signal(signal.SIGINT)
    result = project.finish(live)
    assert result.exit == 130, str(result)
    assert project.spooled() == []


SHARED_MEMORY = pathlib.Path("/dev/shm")  # another file system than that of tests


@pytest.fixture
def elsewhere(tmp_path):
    if not SHARED_MEMORY.is_dir() or SHARED_MEMORY.stat().st_dev == tmp_path.stat().st_dev:
        pytest.skip("no second file system")
    folder = pathlib.Path(tempfile.mkdtemp(dir=SHARED_MEMORY))
    yield folder
    shutil.rmtree(folder)


def kill_while_it_puts(project, folder, name):
    """Kills a run as soon as a file in the folder is being written; its temporary files."""

    def temporaries():
        return [path for path in folder.rglob(".sluice-*.tmp")]

    for _ in range(50):
        process = project.start("run", name)
        while process.poll() is None and not temporaries():
            pass
        process.kill()
        _, stderr = process.communicate()
        left = temporaries()
        if left:
            return left
        assert process.returncode in (0, -signal.SIGKILL), stderr.decode()
        project.write("in.csv", project.path("in.csv").read_text() + "0\n")
    pytest.fail("no run was killed while it put a file")


@pytest.mark.parametrize("load", ["into", "to"])
def test_killed_put_to_another_file_system_leaves_nothing(project, elsewhere, load):
    """The store, or an export, is on another device: a put is a copy under a temporary name."""
    target = {"into": "t.x"} if load == "into" else {"to": f"{elsewhere}/out/${{run.id}}.csv"}
    if load == "into":
        project.path(".sluice").mkdir()
        project.path(".sluice/store").symlink_to(elsewhere)
    project.write("in.csv", "i\n1\n")
    project.pipeline(
        "x",
        {
            "extract": {"numbers": {"from": "in.csv", "only_new": True}},
            "transform": {"x": {"sql": "select a.range as a, hash(a.range) as b from numbers, range(1500000) a where i = 1"}},
            "load": {"x": target},
        },
    )
    dead = kill_while_it_puts(project, elsewhere, "x")
    live = dead[0].with_name(".sluice-00000000deadbeef.tmp")
    with open(live, "w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)  # as a process does that is writing it
        result = project.run("x")
        assert len(result.named("run.recovered")) == 1
        assert [path for path in elsewhere.rglob(".sluice-*")] == [live]
    live.unlink()
    if load == "into":
        project.check_consistent()
