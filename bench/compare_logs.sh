#!/bin/sh
# Andon and VictoriaLogs on the same log records, in one run, in turn.  Prints markdown tables.
#
#   bench/compare_logs.sh [--records N] [--quick] [--pairs N] [--alone] [--keep]
#
# --records: 1,000,000 by default; more than 5 million are generated and sent in pieces of
# that size, so a hundred million need no file of theirs.  --quick: one pair of 200,000.
# --alone: Andon only.  Environment: ANDON (build/release/andon), VICTORIA_LOGS: binaries; the
# latter from the PATH by default, left out when it is not there.  VICTORIA_LOGS_VERSION: what
# to print.  ANDON_FLAGS: more flags for andon serve.  REPEAT: how often a query is asked (9).
#
# Needs: sh, awk, curl, du, and the programs of the `benches` target in build/release.
# Writes under build/bench/logs only; ends only the processes it started.
# What is measured and how: bench/README.md.
set -u
cd "$(dirname "$0")/.." || exit 2

pairs=3 records=1000000 repeat=${REPEAT:-9} alone='' keep='' connections=8 span_s=3600 piece=5000000
while [ $# -gt 0 ]; do
    case $1 in
    --quick) pairs=1 records=200000 repeat=5 ;;
    --records) shift; records=$1 ;;
    --pairs) shift; pairs=$1 ;;
    --alone) alone=1 ;;
    --keep) keep=1 ;;
    *) sed -n '2,15s/^# \{0,1\}//p' "$0"; exit 2 ;;
    esac
    shift
done

bin=build/release
andon=${ANDON:-$bin/andon}
victoria=${VICTORIA_LOGS:-$(command -v victoria-logs)}
root=build/bench/logs
run=$root/run answers=$root/answers body=$root/records.bin
raw=$root/raw.jsonl table=$root/table.md
. bench/measure.sh

start() { # SYSTEM
    rm -rf "$run" && mkdir -p "$run"
    free_port; port=$next_port
    case $1 in
    andon)
        # shellcheck disable=SC2086
        "$andon" serve --data-dir "$run/store" --http-listen "127.0.0.1:$port" --grpc-listen off \
            --udp-listen off --tcp-listen off --self-records=false ${ANDON_FLAGS:-} >"$run/log" 2>&1 &
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
    path=/v1/logs sent=0 seconds=0 from=0 line_bytes=0 ack_p99=0
    [ "$system" = victoria ] && path=/insert/opentelemetry/v1/logs
    while [ "$from" -lt "$records" ]; do
        shape=$("$bin/gen_logs" "$body" "$end" records="$records" from="$from" count=$piece \
            span_s=$span_s) || die "$shape"
        if [ "$pair" = 1 ] && [ "$system" = andon ]; then
            echo "{\"data\":\"logs\",\"from\":$from,\"sha256\":\"$(sha256sum <"$body" | cut -d' ' -f1)\",\"shape\":$shape}" >>"$raw"
        fi
        result=$("$bin/replay" "$body" "$port" connections=$connections coding=none path=$path) ||
            say "note: $system: $result"
        record errors "$(echo "$result" | field errors)"
        record retries "$(echo "$result" | field retries)"
        sent=$((sent + $(echo "$result" | field samples)))
        line_bytes=$((line_bytes + $(echo "$shape" | field line_bytes)))
        seconds=$(calc "$seconds + $(echo "$result" | field seconds)")
        ack_p99=$(echo "$result" | field p99_ms)
        from=$((from + piece))
    done
    rm -f "$body"
}

ask() { # STAGE
    mkdir -p "$answers/$system"
    "$bin/ask_logs" bench/queries_logs.txt "$system" "$port" "$pid" "$end" $span_s \
        out="$answers/$system" repeat="$repeat" 2>>"$root/notes" |
        while read -r line; do
            name=$(echo "$line" | sed 's/.*"query":"\([a-z0-9_]*\)".*/\1/')
            record "$1.ms/$name" "$(echo "$line" | field p50_ms)"
            record "$1.cpu/$name" "$(echo "$line" | field cpu_ms)"
            [ "$1/$name" = sealed/regex_unaided ] &&
                record regex_gb_per_s "$(calc "$line_bytes / 1e6 / $(echo "$line" | field cpu_ms)")"
        done
}

