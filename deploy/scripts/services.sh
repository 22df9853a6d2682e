#!/bin/sh
# The broker and the database of a developer's machine, on free ports and in a folder of their own:
#   services.sh start [DIR]    starts what is not running yet and prints the URLs
#   services.sh stop [DIR]     ends both; their data stay
#   services.sh remove [DIR]   ends both and removes DIR
# DIR: /tmp/sessionizer-services-USER, which the server's own user may enter where a home folder may not.
set -eu
cd "$(dirname "$0")"
action=${1:-}
dir=${2:-/tmp/sessionizer-services-$(id -un)}

case $action in
start)
    mkdir -p "$dir"
    # Others may pass through to the servers' folders, which let nobody in.
    chmod 711 "$dir"
    database=$(./private-postgres.sh start "$dir/postgres")
    if [ -f "$dir/rabbitmq/pids/beam" ] && kill -0 "$(cat "$dir/rabbitmq/pids/beam")" 2>/dev/null; then
        broker=$(cat "$dir/rabbitmq/urls")
    else
        broker=$(./private-rabbitmq.sh start "$dir/rabbitmq")
    fi
    echo "PostgreSQL  $database"
    echo "RabbitMQ    $(echo "$broker" | sed -n 1p)"
    echo "  its page  $(echo "$broker" | sed -n 2p)"
    ;;
stop)
    [ ! -d "$dir/rabbitmq" ] || ./private-rabbitmq.sh stop "$dir/rabbitmq"
    [ ! -d "$dir/postgres" ] || ./private-postgres.sh stop "$dir/postgres"
    ;;
remove)
    [ ! -d "$dir/rabbitmq" ] || ./private-rabbitmq.sh stop "$dir/rabbitmq"
    [ ! -d "$dir/postgres" ] || ./private-postgres.sh remove "$dir/postgres"
    rm -rf "$dir"
    ;;
*)
    echo "usage: $0 start|stop|remove [DIR]" >&2
    exit 2
    ;;
esac
