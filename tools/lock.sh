#!/bin/sh
# Compiles the locked requirements. `tools/lock.sh` writes them, `tools/lock.sh --check` fails when one no longer
# matches its source; `tools/lock.sh --upgrade` takes the newest versions. The layer's lock is constrained by the
# developer's, so that tests run the very versions that are deployed; it leaves out what excluded-packages.txt names.
set -eu
cd "$(dirname "$0")/.."
mode=${1:-}
[ "$mode" = --upgrade ] && upgrade=--upgrade || upgrade=

status=0
compile() { # lock, sources and options…
    lock=$1 out=$1
    shift
    if [ "$mode" = --check ]; then
        out=$(mktemp)
        cp "$lock" "$out"
    fi
    uv pip compile --quiet --universal --generate-hashes --python-version 3.13 $upgrade \
        --custom-compile-command "make lock" --output-file "$out" "$@" >/dev/null
    if [ "$mode" = --check ]; then
        cmp -s "$lock" "$out" || { echo "$lock is not in step with its source: run 'make lock'" >&2; status=1; }
        rm -f "$out"
    fi
}

compile requirements/uv.txt requirements/uv.in
compile requirements/dev.txt pyproject.toml layers/callscribe/pyproject.toml --group dev \
    --constraint requirements/uv.txt
compile layers/callscribe/requirements.txt layers/callscribe/pyproject.toml --constraint requirements/dev.txt \
    --excludes layers/callscribe/excluded-packages.txt
compile requirements/ministack.txt requirements/ministack.in
compile requirements/scanners.txt requirements/scanners.in
exit $status
