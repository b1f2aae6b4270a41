"""What cases of `sluice test` expect of the quarantine and of checks, that they reach no network, and JUnit."""

import json
import os
import pathlib
import shutil
import socket
import subprocess
import threading
import xml.etree.ElementTree as ET

import pytest

PIPELINE = """
params: {least: {type: int, default: 0}}
extract:
  orders:
    from: "https://example.com/orders.csv"
    columns: {id: bigint, cost: bigint}
    on_bad_row: quarantine
    repeat: true
  lines: {from: data/lines.csv, repeat: true}
transform:
  good:
    sql: select o.id, o.cost, o.code from orders o where id > $least
    checks:
      - {accepted_values: {code: [A, B]}, severity: quarantine}
      - {row_count: {max: 3}, name: few, severity: warn}
      - not_null: [cost]
      - unique: [id]
load:
  good: {into: shop.orders, mode: overwrite}
  lines: {into: shop.lines, mode: overwrite}
on_commit: ["%s/commit"]
on_failure: ["%s/failure"]
finally: ["%s/finally"]
"""
ORDERS = """
    inputs:
      orders:
        text: |
          id,cost,code
          1,10,A
          two,20,B
          3,30,Z
"""


class Door:
    """Counts who knocks."""

    def __init__(self):
        self.knocks = 0
        self.socket = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self.socket.getsockname()[1]}"
        threading.Thread(target=self.listen, daemon=True).start()

    def listen(self):
        while True:
            try:
                connection, _ = self.socket.accept()
            except OSError:
                return
            self.knocks += 1
            connection.close()


@pytest.fixture
def door():
    door = Door()
    yield door
    door.socket.close()


@pytest.fixture
def cases(project, door):
    def run(text, *flags, expect=0, pipeline=PIPELINE):
        project.write("pipelines/p.yaml", pipeline.replace("%s", door.url))
        project.write("data/lines.csv", "order_id,n\n1,2\n")
        project.write("pipelines/p.test.yaml", "cases:\n" + text)
        result = project.sluice("test", *flags)
        assert result.exit == expect, str(result)
        assert door.knocks == 0
        return result

    return run


REASON = '"two" is not BIGINT'


def test_rows_that_are_put_aside(cases):
    cases(
        "  - name: aside"
        + ORDERS
        + f"""
    quarantine:
      orders: [{{line: 3, column: id, raw: "two,20,B", check: ~}}]
      good: [{{check: accepted_values(code), row: '{{"id":3,"cost":30,"code":"Z"}}', line: ~}}]
    expect: {{shop.orders: [{{id: 1, cost: 10}}], good: [{{id: 1}}]}}
    checks: {{accepted_values(code): quarantined, few: passed, unique(id): passed}}
  - name: counted{ORDERS}
    quarantine: {{orders: 1, good: {{rows: [{{check: accepted_values(code)}}]}}}}
    checks: {{accepted_values(code): failed}}
  - name: none
    inputs: {{orders: [{{id: 1, cost: 2, code: A}}]}}
    quarantine: {{orders: 0, good: []}}
"""
    )


@pytest.mark.parametrize(
    "expected,said",
    [
        ("{orders: 2}", ["quarantine.orders: 1 rows came, 2 were expected", "unexpected  3     id"]),
        ("{orders: 0}", ["quarantine.orders: 1 rows came, 0 were expected", "two,20,B"]),
        ("{orders: [{line: 4}]}", ["missing     4", "unexpected  3"]),
        ("{good: [{check: nobody}]}", ["missing     nobody", "unexpected  accepted_values(code)"]),
        ("{lines: 0}", ["quarantine.lines: nothing puts rows of it aside"]),
    ],
)
def test_differences_of_the_quarantine_are_a_table(cases, expected, said):
    result = cases(f"  - name: x{ORDERS}\n    quarantine: {expected}\n", expect=1)
    for text in said:
        assert text in result.stdout, result.stdout


