# Reads the lines that compare_traces.sh records; prints the tables (with figures.awk).
function row(label, key, wanted) {
    if (middle("andon", "traces." key) == "") return
    printf "| %s | %s | %s | %s | %s |\n", label, shown(middle("andon", "traces." key)),
        shown(middle("victoria", "traces." key)), ratio("victoria", "traces." key), wanted
}
function cell(which, query, what) {
    return shown(middle(which, "traces.recent." what "/" query)) " / " shown(middle(which, "traces.sealed." what "/" query))
}
/"measure":/ {
    v = number("value"); if (v == "") next
    p = number("pair"); s = text("system"); k = text("workload") "." text("measure")
    if (p > pairs) pairs = p
    if (k ~ /\.(errors|retries)$/) { total[s ", " k] += v; next }
    if (k ~ /_percent$/) { if (v + 0 > worst[k]) worst[k] = v + 0; next }
    value[p, s, k] = v + 0
    if (k ~ /^traces\.sealed\.cpu\//) { sub(/^.*\//, "", k); if (!(k in is_query)) { is_query[k] = 1; query_of[++queries] = k } }
}
END {
    print "| | Andon | VictoriaTraces | Andon / VictoriaTraces | wanted |"
    print "|---|---|---|---|---|"
    row("CPU per span until idle (us)", "cpu_us_per_span", "<= 0.25")
    row("CPU of sealing and merging on demand (us per span)", "cpu_us_of_sealing", "")
    row("spans per second (more is better)", "spans_per_s", "")
    row("99th percentile of the acknowledgement (ms)", "ack_p99_ms", "")
    row("bytes per span on disk, sealed or merged", "bytes_per_span", "<= 0.5")
    row("anonymous memory when idle after the run (MB)", "memory_mb", "")
    row("the same after sealing and merging (MB)", "memory_sealed_mb", "")
    row("most resident memory at any time, files counted (MB)", "peak_mb", "")
    print "\n| query, recent / sealed | Andon CPU ms | VictoriaTraces CPU ms | ratio, sealed | Andon ms | VictoriaTraces ms | ratio, sealed |"
    print "|---|---|---|---|---|---|---|"
    for (q = 1; q <= queries; q++) {
        name = query_of[q]
        printf "| %s | %s | %s | %s | %s | %s | %s |\n", name, cell("andon", name, "cpu"), cell("victoria", name, "cpu"),
            ratio("victoria", "traces.sealed.cpu/" name), cell("andon", name, "ms"), cell("victoria", name, "ms"),
            ratio("victoria", "traces.sealed.ms/" name)
    }
    print ""
    for (k in total) if (total[k] > 0) printf "%s: %d.\n", k, total[k]
    for (k in worst) printf "Worst %s: %.1f.\n", k, worst[k]
}
