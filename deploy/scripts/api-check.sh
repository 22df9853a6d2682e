#!/bin/sh
# `make api-check`: a simulated day is served, every route's answer held against docs/openapi.yaml, and schemathesis
# looks for requests that break the service or its document. Python packages go into .build/api-check, nowhere else.
set -eu
cd "$(dirname "$0")/../.."
program=${PROGRAM:-.build/release/sessionizer}
examples=${EXAMPLES:-40}
venv=.build/api-check
[ -x "$venv/bin/schemathesis" ] || {
    python3 -m venv "$venv"
    "$venv/bin/pip" install --quiet schemathesis openapi-spec-validator jsonschema pyyaml
}
"$venv/bin/python" deploy/scripts/embed-openapi.py --check
folder=$(mktemp -d)
server=""
trap 'test -z "$server" || { kill "$server"; wait "$server" || true; }; rm -rf "$folder"' EXIT
"$program" simulate --out "$folder/archive" --seed 35 >"$folder/simulate"
"$program" replay "$folder/archive" --store "sqlite:$folder/day.db" >"$folder/replay" || true
"$program" serve --store "sqlite:$folder/day.db" --listen 127.0.0.1:0 2>"$folder/log" &
server=$!
tries=0
until address=$(sed -n 's/.* on \(http:[^ ]*\)\/$/\1/p' "$folder/log") && [ -n "$address" ]; do
    tries=$((tries + 1))
    if [ "$tries" -gt 100 ]; then
        cat "$folder/log"
        exit 1
    fi
    sleep 0.1
done
"$venv/bin/python" Tests/APIChecks/conformance.py "$address"
# Streams end only with their session: those of this day are all closed, but a listener has a test of its own.
"$venv/bin/schemathesis" run docs/openapi.yaml --url "$address" --exclude-operation-id deliveryStream \
    --checks not_a_server_error,status_code_conformance,content_type_conformance,response_schema_conformance,response_headers_conformance,negative_data_rejection,unsupported_method \
    --max-examples "$examples" --seed 1 --request-timeout 20 --no-color
