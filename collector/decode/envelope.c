#include "collector/decode/envelope.h"

#include "collector/decode/pull.h"
#include "tsdb/base/status.h"
#include "tsdb/base/text.h"

#include <lz4.h>

static enum tsdb_status malformed(struct tsdb_error *err, const char *what)
{
    return tsdb_fail(err, TSDB_ECORRUPT, "%s: does not decode", what);
}

enum tsdb_status envelope_decode(struct bytes in, struct envelope *out, struct tsdb_error *err)
{
    struct envelope e = {.sender = {"", 0}, .token = {"", 0}};
    struct pull p = pull_over(in);
    struct pull_field f;
    while (pull_next(&p, &f)) {
        switch (f.number) {
        case 1: e.sender = pull_text(&p, &f); break;
        case 2: e.sequence = pull_u64(&p, &f); break;
        case 3: e.kind = pull_u32(&p, &f); break;
        case 4: e.codec = pull_u32(&p, &f); break;
        case 5: e.payload = pull_bytes(&p, &f); break;
        case 6: e.token = pull_text(&p, &f); break;
        case 7: e.uncompressed_bytes = pull_u64(&p, &f); break;
        default: break;
        }
    }
    if (!pull_done(&p))
        return malformed(err, "envelope");
    bool has_nul = e.sender.len > 0 && memchr(e.sender.at, '\0', e.sender.len);
    if (e.sender.len > ENVELOPE_SENDER_MAX || has_nul || !utf8_check(e.sender.at, e.sender.len))
        return tsdb_fail(err, TSDB_ECORRUPT, "envelope: sender_id is not UTF-8 of at most %d bytes",
                         ENVELOPE_SENDER_MAX);
    *out = e;
    return TSDB_OK;
}

static void put_sized(struct writer *w, unsigned number, const void *at, size_t len)
{
    if (len == 0)
        return;
    writer_uvarint(w, number << 3 | PULL_SIZED);
    writer_sized(w, at, len);
}

static void put_number(struct writer *w, unsigned number, uint64_t value)
{
    if (value == 0)
        return;
    writer_uvarint(w, number << 3 | PULL_VARINT);
    writer_uvarint(w, value);
}

void envelope_encode(const struct envelope *e, struct writer *out)
{
    put_sized(out, 1, e->sender.at, e->sender.len);
    put_number(out, 2, e->sequence);
    put_number(out, 3, e->kind);
    put_number(out, 4, e->codec);
    put_sized(out, 5, e->payload.at, e->payload.len);
    put_sized(out, 6, e->token.at, e->token.len);
    put_number(out, 7, e->uncompressed_bytes);
}

enum { LZ4_RATIO_MAX = 255 }; /* one length byte stands for that many */

enum tsdb_status envelope_open(const struct envelope *e, const struct inflate_limits *limits,
                               struct payload *out, struct bytes *plain, struct tsdb_error *err)
{
    if (e->codec == ENVELOPE_NONE) {
        *plain = e->payload;
        return inflate_body(INFLATE_IDENTITY, e->payload, limits, out, err);
    }
    if (e->codec != ENVELOPE_LZ4)
        return tsdb_fail(err, TSDB_ECORRUPT, "envelope: codec %u is not known", e->codec);
    uint64_t want = e->uncompressed_bytes;
    if (want > limits->bytes_max || want > INT32_MAX || e->payload.len > INT32_MAX)
        return tsdb_fail(err, TSDB_EINVAL, "envelope: more than %zu bytes once decompressed",
                         limits->bytes_max);
    if (limits->ratio_max > 0 && want > limits->ratio_free &&
        want / limits->ratio_max > e->payload.len)
        return tsdb_fail(err, TSDB_EINVAL, "envelope: %llu bytes from %zu, want at most %u to 1",
                         (unsigned long long)want, e->payload.len, limits->ratio_max);
    if (want == 0 || want / LZ4_RATIO_MAX > e->payload.len)
        return tsdb_fail(err, TSDB_ECORRUPT, "envelope: %zu bytes cannot hold %llu", e->payload.len,
                         (unsigned long long)want);
    enum tsdb_status st = payload_grow(out, (size_t)want);
    if (st != TSDB_OK)
        return tsdb_fail(err, st, "envelope: no memory left to decompress it");
    int n = LZ4_decompress_safe((const char *)e->payload.at, (char *)out->at, (int)e->payload.len,
                                (int)want);
    if (n < 0 || (uint64_t)n != want)
        return malformed(err, "envelope payload");
    out->len = (size_t)n;
    *plain = payload_bytes(out);
    return TSDB_OK;
}

enum tsdb_status ack_decode(struct bytes in, struct ack *out, struct tsdb_error *err)
{
    struct ack a = {.message = {"", 0}};
    struct pull p = pull_over(in);
    struct pull_field f;
    while (pull_next(&p, &f)) {
        if (f.number == 1)
            a.sequence = pull_u64(&p, &f);
        else if (f.number == 2)
            a.status = pull_u32(&p, &f);
        else if (f.number == 3)
            a.rejected = pull_u64(&p, &f);
        else if (f.number == 4)
            a.message = pull_text(&p, &f);
        else if (f.number == 5)
            a.retry_after_ms = pull_u64(&p, &f);
    }
    if (!pull_done(&p))
        return malformed(err, "ack");
    *out = a;
    return TSDB_OK;
}

void ack_encode(const struct ack *a, struct writer *out)
{
    writer_uvarint(out, 1 << 3 | PULL_VARINT); /* even 0: a frame is never empty */
    writer_uvarint(out, a->sequence);
    put_number(out, 2, a->status);
    put_number(out, 3, a->rejected);
    put_sized(out, 4, a->message.at, a->message.len);
    put_number(out, 5, a->retry_after_ms);
}
