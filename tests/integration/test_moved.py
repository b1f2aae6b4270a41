"""A project's folder is moved: its tables, its cursors and what a crash left go with it."""

import csv
import os
import sqlite3

import pytest
from conftest import multiset
from test_quickstart import expected, strikes


def move(project):
    """The same project, in another folder."""
    root = project.root.with_name("moved")
    os.rename(project.root, root)
    project.root = root
    project.environment["HOME"] = str(root)
    return project


def absolute_keys(project):
    """All texts of the catalog and of the state that would not survive the move; errors are for people."""
    found = []
    for database in (".sluice/catalog.db", ".sluice/state.db"):
        names = project.query("SELECT name FROM sqlite_master WHERE type = 'table'", database=database)
        for (name,) in (row.values() for row in names):
            for row in project.query(f"SELECT * FROM {name}", database=database):
                found += [
                    (name, key, value)
                    for key, value in row.items()
                    if str(project.root) in str(value) and key not in ("error", "record")
                ]
    return found


def test_quickstart_is_moved(shipped):
    shipped.run("birdstrikes")
    assert absolute_keys(shipped) == []
    project = move(shipped)

    for command in (["catalog", "read", "wildlife.strikes"], ["sql", "from wildlife.strikes"]):
        result = project.sluice(*command, "--format", "csv")
        assert result.exit == 0, str(result)
        assert len(list(csv.DictReader(result.stdout.splitlines()))) == 10000
    assert multiset(strikes(project)) == multiset(expected(project))
    listed = project.sluice("catalog", "files", "wildlife.strikes", "--json").json
    assert all(os.path.getsize(file["path"]) == file["bytes"] for file in listed)
    assert project.sluice("health", "birdstrikes").exit == 0

    before = project.counts(), project.stored()
    assert len(project.run("birdstrikes").named("run.nothing_new")) == 1
    assert (project.counts(), project.stored()) == before

    lines = project.path("pipelines/data/birdstrikes.csv").read_text().splitlines(keepends=True)
    project.write("pipelines/data/birdstrikes-2.csv", "".join(lines[:101]).encode())
    project.run("birdstrikes")
    assert multiset(strikes(project)) == multiset(
        expected(project, "birdstrikes.csv", "birdstrikes-2.csv")
    )
    project.check_consistent()


def test_health_misses_a_file_of_a_moved_project(project):
    project.write("in/1.csv", "i\n1\n")
    project.copy_pipeline("x", **{"from": "in/*.csv"})
    project.run("x")
    project = move(project)
    assert project.sluice("health").exit == 0
    (file,) = project.files("t.x")
    os.unlink(file["path"])
    result = project.sluice("health")
    assert result.exit == 4 and f"its data file {file['path']} is gone" in result.stdout, str(result)


@pytest.mark.parametrize("source", ["in/*.csv", "./in/*.csv", "file:in/*.csv", "${env.IN}/*.csv"])
def test_cursor_is_moved(project, source):
    """Also where the pipeline names its files by an absolute path, which moves with them."""
    project.copy_pipeline("x", **{"from": source})
    project.write("in/1.csv", "i\n1\n")
    project.run("x", env={"IN": str(project.path("in"))})
    assert absolute_keys(project) == []
    project = move(project)
    env = {"IN": str(project.path("in"))}
    assert len(project.run("x", env=env).named("run.nothing_new")) == 1
    project.write("in/2.csv", "i\n2\n")
    project.run("x", env=env)
    assert project.rows("t.x") == [(1,), (2,)]


def test_absolute_keys_of_before_still_hold(project):
    """As the first catalogs have them: of data files and of cursors."""
    source = str(project.path("in/*.csv"))
    project.copy_pipeline("x", **{"from": source})
    project.write("in/1.csv", "i\n1\n")
    project.run("x")
    connection = sqlite3.connect(project.path(".sluice/catalog.db"))
    with connection:
        connection.execute("UPDATE files SET path = ? || path", [f"{project.path('.sluice/store')}/"])
        connection.execute("UPDATE seen SET key = ? || key", [f"{project.root}/"])
    connection.close()
    assert len(absolute_keys(project)) == 2

    assert len(project.run("x").named("run.nothing_new")) == 1
    assert project.sluice("catalog", "read", "t.x", "--format", "csv").stdout == "i\n1\n"
    # A changed file is a new one, under its new key; the old one does not hide it.
    project.write("in/1.csv", "i\n10\n")
    project.run("x")
    assert len(project.run("x").named("run.nothing_new")) == 1
    result = project.sluice("sql", "from t.x order by i", "--format", "csv")
    assert result.stdout == "i\n1\n10\n"


def test_pending_export_is_moved(project):
    """Committed, not yet in its place: the run after the move puts it there."""
    project.write("in/1.csv", "i\n1\n")
    project.pipeline(
        "x",
        {
            "extract": {"x": {"from": "in/*.csv", "only_new": True}},
            "load": {"x": {"into": "t.x"}, "out": {"from": "x", "to": "out/${run.id}.csv"}},
        },
    )
    project.write("out", "not a folder")
    project.run("x", "--run-id", "0195b6a0-0000-7000-8000-000000000001", expect=1)
    assert len(project.commits()) == 1 and project.spooled() != []
    assert absolute_keys(project) == []
    project = move(project)
    os.unlink(project.path("out"))
    result = project.run("x")
    assert len(result.named("run.recovered")) == 1
    (path,) = project.path("out").iterdir()
    assert path.name == "0195b6a0-0000-7000-8000-000000000001.csv" and path.read_text() == "i\n1\n"
    project.check_consistent()
