#!/usr/bin/env bash
# A disk that fills up and empties again, as a tmpfs in a mount namespace of its own.
#   bash tests/crash/disk_full.sh build/release/andon
set -u
here=$(dirname "$0")
for way in "unshare --mount" "unshare --map-root-user --mount"; do
    if $way sh -c 'mount -t tmpfs -o size=1m tmpfs /mnt' 2>/dev/null; then
        # shellcheck disable=SC2016
        exec $way sh -c 'mount -t tmpfs -o size=200m tmpfs /mnt && exec node "$0" "$@"' "$here/disk_full.mjs" "$@"
    fi
done
echo "skipped: mounting a tmpfs is not permitted here, so no disk was filled"
