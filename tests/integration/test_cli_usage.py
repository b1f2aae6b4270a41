"""The command line without a pipeline: usage errors, help, manual pages, completion."""

import json
import os
import re
import shutil
import subprocess

import pytest

SLUICE = os.environ.get("SLUICE_BIN", os.path.abspath("build/sluice"))
BUILD = os.path.dirname(SLUICE)


def sluice(*args, cwd, **kwargs):
    env = {k: v for k, v in os.environ.items() if not k.startswith("SLUICE_") or k == "SLUICE_ROOT"}
    return subprocess.run(
        [SLUICE, *args], cwd=cwd, env=env, capture_output=True, text=True, timeout=60, **kwargs
    )


@pytest.mark.parametrize(
    "args, message",
    [
        (["runn"], 'sluice: there is no command "runn"; did you mean "run"?'),
        (["xyzzy"], 'sluice: there is no command "xyzzy"; sluice help lists them'),
        (["--json", "xyzzy"], 'sluice: there is no command "xyzzy"; sluice help lists them'),
        (["run"], "sluice: run: PIPELINE is missing; see sluice help run"),
        (["version", "x"], 'sluice: version: "x" is one argument too many; see sluice help version'),
        (["run", "x", "--dryrun"], "sluice: --dryrun is not an option; did you mean --dry-run?"),
        (["run", "x", "--param", "y"], 'sluice: --param: "y" is not of the form name=value'),
        (["--env"], "sluice: --env needs a value (ENVIRONMENT)"),
        (["help", "runn"], 'sluice: help: there is no command "runn"; did you mean "run"?'),
        (["run", "x", "--due", "soon"], 'sluice: --due: "soon" is not '),
        (["run", "x", "--run-id", "7"], 'sluice: --run-id: "7" is not a UUID in lower case, like '),
        (["jsonschema", "x"], 'sluice: jsonschema: "x" has no schema: '),
        (["completion", "fish"], 'sluice: completion: "fish" is not a shell that is known: '),
        (["--config", "nowhere.yaml", "list"], "sluice: nowhere.yaml: "),
        (["--log-format", "xml", "list"], 'sluice: --log-format: "xml" is not a log-format; choose one of: auto,'),
        (["--log", "run=loud", "list"], 'sluice: --log: log filter: "loud" is not a level; write it as '),
        (["catalog", "lst"], 'sluice: catalog: there is no command "lst"; did you mean "ls"?; see'),
        (["catalog", "xyzzy"], 'sluice: catalog: there is no command "xyzzy"; see sluice help catalog\n'),
        (["sql", "select 1", "--limit", "0"], "sluice: --limit: 0 is out of range; allowed: 1 to 9000000000000000\n"),
        (["list"], "sluice: there is no sluice.yaml here or above, and no folder pipelines; go to "),
        (["plan", "p", "--param", "b=1"], "sluice: pipelines/p.yaml: --param b: there is no such parameter; the pipeline declares since, until\n"),
        (["run", "nosuch"], "sluice: there is no "),
    ],
)
def test_usage_errors_are_one_line(tmp_path, args, message):
    if "p" in args:
        (tmp_path / "pipelines").mkdir()
        (tmp_path / "pipelines" / "p.yaml").write_text("params: {since: {default: x}, until: {default: y}}\nextract: {a: {from: a.csv}}\nload: {a: {to: b.csv}}\n")
    result = sluice(*args, cwd=tmp_path)
    assert result.stderr.startswith(message)
    assert result.stderr.count("\n") == 1
    assert result.stdout == ""
    assert result.returncode == 2


def test_no_command_shows_the_overview_on_stderr(tmp_path):
    result = sluice(cwd=tmp_path)
    assert (result.returncode, result.stdout) == (2, "")
    assert "Usage: sluice COMMAND" in result.stderr


@pytest.mark.parametrize("args", [["help"], ["--help"], ["-h"]])
def test_overview(tmp_path, args):
    result = sluice(*args, cwd=tmp_path)
    assert (result.returncode, result.stderr) == (0, "")
    assert all(len(line) <= 80 for line in result.stdout.splitlines())
    assert "\n  run PIPELINE " in result.stdout
    assert "\033" not in result.stdout


def commands(tmp_path):
    return sluice("__complete", "commands", cwd=tmp_path).stdout.split()


def test_help_of_every_command_both_ways(tmp_path):
    names = commands(tmp_path)
    assert {"run", "plan", "validate", "help"} <= set(names)
    for name in names:
        one, other = sluice("help", name, cwd=tmp_path), sluice(name, "--help", cwd=tmp_path)
        assert one.returncode == 0
        assert one.stdout.startswith(f"Usage: sluice {name}")
        assert one.stdout == other.stdout


def test_global_flags_before_and_behind_the_command(tmp_path):
    assert sluice("--json", "version", cwd=tmp_path).stdout == sluice("version", "--json", cwd=tmp_path).stdout
    assert json.loads(sluice("-q", "--json", "version", cwd=tmp_path).stdout)["version"]


def test_version(tmp_path):
    assert re.fullmatch(r"sluice \d+\.\d+\.\d+\n", sluice("version", cwd=tmp_path).stdout)


def test_full_disk_is_a_failure_and_a_closed_pipe_is_none(tmp_path):
    with open("/dev/full", "w", encoding="utf-8") as full:
        result = subprocess.run([SLUICE, "help"], stdout=full, stderr=subprocess.PIPE, text=True, check=False)
    assert result.returncode == 1
    assert result.stderr == "sluice: standard output cannot be written; is the disk full?\n"
    read, write = os.pipe()
    os.close(read)
    result = subprocess.run([SLUICE, "help"], stdout=write, stderr=subprocess.PIPE, text=True, check=False)
    os.close(write)
    assert (result.returncode, result.stderr) == (0, "")


