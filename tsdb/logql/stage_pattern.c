#include "tsdb/logql/stage_pattern.h"

enum tsdb_status stage_pattern_compile(struct compiler *c, struct tsdb_text text,
                                       struct line_pattern *out)
{
    return line_pattern_compile(c, text, false, out);
}

void stage_pattern_run(const struct line_pattern *pattern, struct pass *p)
{
    struct tsdb_text values[LINE_PATTERN_PARTS_MAX];
    if (pass_is_served(p))
        return;
    uint32_t found = line_pattern_capture(pattern, p->line, values);
    for (uint32_t i = 0, n = 0; i < pattern->count && n < found; i++) {
        struct label_claim claim;
        if (pattern->parts[i].name.len == 0)
            continue;
        if (pass_claim(p, pattern->parts[i].name, &claim))
            pass_put_fresh(p, &claim, values[n]);
        n++;
    }
}
