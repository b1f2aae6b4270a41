"""`reread: partition`: late and overwritten files under overwrite_partitions. Whatever comes in
whatever order, the table is what reading everything gives."""

import json
import os
import random

import pytest
from conftest import PATIENCE, multiset

PIPELINE = """
extract:
  a:
    from: %s/**/*.csv
    only_new: {reread: partition}
    columns: {day: date, x: bigint}
transform:
  b: {sql: "%s"}
load:
  b: {into: n.t, mode: overwrite_partitions, partition_by: [day], on_empty: %s}
"""


def make(project, at="in", sql="select day, x from a", on_empty="replace"):
    project.write("pipelines/p.yaml", PIPELINE % (at, sql, on_empty))


def text(rows):
    return "day,x\n" + "".join(f"2024-01-{day:02},{x}\n" for day, x in rows)


def put(project, name, *rows):
    project.write(f"in/{name}", text(rows))


def stored(project):
    return sorted((day.day, x) for day, x in project.rows("n.t"))


def fetched(result):
    return sorted(line["object"].split("in/", 1)[1] for line in result.named("object.fetched"))


def test_a_late_file_brings_its_folder_back(project):
    make(project)
    put(project, "d1/a.csv", (1, 1))
    project.run("p")
    put(project, "d2/a.csv", (2, 2))
    project.run("p")
    put(project, "d1/late.csv", (1, 10))
    result = project.run("p")
    assert fetched(result) == ["d1/a.csv", "d1/late.csv"]  # and nothing of d2
    assert not result.named("run.widened")
    assert stored(project) == [(1, 1), (1, 10), (2, 2)]
    assert project.run("p").named("run.nothing_new")
    project.check_consistent()


def test_rows_of_another_folder_come_back_too(project):
    """d1 has rows of the 2nd: who replaces the 2nd needs them."""
    make(project)
    put(project, "d1/a.csv", (1, 1), (2, 2))
    project.run("p")
    put(project, "d3/a.csv", (3, 3))
    project.run("p")
    put(project, "d2/a.csv", (2, 20))
    plan = project.sluice("plan", "p", "--json").json["tasks"][0]
    assert (plan["read_again"], plan["folders"], plan["more_folders"]) == (0, 1, 0)
    result = project.run("p")
    widened = result.named("run.widened")
    assert [(line["folders"], line["objects"]) for line in widened] == [(2, 2)]
    assert set(fetched(result)) == {"d1/a.csv", "d2/a.csv"}
    assert stored(project) == [(1, 1), (2, 2), (2, 20), (3, 3)]
    # Only the 2nd is another one now.
    runs = {json.dumps(file["values"]): file["path"].rsplit("/", 1)[1] for file in project.files("n.t")}
    assert len({name[:36] for name in runs.values()}) == 3
    project.check_consistent()
    # What is remembered of d1 holds: it has rows of the 1st and of the 2nd.
    put(project, "d1/b.csv", (1, 100))
    plan = project.sluice("plan", "p")
    assert "; 1 again, with the new ones of its folder; 1 folder more, if rows go into the partitions" in plan.stdout
    result = project.run("p")
    assert {"d1/a.csv", "d1/b.csv", "d2/a.csv"} == set(fetched(result))
    assert stored(project) == [(1, 1), (1, 100), (2, 2), (2, 20), (3, 3)]
    project.check_consistent()


def test_rows_that_move_leave_nothing_behind(project):
    make(project)
    put(project, "d1/a.csv", (1, 1), (2, 2))
    put(project, "d2/a.csv", (3, 3))
    project.run("p")
    put(project, "d1/a.csv", (4, 1))  # overwritten: its days are other ones now
    project.run("p")
    assert stored(project) == [(3, 3), (4, 1)]
    assert sorted(json.dumps(file["values"]) for file in project.files("n.t")) == ['["2024-01-03"]', '["2024-01-04"]']
    project.check_consistent()


def test_no_rows_at_all(project):
    make(project, on_empty="keep")
    put(project, "d1/a.csv", (1, 1))
    project.run("p")
    put(project, "d1/a.csv")
    assert project.run("p").named("load.empty")
    assert stored(project) == [(1, 1)]
    # It is still known where its rows are.
    make(project)
    put(project, "d1/a.csv", (2, 2))
    project.run("p")
    assert stored(project) == [(2, 2)]
    put(project, "d1/a.csv")
    project.run("p")
    assert stored(project) == []
    project.check_consistent()


