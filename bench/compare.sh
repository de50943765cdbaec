#!/bin/sh
# Andon and its peers on the same bytes, in one run, in turn.  Prints a markdown table.
#
#   bench/compare.sh [--quick] [--pairs N] [--workloads "mixed million otlp udp"] [--keep]
#
# Environment: ANDON (build/release/andon), VICTORIA_METRICS, PROMETHEUS: binaries; by
# default those on the PATH.  A peer that is not there is left out, and said so.
# VICTORIA_METRICS_VERSION and PROMETHEUS_VERSION: what to print where the binary does not
# tell.  ANDON_FLAGS: more flags for andon serve.  PROMETHEUS_PAIRS: in how many of the pairs
# Prometheus runs as well (1: it takes its time).
#
# Needs: sh, awk, curl, du, and the programs of the `benches` target in build/release.
# Writes under build/bench only; ends only the processes it started.
# What is measured and how: bench/README.md.
set -u
cd "$(dirname "$0")/.." || exit 2

pairs=3 mixed_steps=1440 million_targets=1000 million_steps=12 otlp_steps=240 udp_steps=125
workloads="mixed million otlp udp" connections=8 repeat=7 keep=
while [ $# -gt 0 ]; do
    case $1 in
    --quick) pairs=1 mixed_steps=240 million_targets=104 million_steps=4 otlp_steps=40 udp_steps=25 repeat=3 ;;
    --pairs) shift; pairs=$1 ;;
    --workloads) shift; workloads=$1 ;;
    --keep) keep=1 ;;
    *) sed -n '2,15s/^# \{0,1\}//p' "$0"; exit 2 ;;
    esac
    shift
done

bin=build/release
andon=${ANDON:-$bin/andon}
victoria=${VICTORIA_METRICS:-$(command -v victoria-metrics)}
prometheus=${PROMETHEUS:-$(command -v prometheus)}
root=build/bench
data=$root/data run=$root/run answers=$root/answers
raw=$root/raw.jsonl table=$root/table.md
udp_port=0
. bench/measure.sh

# ---- the systems ----------------------------------------------------------------------

start() { # SYSTEM
    rm -rf "$run" && mkdir -p "$run"
    free_port; port=$next_port
    case $1 in
    andon)
        free_port; udp_port=$next_port
        # shellcheck disable=SC2086
        "$andon" serve --data-dir "$run/store" --http-listen "127.0.0.1:$port" --grpc-listen off \
            --udp-listen "127.0.0.1:$udp_port" --tcp-listen off --series-new-per-s 1000000 \
            ${ANDON_FLAGS:-} >"$run/log" 2>&1 &
        ;;
    victoria)
        "$victoria" -httpListenAddr="127.0.0.1:$port" -storageDataPath="$run/store" \
            -retentionPeriod=30d -search.latencyOffset=0s >"$run/log" 2>&1 &
        ;;
    prometheus)
        : >"$run/empty.yml"
        "$prometheus" --config.file="$run/empty.yml" --web.listen-address="127.0.0.1:$port" \
            --storage.tsdb.path="$run/store" --storage.tsdb.retention.time=30d \
            --web.enable-remote-write-receiver --web.enable-admin-api >"$run/log" 2>&1 &
        ;;
    esac
    pid=$!
    ready=/-/ready
    [ "$1" = victoria ] && ready=/health
    await "$1" $ready
}

# Everything to its last form on disk.
settle() { # SYSTEM
    case $1 in
    andon) curl -sf -X POST -o /dev/null "http://127.0.0.1:$port/-/seal" ;;
    victoria)
        curl -sf -o /dev/null "http://127.0.0.1:$port/internal/force_flush"
        sleep 6 # parts in memory go to files every 5 s
        curl -sf -o /dev/null "http://127.0.0.1:$port/internal/force_merge"
        ;;
    prometheus) curl -sf -X POST -o /dev/null "http://127.0.0.1:$port/api/v1/admin/tsdb/snapshot" ;;
    esac || say "note: $1 did not settle"
    idle
}

