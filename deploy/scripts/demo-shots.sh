#!/bin/sh
# `make demo-shots`: pictures of the page on the demo's simulated day, into docs/shots.
set -eu
cd "$(dirname "$0")/../.."
python=$(deploy/scripts/page-venv.sh)
exec "$python" page-check/shots.py "${PROGRAM:-.build/release/sessionizer}" docs/shots
