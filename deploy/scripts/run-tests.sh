#!/bin/sh
# Runs the tests that are built: run-tests.sh SECONDS [SWIFT]. Those that start brokers and wait for them in one process, all
# others beside them in another, because tests of one process share as many threads as there are cores, and one that
# waits keeps others from going on. What failed is told again at the end.
set -eu
cd "$(dirname "$0")/../.."
limit=${1:?how many seconds may they take}
program=$(${2:-swift} build --show-bin-path)/sessionizerPackageTests.xctest
logs=$(mktemp -d)
trap 'rm -rf "$logs"' EXIT

# Line by line, and ended where it hangs: the last lines name the test. Where this script is ended, so are they, and
# the servers that they have started.
part() {
    name=$1
    shift
    {
        code=0
        NO_COLOR=1 stdbuf -oL sh -c 'echo $$ >"$0"; exec timeout -k 30 "$@"' "$logs/$name.process" \
            "$limit" "$program" --testing-library swift-testing "$@" 2>&1 || code=$?
        echo "$code" >"$logs/$name.code"
    } | tee "$logs/$name.log"
}
ended() {
    trap - INT TERM HUP
    for name in live others; do
        [ ! -s "$logs/$name.process" ] || kill -TERM "$(cat "$logs/$name.process")" 2>/dev/null || true
    done
    wait
    exit 130
}
trap ended INT TERM HUP
part live --filter '^LiveTests\.' &
part others --skip '^LiveTests\.' &
wait

failed=0
echo
for name in live others; do
    code=$(cat "$logs/$name.code" 2>/dev/null || echo none)
    [ "$code" = 0 ] || failed=1
    case $code in
    124 | 137) echo "tests ($name): not done after $limit s" ;;
    esac
    # Not one test is a mistake, and no success.
    if ! grep -E ' Test run with [1-9]' "$logs/$name.log"; then
        failed=1
        echo "tests ($name): ended before their end, status $code"
        grep -m 1 -A 2 -E 'Fatal error|error:' "$logs/$name.log" || tail -n 5 "$logs/$name.log"
    fi
    # An issue's first line, and what the test says of it.
    grep -A 3 ' recorded an issue ' "$logs/$name.log" | grep -E ' recorded an issue |^↳' | cut -c 1-400 | head -n 20 || true
done
exit $failed
