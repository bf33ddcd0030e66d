#!/usr/bin/env bash
# Build .venv, or bring it up to date. Costs milliseconds when it is current.
set -euo pipefail
cd "$(dirname "$0")/.."

stamp=.venv/.daw-bridge
# The root is part of the key: a copied or moved .venv still points at the old tree.
key="$(cat pyproject.toml constraints.txt | cksum) $PWD"
[ -f "$stamp" ] && [ "$(cat "$stamp")" = "$key" ] && exit 0

bash .ci/programs.sh run

works() { "$@" >/dev/null 2>&1; }
new_enough() { works "$1" -c 'import sys; sys.exit(sys.version_info < (3, 11))'; }

find_python() {
    local python
    # 3.11 and 3.12 first: python-rtmidi has no wheels for later ones and wants a compiler.
    for python in python3.11 python3.12 python3 python3.13 python3.14 python; do
        new_enough "$python" && { command -v "$python"; return; }
    done
    echo "daw-bridge needs Python 3.11 or newer: install it, then run make again" >&2
    return 1
}

if ! new_enough .venv/bin/python; then
    python="$(find_python)"
    echo "making .venv with $("$python" --version)"
    if works uv --version; then
        uv venv --quiet --clear --python "$python" .venv
    else
        # Debian splits ensurepip off into its own package.
        works "$python" -c 'import ensurepip, venv' || bash .ci/programs.sh venv
        "$python" -m venv --clear .venv
    fi
fi

if works uv --version; then
    uv=uv
else
    uv=.venv/bin/uv
    works "$uv" --version || .venv/bin/python -m pip install --quiet --constraint constraints.txt uv
fi

"$uv" pip install --python .venv/bin/python --constraint constraints.txt \
    --editable '.[compose,dev]'
echo "$key" >"$stamp"
