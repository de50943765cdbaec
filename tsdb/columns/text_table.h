/* text_table.h - the templates of a set: what their pieces are, and which one a cut is.
 *
 * Templates are numbered from 0 in the order they were added; learning adds the most used
 * first.  A template is found by the hash of its pieces, at most TABLE_PROBES steps (lines
 * that aim at one slot are kept as text instead of slowing the rest down).
 *
 * Many programs begin all their lines alike (a time, a host, a process).  `lead` says that
 * the first `lead` places of all templates that begin like template 0 are the same
 * columns, in the order of the lines.
 *
 * Owner: immutable once learnt or read; any thread.
 */
#ifndef TSDB_COLUMNS_TEXT_TABLE_H
#define TSDB_COLUMNS_TEXT_TABLE_H

#include "tsdb/base/writer.h"
#include "tsdb/columns/text_tokens.h"

enum {
    TABLE_VERSION = 1,
    TABLE_TEXT_MAX = 1 << 20, /* bytes of all pieces */
    TABLE_PROBES = 16,
};

struct text_template {
    uint64_t hash;
    uint32_t places;
    uint32_t piece;     /* the first of places + 1 in piece_lens */
    uint32_t text, len; /* its pieces in a row */
    uint32_t count;     /* lines seen while learning */
    bool has_lead;      /* shares the columns of the first `lead` places */
};

struct text_templates {
    enum text_cut_kind kind;
    uint32_t count, lead;
    struct text_template *items; /* owned; room for TEMPLATES_MAX */
    struct writer text;          /* the pieces of all, TEXT_SLACK bytes behind them */
    struct writer lens;          /* uint32_t each */
    uint16_t *slots;             /* owned; template + 1, or 0 */
};

struct text_templates *text_table_new(enum text_cut_kind kind);
/* The template of the cut, or UINT32_MAX. */
uint32_t text_table_find(const struct text_templates *t, struct tsdb_text line,
                         const struct tsdb_text *vars, const struct text_cut *cut);
/* Adds it; UINT32_MAX: a limit is reached. */
uint32_t text_table_add(struct text_templates *t, struct tsdb_text line,
                        const struct tsdb_text *vars, const struct text_cut *cut);
/* The pieces' lengths, places + 1 of them, and their text. */
const uint32_t *text_table_lens(const struct text_templates *t, uint32_t template);
const char *text_table_text(const struct text_templates *t, uint32_t template);
/* Sets the lead; false: template 0 has not so many places. */
bool text_table_share(struct text_templates *t, uint32_t lead);

#endif
