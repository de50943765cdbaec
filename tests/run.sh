#!/usr/bin/env bash
# Builds and runs every test; the last line is "N passed, N failed".
#   tests/run.sh            everything (what CI runs)
#   tests/run.sh unit       only the named stages: unit tsan fuzz scenario crash browser clients
# Logs of each stage: build/logs/STAGE.log
set -u
cd "$(dirname "$0")/.." || exit 2
mkdir -p build/logs
passed=0
failed=0
began=$(date +%s)

say() { printf '%s [%4ds] %s\n' "$(date +%H:%M:%S)" "$(($(date +%s) - began))" "$*"; }

# one NAME COMMAND...: a test that is a whole command.
one() {
    local name=$1 log
    shift
    log=build/logs/$(echo "$name" | tr '/ ' '__').log
    if "$@" >"$log" 2>&1; then
        passed=$((passed + 1))
        say "ok      $name"
        grep -hE '^(crash states|kills|damage|exact|parity|skipped|figures)\b' "$log" | sed 's/^/           /' || true
    else
        failed=$((failed + 1))
        say "FAILED  $name (see $log)"
        tail -n 25 "$log" | sed 's/^/    | /'
    fi
}

# build PRESET TARGET...
build() {
    local preset=$1 log=build/logs/build-$1.log
    shift
    say "building $preset"
    if { cmake --preset "$preset" && cmake --build "build/$preset" --target "$@"; } >"$log" 2>&1; then
        passed=$((passed + 1))
        return 0
    fi
    failed=$((failed + 1))
    say "FAILED  build $preset (see $log)"
    grep -E 'error|undefined|FAILED' "$log" | head -n 25 | sed 's/^/    | /'
    return 1
}

# suite PRESET REGEX-TO-EXCLUDE: ctest, each test counted.
suite() {
    local preset=$1 log=build/logs/ctest-$1.log ok bad
    (cd "build/$preset" && ctest -j2 --output-on-failure ${2:+-E "$2"} ${3:+-R "$3"}) >"$log" 2>&1
    ok=$(grep -cE '^ *[0-9]+/[0-9]+ Test .* Passed' "$log")
    bad=$(grep -cE '^ *[0-9]+/[0-9]+ Test .*(\*\*\*|Failed)' "$log")
    passed=$((passed + ok))
    failed=$((failed + bad))
    [ "$((ok + bad))" -gt 0 ] || { failed=$((failed + 1)); say "FAILED  $preset: no test ran (see $log)"; }
    say "$preset: $ok passed, $bad failed"
    grep -E '^ *[0-9]+/[0-9]+ Test .*(\*\*\*|Failed)' "$log" | sed 's/^/    | /'
    grep -hE '(crash states|acked lost|model:)' "$log" | sed 's/^/           /' || true
    [ "$bad" = 0 ] || grep -vE 'Passed|Start ' "$log" | head -n 60 | sed 's/^/    | /'
}

# A leak in the process of a test does not fail a Criterion run: look at its logs (tests/leaks.c).
leaks() {
    local log
    for log in build/logs/asan.*; do
        [ -e "$log" ] || continue
        failed=$((failed + 1))
        say "FAILED  sanitizer report $log"
        head -n 12 "$log" | sed 's/^/    | /'
    done
}

stage_unit() {
    rm -f build/logs/asan.*
    export UBSAN_OPTIONS=print_stacktrace=1
    if build asan all; then
        ASAN_OPTIONS=log_path=$PWD/build/logs/asan:detect_leaks=1 suite asan ''
        leaks
    fi
}

stage_tsan() {
    build tsan tsan_tests && TSAN_OPTIONS=halt_on_error=1:second_deadlock_stack=1:suppressions=$PWD/tests/tsan.supp suite tsan ''
}

# Each fuzz target for a few seconds: a regression run, not a campaign.
stage_fuzz() {
    local target seconds=${FUZZ_SECONDS:-4}
    build fuzz all || return
    for target in build/fuzz/*_fuzz_*; do
        [ -x "$target" ] && [ -f "$target" ] || continue
        one "fuzz/$(basename "$target")" "$target" -max_total_time="$seconds" -rss_limit_mb=2048 -timeout=10 -print_final_stats=0 -artifact_prefix=build/logs/
    done
}

release() {
    [ -x build/release/andon ] && [ -n "${release_is_built:-}" ] && return 0
    build release andon && release_is_built=1
}

scripts() {
    local script
    release || return
    for script in tests/"$1"/*.sh; do
        [ -e "$script" ] || continue
        one "$1/$(basename "$script" .sh)" bash "$script" build/release/andon
    done
}

stage_scenario() { scripts scenario; }
stage_crash() { scripts crash; }

node_scripts() {
    local script
    release || return
    one "$1/npm-ci" npm ci --prefix tests/"$1" --no-audit --no-fund
    for script in tests/"$1"/*.test.mjs; do
        [ -e "$script" ] || continue
        one "$1/$(basename "$script" .test.mjs)" node "$script" build/release/andon
    done
}

stage_browser() { node_scripts browser; }
stage_clients() { node_scripts clients; }

say "packages"
if ! bash deploy/packages.sh build test; then
    say "FAILED  packages"
    echo "0 passed, 1 failed"
    exit 1
fi
for stage in ${*:-unit fuzz scenario crash browser clients tsan}; do
    "stage_$stage"
done
say "done"
echo "$passed passed, $failed failed"
[ "$failed" = 0 ]
