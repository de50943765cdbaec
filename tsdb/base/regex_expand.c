#include "tsdb/base/regex.h"

#include "tsdb/base/writer.h"

#include <string.h>

/* Letters beyond ASCII count by their bytes, all of which are >= 0x80. */
static bool is_word(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
           (c & 0x80);
}

/* What follows a dollar; false when it is not a reference. */
static bool reference_parse(struct tsdb_text rest, struct tsdb_text *name, size_t *taken)
{
    size_t open = rest.len > 0 && rest.at[0] == '{';
    size_t end = open;
    while (end < rest.len && is_word(rest.at[end]))
        end++;
    if (end == open || (open && (end == rest.len || rest.at[end] != '}')))
        return false;
    *name = (struct tsdb_text){rest.at + open, end - open};
    *taken = end + open;
    return true;
}

/* A number without leading zeros names a group by position, all else by name. */
static uint32_t reference_group(const struct regex *re, struct tsdb_text name)
{
    bool is_number = name.len <= 8 && (name.at[0] != '0' || name.len == 1);
    uint32_t number = 0;
    for (size_t i = 0; i < name.len && is_number; i++) {
        is_number = name.at[i] >= '0' && name.at[i] <= '9';
        number = number * 10 + (uint32_t)(name.at[i] - '0');
    }
    if (is_number)
        return number;
    uint32_t group = regex_group_find(re, name);
    return group ? group : UINT32_MAX;
}

void regex_expand_groups(const struct regex *re, const struct tsdb_text *groups, uint32_t count,
                         struct tsdb_text template_text, struct writer *out)
{
    struct tsdb_text rest = template_text;
    while (rest.len > 0) {
        const char *dollar = memchr(rest.at, '$', rest.len);
        size_t before = dollar ? (size_t)(dollar - rest.at) : rest.len;
        writer_put(out, rest.at, before);
        if (!dollar)
            return;
        rest = (struct tsdb_text){dollar + 1, rest.len - before - 1};
        struct tsdb_text name;
        size_t taken = 0;
        if (rest.len > 0 && rest.at[0] == '$') {
            writer_u8(out, '$');
            taken = 1;
        } else if (reference_parse(rest, &name, &taken)) {
            uint32_t group = reference_group(re, name);
            if (group < count && groups[group].at)
                writer_put(out, groups[group].at, groups[group].len);
        } else {
            writer_u8(out, '$');
        }
        rest.at += taken;
        rest.len -= taken;
    }
}

bool regex_expand(const struct regex *re, struct tsdb_text text, struct tsdb_text template_text,
                  struct writer *out)
{
    struct tsdb_text groups[REGEX_GROUPS_MAX + 1];
    uint32_t count = regex_group_count(re) + 1;
    if (!regex_groups(re, text, groups, count))
        return false;
    regex_expand_groups(re, groups, count, template_text, out);
    return true;
}
