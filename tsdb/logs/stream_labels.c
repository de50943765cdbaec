#include "tsdb/logs/stream_labels.h"

#include "tsdb/base/hash.h"
#include "tsdb/base/reader.h"
#include "tsdb/base/text.h"
#include "tsdb/base/writer.h"
#include "tsdb/store/tenant.h"

#include <string.h>

enum { TEXT_END = '.', NUMBER_BYTES = 8 };

static enum tsdb_verdict put_labels(const struct tsdb_limits *limits, struct tsdb_labels in,
                                    struct tsdb_label *out, uint32_t *count)
{
    uint32_t n = 0;
    for (uint32_t i = 0; i < in.count; i++) {
        if (in.at[i].value.len == 0 && in.at[i].name.len > 0)
            continue;
        if (n >= limits->labels_max || n >= LABELS_MAX - 1)
            return TSDB_LABEL_LIMIT;
        enum tsdb_verdict verdict =
            stream_is_attribute(in.at[i].name) ? TSDB_BAD_LABELS : label_check(limits, in.at[i]);
        if (verdict != TSDB_ACCEPTED)
            return verdict;
        out[n++] = in.at[i];
    }
    *count = n;
    return n > 0 ? TSDB_ACCEPTED : TSDB_BAD_LABELS;
}

static bool is_number(uint8_t type)
{
    return type == TSDB_FIELD_INT || type == TSDB_FIELD_DOUBLE;
}

static size_t value_bytes(const struct tsdb_field *f)
{
    if (is_number(f->type))
        return NUMBER_BYTES;
    return f->type == TSDB_FIELD_BOOL ? 1 : f->text.len + 1;
}

static enum tsdb_verdict put_attribute(const struct tsdb_limits *limits, const struct tsdb_field *f,
                                       struct arena *arena, struct tsdb_label *out)
{
    if (f->name.len == 0 || f->type >= TSDB_FIELD_TYPE_COUNT ||
        !utf8_check(f->name.at, f->name.len))
        return TSDB_BAD_LABELS;
    size_t bytes = value_bytes(f);
    if (f->name.len > limits->name_bytes_max || f->name.len >= HEAD_TEXT_BYTES_MAX ||
        bytes > (size_t)limits->value_bytes_max + NUMBER_BYTES || bytes > HEAD_TEXT_BYTES_MAX)
        return TSDB_LABEL_LIMIT;
    char *name = ARENA_ARRAY(arena, char, f->name.len + 1 + bytes);
    if (!name)
        return TSDB_LABEL_LIMIT;
    char *value = name + 1 + f->name.len;
    name[0] = (char)(1 + f->type);
    memcpy(name + 1, f->name.at, f->name.len);
    if (f->type == TSDB_FIELD_INT) {
        memcpy(value, &f->integer, NUMBER_BYTES);
    } else if (f->type == TSDB_FIELD_DOUBLE) {
        memcpy(value, &f->real, NUMBER_BYTES);
    } else if (f->type == TSDB_FIELD_BOOL) {
        value[0] = f->integer ? '1' : '0';
    } else {
        if (f->text.len)
            memcpy(value, f->text.at, f->text.len);
        value[f->text.len] = TEXT_END;
    }
    *out = (struct tsdb_label){{name, f->name.len + 1}, {value, bytes}};
    return TSDB_ACCEPTED;
}

static bool is_among(const struct tsdb_label *labels, uint32_t n, struct tsdb_text name)
{
    for (uint32_t i = 0; i < n; i++)
        if (text_equal(labels[i].name, name))
            return true;
    return false;
}

enum tsdb_verdict stream_canonical(const struct tsdb_limits *limits,
                                   const struct tsdb_log_stream *in, struct arena *arena,
                                   struct tsdb_label out[LABELS_MAX], uint32_t *count)
{
    uint32_t labels, n;
    enum tsdb_verdict verdict = put_labels(limits, in->labels, out, &labels);
    if (verdict != TSDB_ACCEPTED)
        return verdict;
    n = labels;
    for (uint32_t i = 0; i < in->attribute_count; i++) {
        if (n >= LABELS_MAX - 1)
            return TSDB_LABEL_LIMIT;
        verdict = put_attribute(limits, &in->attributes[i], arena, &out[n]);
        if (verdict != TSDB_ACCEPTED)
            return verdict;
        if (!is_among(out + labels, n - labels, out[n].name))
            n++;
    }
    labels_sort(out, n);
    if (labels_have_repeats(out, n))
        return TSDB_BAD_LABELS;
    *count = n;
    return TSDB_ACCEPTED;
}

