#include "tsdb/base/text.h"
#include "tsdb/columns/filter.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    struct filter f;
    if (filter_open((struct bytes){data, len}, &f, NULL) != TSDB_OK)
        return 0;
    (void)filter_may_contain(&f, text_of("a needle of some length"));
    (void)filter_rows_may_contain(&f, 5000, 9000, text_of("a needle of some length"));
    (void)filter_may_have(&f, 7, text_of("value"));
    filter_release(&f);
    return 0;
}
