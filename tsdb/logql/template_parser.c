#include "tsdb/logql/template_parser.h"

#include "tsdb/base/status.h"
#include "tsdb/base/text.h"
#include "tsdb/logql/template.h"
#include "tsdb/logql/unit_value.h"
#include "tsdb/query/quote.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

enum { LABELS_MAX = 256, FIELDS_MAX = 16, COMMANDS_MAX = 64 };

struct variable {
    struct tsdb_text name; /* with its dollar */
};

struct parser {
    struct compiler *c;
    const char *name;
    const char *begin, *at, *end;
    struct template *tree;
    struct variable variables[TEMPLATE_VARIABLES_MAX]; /* in sight; [0] is "$" */
    uint32_t variable_count;
    unsigned depth, loops;
    bool is_trimming; /* the text that follows loses its leading blanks */
    enum tsdb_status st;
};

__attribute__((format(printf, 2, 3))) static bool fail(struct parser *p, const char *fmt, ...)
{
    char why[256];
    if (p->st != TSDB_OK)
        return false;
    unsigned line = 1;
    for (const char *c = p->begin; c < p->at; c++)
        line += *c == '\n';
    va_list args;
    va_start(args, fmt);
    (void)vsnprintf(why, sizeof why, fmt, args);
    va_end(args);
    p->st = tsdb_fail(p->c->err, TSDB_EINVAL, "template: %s:%u: %s", p->name, line, why);
    return false;
}

static void *room(struct parser *p, size_t count, size_t size, size_t align)
{
    void *at = compiler_get(p->c, count, size, align);
    if (!at && p->st == TSDB_OK)
        p->st = TSDB_ELIMIT;
    return at;
}

#define ROOM(p, type, n) ((type *)room((p), (n), sizeof(type), _Alignof(type)))

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

static bool is_word_byte(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
           (unsigned char)c >= 0x80;
}

static void skip_blanks(struct parser *p)
{
    while (p->at < p->end && is_blank(*p->at))
        p->at++;
}

static char peek(const struct parser *p)
{
    return p->at < p->end ? *p->at : '\0';
}

static bool looks_at(const struct parser *p, const char *text)
{
    size_t n = strlen(text);
    return (size_t)(p->end - p->at) >= n && memcmp(p->at, text, n) == 0;
}

/* "}}", or " -}}". */
static bool at_close(const struct parser *p)
{
    return looks_at(p, "}}") || looks_at(p, "-}}");
}

static struct tsdb_text take_word(struct parser *p)
{
    const char *from = p->at;
    while (p->at < p->end && is_word_byte(*p->at))
        p->at++;
    return (struct tsdb_text){from, (size_t)(p->at - from)};
}

static bool is_word(struct tsdb_text word, const char *want)
{
    return text_equal(word, text_of(want));
}

/* ---- literals --------------------------------------------------------------------- */

/* The last byte of the escape whose letter is at `at`; 0: it is none.  The quote at the end of
 * the source is no digit. */
static size_t escape_end(struct tsdb_text source, size_t at)
{
    char c = source.at[at];
    bool is_octal = c >= '0' && c <= '7';
    size_t digits = c == 'x' ? 2 : c == 'u' ? 4 : c == 'U' ? 8 : is_octal ? 2 : 0;
    uint32_t v = is_octal ? (uint32_t)(c - '0') : 0;
    if (c == '\0' || !strchr("abfnrtv\\\"xuU01234567", c) || at + digits + 1 >= source.len)
        return 0;
    for (size_t i = 1; i <= digits; i++) {
        char d = source.at[at + i];
        const char *hex = "0123456789abcdef";
        const char *found = d ? strchr(hex, d >= 'A' && d <= 'F' ? d | 0x20 : d) : NULL;
        if (!found || (is_octal && found - hex > 7))
            return 0;
        v = v * (is_octal ? 8 : 16) + (uint32_t)(found - hex);
    }
    bool is_rune = v < 0xd800 || (v > 0xdfff && v <= 0x10ffff);
    return (is_octal && v > 255) || (digits >= 4 && !is_rune) ? 0 : at + digits;
}

static bool quoted_literal(struct parser *p, struct value *out)
{
    const char *from = p->at++;
    while (p->at < p->end && *p->at != '"' && *p->at != '\n')
        p->at += *p->at == '\\' && p->end - p->at > 1 ? 2 : 1;
    if (peek(p) != '"')
        return fail(p, "unterminated quoted string");
    p->at++;
    struct tsdb_text source = {from, (size_t)(p->at - from)};
    for (size_t i = 1; i + 1 < source.len; i++)
        if (source.at[i] == '\\' && (i = escape_end(source, i + 1)) == 0)
            return fail(p, "invalid escape sequence");
    char *text = ROOM(p, char, source.len);
    if (!text)
        return false;
    *out = value_text((struct tsdb_text){text, quote_read(source, text)});
    return true;
}

