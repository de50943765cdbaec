/* pipeline.h - the stages of a log query, run over one line at a time.
 *
 *   struct log_expr --pipeline_new--> struct pipeline (immutable, any thread)
 *   struct pipeline_run: one thread's state: label sets, buffers
 *
 *   entry: stream labels + metadata + line --pipeline_entry--> passes? line', labels'
 *
 * Labels are three sets as Loki keeps them: of the stream, structured metadata, parsed.
 * A stage that sets a label overrides; parsers that meet an existing stream or metadata
 * label write NAME_extracted instead; failures set __error__ and __error_details__ and
 * the entry goes on, as in Loki 3.
 *
 * Metadata is looked up by name when a stage asks, so that columns nobody asks for are
 * never decoded: the caller gives a function.  Names seen by LogQL are label names
 * (label_name_of: "http.method" -> "http_method").
 *
 * Every text handed out lies in the entry, in the run's arena, or in the pipeline; it is good
 * until the next pipeline_entry of the run.  No allocation on the fast paths (line and
 * label filters over metadata).  Regexes are RE2's; templates have step and size limits.
 */
#ifndef TSDB_LOGQL_PIPELINE_H
#define TSDB_LOGQL_PIPELINE_H

#include "tsdb/logql/ast.h"

struct pipeline;
struct pipeline_run;

enum {
    PIPELINE_LABELS_MAX = 1024,  /* of one entry */
    PIPELINE_LINE_MAX = 4 << 20, /* bytes a line_format may write */
};

/* What an entry's metadata is: false when it has none of that name.  The text is good until
 * the next entry. */
typedef bool pipeline_lookup_fn(void *arg, struct tsdb_text name, struct tsdb_text *value);
/* All of it, in any order. */
typedef void pipeline_each_fn(void *arg, void (*fn)(void *to, struct tsdb_label label), void *to);

struct pipeline_entry {
    int64_t ts;
    struct tsdb_text line;
    struct tsdb_labels stream;  /* canonical */
    pipeline_lookup_fn *lookup; /* NULL: no metadata */
    pipeline_each_fn *each;
    void *arg;
    /* Saves look-ups: bits (1 << label_name_bit) that no metadata name has.  0: not known. */
    uint64_t absent;
};
unsigned label_name_bit(struct tsdb_text name); /* 0..63 */

/* Compiles stages[0..count).  TSDB_EINVAL: a regex, pattern, template, path or address is
 * wrong, in Loki's words.  The expression must outlive the pipeline. */
TSDB_NODISCARD enum tsdb_status pipeline_new(const struct log_expr *e, struct pipeline **out,
                                             struct tsdb_error *err);
void pipeline_free(struct pipeline *p);
/* Before the first run: of what parsers find, only these names (and those that the stages
 * themselves mention) are asked for, as in `sum by (a) (rate(... | json [1m]))`.  Without
 * this everything is extracted.  The names are borrowed. */
void pipeline_want(struct pipeline *p, const struct tsdb_text *names, uint32_t count);

/* unwrap, with its post filters. */
struct unwrap;
TSDB_NODISCARD enum tsdb_status unwrap_new(const struct log_range *range, struct unwrap **out,
                                           struct tsdb_error *err);
void unwrap_free(struct unwrap *u);

struct pipeline_run *pipeline_run_new(const struct pipeline *p, struct budget *budget);
void pipeline_run_free(struct pipeline_run *r);
/* TSDB_OK: passes; TSDB_END: filtered out; TSDB_ELIMIT: the budget is spent. */
TSDB_NODISCARD enum tsdb_status
pipeline_entry(struct pipeline_run *r, const struct pipeline_entry *entry, struct tsdb_error *err);
/* Of the entry that passed.  The line as it is now. */
struct tsdb_text pipeline_line(const struct pipeline_run *r);
/* The value of __error__ of the entry that passed; empty when all is well. */
struct tsdb_text pipeline_error(const struct pipeline_run *r);
/* One label's value now, wherever it comes from; empty when there is none. */
struct tsdb_text pipeline_label(struct pipeline_run *r, struct tsdb_text name);
/* The three sets now, disjoint, each canonical; metadata is read in full. */
TSDB_NODISCARD enum tsdb_status pipeline_labels(struct pipeline_run *r, struct tsdb_labels *stream,
                                                struct tsdb_labels *metadata,
                                                struct tsdb_labels *parsed, struct tsdb_error *err);
/* All of them as one canonical set (a metric's labels); is_kept_error: with __error__. */
TSDB_NODISCARD enum tsdb_status pipeline_merged(struct pipeline_run *r, struct tsdb_labels *out,
                                                struct tsdb_error *err);
/* The value to aggregate: TSDB_END when the label is not there or a filter behind unwrap
 * refuses; a value that does not convert sets __error__ = "SampleExtractionErr" (Loki then
 * fails the query unless it is filtered out): *is_error. */
TSDB_NODISCARD enum tsdb_status pipeline_unwrap(struct pipeline_run *r, const struct unwrap *u,
                                                double *value, bool *is_error,
                                                struct tsdb_error *err);

/* ---- what a scan may do before it runs the stages ---------------------------------- */

/* Line filters that come before anything that changes the line (label filters and parsers
 * in between do not matter). */
enum { PIPELINE_NEEDLES_MAX = 64 };

struct pipeline_needle {
    struct tsdb_text text; /* every line that passes contains it */
};
/* Texts that every passing line contains: from |= and from what |~ must hold.  Borrowed. */
const struct pipeline_needle *pipeline_needles(const struct pipeline *p, uint32_t *count);
/* The first stages that are line filters, as one test over a whole page of lines, each
 * followed by a newline (line i is bytes[starts[i] .. starts[i + 1] - 1), starts has lines + 1
 * items, as struct text_page): sets bit i of `passes` (lines / 64 + 1 words, cleared here) for
 * the lines that pass all of them; searches run over the page, not line by line.  Returns how
 * many leading stages that covers: pass it as `skip` to pipeline_entry_from. */
uint32_t pipeline_page(const struct pipeline *p, const char *bytes, const uint32_t *starts,
                       uint32_t lines, uint64_t *passes);
TSDB_NODISCARD enum tsdb_status pipeline_entry_from(struct pipeline_run *r,
                                                    const struct pipeline_entry *entry,
                                                    uint32_t skip, struct tsdb_error *err);
/* Equalities that every passing entry has in its stream labels or, where its stream lacks the
 * name, in its metadata (label filters `name = "value"` joined by and, before a stage could
 * set the name). */
const struct tsdb_label *pipeline_equalities(const struct pipeline *p, uint32_t *count);
/* Line and label filters only: labels are those of stream and metadata (and __error__ where
 * pipeline_error says so), the line is as stored. */
bool pipeline_is_plain(const struct pipeline *p);
/* Equal to what pipeline_page answers: entries need not be looked at singly. */
uint32_t pipeline_stage_count(const struct pipeline *p);

/* Appends the label name of an attribute's name: bytes outside [a-zA-Z0-9_] become '_', a
 * leading digit gets one in front. */
void label_name_of(struct tsdb_text name, struct writer *out);

#endif
