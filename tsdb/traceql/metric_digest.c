#include "tsdb/traceql/metric_digest.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { MANTISSA_BITS = 52, PLACE_BITS = MANTISSA_BITS - DIGEST_BITS };

/* Bits whose order, unsigned, is that of the values. */
static uint64_t ordered_of(double value)
{
    uint64_t bits;
    memcpy(&bits, &value, sizeof bits);
    return bits >> 63 ? ~bits : bits | UINT64_C(1) << 63;
}

static double value_of(uint64_t ordered)
{
    uint64_t bits = ordered >> 63 ? ordered & ~(UINT64_C(1) << 63) : ~ordered;
    double value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

static struct digest_block *block_of(struct metric_digest *d, uint32_t octave, struct arena *arena)
{
    uint32_t i = 0;
    while (i < d->block_count && d->blocks[i]->octave < octave)
        i++;
    if (i < d->block_count && d->blocks[i]->octave == octave)
        return d->blocks[i];
    if (d->block_count == d->block_room) {
        uint32_t room = d->block_room ? 2 * d->block_room : 8;
        struct digest_block **blocks = ARENA_ARRAY(arena, struct digest_block *, room);
        if (!blocks)
            return NULL;
        if (d->block_count > 0)
            memcpy(blocks, d->blocks, d->block_count * sizeof *blocks);
        d->blocks = blocks;
        d->block_room = room;
    }
    struct digest_block *block = ARENA_ARRAY(arena, struct digest_block, 1);
    if (!block)
        return NULL;
    block->octave = octave;
    memmove(d->blocks + i + 1, d->blocks + i, (d->block_count - i) * sizeof(struct digest_block *));
    d->blocks[i] = block;
    d->block_count++;
    return block;
}

static bool count_value(struct metric_digest *d, double value, struct arena *arena)
{
    uint64_t place = ordered_of(value == 0 ? 0 : value) >> PLACE_BITS;
    struct digest_block *block = block_of(d, (uint32_t)(place >> DIGEST_BITS), arena);
    if (!block)
        return false;
    block->counts[place % DIGEST_BLOCK]++;
    return true;
}

/* From values to counts. */
static bool spread(struct metric_digest *d, struct arena *arena)
{
    for (uint64_t i = 0; i < d->count; i++)
        if (!count_value(d, d->values[i], arena))
            return false;
    d->values = NULL;
    return true;
}

static bool is_counted(const struct metric_digest *d)
{
    return d->block_count > 0;
}

bool metric_digest_put(struct metric_digest *d, double value, struct arena *arena)
{
    if (isnan(value))
        return true;
    if (!is_counted(d) && d->count == DIGEST_EXACT && !spread(d, arena))
        return false;
    if (is_counted(d)) {
        d->count++;
        return count_value(d, value, arena);
    }
    if (d->count == d->value_room) {
        uint32_t room = d->value_room ? 4 * d->value_room : 4;
        double *values = ARENA_ARRAY(arena, double, room);
        if (!values)
            return false;
        if (d->count > 0)
            memcpy(values, d->values, d->count * sizeof *values);
        d->values = values;
        d->value_room = room;
    }
    d->values[d->count++] = value;
    return true;
}

bool metric_digest_add(struct metric_digest *to, const struct metric_digest *from,
                       struct arena *arena)
{
    if (!is_counted(from)) {
        for (uint64_t i = 0; i < from->count; i++)
            if (!metric_digest_put(to, from->values[i], arena))
                return false;
        return true;
    }
    if (!is_counted(to) && !spread(to, arena))
        return false;
    for (uint32_t i = 0; i < from->block_count; i++) {
        struct digest_block *block = block_of(to, from->blocks[i]->octave, arena);
        if (!block)
            return false;
        for (uint32_t k = 0; k < DIGEST_BLOCK; k++)
            block->counts[k] += from->blocks[i]->counts[k];
    }
    to->count += from->count;
    return true;
}

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* Inside the place, as if its values lay evenly. */
static double inside(uint32_t octave, uint32_t place, uint64_t rank, uint64_t count)
{
    uint64_t from = ((uint64_t)octave << DIGEST_BITS | place) << PLACE_BITS;
    double low = value_of(from), high = value_of(from + ((UINT64_C(1) << PLACE_BITS) - 1));
    if (!isfinite(low) || !isfinite(high))
        return isfinite(low) ? low : high;
    return low + (high - low) * (((double)rank - 0.5) / (double)count);
}

double metric_digest_quantile(struct metric_digest *d, double q)
{
    if (d->count == 0)
        return 0;
    double wanted = ceil(q * (double)d->count);
    uint64_t rank = wanted < 1 ? 1 : (uint64_t)wanted;
    if (rank > d->count)
        rank = d->count;
    if (!is_counted(d)) {
        qsort(d->values, (size_t)d->count, sizeof *d->values, by_value);
        return d->values[rank - 1];
    }
    for (uint32_t i = 0; i < d->block_count; i++) {
        const struct digest_block *block = d->blocks[i];
        for (uint32_t k = 0; k < DIGEST_BLOCK; k++) {
            if (rank <= block->counts[k])
                return inside(block->octave, k, rank, block->counts[k]);
            rank -= block->counts[k];
        }
    }
    return 0;
}
