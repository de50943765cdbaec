#!/usr/bin/env bash
# Start, reload, seal, stop, start again: nothing acknowledged is lost.
#   bash tests/scenario/life.sh build/release/andon
exec node "$(dirname "$0")/life.mjs" "$@"
