"""`sluice s3 …`: every command and every option against SeaweedFS, and against moto where SeaweedFS
lacks it; what was done is looked at with boto3."""

import hashlib
import json
import os
import pty
import select
import signal
import subprocess
import time
import urllib.error
import urllib.request

import pytest
import servers
from conftest import PATIENCE

MIB = 1024 * 1024


@pytest.fixture
def bare(tmp_path, project):
    """The program in a folder without a project."""
    project.root = tmp_path / "bare"
    project.root.mkdir()
    return project


@pytest.fixture
def run(on_weed):
    """run("ls", "s3://…") must succeed; its result."""

    def call(*args, expect=0, **options):
        result = on_weed.sluice("s3", *args, **options)
        assert result.exit == expect, str(result)
        if expect == 0:
            assert not result.errors, str(result)
        return result

    return call


@pytest.fixture
def moto_s3(moto):
    return servers.s3_client(moto.endpoint)


@pytest.fixture
def moto_bucket(moto_s3, request):
    name = "m-" + hashlib.md5(request.node.nodeid.encode()).hexdigest()[:16]
    moto_s3.create_bucket(Bucket=name)
    return name


@pytest.fixture
def run_moto(run, moto):
    def call(*args, **options):
        return run(*args, "--endpoint", moto.endpoint, **options)

    return call


def fill(s3, bucket, *keys):
    for key in keys:
        s3.put_object(Bucket=bucket, Key=key, Body=f"body of {key}".encode())


def keys_of(s3, bucket):
    pages = s3.get_paginator("list_objects_v2").paginate(Bucket=bucket)
    return sorted(item["Key"] for page in pages for item in page.get("Contents", ()))


def body_of(s3, bucket, key, **options):
    return s3.get_object(Bucket=bucket, Key=key, **options)["Body"].read()


def lines(result):
    return [json.loads(line) for line in result.stdout.splitlines()]


def files_below(folder):
    return sorted(str(p.relative_to(folder)) for p in folder.rglob("*") if p.is_file())


# --- whoami ---


def test_whoami(run):
    text = run("whoami").stdout
    assert "the environment" in text and servers.ACCESS_KEY in text
    assert servers.SECRET_KEY not in text


def test_whoami_json(run, weed):
    answer = run("whoami", "--json").json
    assert answer == {
        "source": "the environment",
        "access_key_id": servers.ACCESS_KEY,
        "region": "us-east-1",
        "endpoint": weed.endpoint,
    }


def test_whoami_of_a_profile(on_weed):
    on_weed.write("aws", "[profile etl]\naws_access_key_id=AKIDOTHER\naws_secret_access_key=hidden\nregion=eu-west-1\n")
    env = {"AWS_CONFIG_FILE": str(on_weed.path("aws")), "AWS_REGION": ""}
    result = on_weed.sluice("s3", "whoami", "--profile", "etl", "--json", env=env)
    assert result.json["access_key_id"] == "AKIDOTHER" and result.json["region"] == "eu-west-1"
    assert "etl" in result.json["source"] and "hidden" not in result.stdout + result.stderr


def test_an_endpoint_of_the_profile(on_weed, weed, s3, bucket):
    fill(s3, bucket, "x")
    on_weed.write("aws", f"""
[profile etl]
aws_access_key_id = {servers.ACCESS_KEY}
aws_secret_access_key = {servers.SECRET_KEY}
services = here
endpoint_url = http://127.0.0.1:1
[services here]
s3 =
  endpoint_url = {weed.endpoint}
""")
    env = {"AWS_CONFIG_FILE": str(on_weed.path("aws")), "AWS_PROFILE": "etl", "AWS_ENDPOINT_URL_S3": "",
           "AWS_ACCESS_KEY_ID": "", "AWS_SECRET_ACCESS_KEY": ""}  # fmt: skip
    assert on_weed.sluice("s3", "cat", f"s3://{bucket}/x", env=env).stdout == "body of x"
    assert on_weed.sluice("s3", "whoami", "--json", env=env).json["endpoint"] == weed.endpoint
    env["AWS_IGNORE_CONFIGURED_ENDPOINT_URLS"] = "true"
    assert "endpoint" not in on_weed.sluice("s3", "whoami", "--json", env=env).json


@pytest.mark.parametrize("where", ["flag", "environment", "profile", "sluice.yaml"])
@pytest.mark.parametrize("command", [["s3", "whoami"], ["s3", "ls", "s3://b"], ["plan", "x"]])
def test_a_password_in_the_endpoint(on_weed, where, command):
    url = "http://name:hidden@127.0.0.1:1"
    env = {"SLUICE_LOG": "trace", "AWS_ENDPOINT_URL_S3": url if where == "environment" else ""}
    on_weed.write("pipelines/x.yaml", "extract: {a: {from: 's3://b/a.csv'}}\nload: {a: {to: 'out-${run.id}.csv'}}\n")
    if where == "profile":
        on_weed.write("aws", f"[default]\nendpoint_url = {url}\n")
        env["AWS_CONFIG_FILE"] = str(on_weed.path("aws"))
    if where == "sluice.yaml":
        on_weed.write("sluice.yaml", f"environments: {{dev: {{s3: {{endpoint: '{url}'}}}}}}\n")
    if where == "flag":
        if command[0] != "s3":
            pytest.skip("plan has no such flag")
        command = [*command, "--endpoint", url]
    result = on_weed.sluice(*command, env=env)
    assert result.exit in (1, 2), str(result)
    assert "a name or a password in front of the host" in result.error
    assert "hidden" not in result.stdout + result.stderr


def test_attempts_of_the_environment(on_weed, origin):
    origin.put("b", "x", b"body")
    env = servers.aws_environment(origin.endpoint)
    for attempts in (1, 2):
        for n in range(attempts):
            origin.fault(n + 1, "503")
        result = on_weed.sluice("s3", "cat", "s3://b/x", env={**env, "AWS_MAX_ATTEMPTS": str(attempts)})
        assert result.exit == 75 and "SlowDown" in result.error
    assert len(origin.requests) == 3


def test_whoami_without_credentials(bare):
    env = {"AWS_EC2_METADATA_DISABLED": "true", "AWS_CONFIG_FILE": "/dev/null",
           "AWS_SHARED_CREDENTIALS_FILE": "/dev/null"}  # fmt: skip
    result = bare.sluice("s3", "whoami", env=env)
    assert result.exit == 1 and "no credentials" in result.error
    assert bare.sluice("s3", "whoami", "--unsigned", env=env).exit == 0


# --- without a project, and with one ---


def test_without_a_project(bare, weed, s3, bucket):
    fill(s3, bucket, "x")
    env = servers.aws_environment(weed.endpoint)
    assert bare.sluice("s3", "cat", f"s3://{bucket}/x", env=env).stdout == "body of x"
    assert not (bare.root / ".sluice").exists()


def test_environment_of_the_project(on_weed, weed, s3, bucket):
    fill(s3, bucket, "x")
    del on_weed.environment["AWS_ENDPOINT_URL_S3"]
    on_weed.write(
        "sluice.yaml", f"environments:\n  dev:\n    s3: {{endpoint: '{weed.endpoint}', region: eu-west-1}}\n"
    )
    assert on_weed.sluice("s3", "cat", f"s3://{bucket}/x").stdout == "body of x"
    answer = on_weed.sluice("s3", "whoami", "--json").json
    assert answer["region"] == "eu-west-1" and answer["endpoint"] == weed.endpoint
    answer = on_weed.sluice("s3", "whoami", "--json", "--region", "us-west-2").json
    assert answer["region"] == "us-west-2"


# --- ls, mb, rb ---


