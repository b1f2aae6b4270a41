"""Tables made of deltas without a pipeline: files written by DuckDB, committed by the catalog's verbs;
and what a table with a key must be, worked out by DuckDB from all of its deltas."""

import json
import uuid

import duckdb


class Keyed:
    """A table of upserts and deletes, and the same rows in an order of events."""

    def __init__(self, project, name="n.t", columns=None, key=("id",), sequence=None, partition_by=()):
        self.project, self.name, self.key, self.sequence = project, name, list(key), sequence
        self.columns = columns or {"id": "BIGINT", "v": "VARCHAR", "seq": "BIGINT"}
        self.fields = [field.split("(")[-1].rstrip(")") for field in partition_by]
        self.db = duckdb.connect()
        listed = ", ".join(f'"{column}" {kind}' for column, kind in self.columns.items())
        self.db.execute(f"create table events ({listed}, _d boolean, _p bigint)")
        namespace, table = name.split(".")
        self.catalog("create-namespace", namespace)
        self.catalog("create-table", name)
        flags = [flag for c, t in self.columns.items() for flag in ("--column", f"{c} {t}")]
        flags += [flag for column in key for flag in ("--key", column)]
        flags += [flag for field in partition_by for flag in ("--partition-by", field)]
        flags += ["--sequence-by", sequence] if sequence else []
        self.catalog("create-table-version", name, *flags, "--lifecycle", "active")
        self.known, self.folder = set(), f"{namespace}/{table}/1"
        self.remembers = True  # False: expected() is not asked

    def catalog(self, *args, expect=0, **options):
        result = self.project.sluice("catalog", *args, "--json", **options)
        assert result.exit == expect, str(result)
        return json.loads(result.stdout) if result.stdout else None

    def stage(self, values=()):
        flags = ["--partition", json.dumps(list(values))] if values else []
        if tuple(values) not in self.known:
            made = self.catalog("stage-partition", self.name, *flags)
            made = made[0] if isinstance(made, list) else made
            self.known.add(tuple(values))
            return flags, made.get("id") or made.get("partition_id")
        return flags, None

    def write(self, select, deletes=False):
        """A file of the store with these rows; its entry in a manifest."""
        key = f"{self.folder}/{uuid.uuid4()}-t-0.parquet"
        path = self.project.path(f"written-{uuid.uuid4()}.parquet")
        ids = {column: i + 1 for i, column in enumerate(self.columns)}
        columns = [c for c in self.columns if not deletes or c in self.key or c == self.sequence]
        listed = ", ".join(f"{json.dumps(c)}: {ids[c]}" for c in columns)
        quoted = ", ".join(json.dumps(c) for c in columns)
        self.db.execute(
            f"copy (select {quoted} from ({select})) to '{path}' (format parquet, field_ids {{{listed}}})"
        )
        rows, size = self.db.execute(f"select count(*) from '{path}'").fetchone()[0], path.stat().st_size
        self.project.put_data_file(key, path)
        return {
            "key": key,
            "format": "parquet",
            "rows": rows,
            "bytes": size,
            "content": "deletes" if deletes else "data",
            "schema_id": 1,
        }

    def commit(self, select, deletes=False, values=()):
        """One delta of these rows (or of these keys, deleted) in one partition."""
        manifest = self.project.write("manifest.json", json.dumps([self.write(select, deletes)]))
        flags, staged = self.stage(values)
        delta = str(uuid.uuid4())
        where = ["--partition-id", staged] if staged else flags
        kind = "delete" if deletes else "upsert" if self.key else "append"
        self.catalog(
            "stage-delta", self.name, *where, "--manifest", manifest, "--type", kind, "--id", delta
        )
        if staged:
            self.catalog("commit-partition", self.name, "--id", staged)
        made = self.catalog("commit-delta", self.name, "--id", delta)
        made = made[0] if isinstance(made, list) else made
        if not self.remembers:
            return made["position"]
        quoted = ", ".join(json.dumps(c) for c in self.columns)
        missing = ", ".join(
            json.dumps(c) if not deletes or c in self.key or c == self.sequence else f"null as {json.dumps(c)}"
            for c in self.columns
        )
        self.db.execute(
            f"insert into events select {quoted}, {deletes}, {made['position']} from (select {missing} from ({select}))"
        )
        return made["position"]

    def expected(self, at=None):
        """Rows that must be read, as texts, sorted."""
        quoted = ", ".join(f"{json.dumps(c)}::varchar" for c in self.columns)
        where = f"where _p <= {at}" if at else ""
        if not self.key:
            return sorted(self.db.execute(f"select {quoted} from events {where}").fetchall(), key=str)
        keys = ", ".join(json.dumps(c) for c in self.key)
        order = f"{json.dumps(self.sequence)} desc nulls last, " if self.sequence else ""
        rows = self.db.execute(
            f"""select {quoted} from (select *, row_number() over (partition by {keys}
                order by {order} _p desc, _d) as n from events {where}) where n = 1 and not _d"""
        ).fetchall()
        return sorted(rows, key=str)

    def compact(self, *flags, expect=0, **options):
        return self.catalog("compact", self.name, *flags, expect=expect, **options)

    def manifest(self):
        """The live files, as the catalog has them: path, content, bucket, position, rows."""
        return self.project.query(
            """select f.path, f.content, f.bucket, f.rows, f.bytes, f.checksum, f.stats, d.position, d.rewrite,
                 p.partition_values
               from files f join deltas d using (delta_id) join partitions p using (partition_id)
               where p.state = 'committed' and d.state = 'committed' order by 1"""
        )

    def stored(self):
        """Rows in the live files themselves, merged here: what any reader must see."""
        quoted = ", ".join(json.dumps(c) for c in self.columns)
        self.db.execute("create or replace temp table live as select * from events limit 0")
        for file in self.manifest():
            path = self.project.data_file(file["path"])
            gone = file["content"] == "deletes"
            missing = ", ".join(
                json.dumps(c) if not gone or c in self.key or c == self.sequence else f"null as {json.dumps(c)}"
                for c in self.columns
            )
            self.db.execute(
                f"insert into live select {quoted}, {gone}, {file['position']} from (select {missing} from '{path}')"
            )
        texts = ", ".join(f"{json.dumps(c)}::varchar" for c in self.columns)
        if not self.key:
            return sorted(self.db.execute(f"select {texts} from live").fetchall(), key=str)
        keys = ", ".join(json.dumps(c) for c in self.key)
        order = f"{json.dumps(self.sequence)} desc nulls last, " if self.sequence else ""
        rows = self.db.execute(
            f"""select {texts} from (select *, row_number() over (partition by {keys}
                order by {order} _p desc, _d) as n from live) where n = 1 and not _d"""
        ).fetchall()
        return sorted(rows, key=str)
