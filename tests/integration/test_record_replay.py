"""sluice run --record, sluice run --replay: the same run once more, from the recording alone: in an empty
folder, without credentials and, where the kernel lets it be shown, without a network."""

import http.server
import json
import os
import pathlib
import shutil
import signal
import subprocess
import threading
import time

import pytest
import servers
from conftest import SANITIZED, Project
from lake import Lake

BAD = "a,b\n5,x\n7,y\nworse,q\n"


class Recorded:
    """A project with a recording, and an empty folder somewhere else that has only that."""

    def __init__(self, project, elsewhere):
        self.project, self.elsewhere = project, pathlib.Path(elsewhere)
        self.elsewhere.mkdir()

    def record(self, name="x", *args, expect=0, folder="rec", **options):
        result = self.project.sluice("run", name, "--record", folder, *args, **options)
        assert result.exit == expect, str(result)
        return result

    def lines(self, folder="rec"):
        text = self.project.path(f"{folder}/manifest.ndjson").read_text()
        return [json.loads(line) for line in text.splitlines()]

    def replay(self, *args, expect=0, same=True, folder="rec", move=True):
        """In an empty folder; exit code and what --json says."""
        target = self.elsewhere / folder
        if move and not target.exists():
            shutil.copytree(self.project.path(folder), target)
        # Its own folder for what is temporary: nothing may be left in it.
        scratch = self.elsewhere / "tmp"
        scratch.mkdir(exist_ok=True)
        command = [os.environ["SLUICE_BIN"], "run", "--replay", folder, "--json", *args]
        if subprocess.run(["unshare", "-n", "true"], capture_output=True).returncode == 0:
            command = ["unshare", "-n", *command]
        environment = {
            key: value
            for key, value in self.project.environment.items()
            if not key.startswith("AWS_") and key not in ("WHO", "API_TOKEN")
        }
        environment.update(HOME=str(self.elsewhere), TMPDIR=str(scratch))
        done = subprocess.run(
            command, cwd=self.elsewhere, env=environment, capture_output=True, text=True, timeout=120
        )
        says = f"{command}\nexit {done.returncode}\n{done.stdout}\n{done.stderr}"
        assert done.returncode == expect, says
        assert list(scratch.iterdir()) == [], says
        answer = json.loads(done.stdout) if done.stdout else {}
        if answer:
            assert answer["same"] is same, says
        answer["stderr"] = done.stderr
        return answer


@pytest.fixture
def recorded(project, tmp_path):
    return Recorded(project, tmp_path / "elsewhere")


def content(answer, task):
    return next(item["content"] for item in answer["record"]["tasks"] if item["task"] == task)


# --- local files


def test_quarantine_and_what_was_seen_before(recorded):
    project = recorded.project
    project.pipeline(
        "x",
        """
        params: {least: {type: int, default: 2}}
        extract:
          rows: {from: "data/*.csv", only_new: true, on_bad_row: quarantine, columns: {a: bigint}}
        transform:
          kept: {sql_file: sql/kept.sql}
        load:
          kept: {into: t.kept}
          all: {from: rows, to: "out/all-${run.id}.csv"}
        """,
    )
    project.write("sql/kept.sql", "select a, b from rows where a >= $least")
    project.write("data/a.csv", "a,b\n1,x\n2,y\nbad,q\n")
    project.run("x")
    project.write("data/b.csv", BAD)
    project.run("x", "--record", "rec", "--param", "least=6")
    assert project.rows("t.kept") == [(2, "y"), (7, "y")]
    gets = [line for line in recorded.lines() if line.get("verb") == "get"]
    assert [line["key"] for line in gets] == ["data/b.csv"]
    assert (project.path("rec/bodies") / gets[0]["sha256"]).read_text() == BAD
    before = project.counts()
    answer = recorded.replay()
    assert content(answer, "load.kept")["rows"] == "1"
    assert content(answer, "load.all")["rows"] == "2"
    assert answer["record"]["quarantined"] == 1
    assert project.counts() == before
    # Again, where the data is gone and the project as it is now: nothing of it is changed.
    shutil.rmtree(project.path("data"))
    project.sluice("run", "--replay", "rec")
    assert project.counts() == before
    assert len(list(project.path("out").iterdir())) == 2


