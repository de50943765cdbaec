#include "tsdb/logql/template.h"

#include "tsdb/base/text.h"
#include "tsdb/logql/template_parser.h"
#include "tsdb/logql/template_tree.h"

enum tsdb_status template_compile(struct compiler *c, const char *name, struct tsdb_text text,
                                  const struct template **out)
{
    struct template *t = COMPILER_ARRAY(c, struct template, 1);
    if (!t)
        return TSDB_ELIMIT;
    enum tsdb_status st = template_parse(c, name, text, t);
    if (st == TSDB_OK)
        *out = t;
    return st;
}

const struct tsdb_text *template_labels(const struct template *t, uint32_t *count, bool *needs_all)
{
    *count = t->label_count;
    *needs_all = t->needs_all;
    return t->labels;
}

struct tsdb_text template_lone_label(const struct template *t)
{
    const struct template_node *n = t->first;
    const struct tsdb_text none = {"", 0};
    if (!n || n->next || n->kind != NODE_ACTION || n->pipe->count != 1 || n->pipe->slot_count > 0)
        return none;
    const struct template_command *c = n->pipe->commands;
    const struct template_operand *o = c->operands;
    bool is_lone = c->count == 1 && o->kind == OPERAND_DOT && o->field_count == 1;
    return is_lone ? o->fields[0] : none;
}

/* ---- running ---------------------------------------------------------------------- */

enum flow { FLOW_ON, FLOW_BREAK, FLOW_CONTINUE, FLOW_FAILED };

struct walk {
    struct template_run run;
    struct value variables[TEMPLATE_VARIABLES_MAX];
    struct value dot;
    struct writer out; /* owned */
};

static bool run_pipe(struct walk *w, const struct template_pipe *pipe, struct value *out);

static bool run_operand(struct walk *w, const struct template_operand *o, struct value *out)
{
    switch (o->kind) {
    case OPERAND_DOT: *out = w->dot; break;
    case OPERAND_VARIABLE: *out = w->variables[o->slot]; break;
    case OPERAND_VALUE: *out = o->value; return true;
    case OPERAND_PIPE:
        if (!run_pipe(w, o->pipe, out))
            return false;
        break;
    case OPERAND_FUNCTION: { /* without arguments, as an argument */
        struct template_call call = {
            .run = &w->run, .line = w->run.p->line, .ts = w->run.p->labels.entry.ts};
        if (!template_function_call(o->function, &call, out))
            return false;
        break;
    }
    }
    for (uint32_t i = 0; i < o->field_count; i++) {
        struct value from = *out;
        if (!value_field(&from, o->fields[i], &w->run, out))
            return false;
    }
    return true;
}

/* `and` and `or` stop at the argument that decides. */
static bool is_decided(const struct template_function *f, const struct value *v, struct walk *w)
{
    bool is_and = strcmp(f->name, "and") == 0, is_or = strcmp(f->name, "or") == 0;
    return (is_and || is_or) && value_truth(v, &w->run) == is_or;
}

static bool run_command(struct walk *w, const struct template_command *c, const struct value *last,
                        struct value *out)
{
    const struct template_operand *head = &c->operands[0];
    struct value arguments[TEMPLATE_ARGUMENTS_MAX + 1];
    uint32_t count = 0;
    if (!template_charge(&w->run, 0))
        return false;
    if (head->kind != OPERAND_FUNCTION) {
        if (c->count > 1 || last)
            return template_fail(&w->run, "can't give argument to non-function");
        return run_operand(w, head, out);
    }
    for (uint32_t i = 1; i < c->count; i++) {
        if (!run_operand(w, &c->operands[i], &arguments[count]))
            return false;
        if (is_decided(head->function, &arguments[count++], w)) {
            *out = arguments[count - 1];
            return !w->run.has_failed;
        }
    }
    if (last)
        arguments[count++] = *last;
    struct template_call call = {.run = &w->run,
                                 .arguments = arguments,
                                 .count = count,
                                 .regex = head->regex,
                                 .ts = w->run.p->labels.entry.ts,
                                 .line = w->run.p->line};
    return template_function_call(head->function, &call, out);
}

/* Recursion: TEMPLATE_DEPTH_MAX parentheses. */
static bool run_pipe(struct walk *w, const struct template_pipe *pipe, struct value *out)
{
    struct value value = {.kind = VALUE_NIL}, last;
    for (uint32_t i = 0; i < pipe->count; i++) {
        last = value;
        if (!run_command(w, &pipe->commands[i], i > 0 ? &last : NULL, &value))
            return false;
    }
    for (uint32_t i = 0; i < pipe->slot_count; i++)
        w->variables[pipe->slots[i]] = value;
    *out = value;
    return true;
}

static enum flow run_list(struct walk *w, const struct template_node *first);

struct loop {
    struct walk *w;
    const struct template_node *node;
    enum flow flow;
    bool is_run;
};