run_logs() {
    begin_run
    before=$(cpu_s)
    send_all
    record records_per_s "$(calc "$sent / $seconds")"
    record ack_p99_ms "$ack_p99"
    idle
    record cpu_us_per_record "$(calc "($(cpu_s) - $before) * 1e6 / $sent")"
    record memory_mb "$(calc "$(anon_bytes) / 1e6")"
    ask recent
    idle
    queried=$(cpu_s)
    settle
    record cpu_us_of_sealing "$(calc "($(cpu_s) - $queried) * 1e6 / $sent")"
    record bytes_per_record "$(calc "$(data_bytes) / $sent")"
    record bytes_all_per_record "$(calc "$(bytes_in "$run/store") / $sent")"
    record memory_sealed_mb "$(calc "$(anon_bytes) / 1e6")"
    ask sealed
    record peak_mb "$(awk '/^VmHWM/ { print $2 * 1024 / 1e6 }' "/proc/$pid/status")"
    end_run
}

# Each answer against the other system's: lines of text; numbers that are close to 10 % where
# the query is of kind close (VictoriaLogs takes a sample for quantiles).
compare_answers() {
    awk '!/^#/ && $3 == "victoria" { print $1, $2 }' bench/queries_logs.txt | while read -r name kind; do
        a=$answers/andon/$name.txt b=$answers/victoria/$name.txt
        if [ "$kind" = close ]; then
            verdict=$(paste -d' ' "$a" "$b" | awk '{ n = NF / 2; d = $n - $NF; if (d < 0) d = -d
                if ($1 != $(n + 1) || d > 0.1 * $NF) bad = 1 } END { print bad || !NR ? "differs" : "close" }')
        else
            verdict=differs
            [ -s "$a" ] && cmp -s "$a" "$b" && verdict=same
        fi
        echo "$name $verdict"
    done
}

[ -x "$andon" ] || die "$andon: build it first (cmake --preset release && cmake --build build/release)"
for program in gen_logs replay ask_logs; do
    [ -x "$bin/$program" ] || die "$bin/$program: build the target benches first"
done
mkdir -p $root && rm -rf "$answers" && : >"$raw" && : >"$root/notes"
systems=andon versions=$("$andon" version 2>/dev/null | head -1)
if [ -n "$alone" ]; then
    say "Andon alone"
elif [ -x "$victoria" ]; then
    found=$("$victoria" -version 2>/dev/null | sed -n 's/.*-v\([0-9.]*\).*/\1/p' | head -1)
    systems="$systems victoria" versions="$versions, VictoriaLogs ${VICTORIA_LOGS_VERSION:-$found}"
else
    say "VictoriaLogs is not here: left out"
fi
end=$(($(date +%s) * 1000)) workload=logs

pair=1
while [ $pair -le "$pairs" ]; do
    for system in $systems; do run_logs; done
    pair=$((pair + 1))
done

{
    echo "$(date -u +%Y-%m-%d); $versions; $(nproc) cores, Linux $(uname -r | cut -d- -f1); $records records; pairs: $pairs"
    echo
    awk -f bench/figures.awk -f bench/table_logs.awk "$raw"
    if [ -d $answers/victoria ]; then
        compare_answers >$root/agree.txt
        echo
        echo "Answers: $(grep -c ' same$' $root/agree.txt) the same, $(grep -c ' close$' $root/agree.txt) close," \
            "$(grep -c ' differs$' $root/agree.txt) different of $(wc -l <$root/agree.txt)."
        sed -n 's/ differs$//p' $root/agree.txt
    fi
    cat "$root/notes"
} | tee "$table"
