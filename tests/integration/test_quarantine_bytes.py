"""Line, bytes and column of bad rows, against what was written: random rows in random dialects, plain
and compressed."""

import gzip
import os
import random
import re

import pyarrow
import pytest

ENCODINGS = os.environ.get("QUARANTINE_ENCODINGS", "utf-8 utf-8 utf-8 latin-1 utf-16").split()


def unescape(raw):
    """The bytes of a raw cell."""
    return re.sub(rb"\\x([0-9a-f]{2})", lambda m: bytes([int(m[1], 16)]), raw.encode())


class Dialect:
    def __init__(self, dice):
        self.delimiter = dice.choice([",", ";", "|", "\t"])
        self.quote = dice.choice(['"', '"', '"', "'"])
        self.escape = dice.choice([self.quote, self.quote, "\\"])
        self.end = dice.choice(["\n", "\n", "\r\n"])
        self.header = dice.random() < 0.8
        self.skip = dice.choice([0, 0, 1, 3])
        self.encoding = dice.choice(ENCODINGS)
        self.bom = self.encoding == "utf-8" and dice.random() < 0.3
        self.packing = dice.choice(["", "", ".gz", ".zst"])
        self.last_end = dice.random() < 0.7

    @property
    def options(self):
        options = {"delimiter": self.delimiter, "quote": self.quote, "header": self.header}
        if self.escape != self.quote:
            options["escape"] = self.escape
        if self.skip:
            options["skip"] = self.skip
        if self.encoding != "utf-8":
            options["encoding"] = self.encoding
        return options

    def quoted(self, text):
        inner = text.replace(self.escape, self.escape * 2) if self.escape != self.quote else text
        return self.quote + inner.replace(self.quote, self.escape + self.quote) + self.quote

    def __repr__(self):
        return repr(vars(self))


TEXTS = ["", "plain", "é€", "a b", "\\x41", "\\", "0"]


def text_cell(dice, dialect):
    """The cell as written, and what it says."""
    text = dice.choice(TEXTS)
    if dialect.encoding == "latin-1":
        text = text.replace("€", "ü")
    if dice.random() < 0.5:
        if dialect.escape == "\\" and "\\" in text:
            return dialect.quoted(text), text
        return text, text or None
    text += dice.choice(["", dialect.delimiter, dialect.quote, dialect.end, dialect.end + "x" + dialect.end])
    return dialect.quoted(text), text or None


def make_row(dice, dialect, number):
    """A record, the row that it is (None: bad), and the column that is wrong (None: the row)."""
    cell, text = text_cell(dice, dialect)
    good = [str(number), cell, str(number * 3)]
    kind = dice.choice(["good"] * 12 + ["cast", "cast", "few", "many", "long", "nul", "bytes", "first"])
    if number == 0 and not dialect.header:  # it says how many columns there are, and in which encoding
        kind = "good"
    bad = None
    if kind == "good":
        return dialect.delimiter.join(good).encode(dialect.encoding), (number, text, number * 3), None
    if kind == "cast":
        good[2], bad = dice.choice(["x", "1x", "1" * 30, dialect.quoted("y" + dialect.end)]), "n"
    elif kind == "first":
        good[0], bad = "z", "id"
    elif kind == "few":
        good = good[:2]
    elif kind == "many":
        good.append("4")
    elif kind == "long":
        good[1], good[2], bad = dialect.quoted("l" * dice.choice([70_000, 1_100_000])), "x", "n"
    elif kind == "nul":
        good[1], good[2], bad = "a\0b", "x", "n"
    row = dialect.delimiter.join(good).encode(dialect.encoding)
    if kind == "bytes" and dialect.encoding == "utf-8":
        row = dialect.delimiter.join([str(number), "@", "1"]).encode().replace(b"@", b"\xe9\xff")
    elif kind == "bytes":
        row, bad = dialect.delimiter.join([str(number), "é", "?"]).encode(dialect.encoding), "n"
    return row, None, bad


def make_file(dice, dialect, rows):
    """Its bytes, its good rows, and (line, column, bytes) of the bad ones."""
    end = dialect.end.encode(dialect.encoding if dialect.encoding != "utf-16" else "utf-16-le")
    code = "utf-16-le" if dialect.encoding == "utf-16" else dialect.encoding
    records = [f"note {i}".encode(code) for i in range(dialect.skip)]
    if dialect.header:
        records.append(dialect.delimiter.join(["id", "s", "n"]).encode(code))
    good, bad = [], []
    line = len(records) + 1
    for number in range(rows):
        was, dialect.encoding = dialect.encoding, code
        record, row, column = make_row(dice, dialect, number)
        dialect.encoding = was
        if row:
            good.append(row)
        else:
            bad.append((line, column, record))
        line += record.decode(code, "replace").count("\n") + 1
        records.append(record)
        if dice.random() < 0.02:
            records.append(b"")
            line += 1
    content = end.join(records) + (end if dialect.last_end else b"")
    mark = {"utf-16": b"\xff\xfe"}.get(dialect.encoding, b"\xef\xbb\xbf" if dialect.bom else b"")
    return mark + content, good, bad