static bool raw_literal(struct parser *p, struct value *out)
{
    const char *from = ++p->at;
    const char *close = memchr(from, '`', (size_t)(p->end - from));
    if (!close)
        return fail(p, "unterminated raw quoted string");
    p->at = close + 1;
    *out = value_text((struct tsdb_text){from, (size_t)(close - from)});
    return true;
}

static bool char_literal(struct parser *p, struct value *out)
{
    uint32_t width = 1;
    p->at++;
    if (p->at == p->end || *p->at == '\'' || *p->at == '\\')
        return fail(p, "malformed character constant");
    struct tsdb_text rest = {p->at, (size_t)(p->end - p->at)};
    *out = value_int((int64_t)rune_at(rest, 0, &width));
    p->at += width;
    if (peek(p) != '\'')
        return fail(p, "malformed character constant");
    p->at++;
    return true;
}

static bool number_literal(struct parser *p, struct value *out)
{
    const char *from = p->at;
    char text[64], *end;
    double number;
    if (*p->at == '-' || *p->at == '+')
        p->at++;
    while (p->at < p->end && (is_word_byte(*p->at) || *p->at == '.' ||
                              ((*p->at == '-' || *p->at == '+') && (p->at[-1] | 0x20) == 'e')))
        p->at++;
    size_t n = (size_t)(p->at - from);
    if (n >= sizeof text)
        return fail(p, "bad number syntax: \"%.*s\"", 20, from);
    memcpy(text, from, n);
    text[n] = '\0';
    if (!strpbrk(text, ".eE") || strncmp(text, "0x", 2) == 0) {
        long long v = strtoll(text, &end, 0);
        if (*end == '\0') {
            *out = value_int(v);
            return true;
        }
    }
    if (!unit_number((struct tsdb_text){from, n}, &number, NULL))
        return fail(p, "bad number syntax: \"%s\"", text);
    *out = value_float(number);
    return true;
}

/* ---- operands --------------------------------------------------------------------- */

static void note_label(struct parser *p, struct tsdb_text label)
{
    struct template *t = p->tree;
    for (uint32_t i = 0; i < t->label_count; i++)
        if (text_equal(t->labels[i], label))
            return;
    if (t->label_count == LABELS_MAX)
        t->needs_all = true;
    else
        t->labels[t->label_count++] = label;
}

/* ".a.b" behind what it belongs to. */
static bool take_fields(struct parser *p, struct template_operand *o)
{
    struct tsdb_text fields[FIELDS_MAX];
    while (peek(p) == '.' && p->at + 1 < p->end && is_word_byte(p->at[1])) {
        if (o->field_count == FIELDS_MAX)
            return fail(p, "more than %d fields in a chain", FIELDS_MAX);
        p->at++;
        fields[o->field_count++] = take_word(p);
    }
    if (o->field_count == 0)
        return true;
    struct tsdb_text *copy = ROOM(p, struct tsdb_text, o->field_count);
    if (copy)
        memcpy(copy, fields, o->field_count * sizeof *copy);
    o->fields = copy;
    return copy != NULL;
}

static bool dot_operand(struct parser *p, struct template_operand *o)
{
    o->kind = OPERAND_DOT;
    if (p->at + 1 < p->end && is_word_byte(p->at[1])) {
        if (!take_fields(p, o))
            return false;
        note_label(p, o->fields[0]);
        return true;
    }
    p->at++;
    p->tree->needs_all = true;
    return true;
}

static bool variable_operand(struct parser *p, struct template_operand *o)
{
    const char *from = p->at++;
    (void)take_word(p);
    struct tsdb_text name = {from, (size_t)(p->at - from)};
    o->kind = OPERAND_VARIABLE;
    for (uint32_t i = p->variable_count; i-- > 0;) {
        if (!text_equal(p->variables[i].name, name))
            continue;
        o->slot = i;
        if (!take_fields(p, o))
            return false;
        if (i == 0 && o->field_count > 0)
            note_label(p, o->fields[0]);
        else if (i == 0)
            p->tree->needs_all = true;
        return true;
    }
    return fail(p, "undefined variable \"%.*s\"", (int)name.len, name.at);
}

