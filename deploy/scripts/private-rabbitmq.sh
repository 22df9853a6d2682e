#!/bin/sh
# A RabbitMQ of one's own: free ports of the loopback interface, everything else in one folder. Needs no root, no
# service manager and no container; needs Debian's rabbitmq-server.
#   private-rabbitmq.sh start DIR    starts it, waits until it answers, prints its URLs (also kept in DIR/urls)
#   private-rabbitmq.sh stop DIR     ends it and its port mapper; DIR stays, so that start goes on with its queues
#   private-rabbitmq.sh kill DIR     ends it without a warning, as a power cut would
#   private-rabbitmq.sh ctl DIR ...  runs rabbitmqctl on it
# RABBITMQ_CONF_EXTRA: a file with more lines for rabbitmq.conf (TLS listeners, ...).
# PRIVATE_RABBITMQ_JOIN: the folder of one that runs, whose cluster a new one becomes a node of.
set -eu

fail() { echo "private-rabbitmq: $1" >&2; exit 1; }
[ $# = 2 ] || { [ $# -gt 2 ] && [ "$1" = ctl ]; } || fail "expected: start|stop|kill DIR, or ctl DIR WORDS..."
command=$1
server=/usr/lib/rabbitmq/bin/rabbitmq-server

free_port() {
    python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'
}

answers() { # the broker's first frame begins with byte 1
    python3 - "$1" <<'EOF'
import socket, sys
try:
    s = socket.create_connection(("127.0.0.1", int(sys.argv[1])), 1)
    s.settimeout(2)
    s.sendall(b"AMQP\0\0\x09\x01")
    sys.exit(0 if s.recv(1) == b"\1" else 1)
except OSError:
    sys.exit(1)
EOF
}

# Whether a process of ours is still there: a zombie is not. It may go between any two looks at it.
lives() {
    state=$(sed 's/.*) //' "/proc/$1/stat" 2>/dev/null | cut -c1)
    [ -n "$1" ] && [ -n "$state" ] && [ "$state" != Z ]
}

# Where it is reached, as DIR/ports has it.
read_ports() {
    amqp='' management='' dist='' epmd='' node=''
    # shellcheck source=/dev/null
    . "$dir/ports"
    [ -n "$amqp" ] && [ -n "$management" ] && [ -n "$dist" ] && [ -n "$epmd" ] && [ -n "$node" ] ||
        fail "$dir/ports is not whole; remove the folder and start anew"
}

wait_gone() {
    tries=0
    while lives "$1"; do
        tries=$((tries + 1))
        [ $tries -lt 300 ] || return 1
        sleep 0.1
    done
}

end_all() {
    signal=$1
    if [ -f "$dir/pids/beam" ]; then
        pid=$(cat "$dir/pids/beam")
        if lives "$pid"; then
            kill "-$signal" "$pid"
            wait_gone "$pid" || { kill -9 "$pid"; wait_gone "$pid" || fail "process $pid does not end"; }
        fi
        rm -f "$dir/pids/beam"
    fi
    if [ -f "$dir/pids/wrapper" ]; then
        pid=$(cat "$dir/pids/wrapper")
        if lives "$pid"; then kill "$pid" 2>/dev/null || true; fi
        rm -f "$dir/pids/wrapper"
    fi
    # What a start that was cut short has left may be written down nowhere.
    for process in $(of_this_node); do kill "-$signal" "$process" 2>/dev/null || true; done
    for process in $(of_this_node); do
        wait_gone "$process" || { kill -9 "$process" 2>/dev/null || true; }
    done
    # Its port mapper, found by the port that only it, or its cluster, was given; the last of a cluster ends it.
    if [ -f "$dir/ports" ]; then
        read_ports
        [ -n "$(of_these_ports beam.smp)" ] || for process in $(of_these_ports epmd); do
            kill "$process" 2>/dev/null || true
        done
    fi
}

# The living processes of that name that use this port mapper.
of_these_ports() {
    for process in $(with_variable "ERL_EPMD_PORT=$epmd"); do
        [ "$(cat "/proc/$process/comm" 2>/dev/null)" != "$1" ] || echo "$process"
    done
}

# The living processes of this node, but for the port mapper that it may have started for the others, too.
of_this_node() {
    for process in $(with_variable "RABBITMQ_PID_FILE=$dir/pids/beam"); do
        [ "$(cat "/proc/$process/comm" 2>/dev/null)" = epmd ] || echo "$process"
    done
}

with_variable() {
    for environment in $(grep -lzxF "$1" /proc/[0-9]*/environ 2>/dev/null); do
        process=${environment#/proc/}
        # A process may be gone before it is looked at.
        if lives "${process%/environ}"; then echo "${process%/environ}"; fi
    done
}

case $command in
start)
    [ -x $server ] || fail "$server is missing; apt-get install rabbitmq-server"
    mkdir -p "$2"
    dir=$(cd "$2" && pwd)
    mkdir -p "$dir/home" "$dir/mnesia" "$dir/log" "$dir/config" "$dir/pids"
    if [ ! -f "$dir/ports" ]; then
        if [ -n "${PRIVATE_RABBITMQ_JOIN:-}" ]; then
            # shellcheck source=/dev/null
            epmd=$(. "$PRIVATE_RABBITMQ_JOIN/ports" && echo "$epmd")
            # shellcheck source=/dev/null
            joined=$(. "$PRIVATE_RABBITMQ_JOIN/ports" && echo "$node")
            cp "$PRIVATE_RABBITMQ_JOIN/home/.erlang.cookie" "$dir/home/.erlang.cookie"
            printf 'cluster_formation.classic_config.nodes.1 = %s\n' "$joined" > "$dir/joined.conf"
        else
            epmd=$(free_port)
            python3 -c 'import secrets; print(secrets.token_hex(20), end="")' > "$dir/home/.erlang.cookie"
        fi
        chmod 400 "$dir/home/.erlang.cookie"
        printf 'amqp=%s\nmanagement=%s\ndist=%s\nepmd=%s\nnode=%s\n' "$(free_port)" "$(free_port)" \
            "$(free_port)" "$epmd" "private$$@localhost" > "$dir/ports"
    fi
    read_ports
    echo '[rabbitmq_management,rabbitmq_consistent_hash_exchange].' > "$dir/plugins"
    cat > "$dir/rabbitmq.conf" <<EOF
listeners.tcp.1 = 127.0.0.1:$amqp
management.tcp.ip = 127.0.0.1
management.tcp.port = $management
log.console = false
vm_memory_high_watermark.absolute = 1GB
disk_free_limit.absolute = 100MB
EOF
    [ ! -f "$dir/joined.conf" ] || cat "$dir/joined.conf" >> "$dir/rabbitmq.conf"
    [ -z "${RABBITMQ_CONF_EXTRA:-}" ] || cat "$RABBITMQ_CONF_EXTRA" >> "$dir/rabbitmq.conf"
    # Its own session: signals to the caller's terminal are not for it.
    env -i PATH="$PATH" LANG=C.UTF-8 HOME="$dir/home" \
        RABBITMQ_CONF_ENV_FILE=/dev/null RABBITMQ_NODENAME="$node" RABBITMQ_MNESIA_BASE="$dir/mnesia" \
        RABBITMQ_LOG_BASE="$dir/log" RABBITMQ_PID_FILE="$dir/pids/beam" \
        RABBITMQ_CONFIG_FILE="$dir/rabbitmq.conf" RABBITMQ_ENABLED_PLUGINS_FILE="$dir/plugins" \
        RABBITMQ_FEATURE_FLAGS_FILE="$dir/feature_flags" RABBITMQ_GENERATED_CONFIG_DIR="$dir/config" \
        RABBITMQ_DIST_PORT="$dist" ERL_EPMD_PORT="$epmd" ERL_EPMD_ADDRESS=127.0.0.1 \
        RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS='-kernel inet_dist_use_interface {127,0,0,1}' \
        setsid "$server" > "$dir/log/console" 2>&1 < /dev/null &
    echo $! > "$dir/pids/wrapper"
    tries=0
    until answers "$amqp"; do
        tries=$((tries + 1))
        if [ $tries -gt 300 ] || ! lives "$(cat "$dir/pids/wrapper")"; then
            tail -n 20 "$dir/log/console" >&2
            end_all TERM
            fail "the broker did not start; see $dir/log"
        fi
        sleep 0.2
    done
    printf 'amqp://guest:guest@127.0.0.1:%s\nhttp://guest:guest@127.0.0.1:%s\n' "$amqp" "$management" > "$dir/urls"
    cat "$dir/urls"
    ;;
stop|kill)
    [ -d "$2" ] || fail "$2: no such folder"
    dir=$(cd "$2" && pwd)
    if [ "$command" = stop ]; then end_all TERM; else end_all KILL; fi
    ;;
ctl)
    dir=$(cd "$2" && pwd)
    read_ports
    shift 2
    exec env -i PATH="$PATH" LANG=C.UTF-8 HOME="$dir/home" RABBITMQ_CONF_ENV_FILE=/dev/null \
        RABBITMQ_NODENAME="$node" ERL_EPMD_PORT="$epmd" /usr/lib/rabbitmq/bin/rabbitmqctl "$@"
    ;;
*) fail "$command: expected start, stop, kill or ctl" ;;
esac
