"""sluice plan --out, sluice run --plan: exactly that, or a refusal that names what moved."""

import json
import os

import pytest

PIPELINE = """
params:
  least: {type: int, default: 2}
extract:
  rows: {from: "data/*.csv", only_new: true}
  other: {from: "catalog://t.other"}
  # ${env.GREETING:-none}
transform:
  kept: {sql_file: kept.sql}
load:
  kept: {into: t.kept}
"""


def settings(project, **options):
    """What tells nothing of a run's result may change: logs."""
    environment = {
        "catalog": "sqlite:.sluice/catalog.db",
        "store": "file:.sluice/store",
        "state": "sqlite:.sluice/state.db",
        "vars": {"lake": "one"},
        "logs": {"level": "warn"},
        **options,
    }
    project.write("sluice.yaml", json.dumps({"pipelines": "pipelines", "environments": {"dev": environment}}))


@pytest.fixture
def sealed(project):
    settings(project, logs={"level": "debug"})
    project.write("data/a.csv", "a\n1\n2\n3\n")
    project.write("other.csv", "b\n7\n")
    project.write("kept.sql", "select a from rows where a >= $least")
    project.pipeline("other", {"extract": {"other": {"from": "other.csv", "repeat": True}},
                               "load": {"other": {"into": "t.other"}}})
    project.run("other")
    project.pipeline("x", PIPELINE)
    result = project.sluice("plan", "x", "--param", "least=3", "--out", "plan.json")
    assert result.exit == 0, str(result)
    return project


def refused(project, *says):
    before = project.counts()
    result = project.sluice("run", "--plan", "plan.json")
    assert result.exit == 1, str(result)
    for text in says:
        assert text in result.error, str(result)
    assert "the plan does not hold any more and nothing was run" in result.error
    assert project.counts() == before
    assert project.spooled() == []


def test_it_does_exactly_that(sealed):
    settings(sealed, logs={"level": "info", "keep": "3d"})
    plan = json.loads(sealed.path("plan.json").read_text())
    assert plan["params"] == {"least": "3"}
    assert [file["file"] for file in plan["files"]] == ["x", "kept.sql"]
    assert list(plan["tasks"]["extract.rows"]["objects"]) == ["data/a.csv"]
    result = sealed.sluice("run", "--plan", "plan.json")
    assert result.exit == 0, str(result)
    assert sealed.rows("t.kept") == [(3,)]
    assert plan["run_id"] in sealed.commits()
    started = result.named("run.started")[0]
    assert (started["run_id"], started["due"]) == (plan["run_id"], plan["due"])
    # A plan is one run, however often it is started; also when all has moved since.
    sealed.write("data/b.csv", "a\n9\n")
    assert sealed.sluice("run", "x", "--plan", "plan.json").named("run.repeated")
    assert sealed.rows("t.kept") == [(3,)]


def change_object(project):
    project.write("data/a.csv", "a\n1\n2\n4\n")
    os.utime(project.path("data/a.csv"), (1, 1))


@pytest.mark.parametrize(
    "move, says",
    [
        (change_object, "data/a.csv has changed (version "),
        (lambda project: project.write("data/b.csv", "a\n5\n"), "data/b.csv came since"),
        (lambda project: project.path("data/a.csv").rename(project.path("data/c.csv")),
         "data/a.csv is gone, or not new any more; data/c.csv came since"),
        (lambda project: project.run("other"), "catalog://t.other was at position"),
        (lambda project: project.write("kept.sql", "select a from rows"), "the file of kept.sql has"),
        (lambda project: project.pipeline("x", PIPELINE + "# more\n"), "the file of x has changed"),
        (lambda project: project.run("x"), "data/a.csv is gone, or not new any more"),
        (lambda project: settings(project, vars={"lake": "other"}), "the setting vars.lake has changed"),
        (lambda project: settings(project, vars={"lake": "one", "x": "1"}), "the setting vars.x came since"),
        (lambda project: settings(project, vars={}), "the setting vars.lake is gone"),
        (lambda project: settings(project, store="file:elsewhere"), "the setting store has changed"),
        (lambda project: project.environment.update(GREETING="hello"), "the setting env.GREETING came since"),
    ],
)
def test_what_moved_is_named(sealed, move, says):
    move(sealed)
    refused(sealed, says)


def test_a_table_that_came_or_changed(sealed):
    sealed.pipeline("y", {"extract": {"rows": {"from": "data/a.csv", "repeat": True}},
                          "load": {"rows": {"into": "t.kept"}}})
    sealed.run("y")
    refused(sealed, "t.kept came since")
    assert sealed.sluice("plan", "x", "--out", "plan.json").exit == 0
    sealed.run("y")
    refused(sealed, "t.kept was at position ")


def test_many_moves_are_counted(sealed):
    for i in range(9):
        sealed.write(f"data/n{i}.csv", "a\n5\n")
    refused(sealed, "data/n0.csv came since", "; and 5 more")


