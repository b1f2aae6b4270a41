"""sluice logs over a log folder that the test writes."""

import json
import os
import signal
import subprocess
import time
from datetime import datetime, timedelta, timezone

import pytest

SLUICE = os.environ.get("SLUICE_BIN", os.path.abspath("build/sluice"))
NOW = datetime.now(timezone.utc)


def environ():
    return {k: v for k, v in os.environ.items() if not k.startswith("SLUICE_")}


def sluice(*args, cwd, code=0):
    result = subprocess.run(
        [SLUICE, "logs", *args], cwd=cwd, env=environ(), capture_output=True, text=True, timeout=60, check=False
    )
    assert result.returncode == code, result.stderr
    return result


def messages(*args, cwd):
    return [json.loads(line)["msg"] for line in sluice(*args, "--json", cwd=cwd).stdout.splitlines()]


def make_line(msg, when, pipeline="birds", level="info", run="01a1fd0c-33dc", task=None, **more):
    ts = when.strftime("%Y-%m-%dT%H:%M:%S.") + f"{when.microsecond // 1000:03}Z"
    value = {"ts": ts, "level": level, "event": "task.started", "msg": msg, "pipeline": pipeline, "run_id": run}
    if task:
        value["task"] = task
    return json.dumps({**value, **more}, separators=(",", ":"))


def append(folder, when, text):
    logs = folder / ".sluice" / "logs"
    logs.mkdir(parents=True, exist_ok=True)
    with open(logs / when.strftime("%Y-%m-%dT%H.ndjson"), "a", encoding="utf-8") as file:
        file.write(text)


@pytest.fixture(name="project")
def make_project(tmp_path):
    (tmp_path / "pipelines").mkdir()
    (tmp_path / "pipelines" / "birds.yaml").write_text("extract: {a: {from: a.csv}}\nload: {a: {to: b.csv}}\n")
    (tmp_path / "sluice.yaml").write_text("project: t\nenvironments: {dev: {}}\n")
    lines = [
        (timedelta(hours=40), {"msg": "old"}),
        (timedelta(hours=3), {"msg": "three", "level": "debug"}),
        (timedelta(hours=2), {"msg": "two", "task": "load.clean", "level": "warn", "rows": 7}),
        (timedelta(hours=1), {"msg": "fish", "pipeline": "fish", "run": "01bbbbbb"}),
        (timedelta(minutes=1), {"msg": "one", "level": "error", "run": "01cccccc"}),
    ]
    for age, line in lines:
        append(tmp_path, NOW - age, make_line(when=NOW - age, **line) + "\n")
    return tmp_path


@pytest.mark.parametrize(
    "args, expected",
    [
        ([], ["three", "two", "fish", "one"]),
        (["birds"], ["three", "two", "one"]),
        (["pipelines/birds.yaml"], ["three", "two", "one"]),
        (["birds", "--since", "48h"], ["old", "three", "two", "one"]),
        (["--since", "150m"], ["two", "fish", "one"]),
        (["--since", (NOW - timedelta(minutes=90)).isoformat()], ["fish", "one"]),
        (["--until", "150m"], ["old", "three"]),
        (["--run", "01cccc"], ["one"]),
        (["--run", "01a1fd0c"], ["old", "three", "two"]),
        (["--task", "load.clean"], ["two"]),
        (["--level", "warn"], ["two", "one"]),
        (["--grep", "thr"], ["three"]),
        (["-n", "2"], ["fish", "one"]),
        (["birds", "-n", "1", "--level", "warn"], ["one"]),
        (["fish"], ["fish"]),
    ],
)
def test_filters(project, args, expected):
    assert messages(*args, cwd=project) == expected


def test_text_for_people(project):
    lines = sluice("--level", "warn", cwd=project).stdout.splitlines()
    assert lines[0].endswith(" warn  birds load.clean two  rows=7")
    assert lines[1].endswith(" error birds one")
    assert "\x1b" not in "".join(lines)


def test_lines_that_are_no_json_are_shown(project):
    append(project, NOW, 'Killed\x1b[2J\n{"ts":"cut off, pipeline birds')
    lines = sluice(cwd=project).stdout.splitlines()
    assert lines[-2:] == ["Killed\\x1b[2J", '{"ts":"cut off, pipeline birds']
    assert sluice("birds", "-n", "1", cwd=project).stdout == '{"ts":"cut off, pipeline birds\n'
    values = [json.loads(line) for line in sluice("--json", cwd=project).stdout.splitlines()]
    assert values[-2] == {"raw": "Killed\x1b[2J"}


def test_an_unknown_pipeline(project):
    result = sluice("brids", cwd=project, code=2)
    assert result.stderr == 'sluice: there is no pipeline "brids"; did you mean "birds"?\n'


def test_a_pipeline_that_wrote_nothing(project):
    (project / "pipelines" / "quiet.yaml").write_text("extract: {a: {from: a.csv}}\nload: {a: {to: b.csv}}\n")
    assert sluice("quiet", cwd=project).stdout == ""


def test_no_folder(tmp_path):
    assert sluice(cwd=tmp_path).stdout == ""
    assert not (tmp_path / ".sluice").exists()


@pytest.mark.parametrize(
    "args, message",
    [
        (["--since", "soon"], '--since: "soon" is neither an age (30m, 24h, 7d) nor a time'),
        (["--level", "loud"], '--level: "loud" is not '),
        (["-n", "0"], "--lines: "),
    ],
)
def test_bad_usage(project, args, message):
    result = sluice(*args, cwd=project, code=2)
    assert message in result.stderr and result.stderr.count("\n") == 1


def read_line(stream):
    line = stream.readline()
    return json.loads(line)["msg"] if line else None


def test_follow_loses_and_repeats_nothing(project):
    with subprocess.Popen(
        [SLUICE, "logs", "birds", "-f", "-n", "1", "--json"],
        cwd=project, env=environ(), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    ) as follow:
        assert read_line(follow.stdout) == "one"
        first = make_line("first", NOW)
        append(project, NOW, first[:20])
        time.sleep(0.5)
        append(project, NOW, first[20:] + "\n" + make_line("other", NOW, pipeline="fish") + "\n")
        assert read_line(follow.stdout) == "first"
        # The hour changes; then one more line comes into the old file.
        later = NOW + timedelta(hours=1)
        append(project, later, make_line("next hour", later) + "\n")
        assert read_line(follow.stdout) == "next hour"
        append(project, NOW, make_line("late", NOW) + "\n")
        assert read_line(follow.stdout) == "late"
        append(project, later, make_line("last", later) + "\n")
        assert read_line(follow.stdout) == "last"
        follow.send_signal(signal.SIGINT)
        output, errors = follow.communicate(timeout=10)
        assert (output, errors, follow.returncode) == ("", "", 130)
