"""init, validate, list, show, plan, preview, run on the project that init writes."""

import json
import os
import pty
import select
import signal
import subprocess
import time

import pytest

SLUICE = os.environ.get("SLUICE_BIN", os.path.abspath("build/sluice"))
SLOWER = 5 if os.environ.get("SLUICE_SANITIZED") == "1" else 1


def environ(**more):
    env = {k: v for k, v in os.environ.items() if not k.startswith("SLUICE_")}
    return {**env, **more}


def sluice(*args, cwd):
    return subprocess.run(
        [SLUICE, *args], cwd=cwd, env=environ(), capture_output=True, text=True, timeout=120, check=False
    )


@pytest.fixture(name="shop")
def make_shop(tmp_path):
    result = sluice("init", "shop", cwd=tmp_path)
    assert result.returncode == 0
    assert "shop/sluice.yaml\n" in result.stdout
    return tmp_path / "shop"


def read_json(*args, cwd, code=0):
    result = sluice(*args, "--json", cwd=cwd)
    assert result.returncode == code, result.stderr
    return json.loads(result.stdout)


# --- init


def test_init_overwrites_nothing(shop):
    (shop / "sluice.yaml").write_text("mine")
    result = sluice("init", "shop", cwd=shop.parent)
    assert result.returncode == 1
    assert result.stderr.startswith("sluice: init: shop/sluice.yaml is there already")
    assert (shop / "sluice.yaml").read_text() == "mine"


def test_init_leaves_nothing_half_done(tmp_path):
    (tmp_path / "shop" / "pipelines").mkdir(parents=True)
    (tmp_path / "shop" / "pipelines" / "example.yaml").symlink_to("nowhere")
    assert sluice("init", "shop", cwd=tmp_path).returncode == 1
    assert sorted(os.listdir(tmp_path / "shop")) == ["pipelines"]


# --- validate, list, show


def test_validate(shop):
    result = sluice("validate", cwd=shop)
    assert (result.returncode, result.stdout, result.stderr) == (0, "1 pipeline, 0 errors\n", "")


def test_validate_reports_every_error_of_every_file(shop):
    (shop / "pipelines" / "a.yaml").write_text(
        "extract:\n  x: {from: x.csv}\ntransform:\n  t: {sql: select * from y}\nload:\n  t: {to: out.csv}\n"
    )
    (shop / "pipelines" / "b.yaml").write_text("name: example\nextract: {x: {from: x.csv, formt: csv}}\n")
    (shop / "pipelines" / "c.yaml").write_text("name: example\nextract: {x: {from: x.csv}}\nload: {x: {to: o.csv}}\n")
    result = sluice("validate", cwd=shop)
    lines = result.stderr.splitlines()
    assert result.returncode == 2
    assert result.stdout.startswith("4 pipelines, ")
    assert any(line.startswith("sluice: pipelines/a.yaml:4:") and '"y"' in line for line in lines)
    assert any(line.startswith("sluice: pipelines/b.yaml:2:") and "formt" in line for line in lines)
    assert any("is the name of" in line for line in lines)
    report = read_json("validate", cwd=shop, code=2)
    assert report["pipelines"] == 4
    assert report["errors"] == len([p for p in report["problems"] if p["severity"] == "error"]) >= 3
    assert {"path", "line", "column", "severity", "message"} == set(report["problems"][0])


def test_validate_needs_no_state(shop):
    sluice("validate", cwd=shop)
    sluice("plan", "example", cwd=shop)
    sluice("show", "example", cwd=shop)
    assert not (shop / ".sluice").exists()


def test_list(shop):
    result = sluice("list", cwd=shop)
    assert result.stdout.startswith("PIPELINE")
    assert "example   15 6 * * *" in result.stdout
    (item,) = read_json("list", cwd=shop)
    assert item["pipeline"] == "example"
    assert item["loads"] == [{"load": "clean", "into": "shop.orders", "mode": "append"}]
    assert item["next_due"].endswith("T06:15:00.000Z")


