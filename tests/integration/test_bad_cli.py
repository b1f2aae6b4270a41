"""Wrong usage of the commands that run pipelines: exit 2, one line that says what to do, and nothing
is touched."""

import pytest


@pytest.fixture
def ready(project):
    project.write("in.csv", "id\n1\n")
    project.copy_pipeline("flights", **{"from": "in.csv"})
    return project


CASES = [
    (["run"], "run: PIPELINE is missing; see sluice help run"),
    (["run", "flights", "again"], 'run: "again" is one argument too many; see sluice help run'),
    (["run", "fligths"], 'there is no pipeline "fligths"; did you mean "flights"?'),
    (["run", "flights", "--parm", "a=1"], "--parm is not an option; did you mean --param?"),
    (["run", "flights", "--param"], "--param needs a value (NAME=VALUE)"),
    (["run", "flights", "--param", "a"], '--param: "a" is not of the form name=value'),
    (["run", "flights", "-p", "a=1"], "--param a: there is no such parameter; the pipeline declares none"),
    (["run", "flights", "--run-id", "x"], '--run-id: "x" is not a UUID in lower case, like '),
    (["run", "flights", "--due", "soon"], '--due: "soon" is not a time'),
    (["run", "flights", "--task", "load.flihgts"], '--task: no task is called "load.flihgts"; did you mean "load.flights"?'),
    (["run", "flights", "--env", "prod"], 'there is no environment "prod"'),
    (["run", "flights", "--config", "nowhere.yaml"], "nowhere.yaml: does not exist"),
    (["run", "flights", "--log-format", "xml"], '--log-format: "xml" is not a log-format; choose one of: auto, json, text'),
    (["run", "flights", "--log", "loud"], 'log filter: "loud" is not a level'),
    (["rnu", "flights"], 'did you mean "run"?'),
    (["preview", "flights"], "preview: "),
    (["preview", "flights", "nope"], 'flights has no dataset "nope"; '),
    (["preview", "flights", "flights", "--limit", "0"], "--limit: "),
    (["plan", "nowhere.yaml"], "there is no file nowhere.yaml"),
]


@pytest.mark.parametrize("args,says", CASES, ids=lambda value: " ".join(value) if isinstance(value, list) else "")
def test_usage(ready, args, says):
    result = ready.sluice(*args)
    assert result.exit == 2, str(result)
    assert says in result.error.removeprefix("sluice: "), result.error
    assert result.stdout == ""
    assert not ready.path(".sluice/catalog.db").exists()


UNSUPPORTED = [
    (
        {"from": "gs://bucket/in.csv", "only_new": True},
        "extract.flights.from: gs:",
    ),
]


@pytest.mark.parametrize("extract,says", UNSUPPORTED, ids=lambda value: "")
@pytest.mark.parametrize("command", ["run", "plan"])
def test_what_comes_later_is_refused(ready, command, extract, says):
    ready.pipeline(
        "flights",
        {
            "extract": {"flights": {"from": "in.csv", **extract}},
            "load": {"flights": {"into": "t.x"}},
        },
    )
    assert ready.sluice("validate", "flights").exit == 0
    result = ready.sluice(command, "flights")
    assert result.exit == 2, str(result)
    assert f"{says} cannot be executed by this version yet; read " in result.error
    assert result.error.startswith("sluice: pipelines/flights.yaml:")
    assert not ready.path(".sluice/catalog.db").exists()


def test_no_project(tmp_path, ready):
    """Without a sluice.yaml the embedded defaults hold, below the working folder."""
    ready.path("sluice.yaml").unlink()
    ready.run("flights")
    assert ready.rows("t.flights") == [(1,)]


def test_every_error_of_a_file_is_told(ready):
    ready.write(
        "pipelines/flights.yaml",
        """\
        extract:
          x: {form: in.csv}
        load:
          x: {into: t.x, mode: apend}
        """,
    )
    result = ready.sluice("run", "flights")
    assert result.exit == 2, str(result)
    lines = [line.removeprefix("sluice: pipelines/flights.yaml:") for line in result.errors]
    assert any(line == '2:7: extract.x: "form" is not a key here; did you mean "from"?' for line in lines), lines
    assert any(line == '4:18: load.x.mode: "apend" is not a mode; did you mean "append"?' for line in lines), lines


def test_runs_from_a_folder_below(ready):
    """The project is found upwards, and its paths start at its root."""
    below = ready.path("some/where")
    below.mkdir(parents=True)
    process = ready.start("run", "flights")
    assert ready.finish(process).exit == 0
    import os
    import subprocess

    done = subprocess.run(
        [os.environ["SLUICE_BIN"], "run", "flights"],
        cwd=below,
        env=ready.environment,
        capture_output=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert b"run.nothing_new" in done.stderr
    assert not (below / ".sluice").exists()
