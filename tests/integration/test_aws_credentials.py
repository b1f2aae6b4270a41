"""The credential chain of AWS by the recorded cases of conformance/aws-credentials, and what they
leave open, against a real program: build/tests/tools/credentials_probe."""

import json
import os
import pathlib
import shutil
import socket
import stat
import subprocess
import time

import pytest

import aws_replay
from conftest import PATIENCE, ROOT

CONFORMANCE = pathlib.Path(
    os.environ.get("SLUICE_CONFORMANCE") or ROOT.parent / "shared" / "conformance"
)
CASES = aws_replay.cases(CONFORMANCE / "aws-credentials")
SLUICE = pathlib.Path(os.environ.get("SLUICE_BIN", ROOT / "build" / "sluice"))
PROBE = SLUICE.parent / "tests" / "tools" / "credentials_probe"

# How we say what the cases say in their recorded client's words.
OUR_WORDS = {
    "imds_default_chain_error": "the instance has no role",
    "imds_no_iam_role": "the instance has no role",
    "imds_disabled": "AWS_EC2_METADATA_DISABLED forbids",
    "imds_token_fail": "HTTP 403: it is disabled",
    "profile_overrides_web_identity": "credential_source Environment: AWS_ACCESS_KEY_ID is not set",
    "sso_no_token_file": "run `aws sso login --profile sso-test`",
    "sso_server_error": "HTTP 503",
    "web_identity_source_profile_no_env": "web_identity_token_file is there, role_arn is not",
    "eks_pod_identity_no_token_file": "there is no ",
    "web_identity_token_invalid_jwt": "InvalidIdentityToken",
}

needs_openssl = pytest.mark.skipif(not shutil.which("openssl"), reason="openssl makes certificates")


def inherited():
    """What the program gets of our own environment: nothing that AWS or a proxy would read."""
    keep = ("PATH", "TMPDIR", "ASAN_OPTIONS", "UBSAN_OPTIONS", "LSAN_OPTIONS", "LD_LIBRARY_PATH")
    return {name: os.environ[name] for name in keep if name in os.environ}


def assert_no_secret(replay, *texts):
    for secret in replay.secrets:
        for text in texts:
            assert secret not in text, "a secret is shown"


@needs_openssl
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_recorded_case(case, tmp_path):
    with aws_replay.Replay(case, tmp_path / "case") as replay:
        status, stdout, stderr = replay.play([PROBE], inherited(), 60 * PATIENCE)
    assert not replay.faults, "\n".join(replay.faults) + stdout + stderr
    assert stdout.count("\n") == 1, stderr
    result = json.loads(stdout)
    if "Ok" in replay.expected:
        assert status == 0, stdout
        expected, found = replay.expected["Ok"], result["Ok"]
        for name in ("access_key_id", "secret_access_key", "session_token", "expiry"):
            assert found.get(name) == expected.get(name), name
        if "account_id" in expected:
            assert found.get("account_id") == expected["account_id"]
        assert_no_secret(replay, stderr, found["source"])
    else:
        assert status == 1, stdout
        message = result["Error"]["message"]
        assert OUR_WORDS.get(case.name, "") in message
        assert "\n" not in message
        assert_no_secret(replay, stderr, message)


def test_the_cases_are_there():
    if not CONFORMANCE.is_dir():
        pytest.skip(f"no {CONFORMANCE}: set SLUICE_CONFORMANCE")
    assert CASES, f"no case in {CONFORMANCE}/aws-credentials"


# --- what the recorded cases leave open, in their format

STS = "https://sts.us-east-1.amazonaws.com/"
ROLE = "arn:aws:iam::123456789012:role/etl"
FORM = {"content-type": ["application/x-www-form-urlencoded"]}
SIGNED = {**FORM, "authorization": ["AWS4-HMAC-SHA256 …"]}
KEYS = "aws_access_key_id = AKIABASE\naws_secret_access_key = base/secret+1\n"


def sts_answer(action, key="ASIAROLE", account="210987654321"):
    return (
        f'<{action}Response xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><{action}Result>'
        f"<AssumedRoleUser><Arn>arn:aws:sts::{account}:assumed-role/etl/s</Arn></AssumedRoleUser>"
        f"<Credentials><AccessKeyId>{key}</AccessKeyId><SecretAccessKey>role/secret</SecretAccessKey>"
        "<SessionToken>role/token</SessionToken><Expiration>2080-01-01T00:00:00Z</Expiration>"
        f"</Credentials></{action}Result></{action}Response>"
    )


