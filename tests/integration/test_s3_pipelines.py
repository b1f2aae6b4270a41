"""Pipelines from S3 and to S3, with their table files in S3, on a real server; and from https://. What
they wrote is read with boto3 and pyarrow."""

import csv
import gzip
import http.server
import io
import json
import pathlib
import shutil
import ssl
import threading
import time

import pytest
import servers
from conftest import ROOT, Project, multiset
from lake import Lake

SHARED = ROOT.parent / "shared" / "data"


@pytest.fixture
def lake(on_weed, s3, bucket):
    return Lake(on_weed, s3, bucket)


def lines(rows, header="id,v"):
    return header + "\n" + "".join(f"{','.join(map(str, row))}\n" for row in rows)


def copy_from(lake, url, **extract):
    """Files at the URL into the table t.x."""
    extract.setdefault("only_new", True)
    lake.project.pipeline(
        "x", {"extract": {"x": {"from": url, **extract}}, "load": {"x": {"into": "t.x"}}}
    )


# --- the pipelines that ship


def local_rows(tmp_path, pipeline, table, environment=None):
    """What the same pipeline does with local files: the model."""
    project = Project(tmp_path / "local")
    shutil.copytree(ROOT / "pipelines", project.root / "pipelines")
    project.environment.update(environment or {})
    project.run(pipeline)
    return project.rows(table)


def test_birdstrikes_from_and_to_s3(lake, tmp_path):
    project = lake.project
    shutil.copytree(ROOT / "pipelines", project.root / "pipelines")
    for name in ("birdstrikes.csv", "airports.csv"):
        lake.put(f"in/{name}", (ROOT / "pipelines/data" / name).read_bytes())
    file = project.path("pipelines/birdstrikes.yaml")
    text = file.read_text().replace("from: pipelines/data/", f"from: s3://{lake.bucket}/in/")
    assert text.count(f"s3://{lake.bucket}/in/") == 2
    assert text.count("\n    to: ") == 1
    text = text.replace("\n    to: ", f"\n    to: s3://{lake.bucket}/")
    file.write_text(text)
    project.run("birdstrikes")
    rows = lake.rows("wildlife.strikes")
    assert len(rows) > 9000
    assert multiset(rows) == multiset(local_rows(tmp_path, "birdstrikes", "wildlife.strikes"))
    exports = [key for key in lake.keys() if not key.startswith(("in/", "warehouse/"))]
    assert len(exports) == 1
    months = list(csv.DictReader(io.StringIO(lake.get(exports[0]).decode())))
    assert sum(int(month["strikes"]) for month in months) == len(rows)
    lake.check_consistent()
    again = project.run("birdstrikes")
    assert again.named("run.nothing_new")
    assert len(lake.rows("wildlife.strikes")) == len(rows)


@pytest.mark.skipif(not SHARED.exists(), reason="the flights are not here")
@pytest.mark.timeout(600)
def test_flights_from_and_to_s3(lake):
    project = lake.project
    shutil.copytree(ROOT / "pipelines", project.root / "pipelines")
    lake.client.upload_file(str(SHARED / "flights-3m.parquet"), lake.bucket, "data/flights-3m.parquet")
    result = project.run("flights", env={"SLUICE_DATA": f"s3://{lake.bucket}/data"}, timeout=300)
    files = project.files("flights.flights")
    assert sum(file["rows"] for file in files) == 3_000_000 and len(files) == 182
    assert len(result.named("file.uploaded")) == 182
    table = lake.table("flights.flights")
    assert table.num_rows == 3_000_000
    lake.check_consistent()


# --- extracts


def test_globs_and_only_new(lake):
    copy_from(lake, f"s3://{lake.bucket}/in/**/part-?.csv.gz", columns={"id": "bigint"})
    lake.put("in/a/part-1.csv.gz", gzip.compress(lines([(1, "a")]).encode()))
    lake.put("in/a/b/part-2.csv.gz", gzip.compress(lines([(2, "b")]).encode()))
    lake.put("in/a/part-10.csv.gz", b"not asked for")
    lake.put("in/a/", b"")
    lake.project.run("x")
    assert sorted(lake.rows("t.x")) == [(1, "a"), (2, "b")]
    # The same bytes again are nothing new; others under the same name are.
    lake.put("in/a/part-1.csv.gz", gzip.compress(lines([(1, "a")]).encode(), mtime=0))
    first = lake.put("in/a/b/part-2.csv.gz", gzip.compress(lines([(2, "b")]).encode(), mtime=0))
    lake.project.run("x")
    lake.project.run("x")
    seen = lake.project.query("SELECT key, version FROM seen ORDER BY key")
    assert [row["key"] for row in seen] == [
        f"s3://{lake.bucket}/in/a/b/part-2.csv.gz",
        f"s3://{lake.bucket}/in/a/part-1.csv.gz",
    ]
    assert seen[0]["version"] == first.strip('"')
    count = len(lake.rows("t.x"))
    lake.put("in/a/b/part-2.csv.gz", gzip.compress(lines([(2, "b")]).encode(), mtime=0))
    assert lake.project.run("x").named("run.nothing_new")
    lake.put("in/a/b/part-2.csv.gz", gzip.compress(lines([(2, "c"), (3, "d")]).encode()))
    lake.project.run("x")
    assert len(lake.rows("t.x")) == count + 2
    assert sorted(lake.rows("t.x"))[-2:] == [(2, "c"), (3, "d")]
    lake.check_consistent()


