"""Resume with objects and tables in S3: what was fetched is not fetched again, what was uploaded is
not uploaded again, counted by the requests that reach the server."""

import time

import counting
import pytest
import servers
from lake import Lake

RUN = "01890000-0000-7000-8000-000000000001"
ROWS = 2000
ENDLESS = (
    "select *, (select sum(hash(a.i * b.i))::double from range(1000000) a(i), range(10000000) b(i)) as s from y"
)


@pytest.fixture
def proxy(weed):
    proxy = counting.Counting(weed.port)
    yield proxy
    proxy.close()


@pytest.fixture
def lake(project, proxy, s3, bucket):
    project.environment.update(servers.aws_environment(proxy.endpoint))
    lake = Lake(project, s3, bucket)
    for number, name in enumerate("abc"):
        put(lake, name, number * ROWS)
    return lake


def put(lake, name, start):
    lake.put(f"in/{name}.csv", "n\n" + "".join(f"{i}\n" for i in range(start, start + ROWS)))


def make_pipeline(lake, endless=False):
    lake.project.pipeline(
        "x",
        {
            "extract": {"x": {"from": f"s3://{lake.bucket}/in/*.csv", "only_new": True}},
            "transform": {
                "y": {"sql": "select n, n % 2 as part from x"},
                "z": {"sql": ENDLESS if endless else "select *, 0::double as s from y"},
            },
            "load": {
                "y": {"into": "t.y", "partition_by": ["part"], "sort_by": ["n"]},
                "z": {"into": "t.z", "after": ["load.y"]},
            },
        },
    )


def crash(lake):
    """Killed once the first load is in the store."""
    make_pipeline(lake, endless=True)
    process = lake.project.start("run", "x", "--run-id", RUN, bufsize=0)
    line = b" "
    while line and not (b'"event":"task.finished","msg":"done, 6000 rows"' in line and b'"load.y"' in line):
        line = process.stderr.readline()
    assert line, "it ended before"
    time.sleep(0.3)  # what it notes, it notes soon
    process.kill()
    process.communicate()
    make_pipeline(lake)


def check(lake, numbers):
    for table in ("t.y", "t.z"):
        assert sorted(row[0] for row in lake.rows(table)) == sorted(numbers)
    lake.check_consistent()


def fetched(lake, proxy):
    return sorted(proxy.keys("GET", f"/{lake.bucket}/in/"))


def uploaded(lake, proxy, table):
    return proxy.keys("PUT", f"/{lake.bucket}/warehouse/t/{table}/")


def test_nothing_is_moved_twice(lake, proxy):
    crash(lake)
    assert fetched(lake, proxy) == ["a.csv", "b.csv", "c.csv"]
    assert len(uploaded(lake, proxy, "y")) == 2
    before = set(lake.keys("warehouse/"))
    proxy.clear()
    result = lake.project.run("x", "--run-id", RUN)
    assert fetched(lake, proxy) == []
    assert uploaded(lake, proxy, "y") == [] and len(uploaded(lake, proxy, "z")) == 1
    assert len([line for line in result.named("file.uploaded") if line.get("resumed")]) == 2
    assert before < set(lake.keys("warehouse/"))
    check(lake, range(3 * ROWS))


def test_what_changed_is_fetched_anew(lake, proxy):
    crash(lake)
    put(lake, "b", 10 * ROWS)  # another ETag, of the same length or not
    before = lake.keys("warehouse/")
    proxy.clear()
    lake.project.run("x", "--run-id", RUN)
    assert fetched(lake, proxy) == ["b.csv"]
    assert len(uploaded(lake, proxy, "y")) == 2  # of other rows: what was there is no use
    assert not set(before) & set(lake.keys("warehouse/"))
    check(lake, [*range(ROWS), *range(2 * ROWS, 3 * ROWS), *range(10 * ROWS, 11 * ROWS)])


def test_what_is_gone_is_uploaded_again(lake, proxy):
    crash(lake)
    key = lake.keys("warehouse/t/y/")[0]
    lake.client.delete_object(Bucket=lake.bucket, Key=key)
    proxy.clear()
    lake.project.run("x", "--run-id", RUN)
    assert fetched(lake, proxy) == []
    assert len(uploaded(lake, proxy, "y")) == 1
    check(lake, range(3 * ROWS))


def test_another_run_trusts_nothing(lake, proxy):
    crash(lake)
    proxy.clear()
    lake.project.run("x")
    assert fetched(lake, proxy) == ["a.csv", "b.csv", "c.csv"]
    assert len(uploaded(lake, proxy, "y")) == 2
    check(lake, range(3 * ROWS))


def test_an_increment_of_nothing_asks_for_the_list_alone(lake, proxy):
    make_pipeline(lake)
    lake.project.run("x")
    proxy.clear()
    assert lake.project.run("x").named("run.nothing_new")
    assert [(method, "list-type=2" in query) for method, _, query in proxy.requests] == [("GET", True)]
