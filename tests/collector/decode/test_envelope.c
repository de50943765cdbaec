#include "collector/decode/envelope.h"

#include "proto/andon.pb-c.h"
#include "tsdb/base/mem.h"
#include "tsdb/base/text.h"

#include <criterion/criterion.h>
#include <lz4.h>

static struct tsdb_error err;
static const struct inflate_limits limits = {.bytes_max = 1 << 20};

/* protobuf-c reads what envelope_encode writes, and the other way round. */
Test(envelope, round_trips_through_protobuf)
{
    struct envelope e = {.sender = text_of("probe"),
                         .sequence = 300,
                         .kind = ENVELOPE_METRICS,
                         .codec = ENVELOPE_LZ4,
                         .payload = {(const uint8_t *)"xyz", 3},
                         .token = text_of("t"),
                         .uncompressed_bytes = 99};
    struct writer w = {0};
    envelope_encode(&e, &w);
    Andon__Envelope *p = andon__envelope__unpack(NULL, w.len, w.at);
    cr_assert_not_null(p);
    cr_assert_str_eq(p->sender_id, "probe");
    cr_assert(p->sequence == 300 && p->kind == ANDON__ENVELOPE__KIND__METRICS);
    cr_assert(p->codec == ANDON__ENVELOPE__CODEC__LZ4 && p->payload.len == 3);
    cr_assert(p->uncompressed_bytes == 99);
    cr_assert_str_eq(p->token, "t");
    uint8_t packed[128];
    size_t len = andon__envelope__pack(p, packed);
    andon__envelope__free_unpacked(p, NULL);
    struct envelope back;
    cr_assert_eq(envelope_decode((struct bytes){packed, len}, &back, &err), TSDB_OK);
    cr_assert(text_equal(back.sender, e.sender) && text_equal(back.token, e.token));
    cr_assert(back.sequence == 300 && back.kind == e.kind && back.codec == e.codec);
    cr_assert(back.payload.len == 3 && back.uncompressed_bytes == 99);
    writer_release(&w);
}

Test(envelope, acks_round_trip_and_are_never_empty)
{
    struct ack a = {0}, back;
    struct writer w = {0};
    ack_encode(&a, &w);
    cr_assert_eq(w.len, 2);
    cr_assert_eq(ack_decode(writer_bytes(&w), &back, &err), TSDB_OK);
    cr_assert_eq(back.status, (uint32_t)ACK_OK);
    writer_reset(&w);
    a = (struct ack){UINT64_MAX, ACK_LIMITED, 5, text_of("slow down"), 1500};
    ack_encode(&a, &w);
    Andon__Ack *p = andon__ack__unpack(NULL, w.len, w.at);
    cr_assert_not_null(p);
    cr_assert(p->sequence == UINT64_MAX && p->status == ANDON__ACK__STATUS__LIMITED);
    cr_assert(p->rejected == 5 && p->retry_after_ms == 1500);
    cr_assert_str_eq(p->message, "slow down");
    andon__ack__free_unpacked(p, NULL);
    writer_release(&w);
}

Test(envelope, refuses_bad_senders_and_bytes)
{
    struct envelope e;
    char id[ENVELOPE_SENDER_MAX + 1];
    memset(id, 'a', sizeof id);
    for (size_t len = ENVELOPE_SENDER_MAX; len <= sizeof id; len++) {
        struct writer w = {0};
        struct envelope in = {.sender = {id, len}};
        envelope_encode(&in, &w);
        cr_assert_eq(envelope_decode(writer_bytes(&w), &e, &err),
                     len <= ENVELOPE_SENDER_MAX ? TSDB_OK : TSDB_ECORRUPT);
        writer_release(&w);
    }
    static const uint8_t nul[] = {0x0a, 2, 'a', 0}, latin[] = {0x0a, 1, 0xe9}, cut[] = {0x0a, 5};
    cr_assert_eq(envelope_decode((struct bytes){nul, 4}, &e, &err), TSDB_ECORRUPT);
    cr_assert_eq(envelope_decode((struct bytes){latin, 3}, &e, &err), TSDB_ECORRUPT);
    cr_assert_eq(envelope_decode((struct bytes){cut, 2}, &e, &err), TSDB_ECORRUPT);
}

static enum tsdb_status open_lz4(struct bytes payload, uint64_t claimed)
{
    struct payload out;
    struct bytes plain;
    struct envelope e = {.codec = ENVELOPE_LZ4, .payload = payload, .uncompressed_bytes = claimed};
    payload_init(&out, limits.bytes_max + 1, NULL);
    enum tsdb_status st = envelope_open(&e, &limits, &out, &plain, &err);
    if (st == TSDB_OK)
        cr_assert_eq(plain.len, claimed);
    payload_release(&out);
    return st;
}

Test(envelope, lz4_claims_are_checked)
{
    static uint8_t zeroes[100000];
    char packed[2000];
    int n = LZ4_compress_default((const char *)zeroes, packed, sizeof zeroes, sizeof packed);
    cr_assert_gt(n, 0);
    struct bytes payload = {(const uint8_t *)packed, (size_t)n};
    cr_assert_eq(open_lz4(payload, sizeof zeroes), TSDB_OK);
    cr_assert_eq(open_lz4(payload, sizeof zeroes - 1), TSDB_ECORRUPT);
    cr_assert_eq(open_lz4(payload, sizeof zeroes + 1), TSDB_ECORRUPT);
    cr_assert_eq(open_lz4(payload, limits.bytes_max + 1), TSDB_EINVAL);
    cr_assert_eq(open_lz4(payload, UINT64_MAX), TSDB_EINVAL);
    cr_assert_eq(open_lz4(payload, 0), TSDB_ECORRUPT);
    cr_assert_eq(open_lz4((struct bytes){payload.at, 3}, 1 << 20), TSDB_ECORRUPT);
}

Test(envelope, unknown_codecs_are_refused)
{
    struct payload out;
    struct bytes plain;
    struct envelope e = {.codec = 2};
    payload_init(&out, 16, NULL);
    cr_assert_eq(envelope_open(&e, &limits, &out, &plain, &err), TSDB_ECORRUPT);
    payload_release(&out);
}
