/* The first byte says what the rest is: lines that must come back, or a table and a page
 * whose checksums are put right so that what lies behind them is reached. */
#include "tests/tsdb/columns/prop_text_search.h"
#include "tests/tsdb/columns/prop_text_template.h"
#include "tsdb/base/crc32c.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

enum { LINES_MAX = 600, BYTES_MAX = 1 << 20, CRC_BYTES = 4 };

/* Lines end with 0, so that they may hold newlines. */
static void fuzz_lines(const uint8_t *data, size_t len)
{
    static struct tsdb_text lines[LINES_MAX];
    uint32_t count = 0;
    for (size_t at = 0; at < len && count < LINES_MAX;) {
        const uint8_t *end = memchr(data + at, 0, len - at);
        size_t line = end ? (size_t)(end - data) - at : len - at;
        lines[count++] = (struct tsdb_text){(const char *)data + at, line};
        at += line + 1;
    }
    if (!prop_templates(lines, count) && count > 1) {
        /* too few or too unlike to pay: a set of something else must do */
        static const struct tsdb_text known = {"user=12 took 17ms", 17};
        static struct tsdb_text same[64];
        for (uint32_t i = 0; i < 64; i++)
            same[i] = known;
        struct text_templates *t = text_templates_learn(same, 64);
        if (t)
            prop_templates_page(t, t, lines, count);
        text_templates_free(t);
    }
}

/* A copy with the checksum its bytes have. */
static struct writer with_crc(struct bytes in)
{
    struct writer w = {0};
    writer_put(&w, in.at, in.len);
    writer_le32(&w, crc32c(0, in.at, in.len));
    return w;
}

/* Cuts of what a hostile page decodes to are not refused in it. */
static void search_lines(const struct text_templates *t, struct bytes page, uint32_t count,
                         const struct writer *lines, const uint32_t *starts)
{
    for (uint32_t i = 0; i < count; i += 1 + count / 8) {
        uint32_t len = starts[i + 1] - 1 - starts[i], from = len / 3;
        struct tsdb_text cut = {(const char *)lines->at + starts[i] + from, (len - from + 1) / 2};
        uint64_t rows[LINES_MAX / 64 + 1];
        struct text_wanted wanted = {rows, &cut, cut.len > 0, i % 2};
        struct writer out = {0};
        uint32_t again[LINES_MAX + 1];
        memset(rows, 0xff, sizeof rows);
        ASSERT(text_templates_decode(t, page, count, BYTES_MAX, &wanted, &out, again, NULL) ==
               TSDB_OK);
        ASSERT(text_is_wanted(rows, i));
        if (!wanted.is_only_asked)
            ASSERT(memcmp(out.at + again[i], lines->at + starts[i], len) == 0);
        writer_release(&out);
    }
}

static void fuzz_bytes(const uint8_t *data, size_t len)
{
    struct reader r = reader_over((struct bytes){data, len});
    uint32_t count = reader_le16(&r) % (LINES_MAX + 1), table_len = reader_le16(&r);
    struct bytes table = reader_take(&r, table_len < r.rest.len ? table_len : r.rest.len);
    struct writer table_bytes = with_crc(table), page = with_crc(r.rest), out = {0};
    struct text_templates *t = NULL;
    static uint32_t starts[LINES_MAX + 1];
    if (text_templates_read(writer_bytes(&table_bytes), &t, NULL) == TSDB_OK) {
        if (text_templates_decode(t, writer_bytes(&page), count, BYTES_MAX, NULL, &out, starts,
                                  NULL) == TSDB_OK) {
            ASSERT(starts[0] == 0 && starts[count] == out.len);
            for (uint32_t i = 0; i < count; i++)
                ASSERT(starts[i] < starts[i + 1] && out.at[starts[i + 1] - 1] == '\n');
            search_lines(t, writer_bytes(&page), count, &out, starts);
        }
        text_templates_free(t);
    }
    writer_release(&table_bytes);
    writer_release(&page);
    writer_release(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    if (len == 0)
        return 0;
    if (data[0] % 2)
        fuzz_lines(data + 1, len - 1);
    else
        fuzz_bytes(data + 1, len - 1);
    return 0;
}
