"""`sluice explain`: rows of a table back to delta, run, file, and object, version and line."""

import json

EXTRACT = {"from": "data/a*.csv", "only_new": True, "metadata": True, "columns": {"id": "int", "x": "varchar"}}


def make(project, **load):
    extract = {key: value for key, value in EXTRACT.items() if load.get("meta", True) or key != "metadata"}
    load.pop("meta", None)
    project.pipeline("p", {"extract": {"a": extract}, "load": {"a": {"into": "n.t", **load}}})


def put(project, name, *rows):
    project.write(f"data/{name}.csv", "id,x\n" + "".join(f"{i},{x}\n" for i, x in rows))


def run(project):
    return project.run("p").named("run.finished")[0]["run_id"]


def explain(project, where, *flags, table="n.t"):
    result = project.sluice("explain", table, "--where", where, "--json", *flags)
    assert result.exit == 0, str(result)
    return result.json["rows"]


def test_appended_rows(project):
    make(project)
    put(project, "a1", (1, "p"), (2, "q"))
    first = run(project)
    put(project, "a2", (3, "r"), (4, "s"))
    second = run(project)
    row, = explain(project, "id = 4")
    assert row["object"] == "data/a2.csv" and row["line"] == 3 and row["read_by"] == second == row["run_id"]
    assert row["pipeline"] == "p" and row["type"] in ("add", "append") and row["rewrite"] is False
    assert row["row"]["id"] == 4 and row["row"]["x"] == "s" and row["partition"] == []
    assert project.path(row["file"]).exists() and second in row["file"]
    assert {r["run_id"] for r in explain(project, "true")} == {first, second}
    assert len(explain(project, "true", "--limit", "1")) == 1
    shown = project.sluice("explain", "n.t", "--where", "id = 4").stdout
    assert "  object    data/a2.csv\n" in shown and "  line      3\n" in shown and f"{second} of p" in shown
    lines = project.sluice("explain", "n.t", "--where", "id > 2", "--format", "ndjson").stdout.splitlines()
    assert [json.loads(line)["line"] for line in lines] == [2, 3]


def test_without_the_columns(project):
    make(project, meta=False)
    put(project, "a1", (1, "p"))
    first = run(project)
    row, = explain(project, "x = 'p'")
    assert row["object"] is None and row["line"] is None and row["run_id"] == first
    assert "object" not in project.sluice("explain", "n.t", "--where", "x = 'p'").stdout


def test_upserts_and_compaction_and_rollback(project):
    make(project, mode="upsert", key=["id"])
    put(project, "a1", (1, "p"), (2, "q"))
    first = run(project)
    put(project, "a2", (2, "new"))
    second = run(project)
    assert [(r["run_id"], r["object"]) for r in explain(project, "id = 2")] == [(second, "data/a2.csv")]
    assert [(r["run_id"], r["object"]) for r in explain(project, "id = 1")] == [(first, "data/a1.csv")]
    position = explain(project, "id = 1")[0]["position"]
    assert [r["row"]["x"] for r in explain(project, "id = 2", "--at", str(position))] == ["q"]
    assert project.sluice("catalog", "compact", "n.t").exit == 0
    row, = explain(project, "id = 1")
    assert row["rewrite"] is True and row["object"] == "data/a1.csv" and row["line"] == 2
    assert row["read_by"] == first != row["run_id"]
    assert "rewritten" in project.sluice("explain", "n.t", "--where", "id = 1").stdout
    assert project.sluice("catalog", "rollback", "n.t", str(position)).exit == 0
    row, = explain(project, "id = 2")
    assert row["row"]["x"] == "q" and row["object"] == "data/a1.csv" and row["read_by"] == first


def test_partitions(project):
    make(project, partition_by=["x"])
    put(project, "a1", (1, "p"), (2, "q"))
    run(project)
    row, = explain(project, "id = 2")
    assert row["partition"] == ["q"] and "x=q" in row["file"]


def test_numbers_that_json_has_no_word_for(project):
    sql = (
        "select 1 as id, 'nan'::double as a, '-inf'::float as b, {'c': ['inf'::double, 2.5]} as d, "
        "$$\"NaN\\, Infinity$$ as \"N,aN\", $${\"x\": \"I, N\"}$$::json as j, null as n"
    )
    project.pipeline("q", {"transform": {"t": {"sql": sql}}, "load": {"t": {"into": "n.q", "mode": "overwrite"}}})
    project.run("q")
    row, = explain(project, "true", table="n.q")
    assert row["row"] == {
        "id": 1, "a": "NaN", "b": "-Infinity", "d": {"c": ["Infinity", 2.5]},
        "N,aN": "\"NaN\\, Infinity", "j": {"x": "I, N"}, "n": None,
    }  # fmt: skip


def test_what_cannot_be_said(project):
    make(project)
    put(project, "a1", (1, "p"))
    run(project)
    nothing = project.sluice("explain", "n.t", "--where", "id = 9")
    assert nothing.exit == 0 and nothing.stdout == "" and "no row of n.t fulfils it" in nothing.stderr
    assert project.sluice("explain", "n.t", "--where", "id = 9", "--json").json["rows"] == []
    for args, exit_code, says in [
        (["n.t"], 2, "which rows? say --where CONDITION"),
        (["n.t", "--where", "idd = 1"], 1, '"idd"'),
        (["n.t", "--where", "id = ("], 1, "--where, character"),
        (["n.u", "--where", "true"], 2, "n.u"),
        (["n.t", "--where", "id = 1); drop table t; --"], 1, ""),
    ]:
        result = project.sluice("explain", *args)
        assert result.exit == exit_code, str(result)
        assert says in result.error, str(result)
