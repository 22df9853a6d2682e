#!/bin/sh
# Builds the decoder with libFuzzer and the address sanitizer, makes a corpus of the catalogue's events, and
# fuzzes for so many seconds. Fails where the decoder crashes, reads out of bounds, or disagrees with the plain
# JSON reader of the tests; the input is then kept in .build/fuzz/crashes.
#   deploy/scripts/fuzz-decoder.sh SECONDS
set -eu
cd "$(dirname "$0")/../.."
seconds=${1:?"usage: fuzz-decoder.sh SECONDS"}
build=.build/fuzz
SESSIONIZER_FUZZ=1 ${SWIFT:-swift} build -c release --scratch-path "$build" --product decoder-fuzz \
    -Xswiftc -sanitize=fuzzer,address -Xcc -fsanitize=fuzzer-no-link,address -Xcxx -fsanitize=fuzzer-no-link,address
mkdir -p "$build/corpus" "$build/seeds" "$build/crashes"
python3 deploy/scripts/fuzz-corpus.py config/events.yaml "$build/seeds" "$build/dictionary"
"$build/release/decoder-fuzz" -max_total_time="$seconds" -timeout=5 -rss_limit_mb=2048 -max_len=8192 \
    -dict="$build/dictionary" -artifact_prefix="$build/crashes/" -print_final_stats=1 "$build/corpus" "$build/seeds"
