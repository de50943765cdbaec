#!/usr/bin/env bash
# Logs through every door, found again through Loki's API.
#   bash tests/scenario/logs.sh build/release/andon
exec node "$(dirname "$0")/logs.mjs" "$@"
