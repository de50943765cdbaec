#include "collector/decode/sink.h"

#include "tsdb/base/assert.h"

#include <assert.h>
#include <stdio.h>

const char *decode_reason_name(enum decode_reason reason)
{
    static const char *const names[] = {
        "bad_histogram", "bad_point", "no_name",    "bad_symbol",  "temporality",
        "bad_record",    "bad_time",  "bad_stream", "unsupported",
    };
    static_assert(sizeof names / sizeof names[0] == DECODE_REASON_COUNT, "one name a reason");
    ASSERT(reason < DECODE_REASON_COUNT);
    return names[reason];
}

void decode_refuse(struct decode_tally *tally, enum decode_reason reason, const char *fmt,
                   va_list args)
{
    tally->rejected[reason]++;
    if (!tally->message[0])
        (void)vsnprintf(tally->message, sizeof tally->message, fmt, args);
}
