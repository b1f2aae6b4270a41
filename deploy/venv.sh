#!/bin/sh
# Makes build/venv from tests/requirements.txt, whole or not at all. The wheels are kept in
# ${SLUICE_CACHE:-~/.cache/sluice}/wheels, so that it works again without a network.
set -eu
cd "$(dirname "$0")/.."
. deploy/common.sh

wheels=$(cache_folder)/wheels
venv=build/venv
finished=
trap '[ -n "$finished" ] || rm -rf "$venv"' EXIT

rm -rf "$venv"
python3 -m venv "$venv"
pip() { "$venv/bin/pip" --disable-pip-version-check --no-input -q "$@"; }
install() { pip install --no-index --find-links "$wheels" -r tests/requirements.txt; }

mkdir -p "$wheels"
install || {
    pip download --retries 1 --only-binary :all: -d "$wheels" -r tests/requirements.txt
    install
}
cp tests/requirements.txt "$venv/.requirements"
finished=yes
