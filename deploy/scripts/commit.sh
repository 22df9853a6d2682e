#!/bin/sh
# Prints the commit that is checked out, with a `+` where files were changed since; `unknown` outside a clone.
cd "$(dirname "$0")/../.."
commit=$(git rev-parse --short=9 HEAD 2>/dev/null) || { echo unknown; exit 0; }
git diff --quiet HEAD 2>/dev/null || commit="$commit+"
echo "$commit"
