#include "tsdb/columns/text_page_head.h"

#include "tsdb/base/crc32c.h"
#include "tsdb/base/status.h"
#include "tsdb/columns/text_template.h"

enum {
    CRC_BYTES = 4,
    SECTION_FACTOR = 16, /* a section's bytes in the clear to the page's, at most */
    SECTION_LEAST = 1 << 16,
};

enum tsdb_status text_page_open(struct bytes in, uint32_t count, struct text_page_head *out,
                                struct tsdb_error *err)
{
    struct reader whole = reader_over(in);
    struct bytes body = reader_take(&whole, in.len < CRC_BYTES ? in.len : in.len - CRC_BYTES);
    if (reader_le32(&whole) != crc32c(0, body.at, body.len) || !reader_done(&whole))
        return tsdb_fail(err, TSDB_ECORRUPT, "template page: %zu bytes, crc differs", in.len);
    struct reader r = reader_over(body);
    unsigned version = reader_u8(&r);
    uint64_t lines = reader_uvarint(&r), bytes = reader_uvarint(&r);
    if (r.fault || version != TEXT_PAGE_VERSION || lines != count || count > TEMPLATE_PAGE_LINES ||
        bytes < lines)
        return tsdb_fail(err, TSDB_ECORRUPT,
                         "template page: version %u, %llu lines of %llu bytes, want %u lines",
                         version, (unsigned long long)lines, (unsigned long long)bytes, count);
    *out = (struct text_page_head){bytes, r};
    return TSDB_OK;
}

size_t text_page_clear_max(uint64_t bytes)
{
    return (size_t)bytes * SECTION_FACTOR + SECTION_LEAST;
}

bool text_page_used(struct reader *texts, uint32_t templates_max, uint32_t *templates,
                    uint32_t *used)
{
    uint32_t count = reader_count(texts, 1);
    if (texts->fault || count > templates_max)
        return false;
    uint64_t template = 0;
    for (uint32_t c = 0; c < count; c++) {
        uint64_t step = reader_uvarint(texts);
        if (step > templates_max || (c > 0 && step == 0))
            return false;
        template += step;
        if (template >= templates_max)
            return false;
        templates[c] = (uint32_t) template;
    }
    *used = count;
    return !texts->fault;
}
