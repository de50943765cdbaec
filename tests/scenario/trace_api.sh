#!/usr/bin/env bash
# Traces by Tempo's and Jaeger's APIs: what Grafana, Jaeger's UI and curl ask, andon query, andon trace.
#   bash tests/scenario/trace_api.sh build/release/andon
exec node "$(dirname "$0")/trace_api.mjs" "$@"
