/* One trace whole: the parts that may have it, in order of arrival; of spans of one id and
 * kind the first counts; sources that are equal are one.  What is given out is a copy, in an
 * arena of its own. */
#include "tsdb/traces/engine.h"

#include "tsdb/base/assert.h"
#include "tsdb/base/hash.h"
#include "tsdb/base/mem.h"
#include "tsdb/base/random.h"
#include "tsdb/base/status.h"
#include "tsdb/base/text.h"
#include "tsdb/base/writer.h"
#include "tsdb/columns/field_kind.h"
#include "tsdb/store/slots.h"
#include "tsdb/traces/span_limits.h"

#include <stdlib.h>

enum { TRACE_BYTES_DEFAULT = 64 << 20 };
#define NOT_MET UINT32_MAX
#define NOT_OURS (UINT32_MAX - 1) /* another tenant's */

/* What is handed out; freed whole. */
struct answer {
    struct tsdb_trace trace; /* first: whoever frees has this */
    struct arena arena;
    struct tsdb_span *spans; /* owned */
    struct tsdb_span_source *sources;
    uint32_t span_cap, source_cap;
    struct budget *budget;
    uint64_t charged;
};

struct reading {
    struct traces_set *set;
    const struct tsdb_trace_id *id;
    struct answer *answer;
    struct span_reader *reader;
    struct arena scratch; /* of one span, or source, of a part */
    struct slots by_span, by_source;
    struct tsdb_hash *source_keys; /* owned */
    uint32_t source_key_cap;
    uint32_t *numbers; /* owned: of the part's sources in the answer, or one of the above */
    struct writer text;
    uint64_t seed, bytes, bytes_max;
    bool is_full;
    struct tsdb_error *err;
};

static enum tsdb_status is_short(const struct reading *r)
{
    return tsdb_fail(r->err, TSDB_ELIMIT, "query memory: a trace of more than %llu bytes",
                     (unsigned long long)r->bytes);
}

/* ---- copies ------------------------------------------------------------------------------ */

static bool copy_text(struct arena *a, struct tsdb_text *t)
{
    char *at = ARENA_ARRAY(a, char, t->len + 1);
    if (at && t->len)
        memcpy(at, t->at, t->len);
    t->at = at;
    return at;
}

static bool copy_fields(struct arena *a, struct tsdb_fields *f)
{
    struct tsdb_field *at = ARENA_ARRAY(a, struct tsdb_field, f->count);
    bool fits = at;
    if (at && f->count)
        memcpy(at, f->at, f->count * sizeof *at);
    for (uint32_t i = 0; i < f->count && fits; i++)
        fits = copy_text(a, &at[i].name) &&
               (field_kind(at[i].type) != COLUMN_TEXT || copy_text(a, &at[i].text));
    f->at = at;
    return fits;
}

static bool copy_events(struct arena *a, struct tsdb_span *span)
{
    struct tsdb_span_event *at = ARENA_ARRAY(a, struct tsdb_span_event, span->event_count);
    bool fits = at;
    if (at && span->event_count)
        memcpy(at, span->events, span->event_count * sizeof *at);
    for (uint32_t i = 0; i < span->event_count && fits; i++)
        fits = copy_text(a, &at[i].name) && copy_fields(a, &at[i].attributes);
    span->events = at;
    return fits;
}

static bool copy_links(struct arena *a, struct tsdb_span *span)
{
    struct tsdb_span_link *at = ARENA_ARRAY(a, struct tsdb_span_link, span->link_count);
    bool fits = at;
    if (at && span->link_count)
        memcpy(at, span->links, span->link_count * sizeof *at);
    for (uint32_t i = 0; i < span->link_count && fits; i++)
        fits = copy_text(a, &at[i].trace_state) && copy_fields(a, &at[i].attributes);
    span->links = at;
    return fits;
}

/* The span's own memory is then the arena's; false: it is full. */
static bool copy_span(struct arena *a, struct tsdb_span *span)
{
    return copy_text(a, &span->name) && copy_text(a, &span->status_message) &&
           copy_text(a, &span->trace_state) && copy_fields(a, &span->attributes) &&
           copy_events(a, span) && copy_links(a, span);
}

static bool copy_source(struct arena *a, struct tsdb_span_source *s)
{
    return copy_fields(a, &s->resource) && copy_fields(a, &s->scope) &&
           copy_text(a, &s->scope_name) && copy_text(a, &s->scope_version) &&
           copy_text(a, &s->resource_schema_url) && copy_text(a, &s->scope_schema_url);
}

