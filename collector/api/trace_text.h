/* trace_text.h - TraceQL made of what people fill into forms: services, tags, durations.
 *
 *   struct trace_filter f = {0};
 *   trace_filter_equal(&f, "resource.service.name", service);
 *   trace_filter_tag(&f, name, value, TAG_JAEGER);
 *   trace_filter_end(&f)      { resource.service.name = "a" && (.x = "5" || .x = 5 || .x = 5.0) }
 *
 * Whatever the texts hold, they stay texts: values are quoted, and so are names with a
 * character beyond letters, digits and "._-".  A tag has no type in those APIs: it is
 * looked for as a text and, where it looks so, as a number and a truth value.  Tags that
 * are no attributes but something that a span has are that: error, span.kind, ...
 *
 * Owner: whoever declared it; f.text is released with writer_release.
 */
#ifndef COLLECTOR_API_TRACE_TEXT_H
#define COLLECTOR_API_TRACE_TEXT_H

#include "tsdb/base/writer.h"
#include "tsdb/tsdb.h"

struct trace_filter {
    struct writer text;
};

enum tag_manner { TAG_TEMPO, TAG_JAEGER };

/* what: TraceQL's own words, "name", "resource.service.name". */
void trace_filter_equal(struct trace_filter *f, const char *what, struct tsdb_text value);
/* word: one of TraceQL's, "kind = server". */
void trace_filter_word(struct trace_filter *f, const char *what, const char *word);
void trace_filter_tag(struct trace_filter *f, struct tsdb_text name, struct tsdb_text value,
                      enum tag_manner manner);
/* "duration >= 100ns": what, the comparison, a length of time. */
void trace_filter_duration(struct trace_filter *f, const char *what, const char *comparison,
                           int64_t ns);
/* A condition that is TraceQL already. */
void trace_filter_raw(struct trace_filter *f, const char *condition);
/* The whole; as long as f.text.  Without conditions: all spans. */
struct tsdb_text trace_filter_end(struct trace_filter *f);

/* Pairs of logfmt (name=value name2="a value"), each a tag; false: it is none. */
bool trace_filter_logfmt(struct trace_filter *f, struct tsdb_text pairs);
/* An object of JSON, its members texts (or numbers and truth values), each a tag. */
bool trace_filter_json(struct trace_filter *f, struct tsdb_text object);

#endif
