#include "tsdb/traceql/span_relation.h"

bool span_relation_is_negated(enum traceql_relation relation)
{
    return relation >= RELATION_NOT_CHILD && relation <= RELATION_NOT_SIBLING;
}

static bool has(const uint64_t *bits, uint32_t i)
{
    return bits[i / 64] >> i % 64 & 1;
}

static void put(uint64_t *bits, uint32_t i)
{
    bits[i / 64] |= UINT64_C(1) << i % 64;
}

/* The five plain relations: spans that have one of `others` as their parent, ... */
enum kin { KIN_PARENT, KIN_CHILD, KIN_ANCESTOR, KIN_DESCENDANT, KIN_SIBLING };

static enum kin kin_of(enum traceql_relation relation)
{
    switch (relation) {
    case RELATION_CHILD:
    case RELATION_NOT_CHILD:
    case RELATION_UNION_CHILD: return KIN_PARENT;
    case RELATION_PARENT:
    case RELATION_NOT_PARENT:
    case RELATION_UNION_PARENT: return KIN_CHILD;
    case RELATION_DESCENDANT:
    case RELATION_NOT_DESCENDANT:
    case RELATION_UNION_DESCENDANT: return KIN_ANCESTOR;
    case RELATION_ANCESTOR:
    case RELATION_NOT_ANCESTOR:
    case RELATION_UNION_ANCESTOR: return KIN_DESCENDANT;
    case RELATION_AND:
    case RELATION_OR:
    case RELATION_SIBLING:
    case RELATION_NOT_SIBLING:
    case RELATION_UNION_SIBLING: break;
    }
    return KIN_SIBLING;
}

static enum kin reversed(enum kin kin)
{
    switch (kin) {
    case KIN_PARENT: return KIN_CHILD;
    case KIN_CHILD: return KIN_PARENT;
    case KIN_ANCESTOR: return KIN_DESCENDANT;
    case KIN_DESCENDANT: return KIN_ANCESTOR;
    case KIN_SIBLING: break;
    }
    return KIN_SIBLING;
}

/* Up from each of `others` until a span that was marked. */
static void mark_ancestors(const struct trace_view *v, const uint64_t *others, uint64_t *found)
{
    for (uint32_t i = 0; i < v->count; i++) {
        if (!has(others, i))
            continue;
        for (int32_t p = v->nodes[i].parent; p >= 0 && !has(found, (uint32_t)p);
             p = v->nodes[p].parent)
            put(found, (uint32_t)p);
    }
}

/* Down from the top of each span's line: what is known of a parent holds for its child.
 * A line is followed up to a span that is known, then back along `path`. */
static bool mark_descendants(const struct trace_view *v, const uint64_t *others, uint64_t *found,
                             struct arena *arena)
{
    uint32_t *path = ARENA_ARRAY(arena, uint32_t, v->count + 1);
    uint64_t *seen = ARENA_ARRAY(arena, uint64_t, v->count / 64 + 1);
    if (!path || !seen)
        return false;
    for (uint32_t i = 0; i < v->count; i++) {
        uint32_t depth = 0, at = i;
        while (!has(seen, at)) {
            put(seen, at);
            path[depth++] = at;
            if (v->nodes[at].parent < 0)
                break;
            at = (uint32_t)v->nodes[at].parent;
        }
        for (; depth > 0; depth--) {
            uint32_t span = path[depth - 1];
            int32_t parent = v->nodes[span].parent;
            if (parent >= 0 && (has(others, (uint32_t)parent) || has(found, (uint32_t)parent)))
                put(found, span);
        }
    }
    return true;
}

/* Siblings have one parent, or are both roots. */
static bool mark_siblings(const struct trace_view *v, const uint64_t *others, uint64_t *found,
                          struct arena *arena)
{
    uint32_t *below = ARENA_ARRAY(arena, uint32_t, v->count + 1), roots = 0;
    if (!below)
        return false;
    for (uint32_t i = 0; i < v->count; i++) {
        if (has(others, i) && v->nodes[i].parent >= 0)
            below[v->nodes[i].parent]++;
        else if (has(others, i) && v->nodes[i].nested_parent < 0)
            roots++;
    }
    for (uint32_t i = 0; i < v->count; i++) {
        bool is_root = v->nodes[i].parent < 0 && v->nodes[i].nested_parent < 0;
        uint32_t n = v->nodes[i].parent >= 0 ? below[v->nodes[i].parent] : is_root ? roots : 0;
        if (n > has(others, i))
            put(found, i);
    }
    return true;
}

/* Spans whose parent, child, ... is among `others`. */
static bool mark(const struct trace_view *v, enum kin kin, const uint64_t *others, uint64_t *found,
                 struct arena *arena)
{
    switch (kin) {
    case KIN_PARENT:
    case KIN_CHILD:
        for (uint32_t i = 0; i < v->count; i++) {
            int32_t parent = v->nodes[i].parent;
            if (parent < 0)
                continue;
            if (kin == KIN_PARENT && has(others, (uint32_t)parent))
                put(found, i);
            if (kin == KIN_CHILD && has(others, i))
                put(found, (uint32_t)parent);
        }
        return true;
    case KIN_DESCENDANT: mark_ancestors(v, others, found); return true;
    case KIN_ANCESTOR: return mark_descendants(v, others, found, arena);
    case KIN_SIBLING: break;
    }
    return mark_siblings(v, others, found, arena);
}

bool span_relation(const struct trace_view *v, enum traceql_relation relation, const uint64_t *left,
                   const uint64_t *right, uint64_t *out, struct arena *arena)
{
    uint32_t words = v->count / 64 + 1;
    enum kin kin = kin_of(relation);
    uint64_t *found = ARENA_ARRAY(arena, uint64_t, words);
    if (!found || !mark(v, kin, left, found, arena))
        return false;
    bool is_negated = span_relation_is_negated(relation);
    for (uint32_t w = 0; w < words; w++)
        out[w] = right[w] & (is_negated ? ~found[w] : found[w]);
    if (relation < RELATION_UNION_CHILD)
        return true;
    uint64_t *back = ARENA_ARRAY(arena, uint64_t, words);
    if (!back || !mark(v, reversed(kin), right, back, arena))
        return false;
    for (uint32_t w = 0; w < words; w++)
        out[w] |= left[w] & back[w];
    return true;
}
