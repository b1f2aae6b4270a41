"""The credential chain of AWS by the recorded cases of conformance/aws-credentials, and what they
leave open, against a real program: build/tests/tools/credentials_probe."""

import json
import os
import pathlib
import shutil
import stat

import pytest

import aws_replay
from conftest import PATIENCE, ROOT

CONFORMANCE = pathlib.Path(
    os.environ.get("SLUICE_CONFORMANCE") or ROOT.parent / "shared" / "conformance"
)
CASES = aws_replay.cases(CONFORMANCE / "aws-credentials")
PROBE = pathlib.Path(os.environ.get("SLUICE_BIN", "")).parent / "tests" / "tools" / "credentials_probe"

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
    assert len(CASES) >= 20
