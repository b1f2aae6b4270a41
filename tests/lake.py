"""A project whose table files are in S3, read back without sluice: the catalog with sqlite3, the files
with boto3 and pyarrow."""

import hashlib
import io
import json
import pathlib

LAKE_YAML = {
    "project": "test",
    "pipelines": "pipelines",
    "environments": {"dev": {"logs": {"dir": ".sluice/logs", "level": "debug"}}},
}


class Lake:
    def __init__(self, project, client, bucket, prefix="warehouse", **s3):
        self.project, self.client, self.bucket, self.prefix = project, client, bucket, prefix
        settings = json.loads(json.dumps(LAKE_YAML))
        settings["environments"]["dev"]["store"] = f"s3://{bucket}/{prefix}" if prefix else f"s3://{bucket}"
        if s3:
            settings["environments"]["dev"]["s3"] = s3
        project.write("sluice.yaml", json.dumps(settings))
        project.data_file = lambda key: key  # the catalog's names are the store's

    def as_project(self):
        """The project, whose helpers look into S3 where they looked into .sluice/store: for tests that are
        written for any store. A data file is what was fetched of it."""
        project = self.project
        project.data_file = self.fetch
        project.put_data_file = lambda key, path: self.put(self.key(key), pathlib.Path(path).read_bytes())
        project.stored = lambda: [key.removeprefix(self.key("")) for key in self.keys(self.key(""))]
        project.check_consistent = self.check_consistent
        return project

    def fetch(self, key):
        folder = self.project.path(".fetched")
        folder.mkdir(exist_ok=True)
        path = folder / f"{hashlib.sha256(key.encode()).hexdigest()}.parquet"
        path.write_bytes(self.get(self.key(key)))
        return str(path)

    # --- objects

    def put(self, key, body):
        if isinstance(body, str):
            body = body.encode()
        return self.client.put_object(Bucket=self.bucket, Key=key, Body=body)["ETag"]

    def get(self, key):
        return self.client.get_object(Bucket=self.bucket, Key=key)["Body"].read()

    def keys(self, prefix=""):
        pages = self.client.get_paginator("list_objects_v2").paginate(Bucket=self.bucket, Prefix=prefix)
        return sorted(item["Key"] for page in pages for item in page.get("Contents", []))

    def uploads(self):
        answer = self.client.list_multipart_uploads(Bucket=self.bucket)
        return [(upload["Key"], upload["UploadId"]) for upload in answer.get("Uploads", [])]

    # --- tables

    def key(self, path):
        return f"{self.prefix}/{path}" if self.prefix else path

    def table(self, name):
        import pyarrow
        import pyarrow.parquet

        parts = []
        for file in self.project.files(name):
            body = self.get(self.key(file["path"]))
            part = pyarrow.parquet.ParquetFile(io.BytesIO(body)).read()
            assert part.num_rows == file["rows"] and len(body) == file["bytes"], file
            parts.append(part)
        return pyarrow.concat_tables(parts, promote_options="default") if parts else None

    def rows(self, name):
        content = self.table(name)
        if content is None:
            return []
        return list(zip(*(column.to_pylist() for column in content.columns)))

    def check_consistent(self):
        """The catalog is sound, every file that it names is there, no other one is, and no upload was
        left unfinished."""
        project = self.project
        for database in (".sluice/catalog.db", ".sluice/state.db"):
            assert project.query("PRAGMA integrity_check", database=database) in (
                [],
                [{"integrity_check": "ok"}],
            )
        named = {self.key(file["path"]) for file in project.query("SELECT path FROM files")}
        below = f"{self.prefix}/" if self.prefix else ""
        assert set(self.keys(below)) == named, "orphans, or files are gone"
        assert self.uploads() == []
        assert project.spooled() == []
