"""Rows of a load that do not fit the columns of its table: put aside where the extracts that drive it
say so of their own bad rows."""

import json
import os
import signal

import pytest


def extract(**more):
    return {
        "from": "in/*.csv",
        "only_new": True,
        "on_bad_row": "quarantine",
        "csv": {"delimiter": ","},
        **more,
    }


def make(project, load=None, sql=None, **more):
    """A table t.rows (id BIGINT, n BIGINT, day DATE) and a pipeline whose next rows may not fit it."""
    load = {"into": "t.rows", **(load or {})}
    content = {"extract": {"rows": extract(**more)}, "load": {"rows": load}}
    if sql:
        content["transform"] = {"clean": {"sql": sql}}
        content["load"] = {"clean": load}
    project.pipeline("birds", content)
    project.write("in/0.csv", "id,n,day\n1,1,2020-01-01\n")
    project.run("birds")
    return content


def aside(project, table="birds_rows", columns="column_name, reason, row_json"):
    result = project.sluice("sql", f"select {columns} from quarantine.{table} order by id", "--json")
    assert result.exit == 0, str(result)
    return [tuple(row.values()) for row in result.json["rows"]]


def days(project, table="t.rows"):
    return sorted((a, b, str(c)) for a, b, c in project.rows(table))


BAD = "id,n,day\n2,2,2020-01-02\n3,x\x01y,2020-01-03\n4,4,soon\n5,,2020-01-05\n"


@pytest.mark.parametrize("mode", ["append", "upsert", "overwrite_partitions"])
def test_rows_that_do_not_fit(project, mode):
    load = {"mode": mode}
    if mode == "upsert":
        load["key"] = ["id"]
    if mode == "overwrite_partitions":
        load["partition_by"] = ["n"]
    content = make(
        project, load, **({"only_new": False, "from": "in/[0-9].csv"} if "over" in mode else {})
    )
    if mode == "overwrite_partitions":
        project.path("in/0.csv").unlink()
    project.write("in/1.csv", BAD)
    result = project.run("birds")
    assert aside(project)[:2] == [
        ("n", '"x?y" does not fit BIGINT', json.dumps({"id": 3, "n": "x\x01y", "day": "2020-01-03"}, separators=(",", ":"))),
        ("day", '"soon" does not fit DATE', '{"id":4,"n":"4","day":"soon"}'),
    ]
    assert days(project) == [(1, 1, "2020-01-01"), (2, 2, "2020-01-02"), (5, None, "2020-01-05")]
    events = [e for e in result.named("rows.quarantined") if e["task"] == "load.rows"]
    assert [(e["column"], e["rejected"], e["table"]) for e in events] == [
        ("n", 1, "birds_rows"),
        ("day", 1, "birds_rows"),
    ]
    assert result.named("run.finished")[0]["quarantined"] == 2
    (task,) = [t for t in result_record(project, result)["tasks"] if t["task"] == "load.rows"]
    assert (task["rows"], task["quarantined"], task["quarantine"]) == (2, 2, "quarantine.birds_rows")
    assert content["load"]["rows"]["into"] == "t.rows"


def result_record(project, result):
    run_id = result.named("run.started")[0]["run_id"]
    return project.sluice("runs", "show", run_id, "--json").json


def test_through_sql(project):
    make(project, sql="select id, n, day from rows")
    project.write("in/1.csv", BAD)
    project.run("birds")
    assert [row[0] for row in aside(project, "birds_clean")] == ["n", "day"]
    assert len(days(project)) == 3
    (task,) = [t for t in project.sluice("plan", "birds", "--json").json["tasks"] if t["kind"] == "load"]
    assert task["quarantine"] == "quarantine.birds_clean"


def test_a_value_that_a_cast_would_bend(project):
    make(project)
    project.write("in/1.csv", "id,n,day\n2,2.5,2020-01-02\n3,3.0,2020-01-02\n")
    project.run("birds")
    assert aside(project) == [
        ("n", '"2.5" does not fit BIGINT', '{"id":2,"n":2.5,"day":"2020-01-02"}')
    ]
    assert days(project) == [(1, 1, "2020-01-01"), (3, 3, "2020-01-02")]


