"""`sluice test`: the cases beside a pipeline, and what they say when something is not as expected."""

import json
import xml.etree.ElementTree as ET

import pytest

PIPELINE = """
params: {least: {type: int, default: 0}}
extract:
  a: {from: "s3://bucket/a*.csv", only_new: true, columns: {x: bigint, at: date}}
  l: {from: data/l.csv}
transform:
  b:
    sql: "select a.*, l.name, now() < '2000-01-01' as old from a left join l on a.x = l.x where a.x > $least"
    checks:
      - not_null: [name]
        severity: warn
load:
  b: {into: n.t, mode: upsert, key: [x], partition_by: [at]}
  c: {from: b, to: "s3://bucket/out/${run.id}.csv"}
"""


@pytest.fixture
def cases(project, tmp_path):
    project.write("pipelines/p.yaml", PIPELINE)
    project.write("data/l.csv", "x,name\n1,one\n2,two\n")
    boxes = tmp_path / "boxes"
    boxes.mkdir()

    def run(text, *flags, expect=0):
        project.write("pipelines/p.test.yaml", "cases:\n" + text)
        result = project.sluice("test", *flags, env={"TMPDIR": str(boxes)})
        assert result.exit == expect, str(result)
        assert list(boxes.iterdir()) == []
        return result

    return run


JOINED = """
  - name: joined
    inputs:
      a: [{x: 1, at: 2024-01-01}, {x: 3, at: 2024-01-02}, {x: -1, at: 2024-01-02}]
    tables:
      n.t: [{x: 9, at: 2024-01-01, name: "ni,\\"ne"}, {x: 1, at: 2024-01-01, name: gone}]
    expect:
      b: [{x: 3, name: ~, old: false}, {x: 1, name: one, at: 2024-01-01}]
      n.t: {rows: [{x: 1, name: one}, {x: 3, name: null}, {x: 9, name: "ni,\\"ne"}]}
    checks: {not_null(name): warned}
"""


def test_it_passes(cases, project):
    said = cases(JOINED)
    assert said.stdout == "ok     p: joined\n1 passed, 0 failed\n"
    assert not project.path(".sluice/catalog.db").exists()


def test_differences_are_shown(cases):
    said = cases(JOINED.replace("x: 9, name: ", "x: 9.5, name: "), expect=1)
    assert "n.t: 3 rows came, 3 were expected" in said.stdout
    assert [line.split() for line in said.stdout.splitlines() if "missing" in line] == [["missing", "9.5", 'ni,"ne']]
    assert [line.split() for line in said.stdout.splitlines() if "unexpected" in line] == [["unexpected", "9", 'ni,"ne']]
    assert "0 passed, 1 failed" in said.stdout


@pytest.mark.parametrize(
    "case,said",
    [
        ('inputs: {a: {text: "x,at\\n1,soon\\n"}}, fails: is not DATE', None),
        ('inputs: {a: {text: "x,at\\n1,soon\\n"}}, fails: is too late', "and was expected to fail by: is too late"),
        ('inputs: {a: {text: "x,at\\n1,2024-01-01\\n"}}, fails: x', "the run succeeded, and was expected to fail"),
        ('inputs: {a: {text: "x,at\\n1,soon\\n"}}, expect: {n.t: []}', "the run failed"),
        ("expect: {b: []}", "extract.a reads from a network; give its rows under `inputs:`"),
        ("inputs: {z: [{x: 1}]}, fails: x", "inputs.z: the pipeline has no extract of that name"),
        ("inputs: {a: [{x: 1, at: 2024-01-01}]}, expect: {zz: []}", "no dataset of that name"),
        ("inputs: {a: [{x: 1, at: 2024-01-01}]}, checks: {zz: passed}", "zz     passed    was not asked"),
        ("inputs: {a: [{x: 1, at: 2024-01-01}]}, checks: {not_null(name): failed}", "not_null(name)  failed    passed     0"),
        ("inputs: {a: [{x: 1, at: 2024-01-01}]}, checks: {transform.b not_null(name): passed}", None),
        ("inputs: {a: [{x: 1, at: 2024-01-01}]}, checks: {transform.c not_null(name): passed}", "was not asked"),
        ("inputs: {a: {file: s3://b/k.csv}}, expect: {b: []}", "inputs.a: s3://b/k.csv is in a network, and a test has none"),
        ("inputs: {a: [{x: 1, at: 2024-01-01}]}, expect: {n.zz: []}", "n.zz: nothing is loaded into it"),
        ("inputs: {a: [{x: 1, at: 2024-01-01}]}, quarantine: {b: 0}", "quarantine.b: nothing puts rows of it aside"),
        ("inputs: {a: [{x: 5, at: 2024-01-01}]}, params: {least: 5}, expect: {b: []}", None),
        ("inputs: {a: [{x: 5, at: 2024-01-01}]}, params: {leest: 5}, expect: {b: []}", "leest"),
        ("inputs: {a: {file: data/in.csv}}, expect: {b: {file: data/out.ndjson, order: exact}}", None),
        ("inputs: {a: {file: data/in.csv}}, expect: {b: {file: data/none.ndjson}}", "none.ndjson"),
    ],
)
def test_cases(cases, project, case, said):
    project.write("data/in.csv", "x,at\n1,2024-01-01\n2,2024-01-02\n")
    project.write("data/out.ndjson", '{"x": 1, "name": "one", "at": "2024-01-01"}\n{"x": 2.0}\n')
    result = cases("  - {name: it, " + case + "}\n", expect=1 if said else 0)
    assert not said or said in result.stdout


