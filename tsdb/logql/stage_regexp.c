#include "tsdb/logql/stage_regexp.h"

#include "tsdb/base/status.h"

enum tsdb_status stage_regexp_compile(struct compiler *c, struct tsdb_text text,
                                      struct regexp_stage *out)
{
    const struct regex *regex;
    enum tsdb_status st = compiler_line_regex(c, text, &regex);
    if (st != TSDB_OK)
        return st;
    uint32_t groups = regex_group_count(regex), named = 0;
    for (uint32_t i = 1; i <= groups; i++)
        named += regex_group_name(regex, i).len > 0;
    if (named == 0)
        return tsdb_fail(c->err, TSDB_EINVAL, "at least one named capture must be supplied");
    *out = (struct regexp_stage){regex, groups};
    return TSDB_OK;
}

void stage_regexp_run(const struct regexp_stage *s, struct pass *p)
{
    struct tsdb_text groups[REGEX_GROUPS_MAX + 1];
    if (pass_is_served(p) || !regex_search(s->regex, p->line, groups, s->groups + 1))
        return;
    for (uint32_t i = 1; i <= s->groups; i++) {
        struct tsdb_text name = regex_group_name(s->regex, i);
        struct label_claim claim;
        if (name.len == 0 || !pass_claim(p, pass_label_name(p, name), &claim))
            continue;
        pass_put_fresh(p, &claim, groups[i].at ? groups[i] : (struct tsdb_text){"", 0});
    }
}