def test_show(shop):
    text = sluice("show", "example", cwd=shop).stdout
    assert "transform.clean" in text and "since: date, default 2026-01-01" in text
    shown = read_json("show", "example", cwd=shop)
    clean = {task["task"]: task for task in shown["tasks"]}["transform.clean"]
    assert clean["inputs"] == ["extract.orders", "extract.customers"]
    assert clean["driven_by"] == ["extract.orders"]
    svg = sluice("show", "example", "--svg", cwd=shop).stdout
    assert svg.startswith("<svg")
    assert sluice("show", "example", "--svg", "-o", "x.svg", cwd=shop).stdout == ""
    assert (shop / "x.svg").read_text() == svg
    assert sluice("show", "example", "-o", "no/x.svg", cwd=shop).returncode == 1


# --- plan, preview, run


def test_run_twice(shop):
    plan = read_json("plan", "example", cwd=shop)
    assert plan["nothing_new"] is False
    load = [task for task in plan["tasks"] if task["kind"] == "load"][0]
    assert (load["into"], load["mode"], load["table_exists"]) == ("shop.orders", "append", False)
    assert sluice("run", "example", "--dry-run", cwd=shop).stdout == sluice("plan", "example", cwd=shop).stdout

    first = read_json("run", "example", cwd=shop)
    assert (first["outcome"], first["rows"]) == ("succeeded", 5)
    again = read_json("run", "example", cwd=shop)
    assert (again["outcome"], again["rows"]) == ("nothing_new", 0)
    assert read_json("plan", "example", cwd=shop)["nothing_new"] is True
    assert "Nothing new" in sluice("plan", "example", cwd=shop).stdout
    assert read_json("trigger", "example", cwd=shop)["outcome"] == "nothing_new"


def test_preview(shop):
    text = sluice("preview", "example", "customers", "--quiet", cwd=shop)
    assert text.returncode == 0
    assert "Emmy Noether" in text.stdout and text.stderr == ""
    rows = read_json("preview", "example", "clean", "-q", "--limit", "2", cwd=shop)
    assert len(rows["rows"]) == 2
    assert rows["columns"][0] == {"name": "order_id", "type": "BIGINT"}
    result = sluice("preview", "example", "claen", cwd=shop)
    assert result.stderr == 'sluice: example has no dataset "claen"; did you mean "clean"?\n'
    assert result.returncode == 2


def test_parameters_and_tasks_are_checked_before_anything_begins(shop):
    for args, message in [
        (["--param", "snice=2026-01-01"], "--param snice"),
        (["--param", "since=tomorrowish"], "since"),
        (["--task", "load.claen"], 'did you mean "load.clean"'),
    ]:
        result = sluice("run", "example", *args, cwd=shop)
        assert result.returncode == 2
        assert message in result.stderr
        assert result.stderr.count("\n") == 1
    assert not (shop / ".sluice").exists()


def test_failed_check_exits_3(shop):
    with open(shop / "pipelines" / "data" / "orders-2026.csv", "a", encoding="utf-8") as orders:
        orders.write("1001,2026-03-05,1,1.00\n")
    result = sluice("run", "example", "--json", cwd=shop)
    assert result.returncode == 3
    assert result.stderr.splitlines()[-1].startswith("sluice: ")
    record = json.loads(result.stdout)
    assert (record["outcome"], record["error_code"]) == ("check_failed", "check")


def test_quiet_says_nothing(shop):
    result = sluice("-q", "run", "example", cwd=shop)
    assert (result.returncode, result.stdout, result.stderr) == (0, "", "")


def test_log_is_json_where_there_is_no_terminal(shop):
    result = sluice("run", "example", cwd=shop)
    events = [json.loads(line) for line in result.stderr.splitlines()]
    assert events[-1]["event"] == "run.finished"
    assert result.stdout == ""
    text = sluice("--log-format", "text", "run", "example", cwd=shop).stderr
    assert "\033" not in text and not text.startswith("{")


