#include "collector/derive/origin.h"

#include "collector/decode/otlp_names.h"
#include "tsdb/base/assert.h"
#include "tsdb/base/hash.h"
#include "tsdb/base/mem.h"
#include "tsdb/base/text.h"

#include <string.h>

/* ---- texts --------------------------------------------------------------------------------- */

struct tsdb_text label_text_cut(struct tsdb_text text, size_t bytes_max)
{
    if (text.len <= bytes_max)
        return text;
    size_t n = bytes_max;
    while (n > 0 && ((unsigned char)text.at[n] & 0xc0) == 0x80) /* not within a character */
        n--;
    return (struct tsdb_text){text.at, n};
}

static struct tsdb_text copied(struct arena *arena, const char *at, size_t len)
{
    char *copy = ARENA_ARRAY(arena, char, len);
    if (!copy)
        return (struct tsdb_text){"", 0};
    memcpy(copy, at, len);
    return (struct tsdb_text){copy, len};
}

struct tsdb_text field_label_text(const struct tsdb_field *f, struct arena *arena)
{
    char digits[DOUBLE_TEXT_MAX], coded[BASE64_BYTES(SET_TEXT_MAX)];
    enum { BYTES_MAX = SET_TEXT_MAX / 4 * 3, ID_MAX = SET_TEXT_MAX / 2 };
    size_t len = f->text.len;
    switch (f->type) {
    case TSDB_FIELD_INT: return copied(arena, digits, i64_format(f->integer, digits));
    case TSDB_FIELD_DOUBLE: return copied(arena, digits, double_format_g(f->real, digits));
    case TSDB_FIELD_BOOL: return f->integer ? text_of("true") : text_of("false");
    case TSDB_FIELD_BYTES:
        len = base64_encode(f->text.at, len < BYTES_MAX ? len : BYTES_MAX, coded);
        return copied(arena, coded, len);
    case TSDB_FIELD_ID:
        len = hex_encode(f->text.at, len < ID_MAX ? len : ID_MAX, coded);
        return copied(arena, coded, len);
    default: return label_text_cut(f->text, SET_TEXT_MAX);
    }
}

/* The attribute's name as a label; the arena's or the attribute's own. */
static struct tsdb_text label_name(struct tsdb_text attribute, struct arena *arena)
{
    return otlp_label_name(OTLP_UNDERSCORE, attribute, arena);
}

/* ---- dimensions ---------------------------------------------------------------------------- */

static bool is_taken(struct tsdb_text label)
{
    static const char *const own[] = {
        "service",         "span_name", "span_kind", "status_code", "job",    "instance",
        "metric_overflow", "le",        "__name__",  "client",      "server", "connection_type"};
    for (size_t i = 0; i < sizeof own / sizeof own[0]; i++)
        if (text_equal(label, text_of(own[i])))
            return true;
    return false;
}

static struct tsdb_text owned(const char *before, struct tsdb_text text)
{
    size_t n = strlen(before);
    char *at = mem_alloc(n + text.len + 1);
    memcpy(at, before, n);
    memcpy(at + n, text.at, text.len);
    at[n + text.len] = '\0';
    return (struct tsdb_text){at, n + text.len};
}

void dimensions_init(struct dimensions *d, const struct tsdb_text *names, uint32_t count)
{
    enum { ARENA_BYTES = 1 << 20 };
    struct arena arena;
    ASSERT(count <= DIMENSIONS_MAX);
    arena_init(&arena, ARENA_BYTES, NULL);
    *d = (struct dimensions){.count = count};
    for (uint32_t i = 0; i < count; i++) {
        struct tsdb_text label = label_name(names[i], &arena);
        ASSERT(label.at);
        d->at[i].attribute = owned("", names[i]);
        d->at[i].label = owned(is_taken(label) ? "__" : "", label);
        d->at[i].slot = i;
        for (uint32_t j = 0; j < i; j++)
            if (text_equal(d->at[j].label, d->at[i].label)) {
                d->at[i].slot = d->at[j].slot;
                break;
            }
    }
    arena_release(&arena);
}

void dimensions_release(struct dimensions *d)
{
    for (uint32_t i = 0; i < d->count; i++) {
        mem_free((char *)(uintptr_t)d->at[i].attribute.at);
        mem_free((char *)(uintptr_t)d->at[i].label.at);
    }
    *d = (struct dimensions){0};
}

static const struct tsdb_field *find(const struct tsdb_fields *fields, struct tsdb_text name)
{
    for (uint32_t i = 0; i < fields->count; i++)
        if (fields->at[i].name.len == name.len && /* most are not: no call for those */
            memcmp(fields->at[i].name.at, name.at, name.len) == 0)
            return &fields->at[i];
    return NULL;
}