def test_ls_of_buckets(run, bucket):
    assert bucket in run("ls").stdout
    assert {"kind": "bucket", "url": f"s3://{bucket}/"}.items() <= {
        line["url"]: line for line in lines(run("ls", "--json"))
    }[f"s3://{bucket}/"].items()


def test_ls(run, s3, bucket):
    fill(s3, bucket, "a.csv", "dir/b.csv", "dir/sub/c.csv", "other")
    names = [line.split()[-1] for line in run("ls", f"s3://{bucket}").stdout.splitlines()]
    assert names == ["a.csv", "dir/", "other"]
    names = [line.split()[-1] for line in run("ls", f"s3://{bucket}/dir/").stdout.splitlines()]
    assert names == ["b.csv", "sub/"]
    names = [line.split()[-1] for line in run("ls", "-r", f"s3://{bucket}/dir").stdout.splitlines()]
    assert names == ["dir/b.csv", "dir/sub/c.csv"]
    names = [line.split()[-1] for line in run("ls", f"s3://{bucket}/**.csv").stdout.splitlines()]
    assert names == ["a.csv", "dir/b.csv", "dir/sub/c.csv"]


def test_ls_json(run, s3, bucket):
    fill(s3, bucket, "dir/x", "y")
    folder, file = lines(run("ls", "--json", f"s3://{bucket}/"))
    assert folder == {"kind": "folder", "url": f"s3://{bucket}/dir/", "key": "dir/"}
    etag = hashlib.md5(b"body of y").hexdigest()
    assert file["kind"] == "object" and file["key"] == "y" and file["bytes"] == 9 and file["etag"] == etag
    assert file["modified"].startswith("20") and file["modified"].endswith("Z")


def test_ls_human(run, s3, bucket):
    s3.put_object(Bucket=bucket, Key="x", Body=bytes(3 * MIB))
    assert "3.0 MiB" in run("ls", "--human", f"s3://{bucket}").stdout
    assert str(3 * MIB) in run("ls", f"s3://{bucket}").stdout


def test_ls_of_what_is_not_there(run, bucket):
    assert run("ls", f"s3://{bucket}").stdout == ""
    assert "nothing" in run("ls", f"s3://{bucket}/x", expect=1).error
    assert "nothing matches" in run("ls", f"s3://{bucket}/*", expect=1).error
    assert "NoSuchBucket" in run("ls", "s3://no-such-bucket-here", expect=1).error


def test_ls_raw(run, s3, bucket):
    fill(s3, bucket, "a*b", "axb")
    names = [line["key"] for line in lines(run("ls", "--raw", "--json", f"s3://{bucket}/a*"))]
    assert names == ["a*b"]


@pytest.mark.parametrize(
    "command,pattern,prefix,delimiter",
    [
        ("ls", "d/2026-*.csv", "d/2026-", "/"),
        ("ls", "d/*/x.csv", "d/", None),
        ("ls", "d/2026-**", "d/2026-", None),
        ("ls", "d/[12]*", "d/", "/"),
        ("ls", "*", "", "/"),
        ("cp", "d/2026-0?.csv", "d/2026-0", "/"),
        ("mv", "d/2026-*", "d/2026-", "/"),
        ("rm", "d/2026-*", "d/2026-", "/"),
    ],
)
def test_patterns_are_asked_for_by_their_prefix(on_weed, origin, command, pattern, prefix, delimiter):
    """The longest one without a wildcard, and nothing that lies deeper than the pattern reaches."""
    for key in ("a.csv", "d/2026-01.csv", "d/2026-02.csv", "d/2026-03/x.csv", "d/2027/x.csv", "e/x"):
        origin.put("b", key, b"x")
    target = ["out/"] if command in ("cp", "mv") else []
    env = servers.aws_environment(origin.endpoint)
    result = on_weed.sluice("s3", command, f"s3://b/{pattern}", *target, env=env)
    assert result.exit == 0, str(result)
    (listed,) = [request for request in origin.requests if "list-type" in request.query]
    assert listed.query.get("prefix", "") == prefix and listed.query.get("delimiter") == delimiter


def test_ls_of_pages(run, s3, bucket):
    from concurrent.futures import ThreadPoolExecutor

    wanted = [f"p/{i:04}" for i in range(1203)]
    with ThreadPoolExecutor(16) as pool:
        list(pool.map(lambda key: s3.put_object(Bucket=bucket, Key=key, Body=b"x"), wanted))
    assert [line["key"] for line in lines(run("ls", "--json", f"s3://{bucket}/p/"))] == wanted
    run("rm", "--recursive", f"s3://{bucket}/p/")
    assert keys_of(s3, bucket) == []


def test_ls_of_versions(run_moto, moto_s3, moto_bucket):
    moto_s3.put_bucket_versioning(Bucket=moto_bucket, VersioningConfiguration={"Status": "Enabled"})
    fill(moto_s3, moto_bucket, "x", "x")
    moto_s3.delete_object(Bucket=moto_bucket, Key="x")
    found = lines(run_moto("ls", "--versions", "--json", f"s3://{moto_bucket}/x"))
    assert sorted(line["kind"] for line in found) == ["delete_marker", "object", "object"]
    assert [line["latest"] for line in found].count(True) == 1
    assert all(line["version_id"] for line in found)
    assert "deleted" in run_moto("ls", "--versions", f"s3://{moto_bucket}/x").stdout


def test_mb_and_rb(run, s3):
    run("mb", "s3://made-by-mb")
    assert "made-by-mb" in [b["Name"] for b in s3.list_buckets()["Buckets"]]
    run("mb", "s3://made-by-mb")  # ours already
    fill(s3, "made-by-mb", "x", "y/z")
    assert "not empty" in run("rb", "s3://made-by-mb", expect=1).error
    assert keys_of(s3, "made-by-mb") == ["x", "y/z"]
    run("rb", "--force", "s3://made-by-mb")
    assert "made-by-mb" not in [b["Name"] for b in s3.list_buckets()["Buckets"]]
    assert "is no bucket" in run("rb", "s3://made-by-mb/x", expect=2).error


def test_mb_in_a_region(run_moto, moto_s3):
    run_moto("mb", "s3://m-elsewhere", "--region", "eu-central-1")
    assert moto_s3.get_bucket_location(Bucket="m-elsewhere")["LocationConstraint"] == "eu-central-1"


def test_rb_force_with_versions(run_moto, moto_s3, moto_bucket):
    moto_s3.put_bucket_versioning(Bucket=moto_bucket, VersioningConfiguration={"Status": "Enabled"})
    fill(moto_s3, moto_bucket, "x", "x", "y")
    moto_s3.delete_object(Bucket=moto_bucket, Key="y")
    moto_s3.delete_object(Bucket=moto_bucket, Key="x")
    assert run_moto("ls", f"s3://{moto_bucket}").stdout == ""
    error = run_moto("rb", f"s3://{moto_bucket}", expect=1).error
    assert "BucketNotEmpty" in error and "old versions" in error
    run_moto("rb", "--force", f"s3://{moto_bucket}")
    assert moto_bucket not in [b["Name"] for b in moto_s3.list_buckets()["Buckets"]]


# --- cat, put, presign ---


def test_cat(run, s3, bucket):
    fill(s3, bucket, "x", "y")
    assert run("cat", f"s3://{bucket}/x").stdout == "body of x"
    assert run("cat", f"s3://{bucket}/x", f"s3://{bucket}/y").stdout == "body of xbody of y"
    assert run("cat", "--range", "5-6", f"s3://{bucket}/x").stdout == "of"
    assert run("cat", "--range", "8-", f"s3://{bucket}/x").stdout == "x"
    assert "no range" in run("cat", "--range", "9-5", f"s3://{bucket}/x", expect=2).error
    assert "NoSuchKey" in run("cat", f"s3://{bucket}/z", expect=1).error
    assert "is a bucket" in run("cat", f"s3://{bucket}", expect=2).error