# Bytes of the data in its last form: without journal or WAL.
data_bytes() { # SYSTEM
    case $1 in
    andon) echo $(($(bytes_in "$run/store") - $(bytes_in "$run/store/journal"))) ;;
    victoria) echo $(($(bytes_in "$run/store/data") + $(bytes_in "$run/store/indexdb"))) ;;
    prometheus) bytes_in "$run/store/snapshots" ;;
    esac
}

# ---- recording ------------------------------------------------------------------------

replay() { # FILE [option=value...]; sets samples, seconds, errors
    # shellcheck disable=SC2086
    result=$("$bin/replay" "$1" "$port" connections=$connections $replay_flags "$2" "$3") ||
        say "note: $system $workload: $result"
    samples=$(echo "$result" | field samples)
    seconds=$(echo "$result" | field seconds)
    record errors "$(echo "$result" | field errors)"
    record retries "$(echo "$result" | field retries)"
}
replay_flags=

# ---- workloads ------------------------------------------------------------------------

ask() { # PREFIX
    mkdir -p "$answers/$system"
    extra=
    [ "$system" = victoria ] && extra='&nocache=1'
    "$bin/ask" bench/queries.txt "$port" "$(cat $data/mixed.end)" out="$answers/$system" \
        repeat=$repeat extra="$extra" 2>>"$root/notes" |
        while read -r line; do
            name=$(echo "$line" | sed 's/.*"query":"\([a-z0-9_]*\)".*/\1/')
            record "$1/$name" "$(echo "$line" | field p50_ms)"
        done
}

run_mixed() {
    begin_run
    replay $data/mixed.bin from=0 count=16 # first sight of the series
    idle
    before=$(cpu_s)
    replay $data/mixed.bin from=16 count=$((16 * mixed_steps))
    record samples_per_s "$(calc "$samples / $seconds")"
    record ack_p99_ms "$(echo "$result" | field p99_ms)"
    idle
    record cpu_us_per_sample "$(calc "($(cpu_s) - $before) * 1e6 / $samples")"
    ask recent
    idle
    queried=$(cpu_s)
    settle "$system"
    record cpu_us_of_merging "$(calc "($(cpu_s) - $queried) * 1e6 / $samples")"
    record bytes_per_sample "$(calc "$(data_bytes "$system") / $samples")"
    record bytes_all_per_sample "$(calc "$(bytes_in "$run/store") / $samples")"
    ask merged
    end_run
}

run_million() {
    series=$((million_targets * 1000))
    begin_run
    empty=$(anon_bytes) before=$(cpu_s)
    replay $data/million.bin from=0 count=$million_targets
    first=$seconds
    idle
    record first_cpu_us_per_series "$(calc "($(cpu_s) - $before) * 1e6 / $series")"
    record first_series_per_s "$(calc "$series / $first")"
    record first_memory_per_series "$(calc "($(anon_bytes) - $empty) / $series")"
    before=$(cpu_s)
    replay $data/million.bin from=$million_targets count=$((million_targets * million_steps))
    record samples_per_s "$(calc "$samples / $seconds")"
    idle
    record cpu_us_per_sample "$(calc "($(cpu_s) - $before) * 1e6 / $samples")"
    record memory_per_series "$(calc "($(anon_bytes) - $empty) / $series")"
    record peak_rss_per_series "$(calc "$(awk '/^VmHWM/ { print $2 * 1024 }' "/proc/$pid/status") / $series")"
    end_run
}

run_otlp() {
    [ "$system" = prometheus ] && return # the packages are built without it
    begin_run
    path=/v1/metrics
    [ "$system" = victoria ] && path=/opentelemetry/v1/metrics
    replay_flags="coding=none path=$path"
    replay $data/otlp.bin from=0 count=16
    idle
    before=$(cpu_s)
    replay $data/otlp.bin from=16 count=$((16 * otlp_steps))
    replay_flags=
    record samples_per_s "$(calc "$samples / $seconds")"
    idle
    record cpu_us_per_sample "$(calc "($(cpu_s) - $before) * 1e6 / $samples")"
    end_run
}

