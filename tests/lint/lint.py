"""Rules about our C sources that no compiler knows, each printing file:line: what, and what to do.

    lint.py ROOT RULE... [--stamp FILE --depfile FILE]

includes  includes go one way through the house (STYLE.md's table, in ALLOWED below)
banned    functions that are never called here, with what to call instead
size      files up to 600 lines, functions up to 70

With --stamp it is a build step: the stamp is written when all is well, the depfile names every file
and folder looked at, so that a new file makes the step run again. Exit 1 when a rule is broken.
"""

import argparse
import os
import re
import sys

FOLDERS = ("runner", "connectors", "config", "tests")
FILE_LINES = 600
FUNCTION_LINES = 70

# folder -> (folders of ours that it may include, libraries' headers that it may not).
# "connectors/" means the vtables in that folder; "connectors/*/" all that is below. connectors/sqlite/ is
# what the connectors on SQLite share, connectors/aws/ what those of AWS do; connectors/state_s3/
# stands on the client of connectors/s3/; connectors/net/ gathers the module.
LOOP = r"uv\.h|curl/.*"
ENGINES = r"sqlite3\.h|duckdb\.h"
ALLOWED = {
    "runner/base/": (["runner/base/"], rf"{LOOP}|{ENGINES}|yaml\.h"),
    "runner/io/": (["runner/base/", "runner/io/"], rf"{ENGINES}|yaml\.h"),
    "connectors/": (["runner/base/", "runner/io/", "connectors/"], rf"{ENGINES}|yaml\.h"),
    "connectors/sqlite/": (["runner/base/", "runner/io/", "<own>"], rf"{LOOP}|yaml\.h|duckdb\.h"),
    "connectors/aws/": (["runner/base/", "runner/io/", "<own>"], rf"{ENGINES}|yaml\.h"),
    "connectors/*/": (
        ["runner/base/", "runner/io/", "connectors/", "connectors/aws/", "connectors/sqlite/", "<own>"],
        r"yaml\.h",
    ),
    "connectors/s3/": (["runner/base/", "runner/io/", "connectors/", "connectors/aws/", "<own>"], rf"{ENGINES}|yaml\.h"),
    "connectors/state_s3/": (
        ["runner/base/", "runner/io/", "connectors/", "connectors/s3/", "<own>"],
        rf"{ENGINES}|yaml\.h",
    ),
    "connectors/net/": (
        ["runner/base/", "connectors/", "connectors/*/", "connectors/s3/", "connectors/state_s3/", "<own>"],
        rf"{ENGINES}|yaml\.h",
    ),
    "config/": (["runner/base/", "config/"], rf"{LOOP}|{ENGINES}"),
    "runner/engine/": (
        ["runner/base/", "runner/io/", "config/", "connectors/", "runner/engine/"],
        rf"{LOOP}|{ENGINES}|yaml\.h",
    ),
    "runner/cli/": (
        ["runner/", "config/", "connectors/", "connectors/*/", "connectors/s3/", "connectors/net/"],
        r"duckdb\.h",
    ),
}

STRINGS = "a struct buffer, or snprintf with a checked length"
NUMBERS = "strtol and its kin, which tell an error"
ENTROPY = "the system's random bytes"
BANNED = {
    "strcpy": STRINGS, "strcat": STRINGS, "stpcpy": STRINGS, "strncpy": STRINGS,
    "strncat": STRINGS, "sprintf": STRINGS, "vsprintf": STRINGS,
    "gets": "fgets or getline", "strtok": "strtok_r or strcspn",
    "system": "nothing: no shell is started here", "popen": "nothing: no shell is started here",
    "tmpnam": "mkstemp", "tempnam": "mkstemp", "mktemp": "mkstemp",
    "atoi": NUMBERS, "atol": NUMBERS, "atoll": NUMBERS, "atof": NUMBERS,
    "alloca": "the heap or an arena: stacks are small in pool threads",
    "rand": ENTROPY, "srand": ENTROPY, "random": ENTROPY, "srandom": ENTROPY,
    "setjmp": "a return value", "longjmp": "a return value",
    "sigsetjmp": "a return value", "siglongjmp": "a return value",
    "asctime": "runner/base/time.h", "ctime": "runner/base/time.h",
    "localtime": "localtime_r", "gmtime": "gmtime_r", "qsort": "mem_sort",
}  # fmt: skip
HOMES = {"qsort": "runner/base/mem.c"}  # where a banned function is wrapped

