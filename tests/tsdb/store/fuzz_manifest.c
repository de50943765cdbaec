/* Arbitrary bytes as a manifest: as they are, and as the payload of an edit
 * whose checksums hold. */
#include "tests/tsdb/store/prop_manifest.h"
#include "tsdb/base/crc32c.h"
#include "tsdb/base/mem.h"
#include "tsdb/store/manifest_edit.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static void fuzz_shaped(const uint8_t *data, size_t len)
{
    uint8_t header[96] = "ANDONMAN";
    struct writer w = {0};
    header[8] = header[12] = 1;
    uint32_t crc = crc32c(0, header, 92);
    memcpy(header + 92, &crc, 4);
    writer_put(&w, header, sizeof header);
    uint8_t head[16] = {0};
    uint32_t n = (uint32_t)len;
    memcpy(head + 4, &n, 4);
    head[8] = 1;
    crc = crc32c(crc32c(0, head + 4, 12), data, len);
    memcpy(head, &crc, 4);
    writer_put(&w, head, sizeof head);
    writer_put(&w, data, len);
    (void)prop_manifest(w.at, w.len);
    writer_release(&w);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    (void)prop_manifest(data, len);
    fuzz_shaped(data, len);
    return 0;
}
