"""catalog ls, show, history, files, read and sql over tables that runs committed."""

import csv
import io
import json
import os
import shutil
import signal
import subprocess
import time

import pytest
from conftest import PATIENCE

SLUICE = os.environ.get("SLUICE_BIN", os.path.abspath("build/sluice"))

PEOPLE = """
name: people
extract:
  src:
    from: people*.csv
    only_new: true
    columns: {day: date}
load:
  src:
    into: demo.people
    partition_by: ["month(day)"]
"""

# A table that has columns and no rows, one with values of every kind, one with many rows.
OTHERS = """
name: others
extract:
  src: {from: people.csv}
transform:
  none: {sql: "select * from src where id < 0"}
  kinds:
    sql: |
      select id, id::decimal(10,2) / 4 as cost, id % 2 = 0 as even, [id, null] as list,
        {'a': id, 'b': 'say "hi", ' || id} as struct, timestamp '2026-11-21 06:15:00' as at,
        case when id = 1 then null else 'a,"b"' end as text
      from src where id < 3 order by id
  many: {sql: "select s.id as n, repeat('x', 100) as filling from src s, range(200000) r"}
load:
  none: {into: demo.nothing, mode: overwrite, on_empty: replace}
  kinds: {into: demo.kinds, mode: overwrite}
  many: {into: demo.many, mode: overwrite}
"""


def environ():
    return {k: v for k, v in os.environ.items() if not k.startswith("SLUICE_")}


def sluice(*args, cwd, code=0):
    result = subprocess.run(
        [SLUICE, *args], cwd=cwd, env=environ(), capture_output=True, text=True, timeout=120, check=False
    )
    assert result.returncode == code, result.stderr
    assert code == 0 or result.stderr.count("\n") == 1
    return result


def read_json(*args, cwd):
    return json.loads(sluice(*args, "--json", cwd=cwd).stdout)


def write_people(folder, name, first, count):
    with open(folder / name, "w", encoding="utf-8") as file:
        file.write("id,name,day\n")
        for i in range(first, first + count):
            file.write(f"{i},n{i},2026-0{1 + i % 3}-11\n")


@pytest.fixture(scope="module", name="project")
def make_project(tmp_path_factory):
    folder = tmp_path_factory.mktemp("catalog")
    (folder / "pipelines").mkdir()
    (folder / "sluice.yaml").write_text("project: t\nenvironments: {dev: {}}\n")
    (folder / "pipelines" / "people.yaml").write_text(PEOPLE)
    (folder / "pipelines" / "others.yaml").write_text(OTHERS)
    write_people(folder, "people.csv", 0, 10)
    sluice("run", "people", "-q", cwd=folder)
    sluice("run", "others", "-q", cwd=folder)
    write_people(folder, "people2.csv", 10, 2)
    sluice("run", "people", "-q", cwd=folder)
    return folder


# --- looking


def test_ls(project):
    tables = {t["table"]: t for t in read_json("catalog", "ls", cwd=project)}
    assert sorted(tables) == ["demo.kinds", "demo.many", "demo.nothing", "demo.people"]
    assert tables["demo.people"]["rows"] == 12
    assert tables["demo.people"]["partitions"] == 3
    assert tables["demo.nothing"]["rows"] == 0
    assert len(read_json("catalog", "ls", "demo", cwd=project)) == 4
    text = sluice("catalog", "ls", cwd=project).stdout
    assert text.splitlines()[0].split()[:3] == ["TABLE", "VERSION", "ROWS"]
    assert "\x1b" not in text


def test_show(project):
    table = read_json("catalog", "show", "demo.people", cwd=project)
    assert table["columns"] == [
        {"name": "id", "type": "BIGINT", "field_id": 1},
        {"name": "name", "type": "VARCHAR", "field_id": 2},
        {"name": "day", "type": "DATE", "field_id": 3},
    ]
    assert table["partition_by"] == ["month(day)"]
    assert table["position"] == 2
    text = sluice("catalog", "show", "demo.people", cwd=project).stdout
    assert "partition by month(day)\n" in text
    assert " 3  day     DATE\n" in text


