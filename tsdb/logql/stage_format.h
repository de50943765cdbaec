/* stage_format.h - | line_format "{{ .a }}", | label_format b=a, c="{{ .a }}".
 *
 * The templates of one label_format all see the labels as they were when the first of them
 * ran; renames before it are seen, what comes behind is not.  A template that fails sets
 * __error__ = TemplateFormatErr; the line, or the label, stays as it was.
 * Immutable once compiled.
 */
#ifndef TSDB_LOGQL_STAGE_FORMAT_H
#define TSDB_LOGQL_STAGE_FORMAT_H

#include "tsdb/logql/ast.h"
#include "tsdb/logql/template.h"

struct line_format_stage {
    const struct template *template_tree;
    struct tsdb_text lone; /* the whole template is this label; empty: it is more */
};

struct label_format {
    struct tsdb_text label, from;         /* from: of a rename */
    const struct template *template_tree; /* NULL: a rename */
};

struct label_format_stage {
    const struct label_format *at;
    uint32_t count;
};

TSDB_NODISCARD enum tsdb_status line_format_compile(struct compiler *c, struct tsdb_text text,
                                                    struct line_format_stage *out);
TSDB_NODISCARD enum tsdb_status label_format_compile(struct compiler *c, const struct stage *s,
                                                     struct label_format_stage *out);
void line_format_run(const struct line_format_stage *s, struct pass *p);
void label_format_run(const struct label_format_stage *s, struct pass *p);

#endif
