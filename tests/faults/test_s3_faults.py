"""`sluice s3 …` against an origin that misbehaves: each fault at each request of a command in turn. It
ends right, or with one clear error and everything as it was; nothing is left over."""

import os
import time

import pytest
import s3_origin
import servers
from conftest import PATIENCE, SANITIZED

MIB = 1024 * 1024
REQUESTS_MAX = 12  # no command here makes more, retries aside
BODY = os.urandom(11 * MIB + 5)
OTHER = os.urandom(11 * MIB + 5)

# What no client can notice, or what no store answers.
NOT_FOR_GET = {"error_200", "error_200_done", "flipped", "rotten"}
ONLY_GET = {"wrong_range", "changed", "rotten"}  # the last is for checksums, below


class Command:
    """A command, what is there before, and what must be there after."""

    faults = set(s3_origin.FAULTS) - ONLY_GET

    def before(self, project, origin):
        raise NotImplementedError

    def right(self, project, origin, result):
        """It went well, and this is what that looks like."""
        raise NotImplementedError

    def untouched(self, project, origin):
        """It failed, and this may not be otherwise."""


class Up(Command):
    args = ["cp", "--part-size", "5MiB", "f", "s3://b/dir/"]

    def before(self, project, origin):
        project.write("f", BODY)

    def right(self, project, origin, result):
        assert origin.body("b", "dir/f") == BODY

    def untouched(self, project, origin):
        assert origin.body("b", "dir/f") in (None, BODY)


class UpSmall(Up):
    args = ["cp", "f", "s3://b/dir/"]

    def before(self, project, origin):
        project.write("f", BODY[:1000])

    def right(self, project, origin, result):
        assert origin.body("b", "dir/f") == BODY[:1000]

    def untouched(self, project, origin):
        assert origin.body("b", "dir/f") in (None, BODY[:1000])


class Down(Command):
    args = ["cp", "--part-size", "5MiB", "s3://b/f", "out/f"]
    faults = set(s3_origin.FAULTS) - NOT_FOR_GET

    def before(self, project, origin):
        origin.put("b", "f", BODY)

    def right(self, project, origin, result):
        assert project.path("out/f").read_bytes() == origin.body("b", "f")

    def untouched(self, project, origin):
        assert not project.path("out/f").exists()


class Cat(Down):
    args = ["cat", "--part-size", "5MiB", "s3://b/g"]
    faults = Down.faults - {"changed"}  # what was written is written

    def before(self, project, origin):
        origin.put("b", "g", b"0123456789" * 1000)

    def right(self, project, origin, result):
        assert result.stdout == "0123456789" * 1000

    def untouched(self, project, origin):
        pass


class Across(Command):
    args = ["cp", "s3://b/f", "s3://b/to/f"]

    def before(self, project, origin):
        origin.put("b", "f", BODY)

    def right(self, project, origin, result):
        assert origin.body("b", "to/f") == BODY

    def untouched(self, project, origin):
        assert origin.body("b", "to/f") in (None, BODY)


class Move(Across):
    args = ["mv", "s3://b/f", "s3://b/to/f"]

    def right(self, project, origin, result):
        assert origin.body("b", "to/f") == BODY and origin.body("b", "f") is None

    def untouched(self, project, origin):
        assert BODY in (origin.body("b", "f"), origin.body("b", "to/f"))


class Remove(Command):
    args = ["rm", "-r", "s3://b/t"]

    def before(self, project, origin):
        for key in ("t/1", "t/2", "t/sub/3", "other"):
            origin.put("b", key, b"x")

    def right(self, project, origin, result):
        assert list(origin.store.buckets["b"]) == ["other"]

    def untouched(self, project, origin):
        assert "other" in origin.store.buckets["b"]


class List(Command):
    args = ["ls", "-r", "s3://b/t"]

    def before(self, project, origin):
        for key in ("t/1", "t/2", "t/sub/3", "other"):
            origin.put("b", key, b"x")

    def right(self, project, origin, result):
        assert [line.split()[-1] for line in result.stdout.splitlines()] == ["t/1", "t/2", "t/sub/3"]


class Sync(Command):
    args = ["sync", "--delete", "s3://b/t", "out"]
    faults = set(s3_origin.FAULTS) - NOT_FOR_GET - {"changed"}

    def before(self, project, origin):
        for key in ("t/1", "t/sub/2"):
            origin.put("b", key, key.encode())
        project.write("out/extra", b"x")

    def right(self, project, origin, result):
        files = sorted(p for p in project.path("out").rglob("*") if p.is_file())
        assert [str(p.relative_to(project.path("out"))) for p in files] == ["1", "sub/2"]
        assert [p.read_bytes() for p in files] == [b"t/1", b"t/sub/2"]

    def untouched(self, project, origin):
        assert project.path("out/extra").exists()


OPTIONS = {"slow_first_byte": {"seconds": 0.3}, "redirect": {"region": "eu-west-3"}, "changed": {"body": OTHER}}
COMMANDS = {c.__name__: c for c in (Up, UpSmall, Down, Cat, Across, Move, Remove, List, Sync)}
CASES = [(name, fault) for name, command in COMMANDS.items() for fault in sorted(command.faults)]


def clean(project, origin):
    import shutil

    for path in project.root.iterdir():
        if path.name != "sluice.yaml":
            shutil.rmtree(path) if path.is_dir() else path.unlink()
    origin.store.buckets.clear()
    origin.store.buckets["b"] = {}
    origin.store.uploads.clear()
    origin.begin()


