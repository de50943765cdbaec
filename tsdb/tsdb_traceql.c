/* The facade of TraceQL's text. */
#include "tsdb/base/arena.h"
#include "tsdb/traceql/ast.h"
#include "tsdb/tsdb.h"

enum { FORMAT_ARENA_BYTES = 64 << 20 };

enum tsdb_status tsdb_trace_query_format(struct tsdb_text query,
                                         void (*text)(void *arg, struct tsdb_text formatted),
                                         void *arg, struct tsdb_error *err)
{
    struct arena arena;
    struct traceql parsed;
    arena_init(&arena, FORMAT_ARENA_BYTES, NULL);
    enum tsdb_status st = traceql_parse(query, &arena, &parsed, err);
    if (st == TSDB_OK) {
        struct writer out = {0};
        traceql_format(&parsed, &out);
        text(arg, (struct tsdb_text){(const char *)out.at, out.len});
        writer_release(&out);
        traceql_release(&parsed);
    }
    arena_release(&arena);
    return st;
}