def test_cat_is_in_order(on_weed, s3, bucket):
    content = os.urandom(21 * MIB + 17)
    s3.put_object(Bucket=bucket, Key="big", Body=content)
    process = on_weed.start("s3", "cat", "--part-size", "5MiB", f"s3://{bucket}/big")
    stdout, stderr = process.communicate(timeout=60 * PATIENCE)
    assert process.returncode == 0, stderr
    assert hashlib.sha256(stdout).digest() == hashlib.sha256(content).digest()


def test_cat_into_a_reader_that_has_enough(on_weed, s3, bucket):
    s3.put_object(Bucket=bucket, Key="big", Body=bytes(40 * MIB))
    process = on_weed.start("s3", "cat", f"s3://{bucket}/big")
    assert len(process.stdout.read(10)) == 10
    process.stdout.close()
    assert process.wait(20 * PATIENCE) == 0
    assert b"sluice: " not in process.stderr.read()


def test_cat_of_what_breaks_while_its_reader_waits(on_weed, origin):
    """An error is one, also where the reader is behind: what it got is not all."""
    origin.put("b", "big", bytes(40 * MIB))
    origin.fault(3, "changed", body=bytes(41 * MIB))
    process = on_weed.start("s3", "cat", "s3://b/big", env=servers.aws_environment(origin.endpoint))
    time.sleep(2 * PATIENCE)
    got = len(process.stdout.read())
    assert process.wait(20 * PATIENCE) == 1, got
    assert b"changed" in process.stderr.read() and got < 40 * MIB


def test_cat_waits_for_its_reader(on_weed, s3, bucket):
    """What is not read is not fetched: the process stays small."""
    s3.put_object(Bucket=bucket, Key="big", Body=bytes(150 * MIB))
    process = on_weed.start("s3", "cat", f"s3://{bucket}/big")
    process.stdout.read(1)
    time.sleep(1.5)
    status = open(f"/proc/{process.pid}/status", encoding="ascii").read()
    peak = int(status.split("VmHWM:")[1].split()[0]) // 1024
    rest = process.stdout.read()
    assert process.wait(60 * PATIENCE) == 0 and len(rest) == 150 * MIB - 1
    assert peak < 100 * PATIENCE, f"{peak} MiB"


def test_cat_of_a_version(run_moto, moto_s3, moto_bucket):
    moto_s3.put_bucket_versioning(Bucket=moto_bucket, VersioningConfiguration={"Status": "Enabled"})
    first = moto_s3.put_object(Bucket=moto_bucket, Key="x", Body=b"old")["VersionId"]
    moto_s3.put_object(Bucket=moto_bucket, Key="x", Body=b"new")
    assert run_moto("cat", f"s3://{moto_bucket}/x").stdout == "new"
    assert run_moto("cat", "--version-id", first, f"s3://{moto_bucket}/x").stdout == "old"
    run_moto("cp", "--version-id", first, f"s3://{moto_bucket}/x", f"s3://{moto_bucket}/y")
    assert body_of(moto_s3, moto_bucket, "y") == b"old"


def put_input(project, content, *args, env=None):
    command = [os.environ["SLUICE_BIN"], "s3", "put", "-", *args]
    environment = {**project.environment, **(env or {})}
    return subprocess.run(
        command, cwd=project.root, env=environment, input=content, capture_output=True, timeout=60 * PATIENCE
    )


@pytest.mark.parametrize("length", [0, 5, 8 * MIB, 30 * MIB + 1])
def test_put_of_standard_input(on_weed, s3, bucket, length):
    content = os.urandom(length)
    done = put_input(on_weed, content, f"s3://{bucket}/in[1]*")
    assert done.returncode == 0, done.stderr
    assert body_of(s3, bucket, "in[1]*") == content
    assert not s3.list_multipart_uploads(Bucket=bucket).get("Uploads")


def test_put_of_standard_input_that_may_not_replace(on_weed, s3, bucket):
    fill(s3, bucket, "x")
    done = put_input(on_weed, b"other", "--if-none-match", f"s3://{bucket}/x")
    assert done.returncode == 1 and b"PreconditionFailed" in done.stderr
    done = put_input(on_weed, b"other", "--no-clobber", f"s3://{bucket}/x")
    assert done.returncode == 0 and b"(skipped)" in done.stdout
    assert body_of(s3, bucket, "x") == b"body of x"
    done = put_input(on_weed, b"other", f"s3://{bucket}/x/")
    assert done.returncode == 2 and b"has no name" in done.stderr


def test_put_over_what_is_known(run_moto, on_weed, moto, moto_s3, moto_bucket):
    """--if-match: the ETag with quotes or without; over another one nothing is written."""
    fill(moto_s3, moto_bucket, "x")
    url, elsewhere = f"s3://{moto_bucket}/x", ("--endpoint", moto.endpoint)
    on_weed.write("f", b"second")
    (listed,) = lines(run_moto("ls", "--json", url))
    run_moto("put", "--if-match", listed["etag"], "f", url)
    assert body_of(moto_s3, moto_bucket, "x") == b"second"
    assert "PreconditionFailed" in run_moto("put", "--if-match", listed["etag"], "f", url, expect=1).error
    etag = moto_s3.head_object(Bucket=moto_bucket, Key="x")["ETag"]
    assert put_input(on_weed, b"third", *elsewhere, "--if-match", etag, url).returncode == 0
    assert put_input(on_weed, b"fourth", *elsewhere, "--if-match", etag, url).returncode == 1
    assert body_of(moto_s3, moto_bucket, "x") == b"third"
    assert "--if-match" in run_moto("put", "-n", "--if-match", etag, "f", url, expect=2).error


def test_put_of_a_file(run, on_weed, s3, bucket):
    on_weed.write("a b.csv", b"1,2\n")
    run("put", "a b.csv", f"s3://{bucket}/dir/")
    run("put", "a b.csv", f"s3://{bucket}/k*[x]?")
    assert keys_of(s3, bucket) == ["dir/a b.csv", "k*[x]?"]
    assert s3.head_object(Bucket=bucket, Key="dir/a b.csv")["ContentType"] == "text/csv"
    assert "No such file" in run("put", "nothing", f"s3://{bucket}/y", expect=1).error


def test_presign(run, s3, bucket):
    fill(s3, bucket, "a b")
    result = run("presign", "--expires", "10m", f"s3://{bucket}/a b")
    assert result.stderr == "" and result.stdout.count("\n") == 1
    with urllib.request.urlopen(result.stdout.strip()) as answer:
        assert answer.read() == b"body of a b"
    url = run("presign", "--method", "PUT", "--json", f"s3://{bucket}/new").json["url"]
    urllib.request.urlopen(urllib.request.Request(url, data=b"by URL", method="PUT")).close()
    assert body_of(s3, bucket, "new") == b"by URL"
    url = run("presign", "--method", "DELETE", f"s3://{bucket}/new").stdout.strip()
    urllib.request.urlopen(urllib.request.Request(url, method="DELETE")).close()
    assert keys_of(s3, bucket) == ["a b"]


def test_presigned_expires(run, s3, bucket):
    fill(s3, bucket, "x")
    url = run("presign", "--expires", "1s", f"s3://{bucket}/x").stdout.strip()
    time.sleep(2.5)
    with pytest.raises(urllib.error.HTTPError) as caught:
        urllib.request.urlopen(url)
    assert caught.value.code == 403
    assert run("presign", "--expires", "8d", f"s3://{bucket}/x", expect=2).error
    assert "none of GET" in run("presign", "--method", "POST", f"s3://{bucket}/x", expect=2).error


# --- cp ---


