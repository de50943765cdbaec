/* pattern.h - lines of logs that say the same with other values.
 *
 *   took 35ms for user=17 at 10.0.0.1      took <_> for user=<_> at <_>.<_>.<_>.<_>
 *
 * A line is cut into words and what is between them.  Words with a digit are variables
 * from the start.  Lines with the same number of words and the same bytes between them
 * fall together when at most PATTERN_DIFFERENT percent of their words differ; those
 * become variables, too (the idea of Drain: He, Zhu, Zheng, Lyu, "Drain: an online log
 * parsing approach with fixed depth tree", 2017, with the text between words as the tree).
 * The form is that of LogQL's pattern filter, <_> for anything.
 *
 * A hint, not an account: at most PATTERNS_MAX patterns, and of a line the first
 * PATTERN_WORDS_MAX words.  Memory: the arena's.  Owner: one thread.
 */
#ifndef COLLECTOR_API_PATTERN_H
#define COLLECTOR_API_PATTERN_H

#include "tsdb/base/arena.h"
#include "tsdb/base/writer.h"
#include "tsdb/tsdb.h"

enum {
    PATTERNS_MAX = 300,
    PATTERN_WORDS_MAX = 64,
    PATTERN_BYTES_MAX = 4096, /* of a line that are looked at */
    PATTERN_DIFFERENT = 30,
};

struct pattern {
    uint64_t shape; /* hash of what is between the words, and how many there are */
    uint32_t word_count;
    bool is_cut;             /* of lines with more words */
    struct tsdb_text *words; /* at NULL: a variable */
    struct tsdb_text *gaps;  /* word_count plus one: before, between, after */
    uint64_t *counts;        /* the caller's: one a step */
    uint64_t total;
};

struct patterns {
    struct arena *arena; /* borrowed */
    uint32_t step_count, count;
    struct pattern *at;
};

/* step_count: how many counts each pattern has.  False: the arena is full. */
bool patterns_init(struct patterns *p, struct arena *arena, uint32_t step_count);
/* The pattern of the line; NULL when it gets none. */
struct pattern *patterns_add(struct patterns *p, struct tsdb_text line);
void pattern_write(const struct pattern *p, struct writer *out);

#endif
