/* template.h - line_format and label_format: Go's text/template as Loki offers it.
 *
 *   {{ .level | upper }} {{ if gt (len .msg) 80 }}{{ trunc 80 .msg }}{{ else }}{{ .msg }}{{ end }}
 *
 * Actions: pipelines, if / else if / else / end, with, range (JSON arrays and objects, whole
 * numbers), break, continue, variables, comments, trim markers.  Not: define, template, block,
 * methods of values.  The dot is the entry's labels; a label that is not there is "".
 * Functions: template_functions.h.  Unknown ones are refused when the template is compiled.
 *
 * A run is bounded, whatever the template: TEMPLATE_WORK_MAX units (a step is one, and so are
 * 64 bytes looked at or written), PIPELINE_LINE_MAX bytes written.  Source of the language:
 * https://pkg.go.dev/text/template, https://grafana.com/docs/loki/latest/query/template_functions/.
 * Immutable after template_compile.
 */
#ifndef TSDB_LOGQL_TEMPLATE_H
#define TSDB_LOGQL_TEMPLATE_H

#include "tsdb/logql/compiler.h"
#include "tsdb/logql/pass.h"

enum {
    TEMPLATE_DEPTH_MAX = 64,     /* of blocks and parentheses */
    TEMPLATE_ARGUMENTS_MAX = 32, /* of one call */
    TEMPLATE_VARIABLES_MAX = 64, /* in sight at once */
    TEMPLATE_TEXT_MAX = 64 << 10,
    TEMPLATE_WORK_MAX = 1 << 20,
};

struct template;

/* name: "line" or "label", for messages.  TSDB_EINVAL: in Go's words. */
TSDB_NODISCARD enum tsdb_status template_compile(struct compiler *c, const char *name,
                                                 struct tsdb_text text,
                                                 const struct template **out);
/* False: it ended early; *out is the reason, else what it wrote, in the pass's arena. */
bool template_run(const struct template *t, struct pass *p, struct tsdb_text *out);

/* Labels that it mentions; *needs_all: it also takes the dot as a whole. */
const struct tsdb_text *template_labels(const struct template *t, uint32_t *count, bool *needs_all);
/* "{{ .x }}" and nothing else: the label; empty otherwise. */
struct tsdb_text template_lone_label(const struct template *t);

#endif