def test_keys_with_anything_in_them(lake):
    names = ["in/a b.csv", "in/a+b.csv", "in/100%.csv", "in/a=b&c.csv", "in/ü-\N{BIRD}.csv"]
    for number, name in enumerate(names):
        lake.put(name, lines([(number, "x")]))
    found = lake.keys("in/")
    copy_from(lake, f"s3://{lake.bucket}/in/**/*.csv")
    lake.project.run("x")
    assert len(lake.rows("t.x")) == len(found)
    for number, name in enumerate(names[:5]):
        copy_from(lake, f"s3://{lake.bucket}/{name}", only_new=False)
        lake.project.pipeline(
            "y",
            {
                "extract": {"y": {"from": f"s3://{lake.bucket}/{name}"}},
                "load": {"y": {"into": "t.y", "mode": "overwrite"}},
            },
        )
        lake.project.run("y")
        assert lake.rows("t.y") == [(number, "x")]


def test_what_is_not_there_is_said(lake):
    copy_from(lake, f"s3://{lake.bucket}/none.csv", only_new=False)
    lake.project.pipeline(
        "x",
        {
            "extract": {"x": {"from": f"s3://{lake.bucket}/none.csv"}},
            "load": {"x": {"into": "t.x", "mode": "overwrite"}},
        },
    )
    assert f"s3://{lake.bucket}/none.csv: not found" in lake.project.fails("x")
    lake.project.pipeline(
        "x",
        {
            "extract": {"x": {"from": "s3://no-such-bucket-of-ours/*.csv"}},
            "load": {"x": {"into": "t.x", "mode": "overwrite"}},
        },
    )
    assert "NoSuchBucket" in lake.project.fails("x")
    for key in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        del lake.project.environment[key]
    assert "credentials" in lake.project.fails("x")


def test_an_object_that_changes_under_way(project, origin):
    project.environment.update(servers.aws_environment(origin.endpoint))
    project.copy_pipeline("x", **{"from": "s3://b/*.csv"})
    origin.put("b", "x.csv", lines([(1, "old")] * 50).encode())
    origin.fault(2, "changed", body=lines([(2, "new")] * 50).encode())
    assert "s3://b/x.csv has changed since the run began" in project.fails("x")
    assert project.rows("t.x") == []
    project.run("x")
    assert set(project.rows("t.x")) == {(2, "new")}
    project.check_consistent()


def test_a_transfer_that_breaks_is_tried_again(project, origin):
    project.environment.update(servers.aws_environment(origin.endpoint))
    project.copy_pipeline("x", **{"from": "s3://b/*.csv"})
    origin.put("b", "x.csv", lines([(number, "v") for number in range(20000)]).encode())
    for number, kind in enumerate(("503", "500", "reset_in", "truncated"), 1):
        origin.fault(number, kind)
    project.run("x")
    assert len(set(project.rows("t.x"))) == 20000


def test_what_is_fetched_counts_against_the_spool(lake):
    lake.put("in/x.csv", lines([(number, "v" * 100) for number in range(30000)]))
    copy_from(lake, f"s3://{lake.bucket}/in/*.csv")
    pipeline = json.loads(lake.project.path("pipelines/x.yaml").read_text())
    pipeline["resources"] = {"spool": "1MiB"}
    lake.project.pipeline("x", pipeline)
    assert "resources.spool (1.0 MiB)" in lake.project.fails("x")
    assert lake.project.spooled() == []


def test_memory_of_the_transfers_is_counted(on_weed, s3, bucket):
    lake = Lake(on_weed, s3, bucket, memory="1GiB")
    lake.put("in/x.csv", lines([(1, "v")]))
    copy_from(lake, f"s3://{lake.bucket}/in/*.csv")
    assert "s3.memory included" in lake.project.fails("x", expect=2)


