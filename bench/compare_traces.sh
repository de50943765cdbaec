#!/bin/sh
# Andon and VictoriaTraces on the same spans, in one run, in turn.  Prints markdown tables.
#
#   bench/compare_traces.sh [--traces N] [--quick] [--pairs N] [--alone] [--keep]
#
# --traces: 100,000 by default, some 8 spans each; more than 500,000 are generated and sent in
# pieces of that size.  --quick: one pair of 20,000.  --alone: Andon only.  Environment: ANDON
# (build/release/andon), VICTORIA_TRACES: binaries; the latter from the PATH by default, left out
# when it is not there.  VICTORIA_TRACES_VERSION: what to print.  ANDON_FLAGS: more flags for
# andon serve.  REPEAT: how often a query is asked (20).
#
# Needs: sh, awk, curl, du, and the programs of the `benches` target in build/release.
# Writes under build/bench/traces only; ends only the processes it started.
# What is measured and how: bench/README.md.
set -u
cd "$(dirname "$0")/.." || exit 2

pairs=3 traces=100000 repeat=${REPEAT:-20} alone='' keep='' connections=8 span_s=3600 piece=500000
while [ $# -gt 0 ]; do
    case $1 in
    --quick) pairs=1 traces=20000 repeat=10 ;;
    --traces) shift; traces=$1 ;;
    --pairs) shift; pairs=$1 ;;
    --alone) alone=1 ;;
    --keep) keep=1 ;;
    *) sed -n '2,15s/^# \{0,1\}//p' "$0"; exit 2 ;;
    esac
    shift
done

bin=build/release
andon=${ANDON:-$bin/andon}
victoria=${VICTORIA_TRACES:-$(command -v victoria-traces)}
root=build/bench/traces
run=$root/run answers=$root/answers body=$root/spans.bin
raw=$root/raw.jsonl table=$root/table.md
. bench/measure.sh

# The metrics that Andon makes of spans are left out: VictoriaTraces makes none.
start() { # SYSTEM
    rm -rf "$run" && mkdir -p "$run"
    free_port; port=$next_port
    case $1 in
    andon)
        # shellcheck disable=SC2086
        "$andon" serve --data-dir "$run/store" --http-listen "127.0.0.1:$port" --grpc-listen off \
            --udp-listen off --tcp-listen off --self-records=false --span-metrics=false \
            ${ANDON_FLAGS:-} >"$run/log" 2>&1 &
        pid=$!
        await andon /-/ready
        ;;
    victoria)
        "$victoria" -httpListenAddr="127.0.0.1:$port" -storageDataPath="$run/store" \
            -retentionPeriod=30d >"$run/log" 2>&1 &
        pid=$!
        await victoria /health
        ;;
    esac
}

# Everything to its last form on disk.
settle() {
    case $system in
    andon) curl -sf -X POST -o /dev/null "http://127.0.0.1:$port/-/seal" ;;
    victoria)
        curl -sf -o /dev/null "http://127.0.0.1:$port/internal/force_flush"
        sleep 6 # parts in memory go to files every 5 s
        curl -sf -o /dev/null "http://127.0.0.1:$port/internal/force_merge"
        ;;
    esac || say "note: $system did not settle"
    idle
}

# Bytes of the data in its last form: without the journal.
data_bytes() {
    case $system in
    andon) echo $(($(bytes_in "$run/store") - $(bytes_in "$run/store/journal"))) ;;
    victoria) bytes_in "$run/store/partitions" ;;
    esac
}

# The whole set, piece by piece: the same bytes each time.  Sets sent, seconds, ack_p99.
send_all() {
    path=/v1/traces sent=0 seconds=0 from=0 ack_p99=0
    [ "$system" = victoria ] && path=/insert/opentelemetry/v1/traces
    while [ "$from" -lt "$traces" ]; do
        shape=$("$bin/gen_traces" "$body" "$end" traces="$traces" from="$from" count=$piece \
            span_s=$span_s) || die "$shape"
        if [ "$pair" = 1 ] && [ "$system" = andon ]; then
            echo "{\"data\":\"traces\",\"from\":$from,\"sha256\":\"$(sha256sum <"$body" | cut -d' ' -f1)\",\"shape\":$shape}" >>"$raw"
        fi
        result=$("$bin/replay" "$body" "$port" connections=$connections coding=none path=$path) ||
            say "note: $system: $result"
        record errors "$(echo "$result" | field errors)"
        record retries "$(echo "$result" | field retries)"
        sent=$((sent + $(echo "$result" | field samples)))
        seconds=$(calc "$seconds + $(echo "$result" | field seconds)")
        ack_p99=$(echo "$result" | field p99_ms)
        from=$((from + piece))
    done
    rm -f "$body"
}

