#include "tsdb/logql/label_set.h"

#include "tsdb/base/mem.h"
#include "tsdb/base/text.h"

#include <assert.h>

#define EXTRACTED "_extracted"
enum { EXTRACTED_LEN = sizeof EXTRACTED - 1 };
static_assert(PIPELINE_LABELS_MAX == 1024, "the text of LabelLimitErr says so");

void label_set_init(struct label_set *s)
{
    *s = (struct label_set){.slots = MEM_ARRAY(struct label_slot, PIPELINE_LABELS_MAX),
                            .hashes = MEM_ARRAY(uint32_t, PIPELINE_LABELS_MAX),
                            .gone = MEM_ARRAY(struct tsdb_text, PIPELINE_LABELS_MAX)};
}

void label_set_release(struct label_set *s)
{
    mem_free(s->slots);
    mem_free(s->hashes);
    mem_free(s->gone);
    *s = (struct label_set){0};
}

size_t label_set_bytes(void)
{
    return PIPELINE_LABELS_MAX *
           (sizeof(struct label_slot) + sizeof(uint32_t) + sizeof(struct tsdb_text));
}

void label_set_begin(struct label_set *s, const struct pipeline_entry *entry)
{
    s->entry = *entry;
    s->count = s->gone_count = 0;
    s->has_stream_bits = s->is_full = false;
    s->error = s->error_details = (struct tsdb_text){"", 0};
}

unsigned label_name_bit(struct tsdb_text name)
{
    return label_name_hash(name) & 63;
}

static struct label_slot *slot_find(const struct label_set *s, struct tsdb_text name, uint32_t hash)
{
    for (uint32_t i = 0; i < s->count; i++)
        if (s->hashes[i] == hash && text_equal(s->slots[i].name, name))
            return &s->slots[i];
    return NULL;
}

static bool is_gone(const struct label_set *s, struct tsdb_text name)
{
    for (uint32_t i = 0; i < s->gone_count; i++)
        if (text_equal(s->gone[i], name))
            return true;
    return false;
}

static bool stream_find(const struct label_set *s, struct tsdb_text name, struct tsdb_text *value)
{
    const struct tsdb_labels *stream = &s->entry.stream;
    for (uint32_t i = 0; i < stream->count; i++) {
        if (text_equal(stream->at[i].name, name)) {
            *value = stream->at[i].value;
            return true;
        }
    }
    return false;
}

static bool look_up(const struct label_set *s, struct tsdb_text name, uint32_t hash,
                    struct tsdb_text *value)
{
    return s->entry.lookup && !(s->entry.absent >> (hash & 63) & 1) &&
           s->entry.lookup(s->entry.arg, name, value) && value->len > 0;
}

/* The stream is known to lack the name. */
static bool metadata_find(const struct label_set *s, struct tsdb_text name, uint32_t hash,
                          struct tsdb_text *value)
{
    if (look_up(s, name, hash, value))
        return true;
    if (name.len <= EXTRACTED_LEN ||
        memcmp(name.at + name.len - EXTRACTED_LEN, EXTRACTED, EXTRACTED_LEN) != 0)
        return false;
    struct tsdb_text base = {name.at, name.len - EXTRACTED_LEN}, ignored;
    return stream_find(s, base, &ignored) && look_up(s, base, label_name_hash(base), value);
}

enum label_origin label_set_get(const struct label_set *s, struct tsdb_text name,
                                struct tsdb_text *value)
{
    uint32_t hash = label_name_hash(name);
    const struct label_slot *slot = s->count ? slot_find(s, name, hash) : NULL;
    if (slot && slot->is_set) {
        *value = slot->value;
        return LABEL_OF_STAGE;
    }
    if (s->gone_count && is_gone(s, name))
        return LABEL_NONE;
    if (stream_find(s, name, value))
        return LABEL_OF_STREAM;
    if (!slot && metadata_find(s, name, hash, value))
        return LABEL_OF_METADATA;
    return LABEL_NONE;
}

static void stream_bits_fill(struct label_set *s)
{
    s->stream_bits = 0;
    for (uint32_t i = 0; i < s->entry.stream.count; i++)
        s->stream_bits |= UINT64_C(1) << label_name_bit(s->entry.stream.at[i].name);
    s->has_stream_bits = true;
}