void stream_add_tenant(const char *tenant, struct tsdb_label at[LABELS_MAX], uint32_t *count)
{
    if (!tenant[0])
        return;
    struct tsdb_label own = {text_of(TENANT_LABEL), text_of(tenant)};
    uint32_t i = (*count)++;
    for (; i > 0 && text_compare(at[i - 1].name, own.name) > 0; i--)
        at[i] = at[i - 1];
    at[i] = own;
}

/* The type that the label's name says; false: the value does not have its form. */
static bool attribute_of(struct tsdb_label l, struct tsdb_field *out)
{
    uint8_t type = (uint8_t)(l.name.at[0] - 1);
    *out = (struct tsdb_field){.name = {l.name.at + 1, l.name.len - 1}, .type = type};
    if (l.name.at[0] == 0 || l.name.len < 2 || l.value.len == 0)
        return false;
    if (type == TSDB_FIELD_BOOL) {
        out->integer = l.value.at[0] == '1';
        return l.value.len == 1 && (l.value.at[0] == '0' || l.value.at[0] == '1');
    }
    if (is_number(type)) {
        if (l.value.len != NUMBER_BYTES)
            return false;
        memcpy(type == TSDB_FIELD_INT ? (void *)&out->integer : (void *)&out->real, l.value.at,
               NUMBER_BYTES);
        return true;
    }
    out->text = (struct tsdb_text){l.value.at, l.value.len - 1};
    return l.value.at[l.value.len - 1] == TEXT_END;
}

bool stream_check(struct tsdb_labels labels)
{
    if (labels.count == 0 || labels.count >= LABELS_MAX)
        return false;
    bool has_label = false;
    for (uint32_t i = 0; i < labels.count; i++) {
        struct tsdb_label l = labels.at[i];
        struct tsdb_field field;
        if (l.name.len == 0 || l.value.len == 0 || l.name.len > HEAD_TEXT_BYTES_MAX ||
            l.value.len > HEAD_TEXT_BYTES_MAX ||
            (i > 0 && text_compare(labels.at[i - 1].name, l.name) >= 0))
            return false;
        if (text_equal(l.name, text_of(TENANT_LABEL)) ||
            (stream_is_attribute(l.name) && !attribute_of(l, &field)))
            return false;
        has_label = has_label || !stream_is_attribute(l.name);
    }
    return has_label;
}

struct tsdb_hash stream_hash(uint64_t seed, struct tsdb_labels labels)
{
    enum { STACK_BYTES = 4096, LENGTHS = 20 };
    uint8_t stack[STACK_BYTES];
    struct writer heap = {0};
    size_t total = 0, n = 0;
    for (uint32_t i = 0; i < labels.count; i++)
        total += labels.at[i].name.len + labels.at[i].value.len + LENGTHS;
    uint8_t *bytes = total <= sizeof stack ? stack : writer_reserve(&heap, total);
    for (uint32_t i = 0; i < labels.count; i++) {
        const struct tsdb_text parts[2] = {labels.at[i].name, labels.at[i].value};
        for (int k = 0; k < 2; k++) {
            n += uvarint_encode(parts[k].len, bytes + n);
            memcpy(bytes + n, parts[k].at, parts[k].len);
            n += parts[k].len;
        }
    }
    struct tsdb_hash hash = hash128(seed, bytes, n);
    writer_release(&heap);
    return hash;
}

void stream_split(struct tsdb_labels in, struct stream_parts *out)
{
    out->label_count = out->attribute_count = 0;
    for (uint32_t i = 0; i < in.count && i < LABELS_MAX; i++) {
        struct tsdb_label l = in.at[i];
        if (text_equal(l.name, text_of(TENANT_LABEL)))
            continue;
        if (!stream_is_attribute(l.name))
            out->labels[out->label_count++] = l;
        else if (attribute_of(l, &out->attributes[out->attribute_count]))
            out->attribute_count++;
    }
}
