/* Syslog may be any bytes: every message that is not empty is a record, and a stream gives
 * the same frames however it is cut. */
#include "collector/decode/syslog.h"
#include "collector/decode/syslog_frame.h"
#include "tests/collector/decode/oracle.h"

#include "tests/collector/decode/collect_logs.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

enum { LIMIT = 64 };

static void check_message(struct bytes in)
{
    struct arena arena;
    struct collect_logs *got = collect_logs_new();
    struct decode_tally tally;
    const struct syslog_options options = {.host = {"peer", 4}};
    arena_init(&arena, (size_t)64 << 20, NULL);
    struct decode_log_task task = collect_log_task(got, &arena);
    task.now = INT64_C(1700000000000000000);
    ASSERT(syslog_decode(&task, &options, &in, 1, &tally, NULL) == TSDB_OK);
    collect_logs_check(got, &tally, TSDB_OK);
    arena_release(&arena);
    collect_logs_free(got);
}

/* Frames as text, fed `step` bytes at a time. */
static void frames(struct bytes in, size_t step, struct writer *out)
{
    size_t begin = 0, end = 0;
    for (;;) {
        end += in.len - end < step ? in.len - end : step;
        bool is_last = end == in.len;
        struct syslog_frame f;
        enum tsdb_status st;
        while ((st = syslog_frame_next((struct bytes){in.at + begin, end - begin}, LIMIT, is_last,
                                       &f)) == TSDB_OK) {
            ASSERT(f.message.len <= LIMIT && f.used > 0);
            writer_sized(out, f.message.at, f.message.len);
            begin += f.used;
        }
        if (st == TSDB_ECORRUPT) {
            writer_u8(out, 0xff);
            return;
        }
        begin += f.used;
        ASSERT(end - begin <= LIMIT + 16);
        if (is_last)
            return;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    struct writer whole = {0}, cut = {0};
    if (len == 0)
        return 0;
    struct bytes in = {data + 1, len - 1};
    check_message(in);
    frames(in, in.len + 1, &whole);
    frames(in, data[0] % 16 + 1u, &cut);
    ASSERT(whole.len == cut.len && (cut.len == 0 || memcmp(whole.at, cut.at, cut.len) == 0));
    writer_release(&whole);
    writer_release(&cut);
    return 0;
}
