#!/usr/bin/env bash
# What each protocol is answered, and that every item is counted once.
#   bash tests/scenario/protocols.sh build/release/andon
exec node "$(dirname "$0")/protocols.mjs" "$@"
