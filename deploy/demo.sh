#!/usr/bin/env bash
# A look at Andon in one command: builds a release, starts a server with a data folder that
# is thrown away, sends it this machine's metrics and a small shop's over UDP, TCP and
# OTLP/HTTP, prints the board's URL and what to try, and runs until Ctrl-C.
#   ./deploy/demo.sh                 until Ctrl-C
#   ./deploy/demo.sh --seconds 20    ends by itself, exit 0
set -eu
cd "$(dirname "$0")/.."

usage() {
    sed -n '2,6s/^# \{0,1\}//p' deploy/demo.sh
    exit "$1"
}

seconds=
while [ $# -gt 0 ]; do
    case $1 in
    --seconds) seconds=${2-}; shift; [ $# -gt 0 ] && shift ;;
    --seconds=*) seconds=${1#*=}; shift ;;
    -h | --help) usage 0 ;;
    *) echo "demo.sh: unknown argument '$1'" >&2; usage 2 >&2 ;;
    esac
    case $seconds in
    '' | *[!0-9]*) echo "demo.sh: --seconds wants a whole number" >&2; exit 2 ;;
    esac
done

# ---- build -------------------------------------------------------------------------------

andon=$PWD/build/release/andon
echo "building build/release/andon (a few minutes the first time) ..."
bash deploy/packages.sh build
log=build/demo-build.log
mkdir -p build
if ! { cmake --preset release && cmake --build build/release --target andon; } >"$log" 2>&1; then
    tail -n 30 "$log" >&2
    echo "demo.sh: the build failed, see $log" >&2
    exit 1
fi

# ---- start; everything that is started is ended here -----------------------------------------

work=$(mktemp -d "${TMPDIR:-/tmp}/andon-demo.XXXXXX")
server=
sender=
end_child() { # PID: asks it to stop and waits
    [ -n "$1" ] || return 0
    kill -TERM "$1" 2>/dev/null || true
    wait "$1" 2>/dev/null || true
}
cleanup() {
    end_child "$sender"
    end_child "$server"
    rm -rf "$work"
}
trap cleanup EXIT
stopped=
trap 'stopped=1' INT TERM HUP

# setsid: Ctrl-C is for this script, which then ends its children in order.
# Port 0: the kernel picks free ports, whatever else runs here.
setsid "$andon" serve --data-dir "$work/data" --http-listen 127.0.0.1:0 --grpc-listen 127.0.0.1:0 \
    --tcp-listen 127.0.0.1:0 --udp-listen 127.0.0.1:0 >"$work/server.log" 2>&1 &
server=$!

address() { # DOOR: its address from the server's banner
    sed -n "s/^  $1  *\([0-9.]*:[0-9]*\).*/\1/p" "$work/server.log" | tail -n 1
}
for _ in $(seq 1 150); do
    grep -q ' ready ' "$work/server.log" && break
    kill -0 "$server" 2>/dev/null || break
    sleep 0.1
done
if ! grep -q ' ready ' "$work/server.log"; then
    cat "$work/server.log" >&2
    echo "demo.sh: the server did not start" >&2
    exit 1
fi
http=$(address http)
tcp=$(address 'tcp frames')
udp=$(address 'udp frames')

setsid node deploy/demo/send.mjs "$http" "$tcp" "$udp" >"$work/sent" 2>"$work/sender.log" &
sender=$!

cat <<TEXT

  board    http://$http/
  explore  http://$http/explore?q=sum+by+(job)+(rate(http_server_requests_total%5B1m%5D))&range=300

  try
    curl -s 'http://$http/api/v1/query?query=node_load'
    curl -s 'http://$http/api/v1/query' --data-urlencode 'query=histogram_quantile(0.9, sum by (le, job) (rate(http_server_request_duration_seconds_bucket[1m])))'
    curl -s 'http://$http/metrics' | grep andon_items

  data     $work (removed at the end)
TEXT
[ -n "$seconds" ] && printf '\nrunning for %s s ...\n' "$seconds" || printf '\nrunning until Ctrl-C ...\n'

# ---- run ---------------------------------------------------------------------------------------

until=$((SECONDS + ${seconds:-1000000000}))
failed=
while [ -z "$stopped" ] && [ "$SECONDS" -lt "$until" ]; do
    for child in "$server" "$sender"; do
        kill -0 "$child" 2>/dev/null || failed=1
    done
    [ -z "$failed" ] || break
    sleep 0.5 &
    wait $! 2>/dev/null || true
done
if [ -n "$failed" ]; then
    cat "$work/server.log" "$work/sender.log" >&2
    echo "demo.sh: the server or the sender ended by itself" >&2
    exit 1
fi

# ---- what was sent, what is stored -----------------------------------------------------------------

end_child "$sender"
sender=
total() { # FAMILY-AND-LABELS-REGEX: the sum of its cells
    printf '%s\n' "$metrics" | awk -v family="$1" '$1 ~ family { n += $2 } END { printf "%.0f", n }'
}
metrics=$(node -e 'fetch(process.argv[1]).then((a) => a.text()).then((t) => console.log(t))' "http://$http/metrics")
echo
echo "summary"
cat "$work/sent"
for door in udp tcp otlp_http; do
    printf '  stored  %-10s %s points accepted, %s refused\n' "$door" \
        "$(total "^andon_items_accepted_total.door=\"$door\"")" \
        "$(total "^andon_(items|messages)_rejected_total.*door=\"$door\"")"
done
printf '  store   %s series, journal %s KiB, segments %s KiB\n' "$(total '^andon_series_active$')" \
    "$(($(total '^andon_journal_bytes$') / 1024))" "$(($(total '^andon_segment_bytes$') / 1024))"
exit 0
