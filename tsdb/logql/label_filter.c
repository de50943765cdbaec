#include "tsdb/logql/label_filter.h"

#include "tsdb/base/clock.h"
#include "tsdb/base/status.h"
#include "tsdb/base/text.h"
#include "tsdb/logql/unit_value.h"

#include <math.h>

static int64_t ns_of(const struct label_filter *f)
{
    int64_t ns;
    if (unit_duration(f->number_text, &ns, NULL))
        return ns;
    double v = f->number * (double)NS_PER_S; /* days and weeks, which Go does not read */
    return v >= 9.2e18 ? INT64_MAX : v <= -9.2e18 ? INT64_MIN : llround(v);
}

static enum tsdb_status leaf_compile(struct compiler *c, const struct label_filter *f,
                                     struct label_check *check)
{
    check->matcher.name = f->matcher.name;
    if (f->test == LABEL_STRING)
        return compiler_matcher(c, &f->matcher, &check->matcher);
    if (f->test == LABEL_IP) {
        if (f->matcher.kind != EXPR_MATCH_EQUAL && f->matcher.kind != EXPR_MATCH_NOT_EQUAL)
            return tsdb_fail(c->err, TSDB_EINVAL, "ip: invalid operation");
        check->matcher.kind = f->matcher.kind == EXPR_MATCH_EQUAL ? MATCH_EQ : MATCH_NE;
        return ip_address_parse(f->matcher.value, &check->addresses, c->err);
    }
    check->compare = f->compare;
    check->number = f->number;
    if (f->test == LABEL_DURATION)
        check->ns = ns_of(f);
    return TSDB_OK;
}

/* Recursion: depth levels, at most LABEL_FILTER_DEPTH_MAX. */
static enum tsdb_status compile(struct compiler *c, const struct label_filter *f, unsigned depth,
                                const struct label_check **out)
{
    if (depth > LABEL_FILTER_DEPTH_MAX)
        return tsdb_fail(c->err, TSDB_EINVAL, "label filter: more than %d levels",
                         LABEL_FILTER_DEPTH_MAX);
    struct label_check *check = COMPILER_ARRAY(c, struct label_check, 1);
    if (!check)
        return TSDB_ELIMIT;
    check->test = f->test;
    enum tsdb_status st;
    if (f->test == LABEL_AND || f->test == LABEL_OR) {
        st = compile(c, f->left, depth + 1, &check->left);
        if (st == TSDB_OK)
            st = compile(c, f->right, depth + 1, &check->right);
    } else {
        st = leaf_compile(c, f, check);
    }
    if (st == TSDB_OK)
        *out = check;
    return st;
}

enum tsdb_status label_filter_compile(struct compiler *c, const struct label_filter *f,
                                      const struct label_check **out)
{
    return compile(c, f, 1, out);
}

static bool string_test(const struct label_check *check, const struct pass *p)
{
    const struct matcher *m = &check->matcher;
    struct tsdb_text value = {"", 0};
    if (label_set_get(&p->labels, m->name, &value) == LABEL_NONE) {
        value = (struct tsdb_text){"", 0};
        if (text_equal(m->name, text_of(LABEL_ERROR)))
            value = p->labels.error;
        else if (text_equal(m->name, text_of(LABEL_ERROR_DETAILS)))
            value = p->labels.error_details;
    }
    return m->kind == MATCH_EQ ? text_equal(m->value, value) : matcher_test(m, value);
}

static bool compare(enum binary_op op, int order, bool is_ordered)
{
    if (op == BINARY_EQ)
        return is_ordered && order == 0;
    if (op == BINARY_NE)
        return !is_ordered || order != 0;
    if (!is_ordered)
        return false;
    if (op == BINARY_LT)
        return order < 0;
    if (op == BINARY_LE)
        return order <= 0;
    return op == BINARY_GT ? order > 0 : order >= 0;
}

/* The value against the filter's; false: it is none of its kind. */
static bool value_order(const struct label_check *check, struct tsdb_text value, int *order,
                        bool *is_ordered, struct unit_fault *why)
{
    double v = 0;
    *is_ordered = true;
    if (check->test == LABEL_DURATION) {
        int64_t ns;
        if (!unit_duration(value, &ns, why))
            return false;
        *order = (ns > check->ns) - (ns < check->ns);
        return true;
    }
    if (!(check->test == LABEL_BYTES ? unit_bytes : unit_number)(value, &v, why))
        return false;
    *order = (v > check->number) - (v < check->number);
    *is_ordered = !isnan(v) && !isnan(check->number);
    return true;
}

static bool value_test(const struct label_check *check, struct pass *p)
{
    struct tsdb_text value;
    struct unit_fault why;
    int order;
    bool is_ordered;
    if (check->test == LABEL_IP && p->labels.error.len > 0)
        return true;
    if (label_set_get(&p->labels, check->matcher.name, &value) == LABEL_NONE)
        return false;
    if (check->test == LABEL_IP)
        return address_search(&check->addresses, value) == (check->matcher.kind == MATCH_EQ);
    if (!value_order(check, value, &order, &is_ordered, &why)) {
        if (p->labels.error.len == 0)
            pass_fail(p, "LabelFilterErr", "%s", why.why);
        return true;
    }
    return compare(check->compare, order, is_ordered);
}

/* Recursion: as deep as the compiled tree. */
bool label_filter_test(const struct label_check *check, struct pass *p)
{
    switch (check->test) {
    case LABEL_STRING: return string_test(check, p);
    case LABEL_AND: {
        /* Both sides run: either may leave an error. */
        bool left = label_filter_test(check->left, p);
        return label_filter_test(check->right, p) && left;
    }
    case LABEL_OR: return label_filter_test(check->left, p) || label_filter_test(check->right, p);
    case LABEL_IP:
    case LABEL_NUMBER:
    case LABEL_DURATION:
    case LABEL_BYTES: break;
    }
    return value_test(check, p);
}
