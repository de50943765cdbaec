#include "collector/ingest/outcome.h"

#include "tsdb/base/assert.h"

#include <stdio.h>

void outcome_refuse(struct outcome *out, enum outcome_kind kind, enum reason reason,
                    const char *text)
{
    ASSERT(kind >= OUTCOME_INVALID);
    out->kind = kind;
    out->reason = reason;
    (void)snprintf(out->message, sizeof out->message, "%s", text);
}

enum reason outcome_reason_of(enum decode_reason reason)
{
    switch (reason) {
    case DECODE_BAD_HISTOGRAM:
    case DECODE_BAD_POINT: return REASON_BAD_HISTOGRAM;
    case DECODE_NO_NAME:
    case DECODE_BAD_STREAM: return REASON_BAD_LABELS;
    case DECODE_BAD_SYMBOL:
    case DECODE_BAD_RECORD:
    case DECODE_BAD_TIME: return REASON_MALFORMED;
    case DECODE_TEMPORALITY:
    case DECODE_UNSUPPORTED: return REASON_UNSUPPORTED;
    case DECODE_REASON_COUNT: break;
    }
    UNREACHABLE();
}

#define NAME(id, text) text,

const char *outcome_door_name(enum door door)
{
    static const char *const names[] = {DOORS(NAME)};
    ASSERT(door < DOOR_COUNT);
    return names[door];
}

const char *outcome_reason_name(enum reason reason)
{
    static const char *const names[] = {REASONS(NAME)};
    ASSERT(reason < REASON_COUNT);
    return names[reason];
}
