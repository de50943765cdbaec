#include "tsdb/traceql/reference.h"

#include "tsdb/base/assert.h"
#include "tsdb/traceql/lexer.h"

static const struct {
    char name[24];
    uint8_t type;
} intrinsics[INTRINSICS] = {
    [INTRINSIC_NONE] = {"", TRACEQL_ANY},
    [INTRINSIC_DURATION] = {"duration", TRACEQL_DURATION},
    [INTRINSIC_NAME] = {"name", TRACEQL_STRING},
    [INTRINSIC_STATUS] = {"status", TRACEQL_STATUS},
    [INTRINSIC_STATUS_MESSAGE] = {"statusMessage", TRACEQL_STRING},
    [INTRINSIC_KIND] = {"kind", TRACEQL_KIND},
    [INTRINSIC_CHILD_COUNT] = {"span:childCount", TRACEQL_INT},
    [INTRINSIC_SPAN_ID] = {"span:id", TRACEQL_STRING},
    [INTRINSIC_PARENT_ID] = {"span:parentID", TRACEQL_STRING},
    [INTRINSIC_NESTED_SET_LEFT] = {"nestedSetLeft", TRACEQL_INT},
    [INTRINSIC_NESTED_SET_RIGHT] = {"nestedSetRight", TRACEQL_INT},
    [INTRINSIC_NESTED_SET_PARENT] = {"nestedSetParent", TRACEQL_INT},
    [INTRINSIC_TRACE_ID] = {"trace:id", TRACEQL_STRING},
    [INTRINSIC_TRACE_DURATION] = {"traceDuration", TRACEQL_DURATION},
    [INTRINSIC_ROOT_NAME] = {"rootName", TRACEQL_STRING},
    [INTRINSIC_ROOT_SERVICE] = {"rootServiceName", TRACEQL_STRING},
    [INTRINSIC_EVENT_NAME] = {"event:name", TRACEQL_STRING},
    [INTRINSIC_EVENT_TIME_SINCE_START] = {"event:timeSinceStart", TRACEQL_DURATION},
    [INTRINSIC_LINK_TRACE_ID] = {"link:traceID", TRACEQL_STRING},
    [INTRINSIC_LINK_SPAN_ID] = {"link:spanID", TRACEQL_STRING},
    [INTRINSIC_INSTRUMENTATION_NAME] = {"instrumentation:name", TRACEQL_ANY},
    [INTRINSIC_INSTRUMENTATION_VERSION] = {"instrumentation:version", TRACEQL_ANY},
};

enum traceql_type traceql_intrinsic_type(enum traceql_intrinsic intrinsic)
{
    return (enum traceql_type)intrinsics[intrinsic].type;
}

const char *traceql_intrinsic_name(enum traceql_intrinsic intrinsic)
{
    return intrinsics[intrinsic].name;
}

static const char *place_text(enum tsdb_trace_place place)
{
    switch (place) {
    case TSDB_PLACE_ANY: return ".";
    case TSDB_PLACE_RESOURCE: return "resource.";
    case TSDB_PLACE_SPAN: return "span.";
    case TSDB_PLACE_EVENT: return "event.";
    case TSDB_PLACE_LINK: return "link.";
    case TSDB_PLACE_SCOPE: return "instrumentation.";
    case TSDB_PLACE_INTRINSIC: break;
    }
    UNREACHABLE();
}

void traceql_ref_format(const struct traceql_ref *ref, struct writer *out)
{
    if (ref->place == TSDB_PLACE_INTRINSIC) {
        writer_text(out, intrinsics[ref->intrinsic].name);
        return;
    }
    struct tsdb_text name = ref->name;
    /* ".5" is a number. */
    bool is_number =
        ref->place == TSDB_PLACE_ANY && name.len > 0 && name.at[0] >= '0' && name.at[0] <= '9';
    writer_text(out, place_text(ref->place));
    if (lex_name_is_plain(name) && !is_number) {
        writer_put(out, name.at, name.len);
        return;
    }
    writer_u8(out, '"');
    for (size_t i = 0; i < name.len; i++) {
        if (name.at[i] == '"' || name.at[i] == '\\')
            writer_u8(out, '\\');
        writer_u8(out, (uint8_t)name.at[i]);
    }
    writer_u8(out, '"');
}
