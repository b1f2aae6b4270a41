"""Writes the reference of options into a README, from the program's own JSON Schemas.

    readme_options.py SLUICE README [--check]

What stands between the two marks below is replaced; the rest of the file is left alone. With
--check nothing is written: exit 1 when the section is not what it would be now.
"""

import argparse
import json
import re
import subprocess
import sys
from pathlib import Path

BEGIN = "<!-- options: made by tests/lint/readme_options.py, do not edit -->"
END = "<!-- options end -->"

# A pattern of the schema, by what only it has -> how the value is called.
PATTERNS = ((r"(ms|s|m|min|h|", "duration"), ("[KMGT]iB", "size"))


def choices_of(schema):
    """The fixed values of an enum, or of a pattern like ^(a|b)$; None where there are none."""
    if "enum" in schema:
        return [str(value) for value in schema["enum"]]
    simple = re.fullmatch(r"\^\(([a-z0-9|-]+)\)\$", schema.get("pattern", ""))
    return simple.group(1).split("|") if simple else None


def scalar_name(schema):
    kind = schema.get("type")
    if kind in ("integer", "number", "boolean"):
        return {"integer": "whole number", "number": "number", "boolean": "true, false"}[kind]
    for part, name in PATTERNS:
        if part in schema.get("pattern", ""):
            return name
    choices = choices_of(schema)
    return ", ".join(choices) if choices else "text"


def short_form(schema):
    """What may stand in place of a map: its shorthand; None where there is none."""
    others = [part for part in schema.get("anyOf", ()) if "properties" not in part]
    return value_of(others[0], {}) if "properties" not in schema and others else None


def value_of(schema, defs):
    """How the value of an option is written, in a few words."""
    if "$ref" in schema:
        name = schema["$ref"].rsplit("/", 1)[1]
        short = short_form(defs[name])
        return f"{short}, or a map: [{name}](#{name})" if short else f"map: [{name}](#{name})"
    if schema.get("type") == "array":
        item = schema["items"].get("$ref", "").rsplit("/", 1)[-1]
        return f"list of [{item}](#{item})" if item else "list of texts"
    if schema.get("type") == "object":
        inner = schema["additionalProperties"]
        if "$ref" in inner:
            name = inner["$ref"].rsplit("/", 1)[1]
            return f"map of names to [{name}](#{name})"
        lists = any(part.get("type") == "array" for part in inner.get("anyOf", ()))
        return "map of names to lists of texts" if lists else "map of names to texts"
    parts = [part for part in schema.get("anyOf", ()) if "interpolated" not in part.get("$ref", "")]
    if not parts:
        return scalar_name(schema)
    if any(part.get("type") == "array" for part in parts):
        return "text, or list of texts"
    return scalar_name(parts[0])


def default_of(schema):
    if "default" not in schema:
        return ""
    value = schema["default"]
    if isinstance(value, bool):
        return f"`{str(value).lower()}`"
    return f"`{value:g}`" if isinstance(value, float) else f"`{value}`"


def escape(text):
    """As Markdown: what would be markup or a formula is not."""
    text = text.replace("|", "\\|").replace("*", "\\*").replace("<", "&lt;")
    return re.sub(r"\$\{[^}]*\}|\$[A-Z_]+", r"`\g<0>`", text)


def table_of(title, schema, defs):
    """One object: its heading, what it is, a line an option."""
    body = next((part for part in schema.get("anyOf", ()) if "properties" in part), schema)
    one_of = [alternative["required"][0] for alternative in body.get("oneOf", ())]
    lines = [f"### {title}", "", escape(schema["description"]) + "."]
    if one_of:
        names = ", ".join(f"`{name}`" for name in one_of)
        lines[-1] += f" Exactly one of these must be there: {names}."
    if body is not schema:
        lines[-1] += " A single value in place of the map is the short form."
    lines += ["", "| option | value | default | what it is |", "| --- | --- | --- | --- |"]
    for name, option in body["properties"].items():
        default = "required" if name in body.get("required", ()) else default_of(option)
        about = escape(option["description"])
        lines.append(f"| `{name}` | {value_of(option, defs)} | {default} | {about} |")
    return lines + [""]


def section(schemas):
    lines = [BEGIN, ""]
    for title, schema in schemas:
        defs = schema["$defs"]
        lines += table_of(title, schema, defs)
        for name in defs:
            if name != "interpolated":
                lines += table_of(name, defs[name], defs)
    return "\n".join(lines + [END])


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("sluice")
    parser.add_argument("readme", type=Path)
    parser.add_argument("--check", action="store_true")
    args = parser.parse_args()
    schemas = []
    for title, name in (("A pipeline", "pipeline"), ("sluice.yaml", "project")):
        command = [args.sluice, "jsonschema", name]
        answer = subprocess.run(command, check=True, stdout=subprocess.PIPE)
        schemas.append((title, json.loads(answer.stdout)))
    old = args.readme.read_text(encoding="utf-8")
    if old.count(BEGIN) != 1 or old.count(END) != 1:
        sys.exit(f"{args.readme}: the two marks of the options are not there once each")
    new = old[: old.index(BEGIN)] + section(schemas) + old[old.index(END) + len(END) :]
    if not args.check:
        args.readme.write_text(new, encoding="utf-8")
    elif new != old:
        sys.exit(f"{args.readme}: not the options of the program; write them anew with "
                 "tests/lint/readme_options.py build/sluice config/README.md")  # fmt: skip


if __name__ == "__main__":
    main()
