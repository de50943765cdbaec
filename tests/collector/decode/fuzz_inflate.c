/* Content codings: any bytes are an answer; no output passes its limit, and the budget
 * is paid back.  First byte: the coding. */
#include "collector/decode/envelope.h"
#include "collector/decode/inflate.h"
#include "tsdb/base/assert.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    static const struct inflate_limits limits = {
        .bytes_max = 1 << 18, .ratio_max = 200, .ratio_free = 1 << 16};
    struct budget budget;
    struct payload out;
    struct tsdb_error err;
    if (len == 0)
        return 0;
    struct bytes in = {data + 1, len - 1};
    budget_init(&budget, (uint64_t)32 << 20, NULL);
    payload_init(&out, limits.bytes_max + 1, &budget);
    if (data[0] % 8 == 7) {
        struct envelope e;
        struct bytes plain;
        if (envelope_decode(in, &e, &err) == TSDB_OK &&
            envelope_open(&e, &limits, &out, &plain, &err) == TSDB_OK)
            ASSERT(plain.len <= limits.bytes_max);
    } else if (data[0] % 8 < INFLATE_UNKNOWN) {
        enum inflate_coding coding = (enum inflate_coding)(data[0] % 8);
        if (inflate_body(coding, in, &limits, &out, &err) == TSDB_OK)
            ASSERT(out.len <= limits.bytes_max);
    }
    ASSERT(out.cap <= limits.bytes_max + 1);
    payload_release(&out);
    ASSERT(budget_used(&budget) == 0);
    return 0;
}
