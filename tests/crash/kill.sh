#!/usr/bin/env bash
# SIGKILL at random moments under load; everything acknowledged must be found again.
#   bash tests/crash/kill.sh build/release/andon [KILLS] [SEED]
exec node "$(dirname "$0")/kill.mjs" "$@"