def test_objects_that_are_gone(project):
    make(project)
    put(project, "d1/a.csv", (1, 1))
    put(project, "d1/b.csv", (1, 2))
    project.run("p")
    project.path("in/d1/a.csv").unlink()
    assert project.run("p").named("run.nothing_new")
    put(project, "d1/c.csv", (1, 3))
    assert "; 1 that was read before is gone\n" in project.sluice("plan", "p").stdout
    result = project.run("p")
    assert [line["objects"] for line in result.named("objects.gone")] == [1]
    assert stored(project) == [(1, 2), (1, 3)]


@pytest.mark.parametrize("late, known", [("d1/b.csv", 1), ("d3/a.csv", 0)])
def test_folders_that_are_gone(project, late, known):
    """Of d2 nothing is left, and the 1st, which has rows of it, is made anew: known beforehand of
    a late file of d1, and of d3 once it is read."""
    make(project)
    put(project, "d1/a.csv", (1, 1))
    project.run("p")
    put(project, "d2/a.csv", (1, 2), (2, 2))
    project.run("p")
    project.path("in/d2/a.csv").unlink()
    put(project, late, (1, 3))
    assert ("; 1 that was read before is gone\n" in project.sluice("plan", "p").stdout) == bool(known)
    result = project.run("p")
    assert [line["objects"] for line in result.named("objects.gone")] == [1]
    assert stored(project) == [(1, 1), (1, 3), (2, 2)]
    put(project, late, (1, 4))  # told once
    assert not project.run("p").named("objects.gone")
    put(project, "d2/a.csv", (1, 2), (2, 2))  # back again
    project.run("p")
    assert stored(project) == [(1, 1), (1, 2), (1, 4), (2, 2)]


def test_limits_of_what_is_taken_away_are_asked_at_the_end(project):
    """The first pass has half of the partition: that is no loss yet."""
    make(project)
    project.write(
        "pipelines/p.yaml",
        project.path("pipelines/p.yaml").read_text().replace("on_empty", "limits: {deletes: 1}, on_empty"),
    )
    put(project, "d1/a.csv", *((1, x) for x in range(5)))
    project.run("p")
    put(project, "d2/a.csv", (1, 5))
    assert project.run("p").named("run.widened")
    assert len(stored(project)) == 6
    put(project, "d1/a.csv", (1, 0))
    assert "limits.deletes" in project.fails("p", expect=3)
    assert len(stored(project)) == 6
    project.check_consistent()


def append_two(project):
    make(project)
    text_of = project.path("pipelines/p.yaml").read_text()
    project.write(
        "pipelines/p.yaml",
        text_of.replace("only_new: {reread: partition}", "only_new: true").replace(
            "overwrite_partitions", "append"
        ).replace(", on_empty: replace", ""),
    )
    put(project, "d1/a.csv", (1, 1), (2, 2))
    put(project, "d2/a.csv", (2, 20))
    project.run("p")


def test_what_was_loaded_before_it_was_asked_for(project):
    """Nothing is known of the folders: all of them are read once."""
    append_two(project)
    make(project)
    assert project.run("p").named("run.nothing_new")
    put(project, "d2/late.csv", (2, 21))
    assert len(fetched(project.run("p"))) == 3
    assert stored(project) == [(1, 1), (2, 2), (2, 20), (2, 21)]
    put(project, "d1/late.csv", (1, 10))
    project.run("p")
    assert stored(project) == [(1, 1), (1, 10), (2, 2), (2, 20), (2, 21)]
    project.check_consistent()


def test_what_changed_before_it_is_known_where_it_went(project):
    """Its old row would stay behind in the 1st: it is refused, and a table made anew has none."""
    append_two(project)
    make(project)
    put(project, "d1/a.csv", (3, 1))
    before = project.counts()
    said = project.fails("p")
    assert "was read before and has changed, and which partitions of n.t its old rows went into" in said
    assert "extract.a.only_new" in said
    assert project.counts() == before
    project.sluice("catalog", "delete-table", "n.t")
    project.run("p")
    assert stored(project) == [(2, 20), (3, 1)]
    put(project, "d1/a.csv", (4, 1))
    project.run("p")
    assert stored(project) == [(2, 20), (4, 1)]


def put_raw(project, name, *rows):
    """A folder whose name JSON cannot hold: nothing is remembered of it, so all is always read."""
    path = os.fsencode(project.path("in")) + b"/" + name
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w") as file:
        file.write(text(rows))


