"""Every kind of check with every severity, as whole runs: exit code, what is committed, what is put aside, what is
logged; and what each kind makes of nulls, no rows, the last run, late data and tables of the catalog."""

import json

import pytest

PIPELINE = """
extract:
  a: {from: data/a.csv, repeat: true, columns: {id: bigint, code: varchar, n: bigint, day: timestamp}}
  known: {from: data/known.csv, repeat: true, columns: {code: varchar}}
transform:
  b:
    sql: select a.* from a
    checks:
      - %s
        name: it
        severity: %s
load:
  b: {into: t.b, mode: overwrite, on_empty: replace}
  k: {from: known, into: t.known, mode: overwrite}
"""
DUE = "2024-01-10T00:00:00Z"
GOOD = ["1,AB,5,2024-01-09", "2,CD,6,2024-01-08"]
# kind → the check, a row that offends it, whether rows are what it is about, what else is there to be told
KINDS = {
    "not_null": ("not_null: [code]", "3,,7,2024-01-01", True),
    "unique": ("unique: [id]", "2,AB,8,2024-01-01", True),
    "accepted_values": ("accepted_values: {code: [AB, CD]}", "3,XX,7,2024-01-01", True),
    "regex": ('regex: {code: "[A-Z]{2}"}', "3,abc,7,2024-01-01", True),
    "between": ("between: {n: [1, 10]}", "3,AB,11,2024-01-01", True),
    "foreign_key": ("foreign_key: {columns: code, references: known}", "3,ZZ,7,2024-01-01", True),
    "row_count": ("row_count: {max: 2}", "3,AB,7,2024-01-01", False),
    "sql": ("sql: select count(*) from b where n > 9", "3,AB,11,2024-01-01", False),
    "freshness": ("freshness: {column: day, max_age: 2d}", None, False),
}


def run(project, check, severity, rows, expect=0, text=PIPELINE, flags=()):
    project.write("pipelines/p.yaml", text % (check, severity) if "%s" in text else text)
    project.write("data/a.csv", "id,code,n,day\n" + "".join(f"{row}\n" for row in rows))
    project.write("data/known.csv", "code\nAB\nCD\n")
    result = project.sluice("run", "p", "--json", "--due", DUE, *flags)
    assert result.exit == expect, str(result)
    return result.json


def the_check(record):
    (check,) = [c for t in record["tasks"] for c in t.get("checks", [])]
    return check


def put_aside(project):
    shown = project.sluice("quarantine", "show", "p", "--json")
    return shown.json["rows"] if shown.exit == 0 else []


def logged(project, run_id):
    lines = [json.loads(line) for line in project.sluice("logs", "--run", run_id, "--json").stdout.splitlines()]
    return [(e["event"], e["level"], e.get("rows", e.get("rejected"))) for e in lines if "check" in e]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("severity", ["error", "warn", "quarantine"])
def test_every_kind_with_every_severity(project, kind, severity):
    check, bad, by_row = KINDS[kind]
    if severity == "quarantine" and not by_row:
        project.write("pipelines/p.yaml", PIPELINE % (check, severity))
        said = project.sluice("run", "p")
        assert said.exit == 2 and f"{kind} is about all rows at once" in said.stderr
        return
    # Nothing offends it.
    good = run(project, check, severity, GOOD)
    assert {**the_check(good), "found": 2} == {
        "check": "it", "kind": kind, "passed": True, "severity": severity, "rows": 0, "found": 2}  # fmt: skip
    assert logged(project, good["run_id"]) == [] and put_aside(project) == []
    # One row does.
    rows = [row.replace("2024-01-09", "2024-01-07") for row in GOOD] if kind == "freshness" else [*GOOD, bad]
    if kind == "freshness":
        rows = [row.replace("2024-01-08", "2024-01-01") for row in rows]
    before, code = project.rows("t.b"), 3 if severity == "error" else 0
    record = run(project, check, severity, rows, expect=code)
    found = the_check(record)
    assert (found["passed"], found["severity"], found["kind"]) == (False, severity, kind)
    counted = kind in ("sql",) or by_row
    assert found["rows"] == (1 if counted else 0)
    assert len(found.get("sample", [])) == ((2 if kind == "unique" and severity != "quarantine" else 1) if by_row else 0)
    assert record["outcome"] == ("check_failed" if code else "succeeded")
    ids = sorted(row[0] for row in project.rows("t.b"))
    aside = put_aside(project)
    if severity == "error":
        assert project.rows("t.b") == before and aside == [] and record["rows"] == 0
        assert logged(project, record["run_id"]) == [("check.failed", "error", found["rows"])]
    elif severity == "warn":
        assert ids == sorted(int(row.split(",")[0]) for row in rows) and aside == []
        assert logged(project, record["run_id"]) == [("check.failed", "warn", found["rows"])]
    else:
        assert ids == [1, 2]
        (row,) = aside
        assert (row["check_name"], row["run_id"], row["reason"]) == ("it", record["run_id"], "check it failed")
        assert json.loads(row["row_json"])["id"] == int(bad.split(",")[0])
        assert logged(project, record["run_id"]) == [("rows.quarantined", "warn", 1)]
    project.check_consistent()