/* Bytes of the copies. */
static uint64_t span_bytes(const struct tsdb_span *span)
{
    struct span_size size = {0};
    (void)span_size_check(span, &size);
    return sizeof *span + size.text_bytes + size.fields * sizeof(struct tsdb_field) +
           span->event_count * sizeof *span->events + span->link_count * sizeof *span->links;
}

static uint64_t source_bytes(const struct tsdb_span_source *s)
{
    struct span_size size = {0};
    (void)span_source_size_check(s, &size);
    return sizeof *s + size.text_bytes + size.fields * sizeof(struct tsdb_field);
}

/* ---- what is there already ------------------------------------------------------------------ */

/* A bigger array, charged; NULL: it does not fit. */
static void *grow(struct answer *a, void *at, uint32_t *cap, size_t size)
{
    uint32_t next = *cap ? *cap * 2 : 16;
    uint64_t bytes = (uint64_t)(next - *cap) * size;
    if (a->budget && !budget_charge(a->budget, bytes))
        return NULL;
    a->charged += a->budget ? bytes : 0;
    *cap = next;
    return mem_grow(at, next, size);
}

/* Whether the answer has room for so many bytes more. */
static bool takes(struct reading *r, uint64_t bytes)
{
    r->is_full = r->is_full || r->bytes + bytes > r->bytes_max;
    if (!r->is_full)
        r->bytes += bytes;
    return !r->is_full;
}

static uint32_t span_hash(const struct reading *r, const struct tsdb_span *span)
{
    return (uint32_t)hash64(r->seed + span->kind, span->span_id.at, sizeof span->span_id.at);
}

static bool has_span(const struct reading *r, const struct tsdb_span *span)
{
    uint32_t hash = span_hash(r, span), at = hash, i;
    while ((i = slots_probe(&r->by_span, hash, &at)) != SLOTS_NONE) {
        const struct tsdb_span *other = &r->answer->spans[i];
        if (other->kind == span->kind &&
            memcmp(&other->span_id, &span->span_id, sizeof span->span_id) == 0)
            return true;
    }
    return false;
}

static enum tsdb_status add_span(struct reading *r, const struct tsdb_span *span)
{
    struct answer *a = r->answer;
    struct tsdb_span copy = *span;
    if (!takes(r, span_bytes(span)))
        return TSDB_OK;
    if (a->trace.span_count == a->span_cap) {
        void *at = grow(a, a->spans, &a->span_cap, sizeof *a->spans);
        if (!at)
            return is_short(r);
        a->spans = at;
    }
    if (!copy_span(&a->arena, &copy))
        return is_short(r);
    copy.source = r->numbers[span->source];
    slots_put(&r->by_span, span_hash(r, span), a->trace.span_count);
    a->spans[a->trace.span_count++] = copy;
    return TSDB_OK;
}

static void put_fields(struct writer *out, const struct tsdb_fields *f)
{
    writer_uvarint(out, f->count);
    writer_uvarint(out, f->dropped);
    for (uint32_t i = 0; i < f->count; i++) {
        const struct tsdb_field *field = &f->at[i];
        writer_u8(out, field->type);
        writer_sized(out, field->name.at, field->name.len);
        if (field_kind(field->type) == COLUMN_TEXT)
            writer_sized(out, field->text.at, field->text.len);
        else if (field->type == TSDB_FIELD_DOUBLE)
            writer_f64(out, field->real);
        else
            writer_svarint(out, field->integer);
    }
}

/* Equal sources have equal keys, others other ones: 128 bits, seeded. */
static struct tsdb_hash source_key(struct reading *r, const struct tsdb_span_source *s)
{
    const struct tsdb_text texts[] = {s->scope_name, s->scope_version, s->resource_schema_url,
                                      s->scope_schema_url};
    writer_reset(&r->text);
    put_fields(&r->text, &s->resource);
    put_fields(&r->text, &s->scope);
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
        writer_sized(&r->text, texts[i].at, texts[i].len);
    return hash128(r->seed, r->text.at, r->text.len);
}

/* The number of an equal source; NOT_MET: there is none. */
static uint32_t find_source(const struct reading *r, struct tsdb_hash key)
{
    uint32_t at = (uint32_t)key.lo, i;
    while ((i = slots_probe(&r->by_source, (uint32_t)key.lo, &at)) != SLOTS_NONE)
        if (hash_equal(r->source_keys[i], key))
            return i;
    return NOT_MET;
}