def test_masked_columns_stay_masked_there(cases):
    cases(
        f"  - name: x{ORDERS}\n    quarantine: {{orders: [{{line: 3, reason: 'column id: {REASON}'}}]}}\n",
        expect=1,
        pipeline=PIPELINE.replace("    on_bad_row: quarantine", "    mask: [id]\n    on_bad_row: quarantine"),
    ).stdout.index("sha256:")


BAD = """
    inputs: {orders: [{id: 1, cost: ~, code: A}, {id: 1, cost: 2, code: A}, {id: 5, cost: 2, code: B}, {id: 6, cost: 1, code: A}]}
"""


@pytest.mark.parametrize(
    "more,passes",
    [
        ("checks: {not_null(cost): failed, unique(id): failed, few: warned}", True),
        ("checks: {not_null(cost): failed}", False),  # unique(id) is a surprise
        ("checks: {not_null(cost): failed}, fails: not_null", True),
        ("fails: check not_null(cost) failed for 1 row", True),
        ("checks: {not_null(cost): warned, unique(id): failed}", False),
        ("checks: {few: failed}, fails: not_null", False),  # it warns
        ("checks: {few: passed}, fails: not_null", False),
        ("expect: {shop.orders: []}, checks: {not_null(cost): failed, unique(id): failed}", True),
        ("expect: {shop.orders: [{id: 5}]}, checks: {not_null(cost): failed, unique(id): failed}", False),
        ("quarantine: {orders: 0}, checks: {not_null(cost): failed, unique(id): failed}", True),
        ("checks: {not_null(cost): failed, unique(id): failed}, fails: is not DATE", False),
    ],
)
def test_checks(cases, more, passes):
    more = more.replace("}, ", "}\n    ").replace(": {shop", ": {shop")
    cases(f"  - name: x{BAD}    {more}\n", expect=0 if passes else 1)


def test_differences_of_checks_are_a_table(cases):
    said = cases(f"  - name: x{BAD}    checks: {{few: passed, not_null(cost): failed}}\n", expect=1).stdout
    lines = [line.split() for line in said.splitlines()]
    assert ["CHECK", "EXPECTED", "CAME", "ROWS"] in lines
    assert ["few", "passed", "warned", "0"] in lines
    assert ["unique(id)", "failed", "1"] in lines
    assert not any(line[:1] == ["not_null(cost)"] for line in lines)


def test_nothing_reaches_a_network(cases, project, door):
    """Neither hooks, nor sources, nor targets, nor a URL in SQL: the door is asserted shut by the fixture."""
    text = PIPELINE.replace("https://example.com", "%s")
    cases(f"  - name: x{ORDERS}\n    expect: {{shop.orders: [{{id: 1}}]}}\n", pipeline=text)
    said = cases("  - name: x\n    expect: {shop.orders: []}\n", pipeline=text, expect=1)
    assert "extract.orders reads from a network; give its rows under `inputs:`" in said.stdout
    said = cases(f"  - name: x\n    inputs: {{orders: {{file: '{door.url}/a.csv'}}}}\n    expect: {{shop.orders: []}}\n", pipeline=text, expect=1)
    assert "is in a network, and a test has none" in said.stdout
    exported = text.replace("good: {into: shop.orders, mode: overwrite}", 'good: {to: "s3://bucket/${run.id}.csv"}')
    cases(f"  - name: x{ORDERS}\n    quarantine: {{orders: 1}}\n", pipeline=exported)
    for sql in (f"select * from read_csv('{door.url}/a.csv')", f"select * from '{door.url}/a.csv'"):
        bad = text.replace("select o.id, o.cost, o.code from orders o where id > $least", sql)
        cases(f"  - name: x{ORDERS}\n    expect: {{shop.orders: []}}\n", pipeline=bad, expect=1)


