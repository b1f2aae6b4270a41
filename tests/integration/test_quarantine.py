"""Rows that are put aside: which, with which bytes, in which commit; limits, masks, what is kept; and
putting them through again."""

import gzip
import json
import os
import signal
import sqlite3

import pytest

BAD_CSV = (
    b"id,email,n\n"
    b"1,a@x,5\n"
    b"2,b@x,bad\n"
    b"\n"
    b'3,"c\nd",x7\n'
    b"4,d@x\n"
    b'5,"e""q",6\n'
    b"6,f\xff,1\n"
    b'7,"z, \\xff",q"r\n'
    b"8,h@x,8\n"
)


def pipeline(project, extract=None, **more):
    content = {
        "extract": {
            "rows": {
                "from": "in/*",
                "format": "csv",
                "only_new": True,
                "on_bad_row": "quarantine",
                "columns": {"n": "bigint", "id": "bigint"},
                **(extract or {}),
            }
        },
        "load": {"rows": {"into": "t.rows"}},
        **more,
    }
    project.pipeline("birds", content)


def quarantined(project, table="birds_rows", columns="source, line, column_name, raw"):
    result = project.sluice(
        "sql", f"select {columns} from quarantine.{table} order by id", "--json"
    )
    assert result.exit == 0, result
    return [tuple(row.values()) for row in result.json["rows"]]


def test_rows_of_csv_with_their_bytes(project):
    project.write("in/a.csv", BAD_CSV)
    project.write("in/b.csv.gz", gzip.compress(b"id,email,n\n11,a@x,5\n12,b@x,bad2\n"))
    pipeline(project, {"csv": {"delimiter": ","}})
    result = project.run("birds")

    assert project.rows("t.rows") == [(1, "a@x", 5), (5, 'e"q', 6), (8, "h@x", 8), (11, "a@x", 5)]
    assert quarantined(project) == [
        ("in/a.csv", 3, "n", "2,b@x,bad"),
        ("in/a.csv", 5, "n", '3,"c\nd",x7'),
        ("in/a.csv", 7, None, "4,d@x"),
        ("in/a.csv", 9, None, "6,f\\xff,1"),
        ("in/a.csv", 10, "n", '7,"z, \\x5cxff",q"r'),
        ("in/b.csv.gz", 3, "n", "12,b@x,bad2"),
    ]
    assert quarantined(project, columns="reason")[:3] == [
        ('"bad" is not BIGINT',),
        ('"x7" is not BIGINT',),
        ("the row has less than 3 cells",),
    ]
    cells = [json.loads(cell) if cell else None for (cell,) in quarantined(project, columns="row_json")]
    assert cells[:2] == [
        {"id": "2", "email": "b@x", "n": "bad"},
        {"id": "3", "email": "c\nd", "n": "x7"},
    ]
    events = result.named("rows.quarantined")
    assert [e["line"] for e in events if "line" in e] == [3, 5, 7, 9, 10, 3]
    assert [(e["rejected"], e["table"]) for e in events if "rejected" in e] == [(6, "birds_rows")]
    assert result.named("run.finished")[0]["quarantined"] == 6
    assert "bad2" not in result.stderr


def test_rows_are_committed_with_the_data(project):
    """One commit, also when nothing else is new to say; and a run that fails leaves none."""
    project.write("in/a.csv", "id,n\n1,x\n")
    pipeline(project, {"csv": {"delimiter": ","}})
    run_id = project.run("birds").named("run.started")[0]["run_id"]
    assert quarantined(project, columns="run_id, source_version is not null") == [(run_id, True)]
    with sqlite3.connect(project.path(".sluice/catalog.db")) as catalog:
        assert catalog.execute("select count(*) from commits").fetchone() == (1,)

    project.write("in/b.csv", "id,n\n2,y\n")
    pipeline(
        project,
        {"csv": {"delimiter": ","}},
        load={"rows": {"into": "t.rows", "checks": [{"row_count": {"min": 9}}]}},
    )
    assert project.sluice("run", "birds").exit == 3
    assert len(quarantined(project)) == 1
    stored = [path for path in project.path(".sluice/store").rglob("*.parquet")]
    assert len([path for path in stored if "quarantine" in path.parts]) == 1