run_udp() { # Andon alone
    [ "$system" = andon ] || return
    for rate in 5000 20000 200000; do
        begin_run
        line=$("$bin/udp_paced" $data/udp.bin "$udp_port" "$port" rate=$rate) ||
            say "note: the books do not close at $rate a second"
        echo "{\"pair\":$pair,\"workload\":\"udp\",\"rate\":$rate,\"books\":$line}" >>"$raw"
        end_run
    done
}

# ---- the run --------------------------------------------------------------------------

generate() {
    mkdir -p $data
    end=$(($(date +%s) * 1000))
    for w in $workloads; do
        case $w in
        mixed) set -- mixed steps=$mixed_steps ;;
        million) set -- million targets=$million_targets steps=$million_steps ;;
        otlp) set -- otlp steps=$otlp_steps ;;
        udp) set -- otlp steps=$udp_steps per_request=20 ;;
        *) die "$w: no such workload" ;;
        esac
        line=$("$bin/gen_metrics" "$1" "$data/$w.bin" $end seed=1 "$2" "${3:-seed=1}") || die "$line"
        echo "$line" | field end_ms >"$data/$w.end"
        echo "{\"data\":\"$w\",\"sha256\":\"$(sha256sum <"$data/$w.bin" | cut -d' ' -f1)\",\"shape\":$line}" >>"$raw"
    done
}

version_of() { # SYSTEM
    case $1 in
    andon) "$andon" version 2>/dev/null | head -1 ;;
    victoria) echo "VictoriaMetrics ${VICTORIA_METRICS_VERSION:-$(dpkg-query -W -f '${Version}' victoria-metrics 2>/dev/null)}" ;;
    prometheus)
        found=$("$prometheus" --version 2>&1 | sed -n 's/^prometheus, version \([^ ]*\).*/\1/p')
        echo "Prometheus ${PROMETHEUS_VERSION:-$found}"
        ;;
    esac
}

[ -x "$andon" ] || die "$andon: build it first (cmake --preset release && cmake --build build/release)"
for program in gen_metrics replay ask agree udp_paced; do
    [ -x "$bin/$program" ] || die "$bin/$program: build the target benches first"
done
mkdir -p $root && rm -rf "$answers" && : >"$raw" && : >"$root/notes"
systems=andon
if [ -x "$victoria" ]; then systems="$systems victoria"; else say "VictoriaMetrics is not here: left out"; fi
if [ -x "$prometheus" ]; then systems="$systems prometheus"; else say "Prometheus is not here: left out"; fi
versions=
for system in $systems; do versions="$versions${versions:+, }$(version_of "$system")"; done
generate

pair=1
while [ $pair -le "$pairs" ]; do
    for workload in $workloads; do
        for system in $systems; do
            [ "$system" = prometheus ] && [ $pair -gt "${PROMETHEUS_PAIRS:-1}" ] && continue
            [ "$workload" = udp ] && [ $pair -gt 1 ] && continue
            run_"$workload"
        done
    done
    pair=$((pair + 1))
done

{
    echo "$(date -u +%Y-%m-%d); $versions; $(nproc) cores, Linux $(uname -r | cut -d- -f1); pairs: $pairs"
    echo
    awk -f bench/figures.awk -f bench/table.awk "$raw"
    if [ -d $answers/victoria ] && [ -d $answers/andon ]; then
        names=$(awk '!/^#/ && $4 == "same" { print $1 }' bench/queries.txt)
        # shellcheck disable=SC2086
        same=$("$bin/agree" $answers/andon $answers/victoria $names | tee $root/agree-victoria.jsonl | grep -c '"same":true')
        echo
        echo "Answers that are the same in VictoriaMetrics: $same of $(echo "$names" | wc -l) compared."
    fi
    if [ -d $answers/prometheus ] && [ -d $answers/andon ]; then
        names=$(awk '!/^#/ && NF { print $1 }' bench/queries.txt)
        # shellcheck disable=SC2086
        same=$("$bin/agree" $answers/andon $answers/prometheus $names | tee $root/agree-prometheus.jsonl | grep -c '"same":true')
        echo "Answers that are the same in Prometheus: $same of $(echo "$names" | wc -l) compared."
    fi
} | tee "$table"
