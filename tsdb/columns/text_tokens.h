/* text_tokens.h - where a line is cut into pieces that stay and variables.
 *
 * A line of n variables has n + 1 pieces: those before, between and after them; the
 * first and the last may be empty.  Pieces and variables in turn are the line again,
 * whatever the cut, so a cut can be unlucky but never wrong.
 *
 * Three cuts, of which a set of templates chooses one for all its lines:
 *
 *   DIGITS   a variable is a word, a longest run of [0-9A-Za-z_.-] and bytes above 0x7f,
 *            that holds a digit: "took <17ms> from <10.0.0.7>:<5432>"
 *   VALUES   also a word after '=', up to space or one of ,;&)]}" and what stands between
 *            quotes unless ':' follows (a JSON key): each word of up to three words
 *            ("<GET> </cart/42> <HTTP/1.1>"), longer texts whole
 *   PHRASES  as VALUES, but longer texts are cut at words with digits
 *
 * Units, prefixes and the like stay in the variable ("17ms"): columns take common ends
 * off again (text_variables.h), and a cut that looks into words would cut one id in many
 * ways.  Pure.
 */
#ifndef TSDB_COLUMNS_TEXT_TOKENS_H
#define TSDB_COLUMNS_TEXT_TOKENS_H

#include "tsdb/columns/text_template.h"

#include <stdbool.h>

enum text_cut_kind { TEXT_CUT_DIGITS, TEXT_CUT_VALUES, TEXT_CUT_PHRASES, TEXT_CUTS };

struct text_cut {
    uint32_t places;
    uint64_t hash; /* of the pieces and where they end */
};

/* The line's variables, borrowed from it, in order.  False: the line is longer than
 * TEMPLATE_LINE_MAX or has more variables than vars[] has room for; the first are there
 * (out->places of them). */
bool text_cut(enum text_cut_kind kind, struct tsdb_text line,
              struct tsdb_text vars[TEMPLATE_PLACES_MAX], struct text_cut *out);

/* The hash of text_cut, for pieces that are known: begin with 0, add each piece, finish. */
uint64_t text_pieces_hash(uint64_t hash, const char *piece, size_t len);
uint64_t text_pieces_finish(uint64_t hash);

#endif
