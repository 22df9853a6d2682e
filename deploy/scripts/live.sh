#!/bin/sh
# `make live`: a broker, a database and the live service of one's own, and a simulated fleet's day played into the queue,
# so that something happens. Ctrl-C or `make live-stop` ends everything in order.
#   live.sh start    what `make live` does
#   live.sh stop     ends what is running, from elsewhere
# LIVE_SECONDS=60: ends by itself so many seconds after everything is up. LIVE_SPEED=60x: how much faster than it
# happened the day is played. LIVE_LISTEN=127.0.0.1:8080: where the page is. LIVE_PROGRAM: another build of the program.
set -eu
cd "$(dirname "$0")/../.."
dir=/tmp/sessionizer-live-$(id -un)
services=deploy/scripts/services.sh
run=${LIVE_PROGRAM:-.build/release/sessionizer}
serve=""
publish=""

title() { printf '\n== %s\n' "$1"; }
fail() { echo "live: $1" >&2; exit 1; }
lives() { [ -n "$1" ] && [ -r "/proc/$1/stat" ] && [ "$(sed 's/.*) //' "/proc/$1/stat" | cut -c1)" != Z ]; }
# The running script, if there is one: another process may have got its number since.
other() {
    [ -f "$dir/pid" ] || return 0
    pid=$(cat "$dir/pid")
    if lives "$pid" && tr '\0' ' ' < "/proc/$pid/cmdline" | grep -q 'live.sh start'; then echo "$pid"; fi
}

wait_gone() {
    tries=0
    while lives "$1"; do
        tries=$((tries + 1))
        [ $tries -lt "$2" ] || return 1
        sleep 0.2
    done
}

finish() {
    code=$?
    trap '' INT TERM
    trap - EXIT
    title "Ending"
    # Nothing new, then what is in hand, then what both stand on.
    if lives "$publish"; then kill "$publish"; wait "$publish" 2>/dev/null || true; fi
    if lives "$serve"; then
        kill "$serve"
        if wait "$serve"; then
            echo "the service has committed and acknowledged what it had in hand"
        else
            code=1
            echo "the service ended with a failure: the end of $dir/service.log:" >&2
            tail -n 5 "$dir/service.log" >&2
        fi
    fi
    $services stop "$dir/services" || code=1
    rm -f "$dir/pid"
    echo "broker and database are stopped; logs are in $dir, the next \`make live\` begins anew"
    exit "$code"
}

metric() { awk -v name="$1" '$1 == name || index($1, name "{") == 1 { sum += $NF } END { print sum + 0 }' "$dir/metrics"; }

status() {
    curl -s -m 5 "http://$listen/metrics" > "$dir/metrics" || return 0
    printf '%s  %s events accepted, %s repeated, %s rejected; %s deliveries open; %s messages waiting\n' \
        "$(date +%H:%M:%S)" "$(metric 'sessionizer_messages_total{transport="amqp",outcome="accepted"}')" \
        "$(metric 'sessionizer_messages_total{transport="amqp",outcome="duplicate"}')" \
        "$(metric 'sessionizer_messages_total{transport="amqp",outcome="rejected"}')" \
        "$(metric sessionizer_open_sessions)" "$(metric sessionizer_queue_messages_ready)"
}

case ${1:-} in
start) ;;
stop)
    pid=$(other)
    if [ -n "$pid" ]; then
        kill "$pid"
        wait_gone "$pid" 300 || fail "process $pid does not end"
    else
        # It was killed: what it started may be there still.
        [ ! -d "$dir/services" ] || $services stop "$dir/services"
        echo "nothing was running"
    fi
    exit 0
    ;;
*) fail "expected start or stop" ;;
esac

[ -x "$run" ] || fail "$run is missing: make build"
[ -z "$(other)" ] || fail "it is running already, as process $(other); make live-stop ends it"
[ ! -d "$dir/services" ] || $services remove "$dir/services"
mkdir -p "$dir"
chmod 711 "$dir"
echo $$ > "$dir/pid"
trap finish EXIT
trap 'exit 0' INT TERM

title "Broker and database, in $dir/services"
export PRIVATE_POSTGRES_DURABLE=1
$services start "$dir/services" | tee "$dir/urls"
owner=$(sed -n 's/^PostgreSQL *//p' "$dir/urls")
amqp=$(sed -n 's/^RabbitMQ *//p' "$dir/urls")
store=$(echo "$owner" | sed 's/user=[^&]*/user=live_writer/')