bool label_set_has_base(struct label_set *s, struct tsdb_text name, uint32_t hash)
{
    struct tsdb_text value;
    if (!s->has_stream_bits)
        stream_bits_fill(s);
    if ((s->stream_bits >> (hash & 63) & 1) && stream_find(s, name, &value))
        return true;
    if (!s->entry.lookup || (s->gone_count && is_gone(s, name)))
        return false;
    return metadata_find(s, name, hash, &value) && !slot_find(s, name, hash);
}

bool label_set_is_taken(const struct label_set *s, struct tsdb_text name, uint32_t hash)
{
    return slot_find(s, name, hash) != NULL;
}

void label_set_append(struct label_set *s, const struct label_claim *claim, struct tsdb_text value)
{
    if (s->count == PIPELINE_LABELS_MAX) {
        label_set_fail(s, "LabelLimitErr", text_of("more than 1024 labels"));
        return;
    }
    s->hashes[s->count] = claim->hash;
    struct label_slot *slot = &s->slots[s->count++];
    slot->name.at = claim->name.at;
    slot->name.len = claim->name.len;
    slot->value = value;
    slot->is_set = true;
}

void label_set_put(struct label_set *s, const struct label_claim *claim, struct tsdb_text value)
{
    struct label_slot *slot = slot_find(s, claim->name, claim->hash);
    if (!slot) {
        label_set_append(s, claim, value);
        return;
    }
    slot->value = value;
    slot->is_set = true;
}

void label_set_remove(struct label_set *s, struct tsdb_text name)
{
    struct label_slot *slot = slot_find(s, name, label_name_hash(name));
    if (slot)
        slot->is_set = false;
    if (is_gone(s, name))
        return;
    if (s->gone_count == PIPELINE_LABELS_MAX)
        s->is_full = true;
    else
        s->gone[s->gone_count++] = name;
}

void label_set_fail(struct label_set *s, const char *error, struct tsdb_text details)
{
    s->error = text_of(error);
    s->error_details = details;
}

struct each {
    const struct label_set *set;
    label_set_fn *fn;
    void *arg;
};

static bool is_hidden(const struct label_set *s, struct tsdb_text name)
{
    return (s->count && slot_find(s, name, label_name_hash(name))) ||
           (s->gone_count && is_gone(s, name));
}

static void each_metadata(void *to, struct tsdb_label label)
{
    const struct each *e = to;
    struct tsdb_text ignored;
    if (label.value.len == 0)
        return;
    if (stream_find(e->set, label.name, &ignored)) {
        char name[1024];
        if (label.name.len > sizeof name - EXTRACTED_LEN)
            return;
        memcpy(name, label.name.at, label.name.len);
        memcpy(name + label.name.len, EXTRACTED, EXTRACTED_LEN);
        label.name = (struct tsdb_text){name, label.name.len + EXTRACTED_LEN};
        if (stream_find(e->set, label.name, &ignored) || is_hidden(e->set, label.name) ||
            look_up(e->set, label.name, label_name_hash(label.name), &ignored))
            return;
        e->fn(e->arg, label, LABEL_OF_METADATA);
        return;
    }
    if (!is_hidden(e->set, label.name))
        e->fn(e->arg, label, LABEL_OF_METADATA);
}

void label_set_each(const struct label_set *s, label_set_fn *fn, void *arg)
{
    struct each e = {s, fn, arg};
    for (uint32_t i = 0; i < s->entry.stream.count; i++) {
        const struct tsdb_label *label = &s->entry.stream.at[i];
        const struct label_slot *slot =
            s->count ? slot_find(s, label->name, label_name_hash(label->name)) : NULL;
        if (!(slot && slot->is_set) && !(s->gone_count && is_gone(s, label->name)))
            fn(arg, *label, LABEL_OF_STREAM);
    }
    if (s->entry.each)
        s->entry.each(s->entry.arg, each_metadata, &e);
    for (uint32_t i = 0; i < s->count; i++)
        if (s->slots[i].is_set)
            fn(arg, (struct tsdb_label){s->slots[i].name, s->slots[i].value}, LABEL_OF_STAGE);
}