@pytest.mark.parametrize(
    "text,said",
    [
        ("  - {name: a, expectt: {}}", 'p.test.yaml:2:15: a case: "expectt" is not a key here; did you mean "expect"?'),
        ("  - {name: a, quarantine: {a: some}}", 'quarantine.a: "some" is no number of rows'),
        ("  - {name: a, quarantine: {a: -1}}", 'quarantine.a: "-1" is no number of rows'),
        ("  - {name: a, quarantine: {a: [{lin: 1}]}}", 'quarantine.a: "lin" is not a column there; did you mean "line"?'),
        ("  - {name: a}", "2:5: a case says what is to come out"),
        ("  - {expect: {b: []}}", "2:5: a case needs a name"),
        ("  - {name: a, expect: {b: {rows: [], file: x}}}", "2:27: b: needs one of rows, file"),
        ("  - {name: a, checks: {c: maybe}}", "checks.c: is passed, failed, warned or quarantined, not \"maybe\""),
        ("  - {name: a, expect: {b: [3]}}", "a row: is a text, and takes a map"),
        ("  - {name: a, due: soon, fails: x}", "2:20: due: "),
        ("  - {name: a, expect: {b: [{x: [1]}]}}", "a cell is one value"),
    ],
)
def test_wrong_files(cases, text, said):
    assert said in cases(text, expect=2).stderr


def test_reports(cases, project):
    project.write("pipelines/other.yaml", "extract:\n  a: {from: x.csv}\nload:\n  a: {into: n.o, mode: overwrite}\n")
    bad = '  - {name: "a <b> & \\"c\\"", expect: {b: []}}\n'
    said = json.loads(cases(JOINED + bad, "--json", "--junit", "results.xml", expect=1).stdout)
    assert [(case["case"], case["passed"]) for case in said] == [("joined", True), ('a <b> & "c"', False)]
    suite = ET.parse(project.path("results.xml")).getroot().find("testsuite")
    assert (suite.get("tests"), suite.get("failures")) == ("2", "1")
    failed = suite.findall("testcase")[1]
    assert failed.get("name") == 'a <b> & "c"' and "network" in failed.find("failure").text
    assert cases(JOINED + bad, "p", "--case", "joined").stdout.count("ok ") == 1
    missing = project.sluice("test", "other")
    assert missing.exit == 1 and "other.test.yaml is not there" in missing.stderr


def test_tests_are_no_pipelines(cases, project):
    cases(JOINED)
    assert "1 pipeline, 0 errors" in project.sluice("validate").stdout
    assert [p["pipeline"] for p in json.loads(project.sluice("list", "--json").stdout)] == ["p"]


def test_those_that_ship(shipped):
    result = shipped.sluice("test")
    assert result.exit == 0, str(result)
    assert "4 passed, 0 failed" in result.stdout