# --- table files in S3


def test_tables_in_s3_are_read_back(lake):
    project = lake.project
    project.write("in/x.csv", lines([(number, number * 2) for number in range(1000)]))
    project.copy_pipeline("x", **{"from": "in/*.csv"})
    project.run("x")
    assert len(lake.rows("t.x")) == 1000
    read = project.sluice("catalog", "read", "t.x", "--format", "csv")
    assert read.exit == 0 and len(read.stdout.splitlines()) == 1001, str(read)
    summed = project.sluice("sql", "select sum(v) as s from t.x", "--json")
    assert summed.exit == 0 and summed.json["rows"] == [{"s": 999 * 1000}], str(summed)
    files = project.sluice("catalog", "files", "t.x")
    assert f"s3://{lake.bucket}/warehouse/t/x/1/" in files.stdout
    shown = project.sluice("preview", "x", "x", "--limit", "3")
    assert shown.exit == 0, str(shown)
    assert project.sluice("health", "x").exit == 0
    lake.client.delete_object(Bucket=lake.bucket, Key=lake.keys("warehouse/")[0])
    health = project.sluice("health", "x")
    assert health.exit == 4 and "is gone" in health.stdout, str(health)
    assert project.spooled() == []


def test_overwrite_and_a_root_without_a_prefix(on_weed, s3, bucket):
    lake = Lake(on_weed, s3, bucket, prefix="")
    for number in range(2):
        lake.project.pipeline(
            "x",
            {
                "transform": {"x": {"sql": f"select {number} as id"}},
                "load": {"x": {"into": "t.x", "mode": "overwrite"}},
            },
        )
        lake.project.run("x")
        assert lake.rows("t.x") == [(number,)]


def test_a_run_that_fails_leaves_nothing(lake):
    lake.put("in/x.csv", lines([(1, 1), (1, 2)]))
    lake.project.pipeline(
        "x",
        {
            "extract": {"x": {"from": f"s3://{lake.bucket}/in/x.csv", "only_new": True}},
            "load": {"x": {"into": "t.x", "checks": [{"unique": ["id"]}]}},
        },
    )
    lake.project.run("x", expect=3)
    lake.check_consistent()
    assert lake.keys("warehouse/") == []


def test_options_of_what_is_written(project, moto):
    client = servers.s3_client(moto.endpoint)
    client.create_bucket(Bucket="options")
    project.environment.update(servers.aws_environment(moto.endpoint))
    lake = Lake(
        project, client, "options", storage_class="STANDARD_IA", tags={"team": "data lake"},
        metadata={"from": "sluice"}, sse="AES256", checksums="when_required", addressing="path",
    )  # fmt: skip
    lake.project.pipeline(
        "x",
        {
            "transform": {"x": {"sql": "select 1 as id"}},
            "load": {
                "x": {"into": "t.x", "mode": "overwrite"},
                "out": {"from": "x", "to": "s3://options/out/${run.id}.csv"},
            },
        },
    )
    lake.project.run("x")
    assert lake.rows("t.x") == [(1,)]
    keys = lake.keys()
    assert len(keys) == 2
    for key in keys:
        head = client.head_object(Bucket="options", Key=key)
        assert head["StorageClass"] == "STANDARD_IA"
        assert head["Metadata"] == {"from": "sluice"}
        assert head["ServerSideEncryption"] == "AES256"
        tags = client.get_object_tagging(Bucket="options", Key=key)["TagSet"]
        assert tags == [{"Key": "team", "Value": "data lake"}]


# --- the module


def test_the_module_is_opened_only_where_it_is_needed(project, lake):
    project.write("in/x.csv", lines([(1, "a")]))
    project.copy_pipeline("local", **{"from": "in/*.csv"})
    project.pipeline("remote", {"extract": {"r": {"from": "s3://b/*.csv", "only_new": True}}, "load": {"r": {"into": "t.r"}}})

    def opened(*args):
        logs = project.path("ld")
        shutil.rmtree(logs, ignore_errors=True)
        logs.mkdir()
        result = project.sluice(*args, env={"LD_DEBUG": "files", "LD_DEBUG_OUTPUT": str(logs / "log")})
        return any("sluice_net.so" in log.read_text(errors="replace") for log in logs.iterdir()), result

    for args in (["list"], ["validate"], ["version"], ["health"], ["show", "remote"], ["runs"]):
        assert not opened(*args)[0], args
    assert opened("plan", "remote")[0]
    lake.project.write("sluice.yaml", "project: test\n")
    used, result = opened("run", "local")
    assert result.exit == 0 and not used, str(result)