@pytest.mark.parametrize("kind", [kind for kind, (_, _, by_row) in KINDS.items() if by_row and kind != "not_null"])
@pytest.mark.parametrize("severity", ["error", "quarantine"])
def test_nulls_offend_nothing_but_not_null(project, kind, severity):
    """Of unique, too: two nulls are not the same value."""
    check = KINDS[kind][0].replace("unique: [id]", "unique: [code]")
    record = run(project, check, severity, [",,,", ",,,", *GOOD])
    assert the_check(record)["passed"] and len(project.rows("t.b")) == 4


@pytest.mark.parametrize("kind", KINDS)
def test_no_rows(project, kind):
    """Only ages have nothing to go by. (The lookup has rows: the run is not one without news.)"""
    run(project, KINDS[kind][0], "error", GOOD)
    record = run(project, KINDS[kind][0], "error", [], expect=3 if kind == "freshness" else 0)
    check = the_check(record)
    if kind == "freshness":
        assert check["message"] == "check it failed: b has no value in day"
        assert len(project.rows("t.b")) == 2
    else:
        assert check["passed"] and project.rows("t.b") == []


def test_all_nulls_are_no_fresh_value(project):
    record = run(project, KINDS["freshness"][0], "error", ["1,AB,1,", "2,AB,1,"], expect=3)
    assert the_check(record)["message"] == "check it failed: b has no value in day"


def test_change_against_the_last_committed_run(project):
    """The first run has none; one that failed, or was previewed, does not count; nor one without rows but as 0."""
    check = "row_count: {change: 50%}"

    def go(count, expect=0):
        record = run(project, check, "error", [f"{i},AB,1,2024-01-09" for i in range(count)], expect)
        return the_check(record).get("message")

    assert go(10) is None
    said = "check it failed: b has %s, and had %d in the last run that committed: it may differ by 50%%"
    assert go(16, 3) == said % ("16 rows", 10)
    assert go(4, 3) == said % ("4 rows", 10)  # still against the 10
    assert go(0, 3) == said % ("0 rows", 10)
    project.sluice("preview", "p", "b")
    assert go(15) is None
    assert go(8) is None  # 7.5
    assert go(7) is None  # of 8
    assert go(11, 3) == said % ("11 rows", 7)
    assert go(10) is None
    run(project, "row_count: {change: 100%}", "error", [])
    assert go(1, 3) == said % ("1 row", 0)
    assert go(0) is None


def test_change_warns_and_goes_on(project):
    check = "row_count: {change: 10%, min: 1}"
    run(project, check, "warn", GOOD)
    record = run(project, check, "warn", [*GOOD, "3,AB,1,2024-01-09"])
    assert "has 3 rows, and had 2" in the_check(record)["message"]
    record = run(project, check, "warn", [*GOOD, "3,AB,1,2024-01-09"])  # now against these
    assert the_check(record)["passed"] and the_check(record)["found"] == 3


