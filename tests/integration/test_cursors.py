"""Cursors over a column: what is beyond the last run is read, and `sluice cursors`."""

import json

import pytest

PIPELINE = """
extract:
  a:
    from: data/a*.csv
    cursor: {%s}
    columns: {x: bigint, at: %s}
transform:
  b: {sql: "select * from a where x > 0"}
load:
  b: {into: n.t%s}
"""


def make(project, cursor="column: at", kind="timestamp", load=""):
    project.write("pipelines/p.yaml", PIPELINE % (cursor, kind, load))


def put(project, name, *rows):
    project.write(f"data/{name}.csv", "x,at\n" + "".join(f"{x},{at}\n" for x, at in rows))


def run(project, expect=0, *flags):
    result = project.sluice("run", "p", *flags)
    assert result.exit == expect, str(result)
    return result


def stored(project):
    result = project.sluice("catalog", "read", "n.t", "--sql", "select x from t order by x", "--format", "csv")
    assert result.exit == 0, str(result)
    return [int(line) for line in result.stdout.splitlines()[1:]]


def cursors(project):
    result = project.sluice("cursors", "show", "p", "--json")
    assert result.exit == 0, str(result)
    return json.loads(result.stdout)


def test_rows_beyond_the_last_run(project):
    make(project)
    put(project, "a1", (1, "2024-01-01 00:00:00"), (2, "2024-01-02 00:00:00"))
    run(project)
    assert stored(project) == [1, 2]
    put(project, "a2", (3, "2024-01-02 00:00:00"), (4, "2024-01-02 00:00:00.000001"), (5, "2025-01-01"))
    run(project)
    assert stored(project) == [1, 2, 4, 5]
    assert cursors(project)[0]["value"] == "2025-01-01 00:00:00"


def test_nothing_changed_reads_nothing(project):
    make(project)
    put(project, "a1", (1, "2024-01-01"))
    run(project)
    said = run(project)
    assert "nothing new" in said.stderr
    assert "object.fetched" not in said.stderr
    plan = json.loads(project.sluice("plan", "p", "--json").stdout)
    assert plan["nothing_new"] is True


def test_the_plan_says_so(project):
    make(project)
    put(project, "a1", (1, "2024-01-01"))
    assert "; rows by at\n" in project.sluice("plan", "p").stdout
    run(project)
    put(project, "a2", (2, "2024-01-02"))
    assert "; rows beyond at 2024-01-01 00:00:00\n" in project.sluice("plan", "p").stdout


def test_it_moves_although_every_row_is_filtered_out(project):
    make(project)
    put(project, "a1", (1, "2024-01-01"))
    run(project)
    put(project, "a2", (-1, "2024-06-01"))
    run(project)
    assert cursors(project)[0]["value"] == "2024-06-01 00:00:00"
    put(project, "a3", (7, "2024-05-01"), (8, "2024-06-02"))
    run(project)
    assert stored(project) == [1, 8]


def test_a_failed_run_moves_nothing(project):
    make(project)
    put(project, "a1", (1, "2024-01-01"))
    run(project)
    before = cursors(project)
    put(project, "a2", ("x", "2024-02-01"))
    run(project, 1)
    assert cursors(project) == before
    put(project, "a2", (2, "2024-02-01"))
    run(project)
    assert stored(project) == [1, 2]


def test_objects_that_go_do_not_move_it_back(project):
    make(project)
    put(project, "a1", (1, "2024-03-01"))
    put(project, "a2", (2, "2024-01-01"))
    run(project)
    project.path("data/a1.csv").unlink()
    put(project, "a2", (2, "2024-01-01"), (3, "2024-02-01"))
    run(project)
    assert stored(project) == [1, 2]
    assert cursors(project)[0]["value"] == "2024-03-01 00:00:00"


@pytest.mark.parametrize(
    "kind,start,values",
    [
        ("bigint", "10", ["9", "10", "11"]),
        ("date", "2024-01-10", ["2024-01-09", "2024-01-10", "2024-01-11"]),
        ("varchar", "m", ["a", "m", "n'x"]),
        ('"decimal(10,2)"', "1.50", ["1.49", "1.50", "1.51"]),
        ("timestamptz", "2024-01-01T00:00:00+02:00", ["2023-12-31T21:59:59Z", "2023-12-31T22:00:00Z", "2024-01-01"]),
    ],
)
def test_start_and_types(project, kind, start, values):
    make(project, f'column: at, start: "{start}"', kind)
    put(project, "a1", *((i + 1, value) for i, value in enumerate(values)))
    run(project)
    assert stored(project) == [2, 3]
    put(project, "a2", (4, values[2]))
    run(project)
    assert stored(project) == [2, 3]


def test_lag_reads_again_what_may_still_come(project):
    make(project, "column: at, lag: 1d", load=", mode: upsert, key: [x]")
    put(project, "a1", (1, "2024-01-10"))
    run(project)
    put(project, "a2", (2, "2024-01-09"), (3, "2024-01-08 23:59:59"), (4, "2024-01-11"))
    run(project)
    assert stored(project) == [1, 2, 4]


