/* form.h - the parameters of a request: query string and form body.
 *
 * application/x-www-form-urlencoded (WHATWG URL, section 5): pairs at &, + is a
 * space, %XX a byte.  Body pairs come before those of the query string, as in
 * Go's ParseForm; a name may repeat and keeps its order.
 *
 * Views into the arena.  Limits: FORM_BYTES_MAX of text, FORM_PAIRS_MAX pairs.
 */
#ifndef COLLECTOR_NET_FORM_H
#define COLLECTOR_NET_FORM_H

#include "tsdb/base/arena.h"
#include "tsdb/tsdb.h"

enum { FORM_BYTES_MAX = 1 << 20, FORM_PAIRS_MAX = 4096 };

struct form_pair {
    struct tsdb_text name, value;
};

struct form {
    const struct form_pair *pairs;
    size_t count;
};

/* EINVAL: a bad %XX; ELIMIT: too long, too many pairs, or the arena is full. */
TSDB_NODISCARD enum tsdb_status form_parse(struct arena *arena, struct tsdb_text body,
                                           struct tsdb_text query, struct form *out,
                                           struct tsdb_error *err);
/* The first value of the name; empty (at NULL) when it is not there. */
struct tsdb_text form_find(const struct form *form, const char *name);
/* Its values in order; how many there are. */
size_t form_collect(const struct form *form, const char *name, struct tsdb_text *out, size_t cap);

/* Undoes %XX (and, in forms, +) into the arena.  EINVAL, ELIMIT. */
TSDB_NODISCARD enum tsdb_status percent_decode(struct arena *arena, struct tsdb_text in,
                                               bool is_form, struct tsdb_text *out);

#endif