@pytest.mark.parametrize(
    "day,due,passes",
    [
        ("2024-01-08T00:00:00", "2024-01-10T00:00:00Z", True),  # just two days
        ("2024-01-07T23:59:59", "2024-01-10T00:00:00Z", False),
        ("2024-01-20T00:00:00", "2024-01-10T00:00:00Z", True),  # ahead of the run
        ("2024-01-08T00:00:00", "2024-01-09T23:00:00-03:00", False),  # due at 02:00 UTC
    ],
)
def test_freshness_goes_by_the_due_time(project, day, due, passes):
    """A run that is late, or repeated years later, judges as the one in time would have."""
    project.write("pipelines/p.yaml", PIPELINE % (KINDS["freshness"][0], "error"))
    project.write("data/a.csv", f"id,code,n,day\n1,AB,1,{day}\n2,AB,1,2001-01-01\n")
    project.write("data/known.csv", "code\nAB\n")
    for _ in range(2):
        assert project.sluice("run", "p", "--due", due).exit == (0 if passes else 3)


CATALOG = """
extract:
  a: {from: data/a.csv, repeat: true, columns: {id: bigint, code: varchar, n: bigint, day: timestamp}}
  stored: {from: "catalog://t.known", repeat: true}
load:
  b:
    from: a
    into: t.b
    mode: overwrite
    checks:
      - foreign_key: {columns: code, references: stored, key: code}
        name: it
        severity: %s
"""


@pytest.mark.parametrize("severity,code", [("error", 3), ("warn", 0), ("quarantine", 0)])
def test_foreign_keys_in_a_table_of_the_catalog(project, severity, code):
    project.write("data/seed.csv", "code\nAB\nCD\n")
    project.write("pipelines/seed.yaml", "extract:\n  s: {from: data/seed.csv}\nload:\n  s: {into: t.known, mode: overwrite}\n")
    assert project.sluice("run", "seed").exit == 0
    rows = [*GOOD, "3,ZZ,1,2024-01-09", "4,,1,2024-01-09"]
    record = run(project, "", "", rows, code, CATALOG % severity)
    check = the_check(record)
    assert (check["rows"], [row["code"] for row in check["sample"]]) == (1, ["ZZ"])
    assert len(project.rows("t.b")) == {"error": 0, "warn": 4, "quarantine": 3}[severity]
    project.write("data/seed.csv", "code\nAB\nCD\nZZ\n")  # the table gets it: then it is known
    assert project.sluice("run", "seed").exit == 0
    assert the_check(run(project, "", "", rows, 0, CATALOG % severity))["passed"]


def test_several_checks_with_several_severities(project):
    """What is put aside is gone before the others are asked; every check is told, the first error is the reason."""
    text = PIPELINE.replace(
        "      - %s\n        name: it\n        severity: %s\n",
        """      - {not_null: [code], severity: quarantine, name: aside}
      - {accepted_values: {code: [AB]}, severity: warn, name: told}
      - {unique: [n], name: stops}
      - {row_count: {max: 1}, name: stops too}
""",
    )
    record = run(project, "", "", ["1,AB,1,2024-01-09", "2,CD,1,2024-01-09", "3,,1,2024-01-09"], 3, text)
    checks = {c["check"]: (c["passed"], c["rows"]) for t in record["tasks"] for c in t.get("checks", [])}
    assert checks == {"aside": (False, 1), "told": (False, 1), "stops": (False, 1), "stops too": (False, 0)}
    assert record["error"].endswith("check stops failed for 1 row of b")
    assert put_aside(project) == [] and project.rows("t.b") == []
    project.check_consistent()


def test_a_row_that_offends_two_checks_is_put_aside_once(project):
    text = PIPELINE.replace(
        "      - %s\n        name: it\n        severity: %s\n",
        """      - {not_null: [n], severity: quarantine, name: first}
      - {accepted_values: {code: [AB]}, severity: quarantine, name: second}
""",
    )
    record = run(project, "", "", ["1,AB,1,2024-01-09", "2,XX,,2024-01-09", "3,XX,1,2024-01-09"], 0, text)
    assert {c["check"]: c["rows"] for t in record["tasks"] for c in t.get("checks", [])} == {"first": 1, "second": 1}
    aside = put_aside(project)
    assert sorted((r["check_name"], json.loads(r["row_json"])["id"]) for r in aside) == [("first", 2), ("second", 3)]
