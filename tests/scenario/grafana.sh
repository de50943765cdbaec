#!/usr/bin/env bash
# Every query of the dashboards in deploy/grafana, asked as Grafana asks it.
#   bash tests/scenario/grafana.sh build/release/andon
exec node "$(dirname "$0")/grafana.mjs" "$@"