def test_the_same_bytes_are_kept_once(recorded):
    project = recorded.project
    for i in range(300):
        project.write(f"data/{i}.csv", f"a\n{i % 3}\n")
    project.copy_pipeline("x", **{"from": "data/*.csv"})
    recorded.record()
    assert len([line for line in recorded.lines() if line.get("verb") == "get"]) == 300
    assert len(list(project.path("rec/bodies").iterdir())) == 3 + 1  # and the pipeline
    assert content(recorded.replay(), "load.x")["rows"] == "300"


def test_a_table_that_is_read_and_merged(recorded):
    """Its files and its positions are reads as well: the other machine has an empty catalog."""
    project = recorded.project
    project.pipeline("seed", {
        "extract": {"s": {"from": "seed.csv", "repeat": True}},
        "load": {"s": {"into": "t.people", "mode": "upsert", "key": ["id"]}}})
    project.write("seed.csv", "id,name\n1,ann\n2,bob\n3,cid\n")
    project.run("seed")
    project.run("seed")
    project.copy_pipeline("other", **{"from": "seed.csv"})
    project.run("other")
    project.pipeline("x", {
        "extract": {"people": {"from": "catalog://t.people", "only_new": True},
                    "fresh": {"from": "fresh.csv", "repeat": True}},
        "transform": {"both": {"sql": "select id, upper(name) as name from people union all "
                                      "select id, name from fresh where id not in "
                                      "(select id from people)"}},
        "load": {"both": {"into": "t.target", "mode": "upsert", "key": ["id"]}}})
    project.write("fresh.csv", "id,name\n3,x\n4,dan\n")
    project.run("x")
    project.write("seed.csv", "id,name\n2,bea\n9,eva\n")
    project.run("seed")
    recorded.record()
    catalog = [line["catalog"] for line in recorded.lines() if "catalog" in line]
    kept = project.path("rec/bodies") / catalog[0]["sha256"]
    tables = project.query("SELECT name FROM tables ORDER BY 1", database=kept.relative_to(project.root))
    assert [row["name"] for row in tables] == ["people", "target"]
    assert b"t.other" not in kept.read_bytes()
    answer = recorded.replay("--keep", "kept")
    there = Project.__new__(Project)
    there.root = recorded.elsewhere / "kept"
    committed = there.query("SELECT run_id FROM commits ORDER BY commit_id", database="catalog.db")
    assert committed[-1]["run_id"] == answer["run_id"]
    assert content(answer, "load.both") == content(recorded.lines()[-1]["end"], "load.both")
    assert int(content(answer, "load.both")["rows"]) >= 3


def test_a_cursor_column(recorded):
    project = recorded.project
    project.pipeline("x", {
        "extract": {"x": {"from": "x.csv", "columns": {"at": "timestamp"}, "cursor": {"column": "at"}}},
        "load": {"x": {"into": "t.x"}}})
    project.write("x.csv", "id,at\n1,2001-01-01\n2,2001-01-02\n")
    project.run("x")
    project.write("x.csv", "id,at\n1,2001-01-01\n2,2001-01-02\n3,2001-01-03\n4,2001-01-04\n")
    recorded.record()
    assert len(project.rows("t.x")) == 4
    assert content(recorded.replay(), "load.x")["rows"] == "2"


def test_nothing_new(recorded):
    project = recorded.project
    project.write("x.csv", "a\n1\n")
    project.copy_pipeline("x", **{"from": "x.csv"})
    project.run("x")
    recorded.record()
    assert recorded.replay()["outcome"] == "nothing_new"


def test_deterministic_files_are_the_same_byte_by_byte(recorded):
    project = recorded.project
    rows = "".join(f"{i},{i * 7 % 1000}\n" for i in range(20000))
    project.write("x.csv", "id,v\n" + rows)
    project.pipeline("x", {
        "deterministic": True,
        "extract": {"x": {"from": "x.csv", "repeat": True}},
        "transform": {"y": {"sql": "select v, count(*) as n, sum(id)::bigint as s from x group by v order by v"}},
        "load": {"y": {"into": "t.y", "mode": "overwrite"}, "csv": {"from": "y", "to": "y.csv"}}})
    recorded.record()
    recorded.replay("--keep", "kept")
    kept = recorded.elsewhere / "kept"
    assert (kept / "y.csv").read_bytes() == project.path("y.csv").read_bytes()
    written = sorted(path.read_bytes() for path in (kept / "store").rglob("*.parquet"))
    assert written == sorted(pathlib.Path(file["path"]).read_bytes() for file in project.files("t.y"))


