#include "tsdb/columns/text_template.h"

#include "tsdb/base/mem.h"
#include "tsdb/columns/text_section.h"
#include "tsdb/columns/text_table.h"

#include <stdlib.h>

/* Learning tries each way to cut on the same sample and writes a part of it as a page: the
 * cut of the fewest bytes wins, and pays when that is less than what zstd makes of the
 * lines.  Nothing about the lines is guessed. */
enum {
    SAMPLE_LINES = 2048,
    SAMPLE_BYTES = 1 << 20,
    TRIAL_BYTES = 128 << 10, /* what is written to compare */
    SINGLES_SHARE = 8,       /* one template in so many lines: those seen once are dropped */
    LEAD_MAX = 16,
    TABLE_SHARE = 4, /* of the table's bytes, what a trial bears: groups are larger */
};

struct sample {
    struct tsdb_text *lines; /* owned */
    uint32_t count, trial;   /* the first `trial` are written to compare */
};

static void sample_take(struct sample *s, const struct tsdb_text *lines, uint32_t count)
{
    uint32_t step = (count + SAMPLE_LINES - 1) / SAMPLE_LINES;
    size_t bytes = 0;
    *s = (struct sample){.lines = MEM_ARRAY(struct tsdb_text, SAMPLE_LINES)};
    for (uint32_t i = 0; i < count && bytes < SAMPLE_BYTES; i += step) {
        s->lines[s->count++] = lines[i];
        bytes += lines[i].len + 1;
        if (bytes <= TRIAL_BYTES || s->trial == 0)
            s->trial = s->count;
    }
}

/* Bytes of the trial's lines packed as they are. */
static size_t plain_cost(const struct sample *s)
{
    struct writer clear = {0}, packed = {0};
    for (uint32_t i = 0; i < s->trial; i++) {
        writer_put(&clear, s->lines[i].at, s->lines[i].len);
        writer_u8(&clear, '\n');
    }
    text_section_pack(writer_bytes(&clear), &packed);
    size_t cost = packed.len;
    writer_release(&clear);
    writer_release(&packed);
    return cost;
}

static size_t template_cost(const struct sample *s, const struct text_templates *t)
{
    struct writer out = {0};
    text_templates_write(t, &out);
    size_t table = out.len;
    text_templates_encode(t, s->lines, s->trial, &out);
    size_t cost = out.len - table + table / TABLE_SHARE;
    writer_release(&out);
    return cost;
}

/* A template as it was first seen. */
struct seen {
    uint32_t line, count;
};

static int by_count(const void *left, const void *right)
{
    const struct seen *a = left, *b = right;
    if (a->count != b->count)
        return a->count > b->count ? -1 : 1;
    return a->line < b->line ? -1 : a->line > b->line;
}

/* Templates of the sample in the order of first use; returns how many. */
static uint32_t count_templates(const struct sample *s, enum text_cut_kind kind, struct seen *seen)
{
    struct tsdb_text vars[TEMPLATE_PLACES_MAX];
    struct text_templates *t = text_table_new(kind);
    for (uint32_t i = 0; i < s->count; i++) {
        struct text_cut cut;
        if (!text_cut(kind, s->lines[i], vars, &cut))
            continue;
        uint32_t template = text_table_find(t, s->lines[i], vars, &cut);
        if (template == UINT32_MAX)
            template = text_table_add(t, s->lines[i], vars, &cut);
        if (template == UINT32_MAX)
            continue;
        if (seen[template].count++ == 0)
            seen[template].line = i;
    }
    uint32_t count = t->count;
    text_templates_free(t);
    return count;
}

static struct text_templates *learn_kind(const struct sample *s, enum text_cut_kind kind)
{
    struct tsdb_text vars[TEMPLATE_PLACES_MAX];
    struct seen *seen = MEM_ARRAY(struct seen, SAMPLE_LINES);
    uint32_t count = count_templates(s, kind, seen);
    qsort(seen, count, sizeof *seen, by_count);
    uint32_t least = count > s->count / SINGLES_SHARE ? 2 : 1;
    struct text_templates *t = text_table_new(kind);
    for (uint32_t i = 0; i < count && seen[i].count >= least; i++) {
        struct tsdb_text line = s->lines[seen[i].line];
        struct text_cut cut;
        if (!text_cut(kind, line, vars, &cut))
            continue;
        uint32_t template = text_table_add(t, line, vars, &cut);
        if (template != UINT32_MAX)
            t->items[template].count = seen[i].count;
    }
    mem_free(seen);
    return t;
}

/* The longest lead that seven in eight of the lines share; 0: none. */
static uint32_t lead_find(struct text_templates *t)
{
    uint64_t all = 0;
    for (uint32_t i = 0; i < t->count; i++)
        all += t->items[i].count;
    for (uint32_t lead = LEAD_MAX; lead > 0; lead--) {
        uint64_t sharing = 0;
        if (!text_table_share(t, lead))
            continue;
        for (uint32_t i = 0; i < t->count; i++)
            sharing += t->items[i].has_lead ? t->items[i].count : 0;
        if (sharing * 8 >= all * 7)
            return lead;
    }
    return 0;
}

/* Sets the lead where it saves bytes; returns the cost. */
static size_t share_lead(const struct sample *s, struct text_templates *t, size_t cost)
{
    uint32_t lead = t->count > 1 ? lead_find(t) : 0;
    if (lead > 0) {
        size_t shared = template_cost(s, t);
        if (shared < cost)
            return shared;
    }
    (void)text_table_share(t, 0); /* no lead fits any table */
    return cost;
}

struct text_templates *text_templates_learn(const struct tsdb_text *lines, uint32_t count)
{
    struct sample s;
    struct text_templates *best = NULL;
    sample_take(&s, lines, count);
    size_t plain = plain_cost(&s), least = SIZE_MAX;
    for (enum text_cut_kind kind = 0; kind < TEXT_CUTS && s.count; kind++) {
        struct text_templates *t = learn_kind(&s, kind);
        size_t cost = t->count ? template_cost(&s, t) : SIZE_MAX;
        if (cost < least) {
            text_templates_free(best);
            best = t;
            least = cost;
        } else {
            text_templates_free(t);
        }
    }
    if (best)
        least = share_lead(&s, best, least);
    if (best && least > plain - plain / 16) {
        text_templates_free(best);
        best = NULL;
    }
    mem_free(s.lines);
    return best;
}
