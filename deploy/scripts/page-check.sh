#!/bin/sh
# `make page-check`: the page in a real Chromium, point by point; POINTS="2 10" looks at those only.
set -eu
cd "$(dirname "$0")/../.."
python=$(deploy/scripts/page-venv.sh)
# shellcheck disable=SC2086 # a list of numbers
PAGE_CHECK_REPORT=docs/page-check.md exec "$python" page-check/run.py "${PROGRAM:-.build/release/sessionizer}" ${POINTS:-}
