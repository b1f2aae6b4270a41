"""What the whole-program tests share: a project in a folder of its own, the program run in it, and
its tables read back without it: the catalog's file with sqlite3, data files with pyarrow."""

import collections
import json
import os
import pathlib
import shutil
import signal
import sqlite3
import subprocess
import sys
import textwrap
import uuid

import pytest

ROOT = pathlib.Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "tests"))

import s3_origin  # noqa: E402  (from this folder)
import servers  # noqa: E402

SANITIZED = os.environ.get("SLUICE_SANITIZED") == "1"
PATIENCE = 4 if SANITIZED else 1  # everything takes so many times longer

SLUICE_YAML = """\
project: test
pipelines: pipelines
environments:
  dev:
    catalog: sqlite:.sluice/catalog.db
    store: file:.sluice/store
    state: sqlite:.sluice/state.db
    logs: {dir: .sluice/logs, level: debug}
"""


class Result:
    """How a command ended."""

    def __init__(self, command, exit_code, stdout, stderr):
        self.command, self.exit, self.stdout, self.stderr = command, exit_code, stdout, stderr

    @property
    def errors(self):
        """The lines for people: "sluice: …", without the log and without warnings."""
        lines = [line for line in self.stderr.splitlines() if line.startswith("sluice: ")]
        return [line for line in lines if ": warning: " not in line]

    @property
    def error(self):
        """The one error line."""
        assert len(self.errors) == 1, f"one error line was expected:\n{self}"
        return self.errors[0]

    @property
    def events(self):
        """The log of stderr, one dict a line."""
        return [json.loads(line) for line in self.stderr.splitlines() if line.startswith("{")]

    def named(self, event):
        return [line for line in self.events if line["event"] == event]

    @property
    def json(self):
        return json.loads(self.stdout)

    def __str__(self):
        return f"{self.command}\nexit {self.exit}\n--- stdout\n{self.stdout}\n--- stderr\n{self.stderr}"