# --- runs that fail


def test_a_failed_run_fails_the_same_way(recorded):
    project = recorded.project
    project.write("x.csv", "a\n1\n2\noops\n")
    project.copy_pipeline("x", **{"from": "x.csv", "columns": {"a": "bigint"}})
    result = recorded.record(expect=1)
    answer = recorded.replay(expect=1)
    assert answer["error"] in result.error
    assert 'x.csv: line 4, column "a"' in answer["error"]
    # The fix is tried on what was recorded.
    shutil.copytree(project.path("pipelines"), recorded.elsewhere / "pipelines")
    (recorded.elsewhere / "sluice.yaml").write_text(project.path("sluice.yaml").read_text())
    fixed = recorded.elsewhere / "pipelines/x.yaml"
    fixed.write_text(fixed.read_text().replace('"bigint"', '"varchar"'))
    answer = recorded.replay("x", expect=1, same=False)
    assert answer["outcome"] == "succeeded"
    assert len(answer["differences"]) == 1
    assert answer["differences"][0].endswith('and now with "success"')


def test_a_failed_check(recorded):
    project = recorded.project
    project.write("x.csv", "a\n1\n2\n2\n")
    project.pipeline("x", {"extract": {"x": {"from": "x.csv", "only_new": True}},
                           "load": {"x": {"into": "t.x", "checks": [{"unique": ["a"]}]}}})
    recorded.record(expect=3)
    assert "check unique" in recorded.replay(expect=3)["error"]


def test_what_is_not_there(recorded):
    project = recorded.project
    project.copy_pipeline("x", **{"from": "none/x.csv"})
    result = recorded.record(expect=1)
    assert recorded.replay(expect=1)["error"] in result.error


def test_a_killed_run(recorded):
    project = recorded.project
    for i in range(400):
        project.write(f"data/{i}.csv", "a\n" + f"{i}\n" * 1000)
    project.copy_pipeline("x", **{"from": "data/*.csv"})
    process = project.start("run", "x", "--record", "rec")
    manifest = project.path("rec/manifest.ndjson")
    while not (manifest.exists() and manifest.read_text().count('"verb":"get"') > 5):
        assert process.poll() is None
        time.sleep(0.001)
    process.send_signal(signal.SIGKILL)
    process.wait()
    answer = recorded.replay(expect=1, same=None)
    assert "has no end: the run was stopped while it was recorded" in answer["stderr"]
    assert "has no answer to it" in answer["error"]
    assert project.sluice("run", "x", "--record", "rec").exit == 1  # it is not empty
    # Its lease and its folder are like those of any other.
    project.run("x")
    project.check_consistent()


def test_a_busy_pipeline_leaves_the_folder_free(recorded):
    project = recorded.project
    for i in range(300):
        project.write(f"data/{i}.csv", "a\n" + f"{i}\n" * 2000)
    project.copy_pipeline("x", **{"from": "data/*.csv"})
    holder = project.start("run", "x")
    while not project.query("SELECT 1 FROM leases", database=".sluice/state.db"):
        assert holder.poll() is None
        time.sleep(0.001)
    holder.send_signal(signal.SIGSTOP)
    recorded.record(expect=75)
    assert not project.path("rec").exists()
    holder.send_signal(signal.SIGCONT)
    assert project.finish(holder).exit == 0
    recorded.record()
    assert recorded.replay()["outcome"] == "nothing_new"


# --- recordings that are damaged


@pytest.fixture
def small(recorded):
    recorded.project.write("data/a.csv", "a,b\n1,x\n2,y\n")
    recorded.project.write("data/b.csv", "a,b\n3,z\n")
    recorded.project.copy_pipeline("x", **{"from": "data/*.csv"})
    recorded.record()
    return recorded


