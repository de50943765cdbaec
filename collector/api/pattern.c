#include "collector/api/pattern.h"

#include "tsdb/base/hash.h"

#include <string.h>

struct words {
    struct tsdb_text words[PATTERN_WORDS_MAX], gaps[PATTERN_WORDS_MAX + 1];
    uint32_t count;
    bool is_cut;
};

bool patterns_init(struct patterns *p, struct arena *arena, uint32_t step_count)
{
    *p = (struct patterns){.arena = arena, .step_count = step_count};
    p->at = ARENA_ARRAY(arena, struct pattern, PATTERNS_MAX);
    return p->at != NULL;
}

static bool is_gap(char c)
{
    return (unsigned char)c <= ' ' || (c != 0 && strchr(",;:=()[]{}<>\"'|/.&?", c));
}

/* A word with a digit is a value. */
static struct tsdb_text word_of(const char *at, size_t len)
{
    for (size_t i = 0; i < len; i++)
        if (at[i] >= '0' && at[i] <= '9')
            return (struct tsdb_text){0};
    return (struct tsdb_text){at, len};
}

static void cut(struct tsdb_text line, struct words *out)
{
    out->count = 0;
    out->is_cut = line.len > PATTERN_BYTES_MAX;
    if (out->is_cut)
        line.len = PATTERN_BYTES_MAX;
    for (size_t i = 0;;) {
        size_t start = i;
        while (i < line.len && is_gap(line.at[i]))
            i++;
        out->gaps[out->count] = (struct tsdb_text){line.at + start, i - start};
        if (i == line.len)
            return;
        if (out->count == PATTERN_WORDS_MAX) {
            out->is_cut = true;
            return;
        }
        start = i;
        while (i < line.len && !is_gap(line.at[i]))
            i++;
        out->words[out->count++] = word_of(line.at + start, i - start);
    }
}

static uint64_t shape_of(const struct words *w)
{
    uint64_t hash = w->count * 2u + w->is_cut;
    for (uint32_t i = 0; i <= w->count; i++)
        hash = hash64(hash, w->gaps[i].at, w->gaps[i].len);
    return hash;
}

static bool is_same(struct tsdb_text a, struct tsdb_text b)
{
    return a.len == b.len && (a.len == 0 || memcmp(a.at, b.at, a.len) == 0);
}

/* Words that a merge would make variables; more than allowed: UINT32_MAX. */
static uint32_t difference(const struct pattern *p, const struct words *w)
{
    uint32_t differ = 0, known = 0;
    for (uint32_t i = 0; i < w->count; i++) {
        known += p->words[i].at != NULL;
        differ += p->words[i].at && !is_same(p->words[i], w->words[i]);
    }
    bool is_alike = differ == 0 || differ * 100 <= known * PATTERN_DIFFERENT;
    return is_alike ? differ : UINT32_MAX;
}

static bool keep(struct arena *arena, const struct tsdb_text *from, uint32_t count,
                 struct tsdb_text **out)
{
    size_t bytes = 1;
    for (uint32_t i = 0; i < count; i++)
        bytes += from[i].len;
    struct tsdb_text *to = ARENA_ARRAY(arena, struct tsdb_text, count + 1);
    char *text = ARENA_ARRAY(arena, char, bytes);
    if (!to || !text)
        return false;
    for (uint32_t i = 0; i < count; i++) {
        if (from[i].at && from[i].len > 0)
            memcpy(text, from[i].at, from[i].len);
        to[i] = (struct tsdb_text){from[i].at ? text : NULL, from[i].len};
        text += from[i].len;
    }
    *out = to;
    return true;
}

static struct pattern *pattern_new(struct patterns *p, const struct words *w, uint64_t shape)
{
    struct pattern fresh = {.shape = shape, .word_count = w->count, .is_cut = w->is_cut};
    if (p->count == PATTERNS_MAX)
        return NULL;
    fresh.counts = ARENA_ARRAY(p->arena, uint64_t, p->step_count);
    if (!fresh.counts || !keep(p->arena, w->words, w->count, &fresh.words) ||
        !keep(p->arena, w->gaps, w->count + 1, &fresh.gaps))
        return NULL;
    p->at[p->count] = fresh;
    return &p->at[p->count++];
}

struct pattern *patterns_add(struct patterns *p, struct tsdb_text line)
{
    struct words w;
    cut(line, &w);
    uint64_t shape = shape_of(&w);
    struct pattern *best = NULL;
    uint32_t least = UINT32_MAX;
    for (uint32_t i = 0; i < p->count && least > 0; i++) {
        uint32_t differ = p->at[i].shape == shape ? difference(&p->at[i], &w) : UINT32_MAX;
        if (differ < least) {
            least = differ;
            best = &p->at[i];
        }
    }
    if (!best)
        return pattern_new(p, &w, shape);
    for (uint32_t i = 0; i < w.count; i++)
        if (best->words[i].at && !is_same(best->words[i], w.words[i]))
            best->words[i] = (struct tsdb_text){0};
    return best;
}

void pattern_write(const struct pattern *p, struct writer *out)
{
    for (uint32_t i = 0; i <= p->word_count; i++) {
        writer_put(out, p->gaps[i].at, p->gaps[i].len);
        if (i == p->word_count)
            break;
        if (p->words[i].at)
            writer_put(out, p->words[i].at, p->words[i].len);
        else
            writer_text(out, "<_>");
    }
    if (p->is_cut)
        writer_text(out, "<_>");
}
