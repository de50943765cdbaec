#!/usr/bin/env bash
# From one signal to the others, and what the server traces of itself.
#   bash tests/scenario/together.sh build/release/andon
exec node "$(dirname "$0")/together.mjs" "$@"