def test_no_module_for_a_network_is_loaded(cases, project, door):
    """The cases run where the network's module is not even there."""
    home, build = project.path("bin"), pathlib.Path(os.environ["SLUICE_BIN"]).parent
    home.mkdir()
    for name in ("sluice", "sluice_duckdb.so", "libduckdb.so"):
        if (build / name).is_file():
            shutil.copy(build / name, home / name)
    cases(f"  - name: x{ORDERS}\n    expect: {{shop.orders: [{{id: 1}}]}}\n")
    done = subprocess.run([home / "sluice", "test"], cwd=project.root, env=project.environment, capture_output=True)
    assert done.returncode == 0, done.stdout.decode() + done.stderr.decode()
    done = subprocess.run([home / "sluice", "run", "p"], cwd=project.root, env=project.environment, capture_output=True)
    assert b"sluice_net" in done.stderr, "else this proves nothing"


# What Jenkins, GitLab and GitHub read: attributes that must be there, and what may be inside.
SCHEMA = {
    "testsuites": (set(), {"testsuite"}),
    "testsuite": ({"name", "tests", "failures", "errors", "skipped", "time"}, {"testcase"}),
    "testcase": ({"classname", "name", "time", "file"}, {"failure"}),
    "failure": ({"message", "type"}, set()),
}


def check_schema(element):
    attributes, children = SCHEMA[element.tag]
    assert attributes <= set(element.keys()), element.tag
    for child in element:
        assert child.tag in children, child.tag
        check_schema(child)


def test_junit(cases, project):
    bad = ORDERS.replace("two", "t]]>&<wo")
    text = f"""  - name: "good <1> & \\"2\\" \\x01 \\uFFFD \\u20ac"{ORDERS}    quarantine: {{orders: 1}}
  - name: bad{bad}    quarantine: {{orders: 0}}
  - name: worse{BAD}    checks: {{few: passed, not_null(cost): failed}}
"""
    cases(text, "--junit", "out.xml", expect=1)
    root = ET.parse(project.path("out.xml")).getroot()
    assert root.tag == "testsuites"
    check_schema(root)
    (suite,) = root
    tests = suite.findall("testcase")
    assert (suite.get("tests"), suite.get("failures"), suite.get("errors")) == ("3", "2", "0")
    assert [t.find("failure") is None for t in tests] == [True, False, False]
    assert tests[0].get("name") == 'good <1> & "2"   \ufffd \u20ac'
    assert {t.get("classname") for t in tests} == {"p"} and {t.get("file") for t in tests} == {"pipelines/p.test.yaml"}
    assert "t]]>&<wo" in tests[1].find("failure").text
    assert "unique(id)" in tests[2].find("failure").text and "EXPECTED" in tests[2].find("failure").text
    assert abs(sum(float(t.get("time")) for t in tests) - float(suite.get("time"))) < 0.01


def test_bytes_that_are_no_text_are_no_reason_for_broken_xml(cases, project):
    project.write("data/odd.csv", b"id,cost,code\n1,10,A\n\xff\xfe\x02\xef\xbf\xbe,20,B\n")
    text = "  - name: odd\n    inputs: {orders: {file: data/odd.csv}}\n    quarantine: {orders: 0}\n"
    cases(text, "--junit", "out.xml", expect=1)
    check_schema(ET.parse(project.path("out.xml")).getroot())
    said = json.loads(cases(text, "--json", expect=1).stdout)
    assert said[0]["passed"] is False and "quarantine.orders: 1 rows came" in said[0]["why"]


def test_what_the_readme_shows(project):
    """The cases of README.md, "Tests of pipelines", over a pipeline that they fit."""
    readme = (pathlib.Path(__file__).parents[2] / "README.md").read_text()
    (text,) = [part.split("```")[0] for part in readme.split("```yaml\n") if part.startswith("# pipelines/orders.test")]
    project.write("pipelines/orders.test.yaml", text)
    project.write(
        "pipelines/orders.yaml",
        """
params: {since: {type: date, default: 2020-01-01}}
extract:
  orders: {from: in/*.csv, repeat: true, on_bad_row: quarantine, columns: {id: bigint}}
transform:
  kept:
    sql: select * from orders where state <> 'cancelled'
    checks:
      - not_null: [id]
      - unique: [id]
      - {row_count: {min: 2}, severity: warn}
load:
  kept: {into: shop.orders, mode: append}
""",
    )
    result = project.sluice("test", "orders")
    assert result.exit == 0 and "3 passed" in result.stdout, str(result)
