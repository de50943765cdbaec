#!/usr/bin/env bash
# Spans sent over OTLP, and the metrics that the server derives from them.
#   bash tests/scenario/span_metrics.sh build/release/andon
exec node "$(dirname "$0")/span_metrics.mjs" "$@"