def edit(recorded, change):
    path = recorded.project.path("rec/manifest.ndjson")
    path.write_text(change(path.read_text()))


@pytest.mark.parametrize(
    "change",
    [
        lambda text: text.replace('"data/a.csv"', '"data/c.csv"', 1),
        lambda text: "".join(line for line in text.splitlines(True) if '"get"' not in line),
        lambda text: text.replace('"rows":3', '"rows":4'),
        lambda text: text.replace("\n", "\n\n", 1),
        lambda text: text.replace("crc32c", "crc32d", 1),
    ],
)
def test_an_edited_manifest(small, change):
    edit(small, change)
    answer = small.replay(expect=1)
    assert "was changed or damaged since it was made" in answer["stderr"]
    assert answer["stderr"].count("\n") == 1


def test_a_torn_manifest(small):
    edit(small, lambda text: text[: text.index('{"end"') + 20])
    assert "has no end" in small.replay(same=None)["stderr"]
    shutil.rmtree(small.elsewhere / "rec")
    edit(small, lambda text: "")
    assert "is empty" in small.replay(expect=1)["stderr"]
    shutil.rmtree(small.elsewhere / "rec")
    small.project.path("rec/manifest.ndjson").unlink()
    assert "rec is no recording" in small.replay(expect=1)["stderr"]


def body(recorded, key="data/a.csv"):
    line = next(line for line in recorded.lines() if line.get("verb") == "get" and line["key"] == key)
    return recorded.project.path("rec/bodies") / line["sha256"]


def test_a_damaged_body(small):
    path = body(small)
    path.chmod(0o600)
    path.write_text("a,b\n1,x\n2,z\n")
    answer = small.replay(expect=1, same=False)
    assert f"{path.name} is not what was recorded: it was changed or damaged" in answer["error"]
    shutil.rmtree(small.elsewhere / "rec")
    path.unlink()
    assert f"{path.name} is missing: the recording is not whole" in small.replay(
        expect=1, same=False)["error"]


def test_recording_takes_nothing_from_the_table(small):
    """What is kept of a table's file is no second name of it: whoever writes into it harms nobody."""
    project = small.project
    project.pipeline("y", {"extract": {"t": {"from": "catalog://t.x", "only_new": True}},
                           "load": {"t": {"into": "t.y"}}})
    small.record("y", folder="rec2")
    for file in project.files("t.x"):
        assert os.stat(file["path"]).st_nlink == 1
    assert os.stat(project.path("data/a.csv")).st_nlink == 1
    small.replay(folder="rec2")


def test_differences_are_named(small):
    project = small.project
    (small.elsewhere / "sluice.yaml").write_text(project.path("sluice.yaml").read_text())
    (small.elsewhere / "pipelines").mkdir()
    pipeline = small.elsewhere / "pipelines/x.yaml"
    for sql, differences in [
        ("select a, b || '!' as b from r", ["load.x: values of column b are others than recorded"]),
        ("select a from r", ["load.x: column b is gone"]),
        ("select a, b, 1 as c from r", ["load.x: column c is new"]),
        ("select * from r where a > 1", ["load.x: rows: 2, and 3 was recorded",
                                         "load.x: 2 rows, and 3 were recorded"]),
        ("select 4 - a as a, b from r", ["load.x: each column has the values that were recorded, "
                                         "in other rows"]),
        ("select a, b from r order by a desc", []),
    ]:
        pipeline.write_text(json.dumps({
            "extract": {"r": {"from": "data/*.csv", "only_new": True}},
            "transform": {"x": {"sql": sql}}, "load": {"x": {"into": "t.x"}}}))
        answer = small.replay("x", expect=1, same=False)
        found = [line for line in answer["differences"] if line.startswith("load.")]
        assert found == differences
    pipeline.write_text(json.dumps({"extract": {"x": {"from": "data/c.csv", "only_new": True}},
                                    "load": {"x": {"into": "t.x"}}}))
    answer = small.replay("x", expect=1, same=False)
    assert "data/c.csv: the recording rec has no answer to it" in answer["error"]


# --- what is refused