class Project:
    """A project's folder and the program in it."""

    def __init__(self, root):
        self.root = pathlib.Path(root)
        self.started = []
        self.state = "sqlite:.sluice/state.db"
        self.environment = {
            key: value for key, value in os.environ.items() if not key.startswith("SLUICE_")
        }
        # The suite may itself run where the clock's zone is another one: nothing may depend on it.
        self.environment.update(TZ="Asia/Kathmandu", HOME=str(self.root))
        self.write("sluice.yaml", SLUICE_YAML)

    # --- making it

    def yaml(self, more=""):
        """sluice.yaml with more lines of the environment, indented by 4."""
        return SLUICE_YAML.replace("sqlite:.sluice/state.db", self.state) + more

    def path(self, name):
        return self.root / name

    def write(self, name, content):
        """A file below the root; text is dedented, bytes stay as they are."""
        path = self.path(name)
        path.parent.mkdir(parents=True, exist_ok=True)
        if isinstance(content, bytes):
            path.write_bytes(content)
        else:
            path.write_bytes(textwrap.dedent(content).encode())
        return path

    def pipeline(self, name, content):
        """pipelines/NAME.yaml from YAML text, or from a dict: JSON is YAML."""
        if not isinstance(content, str):
            content = json.dumps(content, ensure_ascii=False, indent=2)
        return self.write(f"pipelines/{name}.yaml", content)

    def copy_pipeline(self, name, into=None, **extract):
        """The smallest one: files into the table t.NAME, as they are."""
        extract.setdefault("only_new", True)
        return self.pipeline(
            name, {"extract": {name: extract}, "load": {name: {"into": into or f"t.{name}"}}}
        )

    # --- running

    def start(self, *args, env=None, **options):
        command = [os.environ["SLUICE_BIN"], *map(str, args)]
        # A group of its own: what a test ends is the program and what it started, nothing else.
        process = subprocess.Popen(
            command,
            cwd=self.root,
            env={**self.environment, **(env or {})},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,
            **options,
        )
        self.started.append(process)
        return process

    def end(self):
        """What a test that failed half-way left running would run for ever."""
        for process in self.started:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()

    def finish(self, process, timeout=60):
        try:
            stdout, stderr = process.communicate(timeout=timeout * PATIENCE)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            stdout, stderr = process.communicate()
            pytest.fail(f"{process.args}: not done after {timeout} s\n{stderr.decode()}")
        return Result(
            " ".join(process.args[1:]),
            process.returncode,
            stdout.decode(),
            stderr.decode(),
        )

    def sluice(self, *args, timeout=60, env=None, **options):
        return self.finish(self.start(*args, env=env, **options), timeout)

    def run(self, name, *args, expect=0, **options):
        """`sluice run`; anything but the expected exit code fails the test."""
        result = self.sluice("run", name, *args, **options)
        assert result.exit == expect, str(result)
        if expect == 0:
            assert not result.errors, str(result)
        return result

    def fails(self, name, *args, expect=1, **options):
        """A run that must fail: its one error line, without "sluice: "."""
        return self.run(name, *args, expect=expect, **options).error.removeprefix("sluice: ")

    # --- reading back

    def query(self, sql, *values, database=".sluice/catalog.db"):
        """Rows of the catalog's or the state's own file, as dicts."""
        path = self.path(database)
        if not path.exists():
            return []
        connection = sqlite3.connect(f"file:{path}?mode=ro", uri=True)
        try:
            connection.row_factory = sqlite3.Row
            return [dict(row) for row in connection.execute(sql, values)]
        except sqlite3.OperationalError as error:
            # Killed within its first transaction, which a reader cannot take back; or before it: a file
            # without tables.
            if "readonly" in str(error):
                connection.close()
                connection = sqlite3.connect(path)
            if connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]:
                raise
            return []
        finally:
            connection.close()

    def files(self, table):
        """The live files of a table, in order: path, rows, bytes, values of its partition."""
        rows = self.query(
            """
            SELECT f.path, f.rows, f.bytes, p.partition_values, d.position
            FROM files f JOIN deltas d USING (delta_id) JOIN partitions p USING (partition_id)
              JOIN streams s ON s.stream_id = p.stream_id JOIN table_versions v USING (version_id)
              JOIN tables t USING (table_id) JOIN namespaces n USING (namespace_id)
            WHERE n.name || '.' || t.name = ? AND v.lifecycle = 'active'
              AND s.state = 'committed' AND p.state = 'committed' AND d.state = 'committed'
            ORDER BY d.position, p.partition_values, f.ordinal""",
            table,
        )
        return [
            {**row, "path": self.data_file(row["path"]), "values": json.loads(row["partition_values"])}
            for row in rows
        ]

    def data_file(self, key):
        """Where the data file is that the catalog names by its key in the store."""
        assert not key.startswith("/"), f"{key}: it is lost when the project is moved"
        return str(self.path(".sluice/store") / key)

    def columns(self, table):
        """Name → type, as the catalog has them."""
        rows = self.query(
            """
            SELECT c.name, c.type FROM columns c JOIN table_versions v USING (version_id)
              JOIN tables t USING (table_id) JOIN namespaces n USING (namespace_id)
            WHERE n.name || '.' || t.name = ? AND v.lifecycle = 'active' ORDER BY c.field_id""",
            table,
        )
        return {row["name"]: row["type"] for row in rows}

    def table(self, table):
        """All rows of a table, as pyarrow reads them from the files that the catalog names."""
        import pyarrow
        import pyarrow.parquet

        parts = []
        for file in self.files(table):
            # A ParquetFile: read_table would add columns for the folders.
            part = pyarrow.parquet.ParquetFile(file["path"]).read()
            assert part.num_rows == file["rows"], file
            assert os.path.getsize(file["path"]) == file["bytes"], file
            parts.append(part)
        return pyarrow.concat_tables(parts, promote_options="default") if parts else None

    def rows(self, table):
        """The same as tuples; no table, no rows: []."""
        content = self.table(table)
        if content is None:
            return []
        return list(zip(*(column.to_pylist() for column in content.columns)))

    def put_data_file(self, key, path):
        """A file of this machine becomes that one of the store; it may go."""
        target = pathlib.Path(self.data_file(key))
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.move(path, target)

    def stored(self):
        """Every file below the store, relative to it."""
        store = self.path(".sluice/store")
        return sorted(str(p.relative_to(store)) for p in store.rglob("*") if p.is_file())

    def spooled(self):
        """Everything in the spool, but for what a failed check leaves to be looked at."""
        spool = self.path(".sluice/spool")
        found = sorted(str(p.relative_to(spool)) for p in spool.rglob("*")) if spool.exists() else []
        return [name for name in found if not name.startswith("kept-")]

    def commits(self):
        return [row["run_id"] for row in self.query("SELECT run_id FROM commits ORDER BY commit_id")]

    def check_consistent(self):
        """The catalog is sound, every file that it names is there, and no other one is."""
        named = set()
        for database in (".sluice/catalog.db", ".sluice/state.db"):
            assert self.query("PRAGMA integrity_check", database=database) in (
                [],
                [{"integrity_check": "ok"}],
            )
            assert self.query("PRAGMA foreign_key_check", database=database) == []
        for file in self.query("SELECT path, bytes FROM files"):
            named.add(file["path"])
            assert os.path.getsize(self.data_file(file["path"])) == file["bytes"], file
        assert set(self.stored()) == named, "orphans, or files are gone"
        for kind in ("deltas", "partitions", "streams"):
            staged = self.query(f"SELECT count(*) AS count FROM {kind} WHERE state = 'staged'")
            assert staged in ([], [{"count": 0}]), kind
        assert self.spooled() == []

    def counts(self):
        """What changes when anything is committed."""
        tables = ("commits", "files", "deltas", "partitions", "tables", "seen", "publications")
        sums = {}
        for name in tables:
            rows = self.query(f"SELECT count(*) AS count FROM {name}")
            sums[name] = rows[0]["count"] if rows else 0
        return sums


