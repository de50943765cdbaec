# Reads the lines that compare.sh records; prints the tables (with figures.awk).  A ratio is Andon's figure by
# the peer's of the same pair: the median over the pairs, least and most.
function row(label, key, wanted) {
    if (middle("andon", key) == "") return
    printf "| %s | %s | %s | %s | %s | %s | %s |\n", label, shown(middle("andon", key)), shown(middle("victoria", key)),
        shown(middle("prometheus", key)), ratio("victoria", key), wanted, ratio("prometheus", key)
}
# The geometric mean over the queries that every system of the pair answered.
function means(prefix,   p, s, q, n, sum, ok) {
    for (p = 1; p <= pairs; p++) {
        n = 0; split("", sum)
        for (q = 1; q <= queries; q++) {
            ok = 1
            for (s = 1; s <= 3; s++)
                if ((p, system_of[s]) in took_part && !((p, system_of[s], "mixed." prefix "/" query_of[q]) in value)) ok = 0
            if (!ok) { left_out[query_of[q]] = 1; continue }
            n++
            for (s = 1; s <= 3; s++)
                if ((p, system_of[s]) in took_part) sum[s] += log(value[p, system_of[s], "mixed." prefix "/" query_of[q]])
        }
        for (s = 1; s <= 3; s++) if (n && (p, system_of[s]) in took_part) value[p, system_of[s], "mixed." prefix] = exp(sum[s] / n)
    }
}
BEGIN { split("andon victoria prometheus", system_of, " ") }
/"measure":/ {
    v = number("value"); if (v == "") next
    p = number("pair"); s = text("system"); k = text("workload") "." text("measure")
    if (p > pairs) pairs = p
    if (k ~ /\.(errors|retries)$/) { total[s, k] += v; next }
    if (k ~ /_percent$/) { if (v + 0 > worst[k]) worst[k] = v + 0; next }
    value[p, s, k] = v + 0
    if (k ~ /^mixed\.recent\//) {
        took_part[p, s] = 1; sub(/^mixed\.recent\//, "", k)
        if (!(k in is_query)) { is_query[k] = 1; query_of[++queries] = k }
    }
}
/"books":/ { books[++ledgers] = $0 }
END {
    means("recent"); means("merged")
    print "| | Andon | VictoriaMetrics | Prometheus | Andon / VictoriaMetrics | wanted | Andon / Prometheus |"
    print "|---|---|---|---|---|---|---|"
    row("CPU per sample of known series, 16 k series (us)", "mixed.cpu_us_per_sample", "0.33")
    row("CPU of sealing and merging them (us per sample)", "mixed.cpu_us_of_merging", "")
    row("samples per second, 16 k series (more is better)", "mixed.samples_per_s", "")
    row("99th percentile of the acknowledgement (ms)", "mixed.ack_p99_ms", "")
    row("bytes per sample on disk, mixed node metrics", "mixed.bytes_per_sample", "0.8")
    row("the same with journal or WAL", "mixed.bytes_all_per_sample", "")
    row("CPU per series at first sight (us)", "million.first_cpu_us_per_series", "0.2")
    row("new series per second (more is better)", "million.first_series_per_s", "")
    row("CPU per sample, a million known series (us)", "million.cpu_us_per_sample", "0.33")
    row("samples per second, a million series (more is better)", "million.samples_per_s", "")
    row("memory per active series at first sight (B)", "million.first_memory_per_series", "")
    row("memory per active series (B)", "million.memory_per_series", "(450 B)")
    row("most memory at any time, per series (B)", "million.peak_rss_per_series", "")
    row("CPU per sample, OTLP (us)", "otlp.cpu_us_per_sample", "")
    row("samples per second, OTLP (more is better)", "otlp.samples_per_s", "")
    row("range queries, recent data, geometric mean (ms)", "mixed.recent", "0.6")
    row("range queries, merged data, geometric mean (ms)", "mixed.merged", "0.6")
    if (queries) {
        print "\n| query (median ms) | Andon recent / merged | VictoriaMetrics | Prometheus | Andon / VictoriaMetrics, recent | merged |"
        print "|---|---|---|---|---|---|"
        for (q = 1; q <= queries; q++) {
            printf "| %s", query_of[q]
            for (s = 1; s <= 3; s++)
                printf " | %s / %s", shown(middle(system_of[s], "mixed.recent/" query_of[q])), shown(middle(system_of[s], "mixed.merged/" query_of[q]))
            printf " | %s | %s |\n", ratio("victoria", "mixed.recent/" query_of[q]), ratio("victoria", "mixed.merged/" query_of[q])
        }
    }
    print ""
    for (q in left_out) print "Left out of the mean, not answered by every system: " q "."
    for (i = 1; i <= ledgers; i++) {
        $0 = books[i]
        printf "UDP at %d datagrams a second: sent %d = received %d + dropped by the kernel %d (gaps seen: %d); samples received %d = stored %d + rejected %d.\n",
            number("rate"), number("sent"), number("received"), number("kernel_drops"), number("gaps"),
            number("received") * number("samples_each"), number("samples_stored"), number("samples_rejected")
    }
    for (k in total) if (total[k] > 0) { split(k, part, SUBSEP); printf "%s: %s %d.\n", part[1], part[2], total[k] }
    for (k in worst) printf "Worst %s: %.1f.\n", k, worst[k]
}
