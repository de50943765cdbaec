#!/usr/bin/env bash
# TLS, users, tokens and their scopes.
#   bash tests/scenario/auth.sh build/release/andon
exec node "$(dirname "$0")/auth.mjs" "$@"