def test_cp_up_and_down(run, on_weed, s3, bucket):
    content = os.urandom(17 * MIB + 3)
    on_weed.write("big", content)
    run("cp", "--part-size", "5MiB", "big", f"s3://{bucket}")
    assert body_of(s3, bucket, "big") == content
    assert s3.head_object(Bucket=bucket, Key="big")["ETag"].endswith('-4"')
    run("cp", "--part-size", "5MiB", "--concurrency", "3", f"s3://{bucket}/big", "back")
    assert on_weed.path("back").read_bytes() == content
    modified = s3.head_object(Bucket=bucket, Key="big")["LastModified"].timestamp()
    assert on_weed.path("back").stat().st_mtime == modified
    run("cp", f"s3://{bucket}/big", f"s3://{bucket}/copies/")
    assert body_of(s3, bucket, "copies/big") == content


def test_cp_into_folders(run, on_weed, s3, bucket):
    fill(s3, bucket, "dir/x")
    on_weed.path("here").mkdir()
    run("cp", f"s3://{bucket}/dir/x", "here")
    run("cp", f"s3://{bucket}/dir/x", "new/deep/")
    run("cp", f"s3://{bucket}/dir/x", "new/y")
    run("cp", f"s3://{bucket}/dir/x", ".")
    assert files_below(on_weed.path("here")) == ["x"]
    assert files_below(on_weed.path("new")) == ["deep/x", "y"]
    assert on_weed.path("x").read_bytes() == b"body of dir/x"


def test_cp_recursive(run, on_weed, s3, bucket):
    for name in ("a.csv", "sub/b.csv", "sub/deep/c.txt", ".hidden", "sub/.sluice-0123456789abcdef.tmp"):
        on_weed.write(f"tree/{name}", name.encode())
    found = lines(run("cp", "--recursive", "--json", "tree", f"s3://{bucket}/t"))
    wanted = ["t/.hidden", "t/a.csv", "t/sub/b.csv", "t/sub/deep/c.txt"]
    assert keys_of(s3, bucket) == wanted
    assert sorted(line["target"] for line in found) == [f"s3://{bucket}/{key}" for key in wanted]
    assert {(line["operation"], line["outcome"]) for line in found} == {("upload", "done")}
    assert sum(line["bytes"] for line in found) == sum(map(len, wanted)) - 2 * len(wanted)
    run("cp", "-r", f"s3://{bucket}/t/", f"s3://{bucket}/copy/")
    run("cp", "-r", f"s3://{bucket}/copy", "back")
    assert files_below(on_weed.path("back")) == [".hidden", "a.csv", "sub/b.csv", "sub/deep/c.txt"]
    assert "--recursive" in run("cp", "tree", f"s3://{bucket}/", expect=2).error
    assert "--recursive" in run("cp", f"s3://{bucket}/t/", "back", expect=2).error


def test_cp_of_patterns(run, on_weed, s3, bucket):
    fill(s3, bucket, "in/1.csv", "in/2.csv", "in/x.txt", "in/sub/3.csv")
    run("cp", f"s3://{bucket}/in/*.csv", "out/")
    assert files_below(on_weed.path("out")) == ["1.csv", "2.csv"]
    run("cp", f"s3://{bucket}/in/**.csv", f"s3://{bucket}/all/")
    assert [k for k in keys_of(s3, bucket) if k.startswith("all")] == ["all/1.csv", "all/2.csv", "all/sub/3.csv"]
    run("cp", "out/?.csv", f"s3://{bucket}/up/")
    assert [k for k in keys_of(s3, bucket) if k.startswith("up")] == ["up/1.csv", "up/2.csv"]
    assert "nothing matches" in run("cp", f"s3://{bucket}/in/*.zip", "out/", expect=1).error
    assert "nothing matches" in run("cp", "out/*.zip", f"s3://{bucket}/", expect=1).error


def test_cp_of_several(run, on_weed, s3, bucket):
    on_weed.write("a", b"a")
    on_weed.write("b", b"b")
    fill(s3, bucket, "c")
    run("cp", "a", "b", f"s3://{bucket}/c", f"s3://{bucket}/to")
    assert keys_of(s3, bucket) == ["c", "to/a", "to/b", "to/c"]


@pytest.mark.parametrize("command", ["cp", "mv"])
def test_two_sources_of_one_name(run, on_weed, s3, bucket, command):
    """The second is refused, wherever it is from; it stays where it is."""
    on_weed.write("p/f", b"1")
    on_weed.write("q/f", b"2")
    fill(s3, bucket, "a/x", "c/x", "c/y")
    result = run(command, "p/f", "q/f", f"s3://{bucket}/up/", expect=1)
    assert "q/f is left out" in result.error and f"s3://{bucket}/up/f" in result.error
    assert body_of(s3, bucket, "up/f") == b"1" and on_weed.path("q/f").read_bytes() == b"2"
    result = run(command, "--json", f"s3://{bucket}/a/x", f"s3://{bucket}/c/*", "out/", expect=1)
    outcomes = {line["source"].rpartition(bucket)[2]: line["outcome"] for line in lines(result)}
    assert outcomes == {"/a/x": "done", "/c/x": "failed", "/c/y": "done"}
    assert on_weed.path("out/x").read_bytes() == b"body of a/x"
    assert body_of(s3, bucket, "c/x") == b"body of c/x"


def test_cp_of_what_is_no_file(run, on_weed, bucket):
    os.mkfifo(on_weed.path("pipe"))
    for command in ("cp", "put"):
        error = run(command, "pipe", f"s3://{bucket}/x", expect=2).error
        assert "standard input" in error and "--recursive" not in error


def test_cp_filters(run, on_weed, s3, bucket):
    for name in ("a.csv", "a.tmp", "sub/b.csv", "sub/b.tmp", "keep.tmp"):
        on_weed.write(f"tree/{name}", b"x")
    run("cp", "-r", "--exclude", "*.tmp", "--include", "keep.*", "tree", f"s3://{bucket}/1")
    assert keys_of(s3, bucket) == ["1/a.csv", "1/keep.tmp", "1/sub/b.csv"]
    run("cp", "-r", "--include", "sub/*.csv", "tree", f"s3://{bucket}/2")
    assert [k for k in keys_of(s3, bucket) if k.startswith("2")] == ["2/sub/b.csv"]
    run("rm", "-r", "--exclude", "*.csv", f"s3://{bucket}/1")
    assert keys_of(s3, bucket) == ["1/a.csv", "1/sub/b.csv", "2/sub/b.csv"]


def test_cp_dry_run(run, on_weed, s3, bucket):
    fill(s3, bucket, "x", "dir/y")
    on_weed.write("f", b"f")
    for args in (["f", f"s3://{bucket}/f"], ["-r", f"s3://{bucket}", "out"],
                 [f"s3://{bucket}/x", f"s3://{bucket}/z"]):  # fmt: skip
        assert "(dry run)" in run("cp", "--dry-run", *args).stdout
        assert all(line["outcome"] == "planned" for line in lines(run("cp", "--dry-run", "--json", *args)))
    assert "there is no" in run("cp", "--dry-run", f"s3://{bucket}/none", "out", expect=1).error
    assert keys_of(s3, bucket) == ["dir/y", "x"] and not on_weed.path("out").exists()


def test_cp_no_clobber(run, on_weed, s3, bucket):
    on_weed.write("f", b"mine")
    fill(s3, bucket, "f", "g")
    for source, target in (("f", f"s3://{bucket}/f"), (f"s3://{bucket}/f", "f"),
                           (f"s3://{bucket}/g", f"s3://{bucket}/f")):  # fmt: skip
        (line,) = lines(run("cp", "--no-clobber", "--json", source, target))
        assert line["outcome"] == "skipped", line
    assert on_weed.path("f").read_bytes() == b"mine" and body_of(s3, bucket, "f") == b"body of f"
    run("cp", "-n", "f", f"s3://{bucket}/new")
    run("cp", "-n", f"s3://{bucket}/f", "new")
    assert body_of(s3, bucket, "new") == b"mine" and on_weed.path("new").read_bytes() == b"body of f"
    assert "PreconditionFailed" in run("cp", "--if-none-match", "f", f"s3://{bucket}/f", expect=1).error
    assert "for uploads" in run("cp", "--if-none-match", f"s3://{bucket}/f", "f", expect=2).error


