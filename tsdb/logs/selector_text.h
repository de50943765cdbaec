/* selector_text.h - matchers from text: {a="b", c!="d", e=~"f|g", h!~`\d+`}.
 *
 *   selector   '{' [ matcher { ',' matcher } [ ',' ] ] '}', blanks anywhere between
 *   matcher    name ( '=' | '!=' | '=~' | '!~' ) string
 *   name       [A-Za-z_][A-Za-z0-9_]*
 *   string     "..." with Go's escapes (\a \b \f \n \r \t \v \\ \" \' \ooo \xhh \uhhhh
 *              \Uhhhhhhhh, https://go.dev/ref/spec#String_literals), or `...` without any
 *
 * Strict: for settings, where what does not parse is a mistake.  At most SELECT_MATCHERS_MAX.
 * Owner: the caller; matchers point into `text`.
 */
#ifndef TSDB_LOGS_SELECTOR_TEXT_H
#define TSDB_LOGS_SELECTOR_TEXT_H

#include "tsdb/store/matcher.h"

struct selector {
    struct matcher *matchers; /* owned */
    uint32_t count;
    char *text; /* owned: names and values */
};

/* TSDB_EINVAL: says where; nothing is owned then. */
TSDB_NODISCARD enum tsdb_status selector_parse(struct tsdb_text in, struct selector *out,
                                               struct tsdb_error *err);
void selector_release(struct selector *s);

#endif
