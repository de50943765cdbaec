/* regex.h - a C face over RE2: regular expressions in linear time.
 *
 * PromQL, LogQL and TraceQL define RE2 syntax, and no pattern may stall the
 * server, so nothing here backtracks.  Patterns and texts are UTF-8; `.` also
 * matches a newline, as in Prometheus (`^(?s:pattern)$`).  In a text that is
 * not UTF-8 a broken byte is matched by no character class.
 *
 * regex_match and regex_groups are anchored at both ends, regex_search is not.
 * Immutable after regex_new and safe from any thread (RE2 locks its own lazy
 * automaton).
 *
 * Limits: REGEX_PATTERN_BYTES_MAX of pattern, REGEX_PROGRAM_MAX instructions
 * compiled, REGEX_MEMORY_BYTES_MAX for program and automata.  A pattern that
 * needs more is refused when it is compiled.
 *
 * Look-ups instead of matching: a pattern that only lists words ("a|b",
 * "foo(a|b)", "5[0-4]x?") is known by its literals; any other may have a prefix
 * that every matching text begins with.
 *
 *   regex.cc             RE2: compile, match, groups, prefix
 *   regex_literals.c     the words of a pattern that only lists words
 *   regex_expand.c       "$1 ${name}" templates, as Go's Regexp.Expand
 */
#ifndef TSDB_BASE_REGEX_H
#define TSDB_BASE_REGEX_H

#include "tsdb/tsdb.h"

struct writer;
struct regex;

enum {
    REGEX_PATTERN_BYTES_MAX = 4096,
    REGEX_MEMORY_BYTES_MAX = 8 << 20,
    REGEX_PROGRAM_MAX = 16384,
    REGEX_GROUPS_MAX = 100, /* capturing groups, group 0 not counted */
    REGEX_LITERALS_MAX = 1024,
    REGEX_LITERALS_BYTES_MAX = 65536, /* of all words together */
    REGEX_PREFIX_BYTES_MAX = 64,
};

/* TSDB_EINVAL, in RE2's words, when the pattern is wrong; TSDB_ELIMIT when it is
 * too large. */
TSDB_NODISCARD enum tsdb_status regex_new(struct tsdb_text pattern, struct regex **out,
                                          struct tsdb_error *err);
void regex_free(struct regex *re);

struct tsdb_text regex_pattern(const struct regex *re);

/* Does the whole text match? */
bool regex_match(const struct regex *re, struct tsdb_text text);

/* Groups of the leftmost match: [0] is the match, [i] what group i captured, with
 * at == NULL where the group took no part.  Views into text.  `count` may be
 * smaller or larger than the groups there are; 0 asks for the verdict alone. */
bool regex_groups(const struct regex *re, struct tsdb_text text, struct tsdb_text *groups,
                  uint32_t count);
/* The same, anywhere in the text. */
bool regex_search(const struct regex *re, struct tsdb_text text, struct tsdb_text *groups,
                  uint32_t count);

uint32_t regex_group_count(const struct regex *re);
/* The name of group 1..group_count, borrowed from re; empty when it has none. */
struct tsdb_text regex_group_name(const struct regex *re, uint32_t group);
/* 0 when no group has the name. */
uint32_t regex_group_find(const struct regex *re, struct tsdb_text name);

/* Appends the template with its references replaced by what the groups hold:
 * $1, $name, ${1}, ${name}; $$ is a dollar.  A name is the longest run of
 * letters, digits and underscores; an unknown or idle group is empty; a
 * malformed reference is raw text.  groups as regex_groups filled them. */
void regex_expand_groups(const struct regex *re, const struct tsdb_text *groups, uint32_t count,
                         struct tsdb_text template_text, struct writer *out);
/* Matches the whole text and expands; false, and nothing written, when it does
 * not match.  The heart of label_replace. */
bool regex_expand(const struct regex *re, struct tsdb_text text, struct tsdb_text template_text,
                  struct writer *out);

/* The words that the whole pattern lists, sorted, without repeats, borrowed from
 * re; NULL when it is more than a list. */
const struct tsdb_text *regex_literals(const struct regex *re, uint32_t *count);

/* What every matching text begins with; often empty.  Borrowed from re. */
struct tsdb_text regex_prefix(const struct regex *re);

/* regex_literals.c: the words of a pattern in one owned block (mem_free), or NULL. */
struct tsdb_text *regex_literals_parse(struct tsdb_text pattern, uint32_t *count);

#endif
