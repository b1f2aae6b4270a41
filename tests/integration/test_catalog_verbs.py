"""The verbs of the storage model from the shell: the walk through connectors/catalog.md, command by command, and
what each says of a mistake."""

import json
import os
import pathlib
import re
import shlex

import pytest

GUIDE = pathlib.Path(__file__).parents[2] / "connectors" / "catalog.md"
ID = "5f0c2b1e-0001-4000-8000-00000000000"


@pytest.fixture
def verbs(project):
    def run(*args, code=0):
        result = project.sluice("catalog", *args, "--json")
        assert result.exit == code, str(result)
        assert code == 0 or args[0] == "exists" or len(result.stderr.splitlines()) == 1, str(result)
        return json.loads(result.stdout) if result.stdout else result.stderr.strip()

    return run


def guide_commands():
    """Lines of the guide's shell blocks."""
    text = GUIDE.read_text()
    return [line for block in re.findall(r"```sh\n(.*?)```", text, re.S) for line in block.splitlines() if line]


def test_the_guide(project):
    """Every command of it succeeds, and says what its text says."""
    said = {}
    for line in guide_commands():
        if line.startswith("echo "):
            content, name = re.fullmatch(r"echo '(.*)' > (\S+)", line).groups()
            project.write(name, content)
            continue
        words = shlex.split(line)
        assert words[0] == "sluice"
        for format in ([], ["--json"]):
            if format and words[2].split("-")[0] not in ("list", "get"):
                continue
            result = project.sluice(*words[1:], *format)
            assert result.exit == 0, f"{line}\n{result}"
            if format:
                said.setdefault(words[2], []).append(json.loads(result.stdout))
    before, after = said["list-deltas"]
    assert before == []
    assert [d["delta_id"] for d in said["list-partition-deltas"][0]] == [ID + "5"]
    assert [(d["position"], d["rows"], d["type"]) for d in after] == [(2, 15, "upsert")]
    (delta,) = said["get-delta"]
    assert [f["key"] for f in delta["files"]] == ["wildlife/strikes/1/a.parquet", "wildlife/strikes/1/b.parquet"]
    assert "files" not in said["get-latest-delta"][0] and said["get-latest-delta"][0]["delta_id"] == ID + "5"
    (partitions,) = said["list-partitions"]
    assert [(p["partition_id"], p["partition"], p["position"]) for p in partitions] == [(ID + "2", ["1990-01"], 2)]
    (versions,) = said["list-table-versions"]
    assert [v["lifecycle"] for v in versions] == ["deleted"]


def test_the_guide_names_every_verb(project):
    """All that the help lists is tried somewhere: in the guide, in the model's random verbs, or here."""
    help_text = project.sluice("help", "catalog").stdout
    listed = re.findall(r"^  ((?:list|get|create|update|delete|stage|commit|merge)-[a-z-]+)", help_text, re.M)
    model = (pathlib.Path(__file__).parents[1] / "faults" / "test_catalog_model.py").read_text()
    here = pathlib.Path(__file__).read_text()
    missing = [verb for verb in listed if f'"{verb}"' not in model + here and f" {verb} " not in GUIDE.read_text()]
    assert listed and not missing


def test_namespaces(verbs):
    assert verbs("create-namespace", "a", "--property", "owner=me")["properties"] == {"owner": "me"}
    assert "a" in verbs("create-namespace", "a", code=1)
    verbs("create-namespace", "a", "--if-missing")
    text = "quote \" slash / dots .. Straße 日本"
    assert verbs("update-namespace", "a", "--property", f"k{text}={text}")["properties"] == {f"k{text}": text}
    assert verbs("get-namespace", "a")["properties"] == {f"k{text}": text}
    assert verbs("exists", "a") == {"exists": True}
    assert verbs("exists", "b", code=1) == {"exists": False}
    verbs("get-namespace", "b", code=1)
    verbs("delete-namespace", "a")
    assert verbs("list-namespaces") == []


