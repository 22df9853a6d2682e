#!/bin/sh
# A PostgreSQL server of one's own for tests and benchmarks: it listens on a Unix socket in DIR only, and never
# touches the machine's own server.
#
#   private-postgres.sh start DIR    makes DIR, starts a server there, prints the URL of its database `postgres`
#   private-postgres.sh stop DIR     stops it and removes DIR
#
# PRIVATE_POSTGRES_OPTIONS adds server settings. Writes are not forced to disk (fsync=off): set
# PRIVATE_POSTGRES_DURABLE=1 where that matters.
set -eu

fail() {
    echo "private-postgres: $*" >&2
    exit 1
}

[ $# -eq 2 ] || fail "usage: $0 start|stop DIR"
action=$1
dir=$2

# The server's programs are in no PATH on Debian.
bin=""
for candidate in $(ls -d /usr/lib/postgresql/*/bin 2>/dev/null | sort -V -r); do
    if [ -x "$candidate/postgres" ] && [ -x "$candidate/initdb" ]; then
        bin=$candidate
        break
    fi
done
if [ -z "$bin" ] && command -v postgres >/dev/null && command -v initdb >/dev/null; then
    bin=$(dirname "$(command -v postgres)")
fi

# The server refuses to run as root.
as_server() {
    if [ "$(id -u)" = 0 ]; then
        (cd "$dir" && exec setpriv --reuid=postgres --regid=postgres --init-groups "$@")
    else
        (cd "$dir" && exec "$@")
    fi
}

case $action in
start)
    [ -n "$bin" ] || fail "no PostgreSQL server found; install it: apt-get install postgresql (14 or newer)"
    [ ! -e "$dir/data" ] || fail "$dir: there is a server already"
    [ ${#dir} -le 80 ] || fail "$dir: too long a path for a socket; take a shorter one"
    mkdir -p "$dir"
    [ "$(id -u)" != 0 ] || chown postgres:postgres "$dir"
    chmod 755 "$dir"
    as_server "$bin/initdb" -D "$dir/data" -U postgres -A trust --no-locale -E UTF8 --no-sync >"$dir/initdb.log" 2>&1 ||
        fail "initdb failed: $(cat "$dir/initdb.log")"
    fast="-c fsync=off -c full_page_writes=off -c synchronous_commit=off"
    [ -z "${PRIVATE_POSTGRES_DURABLE:-}" ] || fast=""
    # shellcheck disable=SC2086 # lists of options
    as_server "$bin/pg_ctl" start -D "$dir/data" -w -t 60 -s -l "$dir/server.log" \
        -o "-c listen_addresses='' -c unix_socket_directories='$dir' -c shared_buffers=256MB -c max_wal_size=4GB \
        -c max_connections=60 $fast ${PRIVATE_POSTGRES_OPTIONS:-}" ||
        fail "the server did not start: $(cat "$dir/server.log")"
    echo "postgres:///postgres?host=$dir&user=postgres"
    ;;
stop)
    [ -n "$bin" ] || fail "no PostgreSQL server found"
    if [ -e "$dir/data/postmaster.pid" ]; then
        as_server "$bin/pg_ctl" stop -D "$dir/data" -m fast -w -t 60 -s || fail "$dir: the server does not stop"
    fi
    rm -rf "$dir"
    ;;
*) fail "usage: $0 start|stop DIR" ;;
esac
