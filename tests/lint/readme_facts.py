"""What the READMEs claim and a machine can tell.

    readme_facts.py ROOT

folders  every folder of ours has a README.md
events   runner/README.md lists the events that runner/ and connectors/ log, no more and no less
"""

import re
import sys
from pathlib import Path

TOP = ("runner", "pipelines", "connectors", "config", "deploy", "tests")
CALL = re.compile(r"\b(?:log_event|task_log)\(.*?\);", re.DOTALL)
EVENT = re.compile(r'"([a-z0-9_]+\.[a-z_]+)"')
LISTED = re.compile(r"^\| `([a-z0-9_]+\.[a-z_]+)` \|", re.MULTILINE)


def folders_without(root):
    """Folders up to the second level that hold files and no README.md."""
    for top in TOP:
        folders = [root / top, *sorted(path for path in (root / top).glob("*") if path.is_dir())]
        for folder in folders:
            names = [path.name for path in folder.glob("*") if path.name != "__pycache__"]
            if names and "README.md" not in names:
                yield f"{folder.relative_to(root)}: no README.md: say what lives there, what may not"


def events_unlike(root):
    logged = set()
    for path in sorted([*(root / "runner").rglob("*.c"), *(root / "connectors").rglob("*.c")]):
        for call in CALL.findall(path.read_text(encoding="utf-8")):
            logged.update(EVENT.findall(call))
    listed = set(LISTED.findall((root / "runner/README.md").read_text(encoding="utf-8")))
    for event in sorted(logged - listed):
        yield f"runner/README.md: {event} is logged and not listed"
    for event in sorted(listed - logged):
        yield f"runner/README.md: {event} is listed and never logged"


def main():
    root = Path(sys.argv[1])
    found = [*folders_without(root), *events_unlike(root)]
    for line in found:
        print(line, file=sys.stderr)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
