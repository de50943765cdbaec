/* pass.h - one entry on its way through the stages.
 *
 * What stages read and change: the line, the labels, and an arena for texts that are neither in
 * the entry nor in the pipeline.  When the arena is full the pass is spent: stages go on with
 * what they have, and the pipeline answers TSDB_ELIMIT.
 *
 * Owner: one run; begun anew for every entry.
 */
#ifndef TSDB_LOGQL_PASS_H
#define TSDB_LOGQL_PASS_H

#include "tsdb/base/arena.h"
#include "tsdb/logql/label_set.h"

/* What parsers are asked for; NULL instead: everything. */
struct wanted {
    const struct tsdb_text *names;
    const uint32_t *hashes;
    uint32_t count;
};

struct pass {
    struct label_set labels;
    struct arena arena;
    struct tsdb_text line;
    const struct wanted *wanted; /* borrowed from the pipeline */
    uint32_t wanted_left;        /* of wanted, not yet set */
    bool is_spent;
};

/* count bytes of the arena; NULL: spent. */
char *pass_bytes(struct pass *p, size_t count);
/* Sets __error__ (a literal) and its details. */
void pass_fail(struct pass *p, const char *error, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

/* May any parser find something that is asked for? */
static inline bool pass_is_served(const struct pass *p)
{
    return p->wanted && p->wanted_left == 0;
}
/* A parser found `name`: false when nobody asks, or a stage set it before.  The claim may be
 * NAME_extracted. */
bool pass_claim(struct pass *p, struct tsdb_text name, struct label_claim *out);
/* The claim of one that is asked for by name, and may overwrite. */
bool pass_claim_any(struct pass *p, struct tsdb_text name, struct label_claim *out);
/* Is anything asked for that begins so? */
bool pass_wants_prefix(const struct pass *p, struct tsdb_text prefix);
void pass_put(struct pass *p, const struct label_claim *claim, struct tsdb_text value);
/* Of a claim that pass_claim has just given: nothing of that name is set. */
void pass_put_fresh(struct pass *p, const struct label_claim *claim, struct tsdb_text value);
/* What label_format does: no _extracted, overwrites. */
void pass_set(struct pass *p, struct tsdb_text name, struct tsdb_text value);

/* The name as a label: blanks at the ends cut, other characters than [a-zA-Z0-9_] become '_',
 * a leading digit gets one in front.  Mostly the text itself. */
struct tsdb_text pass_label_name(struct pass *p, struct tsdb_text name);
/* With what is not UTF-8, and U+FFFD, replaced by blanks.  Mostly the text itself. */
struct tsdb_text pass_clean_text(struct pass *p, struct tsdb_text text);

#endif