def test_cp_with_properties(run_moto, on_weed, moto_s3, moto_bucket):
    on_weed.write("f.csv", b"1,2\n")
    options = ["--storage-class", "STANDARD_IA", "--content-type", "text/x-mine", "--metadata", "owner=me",
               "--metadata", "why=a b", "--tags", "k=v w", "--tags", "l=1",
               "--sse", "aws:kms", "--sse-kms-key-id", "alias/mine"]  # fmt: skip
    run_moto("cp", *options, "f.csv", f"s3://{moto_bucket}/f")
    run_moto("put", *options, "f.csv", f"s3://{moto_bucket}/g")
    run_moto("cp", f"s3://{moto_bucket}/f", f"s3://{moto_bucket}/copy")
    for key in ("f", "g", "copy"):
        head = moto_s3.head_object(Bucket=moto_bucket, Key=key)
        assert head["ContentType"] == "text/x-mine", key
        assert head["Metadata"] == {"owner": "me", "why": "a b"}, key
        tags = moto_s3.get_object_tagging(Bucket=moto_bucket, Key=key)["TagSet"]
        assert {t["Key"]: t["Value"] for t in tags} == {"k": "v w", "l": "1"}, key
        if key != "copy":
            assert head["StorageClass"] == "STANDARD_IA" and head["ServerSideEncryption"] == "aws:kms"
            assert head["SSEKMSKeyId"].endswith("alias/mine")
    run_moto("cp", "--metadata", "owner=you", "--tags", "k=2", f"s3://{moto_bucket}/f", f"s3://{moto_bucket}/other")
    head = moto_s3.head_object(Bucket=moto_bucket, Key="other")
    assert head["Metadata"] == {"owner": "you"}
    tags = moto_s3.get_object_tagging(Bucket=moto_bucket, Key="other")["TagSet"]
    assert tags == [{"Key": "k", "Value": "2"}]


@pytest.mark.parametrize(
    "options,says",
    [
        (["--metadata", "bad name=1"], 'metadata "bad name"'),
        (["--metadata", "n=ü"], "metadata n: only printable ASCII"),
        (["--content-type", "a\nb"], "content type: only printable ASCII"),
        ([word for i in range(11) for word in ("--tags", f"k{i}=v")], "11 tags"),
    ],
)
def test_properties_that_cannot_be(run, on_weed, s3, bucket, options, says):
    """One error, however many objects there are."""
    for i in range(3):
        on_weed.write(f"tree/{i}", b"x")
    assert says in run("cp", "-r", *options, "tree", f"s3://{bucket}", expect=2).error
    assert says in run("put", *options, "tree/1", f"s3://{bucket}", expect=2).error
    done = put_input(on_weed, b"x", *options, f"s3://{bucket}/x")
    assert done.returncode == 2 and says in done.stderr.decode()
    assert keys_of(s3, bucket) == []


def test_cp_sse(run_moto, on_weed, moto_s3, moto_bucket):
    on_weed.write("f", b"x")
    run_moto("cp", "--sse", "AES256", "f", f"s3://{moto_bucket}/f")
    assert moto_s3.head_object(Bucket=moto_bucket, Key="f")["ServerSideEncryption"] == "AES256"


def test_properties_of_the_environment(run_moto, on_weed, moto_s3, moto_bucket):
    """What the options leave out is as `s3:` of the project has it; a flag wins."""
    text = on_weed.path("sluice.yaml").read_text()
    text += "    s3: {storage_class: STANDARD_IA, sse: AES256, tags: {team: data}, metadata: {owner: me}}\n"
    on_weed.write("sluice.yaml", text)
    on_weed.write("f", b"x")
    run_moto("cp", "f", f"s3://{moto_bucket}/f")
    run_moto("cp", "--storage-class", "ONEZONE_IA", "--tags", "team=ops", "f", f"s3://{moto_bucket}/g")
    for key, storage_class, team in (("f", "STANDARD_IA", "data"), ("g", "ONEZONE_IA", "ops")):
        head = moto_s3.head_object(Bucket=moto_bucket, Key=key)
        assert (head["StorageClass"], head["ServerSideEncryption"]) == (storage_class, "AES256")
        assert head["Metadata"] == {"owner": "me"}
        tags = moto_s3.get_object_tagging(Bucket=moto_bucket, Key=key)["TagSet"]
        assert tags == [{"Key": "team", "Value": team}]


KEYS = ["a b", "a+b", "a%20b", "a=b&c", "über/✓", "😀", "x?y#z", "q'\"<>", "tab\there", "k/" * 120 + "k"]


@pytest.mark.parametrize("key", KEYS)
def test_keys_of_any_bytes(run, on_weed, s3, bucket, key):
    on_weed.write("f", key.encode())
    run("put", "f", f"s3://{bucket}/{key}")
    assert keys_of(s3, bucket) == [key]
    assert run("cat", f"s3://{bucket}/{key}").stdout == key
    run("cp", "--raw", f"s3://{bucket}/{key}", "out")
    assert on_weed.path("out").read_bytes() == key.encode()
    run("cp", "--raw", f"s3://{bucket}/{key}", f"s3://{bucket}/copy")
    assert body_of(s3, bucket, "copy") == key.encode()
    run("rm", "--raw", f"s3://{bucket}/{key}")
    assert keys_of(s3, bucket) == ["copy"]


NO_PATHS = ["a//b", "//a", "/a", "a//", "dir/../b", "dir/./b", "..", "../up", "a/.."]  # as files
# What SeaweedFS turns around or has no room for, and the rest.
ALL_KEYS = [*KEYS, *NO_PATHS, "back\\slash", "k" * 1022, "é" * 511, "%", "%2F", "\r", "+", " ", " a ", "&amp;", "\x01\x7f"]


@pytest.mark.parametrize("key", ALL_KEYS)
def test_keys_of_any_bytes_elsewhere(run_moto, on_weed, moto, moto_s3, moto_bucket, key):
    """Every command, with all that a key may be: 1,024 bytes with the folder that it is moved to."""
    url = f"s3://{moto_bucket}/"
    on_weed.write("f", key.encode())
    if key.endswith("/"):  # there a file is put under its own name
        moto_s3.put_object(Bucket=moto_bucket, Key=key, Body=key.encode())
    else:
        run_moto("put", "f", url + key)
        assert put_input(on_weed, key.encode(), "--endpoint", moto.endpoint, url + key).returncode == 0
    assert keys_of(moto_s3, moto_bucket) == [key]
    assert [line["key"] for line in lines(run_moto("ls", "--raw", "-r", "--json", url + key))] == [key]
    assert run_moto("cat", url + key).stdout == key
    with urllib.request.urlopen(run_moto("presign", url + key).stdout.strip()) as answer:
        assert answer.read() == key.encode()
    run_moto("cp", "--raw", url + key, "out")
    assert on_weed.path("out").read_bytes() == key.encode()
    run_moto("cp", "--raw", url + key, url + "y/" + key)
    run_moto("mv", "--raw", url + "y/" + key, url + "z/" + key)
    assert keys_of(moto_s3, moto_bucket) == sorted([key, "z/" + key])
    run_moto("rm", "--raw", url + key)
    run_moto("sync", url + "z", url + "y")
    assert run_moto("sync", "--delete", url + "z", url + "y").stdout == ""
    assert keys_of(moto_s3, moto_bucket) == ["y/" + key, "z/" + key]
    assert body_of(moto_s3, moto_bucket, "y/" + key) == key.encode()
    run_moto("rm", "-r", url)
    assert keys_of(moto_s3, moto_bucket) == []


