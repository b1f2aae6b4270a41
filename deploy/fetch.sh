#!/bin/sh
# Puts the pinned packages of deploy/pins.sha256 into build/deps: libduckdb with its header and,
# where the system has none, just. Tarballs are kept in ${SLUICE_CACHE:-~/.cache/sluice}, so that
# this works again without a network; each is verified every time before it is unpacked.
#
# usage: fetch.sh [--cached] [duckdb] [just]
#   --cached   only tells by its exit status whether all of them are there without a network
set -eu
cd "$(dirname "$0")/.."
. deploy/common.sh

pins=deploy/pins.sha256
cache=$(cache_folder)
deps=build/deps
scratch=

trap '[ -z "$scratch" ] || rm -rf "$scratch"' EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

architecture() {
    case $(uname -m) in
    x86_64 | amd64) echo x64 ;;
    aarch64 | arm64) echo arm64 ;;
    *) uname -m ;;
    esac
}

# pin NAME: its line of pins.sha256 as "sha256 file package"
pin() {
    awk -v want="$1" '$2 == want { print $1, $3, $4; found = 1 } END { exit !found }' \
        "$pins"
}

verified() { # SHA256 FILE
    [ -f "$2" ] && [ "$(sha256sum "$2" | cut -d ' ' -f 1)" = "$1" ]
}

# tarball NAME: makes sure that it is in the cache and verified; sets $tarball
tarball() {
    line=$(pin "$1") || die "$1: no package is pinned for this machine${2:+; $2}"
    # shellcheck disable=SC2086  # three words
    set -- $line
    tarball=$cache/$2
    if verified "$1" "$tarball"; then
        say "$3: taken from $cache, verified"
        return
    fi
    command -v npm >/dev/null 2>&1 || die "$3 must be fetched, and there is no npm: install it"
    say "$3: fetching with npm pack"
    scratch=$(mktemp -d)
    # In an empty folder and without scripts: nothing of the package runs, no .npmrc of ours counts.
    (cd "$scratch" && npm pack --loglevel=error --ignore-scripts "$3" >/dev/null 2>"$scratch/errors") || {
        cat "$scratch/errors" >&2
        die "$3 could not be fetched: check the network and npm's registry setting, and run this again"
    }
    verified "$1" "$scratch/$2" ||
        die "$3: the checksum is not the pinned one (deploy/pins.sha256): not used"
    mkdir -p "$cache"
    cp "$scratch/$2" "$tarball.$$"
    mv "$tarball.$$" "$tarball"
    rm -rf "$scratch"
    scratch=
}

# unpack MEMBER TO: whole or not at all
unpack() {
    mkdir -p "$(dirname "$2")"
    tar -xzOf "$tarball" "$1" >"$2.$$" || die "$tarball has no $1"
    mv "$2.$$" "$2"
}

duckdb_there() { cmp -s "$pins" "$deps/duckdb/.pins"; }

fetch_duckdb() {
    if duckdb_there; then
        say "libduckdb is in $deps/duckdb"
        return
    fi
    tarball "libduckdb-$(architecture)" 'install libduckdb and name its folder: SLUICE_DUCKDB=DIR'
    unpack package/libduckdb.so "$deps/duckdb/libduckdb.so"
    tarball duckdb-header
    unpack package/src/duckdb/src/include/duckdb.h "$deps/duckdb/duckdb.h"
    cp "$pins" "$deps/duckdb/.pins"
    say "libduckdb unpacked into $deps/duckdb"
}

just_there() { command -v just >/dev/null 2>&1 || [ -x "$deps/bin/just" ]; }

fetch_just() {
    if just_there; then return; fi
    tarball "just-$(architecture)" 'install it yourself'
    unpack package/bin/just "$deps/bin/just"
    chmod +x "$deps/bin/just"
    say "just unpacked into $deps/bin"
}

# Is what is asked for unpacked or, verified, in the cache? What has no pin cannot be fetched.
cached() {
    case $1 in
    duckdb) duckdb_there || { in_cache "libduckdb-$(architecture)" && in_cache duckdb-header; } ;;
    just) just_there || in_cache "just-$(architecture)" ;;
    esac
}

in_cache() {
    line=$(pin "$1") || return 0
    # shellcheck disable=SC2086  # three words
    set -- $line
    verified "$1" "$cache/$2"
}

only_tell=
for argument in "$@"; do
    case $argument in
    --cached) only_tell=yes ;;
    duckdb | just) if [ -n "$only_tell" ]; then cached "$argument" || exit 1; else "fetch_$argument"; fi ;;
    *) die "$argument is not one of: --cached duckdb just" ;;
    esac
done