def test_a_reader_that_goes_away_is_no_failure(shop):
    with subprocess.Popen(
        [SLUICE, "-q", "preview", "example", "clean", "--format", "csv"],
        cwd=shop, env=environ(), stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    ) as process:
        process.stdout.close()
        assert process.stderr.read() == b""
        assert process.wait(60) == 0


# --- on a terminal


def write_large(shop, files=2, rows=400_000):
    for n in range(files):
        with open(shop / "pipelines" / "data" / f"large{n}.csv", "w", encoding="utf-8") as out:
            out.write("id,day,amount\n")
            out.writelines(f"{i},2026-01-{i % 28 + 1:02},{i % 977}.50\n" for i in range(rows))
    extracts = "".join(f"  e{n}: {{from: pipelines/data/large{n}.csv, repeat: true}}\n" for n in range(files))
    union = " union all ".join(f"select * from e{n}" for n in range(files))
    (shop / "pipelines" / "large.yaml").write_text(
        f"extract:\n{extracts}transform:\n  t: {{sql: {union}}}\n"
        'load:\n  t: {into: big.t, partition_by: ["day(day)"]}\n'
    )


def on_terminal(shop, *args, on_output=None, **env):
    """Runs with stderr on a terminal of 24 × 80; returns what was drawn, and the exit code."""
    master, slave = pty.openpty()
    drawn = b""
    with subprocess.Popen(
        [SLUICE, *args], cwd=shop, env=environ(**{"TERM": "xterm", **env}), stdout=subprocess.PIPE, stderr=slave
    ) as process:
        os.close(slave)
        deadline = time.monotonic() + 60 * SLOWER
        while time.monotonic() < deadline:
            if select.select([master], [], [], 0.5)[0]:
                try:
                    data = os.read(master, 65536)
                except OSError:
                    break
                drawn += data
                if on_output:
                    on_output(process, drawn)
        code = process.wait(10)
    os.close(master)
    return drawn.decode(), code


def test_live_list_on_a_terminal(shop):
    write_large(shop)
    drawn, code = on_terminal(shop, "run", "large")
    assert code == 0
    assert "\033[36m" in drawn and "━" in drawn  # a bar, in colour
    assert "\033[?25l" not in drawn  # the cursor was never hidden
    last = drawn[drawn.rindex("large  ended"):]
    assert "✓" in last and "extract.e0" in last
    assert "800,000 rows committed, 2 objects" in last
    assert '{"ts"' not in drawn


def test_no_color(shop):
    drawn, code = on_terminal(shop, "run", "example", NO_COLOR="1")
    assert code == 0
    assert "5 rows committed" in drawn
    assert "m✓" not in drawn and "\033[1" not in drawn.replace("\033[1A", "")


def test_log_lines_where_they_are_asked_for_or_nothing_can_be_drawn(shop):
    for args, env in [(["--log-format", "text"], {}), ([], {"TERM": "dumb"})]:
        drawn, code = on_terminal(shop, "run", "example", *args, **env)
        assert code == 0
        assert "\033[K" not in drawn
        assert " in " in drawn and "run 0" in drawn