def test_usage(small):
    project = small.project
    for args, exit_code, says in [
        (["x", "--record", "rec"], 1, "rec is there and not empty"),
        (["x", "--record", "r2", "--dry-run"], 2, "--record is for one whole run"),
        (["--record", "r2", "--all-due"], 2, "--record is for one whole run"),
        (["x", "--record", "r2", "--resume", "0"], 2, "--record is for one whole run"),
        (["--replay", "rec", "--param", "a=1"], 2, "leave what says otherwise out"),
        (["--replay", "rec", "--record", "r2"], 2, "leave what says otherwise out"),
        (["--replay", "none"], 1, "none is no recording"),
        (["x", "--keep", "k"], 2, "--keep says where a --replay leaves its project"),
        (["--replay", "rec", "--keep", "data"], 1, "--keep: cannot create data"),
    ]:
        result = project.sluice("run", *args)
        assert result.exit == exit_code, str(result)
        assert says in result.error, str(result)
    assert not project.path("r2").exists()


def test_a_full_disk(recorded, small_disk):
    project = recorded.project
    small_disk(project.path("disk"), "2m")
    project.write("x.csv", "a\n" + "1234567\n" * 500000)
    project.copy_pipeline("x", **{"from": "x.csv"})
    result = recorded.record(folder="disk/rec", expect=1)
    assert "recording into disk/rec: " in result.error and "No space left" in result.error, str(result)
    assert project.commits() == []
    project.run("x")
    project.check_consistent()


# --- from S3


@pytest.fixture
def lake(on_weed, s3, bucket):
    return Lake(on_weed, s3, bucket)


def test_s3(lake, recorded):
    """The server's own answers, tables in S3 among them; then there is no server, and nobody's keys."""
    project = recorded.project
    big = "id,v\n" + "".join(f"{i},{'y' * 50}\n" for i in range(200000))
    for i in range(120):
        lake.put(f"in/{i}.csv", f"id,v\n{i},x{i}\n")
    lake.put("in/big.csv", big)
    project.pipeline("x", {
        "extract": {"x": {"from": f"s3://{lake.bucket}/in/*.csv", "only_new": True}},
        "load": {"x": {"into": "t.x", "mode": "upsert", "key": ["id"]},
                 "out": {"from": "x", "to": f"s3://{lake.bucket}/out/${{run.id}}.csv"}}})
    project.run("x")
    lake.put("in/new.csv", "id,v\n1,again\n-1,first\n")
    recorded.record()
    keys = lake.keys()
    text = project.path("rec/manifest.ndjson").read_text()
    for secret in (servers.ACCESS_KEY, servers.SECRET_KEY, "Signature", "Authorization", "X-Amz"):
        assert secret not in text
    gets = [line["key"] for line in recorded.lines() if line.get("verb") == "get"]
    assert f"s3://{lake.bucket}/in/new.csv" in gets
    assert f"s3://{lake.bucket}/in/big.csv" not in gets
    answer = recorded.replay("--keep", "kept")
    assert content(answer, "load.x")["rows"] == "2"
    out = recorded.elsewhere / f"kept/outside/s3/{lake.bucket}/out"
    assert [path.name for path in out.iterdir()] == [f"{answer['run_id']}.csv"]
    assert lake.keys() == keys


def test_birdstrikes_from_s3(lake, recorded):
    project = recorded.project
    root = pathlib.Path(__file__).parents[2]
    shutil.copytree(root / "pipelines", project.root / "pipelines")
    for name in ("birdstrikes.csv", "airports.csv"):
        lake.put(f"in/{name}", (root / "pipelines/data" / name).read_bytes())
    file = project.path("pipelines/birdstrikes.yaml")
    text = file.read_text().replace("from: pipelines/data/", f"from: s3://{lake.bucket}/in/")
    file.write_text(text)
    result = recorded.record("birdstrikes", "--json")
    answer = recorded.replay()
    assert answer["record"]["rows"] == result.json["rows"] > 9000


# --- https, and what is secret


