#!/bin/sh
# Chromium from Debian, and the Python packages that drive it (PyPI), in .build/page-check; prints that Python's path.
set -eu
cd "$(dirname "$0")/../.."
venv=.build/page-check
deploy/scripts/install-packages.sh chromium fonts-dejavu-core fonts-noto-core python3-venv >&2
cmp -s page-check/requirements.txt "$venv/requirements.txt" || {
    python3 -m venv "$venv"
    "$venv/bin/pip" install --quiet -r page-check/requirements.txt >&2
    cp page-check/requirements.txt "$venv/requirements.txt"
}
echo "$venv/bin/python"
