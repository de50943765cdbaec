#!/usr/bin/env bash
# Spans through every door, read back as OTLP JSON.
#   bash tests/scenario/spans.sh build/release/andon
exec node "$(dirname "$0")/spans.mjs" "$@"