def sts_error(code, message):
    return f"<ErrorResponse><Error><Code>{code}</Code><Message>{message}</Message></Error>\
<RequestId>r-1</RequestId></ErrorResponse>"


ASSUMED = {
    "access_key_id": "ASIAROLE",
    "secret_access_key": "role/secret",
    "session_token": "role/token",
    "account_id": "210987654321",
    "expiry": 3471292800,
}
KEYS_JSON = json.dumps(
    {
        "Version": 1,
        "Code": "Success",
        "AccessKeyId": "ASIAJSON",
        "SecretAccessKey": "json/secret",
        "Token": "json/token",
        "SessionToken": "json/token",
        "Expiration": "2080-01-01T00:00:00Z",
    }
)
FROM_JSON = {
    "access_key_id": "ASIAJSON",
    "secret_access_key": "json/secret",
    "session_token": "json/token",
    "expiry": 3471292800,
}


def form(action, **fields):
    fields = {"Action": action, "Version": "2011-06-15", "RoleArn": "r", "RoleSessionName": "s", **fields}
    return aws_replay.urllib.parse.urlencode(fields)


class Case:
    """A case of one's own: files in fs/, exchanges (method, uri, headers, body, status, answer and, where
    it has some, its headers)."""

    def __init__(self, folder, environment, config=None, credentials=None, exchanges=(), files=None):
        self.folder = folder
        self.probe_arguments = []
        (folder / "fs/home/.aws").mkdir(parents=True)
        for name, text in {
            "home/.aws/config": config,
            "home/.aws/credentials": credentials,
            **(files or {}),
        }.items():
            if text is not None:
                path = folder / "fs" / name
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(text)
        (folder / "env.json").write_text(json.dumps({"HOME": "/home", **environment}))
        (folder / "test-case.json").write_text(json.dumps({"result": {}}))
        events = []
        for number, (method, uri, headers, body, status, answer, *more) in enumerate(exchanges):
            request = {"method": method, "uri": uri, "headers": headers}
            response = {"Ok": {"status": status, "headers": dict(*more)}} if status else {"Err": "gone"}
            actions = [
                {"Request": {"request": request}},
                {"Data": {"data": {"Utf8": body}, "direction": "Request"}},
                {"Response": {"response": response}},
                {"Data": {"data": {"Utf8": answer}, "direction": "Response"}},
            ]
            events += [{"connection_id": number, "action": action} for action in actions]
        (folder / "http-traffic.json").write_text(json.dumps({"events": events}))

    def play(self, *arguments, extra=None):
        """{"Ok": …} or {"Error": …}; what was asked wrongly fails the test, and so does a secret."""
        with aws_replay.Replay(self.folder, self.folder / "played") as replay:
            _, stdout, stderr = replay.play(
                [PROBE, *arguments], {**inherited(), **(extra or {})}, 60 * PATIENCE
            )
        assert not replay.faults, "\n".join(replay.faults) + stdout + stderr
        assert stderr.count('"http.request"') == len(replay.requests), "the trace log is missing"
        self.requests = replay.requests
        result = json.loads(stdout)
        shown = [result["Error"]["message"]] if "Error" in result else [result["Ok"]["source"]]
        assert_no_secret(replay, stderr, *shown)
        return result

    def found(self, *arguments, **options):
        result = self.play(*arguments, **options)
        assert "Ok" in result, result
        return result["Ok"]

    def refused(self, *arguments, **options):
        result = self.play(*arguments, **options)
        assert "Error" in result, "credentials were found"
        return result["Error"]["message"]


@pytest.fixture
def make_case(tmp_path):
    if not shutil.which("openssl"):
        pytest.skip("openssl makes certificates")
    return lambda *args, **named: Case(tmp_path / "case", *args, **named)


def without_region_and_source(found):
    return {name: value for name, value in found.items() if name not in ("region", "source")}


ASSUME = ("POST", STS, SIGNED, form("AssumeRole"), 200, sts_answer("AssumeRole"))
ROLE_CONFIG = f"[default]\nrole_arn = {ROLE}\nsource_profile = base\n"
BASE = f"[base]\n{KEYS}"


