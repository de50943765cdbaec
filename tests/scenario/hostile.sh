#!/usr/bin/env bash
# Senders that mean harm: smuggled requests, bombs, slow clients, garbage.
#   bash tests/scenario/hostile.sh build/release/andon
exec node "$(dirname "$0")/hostile.mjs" "$@"