static enum tsdb_status add_source(struct reading *r, const struct tsdb_span_source *source,
                                   struct tsdb_hash key, uint32_t *number)
{
    struct answer *a = r->answer;
    struct tsdb_span_source copy = *source;
    if (!takes(r, source_bytes(source)))
        return TSDB_OK;
    if (a->trace.source_count == a->source_cap) {
        void *at = grow(a, a->sources, &a->source_cap, sizeof *a->sources);
        void *keys = grow(a, r->source_keys, &r->source_key_cap, sizeof *r->source_keys);
        a->sources = at ? at : a->sources;
        r->source_keys = keys ? keys : r->source_keys;
        if (!at || !keys)
            return is_short(r);
    }
    if (!copy_source(&a->arena, &copy))
        return is_short(r);
    *number = a->trace.source_count++;
    slots_put(&r->by_source, (uint32_t)key.lo, *number);
    r->source_keys[*number] = key;
    a->sources[*number] = copy;
    return TSDB_OK;
}

/* ---- one part ----------------------------------------------------------------------------------
 */

/* The number of the part's source in the answer; of another tenant's, NOT_OURS. */
static enum tsdb_status number_source(struct reading *r, uint32_t source, uint32_t *number)
{
    struct tsdb_span_source s;
    struct tsdb_text tenant;
    enum tsdb_status st = span_reader_source(r->reader, source, &r->scratch, &s, &tenant, r->err);
    if (st != TSDB_OK)
        return st;
    if (!text_equal(tenant, text_of(traces_set_tenant(r->set)))) {
        *number = NOT_OURS;
        return TSDB_OK;
    }
    struct tsdb_hash key = source_key(r, &s);
    *number = find_source(r, key);
    return *number == NOT_MET ? add_source(r, &s, key, number) : TSDB_OK;
}

static enum tsdb_status read_row(struct reading *r, uint32_t row, uint32_t source_count)
{
    struct tsdb_span span;
    arena_reset(&r->scratch);
    enum tsdb_status st = span_reader_span(r->reader, row, &r->scratch, &span, r->err);
    if (st != TSDB_OK)
        return st;
    if (span.source >= source_count)
        return tsdb_fail(r->err, TSDB_ECORRUPT, "span of source %u, of %u", span.source,
                         source_count);
    uint32_t *number = &r->numbers[span.source];
    if (*number == NOT_MET)
        st = number_source(r, span.source, number);
    if (st != TSDB_OK || r->is_full || *number == NOT_OURS || has_span(r, &span))
        return st;
    return add_span(r, &span);
}

static enum tsdb_status read_rows(struct reading *r, const struct traces_part *part)
{
    uint32_t first, count, sources = group_rows(part->tables.at[SPAN_TABLE_SOURCES]);
    span_reader_open(r->reader, &part->tables);
    enum tsdb_status st = span_reader_find(r->reader, r->id, &first, &count, r->err);
    if (st != TSDB_OK)
        return st == TSDB_ENOTFOUND ? TSDB_OK : st;
    r->numbers = MEM_ARRAY(uint32_t, sources);
    memset(r->numbers, 0xff, sources * sizeof *r->numbers);
    for (uint32_t row = first; row < first + count && st == TSDB_OK && !r->is_full; row++)
        st = read_row(r, row, sources);
    mem_free(r->numbers);
    return st;
}

static enum tsdb_status read_part(struct reading *r, uint32_t part)
{
    struct tsdb_error fault = {0}, *err = r->err;
    r->err = &fault;
    enum tsdb_status st = traces_set_touch(r->set, part, &fault);
    if (st == TSDB_OK) {
        st = read_rows(r, traces_set_part(r->set, part));
        if (st == TSDB_ECORRUPT)
            traces_set_damaged(r->set, part, fault.msg);
    }
    r->err = err;
    if (st == TSDB_ECORRUPT)
        return TSDB_OK; /* set aside: the answer is partial */
    if (st != TSDB_OK && err)
        *err = fault;
    return st;
}

/* ---- all of them
 * ---------------------------------------------------------------------------------- */

struct found_parts {
    uint32_t *at; /* owned; room for all */
    uint32_t count;
};

static bool note_part(void *arg, uint32_t part)
{
    struct found_parts *f = arg;
    f->at[f->count++] = part;
    return true;
}

struct numbered_part {
    uint64_t id;
    uint32_t part;
};

