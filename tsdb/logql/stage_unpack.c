#include "tsdb/logql/stage_unpack.h"

#include "tsdb/base/text.h"
#include "tsdb/logql/stage_json.h"

enum { UNPACK_LABELS_MAX = 256 };

struct unpack {
    struct json_reader r;
    struct pass *p;
    struct {
        struct label_claim claim;
        struct tsdb_text value;
    } labels[UNPACK_LABELS_MAX];
    uint32_t count;
    struct tsdb_text line;
    bool has_line;
};

static void take_string(struct unpack *u, const struct quoted_span *key,
                        const struct quoted_span *value)
{
    struct tsdb_text name = key->has_escape ? json_string(u->p, key) : key->raw;
    struct label_claim claim;
    if (text_equal(name, text_of("_entry"))) {
        char *out = value->has_escape ? pass_bytes(u->p, value->raw.len) : NULL;
        u->line = value->raw;
        u->has_line = true;
        if (value->has_escape) {
            size_t n = out ? escape_read(value->raw, ESCAPE_JSON, out) : SIZE_MAX;
            if (n == SIZE_MAX)
                u->r.fault = "Encountered an invalid escape sequence in a string";
            u->line = (struct tsdb_text){out, n};
        }
        return;
    }
    name = pass_label_name(u->p, name);
    if (name.len == 0 || u->count == UNPACK_LABELS_MAX || !pass_claim(u->p, name, &claim))
        return;
    u->labels[u->count].claim = claim;
    u->labels[u->count++].value = json_string(u->p, value);
}

static void read_members(struct unpack *u)
{
    struct quoted_span key, value;
    struct tsdb_text block;
    if (!json_enter(&u->r, '{'))
        return;
    while (!json_is_closed(&u->r, '}')) {
        if (!line_json_key(&u->r, &key))
            return;
        enum json_kind kind = line_json_value(&u->r, &value);
        if (kind == JSON_FAULT)
            return;
        if (kind == JSON_STRING)
            take_string(u, &key, &value);
        else if ((kind == JSON_OBJECT || kind == JSON_ARRAY) && !line_json_skip(&u->r, &block))
            return;
        if (u->r.fault || !json_comma(&u->r, '}'))
            return;
    }
}

void stage_unpack_run(struct pass *p)
{
    struct unpack u; /* labels are written before they are read */
    if (p->line.len == 0 || pass_is_served(p))
        return;
    if (p->line.at[0] != '{') {
        pass_fail(p, STAGE_JSON_ERROR, "expecting json object(6), but it is not");
        return;
    }
    u.r = json_reader_over(p->line);
    u.p = p;
    u.count = 0;
    u.has_line = false;
    read_members(&u);
    if (u.r.fault) {
        pass_fail(p, STAGE_JSON_ERROR, "%s", u.r.fault);
        return;
    }
    if (!u.has_line)
        return;
    p->line = u.line;
    for (uint32_t i = 0; i < u.count; i++)
        pass_put(p, &u.labels[i].claim, u.labels[i].value);
}
