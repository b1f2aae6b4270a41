"""A pytest plugin for machines that cannot reach PyPI: with SLUICE_NO_PYPI=1 a test, or a whole file,
that misses one of the packages of requirements.txt is skipped by name instead of failing. Elsewhere
it does nothing: there a missing package is a failure."""

import os
import re

import pytest


def packages():
    path = os.path.join(os.path.dirname(__file__), "requirements.txt")
    with open(path, encoding="utf-8") as file:
        return {match.group() for match in re.finditer(r"^[a-z0-9_-]+(?===)", file.read(), re.MULTILINE)}


PACKAGES = packages() if os.environ.get("SLUICE_NO_PYPI") == "1" else set()


def missing_package(excinfo):
    """The package of ours whose absence is what happened, or None."""
    error = excinfo.value if excinfo else None
    while error is not None:
        name = (error.name or "").split(".")[0] if isinstance(error, ModuleNotFoundError) else None
        if name in PACKAGES:
            return name
        error = error.__cause__ or error.__context__
    return None


def make_skipped(report, path, call):
    package = missing_package(call.excinfo)
    if package:
        report.outcome = "skipped"
        report.longrepr = (str(path), 0, f"Skipped: needs PyPI: {package}")


@pytest.hookimpl(hookwrapper=True)
def pytest_make_collect_report(collector):
    outcome = yield
    report = outcome.get_result()
    if getattr(report, "call", None):
        make_skipped(report, collector.nodeid, report.call)


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    outcome = yield
    make_skipped(outcome.get_result(), item.location[0], call)