static bool word_operand(struct parser *p, struct template_operand *o)
{
    struct tsdb_text word = take_word(p);
    o->kind = OPERAND_VALUE;
    if (is_word(word, "true") || is_word(word, "false")) {
        o->value = value_bool(word.len == 4);
        return true;
    }
    if (is_word(word, "nil"))
        return true;
    o->kind = OPERAND_FUNCTION;
    o->function = template_function_find(word);
    if (!o->function)
        return fail(p, "function \"%.*s\" not defined", (int)(word.len < 64 ? word.len : 64),
                    word.at);
    return true;
}

static const struct template_pipe *parse_pipe(struct parser *p, char close, bool may_range);

static bool paren_operand(struct parser *p, struct template_operand *o)
{
    p->at++;
    o->kind = OPERAND_PIPE;
    if (++p->depth > TEMPLATE_DEPTH_MAX)
        return fail(p, "more than %d levels", TEMPLATE_DEPTH_MAX);
    o->pipe = parse_pipe(p, ')', false);
    p->depth--;
    if (!o->pipe)
        return false;
    p->at++;
    return take_fields(p, o);
}

/* Recursion: TEMPLATE_DEPTH_MAX parentheses. */
static bool parse_operand(struct parser *p, struct template_operand *o)
{
    char c = peek(p);
    *o = (struct template_operand){.kind = OPERAND_VALUE};
    if (c == '.' && !(p->at + 1 < p->end && p->at[1] >= '0' && p->at[1] <= '9'))
        return dot_operand(p, o);
    if (c == '$')
        return variable_operand(p, o);
    if (c == '(')
        return paren_operand(p, o);
    if (c == '"')
        return quoted_literal(p, &o->value);
    if (c == '`')
        return raw_literal(p, &o->value);
    if (c == '\'')
        return char_literal(p, &o->value);
    if ((c >= '0' && c <= '9') || c == '-' || c == '+' || c == '.')
        return number_literal(p, &o->value);
    if (is_word_byte(c))
        return word_operand(p, o);
    if (p->at == p->end)
        return fail(p, "unclosed action");
    return fail(p, "unexpected %s in operand", quoted_rune((unsigned char)c).at);
}

/* A literal that is an expression is compiled once. */
static bool command_regex(struct parser *p, struct template_operand *operands, uint32_t count)
{
    if (operands[0].kind != OPERAND_FUNCTION || !operands[0].function->takes_regex || count < 2 ||
        operands[1].kind != OPERAND_VALUE || operands[1].value.kind != VALUE_TEXT)
        return true;
    enum tsdb_status st = compiler_line_regex(p->c, operands[1].value.text, &operands[0].regex);
    if (st != TSDB_OK)
        p->st = st;
    return st == TSDB_OK;
}

static bool parse_command(struct parser *p, char close, struct template_command *out)
{
    struct template_operand operands[TEMPLATE_ARGUMENTS_MAX];
    uint32_t count = 0;
    for (;;) {
        skip_blanks(p);
        char c = peek(p);
        if (c == '|' || (close == ')' ? c == ')' : at_close(p)))
            break;
        if (count == TEMPLATE_ARGUMENTS_MAX)
            return fail(p, "more than %d arguments", TEMPLATE_ARGUMENTS_MAX);
        if (!parse_operand(p, &operands[count]))
            return false;
        count++;
        c = peek(p);
        if (!is_blank(c) && c != '|' && c != ')' && !at_close(p))
            return fail(p, "unexpected %s in operand", quoted_rune((unsigned char)c).at);
        if (c == ')' && close != ')')
            return fail(p, "unexpected right paren");
    }
    if (count == 0)
        return fail(p, "missing value for command");
    if (!command_regex(p, operands, count))
        return false;
    struct template_operand *copy = ROOM(p, struct template_operand, count);
    if (!copy)
        return false;
    memcpy(copy, operands, count * sizeof *copy);
    *out = (struct template_command){copy, count};
    return true;
}

static bool new_variable(struct parser *p, struct tsdb_text name, uint32_t *slot)
{
    if (p->variable_count == TEMPLATE_VARIABLES_MAX)
        return fail(p, "more than %d variables", TEMPLATE_VARIABLES_MAX);
    *slot = p->variable_count;
    p->variables[p->variable_count++].name = name;
    if (p->tree->slots < p->variable_count)
        p->tree->slots = p->variable_count;
    return true;
}

static bool old_variable(struct parser *p, struct tsdb_text name, uint32_t *slot)
{
    for (uint32_t i = p->variable_count; i-- > 0;) {
        if (text_equal(p->variables[i].name, name)) {
            *slot = i;
            return true;
        }
    }
    return fail(p, "undefined variable \"%.*s\"", (int)name.len, name.at);
}