def test_history(project):
    deltas = read_json("catalog", "history", "demo.people", cwd=project)
    runs = read_json("runs", "people", cwd=project)
    assert [d["position"] for d in deltas] == [2, 2, 1, 1, 1]
    assert {d["run_id"] for d in deltas} == {r["run_id"] for r in runs}
    assert all(d["type"] == "append" and d["state"] == "committed" for d in deltas)
    assert sum(d["rows"] for d in deltas) == 12
    assert len(read_json("catalog", "history", "demo.people", "--limit", "2", cwd=project)) == 2


def test_files(project):
    files = read_json("catalog", "files", "demo.people", cwd=project)
    assert len(files) == 5
    assert sum(f["rows"] for f in files) == 12
    assert {tuple(f["partition"]) for f in files} == {("2026-01",), ("2026-02",), ("2026-03",)}
    for file in files:
        assert os.path.getsize(file["path"]) == file["bytes"]
    assert len(read_json("catalog", "files", "demo.people", "-n", "3", cwd=project)) == 3
    assert read_json("catalog", "files", "demo.nothing", cwd=project) == []


# --- reading


def read_csv(*args, cwd):
    return list(csv.reader(io.StringIO(sluice(*args, "--format", "csv", cwd=cwd).stdout)))


def test_read_csv(project):
    rows = read_csv("catalog", "read", "demo.people", cwd=project)
    assert rows[0] == ["id", "name", "day"]
    assert sorted(int(r[0]) for r in rows[1:]) == list(range(12))


def test_read_values_of_every_kind(project):
    lines = sluice("catalog", "read", "demo.kinds", "--format", "ndjson", cwd=project).stdout
    rows = [json.loads(line) for line in lines.splitlines()]
    assert rows[1] == {
        "id": 1,
        "cost": 0.25,
        "even": False,
        "list": [1, None],
        "struct": {"a": 1, "b": 'say "hi", 1'},
        "at": "2026-11-21T06:15:00",
        "text": None,
    }
    assert rows[2]["even"] is True and rows[2]["text"] == 'a,"b"'
    table = read_csv("catalog", "read", "demo.kinds", cwd=project)
    assert table[1][6] == 'a,"b"' and table[2][6] == ""
    assert json.loads(table[1][4]) == {"a": 0, "b": 'say "hi", 0'}
    value = read_json("catalog", "read", "demo.kinds", cwd=project)
    assert value["rows"] == rows
    assert value["columns"][2] == {"name": "even", "type": "BOOLEAN"}


def test_a_table_without_rows_is_read(project):
    assert sluice("catalog", "read", "demo.nothing", "-o", "csv", cwd=project).stdout == "id,name,day\n"
    assert sluice("catalog", "read", "demo.nothing", "-o", "ndjson", cwd=project).stdout == ""
    value = read_json("catalog", "read", "demo.nothing", cwd=project)
    assert value["rows"] == [] and len(value["columns"]) == 3


def test_sql_names_the_table_both_ways(project):
    for name in ("people", "demo.people", "Demo.PEOPLE", '"people"'):
        sql = f"select count(*) as n, max(id) as top from {name}"
        rows = read_json("catalog", "read", "demo.people", "--sql", sql, cwd=project)["rows"]
        assert rows == [{"n": 12, "top": 11}]
    sql = "select count(*) as n from people p join demo.kinds k using (id)"
    assert read_json("catalog", "read", "demo.people", "--sql", sql, cwd=project)["rows"] == [{"n": 3}]


def test_sql_over_all_tables(project):
    sql = "with x as (select id from demo.people) select count(*) as n from x join demo.kinds using (id)"
    assert read_json("sql", sql, cwd=project)["rows"] == [{"n": 3}]
    assert read_csv("sql", "from demo.people order by id", "-n", "2", cwd=project)[2][0] == "1"
    assert sluice("sql", "select 1 as one", "-o", "csv", cwd=project).stdout == "one\n1\n"


def peak_kib(pid):
    with open(f"/proc/{pid}/status", encoding="utf-8") as status:
        return next(int(line.split()[1]) for line in status if line.startswith("VmHWM"))


@pytest.mark.skipif(os.environ.get("SLUICE_SANITIZED") == "1", reason="sanitizers make it large")
def test_more_rows_than_memory_is_taken(project):
    length = peak = 0
    with subprocess.Popen(
        [SLUICE, "catalog", "read", "demo.many", "-o", "csv"], cwd=project, env=environ(), stdout=subprocess.PIPE
    ) as reading:
        while chunk := reading.stdout.read(65536):
            length += len(chunk)
            if length < 190_000_000:
                peak = peak_kib(reading.pid)
    assert reading.returncode == 0
    assert length > 2_000_000 * 103
    assert peak < 160 * 1024