@pytest.mark.parametrize(
    "name,content,line,raw,row_json",
    [
        ("a.ndjson", '{"id": 1, "n": 5}\n \n{"id": 2, "n": "x"}\n', 3, '{"id": 2, "n": "x"}', None),
        ("a.ndjson", '{"id": 1, "n": 5}\n{"id": 2\n', 2, '{"id": 2', None),
        ("a.json", '[{"id": 1, "n": 5},\n {"id": 2, "n": "x"}]', 2, '{"id": 2, "n": "x"}', None),
    ],
)
def test_rows_of_json(project, name, content, line, raw, row_json):
    project.write(f"in/{name}", content.encode())
    pipeline(project, {"format": name.split(".")[1]})
    project.run("birds")
    assert quarantined(project, columns="line, raw, row_json") == [(line, raw, row_json)]
    assert project.rows("t.rows") == [(1, 5)]


def test_rows_of_parquet(project):
    import pyarrow
    import pyarrow.parquet

    project.path("in").mkdir()
    pyarrow.parquet.write_table(
        pyarrow.table({"id": [1, 2, 3], "n": ["4", "x", "6"], "e": ["a", "b", "c"]}),
        project.path("in/x.parquet"),
    )
    pipeline(project, {"mask": ["e"], "format": "parquet"})
    project.run("birds")
    ((line, raw, row),) = quarantined(project, columns="line, raw, row_json")
    assert (line, raw) == (2, None)
    assert json.loads(row) == {"id": 2, "n": "x", "e": "sha256:3e23e8160039594a"}


def test_masked_columns_are_seen_nowhere(project):
    settings = (project.root / "sluice.yaml").read_text()
    project.write("sluice.yaml", settings.replace("{dir:", "{samples: true, dir:"))
    project.write("in/a.csv", 'id,email,n\n1,secret1,x\n2,"secret2",y\n3,secret3\nsecret4,secret5,1\n')
    project.write("in/b.csv", "id,email,n\n4,secret6,1\n")
    pipeline(project, {"mask": ["email", "ID"], "csv": {"delimiter": ","}})
    result = project.run("birds")
    hashed = "sha256:5b11618c2e44027877d0cd0921ed166b9f176f50587fc91e7534dd2946db77d6"[:23]

    rows = quarantined(project, columns="raw, reason")
    assert rows[0][0].split(",")[1] == hashed
    assert rows[2][0].startswith("sha256:") and "," not in rows[2][0]
    assert "secret" not in json.dumps(quarantined(project, columns="*"))
    assert "secret" not in result.stderr
    pipeline(project, {"mask": ["email", "id"], "on_bad_row": "fail", "csv": {"delimiter": ","}})
    project.write("in/c.csv", "id,email,n\nsecret7,secret8,1\n")
    assert "secret" not in project.fails("birds")


@pytest.mark.parametrize("policy", ["quarantine", "skip"])
@pytest.mark.parametrize(
    "limits,says",
    [
        ({"max_bad_rows": 1}, r"max_bad_rows: 2 rows are bad, more than max_bad_rows \(1\)"),
        ({"max_bad_share": "49%"}, r"max_bad_share: 2 of 4 rows are bad, more than max_bad_share"),
        ({"max_bad_rows": 2, "max_bad_share": "50%"}, None),
    ],
)
def test_limits_of_bad_rows(project, policy, limits, says):
    import re

    project.write("in/a.csv", "id,n\n1,1\n2,x\n3,3\n4,y\n")
    pipeline(project, {"on_bad_row": policy, "csv": {"delimiter": ","}, **limits})
    result = project.sluice("run", "birds")
    assert result.exit == (3 if says else 0), result
    if says:
        assert re.search(says, result.error)
        assert not project.path(".sluice/store").exists() or not list(
            project.path(".sluice/store").rglob("*.parquet")
        )


