/* regex_facts.h - what a search pattern says about the lines it finds, before it is run.
 *
 * The pattern's text is read once, token by token, conservatively: what is not understood
 * ends the reading with no facts at all.  Patterns are those of line filters: unanchored,
 * "." does not match a newline.
 *
 *   took [0-9]{4,}ms    needles "took ", "ms"; a match begins with the first; line-bound
 *   (?i)error           no needles; line-bound
 *   a[^b]*c             needles "a", "c"; a match may cross a newline
 *   ^foo$  a|b          no facts ("a|b" is a list of words: regex_literals_parse)
 *
 * Pure, but for the caller's arena.
 */
#ifndef TSDB_LOGQL_REGEX_FACTS_H
#define TSDB_LOGQL_REGEX_FACTS_H

#include "tsdb/base/arena.h"
#include "tsdb/tsdb.h"

enum { REGEX_NEEDLES_MAX = 8 };

struct regex_facts {
    struct tsdb_text needles[REGEX_NEEDLES_MAX]; /* every match contains them; in the arena */
    uint32_t count;
    bool begins_with_first; /* every match begins with needles[0] */
    /* No anchor, and no match contains a newline: searching lines that are joined by newlines
     * finds what searching each of them would. */
    bool is_line_bound;
};

/* The pattern is one that RE2 takes.  No memory: no facts. */
struct regex_facts regex_facts_of(struct tsdb_text pattern, struct arena *arena);

#endif
