/* line_filter.h - |= != |~ !~ |> !> compiled, with the cheapest test that is the same.
 *
 *   form            of                         test
 *   LINE_ALL        |= ""  |~ ".*"             passes
 *   LINE_WORD       |= "x"; |~ "x|y" as two    needle_find
 *   LINE_REGEX      |~ "took [0-9]+"           a needle that must be there, then RE2
 *   LINE_GAPS       |> "<_> took <_>"          the longest piece, then the pieces in order
 *   LINE_ADDRESS    |= ip("10.0.0.0/8")
 *
 * A filter passes when any of its tests does; a negated one when none does.
 * Immutable after line_filter_compile.
 */
#ifndef TSDB_LOGQL_LINE_FILTER_H
#define TSDB_LOGQL_LINE_FILTER_H

#include "tsdb/logql/address.h"
#include "tsdb/logql/ast.h"
#include "tsdb/logql/compiler.h"
#include "tsdb/logql/line_pattern.h"
#include "tsdb/logql/needle.h"
#include "tsdb/logql/regex_facts.h"

enum line_form { LINE_ALL, LINE_WORD, LINE_REGEX, LINE_GAPS, LINE_ADDRESS };

struct line_test {
    enum line_form form;
    bool has_needle; /* WORD: the word itself; REGEX, GAPS: what must be there */
    struct needle needle;
    const struct regex *regex, *anchored; /* REGEX; anchored: where a match begins with needle */
    struct regex_facts facts;             /* REGEX */
    struct line_pattern gaps;
    struct address_set addresses;
};

struct line_tests {
    bool is_negated;
    uint32_t count;
    const struct line_test *at;
};

/* TSDB_EINVAL, TSDB_ELIMIT: with the error set. */
TSDB_NODISCARD enum tsdb_status line_filter_compile(struct compiler *c, const struct line_filter *f,
                                                    struct line_tests *out);
bool line_test(const struct line_test *t, struct tsdb_text line);
bool line_filter_test(const struct line_tests *f, struct tsdb_text line);

#endif