def test_rows_move_where_not_all_folders_are_known(project):
    make(project)
    put(project, "d1/a.csv", (1, 1))
    put(project, "d2/a.csv", (2, 2))
    project.run("p")
    put_raw(project, b"d\xff/a.csv", (3, 3))
    project.run("p")
    put(project, "d1/a.csv", (4, 1))
    assert len(fetched(project.run("p"))) == 3
    assert stored(project) == [(2, 2), (3, 3), (4, 1)]
    put(project, "d1/a.csv", (5, 1))  # what is known of d1 has not been forgotten
    project.run("p")
    assert stored(project) == [(2, 2), (3, 3), (5, 1)]
    project.check_consistent()


def test_a_table_that_was_partitioned_anew(project):
    """Its rows are where nobody remembers."""
    make(project)
    put(project, "d1/a.csv", (1, 1))
    put(project, "d2/a.csv", (2, 2))
    project.run("p")
    result = project.sluice("catalog", "alter", "n.t", "--partition-by", "x")
    assert result.exit == 0, str(result)
    project.write("pipelines/p.yaml", project.path("pipelines/p.yaml").read_text().replace("[day]", "[x]"))
    put(project, "d1/a.csv", (1, 10))
    assert "its old rows went into is not remembered" in project.fails("p")
    assert stored(project) == [(1, 1), (2, 2)]
    project.path("in/d1/a.csv").unlink()
    put(project, "d1/b.csv", (3, 3))  # what is new is known from here on
    assert len(fetched(project.run("p"))) == 2
    put(project, "d1/b.csv", (4, 4))
    project.run("p")
    assert stored(project) == [(1, 1), (2, 2), (4, 4)]
    project.check_consistent()


def test_a_failed_second_pass_changes_nothing(project):
    make(project, sql="select day, 100 // (x - 7) as x from a where 1 // (case when x = 7 then 0 else 1 end) = 1")
    put(project, "d1/a.csv", (1, 1))
    project.run("p")
    before = project.counts()
    make(project, sql="select day, x from a where case when x = 1 then error('no') is null else true end")
    put(project, "d2/a.csv", (1, 2))
    assert "no" in project.fails("p")
    assert project.counts() == before
    project.check_consistent()


def test_rows_put_aside_by_both_passes(project):
    """Only what the second pass has put aside counts, and it is there after the run has cleaned up."""
    make(project)
    text_of = project.path("pipelines/p.yaml").read_text()
    project.write("pipelines/p.yaml", text_of.replace("    columns:", "    on_bad_row: quarantine\n    csv: {delimiter: ','}\n    columns:"))
    put(project, "d1/a.csv", (1, 1), (2, 2))
    project.run("p")
    put(project, "d2/a.csv", (2, 20), (2, "bad"))
    assert project.run("p").named("run.widened")
    assert stored(project) == [(1, 1), (2, 2), (2, 20)]
    project.check_consistent()
    assert [row["raw"] for row in project.table("quarantine.p_a").to_pylist()] == ["2024-01-02,bad"]


def test_two_loads_and_a_lookup(project):
    project.write(
        "pipelines/p.yaml",
        """
        extract:
          a: {from: in/**/*.csv, only_new: {reread: partition}, columns: {day: date, x: bigint}}
          names: {from: names.csv}
        transform:
          b: {sql: "select day, x, name from a join names using (x)"}
          c: {sql: "select date_trunc('month', day)::date as m, sum(x)::bigint as x from a group by 1"}
        load:
          b: {into: n.t, mode: overwrite_partitions, partition_by: [day]}
          c: {into: n.m, mode: overwrite_partitions, partition_by: [m]}
        """,
    )
    project.write("names.csv", "x,name\n1,one\n2,two\n")
    put(project, "d1/a.csv", (1, 1))
    project.run("p")
    put(project, "d2/a.csv", (2, 2))
    project.run("p")  # of the month's sum both are needed
    assert sorted((day.day, x, name) for day, x, name in project.rows("n.t")) == [(1, 1, "one"), (2, 2, "two")]
    assert [x for _, x in project.rows("n.m")] == [3]
    project.check_consistent()


