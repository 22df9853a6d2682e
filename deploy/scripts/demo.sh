#!/bin/sh
# `make demo`: a fleet's day, simulated, replayed into an SQLite file, and looked at, in the
# terminal and as a page. Everything is in demo/.
set -eu
cd "$(dirname "$0")/../.."
run=.build/release/sessionizer
store=sqlite:demo/sessionizer.db
title() { printf '\n== %s\n' "$1"; }

title "A day of a fleet, with late, repeated and broken lines: demo/archive"
# The seed's day has a delivery that changed robots and pilots and failed all the same.
"$run" simulate --out demo/archive --force --seed 35

title "Replayed into demo/sessionizer.db"
rm -f demo/sessionizer.db demo/sessionizer.db-wal demo/sessionizer.db-shm
"$run" replay demo/archive --store "$store"

delivery=$("$run" fleet --store "$store" --format json | sed -n 's/.*"worth_a_look":"\([^"]*\)".*/\1/p')
title "What happened to delivery $delivery"
"$run" session "$delivery" --store "$store"

title "The fault, by the simulator's own truth, which the program was not shown"
truth=$(grep -F "\"delivery_id\":\"$delivery\"" demo/archive/_truth.jsonl)
fault() { printf '%s' "$truth" | sed -n "s/.*\"fault\":{.*\"$1\":\"\{0,1\}\([^\",}]*\).*/\1/p"; }
echo "$(fault robot_id) reported $(fault code) at $(date -u -d "@$(($(fault at) / 1000000))" +%H:%M:%S) and was grounded for it"

title "How the fleet was used"
"$run" fleet --store "$store"

robot=$("$run" fleet --store "$store" --format json | sed -n 's/.*"least_reliable":\[{"robot_id":"\([^"]*\)".*/\1/p')
title "Where to look next"
look() { printf '  %-84s %s\n' "$1" "$2"; }
look "$run robot $robot --store $store" "what the robot that failed most did"
look "$run rejected --store $store" "lines that could not be read"
look "$run replay demo/archive --store $store" "again: nothing changes"
look "$run simulate --list" "the dials of the simulated fleet"
look "$run serve --store $store" "the page: http://127.0.0.1:8080/deliveries/$delivery"
look "demo/archive/_README.md, docs/simulator.md" "what the archive and its truth hold"
if command -v sqlite3 >/dev/null; then
    look "sqlite3 demo/sessionizer.db 'SELECT * FROM downtime_by_reason'" "any table or view, with SQL"
fi

# At a terminal the page stays up until Ctrl-C; in a script the demo ends here.
if [ -t 1 ]; then
    title "The page: http://127.0.0.1:8080/deliveries/$delivery (Ctrl-C ends it)"
    exec "$run" serve --store "$store" --listen 127.0.0.1:8080
fi