def test_a_reader_that_has_enough_is_no_failure(project):
    script = '"$0" sql "from demo.many" -o csv | head -1; exit ${PIPESTATUS[0]}'
    result = subprocess.run(
        ["bash", "-c", script, SLUICE], cwd=project, env=environ(), capture_output=True, text=True, check=False
    )
    assert (result.returncode, result.stdout, result.stderr) == (0, "n,filling\n", "")


def test_a_full_disk_is_a_failure(project):
    with open("/dev/full", "w", encoding="utf-8") as full:
        result = subprocess.run(
            [SLUICE, "catalog", "read", "demo.many", "-o", "csv"],
            cwd=project, env=environ(), stdout=full, stderr=subprocess.PIPE, text=True, check=False,
        )
    assert result.returncode == 1
    assert "cannot be written" in result.stderr and result.stderr.count("\n") == 1


def test_ctrl_c_ends_a_query(project):
    sql = "select count(*) from demo.many a, demo.many b where a.n + b.n < -1"
    with subprocess.Popen(
        [SLUICE, "sql", sql], cwd=project, env=environ(), stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as query:
        spool = project / ".sluice" / "spool"
        deadline = time.monotonic() + 30
        while not any(spool.glob("sql-*/spill")) and time.monotonic() < deadline:
            time.sleep(0.02)
        time.sleep(0.3)
        query.send_signal(signal.SIGINT)
        started = time.monotonic()
        query.wait(timeout=30)
        assert time.monotonic() - started < 2 * PATIENCE
        assert query.returncode == 130
    assert not list(spool.glob("sql-*"))


# --- what is refused


@pytest.mark.parametrize(
    "args, code, message",
    [
        (["catalog", "show", "demo.peeple"], 2, 'there is no table "demo.peeple"; did you mean "demo.people"?'),
        (["catalog", "read", "people"], 2, 'there is no table "people"; did you mean "demo.people"?'),
        (["catalog", "history", "x.y"], 2, 'there is no table "x.y" in environment dev; sluice catalog ls'),
        (["catalog", "files", "Demo.People"], 2, '"Demo.People" is no table: write namespace.table'),
        (["catalog", "ls", "demmo"], 2, 'there is no namespace "demmo"; did you mean "demo"?'),
        (["sql", "select * from demo.kind"], 2, 'there is no table "demo.kind"; did you mean "demo.kinds"?'),
        (["sql", "select * from kinds"], 2, 'there is no table "kinds"; did you mean "demo.kinds"?'),
        (["sql", "drop table demo.kinds"], 1, "SQL, character 1: this is no SELECT"),
        (["sql", "select * from read_csv('people.csv')"], 1, "SQL, character 15: read_csv() cannot be called"),
        (["sql", "select nope from demo.kinds"], 1, "Referenced column"),
        (["catalog", "read", "demo.kinds", "--format", "xml"], 2, '--format: "xml" is not a format'),
        (["catalog", "lss"], 2, 'catalog: there is no command "lss"; did you mean "ls"?'),
    ],
)
def test_refused_in_one_line(project, args, code, message):
    result = sluice(*args, cwd=project, code=code)
    assert message in result.stderr
    assert result.stdout == ""


def test_nothing_is_made_where_nothing_is(tmp_path):
    assert read_json("catalog", "ls", cwd=tmp_path) == []
    assert not (tmp_path / ".sluice").exists()


def test_a_file_of_a_table_that_is_gone(project, tmp_path):
    copy = tmp_path / "copy"
    shutil.copytree(project, copy)
    files = read_json("catalog", "files", "demo.kinds", cwd=copy)
    kept = files[0]["path"] + ".kept"
    os.rename(files[0]["path"], kept)
    try:
        for command in (["catalog", "read", "demo.kinds"], ["sql", "select * from demo.kinds"]):
            result = sluice(*command, cwd=copy, code=1)
            assert "table demo.kinds: its data file demo/kinds/" in result.stderr
            assert f"is gone: restore it as {files[0]['path']}; `sluice catalog files demo.kinds`" in result.stderr
    finally:
        os.rename(kept, files[0]["path"])
