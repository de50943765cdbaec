/* loki_labels.h - a label set as text: {app="web", env=`prod`}.
 *
 *   set   = '{' [ pair { ',' pair } [ ',' ] ] '}'     blanks anywhere between
 *   pair  = name '=' value
 *   name  = [a-zA-Z_][a-zA-Z0-9_]*
 *   value = "..." with Go's escapes (\a \b \f \n \r \t \v \\ \" \' \ooo \xhh \uhhhh
 *           \Uhhhhhhhh), or `...` without any
 *
 * Strict: anything else is no label set.  At most DECODE_LABELS_MAX pairs.
 */
#ifndef COLLECTOR_DECODE_LOKI_LABELS_H
#define COLLECTOR_DECODE_LOKI_LABELS_H

#include "collector/decode/sink.h"

/* Values are borrowed from the text or lie in the arena.  TSDB_EINVAL: not such a text;
 * TSDB_ELIMIT: the arena is full. */
enum tsdb_status loki_labels_parse(struct tsdb_text text, struct arena *arena,
                                   struct tsdb_labels *out);

#endif