def test_checks_put_rows_aside(project):
    project.write("in/a.csv", "id,s,n\n1,a,1\n2,,2\n1,b,3\n3,c,4\n,a,5\n4,a,6\n")
    checks = [
        {"unique": ["id"], "severity": "quarantine"},
        {"not_null": ["s", "id"], "severity": "quarantine"},
        {"accepted_values": {"s": ["a", "b"]}, "severity": "quarantine"},
    ]
    pipeline(
        project,
        {"csv": {"delimiter": ","}, "mask": ["s"]},
        transform={"clean": {"sql": "select * from rows", "checks": checks}},
        load={"clean": {"into": "t.clean"}},
    )
    result = project.run("birds")
    assert project.rows("t.clean") == [(1, "a", 1), (4, "a", 6)]
    rows = quarantined(project, "birds_clean", "check_name, row_json")
    assert [(check, json.loads(row)["n"]) for check, row in rows] == [
        ("not_null(s, id)", 2),
        ("unique(id)", 3),
        ("accepted_values(s)", 4),
        ("not_null(s, id)", 5),
    ]
    assert all(json.loads(row)["s"] is None or "sha256:" in row for _, row in rows)
    run_id = result.named("run.started")[0]["run_id"]
    record = project.sluice("runs", "show", run_id, "--json").json
    assert record["quarantined"] == 4
    (task,) = [task for task in record["tasks"] if task["task"] == "transform.clean"]
    assert (task["rows"], task["quarantined"]) == (2, 4)
    assert [(c["severity"], c["passed"], c["rows"]) for c in task["checks"]] == [
        ("quarantine", False, 1),
        ("quarantine", False, 2),
        ("quarantine", False, 1),
    ]


@pytest.mark.parametrize("mode", ["append", "upsert", "overwrite"])
def test_checks_of_loads_put_rows_aside(project, mode):
    project.write("in/a.csv", "id,n\n1,1\n2,2\n1,3\n")
    load = {"into": "t.rows", "mode": mode, "checks": [{"unique": ["id"], "severity": "quarantine"}]}
    if mode == "upsert":
        load["key"] = ["id"]
    extract = {"csv": {"delimiter": ","}, "only_new": mode != "overwrite"}
    pipeline(project, extract, load={"rows": load, "all": {"from": "rows", "into": "t.all", "mode": "overwrite"}}
             if mode == "overwrite" else {"rows": load})
    project.run("birds")
    assert project.rows("t.rows") == [(1, 1), (2, 2)]
    assert quarantined(project, columns="check_name, row_json") == [("unique(id)", '{"id":1,"n":3}')]
    if mode == "overwrite":
        assert project.rows("t.all") == [(1, 1), (2, 2), (1, 3)]


def test_old_days_go(project):
    pipeline(project, {"csv": {"delimiter": ","}}, quarantine={"keep": "90d"})
    project.write("in/a.csv", "id,n\n1,x\n")
    project.run("birds")
    with sqlite3.connect(project.path(".sluice/catalog.db")) as catalog:
        changed = catalog.execute(
            "update partitions set partition_values = replace(partition_values, substr(partition_values, 3, 10), '2020-01-02') "
            "where partition_values like '[\"20%'"
        ).rowcount
    assert changed == 1
    project.write("in/b.csv", "id,n\n2,y\n")
    project.run("birds")
    assert [raw for *_, raw in quarantined(project)] == ["2,y"]


def test_tables_of_two_datasets_must_not_meet(project):
    extract = {"from": "in/*", "format": "csv", "on_bad_row": "quarantine"}
    project.pipeline(
        "birds",
        {
            "extract": {"a-b": extract, "a_b": extract},
            "load": {n: {"into": f"t.{n.replace('-', 'x')}", "mode": "overwrite"} for n in ("a-b", "a_b")},
        },
    )
    result = project.sluice("validate", "birds")
    assert result.exit == 2
    assert "rows that it puts aside would be in quarantine.birds_a_b" in result.stderr


