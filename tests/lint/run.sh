#!/bin/sh
# What `just lint` runs: our own rules, clang-format, shellcheck, and clang-tidy over what build/
# compiles. Each is one check; the last line is "N passed, N failed".
set -eu
cd "$(dirname "$0")/../.."
. deploy/common.sh

need() { find_tool "$1" || die "$1 is missing: run \`sh deploy/bootstrap.sh dev\`"; }

format=$(command -v clang-format-14 || need clang-format)
tidy=$(need clang-tidy)
need shellcheck >/dev/null
[ -f build/compile_commands.json ] || die "build/ is not configured: run \`sh deploy/bootstrap.sh build\`"

rules() { python3 tests/lint/lint.py . includes banned size; }
# Each version lays out a little differently: only the one that the house uses may judge.
layout() {
    case $("$format" --version) in
    *' version 14.'*) git ls-files '*.c' '*.h' | xargs "$format" --dry-run -Werror ;;
    *) say 'not judged: the house is laid out by clang-format 14' ;;
    esac
}
shell() { git ls-files '*.sh' .ci/run | xargs shellcheck -x; }

# What it counts and suppresses goes to the log; what it found is on its standard output.
analysis() {
    python3 -c '
import json
# Once each: what several tests share is compiled for each of them.
for file in sorted({command["file"] for command in json.load(open("build/compile_commands.json"))}):
    print("build/" + file)' |
        xargs -P "$(nproc)" -n 2 "$tidy" -p build --quiet --extra-arg=-Wno-unknown-warning-option \
            2>build/tidy.log || {
        grep -v -e 'warnings\{0,1\} generated' -e '^Suppressed' -e '^Use -' build/tidy.log >&2 || true
        return 1
    }
}

set --
for check in rules layout shell analysis; do
    status=0
    say "$check"
    "$check" || status=$?
    set -- "$@" --step "$check=$status"
done
python3 tests/summary.py "$@"