def test_a_role_by_a_source_profile(make_case):
    found = make_case({}, ROLE_CONFIG, BASE, [ASSUME]).found()
    assert without_region_and_source(found) == ASSUMED
    assert found["source"] == f"profile default, role {ROLE} from profile base (static keys)"


def test_all_that_a_role_may_be_given(make_case):
    config = ROLE_CONFIG + "external_id = x/1\nduration_seconds = 1800\nrole_session_name = me\n"
    body = form("AssumeRole", ExternalId="x/1", DurationSeconds="1800")
    asked = ("POST", STS, SIGNED, body, 200, sts_answer("AssumeRole"))
    assert make_case({}, config, BASE, [asked]).found()["access_key_id"] == "ASIAROLE"


def test_roles_in_a_chain(make_case):
    config = (
        f"[profile a]\nrole_arn = {ROLE}-a\nsource_profile = b\n"
        f"[profile b]\nrole_arn = {ROLE}-b\nsource_profile = base\n"
    )
    first = ("POST", STS, SIGNED, form("AssumeRole"), 200, sts_answer("AssumeRole", "ASIAFIRST"))
    found = make_case({}, config, BASE, [first, ASSUME]).found("--profile", "a")
    assert found["access_key_id"] == "ASIAROLE"
    assert found["source"].startswith(f"profile a, role {ROLE}-a from profile b, role {ROLE}-b from")


def test_sts_is_asked_again_after_what_passes(make_case):
    lost = ("POST", STS, SIGNED, form("AssumeRole"), None, "")
    broken = ("POST", STS, SIGNED, form("AssumeRole"), 500, "")
    assert make_case({}, ROLE_CONFIG, BASE, [lost, broken, ASSUME]).found()


def test_throttling_passes_though_it_is_a_400(make_case):
    slow = ("POST", STS, SIGNED, form("AssumeRole"), 400, sts_error("Throttling", "Rate exceeded"))
    assert make_case({}, ROLE_CONFIG, BASE, [slow, ASSUME]).found()


def test_what_sts_says_is_quoted(make_case):
    no = ("POST", STS, SIGNED, form("AssumeRole"), 403, sts_error("AccessDenied", "not you"))
    message = make_case({}, ROLE_CONFIG, BASE, [no]).refused()
    assert message == f"profile default, role {ROLE}: STS: HTTP 403, AccessDenied: not you (request r-1)"


def test_a_clock_that_is_wrong(make_case):
    answer = sts_error("SignatureDoesNotMatch", "Signature expired")
    date = {"Date": ["Fri, 01 Jan 2038 12:00:00 GMT"]}
    case = make_case(
        {}, ROLE_CONFIG, BASE, [("POST", STS, SIGNED, form("AssumeRole"), 403, answer, date), ASSUME]
    )
    assert case.found()
    dates = [request.headers["x-amz-date"] for request in case.requests]
    assert dates[0] < "2038" and dates[1].startswith("20380101T12")


@pytest.mark.parametrize(
    "environment, config, host",
    [
        ({"AWS_REGION": "eu-west-1"}, "region = us-east-1", "https://sts.eu-west-1.amazonaws.com/"),
        ({}, "region = cn-north-1", "https://sts.cn-north-1.amazonaws.com.cn/"),
        ({"AWS_USE_FIPS_ENDPOINT": "true"}, "region = us-east-1", "https://sts-fips.us-east-1.amazonaws.com/"),
        (
            {},
            "region = us-east-1\nuse_fips_endpoint = true\nuse_dualstack_endpoint = true",
            "https://sts-fips.us-east-1.api.aws/",
        ),
        ({"AWS_ENDPOINT_URL_STS": "http://sts.test:81/x/"}, "endpoint_url = http://no", "http://sts.test:81/x/"),
        ({"AWS_ENDPOINT_URL": "http://all.test"}, "", "http://all.test/"),
        ({}, "endpoint_url = https://all.test", "https://all.test/"),
        ({}, "services = s\n[services s]\nsts =\n  endpoint_url = http://one.test", "http://one.test/"),
        (
            {"AWS_ENDPOINT_URL": "http://no", "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS": "true"},
            "",
            "https://sts.us-east-1.amazonaws.com/",
        ),
    ],
)
def test_where_sts_is(make_case, environment, config, host):
    asked = ("POST", host, SIGNED, form("AssumeRole"), 200, sts_answer("AssumeRole"))
    assert make_case(environment, ROLE_CONFIG + config, BASE, [asked]).found()


