/* The input is the content of the sections; sizes first.  Headers and checksums are made
 * right, else nothing would get past them: what is told here is what a writer with a
 * fault, or a forger, could put into a file. */
#include "tests/tsdb/traces/prop_trace_block.h"
#include "tsdb/base/assert.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    if (len > 0 && data[0] % 4 == 0) {
        (void)prop_trace_block((struct bytes){data + 1, len - 1});
        return 0;
    }
    struct reader r = reader_over((struct bytes){data, len});
    (void)reader_u8(&r);
    struct fs_sim *sim = fs_sim_new();
    struct segment_writer *w;
    enum tsdb_status st = segment_writer_open(fs_sim_fs(sim), "b", &w, NULL);
    ASSERT(st == TSDB_OK);
    for (uint32_t id = TRACE_FACTS; id <= TRACE_INDEX; id++) {
        struct bytes body = reader_take(&r, reader_le16(&r));
        segment_section_begin(w, id);
        st = segment_write(w, body, NULL);
        ASSERT(st == TSDB_OK);
        segment_section_end(w);
    }
    struct segment_facts facts;
    st = segment_writer_seal(w, &facts, NULL);
    ASSERT(st == TSDB_OK);
    struct bytes file = fs_sim_get(sim, "b");
    uint8_t *copy = mem_alloc(file.len);
    memcpy(copy, file.at, file.len);
    struct bytes content = {copy, file.len};
    fs_sim_free(sim);
    (void)prop_trace_block(content);
    mem_free(copy);
    return 0;
}
