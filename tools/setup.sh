#!/bin/sh
# Makes the project's environments: .venv (everything the project runs), .ministack (the local AWS) and .scanners (what
# `make check` and `make audit` look for weaknesses with); these two pin versions of their own. Called by make; safe to run again. Needs a Python 3.13, or any Python 3 and the network for uv to
# fetch one.
set -eu
cd "$(dirname "$0")/.."
say() { printf '» %s\n' "$*" >&2; }

# Not a Python of the environments made here: they may be about to be replaced.
PATH=$(printf '%s' "$PATH" | tr ':' '\n' | grep -vx "$PWD/.*" | paste -sd: -)

# pyenv's shim for python3.13 exists even where it refuses to run, so every candidate is asked for its version.
is_313() { [ "$("$1" -c 'import sys; print("%d.%d" % sys.version_info[:2])' 2>/dev/null)" = 3.13 ]; }

if [ -n "${PYTHON:-}" ] && ! is_313 "$PYTHON"; then
    say "PYTHON=$PYTHON is no Python 3.13."
    exit 1
fi

find_python() {
    pyenv_root=${PYENV_ROOT:-$(pyenv root 2>/dev/null || echo "$HOME/.pyenv")}
    for candidate in "${PYTHON:-}" python3.13 python3 "$pyenv_root"/versions/3.13*/bin/python3.13; do
        [ -n "$candidate" ] && is_313 "$candidate" && command -v "$candidate" && return
    done
    command -v uv >/dev/null 2>&1 && uv python find 3.13 2>/dev/null && return
    return 1
}

fetch_python() {
    say "No Python 3.13 here: asking uv to fetch one"
    if ! uv=$(command -v uv); then
        python3 -m venv .venv-uv
        .venv-uv/bin/python -m pip install --quiet --require-hashes -r requirements/uv.txt >&2
        uv=.venv-uv/bin/uv
    fi
    "$uv" python install 3.13 >&2 && "$uv" python find 3.13
}

if ! python=$(find_python || fetch_python); then
    say "Callscribe needs Python 3.13, and uv could not fetch one (see above)."
    say "Install it, or name it: make PYTHON=/path/to/python3.13 …"
    exit 1
fi

# What an interrupted set-up left is begun anew.
[ -e .venv/.ready ] || rm -rf .venv .ministack .scanners

say "Setting up .venv with $python (the first time this downloads about 150 MB)"
[ -x .venv/bin/python ] && is_313 .venv/bin/python || { rm -rf .venv && "$python" -m venv .venv; }
.venv/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/uv.txt
# Compiled here: where Python may not write beside its modules, each of the programs that tests start would compile anew.
.venv/bin/uv pip sync --quiet --compile-bytecode --python .venv --require-hashes requirements/dev.txt
.venv/bin/uv pip install --quiet --python .venv --no-deps --editable . --editable layers/callscribe

beside() { # folder, lock, options
    [ -x "$1/bin/python" ] && is_313 "$1/bin/python" || { rm -rf "$1" && "$python" -m venv --without-pip "$1"; }
    .venv/bin/uv pip sync --quiet ${3:-} --python "$1" --require-hashes "$2"
}

say "Setting up .ministack, the local AWS"
beside .ministack requirements/ministack.txt --compile-bytecode

say "Setting up .scanners"
beside .scanners requirements/scanners.txt
touch .venv/.ready
