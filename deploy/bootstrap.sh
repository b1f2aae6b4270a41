#!/bin/sh
# The way in on a bare machine: Debian 12 or 13, Ubuntu 22.04 or 24.04.
#
# usage: sh deploy/bootstrap.sh [build|quickstart|test|dev] [-Dduckdb=DIR]
#   build       (the default) install what is missing, fetch libduckdb, build build/sluice
#   quickstart  build, then run the birdstrikes pipeline and show what it made
#   test        build, then run every test; the last line is "N passed, N failed[, N skipped]"
#   dev         build, and install what lint, the sanitizers and the fuzzers need
#
# SLUICE_DUCKDB=DIR (or -Dduckdb=DIR) names a folder with an installed libduckdb.so and duckdb.h.
# SLUICE_CACHE=DIR keeps what was downloaded, ~/.cache/sluice by default: nothing is fetched twice.
# apt is called only when something is missing, with sudo when not root.
set -eu
cd "$(dirname "$0")/.."
. deploy/common.sh

missing= # Debian's names of the packages that have to be installed

want_command() { # COMMAND PACKAGE…
    if find_tool "$1" >/dev/null; then return; fi
    shift
    missing="$missing $*"
}

want_library() { # PKG-CONFIG-NAME PACKAGE
    pkg-config --exists "$1" 2>/dev/null || missing="$missing $2"
}

want_build() {
    printf '#include <stdio.h>\n' | cc -E - >/dev/null 2>&1 || missing="$missing gcc libc6-dev"
    want_command python3 python3
    want_command meson meson
    want_command ninja ninja-build
    want_command pkg-config pkg-config
    want_library libuv libuv1-dev
    want_library yaml-0.1 libyaml-dev
    want_library jansson libjansson-dev
    want_library sqlite3 libsqlite3-dev
    want_library zlib zlib1g-dev
    want_library libzstd libzstd-dev
    want_library libcrypto libssl-dev
    want_library libcurl libcurl4-openssl-dev
    want_library expat libexpat1-dev
    want_library cmocka libcmocka-dev
    # shellcheck disable=SC2086  # a list
    sh deploy/fetch.sh --cached $packages || want_command npm npm
}

want_test() {
    want_command strace strace
    python3 -c 'import ensurepip, venv' 2>/dev/null || missing="$missing python3-venv"
}

want_dev() {
    want_command clang-format clang-format
    want_command clang-tidy clang-tidy
    want_command shellcheck shellcheck
    want_command llvm-symbolizer llvm
    if clang=$(find_tool clang); then
        echo 'int LLVMFuzzerTestOneInput(void) { return 0; }' |
            "$clang" -fsanitize=fuzzer,address -x c - -o /dev/null 2>/dev/null ||
            missing="$missing $(sanitizer_runtime "$clang")"
    else
        # By default apt adds what a package recommends; here the runtime is named instead.
        missing="$missing clang $(sanitizer_runtime clang)"
    fi
}

# The package with clang's sanitizers: one of its own since LLVM 14.0.6, part of clang before.
sanitizer_runtime() {
    version=$("$1" -dumpversion 2>/dev/null || apt-cache depends clang 2>/dev/null |
        sed -n 's/.*Depends: clang-\([0-9]*\).*/\1/p')
    runtime=libclang-rt-${version%%.*}-dev
    if apt-cache show "$runtime" >/dev/null 2>&1; then echo "$runtime"; fi
}

install_missing() {
    [ -n "$missing" ] || return 0
    ids=$(. /etc/os-release 2>/dev/null && echo "${ID:-} ${ID_LIKE:-}") || ids=
    case " $ids " in
    *' debian '* | *' ubuntu '*) ;;
    *) die "install these, named as Debian names them, and run this again:$missing" ;;
    esac
    command -v apt-get >/dev/null 2>&1 || die "no apt-get: install these and run this again:$missing"
    sudo=
    if [ "$(id -u)" != 0 ]; then
        command -v sudo >/dev/null 2>&1 ||
            die "not root and no sudo: have root run \`apt-get install$missing\`, then run this again"
        sudo=sudo
    fi
    say "installing with apt-get:$missing"
    quietly build/apt.log 'apt-get update' $sudo apt-get update
    # shellcheck disable=SC2086  # a list
    quietly build/apt.log 'apt-get install' $sudo env DEBIAN_FRONTEND=noninteractive \
        apt-get install -y --no-install-recommends $missing
    missing=
}

build() {
    mkdir -p build
    packages=just
    [ -n "${SLUICE_DUCKDB:-}" ] || packages='duckdb just'
    for wanted in "$@"; do "want_$wanted"; done
    install_missing

    if [ -n "${SLUICE_DUCKDB:-}" ]; then
        say "libduckdb is taken from $SLUICE_DUCKDB"
    else
        sh deploy/fetch.sh duckdb
    fi
    sh deploy/fetch.sh just || say 'going on without just: only the shortcuts of the justfile need it'

    if [ ! -f build/build.ninja ]; then
        say 'configuring build'
        quietly build/setup.log 'meson setup' meson setup build "-Dduckdb=${SLUICE_DUCKDB:-}"
    elif [ -n "${SLUICE_DUCKDB:-}" ]; then
        quietly build/setup.log 'meson configure' meson configure build "-Dduckdb=$SLUICE_DUCKDB"
    fi
    say 'compiling'
    quietly build/compile.log 'the build' ninja -C build
    say 'build/sluice is ready'
}

quickstart() {
    say 'running the pipeline pipelines/birdstrikes.yaml'
    build/sluice run birdstrikes --log-format text
    say 'strikes and their cost by year, from the table wildlife.strikes:'
    build/sluice catalog read wildlife.strikes --sql '
        select year(flight_date) as year, count(*) as strikes, sum(cost_total) as cost
        from wildlife.strikes group by 1 order by 1'
    say 'the state of every pipeline:'
    build/sluice health
}

# An interpreter with pytest: build/venv with all of tests/requirements.txt, else any (tests/run.sh).
python_for_tests() {
    if cmp -s tests/requirements.txt build/venv/.requirements; then
        say 'the tests use build/venv'
        return
    fi
    say 'installing tests/requirements.txt into build/venv'
    if sh deploy/venv.sh >build/venv.log 2>&1 </dev/null; then return; fi
    say "PyPI cannot be reached (see build/venv.log): tests that need more than pytest are skipped"
    python_with_pytest >/dev/null || {
        missing=' python3-pytest'
        install_missing
    }
}

mode=build
for argument in "$@"; do
    case $argument in
    -Dduckdb=*) SLUICE_DUCKDB=${argument#-Dduckdb=} ;;
    build | quickstart | test | dev) mode=$argument ;;
    *) die "$argument is not one of: build quickstart test dev -Dduckdb=DIR" ;;
    esac
done
if [ -n "${SLUICE_DUCKDB:-}" ]; then
    SLUICE_DUCKDB=$(cd "$SLUICE_DUCKDB" && pwd) || die "SLUICE_DUCKDB: no such folder"
    for file in duckdb.h libduckdb.so; do
        [ -f "$SLUICE_DUCKDB/$file" ] || die "SLUICE_DUCKDB: $SLUICE_DUCKDB has no $file"
    done
    export SLUICE_DUCKDB
fi

case $mode in
build) build build ;;
dev) build build dev ;;
quickstart)
    build build
    quickstart
    ;;
test)
    build build test
    python_for_tests
    exec sh tests/run.sh build
    ;;
esac