def test_plan_says_what_is_put_aside(project):
    project.write("in/a.csv", "id,n\n1,1\n")
    pipeline(project)
    assert "bad rows are quarantined" in project.sluice("plan", "birds").stdout
    (task,) = [t for t in project.sluice("plan", "birds", "--json").json["tasks"] if t["kind"] == "extract"]
    assert task["quarantine"] == "quarantine.birds_rows"


@pytest.mark.parametrize("skip", [0, 2])
@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"])
@pytest.mark.parametrize("end", [b"\n", b"\r\n"])
def test_lines_and_bytes_of_many_rows(project, skip, mark, end):
    """Long enough to be read by several threads; bad rows of all kinds, quotes and empty lines."""
    lines, bad = [b"note"] * skip + [b"id,t,n"], []
    for i in range(120_000 if skip else 3_000):
        row, broken = b'%d,"t,""%d""",%d' % (i, i, i), False
        if i % 1009 == 5:
            row = b'%d,"two%slines",%d' % (i, end, i)
        if i % 1501 == 7:
            row, broken = b"%d,t" % i, True
        if i % 1601 == 11:
            row, broken = b"%d,\xe9,1" % i, True
        if i % 997 == 3:
            row, broken = b'%d,"a%sb",x%d' % (i, end, i), True
        if i % 1201 == 9:
            lines.append(b"")
        if broken:
            text = row.decode("utf-8", "surrogateescape")
            bad.append((len(lines), i, text))
        lines.append(row)
    starts, number = {}, 1
    for index, line in enumerate(lines):
        starts[index] = number
        number += line.count(b"\n") + 1
    project.write("in/a.csv", mark + end.join(lines) + end)
    pipeline(project, {"csv": {"delimiter": ",", "skip": skip}})
    project.run("birds")
    want = [(starts[index], text.replace("\udce9", "\\xe9")) for index, _, text in bad]
    assert [(line, raw) for _, line, _, raw in by_line(project)] == want


def by_line(project):
    result = project.sluice(
        "sql",
        "select source, line, column_name, raw from quarantine.birds_rows order by line",
        "--json",
    )
    return [tuple(row.values()) for row in result.json["rows"]]


# --- the commands


def test_ls_and_show(project):
    project.write("in/a.csv", "id,n\n1,x\n2,y\n3\n")
    pipeline(project, {"csv": {"delimiter": ","}})
    assert project.sluice("quarantine", "ls", "birds", "--json").json["rows"] == []
    assert "nothing was ever quarantined" in project.sluice("quarantine", "show", "birds").error
    project.run("birds")
    rows = project.sluice("quarantine", "ls", "birds", "--json").json["rows"]
    assert [(r["dataset"], r["source"], r["reason"], r["rows"]) for r in rows] == [
        ("rows", "in/a.csv", "n does not fit", 2),
        ("rows", "in/a.csv", "the row has less than 2 cells", 1),
    ]
    shown = project.sluice("quarantine", "show", "birds", "rows", "--json").json["rows"]
    assert [(r["line"], r["raw"]) for r in shown] == [(2, "1,x"), (3, "2,y"), (4, "3")]
    assert "no rows of \"x\"" in project.sluice("quarantine", "show", "birds", "x").error


def test_retry_after_the_pipeline_was_mended(project):
    contract = {"csv": {"delimiter": ","}, "columns": {"id": "bigint", "n": "decimal(4,1)"}}
    project.write("in/a.csv", 'id,n\n1,1\n2,"2,5"\n3,x\n,"4,5"\n')
    pipeline(project, contract)
    project.run("birds")
    assert [raw for *_, raw in quarantined(project)] == ['2,"2,5"', "3,x", ',"4,5"']

    result = project.sluice("quarantine", "retry", "birds")  # it is as bad as before
    assert result.exit == 0, result
    assert [line for _, line, *_ in quarantined(project)] == [3, 4, 5]
    contract["csv"]["decimal"] = ","
    pipeline(project, contract)
    result = project.sluice("quarantine", "retry", "birds", "rows")
    assert result.exit == 0, result
    assert quarantined(project) == [("in/a.csv", 4, "n", "3,x")]
    assert quarantined(project, columns="reason") == [('"x" is not DECIMAL(4,1)',)]
    assert project.rows("t.rows") == [(1, 1), (2, 2.5), (None, 4.5)]