/* "$x :=", "$x =", of range "$i, $x :="; nothing is taken when it is none of them. */
static bool take_declaration(struct parser *p, bool may_range, struct template_pipe *out)
{
    const char *from = p->at;
    struct tsdb_text names[2];
    uint32_t count = 0;
    while (peek(p) == '$' && count < 2) {
        const char *name = p->at++;
        (void)take_word(p);
        names[count++] = (struct tsdb_text){name, (size_t)(p->at - name)};
        skip_blanks(p);
        if (peek(p) != ',' || !may_range)
            break;
        p->at++;
        skip_blanks(p);
    }
    bool is_new = looks_at(p, ":="), is_old = !is_new && peek(p) == '=';
    if (count == 0 || (!is_new && !is_old)) {
        p->at = from;
        return true;
    }
    p->at += is_new ? 2 : 1;
    for (uint32_t i = 0; i < count; i++)
        if (!(is_new ? new_variable : old_variable)(p, names[i], &out->slots[i]))
            return false;
    out->slot_count = count;
    return true;
}

/* Up to, not over, what closes it.  NULL: a fault. */
static const struct template_pipe *parse_pipe(struct parser *p, char close, bool may_range)
{
    struct template_command commands[COMMANDS_MAX];
    struct template_pipe *pipe = ROOM(p, struct template_pipe, 1);
    skip_blanks(p);
    if (!pipe || (close != ')' && !take_declaration(p, may_range, pipe)))
        return NULL;
    do {
        p->at += pipe->count > 0; /* the bar */
        if (pipe->count == COMMANDS_MAX) {
            (void)fail(p, "more than %d commands in a pipeline", COMMANDS_MAX);
            return NULL;
        }
        if (!parse_command(p, close, &commands[pipe->count]))
            return NULL;
        if (pipe->count > 0 && commands[pipe->count].operands[0].kind == OPERAND_VALUE) {
            (void)fail(p, "non executable command in pipeline stage %u", pipe->count + 1);
            return NULL;
        }
        pipe->count++;
    } while (peek(p) == '|');
    struct template_command *copy = ROOM(p, struct template_command, pipe->count);
    if (!copy)
        return NULL;
    memcpy(copy, commands, pipe->count * sizeof *copy);
    pipe->commands = copy;
    return pipe;
}

/* ---- blocks ----------------------------------------------------------------------- */

enum block_end { END_TEXT, END_END, END_ELSE, END_FAULT };

static bool take_close(struct parser *p)
{
    skip_blanks(p);
    if (looks_at(p, "-}}")) {
        p->is_trimming = true;
        p->at += 3;
        return true;
    }
    if (!looks_at(p, "}}"))
        return p->at == p->end ? fail(p, "unclosed action") : fail(p, "unexpected text in action");
    p->at += 2;
    return true;
}

static enum block_end parse_list(struct parser *p, const struct template_node **first);

/* Behind "if", "with" or "range" (also after else). */
static bool parse_block(struct parser *p, enum template_node_kind kind, struct template_node *node)
{
    uint32_t variables = p->variable_count;
    node->kind = kind;
    if (++p->depth > TEMPLATE_DEPTH_MAX)
        return fail(p, "more than %d levels", TEMPLATE_DEPTH_MAX);
    node->pipe = parse_pipe(p, '}', kind == NODE_RANGE);
    if (!node->pipe || !take_close(p))
        return false;
    p->loops += kind == NODE_RANGE;
    enum block_end end = parse_list(p, &node->body);
    p->loops -= kind == NODE_RANGE;
    if (end == END_ELSE) {
        skip_blanks(p);
        struct tsdb_text word = take_word(p);
        bool is_chain = (kind == NODE_IF && is_word(word, "if")) ||
                        (kind == NODE_WITH && is_word(word, "with"));
        if (is_chain) {
            struct template_node *other = ROOM(p, struct template_node, 1);
            node->otherwise = other;
            if (!other || !parse_block(p, kind, other))
                return false;
            end = END_END; /* one end closes the chain */
        } else {
            if (word.len > 0)
                return fail(p, "unexpected <%.*s> in else", (int)word.len, word.at);
            if (!take_close(p))
                return false;
            end = parse_list(p, &node->otherwise);
        }
    }
    p->depth--;
    p->variable_count = variables;
    if (end == END_TEXT)
        return fail(p, "unexpected EOF");
    if (end == END_ELSE)
        return fail(p, "unexpected {{else}}");
    return end == END_END;
}

/* The text up to the next action, trimmed as its markers say; true: there is an action, and
 * its marker is taken. */
