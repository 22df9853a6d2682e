#!/bin/bash
# A PostgreSQL server of one's own for tests, demos and benchmarks: it listens on a Unix socket in DIR only, which
# none but its owner and root may enter, and never touches the machine's own server. As root it runs as `postgres`.
#   private-postgres.sh start DIR    starts it (on the data in DIR, if there is some), prints the URL of its database
#                                    `postgres`
#   private-postgres.sh stop DIR     stops it; DIR stays
#   private-postgres.sh kill DIR     ends it without a warning, as a power cut would; DIR stays
#   private-postgres.sh promote DIR  makes a standby take writes
#   private-postgres.sh remove DIR   ends it and removes DIR
#   private-postgres.sh watch DIR    reads standard input to its end, then does the same: where that is a pipe, the
#                                    server ends with the process that holds its other end, however that ends
# PRIVATE_POSTGRES_OPTIONS adds server settings. Writes are not forced to disk (fsync=off): set
# PRIVATE_POSTGRES_DURABLE=1 where that matters. PRIVATE_POSTGRES_FOLLOW: the folder of one that runs, of which a new one
# becomes the standby.
set -eu

fail() {
    echo "private-postgres: $*" >&2
    exit 1
}

[ $# -eq 2 ] || fail "usage: $0 start|stop|kill|promote|remove|watch DIR"
action=$1
dir=$2
case $dir in
/*) ;;
*) dir=$(pwd)/$dir ;;
esac

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
[ -n "$bin" ] || fail "no PostgreSQL server found; install it: apt-get install postgresql (14 or newer)"

# The server refuses to run as root.
as_server() {
    if [ "$(id -u)" = 0 ]; then
        (cd "$dir" && exec setpriv --reuid=postgres --regid=postgres --init-groups "$@")
    else
        (cd "$dir" && exec "$@")
    fi
}

# The server outlives whoever has it started: it must not hold their pipes and sockets open.
close_inherited() {
    local path fd
    for path in "/proc/$BASHPID/fd/"*; do
        fd=${path##*/}
        if [ "$fd" -gt 2 ] && [ "$fd" -ne 255 ]; then exec {fd}>&-; fi
    done
}

is_running() { [ -e "$dir/data/postmaster.pid" ] && as_server "$bin/pg_ctl" status -D "$dir/data" >/dev/null 2>&1; }

end() {
    if is_running; then
        as_server "$bin/pg_ctl" stop -D "$dir/data" -m "$1" -w -t 60 -s || fail "$dir: the server does not stop"
    fi
}

case $action in
start)
    close_inherited
    # The longest path of a socket has 107 bytes.
    [ ${#dir} -le 80 ] || fail "$dir: too long a path for a socket; take a shorter one"
    mkdir -p "$dir"
    if [ "$(id -u)" = 0 ]; then
        chown postgres:postgres "$dir"
        as_server true 2>/dev/null || fail "$dir: the user postgres may not enter the folders above it"
    fi
    chmod 700 "$dir"
    if [ ! -e "$dir/data" ] && [ -n "${PRIVATE_POSTGRES_FOLLOW:-}" ]; then
        as_server "$bin/pg_basebackup" -h "$PRIVATE_POSTGRES_FOLLOW" -U postgres -D "$dir/data" -R -X stream \
            --checkpoint=fast --no-sync >"$dir/basebackup.log" 2>&1 ||
            fail "pg_basebackup failed: $(cat "$dir/basebackup.log")"
    elif [ ! -e "$dir/data" ]; then
        as_server "$bin/initdb" -D "$dir/data" -U postgres -A trust --no-locale -E UTF8 --no-sync \
            >"$dir/initdb.log" 2>&1 || fail "initdb failed: $(cat "$dir/initdb.log")"
    fi
    fast="-c fsync=off -c full_page_writes=off -c synchronous_commit=off"
    [ -z "${PRIVATE_POSTGRES_DURABLE:-}" ] || fast=""
    if ! is_running; then
        # shellcheck disable=SC2086 # lists of options
        as_server "$bin/pg_ctl" start -D "$dir/data" -w -t 60 -s -l "$dir/server.log" \
            -o "-c listen_addresses='' -c unix_socket_directories='$dir' -c shared_buffers=256MB \
            -c max_wal_size=4GB -c max_connections=60 $fast ${PRIVATE_POSTGRES_OPTIONS:-}" ||
            fail "the server did not start: $(cat "$dir/server.log")"
    fi
    echo "postgres:///postgres?host=$dir&user=postgres"
    ;;
stop) end fast ;;
kill) end immediate ;;
promote) as_server "$bin/pg_ctl" promote -D "$dir/data" -w -t 60 -s || fail "$dir: the standby is not promoted" ;;
remove | watch)
    if [ "$action" = watch ]; then
        close_inherited
        cat >/dev/null
    fi
    end immediate
    rm -rf "$dir"
    ;;
*) fail "usage: $0 start|stop|kill|promote|remove|watch DIR" ;;
esac