@pytest.mark.parametrize("key", ["a/", *NO_PATHS])
def test_keys_that_are_no_paths(run_moto, on_weed, moto_s3, moto_bucket, key):
    moto_s3.put_object(Bucket=moto_bucket, Key="d/" + key, Body=b"out of the box")
    fill(moto_s3, moto_bucket, "d/fine")
    result = run_moto("cp", "-r", f"s3://{moto_bucket}/d/", "in/box", expect=1)
    assert "its name cannot be a file's" in result.error and f"s3://{moto_bucket}/d/{key}" in result.error
    assert files_below(on_weed.path("in")) == ["box/fine"]
    assert files_below(on_weed.path("."))[:1] == ["in/box/fine"]
    run_moto("cp", "--raw", f"s3://{moto_bucket}/d/{key}", f"s3://{moto_bucket}/e/{key}")
    assert body_of(moto_s3, moto_bucket, "e/" + key) == b"out of the box"
    assert run_moto("cat", f"s3://{moto_bucket}/d/{key}").stdout == "out of the box"
    run_moto("rm", "-r", f"s3://{moto_bucket}/d")
    assert keys_of(moto_s3, moto_bucket) == ["e/" + key]


def test_a_folder_in_the_way(run, on_weed, s3, bucket):
    fill(s3, bucket, "x")
    on_weed.path("at/x").mkdir(parents=True)
    assert "is a folder, in the way" in run("cp", f"s3://{bucket}/x", "at", expect=1).error


def test_cp_that_cannot_be_meant(run, on_weed, bucket):
    on_weed.write("f", b"x")
    assert "neither" in run("cp", "f", "g", expect=2).error
    assert "into itself" in run("cp", "-r", f"s3://{bucket}/", f"s3://{bucket}/copy/", expect=2).error
    assert "s3 put reads" in run("cp", "-", f"s3://{bucket}/x", expect=2).error
    assert "pattern" in run("cp", "-r", f"s3://{bucket}/*", "out", expect=2).error
    assert "is missing" in run("cp", "f", expect=2).error
    assert "whole bucket" in run("cp", f"s3://{bucket}", "out", expect=2).error
    assert "NoSuchKey" in run("cp", f"s3://{bucket}/none", "out", expect=1).error
    assert "rot13" in run("cp", "--sse", "rot13", "f", f"s3://{bucket}/f", expect=2).error


def test_one_failure_is_one_objects(run, on_weed, s3, bucket):
    fill(s3, bucket, "t/a", "t/a/b", "t/c")
    result = run("cp", "-r", f"s3://{bucket}/t", "out", "--json", expect=1)
    outcomes = sorted(line["outcome"] for line in lines(result))
    assert outcomes == ["done", "done", "failed"]
    (failed,) = [line for line in lines(result) if line["outcome"] == "failed"]
    assert failed["error"] in result.error and failed["error_code"]


# --- mv ---


def test_mv(run, on_weed, s3, bucket):
    on_weed.write("tree/a", b"a")
    on_weed.write("tree/sub/b", b"b")
    run("mv", "--dry-run", "-r", "tree", f"s3://{bucket}/t")
    assert files_below(on_weed.path("tree")) == ["a", "sub/b"] and keys_of(s3, bucket) == []
    run("mv", "-r", "tree", f"s3://{bucket}/t")
    assert files_below(on_weed.path("tree")) == [] and keys_of(s3, bucket) == ["t/a", "t/sub/b"]
    run("mv", f"s3://{bucket}/t/**", f"s3://{bucket}/u/")
    assert keys_of(s3, bucket) == ["u/a", "u/sub/b"]
    run("mv", "-r", f"s3://{bucket}/u", "back")
    assert files_below(on_weed.path("back")) == ["a", "sub/b"] and keys_of(s3, bucket) == []


def test_mv_keeps_what_was_not_copied(run, on_weed, moto, s3, bucket):
    fill(s3, bucket, "x", "y")
    assert "onto itself" in run("mv", f"s3://{bucket}/x", f"s3://{bucket}/x", expect=2).error
    run("mv", "--no-clobber", f"s3://{bucket}/x", f"s3://{bucket}/y")
    assert keys_of(s3, bucket) == ["x", "y"] and body_of(s3, bucket, "y") == b"body of y"
    on_weed.write("f", b"f")
    elsewhere = ("--endpoint", moto.endpoint)  # SeaweedFS makes buckets that are written to
    assert "NoSuchBucket" in run("mv", *elsewhere, "f", "s3://no-such-bucket-here/x", expect=1).error
    assert keys_of(s3, bucket) == ["x", "y"] and on_weed.path("f").exists()


# --- rm ---


def test_rm(run, s3, bucket):
    fill(s3, bucket, "x", "y", "dir/1.csv", "dir/2.txt", "dir/sub/3.csv", "directory")
    run("rm", f"s3://{bucket}/x", f"s3://{bucket}/not-there")
    run("rm", "--dry-run", "-r", f"s3://{bucket}/dir")
    assert keys_of(s3, bucket) == ["dir/1.csv", "dir/2.txt", "dir/sub/3.csv", "directory", "y"]
    (line,) = lines(run("rm", "--json", f"s3://{bucket}/dir/*.csv"))
    assert line["operation"] == "delete" and line["source"] == f"s3://{bucket}/dir/1.csv"
    assert line["outcome"] == "done" and "target" not in line
    run("rm", "-r", f"s3://{bucket}/dir")
    assert keys_of(s3, bucket) == ["directory", "y"]
    run("rm", "-r", f"s3://{bucket}")
    assert keys_of(s3, bucket) == []
    run("rm", "-r", f"s3://{bucket}")


def test_rm_that_cannot_be_meant(run, s3, bucket):
    fill(s3, bucket, "x", "dir/y")
    assert "--recursive" in run("rm", f"s3://{bucket}", expect=2).error
    assert "--recursive" in run("rm", f"s3://{bucket}/", expect=2).error
    assert "--recursive" in run("rm", f"s3://{bucket}/**", expect=2).error
    assert "--recursive" in run("rm", f"s3://{bucket}/dir/", expect=2).error
    assert "no s3:// URL" in run("rm", "f", expect=2).error
    assert keys_of(s3, bucket) == ["dir/y", "x"]


def test_rm_of_versions(run_moto, moto_s3, moto_bucket):
    moto_s3.put_bucket_versioning(Bucket=moto_bucket, VersioningConfiguration={"Status": "Enabled"})
    fill(moto_s3, moto_bucket, "x", "x", "x2", "y")
    run_moto("rm", f"s3://{moto_bucket}/y")
    versions = moto_s3.list_object_versions(Bucket=moto_bucket)
    assert [marker["Key"] for marker in versions["DeleteMarkers"]] == ["y"]
    old = [v["VersionId"] for v in versions["Versions"] if v["Key"] == "x" and not v["IsLatest"]][0]
    run_moto("rm", "--version-id", old, f"s3://{moto_bucket}/x")
    assert len(moto_s3.list_object_versions(Bucket=moto_bucket)["Versions"]) == 3
    run_moto("rm", "--versions", f"s3://{moto_bucket}/x")
    left = moto_s3.list_object_versions(Bucket=moto_bucket)
    assert sorted({v["Key"] for v in left["Versions"]}) == ["x2", "y"]
    run_moto("rm", "--versions", "-r", f"s3://{moto_bucket}")
    left = moto_s3.list_object_versions(Bucket=moto_bucket)
    assert not left.get("Versions") and not left.get("DeleteMarkers")


# --- sync ---


