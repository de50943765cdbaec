#include "tsdb/logql/unwrap.h"

#include "tsdb/base/mem.h"
#include "tsdb/logql/compiler.h"
#include "tsdb/logql/label_filter.h"
#include "tsdb/logql/unit_value.h"

struct unwrap {
    struct compiler compiler;
    struct tsdb_text label;
    enum unwrap_convert convert;
    const struct label_check **after;
    uint32_t after_count;
};

static enum tsdb_status compile(struct unwrap *u, const struct log_range *range)
{
    u->label = range->unwrap;
    u->convert = range->convert;
    u->after = COMPILER_ARRAY(&u->compiler, const struct label_check *, range->after_count + 1);
    if (!u->after)
        return TSDB_ELIMIT;
    for (uint32_t i = 0; i < range->after_count; i++) {
        enum tsdb_status st = label_filter_compile(&u->compiler, range->after[i], &u->after[i]);
        if (st != TSDB_OK)
            return st;
        u->after_count++;
    }
    return TSDB_OK;
}

enum tsdb_status unwrap_new(const struct log_range *range, struct unwrap **out,
                            struct tsdb_error *err)
{
    struct unwrap *u = MEM_NEW(struct unwrap);
    compiler_init(&u->compiler, err);
    enum tsdb_status st = compile(u, range);
    u->compiler.err = NULL;
    if (st == TSDB_OK)
        *out = u;
    else
        unwrap_free(u);
    return st;
}

void unwrap_free(struct unwrap *u)
{
    if (!u)
        return;
    compiler_release(&u->compiler);
    mem_free(u);
}

static bool convert(enum unwrap_convert how, struct tsdb_text text, double *out,
                    struct unit_fault *why)
{
    int64_t ns;
    if (how == UNWRAP_BYTES)
        return unit_bytes(text, out, why);
    if (how == UNWRAP_NUMBER)
        return unit_number(text, out, why);
    if (!unit_duration(text, &ns, why))
        return false;
    /* Whole and part, as Go adds them: 1.5s stays exact. */
    *out = (double)(ns / 1000000000) + (double)(ns % 1000000000) / 1e9;
    return true;
}

bool unwrap_value(const struct unwrap *u, struct pass *p, double *value, bool *is_error)
{
    struct tsdb_text text;
    struct unit_fault why;
    double v = 0;
    if (label_set_get(&p->labels, u->label, &text) == LABEL_NONE || text.len == 0)
        return false;
    if (!convert(u->convert, text, &v, &why)) {
        v = 0;
        pass_fail(p, "SampleExtractionErr", "%s", why.why);
    }
    for (uint32_t i = 0; i < u->after_count; i++)
        if (!label_filter_test(u->after[i], p))
            return false;
    *value = v;
    *is_error = p->labels.error.len > 0;
    return true;
}