INCLUDE = re.compile(r'^\s*#\s*include\s*(?:"([^"]+)"|<([^>]+)>)')
# Not a member (op->system()), and not the middle of another word.
CALL = re.compile(r"(?<![\w.>])(" + "|".join(BANNED) + r")\s*\(")
OUTSIDE_CODE = re.compile(
    r'//[^\n]*|/\*.*?\*/|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\'', re.DOTALL
)


def walk(root):
    """Yields (folder, C files in it), all relative to the root."""
    for top in FOLDERS:
        for folder, below, files in os.walk(os.path.join(root, top)):
            below.sort()
            here = os.path.relpath(folder, root)
            yield here, [os.path.join(here, f) for f in sorted(files) if f.endswith((".c", ".h"))]


def code_only(text):
    """Comments and literals become blanks; the lines stay where they are."""
    return OUTSIDE_CODE.sub(lambda m: re.sub(r"[^\n]", " ", m.group()), text)


def kind_of(path):
    """The key of ALLOWED that rules a file or an included header; None outside the house."""
    for key in sorted(ALLOWED, key=len, reverse=True):
        if re.fullmatch(key.replace("*", "[^/]+") + "[^/]+", path):
            return key
    return None


def may_include(path, header, allowed):
    own = os.path.dirname(path) + "/"
    kind = kind_of(header)
    return any(
        header.startswith(own) if folder == "<own>"
        else kind == folder or (folder == "runner/" and header.startswith(folder))
        for folder in allowed
    )  # fmt: skip


def rule_includes(path, text):
    kind = kind_of(path)
    if kind is None:
        return  # tests include what they test
    allowed, libraries = ALLOWED[kind]
    for number, line in enumerate(text.split("\n"), 1):
        match = INCLUDE.match(line)
        if not match:
            continue
        ours, theirs = match.groups()
        if ours and kind_of(ours) is None:
            yield number, f'"{ours}": name our headers by their full path from the root'
        elif ours and not may_include(path, ours, allowed):
            yield number, f'{kind} may not include "{ours}": includes go one way (see lint.py)'
        elif theirs and re.fullmatch(libraries, theirs):
            yield number, f"{kind} may not include <{theirs}>: it stays in the folder that wraps it"


def rule_banned(path, text):
    for number, line in enumerate(code_only(text).split("\n"), 1):
        for match in CALL.finditer(line):
            name = match.group(1)
            if HOMES.get(name) != path:
                yield number, f"{name}() is banned: use {BANNED[name]}"


def rule_size(path, text):
    lines = text.split("\n")
    if lines[-1] == "":
        lines.pop()
    if len(lines) > FILE_LINES:
        yield FILE_LINES, f"{len(lines)} lines, {FILE_LINES} at most: give it another room"
    start = 0
    for number, line in enumerate(lines, 1) if path.endswith(".c") else ():
        if re.match(r"^[A-Za-z_].*\)[^;]*\{?[ ]*$", line) and not re.match(
            r"^(struct|enum|union|typedef)", line
        ):
            start = number
        elif line.startswith("}"):
            if start and number - start > FUNCTION_LINES:
                yield start, f"a function of {number - start} lines, {FUNCTION_LINES} at most"
            start = 0


RULES = {"includes": rule_includes, "banned": rule_banned, "size": rule_size}


def check(root, rules):
    """All findings as "file:line: message"."""
    found = []
    for _folder, files in walk(root):
        for path in files:
            with open(os.path.join(root, path), encoding="utf-8", errors="replace") as file:
                text = file.read()
            for rule in rules:
                found += [f"{path}:{number}: {message}" for number, message in RULES[rule](path, text)]
    return found


def write_depfile(depfile, stamp, root):
    names = [os.path.join(root, name) for folder, files in walk(root) for name in [folder, *files]]
    with open(depfile, "w", encoding="utf-8") as file:
        file.write(stamp + ":" + "".join(" \\\n " + name.replace(" ", "\\ ") for name in names) + "\n")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("root")
    parser.add_argument("rules", nargs="+", choices=RULES)
    parser.add_argument("--stamp")
    parser.add_argument("--depfile")
    args = parser.parse_args()
    found = check(args.root, args.rules)
    for line in found:
        print(line, file=sys.stderr)
    if found:
        return 1
    if args.stamp:
        write_depfile(args.depfile, args.stamp, args.root)
        with open(args.stamp, "w", encoding="utf-8"):
            pass
    return 0


if __name__ == "__main__":
    sys.exit(main())
