#!/usr/bin/env bash
# Create the virtual environment and install the project, pinned. Safe to run again.
set -euo pipefail
PYTHON=${PYTHON:-python3}
VENV=${VENV:-.venv}

if ! "$PYTHON" -c 'import sys; sys.exit(not ((3, 11) <= sys.version_info[:2] < (3, 14)))'; then
    echo "step3: Python 3.11 to 3.13 is needed; '$PYTHON' is $("$PYTHON" --version 2>&1)." >&2
    echo "       Name another one: make install PYTHON=/path/to/python3.11" >&2
    exit 1
fi
# system_package NAME: install a Debian package where that is possible, else say what is missing.
system_package() {
    if command -v apt-get >/dev/null && [ "$(id -u)" = 0 ]; then
        echo "step3: installing the system package $1"
        apt-get install -y -q "$1" >/dev/null 2>&1 || { apt-get update -q >/dev/null && apt-get install -y -q "$1" >/dev/null; }
    else
        echo "step3: the system package '$1' is missing; install it and run this again." >&2
        exit 1
    fi
}
"$PYTHON" -c 'import venv, ensurepip' 2>/dev/null || system_package python3-venv
[ -x "$VENV/bin/python" ] || "$PYTHON" -m venv "$VENV"

echo "step3: installing pinned packages into $VENV"
if "$VENV/bin/python" -m pip install -q --disable-pip-version-check -c constraints.txt uv &&
    "$VENV/bin/uv" pip install -q --compile-bytecode --python "$VENV/bin/python" -c constraints.txt -e '.[dev]'; then
    :
else # uv does not know every index setting that pip knows
    "$VENV/bin/python" -m pip install -q --disable-pip-version-check -c constraints.txt -e '.[dev]'
fi
# LightGBM's wheel takes the OpenMP runtime from the system.
"$VENV/bin/python" -c 'import lightgbm' 2>/dev/null || system_package libgomp1
"$VENV/bin/python" -c 'import lightgbm'
