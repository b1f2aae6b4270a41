# shellcheck shell=sh
# Sourced by the scripts of deploy/ and tests/, with the project's root as the current folder.

say() { printf '%s: %s\n' "$(basename "$0" .sh)" "$*" >&2; }

die() {
    say "$*"
    exit 1
}

# quietly LOG WHAT COMMAND…: shows what the command printed only where it fails
quietly() {
    log=$1 what=$2
    shift 2
    if "$@" >"$log" 2>&1 </dev/null; then return; fi
    cat "$log" >&2
    die "$what failed; what it said is above and in $log"
}

# find_tool NAME: the command itself, or its newest versioned form, as clang-14 is on Debian 12
find_tool() {
    for tool in "$1" "$1-20" "$1-19" "$1-18" "$1-17" "$1-16" "$1-15" "$1-14"; do
        if command -v "$tool" >/dev/null 2>&1; then
            echo "$tool"
            return
        fi
    done
    return 1
}

# sanitized_build FOLDER MESON-OPTION…: configures once, with clang
sanitized_build() {
    folder=$1
    shift
    clang=$(find_tool clang) || die "clang is missing: run \`sh deploy/bootstrap.sh dev\`"
    [ -z "${SLUICE_DUCKDB:-}" ] || set -- "$@" "-Dduckdb=$SLUICE_DUCKDB"
    mkdir -p "$folder"
    [ -f "$folder/build.ninja" ] ||
        CC=$clang quietly "$folder/setup.log" "configuring $folder" meson setup "$folder" "$@"
}

# Where downloads are kept, outside the build folder: `just clean` costs no network.
cache_folder() { echo "${SLUICE_CACHE:-${XDG_CACHE_HOME:-${HOME:-/tmp}/.cache}/sluice}"; }

# Debian's own interpreter too: a newer one that comes first in PATH does not see Debian's pytest.
python_with_pytest() {
    for python in python3 /usr/bin/python3; do
        if "$python" -c 'import pytest' 2>/dev/null; then
            echo "$python"
            return
        fi
    done
    return 1
}
