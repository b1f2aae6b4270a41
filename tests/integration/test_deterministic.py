"""deterministic: true. The same inputs give the same files, byte for byte; plan says where SQL cannot."""

import hashlib
import random
import re

import pytest

GROUPED = """
name: sums
deterministic: true
resources: {threads: 2, memory: 512MiB}
extract:
  rows: {from: "data/*.csv"}
  names: {from: names.csv}
transform:
  sums:
    sql: |
      select k, k % 3 as part, count(*) as n, sum(x) as total, sum(x * 0.1::double) as tenth
      from rows join names using (k) group by all
  firsts:
    sql: select distinct on (k) k, x from rows
load:
  sums: {into: t.sums, mode: overwrite, partition_by: [part], file_size: 64KiB}
  rows: {into: t.rows, mode: overwrite, file_size: 256KiB}
  firsts: {to: out/firsts.csv}
"""


def make_inputs(project, rows=150_000, keys=30_000):
    numbers = random.Random(7)
    for name in ("b", "a", "c"):
        lines = [f"{numbers.randrange(keys)},{numbers.random()}" for _ in range(rows // 3)]
        project.write(f"data/{name}.csv", ("k,x\n" + "\n".join(lines) + "\n").encode())
    project.write("names.csv", ("k\n" + "\n".join(map(str, range(0, keys, 2))) + "\n").encode())


def digests(project, run_id):
    """Name → digest; in names the run's id and its fence are left out."""
    found = {}
    for table in ("t.sums", "t.rows"):
        for file in project.files(table):
            name = file["path"].split("/store/")[1]
            name, count = re.subn(run_id + r"-(\w+)-\d+-", r"RUN-\1-", name)  # its fence, too
            assert count == 1
            with open(file["path"], "rb") as content:
                found[name] = hashlib.sha256(content.read()).hexdigest()
    found["firsts"] = hashlib.sha256(project.path("out/firsts.csv").read_bytes()).hexdigest()
    return found


def run_id_of(result):
    return result.named("run.started")[0]["run_id"]


def test_same_bytes(project):
    make_inputs(project)
    project.pipeline("sums", GROUPED)
    first = run_id_of(project.run("sums"))
    want = digests(project, first)
    assert len(want) > 6
    # Again and again, into the same tables and where nothing was.
    second = run_id_of(project.run("sums", "--due", "2020-01-01"))
    assert second != first
    assert digests(project, second) == want
    for path in project.path(".sluice").iterdir():
        if path.name.startswith(("catalog", "state")):
            path.unlink()
    assert digests(project, run_id_of(project.run("sums"))) == want


def test_other_inputs_are_other_bytes(project):
    make_inputs(project, rows=3000)
    project.pipeline("sums", GROUPED)
    want = digests(project, run_id_of(project.run("sums")))
    with open(project.path("data/a.csv"), "a") as rows:
        rows.write("0,0.5\n")
    assert digests(project, run_id_of(project.run("sums"))) != want


@pytest.mark.parametrize("deterministic", [True, False])
def test_plan_says_where_sql_is_not(project, deterministic):
    project.write("a.csv", "a,b\n1,2\n")
    project.pipeline(
        "x",
        f"""\
        deterministic: {"true" if deterministic else "false"}
        extract:
          a: {{from: a.csv}}
        transform:
          numbered:
            sql: |
              select a,
                row_number() over () as n
              from a
          sorted:
            sql: select a, row_number() over (order by b) as n from numbered join a using (a)
        load:
          sorted: {{into: t.x, mode: overwrite}}
        """,
    )
    plan = project.sluice("plan", "x")
    assert plan.exit == 0, str(plan)
    what = "row_number() over a window without ORDER BY depends on the order of rows"
    assert plan.stdout.count("not deterministic") == 1
    assert f"    not deterministic: {what} (pipelines/x.yaml:8:9)" in plan.stdout
    warning = f"warning: transform.numbered.sql: not deterministic: {what}"
    assert (warning in plan.stderr) == deterministic, str(plan)
    tasks = {task["task"]: task for task in project.sluice("plan", "x", "--json").json["tasks"]}
    assert tasks["transform.numbered"]["not_deterministic"] == [
        {"what": what, "in": "transform.numbered.sql", "file": "pipelines/x.yaml", "line": 8, "column": 9}
    ]
    assert "not_deterministic" not in tasks["transform.sorted"]
    # It is a word of advice: the run goes on.
    project.run("x")


@pytest.mark.parametrize(
    "load, key, what",
    [
        ({"mode": "upsert", "key": ["a"], "delete_when": "b < now()"}, "delete_when", "now()"),
        ({"mode": "upsert", "key": ["a"], "update": {"when": "new.b > old.b and random() > 2"}}, "update.when", "random()"),
        ({"mode": "overwrite_partitions", "partition_by": ["a"], "scope": "b <= now()"}, "scope", "now()"),
        ({"mode": "overwrite", "checks": [{"sql": "select b from x limit 1"}]}, "checks[1].sql", "LIMIT"),
        ({"mode": "overwrite", "checks": [{"sql": "select random() < 2"}]}, "checks[1].sql", "random()"),
    ],
)
def test_conditions_and_checks_are_looked_at_too(project, load, key, what):
    project.write("a.csv", "a,b\n1,2001-01-01\n")
    pipeline = {
        "deterministic": True,
        "extract": {"x": {"from": "a.csv", "columns": {"b": "timestamptz"}}},
        "load": {"x": {"into": "t.x", **load}},
    }
    project.pipeline("x", pipeline)
    plan = project.sluice("plan", "x", "--json")
    assert plan.exit == 0, str(plan)
    found = {task["task"]: task for task in plan.json["tasks"]}["load.x"]["not_deterministic"]
    assert [doubt["in"] for doubt in found] == [f"load.x.{key}"]
    assert found[0]["what"].startswith(what) and found[0]["line"] > 1
    assert f"not deterministic: {what}" in project.sluice("plan", "x").stdout
    assert f"warning: load.x.{key}: not deterministic: {what}" in project.sluice("validate", "x").stderr