def test_sync_up(run, on_weed, s3, bucket):
    for name in ("same", "larger", "younger", "new"):
        on_weed.write(f"tree/{name}", b"1")
    run("sync", "tree", f"s3://{bucket}/t", "--exclude", "new")
    fill(s3, bucket, "t/extra", "t-other")
    on_weed.write("tree/larger", b"22")
    later = time.time() + 3600
    os.utime(on_weed.write("tree/younger", b"2"), (later, later))
    found = lines(run("sync", "--json", "tree", f"s3://{bucket}/t"))
    assert sorted(line["source"] for line in found) == ["tree/larger", "tree/new", "tree/younger"]
    assert "t/extra" in keys_of(s3, bucket)
    assert [l["source"] for l in lines(run("sync", "--json", "--size-only", "tree", f"s3://{bucket}/t"))] == []
    os.utime(on_weed.path("tree/younger"), (1, 1))
    found = lines(run("sync", "--json", "--delete", "--dry-run", "tree", f"s3://{bucket}/t"))
    assert [(l["operation"], l["outcome"], l["source"]) for l in found] == [
        ("delete", "planned", f"s3://{bucket}/t/extra")
    ]
    run("sync", "--delete", "tree", f"s3://{bucket}/t")
    assert keys_of(s3, bucket) == ["t-other", "t/larger", "t/new", "t/same", "t/younger"]
    assert run("sync", "--delete", "tree", f"s3://{bucket}/t").stdout == ""


def test_sync_down(run, on_weed, s3, bucket):
    fill(s3, bucket, "t/a", "t/sub/b")
    run("sync", f"s3://{bucket}/t/", "here")
    assert files_below(on_weed.path("here")) == ["a", "sub/b"]
    assert run("sync", f"s3://{bucket}/t/", "here").stdout == ""
    on_weed.write("here/extra", b"x")
    os.utime(on_weed.path("here/a"), (1, 1))
    found = lines(run("sync", "--json", "--delete", f"s3://{bucket}/t/", "here"))
    assert sorted((l["operation"], l.get("target", l["source"])) for l in found) == [
        ("delete", "here/extra"),
        ("download", "here/a"),
    ]
    assert files_below(on_weed.path("here")) == ["a", "sub/b"]


def test_sync_across(run, s3, bucket):
    fill(s3, bucket, "a/1", "a/2", "a/3")
    run("sync", f"s3://{bucket}/a", f"s3://{bucket}/b")
    assert run("sync", f"s3://{bucket}/a", f"s3://{bucket}/b").stdout == ""
    s3.put_object(Bucket=bucket, Key="b/2", Body=b"other of /")  # younger, but another one
    s3.put_object(Bucket=bucket, Key="b/3", Body=b"body of a/4")
    s3.put_object(Bucket=bucket, Key="a/1", Body=b"body of a/1")  # younger, but the same
    found = lines(run("sync", "--json", f"s3://{bucket}/a", f"s3://{bucket}/b"))
    assert sorted(l["source"] for l in found) == [f"s3://{bucket}/a/2", f"s3://{bucket}/a/3"]
    assert body_of(s3, bucket, "b/3") == b"body of a/3"


def test_sync_with_an_empty_source(run, on_weed, s3, bucket):
    fill(s3, bucket, "t/x")
    on_weed.path("empty").mkdir()
    assert "--force" in run("sync", "--delete", "empty", f"s3://{bucket}/t", expect=2).error
    assert keys_of(s3, bucket) == ["t/x"]
    assert run("sync", "--delete", "none", f"s3://{bucket}/t", expect=1).error
    assert keys_of(s3, bucket) == ["t/x"]
    run("sync", "--delete", "--force", "empty", f"s3://{bucket}/t")
    assert keys_of(s3, bucket) == []


def test_sync_of_nothing_says_so(run, on_weed, s3, bucket):
    on_weed.path("empty").mkdir()
    for source, target in ("empty", f"s3://{bucket}/t"), (f"s3://{bucket}/none/", "here"):
        assert "0 objects" in run("sync", source, target).stderr.splitlines()
        assert "0 objects" not in run("sync", "--quiet", source, target).stderr
    fill(s3, bucket, "t/x")
    run("sync", f"s3://{bucket}/t/", "here")
    assert "0 objects" not in run("sync", f"s3://{bucket}/t/", "here").stderr


def test_listings_name_their_prefix_in_the_log(run, s3, bucket):
    fill(s3, bucket, "t/x")
    result = run("ls", f"s3://{bucket}/t/", env={"SLUICE_LOG": "debug"})
    assert any(event.get("prefix") == "t/" for event in result.named("s3.attempt")), str(result)


def test_sync_that_fails_deletes_nothing(run, on_weed, s3, bucket):
    fill(s3, bucket, "t/x")
    on_weed.write("here/x/y", b"a folder is in the way")
    on_weed.write("here/extra", b"1")
    result = run("sync", "--delete", f"s3://{bucket}/t", "here", expect=1)
    assert "nothing was deleted" in result.errors[-1]
    assert files_below(on_weed.path("here")) == ["extra", "x/y"]


# --- who, where, how ---


def test_addressing(run, weed, s3, bucket):
    fill(s3, bucket, "x")
    assert run("cat", "--addressing", "path", f"s3://{bucket}/x").stdout == "body of x"
    host = weed.endpoint.replace("127.0.0.1", "localhost")
    result = run("cat", "--endpoint", host, "--addressing", "virtual", f"s3://{bucket}/x", expect=1)
    assert f"{bucket}.localhost" in result.error or "s3://" in result.error
    assert "none of" in run("cat", "--addressing", "wrong", f"s3://{bucket}/x", expect=2).error


def test_unsigned(run_moto, moto_s3, moto_bucket):
    fill(moto_s3, moto_bucket, "x")
    moto_s3.put_object_acl(Bucket=moto_bucket, Key="x", ACL="public-read")
    assert run_moto("cat", "--unsigned", f"s3://{moto_bucket}/x").stdout == "body of x"


def test_unsigned_is_refused(run, s3, bucket):
    fill(s3, bucket, "x")
    assert "AccessDenied" in run("cat", "--unsigned", f"s3://{bucket}/x", expect=1).error


def test_requester_pays(on_weed, origin):
    origin.put("b", "x", b"paid")
    env = servers.aws_environment(origin.endpoint)
    assert on_weed.sluice("s3", "cat", "--requester-pays", "s3://b/x", env=env).stdout == "paid"
    assert origin.requests[-1].headers["x-amz-request-payer"] == "requester"


def test_wrong_secret(run, on_weed, bucket):
    on_weed.environment["AWS_SECRET_ACCESS_KEY"] = "a-wrong-secret-of-somebody"
    result = run("ls", f"s3://{bucket}", expect=1)
    assert "SignatureDoesNotMatch" in result.error and "a-wrong-secret" not in str(result)


def test_no_server(on_weed):
    (port,) = servers.free_ports(1)
    env = servers.aws_environment(f"http://127.0.0.1:{port}")
    result = on_weed.sluice("s3", "ls", env=env, timeout=90)
    assert result.exit == 1 and str(port) in result.error


# --- TLS ---


class Tls(servers.Server):
    """A port that speaks TLS with this certificate, and nothing behind it."""

    def __init__(self, folder, certificates, name):
        (self.port,) = servers.free_ports(1)
        command = ["openssl", "s_server", "-accept", str(self.port), "-www", "-quiet",
                   "-cert", certificates.path(f"{name}.pem"), "-key", certificates.path(f"{name}.key")]  # fmt: skip
        super().__init__(f"tls-{name}", command, folder)
        self.endpoint = f"https://127.0.0.1:{self.port}"

    def start(self):
        super().start()
        return self.wait_for(servers.listening(self.port))


