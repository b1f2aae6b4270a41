"""Rows that offend checks: in the log, in the run's record, in `runs show` and in `health`."""

import json

import pytest

PIPELINE = """
extract:
  a:
    from: data/a.csv
    repeat: true
    mask: [email]
    columns: {id: bigint, code: varchar, email: varchar, mark: bigint}
transform:
  b:
    sql: select * from a
    checks:
      - not_null: [code]
        severity: %s
      - unique: [id]
        severity: warn
      - accepted_values: {mark: ["1"]}
        severity: quarantine
      - row_count: {min: 100}
        name: "many \\e[31m"
        severity: warn
load:
  b: {into: n.t}
"""
ROWS = "id,code,email,mark\n1,A,x@y.z,1\n1,,q@y.z,1\n2,\033[31mred\u009b%s,w@x,2\n3,,,1\n" % ("€" * 300)


@pytest.fixture
def checked(project):
    def run(severity="error", expect=3, samples=False):
        project.write("pipelines/p.yaml", PIPELINE % severity)
        project.write("data/a.csv", ROWS)
        if samples:
            text = project.path("sluice.yaml").read_text()
            project.write("sluice.yaml", text.replace("logs: {", "logs: {samples: true, "))
        result = project.sluice("run", "p", "--json")
        assert result.exit == expect, str(result)
        record = project.sluice("runs", "show", result.json["run_id"], "--json").json
        checks = {c["check"]: c for t in record["tasks"] for c in t.get("checks", [])}
        return result.json["run_id"], checks

    return run


def log_of(project, run_id):
    lines = project.sluice("logs", "--run", run_id, "--json").stdout.splitlines()
    return [json.loads(line) for line in lines if "check" in json.loads(line)]


def hashed(text):
    import hashlib

    return "sha256:" + hashlib.sha256(text.encode()).hexdigest()[:16]


@pytest.mark.parametrize("severity,expect", [("error", 3), ("warn", 0)])
def test_the_record_has_them(checked, severity, expect):
    _, checks = checked(severity, expect)
    first = checks["not_null(code)"]
    assert (first["kind"], first["severity"], first["passed"], first["rows"]) == ("not_null", severity, False, 2)
    assert first["message"] == "check not_null(code) failed for 2 rows of b"
    assert first["sample"] == [
        {"code": None, "id": "1", "email": hashed("q@y.z"), "mark": "1"},
        {"code": None, "id": "3", "email": None, "mark": "1"},
    ]
    assert [row["code"] for row in checks["unique(id)"]["sample"]] == ["A", None]  # all rows of the key
    (aside,) = checks["accepted_values(mark)"]["sample"]
    assert aside["email"] == hashed("w@x") and aside["mark"] == "2" and aside["id"] == "2"
    assert aside["code"].startswith("\\x1b[31mred\\x9b€€") and aside["code"].endswith("€…")
    assert 195 <= len(aside["code"].encode()) <= 200
    assert "sample" not in [c for t, c in checks.items() if t.startswith("many")][0]


def test_the_log_has_them_only_where_it_may(checked, project):
    run_id, _ = checked()
    events = {e["check"]: e for e in log_of(project, run_id)}
    assert set(events) == {"not_null(code)", "unique(id)", "accepted_values(mark)", "many \x1b[31m"}
    assert not any("sample" in e for e in events.values())
    everything = "".join(p.read_text() for p in project.path(".sluice/logs").iterdir())
    assert "€€" not in everything and hashed("q@y.z") not in everything


def test_the_log_may(checked, project):
    run_id, checks = checked(samples=True)
    events = {e["check"]: e for e in log_of(project, run_id)}
    for title in ("not_null(code)", "unique(id)", "accepted_values(mark)"):
        assert events[title]["sample"] == checks[title]["sample"], title
    everything = "".join(p.read_text() for p in project.path(".sluice/logs").iterdir())
    assert "q@y.z" not in everything and "\x1b" not in everything


def test_runs_show(checked, project):
    run_id, _ = checked()
    text = project.sluice("runs", "show", run_id).stdout
    assert "\x1b" not in text and "\u009b" not in text and "q@y.z" not in text
    lines = [line.split() for line in text.splitlines()]
    assert ["not_null(code)", "transform.b", "not_null", "error", "failed", "2"] in lines
    assert ["unique(id)", "transform.b", "unique", "warn", "warned", "1"] in lines
    assert ["accepted_values(mark)", "transform.b", "accepted_values", "quarantine", "quarantined", "1"] in lines
    assert ["null", "1", hashed("q@y.z"), "1"] in lines
    assert "failed: check not_null(code) failed for 2 rows of b\ncode  id  email" in text


def test_health(checked, project):
    checked()
    said = project.sluice("health", "p")
    assert said.exit == 4
    assert "p: check not_null(code) of transform.b failed for 2 rows\n" in said.stdout
    assert "p: check accepted_values(mark) of transform.b quarantined 1 row\n" in said.stdout
    assert "p: check many \\x1b[31m of transform.b warned\n" in said.stdout
    (subject,) = project.sluice("health", "p", "--json").json["pipelines"]
    assert [(c["check"], c["outcome"]) for c in subject["checks"]][:2] == [
        ("not_null(code)", "failed"),
        ("unique(id)", "warned"),
    ]
    assert all("sample" not in c for c in subject["checks"])
    checked("warn", expect=0)
    said = project.sluice("health", "p")
    assert said.exit == 0 and "p: check not_null(code) of transform.b warned for 2 rows\n" in said.stdout


def test_a_column_called_mark_is_no_mark(checked, project):
    checked("warn", expect=0)
    shown = project.sluice("quarantine", "show", "p", "--json").json["rows"]
    assert [(row["check_name"], json.loads(row["row_json"])["mark"]) for row in shown] == [("accepted_values(mark)", 2)]
