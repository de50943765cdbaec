/* template_tree.h - a compiled template, as its parser leaves it and its run walks it.
 *
 *   {{ if .a }}x{{ else }}{{ .b | upper }}{{ end }}
 *
 *   IF  pipe: [ field a ]
 *    |- body       TEXT "x"
 *    `- otherwise  ACTION  pipe: [ field b ] | [ function upper ]
 *
 * A command is one operand, or a function and its arguments.  Everything lies in the
 * compiler's arena.  Variables are numbered by slot: those of enclosing blocks first.
 */
#ifndef TSDB_LOGQL_TEMPLATE_TREE_H
#define TSDB_LOGQL_TEMPLATE_TREE_H

#include "tsdb/logql/template_functions.h"

struct template_pipe;

enum operand_kind {
    OPERAND_FUNCTION, /* first of a command */
    OPERAND_DOT,      /* "." and ".a.b" */
    OPERAND_VARIABLE, /* "$x" and "$x.a"; slot 0 is "$" */
    OPERAND_VALUE,    /* a literal */
    OPERAND_PIPE,     /* "(...)" and "(...).a" */
};

struct template_operand {
    enum operand_kind kind;
    uint32_t slot;
    const struct tsdb_text *fields;
    uint32_t field_count;
    struct value value;
    const struct template_function *function;
    const struct template_pipe *pipe;
    const struct regex *regex; /* of a literal that a function takes as an expression */
};

struct template_command {
    const struct template_operand *operands;
    uint32_t count;
};

struct template_pipe {
    const struct template_command *commands;
    uint32_t count;
    uint32_t slots[2], slot_count; /* variables that take the value */
};

enum template_node_kind {
    NODE_TEXT,
    NODE_ACTION,
    NODE_IF,
    NODE_WITH,
    NODE_RANGE,
    NODE_BREAK,
    NODE_CONTINUE,
};

struct template_node {
    enum template_node_kind kind;
    struct tsdb_text text;
    const struct template_pipe *pipe;
    const struct template_node *body, *otherwise; /* first of a list; NULL: empty */
    const struct template_node *next;
};

struct template
{
    const char *name;
    const struct template_node *first;
    struct tsdb_text *labels;
    uint32_t label_count;
    uint32_t slots; /* of variables, "$" too */
    bool needs_all;
};

#endif