def pack(content, packing):
    if packing == ".gz":
        return gzip.compress(content)
    return pyarrow.compress(content, codec="zstd", asbytes=True) if packing else content


def run(project, extract):
    project.pipeline("birds", {
        "extract": {"rows": {"from": "in/*", "only_new": True, "on_bad_row": "quarantine", **extract}},
        "load": {"rows": {"into": "t.rows"}},
    })
    project.run("birds")
    result = project.sluice(
        "sql", "select line, column_name, raw, row_json from quarantine.birds_rows order by line", "--json")
    if result.exit == 2 and "there is no table" in result.stderr:
        return []
    return [tuple(row.values()) for row in result.json["rows"]]


SEEDS = int(os.environ.get("QUARANTINE_SEEDS", "8"))


@pytest.mark.parametrize("index", range(SEEDS))
def test_csv(project, index):
    seed = int(os.environ.get("QUARANTINE_SEED", 1)) + index
    dice = random.Random(seed)
    dialect = Dialect(dice)
    print(f"QUARANTINE_SEED={seed}", dialect)
    content, good, bad = make_file(dice, dialect, dice.choice([40, 300]))
    project.write(f"in/a.csv{dialect.packing}", pack(content, dialect.packing))
    found = run(project, {
        "format": "csv", "csv": dialect.options, "columns": {"id": "bigint", "s": "varchar", "n": "bigint"}})
    assert project.rows("t.rows") == good
    short = lambda rows: [(line, column, raw[:200]) for line, column, raw in rows]
    if dialect.encoding == "utf-16":  # its text is kept in UTF-8
        bad = [(line, column, raw.decode("utf-16-le").encode()) for line, column, raw in bad]
    have = [(line, column, unescape(raw)) for line, column, raw, _ in found]
    assert short(have) == short(bad)
    assert have == bad


def make_line(dice, number):
    """A line of NDJSON, and whether it is good: (the row, bytes)."""
    text = dice.choice(['"a"', '"\\u00e9 \\\\x41 \\n"', '"é€"', "null", '"\\\\"'])
    kind = dice.choice(["good"] * 8 + ["cast", "broken", "bytes", "long", "nested", "cut"])
    good = b'{"id": %d, "s": %s, "n": 7}' % (number, text.encode())
    if kind == "good":
        return good, number
    if kind == "cast":
        return good.replace(b"7}", b'"x\\\\x41"}'), None
    if kind == "broken":
        return good[:-1], None
    if kind == "bytes":
        return b'{"id": %d, "s": "\xe9\xff", "n": 1}' % number, None
    if kind == "long":
        return b'{"id": %d, "s": "%s", "n": "x"}' % (number, b"l" * dice.choice([9000, 1_100_000])), None
    if kind == "nested":
        return b'{"id": %d, "s": "s", "n": {"a": [1, "\\u0000"]}}' % number, None
    return b"[1]", None


@pytest.mark.parametrize("index", range(SEEDS // 2))
def test_ndjson(project, index):
    seed = int(os.environ.get("QUARANTINE_SEED", 1)) + index
    dice = random.Random(seed)
    end, packing = dice.choice([b"\n", b"\r\n"]), dice.choice(["", ".gz", ".zst"])
    print(f"QUARANTINE_SEED={seed}", end, packing)
    lines, good, bad = [], [], []
    for number in range(dice.choice([30, 200])):
        line, row = make_line(dice, number)
        lines.append(line)
        if row is None:
            bad.append((len(lines), line))
        else:
            good.append(row)
        if dice.random() < 0.03:
            lines.append(b"")
    project.write(f"in/a.ndjson{packing}", pack(end.join(lines) + (end if dice.random() < 0.7 else b""), packing))
    found = run(project, {"format": "ndjson", "columns": {"id": "bigint", "s": "varchar", "n": "bigint"}})
    assert [row[0] for row in project.rows("t.rows")] == good
    assert [(line, unescape(raw)[:200]) for line, _, raw, _ in found] == [(n, raw[:200]) for n, raw in bad]
    assert [(line, unescape(raw)) for line, _, raw, _ in found] == bad