class Origin(http.server.ThreadingHTTPServer):
    """Files at a URL; the first answer to each is 503, as throttled servers say."""

    def __init__(self, files):
        super().__init__(("127.0.0.1", 0), Handler)
        self.files, self.asked = files, {}
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def url(self, path):
        return f"http://127.0.0.1:{self.server_address[1]}{path}"


class Handler(http.server.BaseHTTPRequestHandler):
    def answer(self, with_body):
        path = self.path.split("?")[0]
        times = self.server.asked[path] = self.server.asked.get(path, 0) + 1
        content = self.server.files.get(path)
        status = 503 if times == 1 else 404 if content is None else 200
        self.send_response(status)
        self.send_header("Content-Length", str(len(content) if status == 200 else 0))
        self.send_header("ETag", '"e1"')
        self.end_headers()
        if with_body and status == 200:
            self.wfile.write(content)

    def do_GET(self):
        self.answer(True)

    def do_HEAD(self):
        self.answer(False)

    def log_message(self, *_):
        pass


def test_urls_and_secrets(recorded):
    """What is secret is in none of the files; the replay finds its answers all the same."""
    project = recorded.project
    origin = Origin({"/x.csv": b"a\n1\n2\n", "/y.csv": b"a\n3\n"})
    project.environment.update(API_TOKEN="s3cr3t-of-mine", WHO="someone")
    project.pipeline("x", {
        "extract": {
            "x": {"from": origin.url("/x.csv?token=${env.API_TOKEN}&who=${env.WHO}&day=1"), "only_new": True},
            "y": {"from": origin.url("/y.csv?X-Amz-Signature=abcdef123456&k=literal-k").replace(
                "http://", "http://me:hunter22@"), "only_new": True}},
        "transform": {"z": {"sql": "select * from x union all select * from y"}},
        "load": {"z": {"into": "t.z"}},
        "on_commit": [{"url": origin.url("/hook/very-secret-path"),
                       "headers": {"Authorization": "Bearer ${env.API_TOKEN}", "X-Of": "literal-header"}}]})
    recorded.record()
    origin.shutdown()
    bytes_of_all = b"".join(path.read_bytes() for path in project.path("rec").rglob("*") if path.is_file())
    for secret in ("s3cr3t-of-mine", "abcdef123456", "hunter22", "very-secret-path", "literal-header"):
        assert secret.encode() not in bytes_of_all, secret
    assert recorded.lines()[0]["variables"] == {"WHO": "someone"}
    assert content(recorded.replay(), "load.z")["rows"] == "3"


def test_an_error_is_its_last_answer(recorded):
    """A 404 after a 503: the replay says it at once."""
    project = recorded.project
    origin = Origin({})
    project.copy_pipeline("x", **{"from": origin.url("/none.csv")})
    result = recorded.record(expect=1)
    origin.shutdown()
    assert "404" in result.error or "not there" in result.error, str(result)
    assert recorded.replay(expect=1)["error"] in result.error


@pytest.mark.skipif(SANITIZED, reason="the leak checker cannot be traced")
def test_no_system_call_goes_to_a_network(lake, recorded):
    project = recorded.project
    lake.put("in/a.csv", "id\n1\n")
    project.pipeline("x", {"extract": {"x": {"from": f"s3://{lake.bucket}/in/*.csv", "only_new": True}},
                           "load": {"x": {"into": "t.x"}}})
    recorded.record()
    trace = project.path("trace")
    done = subprocess.run(
        ["strace", "-f", "-e", "trace=network", "-o", trace, os.environ["SLUICE_BIN"], "run", "--replay", "rec"],
        cwd=project.root, env=project.environment, capture_output=True, text=True)
    if "PTRACE" in done.stderr or "ptrace" in done.stderr:
        pytest.skip("strace may not trace here")
    assert done.returncode == 0, done.stderr
    calls = [line for line in trace.read_text().splitlines() if "AF_INET" in line or "AF_NETLINK" in line]
    assert calls == []


# --- columns that nobody may see


PEOPLE = 'id,"e-mail",note\n1,ann@example.com,a\n2,"bob ""b"" @example.com","two\nlines"\n3,,c\nx,cid@example.com,d\n4,dan@example.com\n5,ann@example.com,e\n'