@pytest.mark.parametrize("mode", ["append", "upsert"])
def test_retry_of_repaired_rows_happens_once(project, mode):
    project.write("in/a.csv", "id,n\n1,1\n2,x\n3\n")
    load = {"into": "t.rows", "mode": mode}
    if mode == "upsert":
        load["key"] = ["id"]
    pipeline(project, {"csv": {"delimiter": ","}}, load={"rows": load})
    project.run("birds")
    assert "--file" in project.sluice("quarantine", "retry", "birds", "--object", "in/a.csv", "--line", 4).error
    repaired = project.write("repaired.csv", "id,n\n2,20\n3,30\n")
    result = project.sluice("quarantine", "retry", "birds", "rows", "--file", repaired)
    assert result.exit == 0, result
    assert project.rows("t.rows") == [(1, 1), (2, 20), (3, 30)]
    assert quarantined(project) == []
    again = project.sluice("quarantine", "retry", "birds", "--file", repaired)
    assert again.exit == 1 and "nothing to try again" in again.error
    assert "nothing new" in project.run("birds").stderr
    assert project.rows("t.rows") == [(1, 1), (2, 20), (3, 30)]


def test_retry_of_some_rows(project):
    """By object, line and id; each once; what is bad again stays what it was, with the new reason."""
    for name in "ab":
        project.write(f"in/{name}.csv", f"id,n\n1{name},1\n2{name},x\n3{name},y\n4{name},z\n5{name}\n")
    settings = {"csv": {"delimiter": ","}, "columns": {"id": "varchar", "n": "bigint"}, "max_bad_rows": 8}
    pipeline(project, settings)
    project.run("birds")
    assert project.rows("t.rows") == [("1a", 1), ("1b", 1)]
    before = quarantined(project, columns="id, quarantined_at, run_id, source_version, line, raw, row_json")
    settings["columns"]["n"] = "varchar"
    project.pipeline("birds", {
        "extract": {"rows": {"from": "in/*", "format": "csv", "only_new": True, "on_bad_row": "quarantine", **settings}},
        "transform": {"known": {"sql": "select id, n from rows where n <> 'z'"}},
        "load": {"known": {"into": "t.texts"}},
    })

    def retry(*args):
        return project.sluice("quarantine", "retry", "birds", "rows", *args)

    def texts():
        return sorted(project.rows("t.texts"))

    assert "--line needs --object" in retry("--line", 3).error
    assert "no such rows of extract.rows" in retry("--object", "in/none.csv").error
    assert retry("--object", "in/a.csv", "--line", 3).exit == 0
    assert texts() == [("2a", "x")]
    again = retry("--object", "in/a.csv", "--line", 3)
    assert again.exit == 1 and "no such rows" in again.error
    shown = project.sluice("quarantine", "show", "birds", "rows", "--json").json["rows"]
    ids = [row["id"] for row in shown if row["raw"] in ("3a,y", "4b,z")]
    assert retry("--id", ids[0], "--id", ids[1]).exit == 0
    assert texts() == [("2a", "x"), ("3a", "y")]
    assert [row[1] for row in quarantined(project)] == [5, 6, 3, 4, 6]
    result = retry("--object", "in/b.csv")
    assert result.exit == 0 and "1 of 3 rows cannot be read again as they are" in result.stderr
    assert texts() == [("2a", "x"), ("2b", "x"), ("3a", "y"), ("3b", "y")]
    assert [raw for *_, raw in quarantined(project)] == ["4a,z", "5a", "5b"]
    left = quarantined(project, columns="id, quarantined_at, run_id, source_version, line, raw, row_json")
    assert set(left) < set(before) and len(left) == 3
    assert retry().exit == 0 and len(quarantined(project)) == 2
    assert "cells cannot be told apart" in retry().error
    repaired = project.write("repaired.csv", "id,n\n5a,five\n")
    assert retry("--object", "in/a.csv", "--file", repaired).exit == 0
    assert ("5a", "five") in texts() and [raw for *_, raw in quarantined(project)] == ["5b"]
    assert len(project.rows("t.rows")) == 2