void dimensions_find(const struct dimensions *d, const struct tsdb_fields *attributes,
                     struct arena *arena, struct tsdb_text out[DIMENSIONS_MAX])
{
    struct tsdb_text found[DIMENSIONS_MAX] = {0};
    for (uint32_t i = 0; i < d->count; i++) {
        uint32_t slot = d->at[i].slot;
        const struct tsdb_field *f = out[slot].at ? NULL : find(attributes, d->at[i].attribute);
        if (f)
            found[slot] = field_label_text(f, arena);
    }
    for (uint32_t i = 0; i < d->count; i++)
        if (found[i].at)
            out[i] = found[i];
}

/* ---- resources ------------------------------------------------------------------------------- */

enum facet { FACET_SERVICE, FACET_SPACE, FACET_INSTANCE, FACET_OTHER };

static enum facet facet_of(struct tsdb_text name)
{
    static const char *const names[] = {"service.name", "service.namespace", "service.instance.id"};
    for (unsigned i = 0; i < FACET_OTHER; i++)
        if (text_equal(name, text_of(names[i])))
            return (enum facet)i;
    return FACET_OTHER;
}

/* A sum, so that the order of attributes does not matter. */
static struct tsdb_hash plus_field(struct tsdb_hash sum, const struct tsdb_field *f, uint64_t seed)
{
    bool is_text =
        f->type != TSDB_FIELD_INT && f->type != TSDB_FIELD_DOUBLE && f->type != TSDB_FIELD_BOOL;
    struct tsdb_hash name = hash128(seed, f->name.at, f->name.len);
    struct tsdb_hash value = is_text ? hash128(seed + f->type, f->text.at, f->text.len)
                                     : hash128(seed + f->type, &f->integer, sizeof f->integer);
    struct tsdb_hash h = hash_combine(name, value);
    return (struct tsdb_hash){sum.lo + h.lo, sum.hi + h.hi}; /* wraps */
}

void origin_resolve(struct origin *o, const struct tsdb_fields *resource,
                    const struct dimensions *d, uint64_t seed, struct arena *arena)
{
    *o = (struct origin){.target = {1, 1}};
    bool has_others = false;
    for (uint32_t i = 0; i < resource->count; i++) {
        const struct tsdb_field *f = &resource->at[i];
        enum facet facet = facet_of(f->name);
        struct tsdb_text *out = facet == FACET_SERVICE    ? &o->service
                                : facet == FACET_SPACE    ? &o->space
                                : facet == FACET_INSTANCE ? &o->instance
                                                          : NULL;
        if (out && out->len == 0)
            *out = field_label_text(f, arena);
        has_others |= !out;
        o->target = plus_field(o->target, f, seed);
    }
    if (o->service.len == 0)
        o->space.len = 0; /* a job has a name */
    const struct tsdb_text parts[] = {o->service, o->space, o->instance};
    o->identity = (struct tsdb_hash){seed, 3};
    for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++)
        o->identity = hash_combine(o->identity, hash128(seed, parts[i].at, parts[i].len));
    o->has_target = has_others && (o->service.len > 0 || o->instance.len > 0);
    if (d->count > 0)
        dimensions_find(d, resource, arena, o->dimensions);
}

struct tsdb_text origin_job(const struct origin *o, struct arena *arena)
{
    if (o->space.len == 0)
        return o->service;
    size_t len = o->space.len + 1 + o->service.len;
    char *at = ARENA_ARRAY(arena, char, len);
    if (!at)
        return (struct tsdb_text){"", 0};
    memcpy(at, o->space.at, o->space.len);
    at[o->space.len] = '/';
    memcpy(at + o->space.len + 1, o->service.at, o->service.len);
    return (struct tsdb_text){at, len};
}

static bool has_label(const struct tsdb_label *at, uint32_t count, struct tsdb_text name)
{
    for (uint32_t i = 0; i < count; i++)
        if (text_equal(at[i].name, name))
            return true;
    return false;
}

struct tsdb_labels origin_target_labels(const struct origin *o, const struct tsdb_fields *resource,
                                        struct arena *arena, struct tsdb_label *out)
{
    enum { NAME_MAX_BYTES = 250 }; /* the engine's limit is 256 */
    uint32_t n = 0;
    out[n++] = (struct tsdb_label){text_of("job"), origin_job(o, arena)};
    out[n++] = (struct tsdb_label){text_of("instance"), o->instance};
    for (uint32_t i = 0; i < resource->count && n < SET_LABELS_MAX; i++) {
        const struct tsdb_field *f = &resource->at[i];
        if (f->name.len == 0 || f->name.len > NAME_MAX_BYTES || facet_of(f->name) != FACET_OTHER)
            continue;
        struct tsdb_text name = label_name(f->name, arena);
        if (name.len > 0 && !has_label(out, n, name))
            out[n++] = (struct tsdb_label){name, field_label_text(f, arena)};
    }
    return (struct tsdb_labels){out, n};
}
