# What the tables share: fields of a JSON line, medians over the pairs, ratios within pairs.
# The table's own program fills value[pair, system, workload.measure] and `pairs`.
function text(key) { return match($0, "\"" key "\":\"[^\"]*\"") ? substr($0, RSTART + length(key) + 4, RLENGTH - length(key) - 5) : "" }
function number(key) { return match($0, "\"" key "\":[-0-9.e+]+") ? substr($0, RSTART + length(key) + 3, RLENGTH - length(key) - 3) : "" }
function sorted(list, n,   i, k, t) {
    for (i = 2; i <= n; i++)
        for (k = i; k > 1 && list[k - 1] + 0 > list[k] + 0; k--) { t = list[k]; list[k] = list[k - 1]; list[k - 1] = t }
}
function median(list, n) { sorted(list, n); return n % 2 ? list[(n + 1) / 2] : (list[n / 2] + list[n / 2 + 1]) / 2 }
function shown(v) { return v == "" ? "-" : v >= 1000 ? sprintf("%.0f", v) : sprintf("%.3g", v) }
# The median of a measure over the pairs, or "".
function middle(which, key,   p, n, list) {
    for (p = 1; p <= pairs; p++) if ((p, which, key) in value) list[++n] = value[p, which, key]
    return n ? median(list, n) : ""
}
function ratio(peer, key,   p, n, list, m) {
    for (p = 1; p <= pairs; p++)
        if ((p, "andon", key) in value && value[p, peer, key] + 0 > 0) list[++n] = value[p, "andon", key] / value[p, peer, key]
    if (!n) return "-"
    m = median(list, n)
    return n == 1 ? sprintf("%.2f", m) : sprintf("%.2f (%.2f-%.2f)", m, list[1], list[n])
}