def test_retry_of_repaired_rows_that_are_bad(project):
    """They stand for those that were there: now they are there."""
    project.write("in/a.csv", "id,n\n1,x\n2,y\n3,z\n")
    pipeline(project, {"csv": {"delimiter": ","}})
    project.run("birds")
    repaired = project.write("repaired.csv", "id,n\n1,10\n2,still\n")
    assert project.sluice("quarantine", "retry", "birds", "--object", "in/a.csv", "--file", repaired).exit == 0
    assert project.rows("t.rows") == [(1, 10)]
    assert [(line, raw) for _, line, _, raw in quarantined(project)] == [(3, "2,still")]


def test_retry_reads_backslashes_as_they_were(project):
    row = '{"id": 2, "s": "\\\\x41 \\\\ \\n\\"", "n": "x"}'
    project.write("in/a.ndjson", (row + "\n").encode())
    pipeline(project, {"format": "ndjson", "columns": {"id": "bigint", "n": "bigint", "s": "varchar"}})
    project.run("birds")
    pipeline(
        project,
        {"format": "ndjson", "columns": {"id": "bigint", "n": "varchar", "s": "varchar"}},
        load={"rows": {"into": "t.texts"}},
    )
    result = project.sluice("quarantine", "retry", "birds")
    assert result.exit == 0, result
    ((_, s, n),) = project.rows("t.texts")
    assert (s, n) == (json.loads(row)["s"], "x")


def test_retries_at_once(project):
    """However many: each row gets through once."""
    project.write("in/a.csv", "id,n\n" + "".join(f"{i},x{i}\n" for i in range(300)))
    columns = {"id": "bigint", "n": "bigint"}
    pipeline(project, {"csv": {"delimiter": ","}, "columns": columns})
    project.run("birds")
    pipeline(
        project,
        {"csv": {"delimiter": ","}, "columns": {"id": "bigint", "n": "varchar"}},
        load={"rows": {"into": "t.texts"}},
    )
    for _ in range(4):
        started = [project.start("quarantine", "retry", "birds") for _ in range(4)]
        ended = [project.finish(process) for process in started]
        assert all(result.exit in (0, 1, 75) for result in ended), [str(r) for r in ended]
        if any(result.exit == 0 for result in ended):
            break
    assert sorted(project.rows("t.texts")) == [(i, f"x{i}") for i in range(300)]
    assert quarantined(project) == []


def test_a_retry_ends_where_more_was_put_aside(project):
    """It will never find the quarantine as it was: it says so at once."""
    project.write("in/a.csv", "id,n\n" + "".join(f"{i},x{i}\n" for i in range(5000)))
    columns = {"id": "bigint", "n": "bigint"}
    pipeline(project, {"csv": {"delimiter": ","}, "columns": columns})
    project.run("birds")
    process = project.start("quarantine", "retry", "birds", bufsize=0)
    log = b""
    while b'"event":"task.started"' not in log:
        line = process.stderr.readline()
        assert line, log
        log += line
    os.kill(process.pid, signal.SIGSTOP)
    try:
        project.run("birds", "--instance", "other")
    finally:
        os.kill(process.pid, signal.SIGCONT)
    ended = project.finish(process)
    assert ended.exit == 1, str(ended)
    assert "rows were put into quarantine.birds_rows, or taken out of it" in ended.error
    assert len(ended.named("commit.conflict")) == 1
    assert len(quarantined(project)) == 10000
    project.check_consistent()


