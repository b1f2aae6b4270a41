#!/bin/sh
# Runs the units and the whole-program tests against one build folder.
#
# usage: tests/run.sh [BUILD [PYTEST-ARGUMENT…]]     BUILD: build by default
#
# Where build/venv could not be made (no PyPI), any pytest does, and tests that miss a package are
# skipped by name. The tests find the program in SLUICE_BIN; SLUICE_SANITIZED is 1 where the sanitizers
# make it slow and large. Results are JUnit files in BUILD/results; the last line is
# "N passed, N failed[, N skipped]", the exit status 1 if any failed.
set -eu
cd "$(dirname "$0")/.."
. deploy/common.sh

build=$(cd "${1:-build}" && pwd)
[ $# -eq 0 ] || shift
results=$build/results
rm -rf "$results"
mkdir -p "$results"

SLUICE_BIN=$build/sluice
SLUICE_SANITIZED=0
slower=1
if grep -q -e -fsanitize= "$build/build.ninja"; then
    SLUICE_SANITIZED=1
    slower=4
fi
PYTEST_TIMEOUT=$((300 * slower)) # a test's, in seconds; its own marker wins
export SLUICE_BIN SLUICE_SANITIZED PYTEST_TIMEOUT

# Reports go to files: a test that expects the program to fail must not swallow one. The exit status
# is none of the program's own. libduckdb is not instrumented: what it keeps until the end is its own.
report="log_path=$results/sanitizer exitcode=99"
# An allocation that is too large fails as it does elsewhere: tests ask for such.
export ASAN_OPTIONS="detect_leaks=1 allocator_may_return_null=1 $report"
export UBSAN_OPTIONS="halt_on_error=1 print_stacktrace=1 $report"
export LSAN_OPTIONS="suppressions=$PWD/tests/lsan.supp print_suppressions=0"

units=0
meson test -C "$build" --no-rebuild --print-errorlogs --timeout-multiplier "$slower" || units=$?
cp "$build/meson-logs/testlog.junit.xml" "$results/units.xml"

folders=
for folder in tests/integration tests/faults; do
    if ls "$folder"/test_*.py >/dev/null 2>&1; then folders="$folders $folder"; fi
done
if [ -n "$folders" ]; then
    programs=0
    python=build/venv/bin/python
    if [ ! -x "$python" ]; then
        python=$(python_with_pytest) || die "no pytest: run \`sh deploy/bootstrap.sh test\`"
        SLUICE_NO_PYPI=1
        export SLUICE_NO_PYPI
    fi
    # Most of a test's time is waiting: three files at once on two cores.
    several=
    ! "$python" -c 'import xdist' 2>/dev/null || several='-n 3 --dist loadfile'
    # shellcheck disable=SC2086  # lists
    PYTHONPATH=$PWD/tests PYTHONDONTWRITEBYTECODE=1 \
        "$python" -m pytest -c tests/pytest.ini --rootdir . \
        -p needs_pypi -rs $several --junitxml="$results/programs.xml" $folders "$@" || programs=$?
    set -- "$results/programs.xml=$programs"
else
    set --
fi

reports=0
for file in "$results"/sanitizer.*; do
    grep -q -s -e 'SUMMARY:' -e 'runtime error:' "$file" || continue # else only a warning
    cat "$file"
    reports=1
done
[ "$SLUICE_SANITIZED" = 0 ] || set -- "$@" --step "sanitizer-reports=$reports"
python3 tests/summary.py "$results/units.xml=$units" "$@"