def test_usage(sealed):
    for args, says in [
        (["--plan", "plan.json", "--param", "least=1"], "leave --param, --task, --due"),
        (["y", "--plan", "plan.json"], "plan.json is a plan of x, not of y"),
        (["--plan", "none.json"], "none.json"),
        (["--plan", "other.csv"], "other.csv"),
        (["--plan", "plan.json", "--dry-run"], "leave --dry-run out"),
        ([], "PIPELINE is missing"),
    ]:
        result = sealed.sluice("run", *args)
        assert result.exit == 2 or "none.json" in args, str(result)
        assert says in result.error, str(result)
    plan = json.loads(sealed.path("plan.json").read_text())
    sealed.write("plan.json", json.dumps({**plan, "format": 1}))
    assert "it is a plan of format 1" in sealed.sluice("run", "--plan", "plan.json").error
    sealed.write("plan.json", json.dumps({**plan, "sluice": "0.0.1"}))
    refused(sealed, 'the version of sluice was "0.0.1"')
    assert sealed.sluice("plan", "x", "--out", "no/such/plan.json").exit == 1


def test_somebody_else_commits_before(sealed):
    """Between plan and commit the table must not change either: a run of its own would plan again."""
    sealed.pipeline("y", {
        "extract": {"rows": {"from": "data/a.csv", "repeat": True}},
        "load": {"rows": {"into": "t.keyed", "mode": "upsert", "key": ["a"]}},
    })
    sealed.run("y")
    assert sealed.sluice("plan", "y", "--out", "plan.json").exit == 0
    sealed.run("y")
    refused(sealed, "t.keyed was at position ")


def test_settings_are_sealed_without_their_values(project):
    settings(project, vars={"token": "streng-geheim"})
    project.write("data/a.csv", "a\n1\n")
    project.pipeline(
        "x",
        {
            "extract": {"a": {"from": "data/${vars.token}*.csv", "only_new": True}},
            "load": {"a": {"into": "t.a"}},
        },
    )
    project.sluice("plan", "x", "--out", "plan.json")
    plan = project.path("plan.json").read_text()
    assert "streng-geheim" not in json.dumps(json.loads(plan)["settings"])
    assert set(json.loads(plan)["settings"]) == {"catalog", "store", "state", "vars.token"}


def test_a_project_that_was_moved_is_the_same(sealed, tmp_path):
    sealed.root = sealed.root.rename(tmp_path / "moved")
    # Its objects are other ones for the file system: all that is said is of them.
    result = sealed.sluice("run", "--plan", "plan.json")
    assert result.exit in (0, 1) and "the setting" not in result.stderr, str(result)


def test_objects_that_may_be_read_again_are_sealed_too(project):
    """reread: which folders a run reads besides those of new objects, its rows say."""
    project.write("in/d1/a.csv", "d,n\n1,1\n")
    project.write("in/d2/a.csv", "d,n\n1,2\n")
    project.pipeline(
        "x",
        {
            "extract": {"a": {"from": "in/**/*.csv", "only_new": {"reread": "partition"}}},
            "load": {"a": {"into": "t.a", "mode": "overwrite_partitions", "partition_by": ["d"]}},
        },
    )
    project.run("x")
    project.write("in/d1/b.csv", "d,n\n1,3\n")
    assert project.sluice("plan", "x", "--out", "plan.json").exit == 0
    project.path("in/d2/a.csv").unlink()
    refused(project, "objects of extract.a have changed that may have to be read again")
    assert project.sluice("plan", "x", "--out", "plan.json").exit == 0
    result = project.sluice("run", "--plan", "plan.json")
    assert result.exit == 0, str(result)
    assert sorted(project.rows("t.a")) == [(1, 1), (1, 3)]


def test_objects_whose_rows_go_are_sealed(project):
    """The object is the same and so is the table, yet rows of another pipeline would go."""
    settings(project)
    extract = {"rows": {"from": "data/*.csv", "metadata": True, "only_new": {"on_changed": "replace"}}}
    load = {"kept": {"into": "t.kept"}}
    project.pipeline("first", {"extract": extract, "transform": {"kept": {"sql": "select * from rows"}}, "load": load})
    project.write("kept.sql", "select * from rows where a >= $least")
    project.pipeline("x", {
        "params": {"least": {"type": "int", "default": 2}},
        "extract": extract, "transform": {"kept": {"sql_file": "kept.sql"}}, "load": load,
    })
    project.write("data/a.csv", "a\n7\n8\n")
    project.run("first")
    path = project.path("data/a.csv")
    at = path.stat().st_mtime_ns
    assert project.sluice("plan", "x", "--out", "plan.json").exit == 0
    os.utime(path, ns=(at, at - 10**9))
    project.run("x", "--param", "least=99")  # another version, none of whose rows it takes
    os.utime(path, ns=(at, at))
    refused(project, "rows of data/a.csv in t.kept would be replaced")
    assert sorted(row[0] for row in project.rows("t.kept")) == [7, 8]
