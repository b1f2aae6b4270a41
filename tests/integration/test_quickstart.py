"""The quickstart on its real data: every row of the file is accounted for, by an independent reading
of it, and a second run adds nothing."""

import collections
import csv
import datetime
import re

import pytest
from conftest import multiset

COLUMNS = {
    "airport": "Airport Name",
    "origin_state": "Origin State",
    "aircraft": "Aircraft Make Model",
    "operator": "Aircraft Airline Operator",
    "phase": "Phase of flight",
    "time_of_day": "Time of day",
    "size": "Wildlife Size",
    "species": "Wildlife Species",
    "damage": "Effect Amount of damage",
}
INTEGERS = {
    "speed_knots": "Speed IAS in knots",
    "cost_repair": "Cost Repair",
    "cost_other": "Cost Other",
    "cost_total": "Cost Total $",
}


def plain_name(name, intl=False):
    name = name.upper()
    if intl:
        name = name.replace("INTERNATIONAL", "INTL")
    return re.sub(r"[^A-Z0-9]+|\b(?:ARPT|AIRPORT)\b", " ", name).strip()


def read_csv(path):
    with open(path, encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def airports(project):
    """Name → (iata, state) of the names that one airport alone has."""
    found = collections.defaultdict(list)
    for row in read_csv(project.path("pipelines/data/airports.csv")):
        found[plain_name(row["name"], intl=True)].append((row["iata"], row["state"]))
    return {name: who[0] for name, who in found.items() if name and len(who) == 1}


def expected(project, *names):
    """The table's rows as the pipeline's SQL means them, made by hand from the CSV files."""
    lookup = airports(project)
    rows = []
    for name in names or ["birdstrikes.csv"]:
        for line in read_csv(project.path(f"pipelines/data/{name}")):
            row = {"flight_date": datetime.date.fromisoformat(line["Flight Date"])}
            row.update({new: line[old] or None for new, old in COLUMNS.items()})
            row.update({new: int(line[old]) if line[old] else None for new, old in INTEGERS.items()})
            row["iata"], row["airport_state"] = lookup.get(
                plain_name(line["Airport Name"]), (None, None)
            )
            rows.append(tuple(sorted(row.items())))
    return rows


def strikes(project):
    return [tuple(sorted(row.items())) for row in project.table("wildlife.strikes").to_pylist()]


def export_of(project, result):
    run_id = result.named("run.started")[0]["run_id"]
    return project.path(f"exports/strikes-by-month-{run_id}.csv")


def totals(rows):
    """The export as an independent aggregation has it: month → strikes, damaging, cost."""
    months = {}
    for row in map(dict, rows):
        month = months.setdefault(row["flight_date"].replace(day=1).isoformat(), [0, 0, 0])
        month[0] += 1
        month[1] += row["damage"] != "None"
        month[2] += row["cost_total"]
    return [
        dict(zip(("month", "strikes", "damaging", "cost_total"), map(str, (month, *sums))))
        for month, sums in sorted(months.items())
    ]


def test_every_row_is_there(shipped):
    result = shipped.run("birdstrikes")
    rows, want = strikes(shipped), expected(shipped)
    finished = result.named("run.finished")[0]

    assert len(want) == 10000
    assert multiset(rows) == multiset(want)
    assert any(dict(row)["iata"] for row in rows) and any(not dict(row)["iata"] for row in rows)
    assert finished["outcome"] == "succeeded"
    assert finished["rejected"] == 0
    shipped.check_consistent()


def test_partitions_are_months_in_order(shipped):
    import pyarrow.parquet

    shipped.run("birdstrikes")
    files = shipped.files("wildlife.strikes")
    months = {str(dict(row)["flight_date"])[:7] for row in expected(shipped)}

    assert [file["values"] for file in files] == [[month] for month in sorted(months)]
    for file in files:
        dates = pyarrow.parquet.ParquetFile(file["path"]).read()["flight_date"].to_pylist()
        assert {str(date)[:7] for date in dates} == set(file["values"])
        assert dates == sorted(dates)


def test_export_is_what_the_table_adds_up_to(shipped):
    result = shipped.run("birdstrikes")

    assert read_csv(export_of(shipped, result)) == totals(expected(shipped))
    assert [p.name for p in shipped.path("exports").iterdir()] == [export_of(shipped, result).name]


def test_second_run_finds_nothing_new(shipped):
    shipped.run("birdstrikes")
    before = shipped.counts(), shipped.stored(), sorted(shipped.path("exports").iterdir())
    result = shipped.run("birdstrikes")
    finished = result.named("run.finished")[0]

    assert len(result.named("run.nothing_new")) == 1
    assert (finished["outcome"], finished["rows"], finished["files"]) == ("nothing_new", 0, 0)
    assert before == (
        shipped.counts(),
        shipped.stored(),
        sorted(shipped.path("exports").iterdir()),
    )
    assert multiset(strikes(shipped)) == multiset(expected(shipped))
    shipped.check_consistent()


def test_a_new_file_adds_exactly_its_rows(shipped):
    shipped.run("birdstrikes")
    before = shipped.stored()
    lines = shipped.path("pipelines/data/birdstrikes.csv").read_text().splitlines(True)
    shipped.write(
        "pipelines/data/birdstrikes-2.csv",
        "".join([lines[0], *lines[5:25], lines[-1]]).replace("Climb", "Hover").encode(),
    )
    result = shipped.run("birdstrikes")

    assert result.named("run.finished")[0]["rows"] >= 21
    assert multiset(strikes(shipped)) == multiset(
        expected(shipped, "birdstrikes.csv", "birdstrikes-2.csv")
    )
    assert set(before) < set(shipped.stored())
    # The export of this run is of the new rows alone.
    assert read_csv(export_of(shipped, result)) == totals(expected(shipped, "birdstrikes-2.csv"))
    shipped.check_consistent()


def damage(project):
    """Breaks the third, tenth and last line; returns their line numbers."""
    path = project.path("pipelines/data/birdstrikes.csv")
    lines = path.read_text().splitlines(True)
    broken = {3: ("1990-01-09", "1990-31-09"), 10: (",0,0,0,", ",0,x7,0,")}
    for number, (old, new) in broken.items():
        assert old in lines[number - 1], (number, lines[number - 1])
        lines[number - 1] = lines[number - 1].replace(old, new)
    cells = lines[-1].split(",")
    lines[-1] = ",".join(cells[:-1] + ["fast\n"])
    path.write_text("".join(lines))
    return [3, 10, len(lines)]


def test_damaged_rows_are_left_out_and_counted(shipped):
    want = expected(shipped)
    numbers = damage(shipped)
    result = shipped.run("birdstrikes")
    run_id = result.named("run.started")[0]["run_id"]
    skipped = result.named("rows.skipped")
    record = shipped.sluice("runs", "show", run_id, "--json")

    left_out = [want[number - 2] for number in numbers]
    assert multiset(strikes(shipped)) == multiset(want) - multiset(left_out)
    assert result.named("run.finished")[0]["rejected"] == 3
    assert [(e["object"].rsplit("/", 1)[-1], e["line"], e["column"]) for e in skipped if "line" in e] == [
        ("birdstrikes.csv", 3, "Flight Date"),
        ("birdstrikes.csv", 10, "Cost Repair"),
        ("birdstrikes.csv", numbers[2], "Speed IAS in knots"),
    ]
    assert [e["rejected"] for e in skipped if "rejected" in e] == [3]
    assert record.exit == 0, str(record)
    assert [
        reject["line"] for task in record.json["tasks"] for reject in task.get("rejects", [])
    ] == numbers


def test_the_rows_of_a_view_are_those_of_its_load(shipped):
    """transform.monthly is made where load.monthly writes it: it has no count of its own."""
    result = shipped.run("birdstrikes")
    tasks = {event["task"]: event for event in result.named("task.finished")}
    shown = shipped.sluice("runs", "show", tasks["load.monthly"]["run_id"])
    assert tasks["transform.monthly"]["msg"] == "done" and "rows" not in tasks["transform.monthly"]
    assert tasks["load.monthly"]["rows"] == 151
    assert " 0 files" not in shown.stdout and "1 objects" not in shown.stdout
    (line,) = [line for line in shown.stdout.splitlines() if line.startswith("transform.monthly")]
    assert line.split()[-1].endswith("ms")


def test_show_is_cut_only_for_a_terminal(shipped):
    assert "pipelines/sql/airport_names.sql, 1 check\n" in shipped.sluice("show", "birdstrikes").stdout


def test_parameter_narrows_what_is_loaded(shipped):
    shipped.run("birdstrikes", "--param", "since=2001-01-01")
    want = [row for row in expected(shipped) if dict(row)["flight_date"].year >= 2001]

    assert 0 < len(want) < 10000
    assert multiset(strikes(shipped)) == multiset(want)


def test_health_follows_the_runs(shipped):
    # Never run: unhealthy only once something was due, which health asks of its own clock.
    shipped.run("birdstrikes")
    healthy = shipped.sluice("health", "birdstrikes", "--json")
    assert healthy.exit == 0, str(healthy)

    path = shipped.path("pipelines/data/birdstrikes.csv")
    text = path.read_text()
    path.write_text(text.replace("Small", "Tiny"))
    failed = shipped.run("birdstrikes", expect=3)
    assert "accepted_values(size)" in failed.error
    unhealthy = shipped.sluice("health", "birdstrikes", "--json")
    assert unhealthy.exit == 4, str(unhealthy)

    path.write_text(text)
    shipped.run("birdstrikes")
    again = shipped.sluice("health", "birdstrikes")
    assert again.exit == 0, str(again)


def test_plan_says_what_the_run_does(shipped):
    before = sorted(p.name for p in shipped.root.iterdir())
    plan = shipped.sluice("plan", "birdstrikes", "--json")

    assert plan.exit == 0, str(plan)
    assert plan.json["objects"] == 2 and plan.json["nothing_new"] is False
    assert sorted(p.name for p in shipped.root.iterdir()) == before
    shipped.run("birdstrikes")
    plan = shipped.sluice("plan", "birdstrikes", "--json")
    assert plan.json["nothing_new"] is True


@pytest.mark.timeout(600)
def test_flights_by_day(shipped):
    import os
    import pathlib

    import duckdb

    data = pathlib.Path(
        os.environ.get("SLUICE_DATA") or "../shared/data", "flights-3m.parquet").resolve()
    if not data.is_file():
        pytest.skip("flights-3m.parquet: set SLUICE_DATA")
    shipped.run("flights", env={"SLUICE_DATA": str(data.parent)}, timeout=120)
    files = shipped.files("flights.flights")

    days = duckdb.sql(f"select distinct date::date::varchar from '{data}'").fetchall()
    assert sorted(file["values"][0] for file in files) == sorted(day for (day,) in days)
    paths = [file["path"] for file in files]
    sums = "count(*), sum(hash(date, delay, distance, origin, destination))"
    assert (
        duckdb.sql(f"select {sums} from read_parquet({paths}, hive_partitioning=false)").fetchall()
        == duckdb.sql(f"select {sums} from '{data}'").fetchall()
    )
    late = duckdb.sql(f"select count(*) from read_parquet({paths}) where is_late").fetchone()
    assert late == duckdb.sql(f"select count(*) from '{data}' where delay > 15").fetchone()
    shipped.check_consistent()
