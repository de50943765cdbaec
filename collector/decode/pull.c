#include "collector/decode/pull.h"

enum { VARINT_MAX = 10, TAG_MAX = 5 }; /* bytes */

uint64_t pull_varint_slow(struct reader *r)
{
    uint64_t value = 0;
    size_t most = r->rest.len < VARINT_MAX ? r->rest.len : VARINT_MAX;
    for (size_t i = 0; i < most; i++) {
        uint8_t byte = r->rest.at[i];
        value |= (uint64_t)(byte & 0x7f) << (7 * i); /* wraps: high bits drop */
        if (byte < 0x80) {
            (void)reader_take(r, i + 1);
            return value;
        }
    }
    reader_fail(r);
    return 0;
}

static bool take_payload(struct pull *p, struct pull_field *f)
{
    f->value = 0;
    f->bytes = (struct bytes){0};
    switch (f->wire) {
    case PULL_VARINT: f->value = pull_varint(&p->r); break;
    case PULL_FIXED64: f->value = reader_le64(&p->r); break;
    case PULL_SIZED: {
        uint64_t n = pull_varint(&p->r);
        if (n > p->r.rest.len)
            pull_fail(p);
        else
            f->bytes = reader_take(&p->r, (size_t)n);
        break;
    }
    case PULL_FIXED32: f->value = reader_le32(&p->r); break;
    default: pull_fail(p);
    }
    if (f->number == 0)
        pull_fail(p);
    if (p->r.fault)
        return false;
    f->whole.len = (size_t)(p->r.rest.at - f->whole.at);
    return true;
}

bool pull_next_slow(struct pull *p, struct pull_field *f)
{
    size_t before = p->r.rest.len;
    if (before == 0)
        return false;
    f->whole.at = p->r.rest.at;
    uint64_t tag = pull_varint_slow(&p->r);
    if (before - p->r.rest.len > TAG_MAX)
        pull_fail(p);
    f->number = (uint32_t)tag >> 3;
    f->wire = tag & 7;
    return take_payload(p, f);
}

struct pull_run pull_run_of(struct pull *p, const struct pull_field *f, enum pull_wire wire)
{
    if (f->wire == PULL_SIZED) {
        if (wire == PULL_FIXED64 && f->bytes.len % 8 != 0)
            pull_fail(p);
        return (struct pull_run){reader_over(f->bytes), wire};
    }
    if (f->wire != (uint32_t)wire) {
        pull_fail(p);
        return (struct pull_run){.wire = wire};
    }
    struct reader r = reader_over(f->whole);
    (void)pull_varint(&r); /* the tag: what is left is the one value */
    return (struct pull_run){r, wire};
}

size_t pull_run_count(const struct pull_run *run)
{
    if (run->wire == PULL_FIXED64)
        return run->r.rest.len / 8;
    size_t n = 0;
    for (size_t i = 0; i < run->r.rest.len; i++)
        n += run->r.rest.at[i] < 0x80 || i + 1 == run->r.rest.len;
    return n;
}

bool pull_run_next(struct pull *p, struct pull_run *run, uint64_t *value)
{
    if (run->r.rest.len == 0)
        return false;
    *value = run->wire == PULL_FIXED64 ? reader_le64(&run->r) : pull_varint(&run->r);
    if (run->r.fault)
        pull_fail(p);
    return !run->r.fault;
}