# Every query `repeat` times: the median of the seconds that curl saw, and the server's CPU.  The
# range ends another second later each time, so that an answer kept does not answer it.
ask() { # STAGE
    mkdir -p "$answers/$system"
    grep -v '^#' bench/queries_traces.txt | while read -r name of path; do
        [ "$of" = "$system" ] || [ "$of" = "${system}_only" ] || continue
        before=$(cpu_s) n=0
        : >"$root/times"
        while [ $n -lt "$repeat" ]; do
            s=$((end / 1000 - span_s - 60)) e=$((end / 1000 + 60 + n))
            url=$(echo "$path" | sed "s/\$SU/${s}000000/; s/\$EU/${e}000000/; s/\$S/$s/; s/\$E/$e/")
            curl -s -o "$answers/$system/$name.json" -w '%{time_total} %{http_code}\n' \
                "http://127.0.0.1:$port$url" >>"$root/times"
            n=$((n + 1))
        done
        bad=$(grep -vc ' 200$' "$root/times")
        [ "$bad" = 0 ] || say "note: $system: $name: $bad answers were not 200" 2>>"$root/notes"
        record "$1.ms/$name" "$(sort -n "$root/times" | awk '{ t[NR] = $1 * 1000 } END { print t[int((NR + 1) / 2)] }')"
        record "$1.cpu/$name" "$(calc "($(cpu_s) - $before) * 1000 / $repeat")"
    done
}

run_traces() {
    begin_run
    before=$(cpu_s)
    send_all
    record spans_per_s "$(calc "$sent / $seconds")"
    record ack_p99_ms "$ack_p99"
    idle
    record cpu_us_per_span "$(calc "($(cpu_s) - $before) * 1e6 / $sent")"
    record memory_mb "$(calc "$(anon_bytes) / 1e6")"
    ask recent
    idle
    queried=$(cpu_s)
    settle
    record cpu_us_of_sealing "$(calc "($(cpu_s) - $queried) * 1e6 / $sent")"
    record bytes_per_span "$(calc "$(data_bytes) / $sent")"
    record memory_sealed_mb "$(calc "$(anon_bytes) / 1e6")"
    ask sealed
    record peak_mb "$(awk '/^VmHWM/ { print $2 * 1024 / 1e6 }' "/proc/$pid/status")"
    end_run
}

# Both answer in Jaeger's form: as many traces, and of trace_by_id as many spans.
compare_answers() {
    awk '!/^#/ && $2 == "victoria" { print $1 }' bench/queries_traces.txt | while read -r name; do
        count='"traceID":"[0-9a-f]*","spans"'
        [ "$name" = trace_by_id ] && count='"spanID":'
        [ "$name" = services ] && count='"[a-z-]*"[],]'
        for of in andon victoria; do
            sed 's/": *\[/":[/g; s/": *"/":"/g' "$answers/$of/$name.json" | grep -oE "$count" | sort -u | wc -l
        done | { read -r a; read -r b; [ "$a" = "$b" ] && echo "$name same $a" || echo "$name differs $a $b"; }
    done
}

[ -x "$andon" ] || die "$andon: build it first (cmake --preset release && cmake --build build/release)"
for program in gen_traces replay; do
    [ -x "$bin/$program" ] || die "$bin/$program: build the target benches first"
done
mkdir -p $root && rm -rf "$answers" && : >"$raw" && : >"$root/notes"
systems=andon versions=$("$andon" version 2>/dev/null | head -1)
if [ -n "$alone" ]; then
    say "Andon alone"
elif [ -x "$victoria" ]; then
    systems="$systems victoria" versions="$versions, VictoriaTraces ${VICTORIA_TRACES_VERSION:-}"
else
    say "VictoriaTraces is not here: left out"
fi
end=$(($(date +%s) * 1000)) workload=traces

pair=1
while [ $pair -le "$pairs" ]; do
    for system in $systems; do run_traces; done
    pair=$((pair + 1))
done

{
    echo "$(date -u +%Y-%m-%d); $versions; $(nproc) cores, Linux $(uname -r | cut -d- -f1); $traces traces, $sent spans; pairs: $pairs"
    echo
    awk -f bench/figures.awk -f bench/table_traces.awk "$raw"
    if [ -d $answers/victoria ]; then
        echo
        echo "Answers:"
        compare_answers
    fi
    cat "$root/notes"
} | tee "$table"