@pytest.mark.parametrize("closed, code", [("<&-", 0), (">&-", 1), ("2>&-", 0), ("<&- >&- 2>&-", 1)])
def test_standard_files_that_are_closed(tmp_path, closed, code):
    """As supervisors may start it: no file of ours takes their place, and data that goes nowhere is told."""
    (tmp_path / "pipelines").mkdir()
    for args in ["help", "health --json"]:
        done = subprocess.run(
            ["sh", "-c", f'"$0" {args} {closed}', SLUICE], cwd=tmp_path, capture_output=True, text=True, check=False
        )
        assert done.returncode == code, f"{args}: {done}"


def test_schemas_are_json(tmp_path):
    for which in ["pipeline", "project"]:
        schema = json.loads(sluice("jsonschema", which, cwd=tmp_path).stdout)
        assert schema["$schema"] == "https://json-schema.org/draft/2020-12/schema"


# --- manual pages and completion


def test_each_command_has_an_installed_page(tmp_path):
    for name in commands(tmp_path):
        assert os.path.exists(os.path.join(BUILD, f"sluice-{name}.1"))


def test_manual_pages_have_no_warnings(tmp_path):
    if not shutil.which("groff"):
        pytest.skip("groff is not installed")
    for page in ["", *commands(tmp_path)]:
        text = sluice("help", "--man", *page.split(), cwd=tmp_path).stdout
        result = subprocess.run(
            ["groff", "-man", "-Tutf8", "-ww", "-K", "utf8", "-z"],
            input=text, capture_output=True, text=True, check=False,
        )
        assert (result.returncode, result.stderr) == (0, ""), page


@pytest.mark.parametrize("shell", ["bash", "zsh"])
def test_completion_is_valid(tmp_path, shell):
    if not shutil.which(shell):
        pytest.skip(f"{shell} is not installed")
    script = tmp_path / "completion"
    script.write_text(sluice("completion", shell, cwd=tmp_path).stdout)
    result = subprocess.run([shell, "-n", str(script)], capture_output=True, text=True, check=False)
    assert (result.returncode, result.stderr) == (0, "")


def complete(cwd, *words):
    """What bash would offer for the last word."""
    program = (
        'eval "$("$1" completion bash)"; shift; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); '
        'compopt() { :; }; _sluice; printf "%s\\n" "${COMPREPLY[@]}"'
    )
    result = subprocess.run(
        ["bash", "-c", program, "bash", SLUICE, SLUICE, *words],
        cwd=cwd, capture_output=True, text=True, check=False,
    )
    assert result.stderr == ""
    return result.stdout.split()


def test_bash_completes(tmp_path):
    if not shutil.which("bash"):
        pytest.skip("bash is not installed")
    shop = tmp_path / "shop"
    assert sluice("init", "shop", cwd=tmp_path).returncode == 0
    assert complete(shop, "va") == ["validate"]
    assert complete(shop, "run", "") == ["example"]
    assert complete(shop, "--env", "dev", "run", "ex") == ["example"]
    assert complete(shop, "run", "--dr") == ["--dry-run"]
    assert complete(shop, "run", "example", "--task", "l") == ["load.clean"]
    assert complete(shop, "--env", "") == ["dev"]
    assert complete(shop, "preview", "--format", "c") == ["csv"]
    assert complete(shop, "completion", "") == ["bash", "zsh"]
    assert complete(shop, "run", "--param", "") == []
    assert complete(shop, "run", "example", "") == []
    assert complete(shop, "preview", "example", "c") == ["customers", "clean"]
    assert complete(shop, "validate", "example", "") == ["example"]
    assert complete(shop, "help", "catalog", "rea") == ["read"]
    assert complete(shop, "--log-format", "") == ["auto", "json", "text"]


def test_bash_completes_behind_an_equals_sign(tmp_path):
    """Bash breaks --task=l into three words."""
    if not shutil.which("bash"):
        pytest.skip("bash is not installed")
    shop = tmp_path / "shop"
    assert sluice("init", "shop", cwd=tmp_path).returncode == 0
    assert complete(shop, "run", "example", "--task", "=", "l") == ["load.clean"]
    assert complete(shop, "sql", "--format", "=") == ["table", "csv", "ndjson", "json", "parquet", "arrow"]
    assert complete(shop, "--env", "=", "dev", "run", "") == ["example"]


def test_an_empty_project_says_how_to_begin(tmp_path):
    (tmp_path / "pipelines").mkdir()
    listed, run = sluice("list", cwd=tmp_path), sluice("run", "x", cwd=tmp_path)
    assert (listed.returncode, listed.stderr) == (0, "No pipelines yet: `sluice init DIR` writes an example.\n")
    assert sluice("list", "--json", "-q", cwd=tmp_path).stderr == ""
    assert (run.returncode, "`sluice init DIR`" in run.stderr) == (2, True)
    (tmp_path / "sluice.yaml").write_text("pipelines: elsewhere\n")
    assert sluice("list", cwd=tmp_path).stderr == (
        "sluice: sluice.yaml: there is no folder elsewhere; make it, or name another under pipelines:\n"
    )


def test_a_log_without_such_lines_says_so(tmp_path):
    assert sluice("logs", cwd=tmp_path).stderr == "No such lines in .sluice/logs of the last 24 hours; see --since.\n"
    assert sluice("logs", "--since", "7d", cwd=tmp_path).stderr == "No such lines in .sluice/logs.\n"
    assert sluice("logs", "-q", cwd=tmp_path).stderr == ""
