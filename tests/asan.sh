#!/bin/sh
# Builds with clang under ASan and UBSan in build-asan, then runs every test against it.
#
# usage: tests/asan.sh [PYTEST-ARGUMENT…]
set -eu
cd "$(dirname "$0")/.."
. deploy/common.sh

sanitized_build build-asan -Db_sanitize=address,undefined -Doptimization=1
say 'compiling build-asan'
quietly build-asan/compile.log 'the build of build-asan' ninja -C build-asan
exec sh tests/run.sh build-asan "$@"