def test_masked_columns(recorded):
    project = recorded.project
    project.write("data/people.csv", PEOPLE)
    project.write("data/more.ndjson", '{"id": 7, "E-Mail": "eva@example.com", "note": "x"}\n'
                                      '{"note": {"E-mail": 1}, "id": 8, "e-mail": null}\n')
    masked = {"mask": ["e-mail"], "on_bad_row": "quarantine"}
    project.pipeline("x", {
        "extract": {
            "people": {"from": "data/*.csv", "only_new": True, **masked,
                       "columns": {"id": "bigint", "e-mail": "varchar"}},
            "more": {"from": "data/*.ndjson", "only_new": True, **masked, "columns": {"e-mail": "varchar"}}},
        "transform": {"all": {"sql": 'select id, "e-mail", note from people union all '
                                     'select id, "e-mail", cast(note as varchar) from more'}},
        "load": {"all": {"into": "t.all"}}})
    recorded.record()
    assert len(project.rows("t.all")) == 6
    everything = b"".join(path.read_bytes() for path in project.path("rec").rglob("*") if path.is_file())
    assert b"example.com" not in everything
    kept = body(recorded, "data/people.csv").read_text()
    assert kept.startswith('id,"e-mail",note\n1,sha256:')
    assert kept.count("\n") == PEOPLE.count("\n") and '"two\nlines"' in kept and "\n3,,c\n" in kept
    assert kept.splitlines()[1].split(",")[1] == kept.splitlines()[-1].split(",")[1]
    answer = recorded.replay()
    assert answer["record"]["quarantined"] == 2
    assert content(answer, "load.all")["rows"] == "6"
    assert list(content(answer, "load.all")["columns"]) == ["id", "note"]


@pytest.mark.parametrize(
    "change, says",
    [
        ({"columns": {"id": "bigint"}}, 'extract.x does not say that "who" is a text'),
        ({"columns": {"who": "date"}}, "write `columns: {\"who\": varchar}`"),
        ({"from": "x.parquet"}, "extract.x reads parquet"),
        ({"from": "x.csv.gz"}, "extract.x reads compressed files"),
        ({"csv": {"encoding": "utf-16"}}, "extract.x reads files in utf-16"),
        ({"csv": {"delimiter": ":"}}, 'extract.x reads cells between ":"'),
        ({"from": "catalog://t.y"}, "extract.x reads a table"),
        ({"load": {"mode": "upsert", "key": ["id"]}}, "load.x looks up rows that t.x has"),
        ({"load": {"partition_by": ["who"]}}, "load.x is partitioned by who"),
    ],
)
def test_masks_that_cannot_be_kept(recorded, change, says):
    extract = {"from": "x.csv", "only_new": True, "mask": ["who"], "columns": {"who": "varchar"}}
    load = {"into": "t.x", **change.pop("load", {})}
    extract.update(change)
    if extract["from"].startswith("catalog:"):
        del extract["columns"], extract["mask"]
    project = recorded.project
    project.write("x.csv", "id,who\n1,ann\n")
    pipeline = {"extract": {"x": extract}, "load": {"x": load}}
    if "mask" not in extract:
        pipeline["extract"]["z"] = {"from": "x.csv", "repeat": True, "mask": ["who"],
                                    "columns": {"who": "varchar"}}
        pipeline["load"]["z"] = {"into": "t.z", "mode": "overwrite"}
    project.pipeline("x", pipeline)
    result = recorded.record(expect=2)
    assert "would be in the recording" in result.error and says in result.error, str(result)
    assert not project.path("rec").exists()


def test_a_mask_without_its_column(recorded):
    """Between other delimiters than the engine finds: nobody guesses which cells are masked."""
    project = recorded.project
    project.write("x.csv", "id;who\n1;ann\n")
    project.pipeline("x", {
        "extract": {"x": {"from": "x.csv", "only_new": True, "mask": ["who"], "columns": {"who": "varchar"}}},
        "load": {"x": {"into": "t.x"}}})
    result = recorded.record(expect=1)
    assert 'extract.x masks column "who", which is not in the header with the delimiter ","' in result.error
    assert b"ann" not in b"".join(path.read_bytes() for path in project.path("rec").rglob("*") if path.is_file())