@pytest.mark.parametrize("name", ["A", "a b", "a/b", "..", "_a", "", "a.b.c", "é"])
def test_names_outside_of_the_grammar(verbs, name):
    assert name in verbs("create-namespace", name, code=2)
    verbs("create-namespace", "a")
    verbs("create-table", f"a.{name}", code=2)


def test_tables(verbs):
    verbs("create-table", "a.t", code=1)
    verbs("create-namespace", "a")
    assert verbs("create-table", "a.t", "--description", "x")["description"] == "x"
    verbs("create-table", "a.t", code=1)
    assert verbs("update-table", "a.t", "--description", "y")["description"] == "y"
    assert verbs("update-table", "a.t", "--rename", "u")["table"] == "u"
    assert verbs("list-tables", "a")[0]["table"] == "u"
    verbs("list-tables", "b", code=1)
    verbs("get-table", "a.t", code=1)
    assert "a" in verbs("delete-namespace", "a", code=1)
    verbs("delete-table", "a.u")
    verbs("delete-namespace", "a")


def table(verbs, *flags):
    verbs("create-namespace", "a", "--if-missing")
    verbs("create-table", "a.t", "--if-missing")
    return verbs("create-table-version", "a.t", "--column", "k VARCHAR NOT NULL", "--column", '"a b" BIGINT', *flags)


def test_versions(verbs):
    first = table(verbs, "--partition-by", "k", "--sort-by", "a b", "--key", "k")
    assert (first["version"], first["lifecycle"], first["schema_id"]) == (1, "unreleased", 1)
    assert [(c["name"], c["type"], c["field_id"]) for c in first["columns"]] == [("k", "VARCHAR", 1), ("a b", "BIGINT", 2)]
    assert first["columns"][0]["required"] and first["key"] == ["k"]
    verbs("get-table-version", "a.t", code=1)  # none is active
    assert verbs("get-table-version", "a.t", "--latest")["version"] == 1
    assert table(verbs, "--lifecycle", "active")["version"] == 2
    assert verbs("get-table-version", "a.t")["version"] == 2
    verbs("update-table-version", "a.t@2", "--lifecycle", "deleted")
    assert "deleted" in verbs("update-table-version", "a.t@2", "--lifecycle", "active", code=1)
    assert len(verbs("list-table-versions", "a.t")) == 2
    assert len(verbs("list-schemas", "a.t@1")) == 1
    verbs("get-table-version", "a.t@3", code=1)


def test_pages(verbs, project):
    for name in "abcde":
        verbs("create-namespace", name)
    found, after = [], []
    while True:
        result = project.sluice("catalog", "list-namespaces", "--json", "--limit", "2", *after)
        assert result.exit == 0, str(result)
        found += [n["namespace"] for n in json.loads(result.stdout)]
        next_page = re.search(r"--after '(.*)'", result.stderr)
        if not next_page:
            break
        after = ["--after", next_page.group(1)]
    assert found == list("abcde")
    assert [n["namespace"] for n in verbs("list-namespaces", "--reverse")] == list("edcba")


def test_bad_manifests(verbs, project):
    table(verbs, "--lifecycle", "active")
    partition = verbs("stage-partition", "a.t")["partition_id"]
    assert verbs("get-partition", "a.t", "--id", partition)["state"] == "staged"
    for content in ["", "{", "[{}]", '[{"key": "x", "rows": -1, "bytes": 1}]', '[{"key": "x", "rows": 1}]',
                    '[{"key": "x", "rows": 1, "bytes": 1, "content": "y"}]', '{"files": 1}']:
        project.write("m.json", content)
        verbs("stage-delta", "a.t", "--partition-id", partition, "--manifest", "m.json", code=2)
    assert "m.json" in verbs("stage-delta", "a.t", "--partition-id", partition, "--manifest", "m.json", code=2)
    assert os.path.basename("/none.json") in verbs(
        "stage-delta", "a.t", "--partition-id", partition, "--manifest", "none.json", code=1)


def test_ids_that_are_not_said(verbs):
    table(verbs, "--lifecycle", "active")
    for verb in ["commit-delta", "delete-delta", "commit-partition"]:
        assert "--id" in verbs(verb, "a.t", code=2)
