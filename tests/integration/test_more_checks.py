"""Checks that look at forms, bounds, other datasets, ages and the last run."""

import json

import pytest

PIPELINE = """
extract:
  a: {from: data/a.csv, columns: {id: bigint, code: varchar, airport: varchar, day: date, n: "decimal(10,2)"}}
  airports: {from: data/airports.csv}
transform:
  b:
    sql: select * from a
    checks:
      - %s
load:
  b: {into: n.t, mode: overwrite}
"""


def run(project, check, *rows, expect=0, flags=()):
    project.write("pipelines/p.yaml", PIPELINE % check)
    project.write("data/a.csv", "id,code,airport,day,n\n" + "".join(f"{row}\n" for row in rows))
    project.write("data/airports.csv", "iata,state\nLAX,CA\nJFK,NY\n")
    result = project.sluice("run", "p", *flags)
    assert result.exit == expect, str(result)
    return result


GOOD = "1,ABC,LAX,2024-01-02,1.50"


@pytest.mark.parametrize(
    "check,bad,said",
    [
        ('regex: {code: "[A-Z]{3}"}', "2,ABCD,LAX,2024-01-02,1", "check regex(code) failed for 1 row of b"),
        ("between: {n: [0, 10]}", "2,ABC,LAX,2024-01-02,10.01", "check between(n) failed for 1 row"),
        ('between: {day: [2024-01-01, ""]}', "2,ABC,LAX,2023-12-31,1", "check between(day) failed for 1 row"),
        (
            "foreign_key: {columns: airport, references: airports, key: iata}",
            "2,ABC,XXX,2024-01-02,1",
            "check foreign_key(airport in airports) failed for 1 row",
        ),
    ],
)
def test_rows_that_offend(project, check, bad, said):
    run(project, check, GOOD, "3,,,,")  # nulls have no form, lie nowhere, name nothing
    result = run(project, check, GOOD, bad, expect=3)
    assert said in result.stderr
    run(project, check + "\n        severity: warn", GOOD, bad)
    run(project, check + "\n        severity: quarantine", GOOD, bad)
    rows = project.sluice("catalog", "read", "n.t", "--sql", "select id from t", "--format", "csv")
    assert rows.stdout.split() == ["id", "1"]
    assert "1" in project.sluice("quarantine", "ls", "p").stdout


def test_a_key_of_two_columns(project):
    check = "foreign_key: {columns: [airport, code], references: airports, key: [iata, state]}"
    run(project, check, "1,CA,LAX,2024-01-02,1", "2,,LAX,2024-01-02,1")
    assert "1 row" in run(project, check, "1,NY,LAX,2024-01-02,1", expect=3).stderr


def test_freshness(project):
    check = "freshness: {column: day, max_age: 2d}"
    run(project, check, GOOD, flags=["--due", "2024-01-03T12:00:00Z"])
    said = run(project, check, GOOD, expect=3, flags=["--due", "2024-01-05T12:00:00Z"]).stderr
    assert "has a newest day that is 3d old when the run is due, 2d" in said, said
    assert "has no value in day" in run(project, check, "1,ABC,LAX,,1", expect=3).stderr


def test_change_against_the_last_run(project):
    check = "row_count: {change: 50%}"
    run(project, check, *[GOOD] * 10)
    run(project, check, *[GOOD] * 15)
    said = run(project, check, *[GOOD] * 7, expect=3).stderr
    assert "has 7 rows, and had 15 in the last run that committed: it may differ by 50%" in said
    run(project, check, *[GOOD] * 8)
    said = run(project, check, *[GOOD] * 13, expect=3).stderr
    assert "had 8" in said
    shown = json.loads(project.sluice("runs", "p", "--limit", "1", "--json").stdout)
    assert shown[0]["outcome"] == "check_failed"


def test_a_dataset_that_is_not_there(project):
    said = run(project, "foreign_key: {columns: airport, references: airport}", GOOD, expect=2).stderr
    assert 'there is no dataset "airport"; did you mean "airports"?' in said


def test_the_plan_waits_for_the_other_dataset(project):
    run(project, "foreign_key: {columns: airport, references: airports, key: iata}", GOOD)
    plan = json.loads(project.sluice("plan", "p", "--json").stdout)
    needs = {task["task"]: task["needs"] for task in plan["tasks"]}
    assert sorted(needs["transform.b"]) == ["extract.a", "extract.airports"]
