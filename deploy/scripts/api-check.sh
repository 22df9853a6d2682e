#!/bin/sh
# `make api-check`: a simulated day is served from SQLite and from PostgreSQL; every route's answer is held against
# docs/openapi.yaml, those of the two stores against each other, and schemathesis looks for requests that break the service or its document. Python packages go into .build/api-check, nowhere else.
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
# The server of PostgreSQL runs as another user.
chmod 711 "$folder"
servers=""
stop() {
    for server in $servers; do
        kill "$server"
        wait "$server" || true
    done
    deploy/scripts/private-postgres.sh remove "$folder/postgres" >"$folder/stopped" 2>&1 || true
    rm -rf "$folder"
}
trap stop EXIT
"$program" simulate --out "$folder/archive" --seed 35 >"$folder/simulate"

# Serves a store; its address is in $address.
serve() {
    "$program" replay "$folder/archive" --store "$2" >"$folder/replay-$1"
    "$program" serve --store "$2" --listen 127.0.0.1:0 2>"$folder/log-$1" &
    servers="$servers $!"
    tries=0
    until address=$(sed -n 's/.* on \(http:[^ ]*\)\/$/\1/p' "$folder/log-$1") && [ -n "$address" ]; do
        tries=$((tries + 1))
        if [ "$tries" -gt 100 ]; then
            cat "$folder/log-$1"
            exit 1
        fi
        sleep 0.1
    done
}

url=$(deploy/scripts/private-postgres.sh start "$folder/postgres")
serve postgres "$url"
postgres=$address
serve sqlite "sqlite:$folder/day.db"
"$venv/bin/python" Tests/APIChecks/conformance.py "$postgres"
"$venv/bin/python" Tests/APIChecks/alike.py "$address" "$postgres"
"$venv/bin/python" Tests/APIChecks/conformance.py "$address"
# Streams end only with their session: those of this day are all closed, but a listener has a test of its own.
for served in "$postgres" "$address"; do
    "$venv/bin/schemathesis" run docs/openapi.yaml --url "$served" --exclude-operation-id deliveryStream \
        --checks not_a_server_error,status_code_conformance,content_type_conformance,response_schema_conformance,response_headers_conformance,negative_data_rejection,unsupported_method \
        --max-examples "$examples" --seed 1 --request-timeout 20 --no-color
done