def test_tls(run, weed, certificates, s3, bucket):
    fill(s3, bucket, "x")
    args = ["cat", "--endpoint", weed.tls_endpoint, f"s3://{bucket}/x"]
    assert run(*args, "--ca-file", certificates.path("ca.pem")).stdout == "body of x"
    assert "certificate" in run(*args, expect=1).error
    env = {"AWS_CA_BUNDLE": str(certificates.path("ca.pem"))}
    assert run(*args, env=env).stdout == "body of x"
    assert run(*args, "--ca-file", "/no/such/file", expect=2).error


@pytest.mark.parametrize("name", ["expired", "other-name", "self-signed"])
def test_tls_that_is_not_to_be_trusted(run, certificates, tmp_path, name):
    server = Tls(tmp_path, certificates, name).start()
    try:
        started = time.monotonic()
        result = run(
            "ls", "--endpoint", server.endpoint, "--ca-file", certificates.path("ca.pem"), expect=1, timeout=20
        )
        assert "certificate" in result.error
        assert time.monotonic() - started < 5 * PATIENCE, "it is tried again"
    finally:
        server.stop()


# --- Ctrl-C, terminals, logs ---


@pytest.mark.parametrize("what", ["up", "down", "across", "put", "cat"])
def test_ctrl_c(on_weed, origin, what):
    """In the middle: 130 within two seconds, nothing left over."""
    content = bytes(24 * MIB)
    origin.put("b", "x", content)
    on_weed.write("f", content)
    args = {
        "up": ["cp", "--part-size", "5MiB", "f", "s3://b/y"],
        "down": ["cp", "--part-size", "5MiB", "s3://b/x", "out/y"],
        "across": ["cp", "s3://b/x", "s3://b/y"],
        "put": ["put", "-", "s3://b/y"],
        "cat": ["cat", "s3://b/x"],
    }[what]
    origin.fault(1 if what == "across" else 3, "stall_before")
    command = [os.environ["SLUICE_BIN"], "s3", *args]
    source, sink = os.pipe()
    process = subprocess.Popen(
        command, cwd=on_weed.root, env={**on_weed.environment, **servers.aws_environment(origin.endpoint)},
        stdin=source, stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True,
    )  # fmt: skip
    os.close(source)
    time.sleep(1.5 * PATIENCE)
    assert process.poll() is None
    started = time.monotonic()
    process.send_signal(signal.SIGINT)
    _, stderr = process.communicate(timeout=20 * PATIENCE)
    os.close(sink)
    assert process.returncode == 130, stderr
    assert time.monotonic() - started < 3 * PATIENCE
    assert stderr.decode().count("sluice: ") == 1, stderr
    assert origin.body("b", "y") is None and not origin.store.uploads
    assert not on_weed.path("out").exists() or files_below(on_weed.path("out")) == []


@pytest.mark.parametrize("what", ["up", "down", "across", "mv", "sync", "rm"])
def test_ctrl_c_among_many(on_weed, origin, what):
    """Most have not begun: none of them does any more."""
    origin.delay = lambda: 0.05
    for i in range(300):
        on_weed.write(f"tree/{i}", b"x")
        origin.put("b", f"t/{i}", b"x")
    args = {
        "up": ["cp", "-r", "tree", "s3://b/u"],
        "down": ["cp", "-r", "s3://b/t", "out"],
        "across": ["cp", "-r", "s3://b/t", "s3://b/u"],
        "mv": ["mv", "-r", "s3://b/t", "s3://b/u"],
        "sync": ["sync", "tree", "s3://b/u"],
        "rm": ["rm", "-r", "s3://b/t"],
    }[what]
    if what == "rm":
        origin.fault(2, "stall_before")
    env = servers.aws_environment(origin.endpoint)
    process = on_weed.start("s3", *args, *([] if what == "rm" else ["--concurrency", "2"]), env=env)
    time.sleep(0.8 * PATIENCE)
    assert process.poll() is None
    process.send_signal(signal.SIGINT)
    started = time.monotonic()
    _, stderr = process.communicate(timeout=20 * PATIENCE)
    assert process.returncode == 130, stderr
    assert time.monotonic() - started < 2 * PATIENCE
    assert len(origin.requests) < 250


def test_progress_on_a_terminal(on_weed, s3, bucket):
    for i in range(40):
        on_weed.write(f"tree/{i}", bytes(MIB))
    main, terminal = pty.openpty()
    process = subprocess.Popen(
        [os.environ["SLUICE_BIN"], "s3", "cp", "-r", "--concurrency", "2", "tree", f"s3://{bucket}/"],
        cwd=on_weed.root, env=on_weed.environment, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
        stderr=terminal, start_new_session=True,
    )  # fmt: skip
    os.close(terminal)
    seen = b""
    end = time.monotonic() + 60 * PATIENCE
    while time.monotonic() < end:
        if select.select([main], [], [], 0.2)[0]:
            try:
                piece = os.read(main, 65536)
            except OSError:
                break
            if not piece:
                break
            seen += piece
    os.close(main)
    assert process.wait(10) == 0
    text = seen.decode()
    assert " of 40 objects" in text and "MiB/s" in text
    assert "40 objects, 40.0 MiB in" in text.splitlines()[-1]


def test_quiet(run, on_weed, bucket):
    on_weed.write("f", b"x")
    result = run("cp", "--quiet", "f", f"s3://{bucket}/f")
    assert result.stdout == "" and result.stderr == ""


def test_no_token_in_the_log(on_weed, moto, moto_s3, moto_bucket):
    """Of a session, a presigned URL and a proxy, also where it goes wrong."""
    fill(moto_s3, moto_bucket, "x")
    env = {"SLUICE_LOG": "trace", "AWS_SESSION_TOKEN": "the/session+token==", "AWS_ENDPOINT_URL_S3": moto.endpoint}
    broken = {**env, "http_proxy": "http://name:the-proxys-password@127.0.0.1:1", "AWS_MAX_ATTEMPTS": "1"}
    seen = ""
    for args, environment, code in (
        (["cat", f"s3://{moto_bucket}/x"], env, 0),
        (["cat", f"s3://{moto_bucket}/none"], env, 1),
        (["presign", f"s3://{moto_bucket}/x"], env, 0),
        (["ls", f"s3://{moto_bucket}"], broken, 1),
    ):
        result = on_weed.sluice("s3", *args, env=environment)
        assert result.exit == code, str(result)
        seen += result.stderr
    assert "s3.attempt" in seen and "http.request" in seen
    for secret in ("session+token", "session%2Btoken", "proxys-password", servers.SECRET_KEY, "X-Amz-Signature"):
        assert secret not in seen


def test_no_secret_in_the_log(run, on_weed, s3, bucket):
    on_weed.environment["SLUICE_LOG"] = "trace"
    on_weed.environment["AWS_SESSION_TOKEN"] = ""
    on_weed.write("f", bytes(11 * MIB))
    seen = ""
    for args in (["whoami"], ["ls", f"s3://{bucket}"], ["cp", "--part-size", "5MiB", "f", f"s3://{bucket}/f"],
                 ["cp", f"s3://{bucket}/f", "g"], ["mv", f"s3://{bucket}/f", f"s3://{bucket}/h"],
                 ["sync", f"s3://{bucket}", "here"], ["presign", f"s3://{bucket}/h"],
                 ["rm", "-r", f"s3://{bucket}"]):  # fmt: skip
        result = on_weed.sluice("s3", *args)
        assert result.exit == 0, str(result)
        seen += result.stderr
        if args[0] == "presign":
            signature = result.stdout.partition("X-Amz-Signature=")[2].strip()
            assert len(signature) == 64 and signature not in result.stderr
    assert "s3.attempt" in seen
    assert servers.SECRET_KEY not in seen and "X-Amz-Signature" not in seen and "Signature=" not in seen
