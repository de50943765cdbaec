/* Any bytes as tags: what comes out is one filter, with every brace of theirs inside quotes. */
#include "collector/api/trace_text.h"
#include "tsdb/base/assert.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static void check(struct trace_filter *f)
{
    struct tsdb_text all = trace_filter_end(f);
    size_t open = 0, closed = 0;
    bool is_quoted = false;
    for (size_t i = 0; i < all.len; i++) {
        if (is_quoted && all.at[i] == '\\')
            i++;
        else if (all.at[i] == '"')
            is_quoted = !is_quoted;
        else if (!is_quoted && all.at[i] == '{')
            open++;
        else if (!is_quoted && all.at[i] == '}')
            closed++;
    }
    ASSERT(!is_quoted);
    ASSERT(open == 1);
    ASSERT(closed == 1);
    ASSERT(all.at[all.len - 1] == '}');
    writer_release(&f->text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    struct tsdb_text in = {(const char *)data, len};
    struct trace_filter f = {0};
    (void)!trace_filter_logfmt(&f, in);
    check(&f);
    f = (struct trace_filter){0};
    (void)!trace_filter_json(&f, in);
    check(&f);
    f = (struct trace_filter){0};
    size_t half = len / 2;
    trace_filter_tag(&f, (struct tsdb_text){in.at, half},
                     (struct tsdb_text){in.at + half, len - half}, TAG_JAEGER);
    check(&f);
    return 0;
}
