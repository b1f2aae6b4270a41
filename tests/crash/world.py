"""A project that is crashed: made, run, and all that is seen of it, to be held against one that never was."""

import collections
import http.server
import io
import json
import os
import pathlib
import shutil
import sqlite3
import tempfile
import threading

import inputs
import merged
from conftest import Project
from lake import Lake


class Hooks:
    """Takes what projects post, each under a path of its own: [(Idempotency-Key, run id)]."""

    def __init__(self):
        self.posts = collections.defaultdict(list)
        hooks = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                hooks.posts[self.path].append((self.headers["Idempotency-Key"], body["run_id"]))
                self.send_response(204)
                self.end_headers()

            def log_message(self, *_):
                pass

            def handle(self):
                try:
                    super().handle()
                except (ConnectionError, ValueError):  # who posted was killed
                    pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def url_of(self, name):
        return f"{self.url}/{name}"

    def of(self, name):
        return self.posts[f"/{name}"]


class Inputs:
    """The files of each mode, variant and round, written once: projects link to them, so that a copy of a
    project sees the same files."""

    def __init__(self, folder):
        self.folder = pathlib.Path(folder)

    def of(self, mode, variant, number):
        """[(name in the project, path)]"""
        below = self.folder / f"{mode}-{variant}-{number}"
        if not below.exists():
            made = pathlib.Path(tempfile.mkdtemp(dir=self.folder))
            for name, content in inputs.files(mode, variant, number).items():
                path = made / name
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(content)
            try:
                made.rename(below)
            except OSError:  # another process was faster
                shutil.rmtree(made)
        return [(str(path.relative_to(below)), path) for path in sorted(below.rglob("*.csv"))]