def test_the_region_that_is_asked_for_is_where_sts_is(make_case):
    asked = ("POST", "https://sts.ap-south-1.amazonaws.com/", SIGNED, form("AssumeRole"), 200, ASSUME[5])
    case = make_case({"AWS_REGION": "eu-west-1"}, ROLE_CONFIG, BASE, [asked])
    assert case.found("--region", "ap-south-1")["region"] == "eu-west-1"


def test_a_web_identity_that_sts_does_not_take(make_case):
    body = form("AssumeRoleWithWebIdentity", WebIdentityToken="t")
    answer = sts_error("InvalidIdentityToken", "Not for you")
    case = make_case(
        {"AWS_ROLE_ARN": ROLE, "AWS_WEB_IDENTITY_TOKEN_FILE": "/jwt"},
        exchanges=[("POST", STS, FORM, body, 400, answer)],
        files={"jwt": "header.payload.signature\n"},
    )
    assert "(web identity): HTTP 400, InvalidIdentityToken: Not for you" in case.refused()


# --- SSO

SESSION = "[profile default]\nsso_session = dev\nsso_account_id = 012345678901\nsso_role_name = Sample\n"
SESSION += "[sso-session dev]\nsso_region = us-east-1\nsso_start_url = https://d.awsapps.com/start\n"
SESSION_FILE = "home/.aws/sso/cache/34c6fceca75e456f25e7e99531e2425c6c1de443.json"
PORTAL = "https://portal.sso.us-east-1.amazonaws.com/federation/credentials"
PORTAL += "?role_name=Sample&account_id=012345678901"
BEARER = {"x-amz-sso_bearer_token": ["bearer-token"]}


def sso_token(expires):
    return json.dumps({"accessToken": "bearer-token", "expiresAt": expires})


def test_sso_by_a_session(make_case):
    keys = {"accessKeyId": "ASIASSO", "secretAccessKey": "sso/secret", "sessionToken": "sso/token"}
    answer = json.dumps({"roleCredentials": {**keys, "expiration": 3471292800000}})
    case = make_case(
        {},
        SESSION,
        exchanges=[("GET", PORTAL, BEARER, "", 200, answer)],
        files={SESSION_FILE: sso_token("2080-01-01T00:00:00UTC")},
    )
    found = case.found()
    assert found["access_key_id"] == "ASIASSO" and found["account_id"] == "012345678901"
    assert found["expiry"] == 3471292800
    assert found["source"] == "profile default (SSO, role Sample of account 012345678901)"


@pytest.mark.parametrize("token", [sso_token("2020-01-01T00:00:00Z"), "{}", "no JSON: bearer-token", ""])
def test_an_sso_token_that_is_no_good(make_case, token):
    message = make_case({}, SESSION, files={SESSION_FILE: token}).refused()
    assert "run `aws sso login --profile default`" in message and "bearer" not in message


def test_sso_without_a_role_has_no_keys(make_case):
    config = SESSION.replace("sso_role_name = Sample\n", "")
    assert "sso_role_name is missing" in make_case({}, config).refused()


# --- credential_process


def process_case(make_case, command, script=None):
    case = make_case({}, f"[default]\ncredential_process = {command}\naws_account_id = 42\n")
    if script:
        path = case.folder / "fs" / "keys"
        path.write_text("#!/bin/sh\n" + script)
        path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return case


def test_a_process(make_case):
    found = process_case(make_case, f"echo '{KEYS_JSON}'").found()
    assert without_region_and_source(found) == {**FROM_JSON, "account_id": "42"}
    assert found["source"] == "profile default (credential_process)"


def test_a_process_gets_words_not_a_shell(make_case):
    case = process_case(
        make_case,
        r"""./keys 'one $HOME' "two \"2\"" three\ 3 ''""",
        f'[ $# = 4 ] && [ "$1" = \'one $HOME\' ] && [ "$2" = \'two "2"\' ] && [ "$3" = "three 3" ] &&\n'
        f"[ -z \"$4\" ] && ! read line && echo '{KEYS_JSON}'\n",
    )
    assert case.found()["access_key_id"] == "ASIAJSON"