@pytest.mark.parametrize("number, code", [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_signals_cancel_in_order(shop, number, code):
    write_large(shop)
    sent = []

    def stop(process, drawn):
        if not sent and "running".encode() in drawn:
            sent.append(time.monotonic())
            process.send_signal(number)

    drawn, exit_code = on_terminal(shop, "run", "large", on_output=stop)
    assert exit_code == code
    assert time.monotonic() - sent[0] < 2 * SLOWER + 1
    assert "cancelled; nothing was committed" in drawn
    assert not (shop / ".sluice" / "spool").exists() or not os.listdir(shop / ".sluice" / "spool")


# --- conditions of loads

CONDITIONS = """\
params: {{since: {{type: date, default: 2001-01-01}}}}
extract:
  raw: {{from: raw.csv}}
transform:
  x: {{sql: "select id, op, day, seq from raw"}}
load:
  x:
    into: t.x
    mode: {mode}
    {options}
"""


@pytest.mark.parametrize(
    "mode, options, expected",
    [
        ("upsert", "key: [id]\n    delete_when: op = 'D' and", "11:30: load.x.delete_when: syntax error at or near"),
        ("upsert", "key: [id]\n    delete_when: opp = 'D'",
         '11:18: load.x.delete_when: x has no column "opp"; did you mean "op"?'),
        ("upsert", "key: [id]\n    delete_when: |\n      op = 'D'\n      or x.sex > 5",
         '13:10: load.x.delete_when: x has no column "sex"; did you mean "seq"?'),
        ("upsert", "key: [id]\n    delete_when: op = $sinc", '11:23: load.x.delete_when: no parameter is called "sinc"'),
        ("upsert", "key: [id]\n    delete_when: id in (select id from gone)",
         '11:40: load.x.delete_when: no dataset is called "gone"'),
        ("upsert", "key: [id]\n    update: {when: new.seq = and old.seq}", "11:30: load.x.update.when: syntax error"),
        ("upsert", "key: [id]\n    update: {when: new.seqq > old.whatever}",
         '11:20: load.x.update.when: x has no column "seqq"'),
        ("upsert", "key: [idd]", '10:11: load.x.key: x has no column "idd"; did you mean "id"?'),
        ("upsert", "key: [id]\n    sequence_by: sequence", '11:5: load.x.sequence_by: x has no column "sequence"'),
        ("overwrite_partitions", "partition_by: [day]\n    scope: day >= = $since",
         "11:19: load.x.scope: syntax error at or near"),
        ("overwrite_partitions", "partition_by: [day]\n    scope: dday >= $since",
         '11:12: load.x.scope: x has no column "dday"; did you mean "day"?'),
    ],
)  # fmt: skip
def test_validate_looks_at_conditions_of_loads(project, mode, options, expected):
    project.write("pipelines/x.yaml", CONDITIONS.format(mode=mode, options=options))
    result = project.sluice("validate")
    assert result.exit == 2 and f"pipelines/x.yaml:{expected}" in result.stderr or (
        expected.startswith("load") and expected in result.stderr
    ), str(result)
    assert "1 pipeline, 1 error" in result.stdout


@pytest.mark.parametrize(
    "mode, options",
    [
        ("upsert", "key: [ID]\n    delete_when: x.op = 'D' and Day < current_date -- all"),
        ("upsert", "key: [id]\n    delete_when: id in (select key from raw)"),
        ("upsert", "key: [id]\n    update: {when: new.seq > old.other or shade = 1}"),
        ("overwrite_partitions", "partition_by: [day]\n    scope: day >= $since"),
    ],
)
def test_conditions_of_loads_that_are_fine(project, mode, options):
    project.write("pipelines/x.yaml", CONDITIONS.format(mode=mode, options=options))
    result = project.sluice("validate")
    assert result.exit == 0, str(result)


# --- environments that would mix their files


def test_validate_finds_environments_that_mix_their_files(project):
    project.write("pipelines/x.yaml", CONDITIONS.format(mode="upsert", options="key: [id]"))

    def validate(*others):
        lines = "".join(f"  {line}\n" for line in others)
        project.write("sluice.yaml", f"environments:\n  dev: {{store: 'file:.sluice/store'}}\n{lines}")
        return project.sluice("validate")

    result = validate("uat: {store: 'file:other'}")
    assert result.exit == 2, str(result)
    assert "sluice.yaml:3:3: environments.uat: it shares the catalog sqlite:" in result.error
    assert "/.sluice/catalog.db with dev, but has another store" in result.error
    assert validate("uat: {store: 'file:other', catalog: 'sqlite:uat.db'}").exit == 0
    assert validate("uat: {logs: {dir: other}}").exit == 0
    assert validate("uat: {store: '${env.NOWHERE}'}").exit == 0
