#!/bin/sh
set -eu
cd "$(dirname "$0")/.."
sh deploy/fetch.sh duckdb just
[ -f build/build.ninja ] || meson setup build
ninja -C build