static bool loop_step(void *arg, const struct value *key, const struct value *element)
{
    struct loop *l = arg;
    const struct template_pipe *pipe = l->node->pipe;
    l->is_run = true;
    if (pipe->slot_count == 1)
        l->w->variables[pipe->slots[0]] = *element;
    if (pipe->slot_count == 2) {
        l->w->variables[pipe->slots[0]] = *key;
        l->w->variables[pipe->slots[1]] = *element;
    }
    l->w->dot = *element;
    l->flow = run_list(l->w, l->node->body);
    return l->flow == FLOW_ON || l->flow == FLOW_CONTINUE;
}

static enum flow run_range(struct walk *w, const struct template_node *node)
{
    struct value over, dot = w->dot;
    struct loop l = {.w = w, .node = node, .flow = FLOW_ON};
    if (!run_pipe(w, node->pipe, &over))
        return FLOW_FAILED;
    switch (over.kind) {
    case VALUE_INT:
        for (int64_t i = 0; i < over.integer; i++) {
            struct value v = value_int(i);
            if (!template_charge(&w->run, 0) || !loop_step(&l, &v, &v))
                break;
        }
        break;
    case VALUE_LABELS:
    case VALUE_OBJECT:
    case VALUE_ARRAY: value_each(&over, &w->run, loop_step, &l); break;
    case VALUE_NIL: break;
    case VALUE_BOOL:
    case VALUE_FLOAT:
    case VALUE_TEXT:
    case VALUE_TIME:
        (void)template_fail(&w->run, "range can't iterate over a %s", value_type(&over));
        break;
    }
    w->dot = dot;
    if (w->run.has_failed || l.flow == FLOW_FAILED)
        return FLOW_FAILED;
    return l.is_run ? FLOW_ON : run_list(w, node->otherwise);
}

static enum flow run_branch(struct walk *w, const struct template_node *node)
{
    struct value v, dot = w->dot;
    if (!run_pipe(w, node->pipe, &v))
        return FLOW_FAILED;
    if (!value_truth(&v, &w->run))
        return w->run.has_failed ? FLOW_FAILED : run_list(w, node->otherwise);
    if (node->kind == NODE_WITH)
        w->dot = v;
    enum flow flow = run_list(w, node->body);
    w->dot = dot;
    return flow;
}

static enum flow run_action(struct walk *w, const struct template_node *node)
{
    struct value v;
    if (!run_pipe(w, node->pipe, &v))
        return FLOW_FAILED;
    if (node->pipe->slot_count == 0)
        value_print(&v, &w->run, &w->out);
    return w->run.has_failed ? FLOW_FAILED : FLOW_ON;
}

static enum flow run_node(struct walk *w, const struct template_node *n)
{
    switch (n->kind) {
    case NODE_TEXT: writer_put(&w->out, n->text.at, n->text.len); return FLOW_ON;
    case NODE_ACTION: return run_action(w, n);
    case NODE_IF:
    case NODE_WITH: return run_branch(w, n);
    case NODE_RANGE: return run_range(w, n);
    case NODE_BREAK: return FLOW_BREAK;
    case NODE_CONTINUE: break;
    }
    return FLOW_CONTINUE;
}

/* Recursion: TEMPLATE_DEPTH_MAX blocks. */
static enum flow run_list(struct walk *w, const struct template_node *first)
{
    for (const struct template_node *n = first; n; n = n->next) {
        size_t before = w->out.len;
        enum flow flow = run_node(w, n);
        if (flow != FLOW_ON)
            return flow;
        if (w->out.len > PIPELINE_LINE_MAX) {
            (void)template_fail(&w->run, "more than %d bytes written", PIPELINE_LINE_MAX);
            return FLOW_FAILED;
        }
        if (!template_charge(&w->run, w->out.len - before))
            return FLOW_FAILED;
    }
    return FLOW_ON;
}

bool template_run(const struct template *t, struct pass *p, struct tsdb_text *out)
{
    struct walk w; /* of the variables, as many as the template has */
    struct value text;
    w.run = (struct template_run){.p = p};
    w.dot = w.variables[0] = (struct value){.kind = VALUE_LABELS};
    for (uint32_t i = 1; i < t->slots; i++)
        w.variables[i] = (struct value){.kind = VALUE_NIL};
    w.out = (struct writer){0};
    enum flow flow = run_list(&w, t->first);
    bool is_done = flow != FLOW_FAILED && template_take(&w.run, &w.out, &text);
    writer_release(&w.out);
    if (is_done) {
        *out = text.text;
        return true;
    }
    size_t len = strlen(w.run.why);
    char *why = pass_bytes(p, len + 16);
    if (!why)
        return *out = text_of("template: no memory left"), false;
    memcpy(why, "template: ", 10);
    memcpy(why + 10, w.run.why, len);
    *out = (struct tsdb_text){why, len + 10};
    return false;
}
