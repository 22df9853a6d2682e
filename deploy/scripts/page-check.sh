#!/bin/sh
# `make page-check`: the page in a real Chromium, point by point. POINTS="2 10" looks at those only; SAMPLE=DIR looks at every page of
# that archive too; MILLION=1 makes stores of a million sessions and times every page there (or the path or URL of such a store).
set -eu
cd "$(dirname "$0")/../.."
python=$(deploy/scripts/page-venv.sh)
# A validator for HTML; a database and a broker that are taken away.
deploy/scripts/install-packages.sh default-jre-headless postgresql rabbitmq-server >&2
${SWIFT:-swift} build -c release --product reference-tables >&2
# shellcheck disable=SC2086 # a list of numbers
REFERENCE_TABLES=.build/release/reference-tables PAGE_CHECK_REPORT=docs/page-check.md \
    exec "$python" page-check/run.py "${PROGRAM:-.build/release/sessionizer}" ${POINTS:-}