def test_a_required_value_is_null(project):
    make(project, {"required": ["n"]})
    project.write("in/1.csv", "id,n,day\n2,,2020-01-02\n3,3,2020-01-02\n")
    project.run("birds")
    assert aside(project) == [
        ("n", "the value is null, and the table requires one", '{"id":2,"n":null,"day":"2020-01-02"}')
    ]
    assert [row[0] for row in days(project)] == [1, 3]


def test_masked_values(project):
    make(project, mask=["N"])
    project.write("in/1.csv", "id,n,day\n2,secret77,2020-01-02\n")
    result = project.run("birds")
    ((column, reason, row),) = aside(project)
    assert (column, reason) == ("n", "the value does not fit BIGINT")
    assert json.loads(row)["n"].startswith("sha256:")
    assert "secret77" not in result.stderr


@pytest.mark.parametrize("limits,code", [({"max_bad_rows": 2}, 3), ({"max_bad_rows": 3}, 0),
                                         ({"max_bad_share": "60%"}, 0), ({"max_bad_share": "59%"}, 3)])
def test_they_count_as_bad_rows(project, limits, code):
    """Two that do not fit the table, and one that broke the contract."""
    make(project, columns={"id": "bigint"}, **limits)
    project.write("in/1.csv", BAD + "six,6,2020-01-06\n")
    result = project.sluice("run", "birds")
    assert result.exit == code, result
    if code:
        assert f"extract.rows.{list(limits)[0]}: 3 " in result.error
        assert len(days(project)) == 1 and "there is no table" in str(project.sluice(
            "sql", "select * from quarantine.birds_rows"))
    else:
        assert len(aside(project)) == 3


def test_who_says_so(project):
    """Of several extracts all; discard_rows is said by the load itself."""
    project.write("b/0.csv", "id,n,day\n7,7,2020-01-07\n")
    make(project)
    content = {
        "extract": {"rows": extract(), "more": extract(**{"from": "b/*.csv", "on_bad_row": "fail"})},
        "transform": {"both": {"sql": "select * from rows union all by name select * from more"}},
        "load": {"both": {"into": "t.rows"}},
    }
    project.pipeline("birds", content)
    project.write("in/1.csv", BAD)
    assert 'column "n" is VARCHAR and must be BIGINT' in project.fails("birds")
    content["extract"]["more"]["on_bad_row"] = "quarantine"
    project.pipeline("birds", content)
    project.run("birds")
    assert [row[0] for row in aside(project, "birds_both")] == ["n", "day"]
    make(project, {"schema": "discard_rows"})
    project.write("in/2.csv", BAD)
    result = project.run("birds")
    assert result.named("run.finished")[0]["quarantined"] == 0


def test_with_checks(project):
    """A row that does not fit is put aside for that, whatever the checks say."""
    checks = [{"not_null": ["n"], "severity": "quarantine"}]
    make(project, {"checks": checks})
    project.write("in/1.csv", BAD)
    project.run("birds")
    assert [row[:2] for row in aside(project, columns="column_name, check_name")] == [
        ("n", None),
        ("day", None),
        (None, "not_null(n)"),
    ]


def test_planned_again(project):
    """Another table by the time of the commit: what fits now is in the table, and not put aside too."""
    make(project, {"required": ["n"]})
    project.pipeline("birds", {"extract": {"rows": extract()}, "load": {"rows": {"into": "t.rows"}}})
    project.write("in/1.csv", "id,n,day,new\n2,,2020-01-02,a\n3,3,2020-01-02,b\n")
    process = project.start("run", "birds", bufsize=0)
    while b'"event":"task.started"' not in (line := process.stderr.readline()):
        assert line
    os.kill(process.pid, signal.SIGSTOP)
    try:
        assert project.sluice("catalog", "alter", "t.rows", "--nullable", "n").exit == 0
    finally:
        os.kill(process.pid, signal.SIGCONT)
    result = project.finish(process)
    assert result.exit == 0 and result.named("commit.conflict") and result.named("rows.quarantined"), result
    rows = project.sluice("sql", "select id, n from t.rows order by id", "--json").json["rows"]
    assert [(row["id"], row["n"]) for row in rows] == [(1, 1), (2, None), (3, 3)]
    assert result.named("run.finished")[0]["quarantined"] == 0
    assert "there is no table" in str(project.sluice("sql", "select * from quarantine.birds_rows"))


