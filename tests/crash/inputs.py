"""What the crash test runs: for each load mode a pipeline that has increments of both kinds, quarantine of
both kinds, an export and a hook in one commit, and rounds of new input for it."""

import datetime
import json
import random

MODES = ("append", "overwrite", "overwrite_partitions", "upsert", "delete", "scd2")
WHOLE = ("overwrite", "overwrite_partitions")  # every run reads all of it, and commits
VARIANTS = 5  # of inputs
ROUNDS = 3
SEEDED = 60  # rows that are there to be deleted
BIG_ROWS, BIG_HASHES = 4, 50_000  # in S3: a file that is uploaded in parts

# Columns by which rows of a table with a key are told apart.
KEYS = {
    "append": {"t.c": None, "t.a": None},
    "overwrite": {"t.a": None, "t.c": ["id"], "t.w": None},
    "overwrite_partitions": {"t.a": None, "t.c": ["id"], "t.w": None},
    "upsert": {"t.a": ["id"], "t.c": ["id"]},
    "delete": {"t.a": ["id"], "t.c": ["id"]},
    "scd2": {"t.a": ["id", "valid_from"], "t.c": ["id", "valid_from"]},
}
QUARANTINES = ("quarantine.x_news", "quarantine.x_changes", "quarantine.x_a", "quarantine.x_w")

NEWS = {"id": "bigint", "g": "bigint", "v": "bigint", "op": "varchar", "since": "date"}
CHANGES = {"id": "bigint", "g": "bigint", "v": "bigint", "at": "timestamp"}
LOADS = {
    "append": ({"into": "t.a", "partition_by": ["g"]}, {"into": "t.c"}),
    "upsert": (
        {"into": "t.a", "mode": "upsert", "key": ["id"], "partition_by": ["g"], "delete_when": "op = 'D'"},
        {"into": "t.c", "mode": "upsert", "key": ["id"], "sequence_by": "at"},
    ),
    "delete": ({"into": "t.a", "mode": "delete", "key": ["id"]}, {"into": "t.c", "mode": "delete", "key": ["id"]}),
    "scd2": (
        {"into": "t.a", "mode": "scd2", "key": ["id"], "as_of": "since", "track": ["v"]},
        {"into": "t.c", "mode": "scd2", "key": ["id"], "as_of": "at", "track": ["v", "g"]},
    ),
}


def pipeline(mode, source="", big=False):
    """As a dict; `source` stands before the paths of its inputs and of its export."""
    a, c = LOADS.get(mode, (LOADS["append"][0], LOADS["upsert"][1]))
    keeps_late = c.get("mode") == "upsert"
    news, changes = "select id, g, v, op, since from news", "select * from changes where v >= 0"
    if mode == "delete":
        news, changes = "select id, g from news", "select id from changes where v >= 0"
    content = {
        "resources": {"memory": "256MiB", "threads": 1},
        "defaults": {"retry": {"attempts": 3, "backoff": "50ms"}},
        "extract": {
            "news": extract(source, "in", NEWS, only_new=True),
            "changes": extract(
                source, "ch", CHANGES, cursor={"column": "at", **({"lag": "1h"} if keeps_late else {})}
            ),
        },
        "transform": {
            "a": {
                "sql": news,
                "checks": [
                    {"accepted_values": {"g": ["0", "1", "2", "3"]}, "severity": "quarantine"},
                    {"not_null": ["id"]},
                ],
            },
            "c": {"sql": changes},
        },
        "load": {"a": a, "c": c, "out": {"from": "a", "to": source + "out/${run.id}.csv"}},
        "on_commit": [{"url": "${env.HOOK}", "timeout": "5s"}],
    }
    if mode in WHOLE:
        content["extract"]["w"] = extract(source, "whole", {"id": "bigint", "g": "bigint", "v": "bigint"})
        content["load"]["w"] = {"into": "t.w", "mode": mode}
        if mode == "overwrite_partitions":
            content["load"]["w"]["partition_by"] = ["g"]
    if big:
        content["transform"]["big"] = {
            "sql": f"select id, string_agg(md5(id || ' ' || i), '') as v from (select distinct id from a order by id"
            f" limit {BIG_ROWS}), range({BIG_HASHES}) r(i) group by id"
        }
        content["load"]["big"] = {"into": "t.big"}
    return content


def extract(source, folder, columns, **more):
    csv = {"delimiter": ",", "header": True}
    return {"from": f"{source}{folder}/*.csv", "on_bad_row": "quarantine", "columns": columns, "csv": csv, **more}


def seed_pipeline(source=""):
    """Fills the tables that rows are deleted from."""
    load = {"mode": "upsert", "key": ["id"]}
    return {
        "transform": {"s": {"sql": f"select i as id, i % 4 as g, i as v from range({SEEDED}) r(i)"}},
        "load": {"a": {"from": "s", "into": "t.a", **load}, "c": {"from": "s", "into": "t.c", **load}},
    }


def files(mode, variant, number):
    """Of one round: name → text. Those of `whole` replace what was there."""
    dice = random.Random(f"{mode} {variant} {number}")
    day = datetime.date(2024, 1, 1) + datetime.timedelta(number)
    ids = SEEDED if mode == "delete" else 25
    news = ["id,g,v,op,since"]
    for i in range(dice.randint(6, 14)):
        v = f"x{i}" if dice.random() < 0.12 else dice.randint(0, 99)
        g = 9 if dice.random() < 0.1 else dice.randrange(4)
        news.append(f"{dice.randrange(ids)},{g},{v},{dice.choice('UUUD')},{day}")
    changes, at = ["id,g,v,at"], f"{day} 10:00:00"
    for i in range(dice.randint(4, 9)):
        v = "bad" if dice.random() < 0.12 else dice.randint(-5, 50)
        changes.append(f"{dice.randrange(ids)},{dice.randrange(4)},{v},{day} 10:00:{i + 1:02}")
    if number:  # late ones: within the lag of an hour where there is one, left out where there is none
        before = day - datetime.timedelta(1)
        changes.append(f"{dice.randrange(ids)},0,77,{before} 09:40:{dice.randrange(60):02}")
    changes.append(f"{dice.randrange(ids)},1,{-1 if dice.random() < 0.5 else 1},{at[:-2]}59")
    # The same keys again within one round: which one counts must not hang on the order of tasks.
    result = {f"in/{number}.csv": text(news), f"ch/{number}.csv": text(changes)}
    if mode in WHOLE:
        groups = [number % 4, (number + 1) % 4] if mode == "overwrite_partitions" else range(4)
        rows = [
            f"{i},{dice.choice(list(groups))},{'?' if dice.random() < 0.1 else dice.randint(0, 9)}" for i in range(12)
        ]
        result["whole/w.csv"] = text(["id,g,v", *rows])
    return result


def text(lines):
    return "\n".join(lines) + "\n"


def as_yaml(content):
    return json.dumps(content, indent=1)  # JSON is YAML