static bool take_text(struct parser *p, struct tsdb_text *out)
{
    const char *from = p->at;
    const char *open = memmem(from, (size_t)(p->end - from), "{{", 2);
    const char *until = open ? open : p->end;
    if (p->is_trimming)
        while (from < until && is_blank(*from))
            from++;
    p->is_trimming = false;
    p->at = open ? open + 2 : p->end;
    if (open && p->end - p->at > 1 && *p->at == '-' && is_blank(p->at[1])) {
        p->at++;
        while (until > from && is_blank(until[-1]))
            until--;
    }
    *out = (struct tsdb_text){from, (size_t)(until - from)};
    return open != NULL;
}

/* The two slashes of a comment are inside the braces. */
static bool take_comment(struct parser *p)
{
    const char *close = memmem(p->at + 2, (size_t)(p->end - p->at - 2), "*/", 2);
    if (!close)
        return fail(p, "unclosed comment");
    p->at = close + 2;
    const char *behind = p->at;
    skip_blanks(p);
    if (p->at != behind && !looks_at(p, "-}}"))
        return fail(p, "comment ends before closing delimiter");
    return take_close(p);
}

/* What an action's first word begins; END_TEXT: *node is filled, or nothing (a comment). */
static enum block_end parse_action(struct parser *p, struct template_node *node, bool *is_node)
{
    const char *from;
    *is_node = true;
    skip_blanks(p);
    from = p->at;
    if (looks_at(p, "/*")) {
        *is_node = false;
        return take_comment(p) ? END_TEXT : END_FAULT;
    }
    struct tsdb_text word = take_word(p);
    if (is_word(word, "if"))
        return parse_block(p, NODE_IF, node) ? END_TEXT : END_FAULT;
    if (is_word(word, "with"))
        return parse_block(p, NODE_WITH, node) ? END_TEXT : END_FAULT;
    if (is_word(word, "range"))
        return parse_block(p, NODE_RANGE, node) ? END_TEXT : END_FAULT;
    if (is_word(word, "end"))
        return take_close(p) ? END_END : END_FAULT;
    if (is_word(word, "else"))
        return END_ELSE;
    if (is_word(word, "break") || is_word(word, "continue")) {
        node->kind = word.len == 5 ? NODE_BREAK : NODE_CONTINUE;
        if (p->loops == 0)
            return fail(p, "{{%.*s}} outside {{range}}", (int)word.len, word.at), END_FAULT;
        return take_close(p) ? END_TEXT : END_FAULT;
    }
    if (is_word(word, "define") || is_word(word, "template") || is_word(word, "block"))
        return fail(p, "{{%.*s}} is not supported", (int)word.len, word.at), END_FAULT;
    p->at = from;
    node->kind = NODE_ACTION;
    node->pipe = parse_pipe(p, '}', false);
    return node->pipe && take_close(p) ? END_TEXT : END_FAULT;
}

/* Recursion: TEMPLATE_DEPTH_MAX blocks. */
static enum block_end parse_list(struct parser *p, const struct template_node **first)
{
    const struct template_node **tail = first;
    uint32_t variables = p->variable_count;
    for (;;) {
        struct tsdb_text text;
        bool is_action = take_text(p, &text), is_node = false;
        struct template_node *nodes = ROOM(p, struct template_node, 2);
        if (!nodes)
            return END_FAULT;
        if (text.len > 0) {
            nodes[0].text = text;
            *tail = &nodes[0];
            tail = &nodes[0].next;
        }
        if (!is_action)
            return END_TEXT;
        enum block_end end = parse_action(p, &nodes[1], &is_node);
        if (end != END_TEXT) {
            p->variable_count = variables;
            return end;
        }
        if (is_node) {
            *tail = &nodes[1];
            tail = &nodes[1].next;
        }
    }
}

enum tsdb_status template_parse(struct compiler *c, const char *name, struct tsdb_text text,
                                struct template *out)
{
    struct parser p = {.c = c,
                       .name = name,
                       .begin = text.at,
                       .at = text.at,
                       .end = text.at + text.len,
                       .tree = out,
                       .variables = {{text_of("$")}},
                       .variable_count = 1};
    *out = (struct template){.name = name, .slots = 1};
    if (text.len > TEMPLATE_TEXT_MAX)
        return tsdb_fail(c->err, TSDB_EINVAL, "template: %s: %zu bytes, at most %d", name, text.len,
                         TEMPLATE_TEXT_MAX);
    out->labels = ROOM(&p, struct tsdb_text, LABELS_MAX);
    if (!out->labels)
        return p.st;
    enum block_end end = parse_list(&p, &out->first);
    if (end == END_END)
        (void)fail(&p, "unexpected {{end}}");
    else if (end == END_ELSE)
        (void)fail(&p, "unexpected {{else}}");
    return p.st;
}
