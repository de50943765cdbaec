#!/usr/bin/env bash
# Logs by Loki's API: what Grafana and curl ask, the live tail, andon tail.
#   bash tests/scenario/loki.sh build/release/andon
exec node "$(dirname "$0")/loki.mjs" "$@"
