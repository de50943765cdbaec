/* template_functions.h - the functions that templates call.
 *
 * Loki's own, those it takes from sprig, and Go's and, or, not, len, index, slice, print,
 * printf, println, html, urlquery, eq, ne, lt, le, gt, ge.  Argument order is theirs.  Strict where
 * Go is strict: a function of texts refuses a number.
 *
 *   template_functions.c   the table, and functions of texts
 *   template_math.c        numbers and dates
 *   template_compare.c     eq .. ge, and, or, not, len, index
 *   template_printf.c      printf and print
 */
#ifndef TSDB_LOGQL_TEMPLATE_FUNCTIONS_H
#define TSDB_LOGQL_TEMPLATE_FUNCTIONS_H

#include "tsdb/logql/template_value.h"

struct regex;

struct template_call {
    struct template_run *run;
    const struct value *arguments;
    uint32_t count;
    const struct regex *regex; /* of the first argument, when it was a literal */
    int64_t ts;                /* of the entry */
    struct tsdb_text line;
};

/* False: the run has failed. */
typedef bool template_fn(const struct template_call *c, struct value *out);

struct template_function {
    const char *name;
    const char *takes; /* one letter an argument: s text, i number, t time, v any; "+" repeats
                          the one before, "?" makes it one that may be left out */
    template_fn *fn;
    bool takes_regex; /* the first argument is an expression */
};

/* NULL: there is none of that name. */
const struct template_function *template_function_find(struct tsdb_text name);
/* Checks the arguments and calls. */
bool template_function_call(const struct template_function *f, const struct template_call *c,
                            struct value *out);

extern const struct template_function template_text_functions[], template_math_functions[],
    template_compare_functions[], template_print_functions[]; /* each ends with a NULL name */

/* Whatever it is, as a number: texts that are none are 0. */
int64_t template_to_int(const struct value *v);
double template_to_float(const struct value *v);

#endif
