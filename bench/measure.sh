#!/bin/sh
# What the comparisons share: the machine's figures, one server at a time, the record of what
# was measured.  Sourced, after $run (the server's folder), $raw (the record) and $keep are set;
# the sourcing script has start SYSTEM, which starts a server and sets pid and port.
# shellcheck disable=SC2034,SC2154

pid='' port=0

say() { printf '%s\n' "$*" >&2; }
die() { say "$*"; exit 1; }
stop() {
    [ -n "$pid" ] && kill "$pid" 2>/dev/null && wait "$pid" 2>/dev/null
    pid=''
}
trap 'stop; [ -n "$keep" ] || rm -rf "$run"' EXIT
trap 'exit 130' INT TERM

# ---- the machine ----------------------------------------------------------------------

ticks=$(getconf CLK_TCK)
cpu_s() { awk -v t="$ticks" '{ sub(/^.*\) /, ""); printf "%.2f", ($12 + $13) / t }' "/proc/$pid/stat"; }
anon_bytes() { awk '/^RssAnon/ { print $2 * 1024 }' "/proc/$pid/status"; }
# busy and stolen seconds of the whole machine
machine() { awk -v t="$ticks" '/^cpu / { print ($2 + $3 + $4 + $7 + $8) / t, $9 / t }' /proc/stat; }
now() { awk '{ print $1 }' /proc/uptime; }
calc() { awk "BEGIN { printf \"%.6g\", $* }"; }
field() { sed -n "s/.*\"$1\":\([-0-9.e+]*\).*/\1/p"; }

# The next TCP port from here on that nobody listens on.
next_port=$((20000 + $$ % 10000))
free_port() {
    while :; do
        next_port=$((next_port + 1))
        hex=$(printf ':%04X ' $next_port)
        grep -q "$hex" /proc/net/tcp /proc/net/tcp6 /proc/net/udp 2>/dev/null || break
    done
}

# ---- a server -------------------------------------------------------------------------

await() { # SYSTEM PATH: until it answers there
    tries=0
    until curl -sf -o /dev/null "http://127.0.0.1:$port$2"; do
        tries=$((tries + 1))
        if [ $tries -ge 300 ] || ! kill -0 "$pid" 2>/dev/null; then
            cat "$run/log" >&2
            die "$1 does not start"
        fi
        sleep 0.1
    done
    sleep 1
}

# Until the server has used at most 4 % of a core for 4 s; at most 180 s.
idle() {
    quiet=0 waited=0
    while [ $quiet -lt 2 ] && [ $waited -lt 90 ]; do
        used=$(cpu_s)
        sleep 2
        if [ "$(calc "$(cpu_s) - $used <= 0.08")" = 1 ]; then quiet=$((quiet + 1)); else quiet=0; fi
        waited=$((waited + 1))
    done
    [ $waited -lt 90 ] || say "note: not idle after 180 s"
}

bytes_in() { [ -e "$1" ] && du -sb "$1" | cut -f1 || echo 0; }

# ---- recording ------------------------------------------------------------------------

pair=0 system='' workload=''
record() { # MEASURE VALUE
    printf '{"pair":%d,"system":"%s","workload":"%s","measure":"%s","value":%s}\n' \
        "$pair" "$system" "$workload" "$1" "${2:-null}" >>"$raw"
}

begin_run() {
    say "pair $pair: $workload: $system"
    start "$system"
    run_machine=$(machine) run_began=$(now) run_cpu=$(cpu_s)
}

# How much of the machine was stolen, and taken by programs that are not the server's.
end_run() {
    # shellcheck disable=SC2086,SC2046
    set -- $run_machine $(machine) "$run_began" "$(now)" "$run_cpu" "$(cpu_s)"
    cores=$(nproc)
    record steal_percent "$(calc "100 * ($4 - $2) / ($6 - $5) / $cores")"
    record others_percent "$(calc "100 * ($3 - $1 - ($8 - $7)) / ($6 - $5) / $cores")"
    stop
}