# --- TLS


def test_tls_with_a_private_ca(on_weed, weed, s3, bucket, certificates):
    on_weed.environment["AWS_ENDPOINT_URL_S3"] = weed.tls_endpoint
    lake = Lake(on_weed, s3, bucket, ca_file=str(certificates.path("ca.pem")))
    lake.put("in/x.csv", lines([(1, "a")]))
    copy_from(lake, f"s3://{lake.bucket}/in/*.csv")
    lake.project.run("x")
    assert lake.rows("t.x") == [(1, "a")]
    Lake(on_weed, s3, bucket)
    assert "certificate is not to be trusted" in lake.project.fails("x")


class Files(http.server.BaseHTTPRequestHandler):
    """Serves `server.files`: path → (bytes, headers); notes what was asked."""

    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def do_HEAD(self):
        self.do_GET()

    def do_GET(self):
        path = self.path.partition("?")[0]
        self.server.asked.append((self.command, self.path, dict(self.headers)))
        if path.startswith("/to/"):
            self.send_response(302)
            self.send_header("Location", path[3:])
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        if path not in self.server.files or (self.command == "HEAD" and "nohead" in path):
            self.send_response(403 if "nohead" in path else 404)
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        body, headers = self.server.files[path]
        first = 0
        wanted = self.headers.get("Range", "")
        if wanted.startswith("bytes=") and "norange" not in path:
            begin, _, last = wanted[6:].partition("-")
            first = int(begin)
            part = body[first : int(last) + 1 if last else None]
            self.send_response(206)
            self.send_header("Content-Range", f"bytes {first}-{first + len(part) - 1}/{len(body)}")
        else:
            part = body
            self.send_response(200)
        for name, value in headers.items():
            self.send_header(name, value)
        chunked = "chunked" in path
        if chunked:
            self.send_header("Transfer-Encoding", "chunked")
        else:
            self.send_header("Content-Length", str(len(part)))
        self.end_headers()
        if self.command == "HEAD":
            return
        if chunked:
            self.wfile.write(b"%x\r\n%s\r\n0\r\n\r\n" % (len(part), part))
        elif "broken" in path and self.server.breaks > 0:
            self.server.breaks -= 1
            self.wfile.write(part[: len(part) // 2])
            self.wfile.flush()
            self.close_connection = True
        else:
            self.wfile.write(part)


class Site:
    def __init__(self, certificates=None, name=None):
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Files)
        self.server.files, self.server.asked, self.server.breaks = {}, [], 0
        if certificates:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(certificates.path(f"{name}.pem"), certificates.path(f"{name}.key"))
            self.server.socket = context.wrap_socket(self.server.socket, server_side=True)
        scheme = "https" if certificates else "http"
        self.url = f"{scheme}://127.0.0.1:{self.server.server_address[1]}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def put(self, path, body, **headers):
        self.server.files[path] = (body.encode() if isinstance(body, str) else body, headers)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.server.shutdown()
        self.server.server_close()


def http_pipeline(project, url, **extract):
    extract.setdefault("only_new", True)
    project.pipeline("x", {"extract": {"x": {"from": url, **extract}}, "load": {"x": {"into": "t.x"}}})


def test_https_with_a_private_ca(project, certificates):
    with Site(certificates, "server") as site:
        site.put("/x.csv", lines([(1, "a")]), ETag='"v1"')
        http_pipeline(project, f"{site.url}/x.csv")
        assert "certificate is not to be trusted" in project.fails("x")
        project.run("x", env={"SSL_CERT_FILE": str(certificates.path("ca.pem"))})
        project.write("ca.pem", certificates.path("ca.pem").read_bytes())
        project.write("sluice.yaml", "project: test\nenvironments: {dev: {http: {ca_file: ca.pem}}}\n")
        assert project.run("x").named("run.nothing_new")
        assert project.rows("t.x") == [(1, "a")]


@pytest.mark.parametrize("name", ["expired", "other-name", "self-signed"])
def test_https_refuses(project, certificates, name):
    with Site(certificates, name) as site:
        site.put("/x.csv", lines([(1, "a")]))
        http_pipeline(project, f"{site.url}/x.csv")
        message = project.fails("x", env={"SSL_CERT_FILE": str(certificates.path("ca.pem"))})
        assert site.url in message and "certificate" in message
        assert not site.server.asked


def test_http_versions(project):
    with Site() as site:
        for number, headers in enumerate(
            [{"ETag": '"1"'}, {"Last-Modified": "Sun, 06 Nov 1994 08:49:37 GMT"}, {}], 1
        ):
            path = f"/{number}.csv"
            site.put(path, lines([(number, "a")]), **headers)
            http_pipeline(project, site.url + path)
            project.run("x")
            assert project.run("x").named("run.nothing_new")
            site.put(path, lines([(number, "another")]), **{n: v.replace("1", "2") for n, v in headers.items()})
            project.run("x")
        assert len(project.rows("t.x")) == 6
        versions = [row["version"] for row in project.query("SELECT version FROM seen ORDER BY key")]
        assert versions == ['"2"', "modified Sun, 06 Nov 2994 08:49:37 GMT, 15 bytes", "15 bytes"]


@pytest.mark.parametrize("path", ["/nohead.csv", "/chunked.csv", "/norange-broken.csv", "/broken.csv", "/to/x.csv"])
def test_http_servers_of_all_kinds(project, path):
    rows = [(number, f"value {number}") for number in range(30000)]
    with Site() as site:
        site.put(path.removeprefix("/to"), lines(rows), ETag='"v1"')
        site.server.breaks = 3
        http_pipeline(project, site.url + path)
        project.run("x")
        assert project.rows("t.x") == rows
        if path == "/broken.csv":
            ranges = [headers.get("Range") for _, _, headers in site.server.asked]
            assert len([range_ for range_ in ranges if range_]) == 3
            assert site.server.asked[-1][2]["If-Range"] == '"v1"'
    project.check_consistent()


def test_http_refusals(project):
    with Site() as site:
        http_pipeline(project, f"{site.url}/none.csv")
        assert f"{site.url}/none.csv: HTTP 404; check the URL" in project.fails("x")
        http_pipeline(project, f"{site.url}/*.csv")
        assert "no globs" in project.fails("x", expect=2)
        project.pipeline(
            "x",
            {
                "transform": {"x": {"sql": "select 1 as id"}},
                "load": {"x": {"to": f"{site.url}/x.csv"}},
            },
        )
        assert "write a local file or s3://" in project.fails("x", expect=2)


def test_an_https_file_that_changes_under_way(project):
    with Site() as site:
        site.put("/x.csv", lines([(1, "a")]), ETag='"v1"')
        http_pipeline(project, f"{site.url}/x.csv")
        old = Files.do_GET

        def change(self):
            if self.command == "GET":
                site.put("/x.csv", lines([(1, "b")]), ETag='"v2"')
            old(self)

        Files.do_GET = change
        try:
            assert "has changed since the run began" in project.fails("x")
        finally:
            Files.do_GET = old
    assert project.rows("t.x") == []


# --- secrets


def test_no_secret_is_written_anywhere(lake, weed):
    project = lake.project
    project.environment["SLUICE_LOG"] = "trace"
    project.environment["AWS_ENDPOINT_URL_S3"] = weed.endpoint
    lake.put("in/x.csv", lines([(1, "a")]))
    url = lake.client.generate_presigned_url(
        "get_object", Params={"Bucket": lake.bucket, "Key": "in/x.csv"}, ExpiresIn=600
    )
    signature = url.partition("Signature=")[2].partition("&")[0]
    assert len(signature) > 20
    secrets = [servers.SECRET_KEY, signature, "userpassword"]
    with Site() as site:
        site.put("/y.csv", lines([(2, "b")]))
        secret_url = site.url.replace("//", "//user:userpassword@") + f"/y.csv?sig={signature}"
        project.pipeline(
            "x",
            {
                "extract": {
                    "x": {"from": url, "only_new": True, "format": "csv"},
                    "y": {"from": secret_url, "only_new": True},
                    "z": {"from": f"s3://{lake.bucket}/in/*.csv", "only_new": True},
                },
                "load": {name: {"into": f"t.{name}"} for name in "xyz"},
            },
        )
        results = [project.run("x")] + [
            project.sluice(*args, *json_) for args in (["plan", "x"], ["show", "x"]) for json_ in ([], ["--json"])
        ]
        site.server.files.clear()
        lake.put("in/z.csv", lines([(3, "c")]))
        results.append(project.run("x", expect=1))
        seen = project.query("SELECT key FROM seen")
    written = "".join(result.stdout + result.stderr for result in results)
    written += "".join(log.read_text() for log in project.path(".sluice/logs").iterdir())
    written += json.dumps(seen)
    assert '"trace"' in written and "/y.csv?…" in written
    for secret in secrets:
        assert secret not in written, secret
    # A signature of another minute is the same file.
    assert project.query("SELECT count(*) AS count FROM seen WHERE key LIKE '%X-Amz%'") == [{"count": 0}]
