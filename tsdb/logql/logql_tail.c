#include "tsdb/logql/logql_tail.h"

#include "tsdb/base/mem.h"
#include "tsdb/base/status.h"
#include "tsdb/base/text.h"
#include "tsdb/logql/scan.h"
#include "tsdb/query/eval_labels.h"

#include <string.h>

enum { TAIL_BYTES_MAX = 64 << 20 };

struct logql_tail {
    struct budget budget;
    struct arena arena;  /* the tree */
    struct arena values; /* of one record */
    struct logql query;
    struct matcher *matchers; /* owned */
    uint32_t matcher_count;
    struct pipeline *pipeline;
    struct pipeline_run *run;
    struct logs_tail *tail;
    struct logs_stream stream; /* of the record at hand */
    struct tsdb_log_record record;
};

/* Fields first, then what the stream says for all its records. */
static const struct tsdb_field *field_at(const struct logql_tail *t, uint32_t i)
{
    return i < t->record.field_count ? &t->record.fields[i]
                                     : &t->stream.attributes[i - t->record.field_count];
}

static bool label_of(struct logql_tail *t, uint32_t i, struct tsdb_label *out)
{
    const struct tsdb_field *field = field_at(t, i);
    struct writer name = {0};
    label_name_of(field->name, &name);
    out->name = text_keep(&t->values, (struct tsdb_text){(const char *)name.at, name.len});
    out->value = field_text(field, &t->values);
    writer_release(&name);
    return out->name.at != NULL;
}

static bool lookup(void *arg, struct tsdb_text name, struct tsdb_text *value)
{
    struct logql_tail *t = arg;
    for (uint32_t i = 0; i < t->record.field_count + t->stream.attribute_count; i++) {
        struct tsdb_label label;
        if (!label_of(t, i, &label) || !text_equal(label.name, name))
            continue;
        *value = label.value;
        return true;
    }
    return false;
}

static void each(void *arg, void (*fn)(void *to, struct tsdb_label label), void *to)
{
    struct logql_tail *t = arg;
    for (uint32_t i = 0; i < t->record.field_count + t->stream.attribute_count; i++) {
        struct tsdb_label label;
        if (label_of(t, i, &label))
            fn(to, label);
    }
}

enum tsdb_status logql_tail_open(const struct logql_store *store, const char *tenant,
                                 struct tsdb_text text, struct logql_tail **out,
                                 struct tsdb_error *err)
{
    struct logql_tail *t = MEM_NEW(struct logql_tail);
    budget_init(&t->budget, TAIL_BYTES_MAX, store->budget);
    arena_init(&t->arena, SIZE_MAX, &t->budget);
    arena_init(&t->values, SIZE_MAX, &t->budget);
    struct tsdb_text kept = text_keep(&t->arena, text);
    enum tsdb_status st = TSDB_OK;
    if (!kept.at)
        st = tsdb_fail(err, TSDB_ELIMIT, "query needs more memory than there is");
    if (st == TSDB_OK)
        st = logql_parse(kept, &t->arena, NULL, &t->query, err);
    if (st == TSDB_OK && !t->query.logs)
        st = tsdb_fail(err, TSDB_EINVAL, "only log queries can be followed, not metric queries");
    if (st == TSDB_OK)
        st = log_matchers(t->query.logs, &t->matchers, &t->matcher_count, err);
    if (st == TSDB_OK)
        st = pipeline_new(t->query.logs, &t->pipeline, err);
    if (st == TSDB_OK)
        st = logs_tail_open(store->logs, tenant, &t->tail, err);
    if (st != TSDB_OK) {
        logql_tail_close(t);
        return st;
    }
    t->run = pipeline_run_new(t->pipeline, &t->budget);
    *out = t;
    return TSDB_OK;
}

enum tsdb_status logql_tail_next(struct logql_tail *t, struct tsdb_log_entry *out,
                                 struct tsdb_error *err)
{
    for (;;) {
        enum tsdb_status st = logs_tail_next(t->tail, &t->stream, &t->record, err);
        if (st != TSDB_OK)
            return st;
        if (!matchers_test(t->matchers, t->matcher_count, t->stream.labels))
            continue;
        arena_reset(&t->values);
        struct pipeline_entry entry = {.ts = t->record.ts,
                                       .line = t->record.line,
                                       .stream = t->stream.labels,
                                       .lookup = lookup,
                                       .each = each,
                                       .arg = t};
        st = pipeline_entry(t->run, &entry, err);
        if (st == TSDB_END)
            continue;
        *out = (struct tsdb_log_entry){.ts = t->record.ts};
        if (st == TSDB_OK)
            st = pipeline_labels(t->run, &out->stream, &out->metadata, &out->parsed, err);
        out->line = pipeline_line(t->run);
        return st;
    }
}

uint64_t logql_tail_dropped(struct logql_tail *t)
{
    return logs_tail_dropped(t->tail);
}

void logql_tail_close(struct logql_tail *t)
{
    if (!t)
        return;
    if (t->tail)
        logs_tail_close(t->tail);
    if (t->run)
        pipeline_run_free(t->run);
    pipeline_free(t->pipeline);
    log_matchers_free(t->matchers, t->matcher_count);
    arena_release(&t->arena);
    arena_release(&t->values);
    mem_free(t);
}
