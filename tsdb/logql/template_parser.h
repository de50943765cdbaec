/* template_parser.h - the text of a template to its tree.
 *
 * "{{" and "}}" with "-" and a blank for trimming, "{{/" "*" comments "*" "/}}".  Depth, length,
 * arguments and variables are limited (template.h).
 */
#ifndef TSDB_LOGQL_TEMPLATE_PARSER_H
#define TSDB_LOGQL_TEMPLATE_PARSER_H

#include "tsdb/logql/compiler.h"
#include "tsdb/logql/template_tree.h"

/* TSDB_EINVAL: "template: NAME:LINE: ...". */
TSDB_NODISCARD enum tsdb_status template_parse(struct compiler *c, const char *name,
                                               struct tsdb_text text, struct template *out);

#endif