@pytest.mark.parametrize(
    "command, script, part",
    [
        ("./keys", "echo secret/word >&2; exit 3", "./keys ended with status 3: run it by hand"),
        ("./keys", "kill -9 $$", "./keys ended with signal 9"),
        ("./keys", "echo secret/word", "the answer is no JSON object"),
        ("./keys", 'echo \'{"Version": 2, "AccessKeyId": "a", "SecretAccessKey": "b"}\'', '"Version": 1'),
        ("./keys", 'echo \'{"Version": 1, "AccessKeyId": "a"}\'', "no AccessKeyId and SecretAccessKey"),
        ("./keys", 'printf \'{"Version": 1, "AccessKeyId": "a\\\\n", "SecretAccessKey": "b"}\'', "may not have"),
        ("./keys", "yes secret/word", "printed more than"),
        ("./no-such-program", None, "./no-such-program cannot be run"),
        ("./keys 'open", None, "a quote is open"),
    ],
)
def test_a_process_that_fails(make_case, command, script, part):
    message = process_case(make_case, command, script).refused()
    assert part in message and "secret/word" not in message
    assert message.startswith("profile default (credential_process): ")


def test_what_a_process_leaves_behind_is_not_waited_for(make_case):
    case = process_case(make_case, "./keys", f"sleep 30 & echo '{KEYS_JSON}'\n")
    assert case.found()["access_key_id"] == "ASIAJSON"


# --- containers and instances

CONTAINER = "http://169.254.170.2/creds?a=1"
METADATA = "http://169.254.169.254/latest"
TTL = {"x-aws-ec2-metadata-token-ttl-seconds": ["21600"]}
TOKEN = {"x-aws-ec2-metadata-token": ["metadata=="]}
ROLES = f"{METADATA}/meta-data/iam/security-credentials/"


def test_a_container(make_case):
    case = make_case(
        {"AWS_CONTAINER_CREDENTIALS_RELATIVE_URI": "/creds?a=1"},
        exchanges=[
            ("GET", CONTAINER, {"accept": ["application/json"]}, "", 503, ""),
            ("GET", CONTAINER, {"accept": ["application/json"]}, "", 200, KEYS_JSON),
        ],
    )
    assert without_region_and_source(case.found()) == FROM_JSON


def test_a_token_with_a_line_end_is_not_sent(make_case):
    case = make_case(
        {
            "AWS_CONTAINER_CREDENTIALS_FULL_URI": "http://169.254.170.23/v1",
            "AWS_CONTAINER_AUTHORIZATION_TOKEN": "secret/word\r\nX-Other: 1",
        }
    )
    message = case.refused()
    assert "AWS_CONTAINER_AUTHORIZATION_TOKEN: it has a line end" in message
    assert "secret/word" not in message


def test_nobody_else_gets_the_token(make_case):
    case = make_case({"AWS_CONTAINER_CREDENTIALS_RELATIVE_URI": "//evil.test/x"})
    extra = {"AWS_CONTAINER_CREDENTIALS_FULL_URI": "http://evil.test/x"}
    case.folder.joinpath("env.json").write_text(json.dumps({"HOME": "/home"}))
    assert "only https://, this machine" in case.refused(extra=extra)


def test_an_instance_that_is_busy(make_case):
    case = make_case(
        {},
        exchanges=[
            ("PUT", f"{METADATA}/api/token", TTL, "", 503, ""),
            ("PUT", f"{METADATA}/api/token", TTL, "", 200, "metadata=="),
            ("GET", ROLES, TOKEN, "", 503, ""),
            ("GET", ROLES, TOKEN, "", 200, "a role\nanother\n"),
            ("GET", ROLES + "a%20role", TOKEN, "", 503, ""),
            ("GET", ROLES + "a%20role", TOKEN, "", 200, KEYS_JSON),
        ],
    )
    found = case.found()
    assert without_region_and_source(found) == FROM_JSON
    assert found["source"] == "the instance's metadata service"


def test_version_1_is_for_those_who_ask_for_it(make_case):
    asked = [
        ("PUT", f"{METADATA}/api/token", TTL, "", 404, ""),
        ("GET", ROLES, {}, "", 200, "role"),
        ("GET", ROLES + "role", {}, "", 200, KEYS_JSON),
    ]
    case = make_case({"AWS_EC2_METADATA_V1_DISABLED": "false"}, exchanges=asked)
    assert without_region_and_source(case.found()) == FROM_JSON