def test_what_is_refused(project):
    def refused(*said, cursor="column: at", kind="timestamp", load="", code=2, rows=((1, "2024-01-01"),)):
        make(project, cursor, kind, load)
        put(project, "a1", *rows)
        result = run(project, code)
        for text in said:
            assert text in result.stderr, str(result)

    refused("append would add the rows within the lag", cursor="column: at, lag: 1h")
    refused("overwrite would replace what is there by the new rows", load=", mode: overwrite")
    refused("lag is a time, but column \"at\" is BIGINT", cursor="column: at, lag: 1h", kind="bigint",
            load=", mode: upsert, key: [x]", rows=((1, 5),))  # fmt: skip
    refused('there is no column "ad" in the objects; did you mean "at"?', cursor="column: ad", code=1)
    refused('column "at" is null in 1 rows', code=1, rows=((1, "2024-01-01"), (2, "")))
    refused("nothing could ever come after it", code=1, kind="double", rows=((1, "inf"),))
    refused("nothing could ever come after it", code=1, rows=((1, "infinity"),))


def test_another_column_has_another_cursor(project):
    make(project)
    put(project, "a1", (1, "2024-01-01"))
    run(project)
    make(project, "column: x")
    assert '"x" says nothing about those' in run(project, 2).stderr
    assert project.sluice("cursors", "reset", "p", "--yes").exit == 0
    run(project)
    assert stored(project) == [1, 1]


def test_set_goes_on_from_there(project):
    make(project)
    put(project, "a1", (1, "2024-01-01"), (2, "2024-01-02"), (3, "2024-01-03"))
    assert project.sluice("cursors", "set", "p", "a", "2024-01-01").exit == 0
    run(project)
    assert stored(project) == [2, 3]
    assert project.sluice("cursors", "set", "p", "a", "2024-01-02 12:00:00").exit == 0
    run(project)
    assert stored(project) == [2, 3, 3]
    wrong = project.sluice("cursors", "set", "p", "b", "1")
    assert wrong.exit == 1 and 'no extract "b"' in wrong.stderr
    assert project.sluice("cursors", "set", "p", "a", "soon").exit == 0
    assert run(project, 1).stderr.count('"soon"') >= 1


def test_reset_asks(project):
    project.write(
        "pipelines/p.yaml",
        "extract:\n  a: {from: data/a*.csv, only_new: true}\nload:\n  a: {into: n.t}\n",
    )
    put(project, "a1", (1, "2024-01-01"))
    run(project)
    assert cursors(project) == [{"load": "a", "extract": "a", "objects": 1, "run_id": cursors(project)[0]["run_id"]}]
    refused = project.sluice("cursors", "reset", "p")
    assert refused.exit == 2 and "--yes" in refused.stderr
    assert "nothing new" in run(project).stderr
    value = project.sluice("cursors", "set", "p", "a", "1")
    assert value.exit == 2 and "goes by the objects that were read" in value.stderr
    assert project.sluice("cursors", "reset", "p", "--load", "other", "--yes").exit == 0
    assert "nothing new" in run(project).stderr
    assert project.sluice("cursors", "reset", "p", "--yes").exit == 0
    assert cursors(project) == []
    run(project)
    assert stored(project) == [1, 1]


def test_two_loads_keep_their_own(project):
    make(project)
    put(project, "a1", (1, "2024-01-01"))
    run(project)
    text = project.path("pipelines/p.yaml").read_text() + "  c: {from: b, into: n.u}\n"
    project.write("pipelines/p.yaml", text)
    put(project, "a2", (2, "2024-01-02"))
    for _ in range(3):
        run(project)
    assert stored(project) == [1, 2]
    late = project.sluice("catalog", "read", "n.u", "--sql", "select x from u order by x", "--format", "csv")
    assert late.stdout.split() == ["x", "1", "2"]
    assert {c["load"]: c["value"] for c in cursors(project)} == dict.fromkeys("bc", "2024-01-02 00:00:00")


ONLY_NEW = """
extract:
  a: {from: data/a*.csv, only_new: %s}
load:
  a: {into: n.t}
"""


def test_a_changed_object(project):
    project.write("pipelines/p.yaml", ONLY_NEW % "{on_changed: fail}")
    put(project, "a1", (1, "2024-01-01"))
    put(project, "a2", (2, "2024-01-01"))
    run(project)
    put(project, "a1", (3, "2024-01-01"), (4, "2024-01-01"))
    said = run(project, 1).stderr
    assert '"data/a1.csv" was read before as version' in said and "on_changed" in said
    assert stored(project) == [1, 2]
    project.write("pipelines/p.yaml", ONLY_NEW % "true")  # each version once
    run(project)
    assert stored(project) == [1, 2, 3, 4]
