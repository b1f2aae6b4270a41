#!/bin/sh
# Puts the pinned packages of deploy/pins.sha256 into build/deps: libduckdb with its header and,
# where the system has none, just. Tarballs are kept in ${SLUICE_CACHE:-~/.cache/sluice}, so that
# this works again without a network; each is verified every time before it is unpacked.
#
# usage: fetch.sh [duckdb] [just]
set -eu

root=$(cd "$(dirname "$0")/.." && pwd)
cache=${SLUICE_CACHE:-${XDG_CACHE_HOME:-${HOME:-/tmp}/.cache}/sluice}
deps=$root/build/deps
scratch=

say() { printf 'bootstrap: %s\n' "$*" >&2; }
die() {
    say "$*"
    exit 1
}
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

# pin FILE-PREFIX: its line of pins.sha256 as "sha256 file package"
pin() {
    awk -v want="$1" '$2 == want { print $1, $3, $4; found = 1 } END { exit !found }' \
        "$root/deploy/pins.sha256"
}

verified() { # SHA256 FILE
    [ -f "$2" ] && [ "$(sha256sum "$2" | cut -d ' ' -f 1)" = "$1" ]
}

# tarball NAME: makes sure that it is in the cache and verified; sets $tarball
tarball() {
    line=$(pin "$1") || die "$1: no pinned package for $(uname -m). $2"
    # shellcheck disable=SC2086  # three words
    set -- $line
    tarball=$cache/$2
    if verified "$1" "$tarball"; then
        say "$3: verified in $cache"
        return
    fi
    command -v npm >/dev/null 2>&1 || die "$3 must be fetched, and there is no npm: install it"
    say "$3: fetching with npm pack"
    scratch=$(mktemp -d)
    # In an empty folder and without scripts: nothing of the package runs, no .npmrc of ours counts.
    (cd "$scratch" && npm pack --silent --ignore-scripts "$3" >/dev/null 2>"$scratch/errors") || {
        sed 's/^/bootstrap:   /' "$scratch/errors" >&2
        die "$3 could not be fetched: check the network and npm's registry setting, then run it again"
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

fetch_duckdb() {
    stamp=$deps/duckdb/.pins
    if [ -f "$stamp" ] && cmp -s "$root/deploy/pins.sha256" "$stamp"; then
        say "libduckdb is in build/deps/duckdb"
        return
    fi
    installed='Install libduckdb and name its folder: SLUICE_DUCKDB=DIR'
    tarball "libduckdb-$(architecture)" "$installed"
    unpack package/libduckdb.so "$deps/duckdb/libduckdb.so"
    tarball duckdb-header "$installed"
    unpack package/src/duckdb/src/include/duckdb.h "$deps/duckdb/duckdb.h"
    cp "$root/deploy/pins.sha256" "$stamp"
    say "libduckdb unpacked into build/deps/duckdb"
}

fetch_just() {
    if command -v just >/dev/null 2>&1 || [ -x "$deps/bin/just" ]; then
        return
    fi
    # A convenience: nothing here needs it, so its absence is no error.
    if ! pin "just-$(architecture)" >/dev/null; then
        say "just: no pinned package for $(uname -m): install it to use the justfile"
        return
    fi
    tarball "just-$(architecture)" ''
    unpack package/bin/just "$deps/bin/just"
    chmod +x "$deps/bin/just"
    say "just is at build/deps/bin/just"
}

for what in "$@"; do
    case $what in
    duckdb) fetch_duckdb ;;
    just) fetch_just ;;
    *) die "fetch.sh: $what is not one of: duckdb just" ;;
    esac
done
