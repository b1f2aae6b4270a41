"""A small part of `just crash-test` (tests/crash): each load mode hit in each way, and random pipelines beside
a model. A difference is printed with the command that repeats it."""

import os
import random
import sys

import pytest
from conftest import ROOT, SANITIZED

pytest.importorskip("pyarrow")
sys.path.insert(0, str(ROOT / "tests/crash"))

import chain  # noqa: E402
import inputs  # noqa: E402
import random_pipelines  # noqa: E402

PIPELINES = 2 if SANITIZED else 4
STEPS = 3  # of a mode, spread over a run


@pytest.fixture(scope="module")
def bench(tmp_path_factory):
    bench = chain.Bench(tmp_path_factory.mktemp("crash"))
    yield bench
    bench.end()


@pytest.fixture
def seed():
    chosen = int(os.environ.get("KILL_SEED", random.randrange(1 << 30)))
    print(f"KILL_SEED={chosen}")  # pytest shows it with a failure
    return chosen


def assert_same(result, name):
    _, _, stages, wrong = result
    assert not wrong, f"{dict(stages)}\n{wrong}\nagain: just crash-test --repeat {name}"


@pytest.mark.parametrize("mode", inputs.MODES)
@pytest.mark.timeout(600)
def test_killed_at_random_moments(bench, seed, mode):
    fault = random.Random(f"{mode} {seed}").choice(["kill", "term"])
    assert_same(chain.run_chain(bench, mode, fault, seed), f"{mode}:{fault}:{seed}")


@pytest.mark.skipif(SANITIZED, reason="the sanitizer wants to be the first library")
@pytest.mark.parametrize("mode", inputs.MODES)
@pytest.mark.timeout(600)
def test_killed_at_steps(bench, seed, mode):
    for part in range(STEPS):
        step = random.Random(f"{mode} {seed} {part}").randrange(1 + 180 * part, 181 + 180 * part)
        assert_same(chain.run_step(bench, mode, seed, 1, step), f"{mode}:steps:{seed}:1:{step}")


@pytest.mark.skipif(SANITIZED, reason="the sanitizer wants to be the first library")
@pytest.mark.timeout(600)
def test_no_room(bench, seed):
    mode = random.Random(seed).choice(inputs.MODES)
    assert_same(chain.run_chain(bench, mode, "full", seed), f"{mode}:full:{seed}")


@pytest.mark.timeout(600)
def test_random_pipelines(tmp_path, seed):
    for number in range(seed, seed + PIPELINES):
        folder = tmp_path / str(number)
        folder.mkdir()
        wrong, _, _ = random_pipelines.check_case(folder, number)
        assert not wrong, f"{wrong}\nagain: just crash-test --property 1 --seed {number}"