title "The tables, made by their owner; the service's role may write to them, and no more"
"$run" migrate --store "$owner"
psql -X -q "$owner" -c 'CREATE ROLE live_writer LOGIN' -c 'CREATE ROLE live_reader LOGIN'
psql -X -q "$owner" -v writer=live_writer -v reader=live_reader -f deploy/postgres/grants.sql

title "Two days of a fleet, with late, repeated and broken lines"
first=$(date -u -d '2 days ago' +%F)
"$run" simulate --out "$dir/archive" --force --days 2 --start-day "$first" --seed 35 > "$dir/simulation"
head -n 2 "$dir/simulation"

listen=${LIVE_LISTEN:-127.0.0.1:8080}
if curl -s -m 2 -o /dev/null "http://$listen/"; then
    busy=$listen
    listen=127.0.0.1:$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
    echo "$busy is taken by something else; the page is at $listen"
fi
title "sessionizer check-config, then serve"
set -- --amqp "$amqp" --queue live --declare --store "$store" --http "$listen"
"$run" check-config "$@"
# In a session of its own: Ctrl-C is for this script, which ends things one after the other.
setsid "$run" serve "$@" 2> "$dir/service.log" &
serve=$!
tries=0
until curl -s -f -m 2 -o /dev/null "http://$listen/readyz"; do
    tries=$((tries + 1))
    lives "$serve" || { tail -n 5 "$dir/service.log" >&2; fail "the service ended"; }
    [ $tries -lt 150 ] || { curl -s -m 2 "http://$listen/readyz" >&2; fail "the service is not ready after 30 s"; }
    sleep 0.2
done
echo "ready"

# At night hardly anything happens: what is played begins with the hour before lunch.
# An archive's file is an hour in which something came.
hours=$(find "$dir/archive" -name '*.jsonl.gz' ! -path "*/dt=$first/*" | sort)
night=$(echo "$hours" | head -n 6)
day=$(echo "$hours" | tail -n +7)
title "The first day and the second's morning, at once; the rest of it, at ${LIVE_SPEED:-60x}"
"$run" publish "$dir/archive/dt=$first" $night --amqp "$amqp" --queue live
tries=0
while status > "$dir/status"; [ "$(metric sessionizer_queue_messages_ready)" != 0 ] ||
    [ "$(metric sessionizer_amqp_unacknowledged_messages)" != 0 ]; do
    tries=$((tries + 1))
    [ $tries -lt 120 ] || fail "the queue is not read; see $dir/service.log"
    sleep 0.5
done
setsid "$run" publish $day --amqp "$amqp" --queue live --speed "${LIVE_SPEED:-60x}" \
    > "$dir/publish.log" 2>&1 &
publish=$!
delivery=$("$run" fleet --store "$store" --format json | sed -n 's/.*"worth_a_look":"\([^"]*\)".*/\1/p')

title "Where to look"
look() { printf '  %-28s %s\n' "$1" "$2"; }
look "the page" "http://$listen/"
[ -z "$delivery" ] || look "a delivery worth a look" "http://$listen/deliveries/$delivery"
look "metrics, and whether it is well" "http://$listen/metrics  http://$listen/readyz"
look "the broker's own page" "$(sed -n 's/^ *its page *//p' "$dir/urls")"
look "the tables, with SQL" "psql '$(echo "$store" | sed 's/live_writer/live_reader/')'"
look "the service's log" "$dir/service.log"
echo "Ctrl-C, or \`make live-stop\` elsewhere, ends everything."
echo

end=""
[ -z "${LIVE_SECONDS:-}" ] || end=$(($(date +%s) + LIVE_SECONDS))
turn=0
while [ -z "$end" ] || [ "$(date +%s)" -lt "$end" ]; do
    lives "$serve" || fail "the service ended; see $dir/service.log"
    if [ -n "$publish" ] && ! lives "$publish"; then
        wait "$publish" || { cat "$dir/publish.log" >&2; fail "publishing failed"; }
        publish=""
        echo "the day is over: $(cat "$dir/publish.log")"
    fi
    [ $((turn % 10)) != 0 ] || status
    turn=$((turn + 1))
    sleep 1
done