static int by_id(const void *a, const void *b)
{
    const struct numbered_part *x = a, *y = b;
    return (x->id > y->id) - (x->id < y->id);
}

/* In order of arrival. */
static enum tsdb_status read_parts(struct reading *r)
{
    struct found_parts found = {.at = MEM_ARRAY(uint32_t, traces_set_parts(r->set))};
    traces_set_find(r->set, r->id, note_part, &found);
    struct numbered_part *parts = MEM_ARRAY(struct numbered_part, found.count);
    for (uint32_t i = 0; i < found.count; i++)
        parts[i] = (struct numbered_part){traces_set_part(r->set, found.at[i])->id, found.at[i]};
    if (found.count)
        qsort(parts, found.count, sizeof *parts, by_id);
    enum tsdb_status st = TSDB_OK;
    for (uint32_t i = 0; i < found.count && st == TSDB_OK && !r->is_full; i++)
        st = read_part(r, parts[i].part);
    mem_free(parts);
    mem_free(found.at);
    return st;
}

static int by_start(const void *a, const void *b)
{
    const struct tsdb_span *x = a, *y = b;
    if (x->start != y->start)
        return x->start < y->start ? -1 : 1;
    int order = memcmp(&x->span_id, &y->span_id, sizeof x->span_id);
    return order ? order : (x->kind > y->kind) - (x->kind < y->kind);
}

static enum tsdb_status finish(struct reading *r)
{
    struct tsdb_trace *t = &r->answer->trace;
    if (t->span_count == 0) {
        writer_reset(&r->text);
        for (size_t i = 0; i < sizeof r->id->at; i++)
            writer_format(&r->text, "%02x", r->id->at[i]);
        return tsdb_fail(r->err, TSDB_ENOTFOUND, "trace %.*s is not there", (int)r->text.len,
                         (const char *)r->text.at);
    }
    qsort(r->answer->spans, t->span_count, sizeof *r->answer->spans, by_start);
    t->id = *r->id;
    t->spans = r->answer->spans;
    t->sources = r->answer->sources;
    t->is_partial = r->is_full || traces_set_is_partial(r->set);
    return TSDB_OK;
}

enum tsdb_status traces_set_read(struct traces_set *set, const struct tsdb_trace_id *id,
                                 uint64_t bytes_max, struct budget *budget, struct tsdb_trace **out,
                                 struct tsdb_error *err)
{
    struct answer *a = MEM_NEW(struct answer);
    struct reading r = {.set = set,
                        .id = id,
                        .answer = a,
                        .reader = span_reader_new(budget),
                        .bytes_max = bytes_max ? bytes_max : TRACE_BYTES_DEFAULT,
                        .err = err};
    a->budget = budget;
    arena_init(&a->arena, SIZE_MAX, budget);
    arena_init(&r.scratch, SIZE_MAX, budget);
    random_secret(&r.seed, sizeof r.seed);
    enum tsdb_status st = read_parts(&r);
    if (st == TSDB_OK)
        st = finish(&r);
    span_reader_free(r.reader);
    arena_release(&r.scratch);
    slots_release(&r.by_span);
    slots_release(&r.by_source);
    mem_free(r.source_keys);
    writer_release(&r.text);
    if (st == TSDB_OK)
        *out = &a->trace;
    else
        traces_trace_free(&a->trace);
    return st;
}

void traces_trace_free(struct tsdb_trace *trace)
{
    if (!trace)
        return;
    struct answer *a = (struct answer *)trace;
    arena_release(&a->arena);
    mem_free(a->spans);
    mem_free(a->sources);
    if (a->budget)
        budget_release(a->budget, a->charged);
    mem_free(a);
}

/* NOLINTNEXTLINE(readability-function-size): as the facade's */
enum tsdb_status traces_read(struct traces *t, const char *tenant, const struct tsdb_trace_id *id,
                             int64_t start, int64_t end, uint64_t bytes_max,
                             struct tsdb_trace **out, struct tsdb_error *err)
{
    struct traces_selection all = {tenant, start, end};
    if (start == 0 && end == 0)
        all = (struct traces_selection){tenant, INT64_MIN, INT64_MAX};
    struct budget *budget = &t->store->budget;
    struct traces_set *set;
    enum tsdb_status st = traces_select_trace(t, &all, id, budget, &set, err);
    if (st != TSDB_OK)
        return st;
    st = traces_set_read(set, id, bytes_max, budget, out, err);
    traces_set_close(set);
    return st;
}