def test_retry_is_not_for_loads_that_overwrite(project):
    project.write("in/a.csv", "id,n\n1,1\n2,x\n")
    pipeline(
        project,
        {"csv": {"delimiter": ","}, "only_new": False},
        load={"rows": {"into": "t.rows", "mode": "overwrite"}},
    )
    project.run("birds")
    assert "drives no load that adds rows" in project.sluice("quarantine", "retry", "birds").error


def test_tables_of_two_pipelines_must_not_meet(project):
    """Told before anything is written, by whatever would write."""
    def make(name, dataset, policy="quarantine"):
        project.pipeline(name, {
            "extract": {dataset: {"from": "in/*", "format": "csv", "only_new": True, "on_bad_row": policy}},
            "transform": {"c": {"sql": f'select * from "{dataset}"'}},
            "load": {"c": {"into": "t.rows"}},
        })

    project.write("in/a.csv", "id,n\n1,1\n")
    make("a-b", "x")
    make("a", "b_x")
    make("broken", "{")
    result = project.sluice("validate")
    assert result.exit == 2 and "pipelines/a" in result.stderr and "quarantine.a_b_x" in result.stderr
    for command in ("run", "plan", "trigger"):
        for name, other in (("a", "a-b"), ("a-b", "a")):
            result = project.sluice(command, name)
            assert result.exit == 2 and "quarantine.a_b_x" in result.error, result
            assert f"pipelines/{name}.yaml" in result.error and f"pipelines/{other}.yaml" in result.error
    assert not project.path(".sluice/store").exists()
    make("a", "b_x", "skip")
    assert "quarantine." not in project.sluice("validate").stderr
    project.run("a-b")


def test_retry_reads_rows_as_their_objects_were(project):
    """Types that no contract gives are found as in CSV; names and cells may hold anything."""
    name = 'a "b", /~\\n'
    project.write(
        "in/a.csv",
        'id;"a ""b"", /~\\n";day;n\n1;x;2020-01-01;1\n2;"y\n""\x01;,";2020-01-02;x\n3;NA;;y\n4;\\x41;2020-01-04;z\n',
    )
    settings = {"csv": {"delimiter": ";", "nulls": ["NA"]}, "columns": {"n": "bigint"}}
    pipeline(project, settings)
    project.run("birds")
    settings["columns"] = {"n": "varchar"}
    settings["csv"]["nulls"] = ["NA", "y", ""]
    pipeline(project, settings, load={"rows": {"into": "t.texts", "schema": "freeze"}})
    result = project.sluice("quarantine", "retry", "birds")
    assert result.exit == 0, result
    assert project.columns("t.texts") == {"id": "BIGINT", name: "VARCHAR", "day": "DATE", "n": "VARCHAR"}
    assert [(row[0], row[1], str(row[2]), row[3]) for row in project.rows("t.texts")] == [
        (2, 'y\n"\x01;,', "2020-01-02", "x"),
        (3, None, "None", None),
        (4, "\\x41", "2020-01-04", "z"),
    ]
    settings["columns"] = {"n": "bigint"}
    project.write("in/b.csv", "id;n\n" + "".join(f'{i};"{i}\n\nx"\n' for i in range(20)) + "99;5\n")
    pipeline(project, settings)
    project.run("birds")
    before = quarantined(project, columns="id, line, raw")
    assert len(before) == 20
    project.sluice("quarantine", "retry", "birds", "--object", "in/b.csv")
    assert quarantined(project, columns="id, line, raw") == before


def test_a_preview_of_what_has_bad_rows(project):
    """It puts nothing aside, and ends once: it went on with what was freed."""
    project.write("pipelines/p.yaml", "extract:\n  a: {from: data/a.csv, on_bad_row: quarantine, columns: {x: bigint}, repeat: true}\n"
        "load:\n  a: {into: n.t, mode: overwrite}\n")  # fmt: skip
    project.write("data/a.csv", "x\n1\ntwo\n3\n")
    for _ in range(5):
        shown = project.sluice("preview", "p", "a", "--format", "csv")
        assert (shown.exit, shown.stdout) == (0, "x\n1\n3\n"), str(shown)
    assert project.spooled() == [] and project.stored() == []


