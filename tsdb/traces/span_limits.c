#include "tsdb/traces/span_limits.h"

#include "tsdb/base/hash.h"
#include "tsdb/base/mem.h"
#include "tsdb/base/random.h"
#include "tsdb/base/text.h"
#include "tsdb/columns/field_kind.h"
#include "tsdb/store/slots.h"

#include <string.h>

/* ---- sizes ----------------------------------------------------------------------- */

static enum tsdb_verdict fields_size(const struct tsdb_fields *f, struct span_size *size)
{
    if (f->count > TSDB_SPAN_FIELDS_MAX)
        return TSDB_TOO_LARGE;
    for (uint32_t i = 0; i < f->count; i++) {
        const struct tsdb_field *field = &f->at[i];
        if (field->type >= TSDB_FIELD_TYPE_COUNT)
            return TSDB_BAD_LABELS;
        size->text_bytes += field->name.len;
        if (field_kind(field->type) == COLUMN_TEXT)
            size->text_bytes += field->text.len;
    }
    size->fields += f->count;
    return size->text_bytes <= TSDB_SPAN_BYTES_MAX ? TSDB_ACCEPTED : TSDB_TOO_LARGE;
}

static bool is_zero(const uint8_t *at, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (at[i])
            return false;
    return true;
}

/* ---- columns --------------------------------------------------------------------- */

/* The different (name, type) of many fields. */
struct distinct {
    struct slots slots;
    const struct tsdb_field **at; /* owned; room for one more than there may be */
    uint32_t count;
    uint64_t seed;
};

static void distinct_init(struct distinct *d)
{
    *d = (struct distinct){
        .at = MEM_ARRAY(const struct tsdb_field *, SPAN_ATTRIBUTE_COLUMNS_MAX + 1)};
    random_secret(&d->seed, sizeof d->seed);
}

static void distinct_release(struct distinct *d)
{
    slots_release(&d->slots);
    mem_free(d->at);
}

static void distinct_put(struct distinct *d, const struct tsdb_fields *f)
{
    for (uint32_t i = 0; i < f->count && d->count <= SPAN_ATTRIBUTE_COLUMNS_MAX; i++) {
        const struct tsdb_field *field = &f->at[i];
        uint32_t hash = (uint32_t)hash64(d->seed + field->type, field->name.at, field->name.len);
        uint32_t at = hash, id;
        while ((id = slots_probe(&d->slots, hash, &at)) != SLOTS_NONE)
            if (d->at[id]->type == field->type && text_equal(d->at[id]->name, field->name))
                break;
        if (id != SLOTS_NONE)
            continue;
        slots_put(&d->slots, hash, d->count);
        d->at[d->count++] = field;
    }
}

/* Whether the attributes of all events, or of all links, are columns of one table. */
static bool children_fit(const struct tsdb_span *span, enum span_table table)
{
    struct distinct d;
    distinct_init(&d);
    uint32_t n = table == SPAN_TABLE_EVENTS ? span->event_count : span->link_count;
    for (uint32_t i = 0; i < n; i++)
        distinct_put(&d, table == SPAN_TABLE_EVENTS ? &span->events[i].attributes
                                                    : &span->links[i].attributes);
    bool fits = d.count <= SPAN_ATTRIBUTE_COLUMNS_MAX;
    distinct_release(&d);
    return fits;
}

/* ---- spans and sources ------------------------------------------------------------- */

static enum tsdb_verdict events_size(const struct tsdb_span *span, struct span_size *size)
{
    uint64_t before = size->fields;
    for (uint32_t i = 0; i < span->event_count; i++) {
        size->text_bytes += span->events[i].name.len;
        enum tsdb_verdict v = fields_size(&span->events[i].attributes, size);
        if (v != TSDB_ACCEPTED)
            return v;
    }
    bool is_wide = size->fields - before > SPAN_ATTRIBUTE_COLUMNS_MAX;
    return is_wide && !children_fit(span, SPAN_TABLE_EVENTS) ? TSDB_TOO_LARGE : TSDB_ACCEPTED;
}

static enum tsdb_verdict links_size(const struct tsdb_span *span, struct span_size *size)
{
    uint64_t before = size->fields;
    for (uint32_t i = 0; i < span->link_count; i++) {
        size->text_bytes += span->links[i].trace_state.len;
        enum tsdb_verdict v = fields_size(&span->links[i].attributes, size);
        if (v != TSDB_ACCEPTED)
            return v;
    }
    bool is_wide = size->fields - before > SPAN_ATTRIBUTE_COLUMNS_MAX;
    return is_wide && !children_fit(span, SPAN_TABLE_LINKS) ? TSDB_TOO_LARGE : TSDB_ACCEPTED;
}

enum tsdb_verdict span_size_check(const struct tsdb_span *span, struct span_size *size)
{
    struct span_size sum = {.text_bytes =
                                span->name.len + span->status_message.len + span->trace_state.len};
    if (is_zero(span->trace_id.at, sizeof span->trace_id.at) ||
        is_zero(span->span_id.at, sizeof span->span_id.at))
        return TSDB_BAD_LABELS;
    if (span->event_count > TSDB_SPAN_CHILDREN_MAX || span->link_count > TSDB_SPAN_CHILDREN_MAX)
        return TSDB_TOO_LARGE;
    enum tsdb_verdict v = fields_size(&span->attributes, &sum);
    if (v == TSDB_ACCEPTED)
        v = events_size(span, &sum);
    if (v == TSDB_ACCEPTED)
        v = links_size(span, &sum);
    if (v == TSDB_ACCEPTED)
        *size = sum;
    return v;
}

enum tsdb_verdict span_source_size_check(const struct tsdb_span_source *source,
                                         struct span_size *size)
{
    struct span_size sum = {.text_bytes = source->scope_name.len + source->scope_version.len +
                                          source->resource_schema_url.len +
                                          source->scope_schema_url.len};
    enum tsdb_verdict v = fields_size(&source->resource, &sum);
    if (v == TSDB_ACCEPTED)
        v = fields_size(&source->scope, &sum);
    if (v == TSDB_ACCEPTED)
        *size = sum;
    return v;
}

/* ---- names ----------------------------------------------------------------------- */

bool span_name_check(struct tsdb_text name)
{
    return name.len > 0 && name.len <= GROUP_NAME_MAX && utf8_check(name.at, name.len);
}

static bool names_check(const struct tsdb_fields *f)
{
    for (uint32_t i = 0; i < f->count; i++)
        if (!span_name_check(f->at[i].name))
            return false;
    return true;
}

enum tsdb_verdict span_check(const struct tsdb_span *span)
{
    struct span_size size;
    enum tsdb_verdict v = span_size_check(span, &size);
    bool is_good = v == TSDB_ACCEPTED && names_check(&span->attributes);
    for (uint32_t i = 0; is_good && i < span->event_count; i++)
        is_good = names_check(&span->events[i].attributes);
    for (uint32_t i = 0; is_good && i < span->link_count; i++)
        is_good = names_check(&span->links[i].attributes);
    return v == TSDB_ACCEPTED && !is_good ? TSDB_BAD_LABELS : v;
}

enum tsdb_verdict span_source_check(const struct tsdb_span_source *source)
{
    struct span_size size;
    enum tsdb_verdict v = span_source_size_check(source, &size);
    bool is_good = names_check(&source->resource) && names_check(&source->scope);
    return v == TSDB_ACCEPTED && !is_good ? TSDB_BAD_LABELS : v;
}
