/* decolorize.h - | decolorize: the line without its terminal escapes.
 *
 * Of ECMA-48: control sequences (ESC [ or U+009B, parameters, intermediates, a final byte),
 * strings (ESC ] P X ^ _ up to BEL or ESC \), and the two- and three-byte escapes.  A
 * sequence that does not end is left as it is.
 */
#ifndef TSDB_LOGQL_DECOLORIZE_H
#define TSDB_LOGQL_DECOLORIZE_H

#include "tsdb/logql/pass.h"

void decolorize_run(struct pass *p);

#endif
