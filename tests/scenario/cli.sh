#!/usr/bin/env bash
# The program's commands, as a person types them.
#   bash tests/scenario/cli.sh build/release/andon
exec node "$(dirname "$0")/cli.mjs" "$@"
