#!/bin/sh
# Builds the fuzz targets with clang in build-fuzz and runs each for a while, from its seeds and from
# what earlier runs found. An input that breaks one is kept in build-fuzz/crashes.
#
# usage: tests/fuzz/run.sh [SECONDS [TARGET…]]
set -eu
cd "$(dirname "$0")/../.."
. deploy/common.sh

seconds=${1:-20}
[ $# -eq 0 ] || shift
sanitized_build build-fuzz -Dfuzz=true -Doptimization=1
say 'compiling the fuzz targets'
quietly build-fuzz/compile.log 'the build of build-fuzz' ninja -C build-fuzz fuzz
mkdir -p build-fuzz/crashes

if [ $# -eq 0 ]; then
    for source in tests/fuzz/fuzz_*.c; do
        [ -f "$source" ] || continue
        name=$(basename "$source" .c)
        set -- "$@" "${name#fuzz_}"
    done
fi
steps=
for name in "$@"; do
    corpus=build-fuzz/corpus/$name
    mkdir -p "$corpus"
    seeds=
    [ ! -d "tests/fuzz/seeds/$name" ] || seeds=tests/fuzz/seeds/$name
    say "$name for $seconds s"
    status=0
    # shellcheck disable=SC2086  # a folder or nothing
    "build-fuzz/tests/fuzz/fuzz_$name" -max_total_time="$seconds" -timeout=10 -rss_limit_mb=2048 \
        -artifact_prefix="build-fuzz/crashes/$name-" "$corpus" $seeds \
        >"build-fuzz/$name.log" 2>&1 </dev/null || status=$?
    tail -n "$([ "$status" = 0 ] && echo 1 || echo 60)" "build-fuzz/$name.log" >&2
    steps="$steps --step $name=$status"
done
# shellcheck disable=SC2086  # a list
python3 tests/summary.py $steps