def test_a_pipeline_whose_name_begins_with_a_digit(project):
    """Its table's name needs quotes in SQL."""
    extract = {"from": "in/*", "format": "csv", "only_new": True, "on_bad_row": "quarantine",
               "csv": {"delimiter": ","}, "columns": {"n": "bigint"}}
    content = {"extract": {"rows": extract}, "load": {"rows": {"into": "t.rows"}}}
    project.write("in/a.csv", "id,n\n1,x\n")
    project.pipeline("2024_orders", content)
    project.run("2024_orders")
    extract["columns"]["n"], content["load"]["rows"]["into"] = "varchar", "t.texts"
    project.pipeline("2024_orders", content)
    result = project.sluice("quarantine", "retry", "2024_orders")
    assert result.exit == 0, result
    assert project.rows("t.texts") == [(1, "x")]


def cells_and_retry(project, settings, content):
    """What row_json has of the rows, and what a retry makes of them once n may be anything."""
    project.write("in/a.csv", content)
    pipeline(project, settings)
    project.run("birds")
    cells = [json.loads(row) for (row,) in quarantined(project, columns="row_json")]
    settings["columns"]["n"] = "varchar"
    pipeline(project, settings, load={"rows": {"into": "t.texts"}})
    result = project.sluice("quarantine", "retry", "birds")
    assert result.exit == 0, result
    return cells, project.rows("t.texts")


def test_retry_of_latin_text(project):
    settings = {"csv": {"delimiter": ",", "encoding": "latin-1"}, "columns": {"name": "varchar", "n": "bigint"}}
    content = 'id,name,n\n1,Zoë,1\n2,Anaïs,x\n3,"é,""ÿ\\xe9",y\n'.encode("latin-1")
    cells, rows = cells_and_retry(project, settings, content)
    assert project.rows("t.rows") == [(1, "Zoë", 1)]
    assert [cell["name"] for cell in cells] == ["Anaïs", 'é,"ÿ\\xe9']
    assert rows == [(2, "Anaïs", "x"), (3, 'é,"ÿ\\xe9', "y")]


def test_spaces_around_quotes(project):
    """What row_json has is what the SQL engine reads there."""
    kinds = ['"Smith, J"', ' "Smith, J"', '  "p"', ' "a ""b"""', '"c" ', ' "d"  ', " e", ' e "f"', " ", ' ""', '""']
    settings = {"csv": {"delimiter": ","}, "columns": {"id": "bigint", "name": "varchar", "n": "bigint"}}
    good = "".join(f"{i},{kind},1\n" for i, kind in enumerate(kinds))
    bad = "".join(f"{i},{kind},x\n" for i, kind in enumerate(kinds))
    cells, rows = cells_and_retry(project, settings, "id,name,n\n" + good + bad)
    names = {row_id: name for row_id, name, _ in project.rows("t.rows")}
    assert len(names) == len(kinds) and names[1] == "Smith, J" and names[5] == "d" and names[2] == '  "p"'
    assert {int(cell["id"]): cell["name"] for cell in cells} == names
    assert {row_id: name for row_id, name, _ in rows} == names


def test_a_quote_behind_two_spaces_opens_nothing(project):
    """So its row ends with its line."""
    project.write("in/a.csv", 'id,name,n\n1,  "a,x\n2,b,2\n3,c,y\n4,  "d, e",x\n')
    pipeline(project, {"csv": {"delimiter": ","}, "columns": {"id": "bigint", "name": "varchar", "n": "bigint"}})
    project.run("birds")
    assert project.rows("t.rows") == [(2, "b", 2)]
    assert [(line, raw) for _, line, _, raw in by_line(project)] == [
        (2, '1,  "a,x'), (4, "3,c,y"), (5, '4,  "d, e",x')]