def check(project, origin, command, result):
    if result.exit == 0:
        assert not result.errors, str(result)
        command.right(project, origin, result)
    else:
        assert result.exit in (1, 75), str(result)
        assert len(result.errors) == 1, str(result)
        command.untouched(project, origin)
    assert servers.SECRET_KEY not in result.stderr
    assert not origin.store.uploads, f"left over: {result}"
    left = [p for p in project.root.rglob("*") if ".sluice-" in p.name]
    assert left == [], str(result)


@pytest.mark.parametrize("name,fault", CASES[::4] if SANITIZED else CASES)  # all take too long there
def test_each_request(project, origin, name, fault):
    command = COMMANDS[name]()
    project.environment.update(servers.aws_environment(origin.endpoint))
    ended_well = 0
    for number in range(1, REQUESTS_MAX):
        clean(project, origin)
        command.before(project, origin)
        origin.fault(number, fault, **OPTIONS.get(fault, {}))
        started = time.monotonic()
        result = project.sluice("s3", *command.args, "--timeout", f"{PATIENCE}s", "--log", "warn", timeout=60)
        assert time.monotonic() - started < 20 * PATIENCE
        check(project, origin, command, result)
        ended_well += result.exit == 0
        if origin.count < number:
            break
    else:
        pytest.fail("it makes requests without end")
    assert ended_well > 0


@pytest.mark.parametrize("args", [["ls", "s3://b"], ["cp", "s3://b/f", "out"], ["rm", "s3://b/f"]])
def test_throttled_for_good(project, origin, args):
    """Exit 75: another time."""
    origin.put("b", "f", b"x")
    origin.fault(0, "503")
    result = project.sluice("s3", *args, env=servers.aws_environment(origin.endpoint), timeout=60)
    assert result.exit == 75 and "SlowDown" in result.error, str(result)
    assert not project.path("out").exists()


def test_answers_in_another_order(project, origin):
    """Many objects at once, each answer late by chance."""
    origin.jitter(0.05)
    project.environment.update(servers.aws_environment(origin.endpoint))
    for i in range(120):
        project.write(f"tree/{i % 7}/{i}", f"content of {i}".encode() * (i % 5))
    assert project.sluice("s3", "cp", "-r", "tree", "s3://b/t").exit == 0
    assert project.sluice("s3", "cp", "-r", "s3://b/t", "s3://b/u").exit == 0
    assert project.sluice("s3", "sync", "s3://b/u", "back").exit == 0
    for i in range(120):
        name = f"{i % 7}/{i}"
        assert project.path(f"back/{name}").read_bytes() == project.path(f"tree/{name}").read_bytes()
    assert project.sluice("s3", "rm", "-r", "s3://b").exit == 0
    assert origin.store.buckets["b"] == {}


# --- checksums, as AWS has them ---


@pytest.fixture
def aws(project, origin):
    """The origin in the place of AWS: a proxy for its host."""
    origin.store.checksums = True
    project.environment.update(servers.aws_environment("http://s3.us-east-1.amazonaws.com"))
    project.environment["http_proxy"] = origin.endpoint
    project.write("f", BODY)
    return origin


def s3_of_aws(project, *args):
    return project.sluice("s3", *args, "--addressing", "path", timeout=60)


def test_the_checksum_of_the_whole_object(project, aws):
    """Of each part, and of all of them without reading them again: the store compares both."""
    assert s3_of_aws(project, "cp", "--part-size", "5MiB", "f", "s3://b/f").exit == 0
    stored = aws.store.buckets["b"]["f"]
    assert stored.body == BODY and stored.checksum[0] == "crc64nvme"
    parts = [r for r in aws.requests if "partNumber" in r.query]
    assert len(parts) == 3 and all(r.checksum[0] == "crc64nvme" for r in parts)
    begin = next(r for r in aws.requests if "uploads" in r.query)
    assert begin.headers["x-amz-checksum-algorithm"] == "CRC64NVME"
    assert begin.headers["x-amz-checksum-type"] == "FULL_OBJECT"
    assert s3_of_aws(project, "put", "f", "s3://b/g").exit == 0
    assert aws.store.buckets["b"]["g"].checksum == stored.checksum, "it is of the bytes, however they came"


def test_a_part_that_rots_in_the_store(project, aws):
    aws.fault(2, "rotten")
    result = s3_of_aws(project, "cp", "--part-size", "5MiB", "f", "s3://b/f")
    assert result.exit == 1 and "BadDigest" in result.error, str(result)
    assert aws.body("b", "f") is None and not aws.store.uploads


def test_what_rotted_in_the_store_is_not_handed_on(project, aws):
    assert s3_of_aws(project, "cp", "--part-size", "5MiB", "f", "s3://b/t/f").exit == 0
    get = ["cp", "-r", "--part-size", "16MiB", "s3://b/t", "out"]  # listed, so without a range
    assert s3_of_aws(project, *get).exit == 0
    assert project.path("out/f").read_bytes() == BODY
    project.path("out/f").unlink()
    stored = aws.store.buckets["b"]["t/f"]
    stored.body = stored.body[:-1] + bytes([stored.body[-1] ^ 1])
    result = s3_of_aws(project, *get)
    assert result.exit == 1 and "CRC64NVME" in result.error, str(result)
    assert not project.path("out/f").exists()
