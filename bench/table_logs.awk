# Reads the lines that compare_logs.sh records; prints the tables (with figures.awk).  Queries: CPU
# first, as it stands whatever else the machine does.
function row(label, key, wanted) {
    if (middle("andon", "logs." key) == "") return
    printf "| %s | %s | %s | %s | %s |\n", label, shown(middle("andon", "logs." key)),
        shown(middle("victoria", "logs." key)), ratio("victoria", "logs." key), wanted
}
function cell(which, query, what) {
    return shown(middle(which, "logs.recent." what "/" query)) " / " shown(middle(which, "logs.sealed." what "/" query))
}
# The geometric mean over all queries, of each pair.
function means(stage, what,   p, s, q, n, sum) {
    for (p = 1; p <= pairs; p++) for (s = 1; s <= 2; s++) {
        n = 0; sum = 0
        for (q = 1; q <= queries; q++)
            if ((p, system_of[s], "logs." stage "." what "/" query_of[q]) in value) {
                n++; sum += log(value[p, system_of[s], "logs." stage "." what "/" query_of[q]] + 1e-3)
            }
        if (n && n == queries) value[p, system_of[s], "logs." stage "." what] = exp(sum / n)
    }
}
BEGIN { split("andon victoria", system_of, " ") }
/"measure":/ {
    v = number("value"); if (v == "") next
    p = number("pair"); s = text("system"); k = text("workload") "." text("measure")
    if (p > pairs) pairs = p
    if (k ~ /\.(errors|retries)$/) { total[s ", " k] += v; next }
    if (k ~ /_percent$/) { if (v + 0 > worst[k]) worst[k] = v + 0; next }
    value[p, s, k] = v + 0
    if (k ~ /^logs\.sealed\.cpu\//) { sub(/^.*\//, "", k); if (!(k in is_query)) { is_query[k] = 1; query_of[++queries] = k } }
}
END {
    means("recent", "cpu"); means("sealed", "cpu"); means("recent", "ms"); means("sealed", "ms")
    print "| | Andon | VictoriaLogs | Andon / VictoriaLogs | wanted |"
    print "|---|---|---|---|---|"
    row("CPU per record until idle (us)", "cpu_us_per_record", "<= 1.2 us")
    row("CPU of sealing and merging on demand (us per record)", "cpu_us_of_sealing", "")
    row("records per second (more is better)", "records_per_s", "")
    row("99th percentile of the acknowledgement (ms)", "ack_p99_ms", "")
    row("bytes per record on disk, sealed or merged", "bytes_per_record", "<= 40 B")
    row("the whole folder, with Andon's journal", "bytes_all_per_record", "")
    row("anonymous memory when idle after the run (MB)", "memory_mb", "")
    row("the same after sealing and merging (MB)", "memory_sealed_mb", "")
    row("most resident memory at any time, files counted (MB)", "peak_mb", "")
    row("queries, CPU, recent, geometric mean (ms)", "recent.cpu", "")
    row("queries, CPU, sealed, geometric mean (ms)", "sealed.cpu", "")
    row("queries, time, recent, geometric mean (ms)", "recent.ms", "")
    row("queries, time, sealed, geometric mean (ms)", "sealed.ms", "")
    row("unaided regex, sealed: GB of lines per CPU second (more is better)", "regex_gb_per_s", "")
    print "\n| query, recent / sealed | Andon CPU ms | VictoriaLogs CPU ms | ratio, sealed | Andon ms | VictoriaLogs ms | ratio, sealed |"
    print "|---|---|---|---|---|---|---|"
    for (q = 1; q <= queries; q++) {
        name = query_of[q]
        printf "| %s | %s | %s | %s | %s | %s | %s |\n", name, cell("andon", name, "cpu"), cell("victoria", name, "cpu"),
            ratio("victoria", "logs.sealed.cpu/" name), cell("andon", name, "ms"), cell("victoria", name, "ms"),
            ratio("victoria", "logs.sealed.ms/" name)
    }
    print ""
    for (k in total) if (total[k] > 0) printf "%s: %d.\n", k, total[k]
    for (k in worst) printf "Worst %s: %.1f.\n", k, worst[k]
}
