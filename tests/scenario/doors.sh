#!/usr/bin/env bash
# Listening, refusing to listen, and which settings win.
#   bash tests/scenario/doors.sh build/release/andon
exec node "$(dirname "$0")/doors.mjs" "$@"
