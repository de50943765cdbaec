#!/usr/bin/env bash
# Old data in any order, long retention, snapshots, limits.
#   bash tests/scenario/store.sh build/release/andon
exec node "$(dirname "$0")/store.mjs" "$@"