def unprivileged():
    """What makes permissions count for root: a prefix of the command."""
    if os.geteuid() != 0:
        return []
    if not shutil.which("setpriv"):
        pytest.skip("root without setpriv: nothing is unreadable")
    return ["setpriv", "--bounding-set=-dac_override,-dac_read_search", "--inh-caps=-all"]


@pytest.fixture
def project(tmp_path):
    project = Project(tmp_path / "project")
    yield project
    project.end()


@pytest.fixture
def sluice(project):
    """sluice("run", "x", timeout=5) in the project's folder: exit, stdout, stderr, events, error."""
    return project.sluice


@pytest.fixture
def shipped(project):
    """The project as it ships: its pipelines, their SQL and data."""
    shutil.copytree(ROOT / "pipelines", project.root / "pipelines")
    return project


# --- servers: started when the first test asks for one, ended with the session ---


@pytest.fixture(scope="session")
def certificates(tmp_path_factory):
    return servers.Certificates(tmp_path_factory.mktemp("certificates"))


@pytest.fixture(scope="session")
def weed(tmp_path_factory, certificates):
    server = servers.Weed(tmp_path_factory.mktemp("weed"), certificates).start()
    yield server
    server.stop()


@pytest.fixture(scope="session")
def moto(tmp_path_factory):
    server = servers.Moto(tmp_path_factory.mktemp("moto")).start()
    yield server
    server.stop()


@pytest.fixture
def s3(weed):
    """boto3's client of SeaweedFS: what sluice did is looked at with it."""
    return servers.s3_client(weed.endpoint)


@pytest.fixture
def bucket(s3):
    """An empty bucket of the test's own."""
    name = f"t-{uuid.uuid4().hex[:16]}"
    s3.create_bucket(Bucket=name)
    return name


@pytest.fixture
def origin():
    """An S3 that does what a test tells it to, with an empty bucket "b"."""
    with s3_origin.Origin() as server:
        server.store.buckets["b"] = {}
        yield server


def keep_state_in(project, endpoint, bucket="b"):
    """The project's state is in S3 from now on, its tables stay where they are."""
    project.environment.update(servers.aws_environment(endpoint))
    project.state = f"s3://{bucket}/_sluice"
    project.write("sluice.yaml", project.yaml())
    return project


@pytest.fixture
def on_weed(project, weed):
    """The project with what reaches SeaweedFS in its environment, as people set it."""
    project.environment.update(servers.aws_environment(weed.endpoint))
    return project


def multiset(rows):
    """For comparing rows whose order does not matter, with a difference that can be read."""
    return collections.Counter(rows)


@pytest.fixture
def small_disk():
    """small_disk(path, size): a file system of its own, given back at the end."""
    mounted = []

    def mount(path, size):
        path.mkdir(parents=True, exist_ok=True)
        if os.geteuid() != 0:
            pytest.skip("only root can mount a small disk")
        done = subprocess.run(
            ["mount", "-t", "tmpfs", "-o", f"size={size}", "sluice-test", str(path)],
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            pytest.skip(f"no small disk: {done.stderr.strip()}")
        mounted.append(path)
        return lambda larger: subprocess.run(
            ["mount", "-o", f"remount,size={larger}", str(path)], check=True
        )

    yield mount
    for path in reversed(mounted):
        subprocess.run(["umount", "-l", str(path)], check=True)