class World(Project):
    """One project of a mode. `s3`: (client, endpoint's environment, bucket, prefix) or None."""

    def __init__(self, root, name, mode, variant, hooks, made, s3=None):
        super().__init__(root)
        self.name, self.mode, self.variant, self.hooks, self.inputs = name, mode, variant, hooks, made
        self.environment["HOOK"] = hooks.url_of(name)
        self.again = set()  # runs that committed what was committed before, as an overwrite does
        self.lake, source, self.is_big = None, "", bool(s3) and mode == "append"
        if s3:
            client, environment, bucket, prefix = s3
            self.environment.update(environment)
            self.lake = Lake(self, client, bucket, f"{prefix}/store", part_size="5MiB")
            self.lake.as_project()
            source = f"s3://{bucket}/{prefix}/"
        else:
            settings = pathlib.Path(self.path("sluice.yaml"))
            settings.write_text(settings.read_text().replace("debug", "info"))
        self.source = source
        self.pipeline("x", inputs.as_yaml(inputs.pipeline(mode, source, self.is_big)))
        if mode == "delete":
            self.pipeline("seed", inputs.as_yaml(inputs.seed_pipeline()))

    def seed(self):
        if self.mode == "delete":
            self.run("seed")

    def copy_to(self, root, name):
        """The same project as it is now, elsewhere."""
        shutil.copytree(self.root, root, symlinks=True)
        other = object.__new__(World)
        other.__dict__.update(self.__dict__)
        other.again = set()
        other.root, other.started, other.name = pathlib.Path(root), [], name
        other.environment = {**self.environment, "HOME": str(root), "HOOK": self.hooks.url_of(name)}
        self.hooks.posts[f"/{name}"] = list(self.hooks.of(self.name))
        return other

    def place(self, number):
        """The next round's input is there."""
        for name, path in self.inputs.of(self.mode, self.variant, number):
            if self.lake:
                self.lake.put(f"{self.lake.prefix.removesuffix('store')}{name}", path.read_bytes())
                continue
            link = self.path(name)
            link.parent.mkdir(exist_ok=True)
            link.unlink(missing_ok=True)
            link.symlink_to(path)

    # --- what a reader sees

    def table_rows(self, table, key, without=()):
        """Each row as text. Rows of runs in `without` are left out where the table says whose they are."""
        rows = merged.read(self, table, key) if key else [entry[3] for entry in merged.entries(self, table)]
        if table == "t.big":
            rows = [{**row, "v": len(row["v"])} for row in rows]
        if table.startswith("quarantine."):
            rows = [row for row in rows if row["run_id"] not in without]
            for row in rows:
                for name in ("run_id", "quarantined_at", "source_version"):
                    row.pop(name)
                row["id"] = row["id"].partition("/")[2]  # behind the run
                row["source"] = row["source"] and row["source"].removeprefix(self.source)
        return sorted(json.dumps(row, default=str, sort_keys=True) for row in rows)

    def looks(self, without=()):
        """Everything that must be as it is where nothing was ever killed; {what: value}."""
        tables = {**inputs.KEYS[self.mode], **dict.fromkeys(inputs.QUARANTINES)}
        if self.is_big:
            tables["t.big"] = None
        found = {table: self.table_rows(table, key, without) for table, key in tables.items()}
        found["cursors"] = self.cursors()
        found["records"] = self.records(without)
        found["exports"] = [self.exports().get(run) for run in self.commits_of_x() if run not in without]
        if not without:
            found["history"] = self.history()
        return found

    def commits_of_x(self):
        rows = self.query("SELECT run_id FROM commits WHERE pipeline = 'x' ORDER BY commit_id")
        return [row["run_id"] for row in rows]

    def cursors(self):
        rows = self.query('SELECT * FROM cursors ORDER BY load, extract')
        found = []
        for row in rows:
            state = json.loads(row["state"] or "{}")
            state.pop("run_id", None)
            if self.lake and "listing" in state:  # its last part is of the keys, which have a prefix here
                state["listing"] = state["listing"].rpartition("-")[0]
            seen = self.query(
                "SELECT key, version, size FROM seen WHERE cursor_id = ? ORDER BY key", row["cursor_id"]
            )
            seen = [(s["key"].removeprefix(self.source), None if self.lake else s["version"], s["size"]) for s in seen]
            found.append(json.dumps([row["load"], row["extract"], self.normal(state), seen], sort_keys=True))
        return found

    def normal(self, value):
        """Without what differs from run to run."""
        if isinstance(value, dict):
            volatile = ("due_ms", "started_ms", "duration_ms", "attempts", "retries", "to", "run_id")
            sizes = ("bytes_read", "bytes_written", "bytes")
            return {
                key: self.normal(item) for key, item in value.items() if key not in volatile and key not in sizes
            }
        if isinstance(value, list):
            return [self.normal(item) for item in value]
        return value.removeprefix(self.source) if isinstance(value, str) and self.source else value

    def records(self, without):
        rows = self.query("SELECT run_id, record FROM commits WHERE pipeline = 'x' ORDER BY commit_id")
        return [
            json.dumps(self.normal(json.loads(row["record"])), sort_keys=True)
            for row in rows
            if row["run_id"] not in without
        ]

    def exports(self):
        """Run id → text."""
        if self.lake:
            prefix = self.lake.prefix.removesuffix("store") + "out/"
            return {key[len(prefix) : -4]: self.lake.get(key).decode() for key in self.lake.keys(prefix)}
        out = self.path("out")
        return {p.name.removesuffix(".csv"): p.read_text() for p in out.iterdir()} if out.exists() else {}

    def history(self):
        """Positions, types and rows of all deltas."""
        rows = self.query(
            """SELECT n.name || '.' || t.name AS name, d.position, d.type, d.rows, p.partition_values AS part
               FROM deltas d JOIN partitions p USING (partition_id) JOIN streams s ON s.stream_id = p.stream_id
                 JOIN table_versions v USING (version_id) JOIN tables t USING (table_id)
                 JOIN namespaces n USING (namespace_id)
               WHERE n.name <> 'quarantine' ORDER BY 1, 2, 5, 3, 4"""
        )
        return [json.dumps(list(row.values())) for row in rows]

    # --- what must not be there

    def leftovers(self):
        """A text for each thing that should have gone."""
        found = []
        try:
            self.check_consistent()
        except AssertionError as error:
            found.append(f"not consistent: {str(error)[:1500]}")
            named, stored = {row["path"] for row in self.query("SELECT path FROM files")}, set(self.stored())
            found += [f"nothing names {path}" for path in stored - named]
            found += [f"not there: {path}" for path in named - stored]
        state = ".sluice/state.db"
        for table, where in (("journal", "1"), ("leases", "held = 1"), ("hooks", "1")):
            for row in self.query(f"SELECT * FROM {table} WHERE {where}", database=state):
                found.append(f"{table} of the state: {row}")
        for table in ("hooks", "publications"):
            for row in self.query(f"SELECT * FROM {table} WHERE ended_ms IS NULL"):
                found.append(f"{table} of the catalog, pending: {row}")
        commits = set(self.commits())
        if set(self.exports()) != set(self.commits_of_x()) - self.again:
            found.append(f"exports of {sorted(self.exports())}, commits {sorted(commits)}")
        known = {row["run_id"]: row["outcome"] for row in self.query("SELECT * FROM runs", database=state)}
        for run, outcome in known.items():
            if outcome == "running" or (outcome == "succeeded") != (run in commits):
                found.append(f"the history says of {run}: {outcome}, {'it' if run in commits else 'nothing'} is committed")
        found += [f"the history lacks {run}" for run in commits - set(known)]
        return found + self.strange_files() + self.wrong_hooks()

    def strange_files(self):
        fine = {"sluice.yaml", "pipelines", "in", "ch", "whole", "out", ".sluice", ".fetched"}
        inside = {"catalog.db", "state.db", "store", "logs", "spool"}
        found = [name for name in os.listdir(self.root) if name not in fine]
        for name in os.listdir(self.path(".sluice")):
            if name not in inside and name.removesuffix("-wal").removesuffix("-shm") not in inside:
                found.append(f".sluice/{name}")
        found += [str(path) for path in self.root.rglob(".sluice-*")]
        if self.lake:
            base = self.lake.prefix.removesuffix("store")
            places = tuple(base + name for name in ("in/", "ch/", "whole/", "out/", "store/"))
            found += [key for key in self.lake.keys(base) if not key.startswith(places)]
        return [f"a strange file: {name}" for name in found]

    def wrong_hooks(self):
        keys = collections.defaultdict(set)
        for key, run in self.hooks.of(self.name):
            keys[run].add(key)
        commits = set(self.commits_of_x())
        found = [f"no hook of {run}" for run in commits - set(keys)]
        found += [f"a hook of {run}, which committed nothing" for run in set(keys) - commits]
        found += [f"several keys of {run}: {those}" for run, those in keys.items() if len(those) > 1]
        if len(set().union(*keys.values())) != len(keys):
            found.append("two runs have one key")
        return found

    # --- where it was when it died

    def stage(self, run_id):
        """What catalog and state say of a run that was killed, from copies: nothing is repaired by looking."""
        with tempfile.TemporaryDirectory(dir=self.root.parent) as folder:
            for path in self.path(".sluice").glob("*.db*") if self.path(".sluice").exists() else ():
                shutil.copy(path, folder)
            ask = lambda name, sql: self.ask(pathlib.Path(folder) / name, sql, run_id)
            outcome = ask("state.db", "SELECT outcome FROM runs WHERE run_id = ?")
            kinds = ask("state.db", "SELECT DISTINCT kind FROM journal WHERE run_id = ? ORDER BY 1")
            committed = ask("catalog.db", "SELECT run_id FROM commits WHERE run_id = ?")
            told = ask("catalog.db", "SELECT 1 FROM hooks WHERE run_id = ? AND ended_ms IS NULL")
            owed = ask("catalog.db", "SELECT 1 FROM publications WHERE run_id = ? AND ended_ms IS NULL")
        if not outcome and not kinds:
            return "1 before it holds the lease"
        journal = "journal: " + (", ".join(kind for (kind,) in kinds) or "empty")
        if committed:
            owes = " and ".join(name for name, rows in (("an export", owed), ("a hook", told)) if rows)
            ended = "" if outcome == [("running",)] else ", recorded"
            return f"3 committed{ended}; owes {owes or 'nothing'}; {journal}"
        return f"2 not committed; {journal}" if outcome == [("running",)] else f"4 ended without a commit; {journal}"

    def ask(self, path, sql, value):
        if not path.exists():
            return []
        connection = sqlite3.connect(path)
        try:
            return connection.execute(sql, (value,)).fetchall()
        except sqlite3.OperationalError:
            return []
        finally:
            connection.close()


def differences(expected, found):
    """Lines that say what is not the same."""
    lines = []
    for name, value in expected.items():
        other = found.get(name, value)
        if value == other:
            continue
        lost = collections.Counter(map(str, value)) - collections.Counter(map(str, other))
        more = collections.Counter(map(str, other)) - collections.Counter(map(str, value))
        line = f"{name}: {sum(lost.values())} lost, {sum(more.values())} too many"
        for sign, those in (("-", lost), ("+", more)):
            line += "".join(f"\n      {sign} {item[:1500]}" for item in list(those.elements())[:3])
        lines.append(line)
    return lines