def retried(project, *args):
    return project.sluice("quarantine", "retry", "birds", "rows", *args)


def texts(project, table):
    result = project.sluice("sql", f"select id, n from {table} order by id", "--json")
    assert result.exit == 0, str(result)
    return [(row["id"], row["n"]) for row in result.json["rows"]]


def test_retry_goes_to_the_load_that_put_the_row_aside(project):
    """The others have it already."""
    one = {"from": "rows", "into": "t.one", "required": ["n"]}
    content = {"extract": {"rows": extract(columns={"id": "bigint", "n": "bigint"})},
               "load": {"one": one, "two": {"from": "rows", "into": "t.two"}}}
    project.pipeline("birds", content)
    project.write("in/0.csv", "id,n\n1,1\n2,\nthree,3\n")
    project.run("birds")
    assert (texts(project, "t.one"), texts(project, "t.two")) == ([(1, 1)], [(1, 1), (2, None)])
    content["load"]["one"] = {"from": "rows", "into": "t.more"}
    project.pipeline("birds", content)
    result = retried(project)
    assert result.exit == 2 and "--task load.one and --task extract.rows" in result.error, result
    result = retried(project, "--task", "load.one")
    assert result.exit == 0, result
    assert (texts(project, "t.more"), texts(project, "t.two")) == ([(2, None)], [(1, 1), (2, None)])
    repaired = project.write("repaired.csv", "id,n\n3,3\n")
    result = retried(project, "--file", repaired)
    assert result.exit == 0, result
    assert (texts(project, "t.more"), texts(project, "t.two")) == ([(2, None), (3, 3)], [(1, 1), (2, None), (3, 3)])
    project.check_consistent()


def test_a_hash_is_no_value(project):
    """A load hides what any extract masks: its rows cannot be read again as they are."""
    content = make(project)
    content["extract"]["more"] = extract(**{"from": "b/*.csv", "mask": ["n"]})
    content["load"]["more"] = {"into": "t.more"}
    project.pipeline("birds", content)
    project.write("b/1.csv", "id,n\n1,1\n")
    project.write("in/1.csv", "id,n,day\n2,secret77,2020-01-02\n")
    project.run("birds")
    content["load"]["rows"]["into"] = "t.texts"
    project.pipeline("birds", content)
    assert "values of 1 rows are masked in the quarantine" in retried(project).error
    repaired = project.write("repaired.csv", "id,n,day\n2,2,2020-01-02\n")
    assert retried(project, "--file", repaired).exit == 0
    assert texts(project, "t.texts") == [(2, 2)]


def test_metadata_is_not_of_the_row(project):
    """It says where the row is from, and the row can be read again without it."""
    content = make(project, metadata=True)
    project.write("in/1.csv", "id,n,day\n2,2,2020-01-02\n3,x,2020-01-03\n")
    project.run("birds")
    ((source, version, line, row),) = aside(project, columns="source, source_version, line, row_json")
    assert source.endswith("in/1.csv") and version and line == 3
    assert json.loads(row) == {"id": 3, "n": "x", "day": "2020-01-03"}
    content["load"]["rows"]["into"] = "t.texts"
    project.pipeline("birds", content)
    assert "no such rows" in retried(project, "--line", 2, "--object", source).error
    result = retried(project, "--object", source, "--line", 3)
    assert result.exit == 0, result
    assert texts(project, "t.texts") == [(3, "x")]
