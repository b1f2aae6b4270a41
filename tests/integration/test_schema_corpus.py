"""`sluice jsonschema` against the corpus that also tests the program (tests/corpus): it takes every
good file, refuses each bad one that says `# refused-by: schema`, and lets through each that says
`# refused-by: program` (or is no YAML at all)."""

import json
import os
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
CORPUS = ROOT / "tests" / "corpus" / "pipelines"
SLUICE = os.environ.get("SLUICE_BIN", str(ROOT / "build" / "sluice"))

GOOD = sorted((CORPUS / "good").glob("*.yaml"))
BAD = sorted((CORPUS / "bad").glob("*.yaml"))


def load(text):
    """As YAML 1.2's core schema has it, which editors use: `no` and `on` are texts, and dates, too;
    keys are always texts."""
    yaml = pytest.importorskip("yaml")

    class Loader(yaml.SafeLoader):
        pass

    Loader.yaml_implicit_resolvers = {}
    for tag, pattern, first in (
        ("bool", r"^(?:true|True|TRUE|false|False|FALSE)$", "tTfF"),
        ("null", r"^(?:~|null|Null|NULL|)$", ["~", "n", "N", ""]),
        ("int", r"^[-+]?[0-9]+$", "-+0123456789"),
        ("float", r"^[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?$", "-+.0123456789"),
        ("merge", r"^<<$", "<"),
    ):
        regexp = __import__("re").compile(pattern)
        Loader.add_implicit_resolver(f"tag:yaml.org,2002:{tag}", regexp, list(first))
    # Leading zeros are decimal in YAML 1.2.
    Loader.add_constructor("tag:yaml.org,2002:int", lambda _, node: int(node.value, 10))

    def text_keys(value):
        if isinstance(value, dict):
            return {str(k): text_keys(v) for k, v in value.items()}
        return [text_keys(v) for v in value] if isinstance(value, list) else value

    return text_keys(yaml.load(text, Loader))


@pytest.fixture(scope="module")
def schema():
    out = subprocess.run([SLUICE, "jsonschema"], capture_output=True, check=True, timeout=60)
    return json.loads(out.stdout)


@pytest.fixture(scope="module")
def validator(schema):
    jsonschema = pytest.importorskip("jsonschema")
    jsonschema.Draft202012Validator.check_schema(schema)
    return jsonschema.Draft202012Validator(schema)


def header(path, key):
    prefix = f"# {key}: "
    return [
        line[len(prefix) :]
        for line in path.read_text(encoding="utf-8").splitlines()
        if line.startswith(prefix)
    ]


@pytest.mark.parametrize("path", GOOD, ids=lambda path: path.stem)
def test_good(validator, path):
    errors = [error.message for error in validator.iter_errors(load(path.read_text("utf-8")))]
    assert errors == []


@pytest.mark.parametrize("path", BAD, ids=lambda path: path.stem)
def test_bad(validator, path):
    yaml = pytest.importorskip("yaml")
    (refused_by,) = header(path, "refused-by")
    assert header(path, "error")
    try:
        document = load(path.read_text("utf-8"))
    except (yaml.YAMLError, RecursionError):
        assert refused_by == "program"
        return
    if document is None and refused_by == "program":
        return  # an empty file: editors show nothing
    try:
        refused = not validator.is_valid(document)
    except RecursionError:
        refused = False
    assert ("schema" if refused else "program") == refused_by


def used_options(schema, value, node, seen):
    """Walks a document along the schema and notes each option that it uses."""
    if "$ref" in node:
        node = schema["$defs"][node["$ref"].split("/")[-1]]
    for branch in node.get("anyOf", []):
        used_options(schema, value, branch, seen)
    if isinstance(value, list) and "items" in node:
        for item in value:
            used_options(schema, item, node["items"], seen)
    if not isinstance(value, dict):
        return
    properties = node.get("properties", {})
    for key, item in value.items():
        if key in properties:
            seen.add((id(node), key))
            used_options(schema, item, properties[key], seen)
        elif isinstance(node.get("additionalProperties"), dict):
            used_options(schema, item, node["additionalProperties"], seen)


def test_good_files_use_every_option(schema):
    seen = set()
    for path in GOOD:
        used_options(schema, load(path.read_text("utf-8")), schema, seen)
    unused = []
    for name, definition in [("pipeline", schema), *schema["$defs"].items()]:
        for node in [definition, *definition.get("anyOf", [])]:
            unused += [
                f"{name}.{key}" for key in node.get("properties", {}) if (id(node), key) not in seen
            ]
    assert unused == []
