#include "tsdb/query/eval_labels.h"

#include "tsdb/base/text.h"

#include <string.h>

bool label_is_metadata(struct tsdb_text name)
{
    return name.len == 8 && name.at[0] == '_' &&
           (memcmp(name.at, "__name__", 8) == 0 || memcmp(name.at, "__type__", 8) == 0 ||
            memcmp(name.at, "__unit__", 8) == 0);
}

struct tsdb_text label_get(struct tsdb_labels labels, struct tsdb_text name)
{
    for (uint32_t i = 0; i < labels.count; i++)
        if (text_equal(labels.at[i].name, name))
            return labels.at[i].value;
    return (struct tsdb_text){"", 0};
}

int labels_compare(struct tsdb_labels a, struct tsdb_labels b)
{
    for (uint32_t i = 0; i < a.count && i < b.count; i++) {
        int order = text_compare(a.at[i].name, b.at[i].name);
        if (order == 0)
            order = text_compare(a.at[i].value, b.at[i].value);
        if (order != 0)
            return order;
    }
    return (a.count > b.count) - (a.count < b.count);
}

static bool is_named(const struct expr_names *names, struct tsdb_text name)
{
    for (uint32_t i = 0; i < names->count; i++)
        if (text_equal(names->at[i], name))
            return true;
    return false;
}

bool labels_drop_name(struct arena *arena, struct tsdb_labels in, struct tsdb_labels *out)
{
    uint32_t first = in.count, found = 0, last = 0;
    for (uint32_t i = 0; i < in.count; i++) {
        if (!label_is_metadata(in.at[i].name))
            continue;
        first = found == 0 ? i : first;
        last = i;
        found++;
    }
    if (found == 0) {
        *out = in;
        return true;
    }
    bool is_run = last - first + 1 == found;
    if (is_run && (first == 0 || last + 1 == in.count)) {
        *out = (struct tsdb_labels){in.at + (first == 0 ? found : 0), in.count - found};
        return true;
    }
    struct tsdb_label *kept = ARENA_ARRAY(arena, struct tsdb_label, in.count - found);
    if (!kept)
        return false;
    uint32_t n = 0;
    for (uint32_t i = 0; i < in.count; i++)
        if (!label_is_metadata(in.at[i].name))
            kept[n++] = in.at[i];
    *out = (struct tsdb_labels){kept, n};
    return true;
}

static bool belongs(struct tsdb_text name, const struct expr_names *names, bool is_without)
{
    if (!is_without)
        return is_named(names, name);
    return !text_equal(name, label_name_text) && !is_named(names, name);
}

bool labels_group(struct arena *arena, struct tsdb_labels in, const struct expr_names *names,
                  bool is_without, struct tsdb_labels *out)
{
    uint32_t n = 0;
    for (uint32_t i = 0; i < in.count; i++)
        n += belongs(in.at[i].name, names, is_without);
    struct tsdb_label *kept = ARENA_ARRAY(arena, struct tsdb_label, n);
    if (!kept)
        return false;
    n = 0;
    for (uint32_t i = 0; i < in.count; i++)
        if (belongs(in.at[i].name, names, is_without))
            kept[n++] = in.at[i];
    *out = (struct tsdb_labels){kept, n};
    return true;
}

bool labels_set(struct arena *arena, struct tsdb_labels in, struct tsdb_text name,
                struct tsdb_text value, struct tsdb_labels *out)
{
    struct tsdb_label *made = ARENA_ARRAY(arena, struct tsdb_label, in.count + 1);
    if (!made)
        return false;
    uint32_t n = 0, i = 0;
    while (i < in.count && text_compare(in.at[i].name, name) < 0)
        made[n++] = in.at[i++];
    if (i < in.count && text_equal(in.at[i].name, name))
        i++;
    if (value.len > 0)
        made[n++] = (struct tsdb_label){name, value};
    while (i < in.count)
        made[n++] = in.at[i++];
    *out = (struct tsdb_labels){made, n};
    return true;
}

/* Lengths go along, so that no two sets give the same bytes. */
static void put_label(struct writer *scratch, const struct tsdb_label *label)
{
    writer_le32(scratch, (uint32_t)label->name.len);
    writer_put(scratch, label->name.at, label->name.len);
    writer_le32(scratch, (uint32_t)label->value.len);
    writer_put(scratch, label->value.at, label->value.len);
}

struct tsdb_hash labels_key(struct writer *scratch, struct tsdb_labels labels)
{
    writer_reset(scratch);
    for (uint32_t i = 0; i < labels.count; i++)
        put_label(scratch, &labels.at[i]);
    return hash128(0, scratch->at, scratch->len);
}

struct tsdb_hash labels_key_of(struct writer *scratch, struct tsdb_labels labels,
                               const struct expr_names *names, bool is_without)
{
    writer_reset(scratch);
    for (uint32_t i = 0; i < labels.count; i++)
        if (belongs(labels.at[i].name, names, is_without))
            put_label(scratch, &labels.at[i]);
    return hash128(0, scratch->at, scratch->len);
}

struct tsdb_hash labels_key_except(struct writer *scratch, struct tsdb_labels labels,
                                   struct tsdb_text name)
{
    writer_reset(scratch);
    for (uint32_t i = 0; i < labels.count; i++)
        if (!text_equal(labels.at[i].name, name))
            put_label(scratch, &labels.at[i]);
    return hash128(0, scratch->at, scratch->len);
}

static void put_quoted(struct tsdb_text text, struct writer *out)
{
    writer_u8(out, '"');
    for (size_t i = 0; i < text.len; i++) {
        char c = text.at[i];
        if (c == '"' || c == '\\')
            writer_u8(out, '\\');
        if (c == '\n')
            writer_text(out, "\\n");
        else
            writer_u8(out, (uint8_t)c);
    }
    writer_u8(out, '"');
}

void labels_format(struct tsdb_labels labels, struct writer *out)
{
    writer_u8(out, '{');
    for (uint32_t i = 0; i < labels.count; i++) {
        if (i > 0)
            writer_text(out, ", ");
        writer_put(out, labels.at[i].name.at, labels.at[i].name.len);
        writer_u8(out, '=');
        put_quoted(labels.at[i].value, out);
    }
    writer_u8(out, '}');
}

struct tsdb_text text_keep(struct arena *arena, struct tsdb_text text)
{
    char *copy = ARENA_ARRAY(arena, char, text.len + 1);
    if (!copy)
        return (struct tsdb_text){0};
    if (text.len > 0)
        memcpy(copy, text.at, text.len);
    return (struct tsdb_text){copy, text.len};
}