@pytest.mark.parametrize("environment", [{}, {"AWS_EC2_METADATA_V1_DISABLED": "true"}])
def test_version_1_is_off(make_case, environment):
    asked = [("PUT", f"{METADATA}/api/token", TTL, "", 404, "")]
    assert "HTTP 404" in make_case(environment, exchanges=asked).refused()


def test_an_instance_whose_role_is_broken(make_case):
    case = make_case(
        {},
        exchanges=[
            ("PUT", f"{METADATA}/api/token", TTL, "", 200, "metadata=="),
            ("GET", ROLES, TOKEN, "", 200, "role"),
            ("GET", ROLES + "role", TOKEN, "", 200, '{"Code": "AssumeRoleUnauthorizedAccess"}'),
        ],
    )
    assert "AssumeRoleUnauthorizedAccess" in case.refused()


def test_who_is_silent_is_not_waited_for(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as silent:
        endpoint = f"http://127.0.0.1:{silent.getsockname()[1]}"
        start = time.monotonic()
        result = subprocess.run(
            [PROBE],
            env={**inherited(), "HOME": str(tmp_path), "AWS_EC2_METADATA_SERVICE_ENDPOINT": endpoint},
            capture_output=True,
            timeout=60,
            check=False,
        )
    message = json.loads(result.stdout)["Error"]["message"]
    assert time.monotonic() - start < 2.5 * PATIENCE, "asked more than once"
    assert "the instance's metadata service: " in message and "no credentials of AWS" in message


# --- the order


def test_a_profile_of_the_options_wins_over_the_environment(make_case):
    environment = {"AWS_ACCESS_KEY_ID": "AKIAENV", "AWS_SECRET_ACCESS_KEY": "env/secret"}
    case = make_case(environment, credentials=f"[etl]\n{KEYS}")
    assert case.found("--profile", "etl")["access_key_id"] == "AKIABASE"
    shutil.rmtree(case.folder / "played")
    assert case.found()["access_key_id"] == "AKIAENV"
    shutil.rmtree(case.folder / "played")
    assert case.found("--unsigned")["source"] == "unsigned access"


def test_a_profile_that_is_not_there(make_case):
    message = make_case({"AWS_PROFILE": "elt"}, credentials=f"[etl]\n{KEYS}").refused()
    assert 'there is no profile elt in the profile files; did you mean "etl"?' in message


def test_half_of_the_keys(make_case):
    assert "set both of them" in make_case({"AWS_ACCESS_KEY_ID": "AKIA"}).refused()


def test_no_source_at_all_names_all_of_them(make_case):
    message = make_case({"AWS_EC2_METADATA_DISABLED": "true"}).refused()
    for part in ("AWS_ACCESS_KEY_ID", "profile default", "WEB_IDENTITY", "CONTAINER", "EC2_METADATA"):
        assert part in message


# --- the replay itself


def test_the_secrets_that_must_not_be_shown_are_known(make_case):
    environment = {"AWS_SESSION_TOKEN": "session/word", "AWS_CONTAINER_AUTHORIZATION_TOKEN": "plain/word"}
    case = make_case(environment, "", BASE, [ASSUME], {"home/x.json": sso_token("2080-01-01T00:00:00Z")})
    replay = aws_replay.Replay(case.folder, case.folder / "played")
    for secret in ("base/secret+1", "role/secret", "role/token", "session/word", "plain/word", "bearer-token"):
        assert any(secret.startswith(known) for known in replay.secrets), secret


def test_the_replay_notices_what_was_not_asked(make_case):
    case = make_case({}, ROLE_CONFIG, BASE, [ASSUME])
    with aws_replay.Replay(case.folder, case.folder / "played") as replay:
        replay.play(["true"], inherited(), 60)
    assert replay.faults == [f"never asked: POST {STS}"]


def test_the_replay_notices_a_wrong_signature(make_case, monkeypatch):
    monkeypatch.setattr(aws_replay, "find_keys", lambda text: {"AKIABASE": "another/secret"})
    case = make_case({}, ROLE_CONFIG, BASE, [ASSUME])
    with aws_replay.Replay(case.folder, case.folder / "played") as replay:
        replay.play([PROBE], inherited(), 60 * PATIENCE)
    assert any(fault.endswith("the signature is wrong") for fault in replay.faults)