def test_more_than_one_source(project):
    """A union: a new object of one brings folders of the other."""
    project.write(
        "pipelines/p.yaml",
        """
        extract:
          a: {from: in/a/**/*.csv, only_new: {reread: partition}, columns: {day: date, x: bigint}}
          b: {from: in/b/**/*.csv, only_new: {reread: partition}, columns: {day: date, x: bigint}}
        transform:
          c: {sql: "select day, x from a union all select day, x from b"}
        load:
          c: {into: n.t, mode: overwrite_partitions, partition_by: [day]}
        """,
    )
    project.path("in/b").mkdir(parents=True)
    put(project, "a/1/x.csv", (1, 1))
    project.run("p")
    put(project, "b/1/x.csv", (1, 2), (2, 2))
    project.run("p")
    put(project, "b/2/x.csv", (2, 3))
    project.run("p")
    assert stored(project) == [(1, 1), (1, 2), (2, 2), (2, 3)]
    project.check_consistent()


def test_refused(project):
    make(project)
    text_of = project.path("pipelines/p.yaml").read_text()
    for mode, key in (("append", ""), ("overwrite", ""), ("upsert", ", key: [x]")):
        project.write("pipelines/p.yaml", text_of.replace("mode: overwrite_partitions", f"mode: {mode}{key}").replace(", on_empty: replace", ""))
        result = project.sluice("validate", "p")
        assert result.exit == 2
        assert "load.b.mode: `reread: partition` of extract.a (line 5) brings whole folders back" in result.stderr
    for old, new, said in (
        ("on_empty: replace", "scope: \"day > '2024-01-01'\"", "load.b.scope: `reread: partition` of extract.a"),
        ("into: n.t, mode: overwrite_partitions, partition_by: [day], on_empty: replace", "to: \"x-${run.id}.csv\"",
         "load.b.to: `reread: partition` of extract.a"),
    ):
        project.write("pipelines/p.yaml", text_of.replace(old, new))
        result = project.sluice("validate", "p")
        assert result.exit == 2 and said in result.stderr, str(result)


class Model:
    """Folders of files of rows; the table is all rows, by day."""

    def __init__(self, dice, put, remove):
        self.dice, self.put, self.remove = dice, put, remove
        self.files, self.next = {}, 0

    def rows(self, folder):
        """Mostly of the folder's own day, some of the next one, few of any."""
        rows = []
        for _ in range(self.dice.choice([0, 1, 1, 2, 5])):
            day = self.dice.choice([folder] * 6 + [folder % 9 + 1] * 2 + [self.dice.randint(1, 9)])
            self.next += 1
            rows.append((day, self.next))
        return rows

    def write(self, name, folder):
        self.files[name] = self.rows(folder)
        self.put(name, text(self.files[name]))

    def step(self):
        for _ in range(self.dice.choice([0, 1, 1, 1, 2, 3])):
            folder = self.dice.randint(1, 9)
            known = [name for name in self.files if name.startswith(f"f{folder}/")]
            what = self.dice.random()
            if known and what < 0.3:
                self.write(self.dice.choice(known), folder)
            elif known and what < 0.4:  # away, and another one comes: else nobody looks
                name = self.dice.choice(known)
                self.remove(name)
                del self.files[name]
                self.write(f"f{folder}/n{self.next}.csv", folder)
                self.next += 1
            else:
                self.write(f"f{folder}/n{self.next}.csv", folder)
                self.next += 1

    def expected(self):
        return sorted(row for rows in self.files.values() for row in rows)


@pytest.mark.timeout(900)
@pytest.mark.parametrize("seed", range(int(os.environ.get("REREAD_SEEDS", 4 if PATIENCE == 1 else 1))))
def test_model(project, seed):
    dice = random.Random(seed + int(os.environ.get("REREAD_SEED", 0)))
    model = Model(
        dice,
        lambda name, content: project.write(f"in/{name}", content),
        lambda name: project.path(f"in/{name}").unlink(),
    )
    make(project)
    model.write("f1/first.csv", 1)
    for number in range(12):
        model.step()
        if dice.random() < 0.15:  # killed somewhere, and once more
            process = project.start("run", "p")
            try:
                process.communicate(timeout=dice.uniform(0.05, 0.4) * PATIENCE)
            except Exception:  # noqa: BLE001  (it is still running)
                process.kill()
                process.communicate()
        project.run("p")
        assert stored(project) == model.expected(), f"seed {seed}, step {number}"
    project.check_consistent()
    # The whole of it anew, by somebody who has seen nothing.
    make_other = project.path("pipelines/p.yaml").read_text().replace("n.t", "n.u").replace("reread: partition", "reread: none").replace("only_new: {reread: none}", "repeat: true")
    project.write("pipelines/whole.yaml", make_other)
    project.run("whole")
    assert multiset(project.rows("n.u")) == multiset(project.rows("n.t"))
