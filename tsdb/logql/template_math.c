#include "tsdb/base/clock.h"
#include "tsdb/base/digits.h"
#include "tsdb/base/text.h"
#include "tsdb/logql/go_time.h"
#include "tsdb/logql/template_functions.h"
#include "tsdb/logql/unit_value.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

/* ---- numbers ---------------------------------------------------------------------- */

int64_t template_to_int(const struct value *v)
{
    char text[32], *end;
    struct tsdb_text t = v->text;
    switch (v->kind) {
    case VALUE_BOOL: return v->is_true;
    case VALUE_INT: return v->integer;
    case VALUE_FLOAT:
        return isnan(v->number)      ? 0
               : v->number >= 0x1p63 ? INT64_MAX
               : v->number < -0x1p63 ? INT64_MIN
                                     : (int64_t)v->number;
    case VALUE_TEXT: break;
    case VALUE_NIL:
    case VALUE_TIME:
    case VALUE_LABELS:
    case VALUE_OBJECT:
    case VALUE_ARRAY: return 0;
    }
    /* "3.00" is 3; what is no whole number is 0. */
    const char *point = t.len ? memchr(t.at, '.', t.len) : NULL;
    bool is_zeros = point != NULL;
    for (const char *c = point; point && ++c < t.at + t.len;)
        is_zeros &= *c == '0';
    if (is_zeros)
        t.len = (size_t)(point - t.at);
    if (t.len == 0 || t.len >= sizeof text || t.at[0] == ' ')
        return 0;
    memcpy(text, t.at, t.len);
    text[t.len] = '\0';
    long long n = strtoll(text, &end, 0);
    return *end == '\0' ? n : 0;
}

double template_to_float(const struct value *v)
{
    double number;
    if (v->kind == VALUE_FLOAT)
        return v->number;
    if (v->kind == VALUE_TEXT)
        return unit_number(v->text, &number, NULL) ? number : 0;
    return (double)template_to_int(v);
}

enum whole_op { WHOLE_ADD, WHOLE_SUB, WHOLE_MUL, WHOLE_MAX, WHOLE_MIN };

/* Wraps, as Go does. */
static bool fold_whole(const struct template_call *c, enum whole_op op, struct value *out)
{
    uint64_t sum = (uint64_t)template_to_int(&c->arguments[0]);
    for (uint32_t i = 1; i < c->count; i++) {
        uint64_t v = (uint64_t)template_to_int(&c->arguments[i]);
        switch (op) {
        case WHOLE_ADD: sum += v; break;
        case WHOLE_SUB: sum -= v; break;
        case WHOLE_MUL: sum *= v; break;
        case WHOLE_MAX: sum = (int64_t)v > (int64_t)sum ? v : sum; break;
        case WHOLE_MIN: sum = (int64_t)v < (int64_t)sum ? v : sum; break;
        }
    }
    *out = value_int((int64_t)sum);
    return true;
}

static bool fn_add(const struct template_call *c, struct value *out)
{
    return fold_whole(c, WHOLE_ADD, out);
}

static bool fn_sub(const struct template_call *c, struct value *out)
{
    return fold_whole(c, WHOLE_SUB, out);
}

static bool fn_mul(const struct template_call *c, struct value *out)
{
    return fold_whole(c, WHOLE_MUL, out);
}

static bool fn_max(const struct template_call *c, struct value *out)
{
    return fold_whole(c, WHOLE_MAX, out);
}

static bool fn_min(const struct template_call *c, struct value *out)
{
    return fold_whole(c, WHOLE_MIN, out);
}

static bool divide(const struct template_call *c, bool is_rest, struct value *out)
{
    int64_t a = template_to_int(&c->arguments[0]), b = template_to_int(&c->arguments[1]);
    if (b == 0)
        return template_fail(c->run, "error calling %s: runtime error: integer divide by zero",
                             is_rest ? "mod" : "div");
    if (b == -1) /* also of the least number, which has no opposite: wraps */
        *out = value_int(is_rest ? 0 : (int64_t)(0 - (uint64_t)a));
    else
        *out = value_int(is_rest ? a % b : a / b);
    return true;
}

static bool fn_div(const struct template_call *c, struct value *out)
{
    return divide(c, false, out);
}

static bool fn_mod(const struct template_call *c, struct value *out)
{
    return divide(c, true, out);
}

/* ---- decimals ---------------------------------------------------------------------
 *
 * Sprig adds floats as the decimals they are written as: 1 less 0.9 is 0.1.  A double's
 * shortest digits (17 at most) times a power of ten; sums and products of two are exact. */

__extension__ typedef __int128 wide;

struct decimal {
    wide m;
    int exponent; /* m * 10^exponent */
};

enum { ALIGN_MAX = 20 }; /* powers of ten that 17 digits may grow by */

static struct decimal decimal_of(double v)
{
    char digits[DIGITS_MAX];
    int exponent;
    struct decimal d = {0, 0};
    size_t n = digits_shortest(fabs(v), digits, &exponent);
    for (size_t i = 0; i < n; i++)
        d.m = d.m * 10 + (digits[i] - '0');
    d.m = v < 0 ? -d.m : d.m;
    d.exponent = exponent - (int)n;
    return d;
}

static double decimal_double(struct decimal d)
{
    char text[64];
    size_t at = sizeof text;
    double v = 0;
    int n = snprintf(text, sizeof text, "e%d", d.exponent);
    char tail[24];
    memcpy(tail, text, (size_t)n);
    at -= (size_t)n;
    memcpy(text + at, tail, (size_t)n);
    wide m = d.m < 0 ? -d.m : d.m;
    do {
        text[--at] = (char)('0' + (int)(m % 10));
        m /= 10;
    } while (m > 0);
    if (d.m < 0)
        text[--at] = '-';
    (void)double_parse((struct tsdb_text){text + at, sizeof text - at}, &v);
    return v;
}

/* Raises the power of the one with the higher exponent; false: they are too far apart. */
static bool decimals_align(struct decimal *a, struct decimal *b)
{
    struct decimal *high = a->exponent > b->exponent ? a : b, *low = high == a ? b : a;
    if (high->exponent - low->exponent > ALIGN_MAX)
        return false;
    while (high->exponent > low->exponent) {
        high->m *= 10;
        high->exponent--;
    }
    return true;
}

static double decimal_sum(double left, double right)
{
    struct decimal a = decimal_of(left), b = decimal_of(right);
    if (!isfinite(left) || !isfinite(right) || !decimals_align(&a, &b))
        return left + right;
    return decimal_double((struct decimal){a.m + b.m, a.exponent});
}

static double decimal_product(double left, double right)
{
    if (!isfinite(left) || !isfinite(right))
        return left * right;
    struct decimal a = decimal_of(left), b = decimal_of(right);
    return decimal_double((struct decimal){a.m * b.m, a.exponent + b.exponent});
}

/* Sixteen places behind the point. */
static double decimal_quotient(double left, double right)
{
    char text[512];
    double v = left / right;
    int n = snprintf(text, sizeof text, "%.16Lf", (long double)left / (long double)right);
    if (n > 0 && (size_t)n < sizeof text)
        (void)double_parse((struct tsdb_text){text, (size_t)n}, &v);
    return v;
}

enum float_op { FLOAT_ADD, FLOAT_SUB, FLOAT_MUL, FLOAT_DIV };

static bool fold_float(const struct template_call *c, enum float_op op, struct value *out)
{
    double sum = template_to_float(&c->arguments[0]);
    for (uint32_t i = 1; i < c->count; i++) {
        double v = template_to_float(&c->arguments[i]);
        switch (op) {
        case FLOAT_ADD: sum = decimal_sum(sum, v); break;
        case FLOAT_SUB: sum = decimal_sum(sum, -v); break;
        case FLOAT_MUL: sum = decimal_product(sum, v); break;
        case FLOAT_DIV:
            if (v == 0)
                return template_fail(c->run, "error calling divf: decimal division by 0");
            sum = decimal_quotient(sum, v);
            break;
        }
    }
    *out = value_float(sum);
    return true;
}

static bool fn_addf(const struct template_call *c, struct value *out)
{
    return fold_float(c, FLOAT_ADD, out);
}

static bool fn_subf(const struct template_call *c, struct value *out)
{
    return fold_float(c, FLOAT_SUB, out);
}

static bool fn_mulf(const struct template_call *c, struct value *out)
{
    return fold_float(c, FLOAT_MUL, out);
}

static bool fn_divf(const struct template_call *c, struct value *out)
{
    return fold_float(c, FLOAT_DIV, out);
}

static bool fn_maxf(const struct template_call *c, struct value *out)
{
    double most = template_to_float(&c->arguments[0]);
    for (uint32_t i = 1; i < c->count; i++)
        most = fmax(most, template_to_float(&c->arguments[i]));
    *out = value_float(most);
    return true;
}

static bool fn_minf(const struct template_call *c, struct value *out)
{
    double least = template_to_float(&c->arguments[0]);
    for (uint32_t i = 1; i < c->count; i++)
        least = fmin(least, template_to_float(&c->arguments[i]));
    *out = value_float(least);
    return true;
}

static bool fn_ceil(const struct template_call *c, struct value *out)
{
    *out = value_float(ceil(template_to_float(&c->arguments[0])));
    return true;
}

static bool fn_floor(const struct template_call *c, struct value *out)
{
    *out = value_float(floor(template_to_float(&c->arguments[0])));
    return true;
}

/* round VALUE PLACES [LIMIT]: from LIMIT (.5) on upwards. */
static bool fn_round(const struct template_call *c, struct value *out)
{
    double limit = c->count > 2 ? template_to_float(&c->arguments[2]) : 0.5;
    double power = pow(10, (double)template_to_int(&c->arguments[1])), whole;
    double part = modf(power * template_to_float(&c->arguments[0]), &whole);
    double digits = power * template_to_float(&c->arguments[0]);
    *out = value_float((part >= limit ? ceil(digits) : floor(digits)) / power);
    return true;
}

static bool fn_int(const struct template_call *c, struct value *out)
{
    *out = value_int(template_to_int(&c->arguments[0]));
    return true;
}

static bool fn_float64(const struct template_call *c, struct value *out)
{
    *out = value_float(template_to_float(&c->arguments[0]));
    return true;
}

static bool fn_bytes(const struct template_call *c, struct value *out)
{
    struct unit_fault why;
    double v;
    if (!unit_bytes(c->arguments[0].text, &v, &why))
        return template_fail(c->run, "error calling bytes: %s", why.why);
    *out = value_float(v);
    return true;
}

static bool fn_duration(const struct template_call *c, struct value *out)
{
    struct unit_fault why;
    int64_t ns;
    if (!unit_duration(c->arguments[0].text, &ns, &why))
        return template_fail(c->run, "error calling duration: %s", why.why);
    *out = value_float((double)(ns / NS_PER_S) + (double)(ns % NS_PER_S) / 1e9);
    return true;
}

/* ---- dates ------------------------------------------------------------------------ */

static struct value value_of_time(struct value_time t)
{
    return (struct value){.kind = VALUE_TIME, .time = t};
}

static struct value_time time_of_ns(int64_t ns)
{
    int64_t s = ns / NS_PER_S, rest = ns % NS_PER_S;
    if (rest < 0) {
        s--;
        rest += NS_PER_S;
    }
    return (struct value_time){.s = s, .ns = (int32_t)rest};
}

static bool fn_timestamp(const struct template_call *c, struct value *out)
{
    *out = value_of_time(time_of_ns(c->ts));
    return true;
}

static bool fn_now(const struct template_call *c, struct value *out)
{
    (void)c;
    *out = value_of_time(time_of_ns(clock_wall_ns(clock_real())));
    return true;
}

/* date LAYOUT TIME: a time, or seconds; anything else is now. */
static bool fn_date(const struct template_call *c, struct value *out)
{
    const struct value *v = &c->arguments[1];
    struct value_time t = time_of_ns(clock_wall_ns(clock_real()));
    struct writer w = {0};
    if (v->kind == VALUE_TIME)
        t = v->time;
    else if (v->kind == VALUE_INT)
        t = (struct value_time){.s = v->integer};
    go_time_format(&t, c->arguments[0].text, &w);
    bool is_taken = template_take(c->run, &w, out);
    writer_release(&w);
    return is_taken;
}

static bool fn_to_date(const struct template_call *c, struct value *out)
{
    struct value_time t;
    uint32_t text = c->count - 1; /* toDate LAYOUT TEXT, toDateInZone LAYOUT ZONE TEXT */
    bool is_read = go_time_parse(c->arguments[0].text, c->arguments[text].text, &t);
    *out = value_of_time(is_read ? t : go_time_zero());
    return true;
}

static bool put_whole(const struct template_call *c, int64_t v, struct value *out)
{
    char *text = template_bytes(c->run, 24);
    if (text)
        *out = value_text((struct tsdb_text){text, i64_format(v, text)});
    return text != NULL;
}

static bool fn_epoch(const struct template_call *c, struct value *out)
{
    return put_whole(c, c->arguments[0].time.s, out);
}

/* Wraps, as Go does. */
static int64_t scaled(const struct value_time *t, int64_t per_s)
{
    return (int64_t)((uint64_t)t->s * (uint64_t)per_s + (uint64_t)(t->ns / (NS_PER_S / per_s)));
}

static bool fn_epoch_millis(const struct template_call *c, struct value *out)
{
    return put_whole(c, scaled(&c->arguments[0].time, 1000), out);
}

static bool fn_epoch_nanos(const struct template_call *c, struct value *out)
{
    return put_whole(c, scaled(&c->arguments[0].time, NS_PER_S), out);
}

/* Its unit is told by how many digits there are. */
static bool fn_unix_to_time(const struct template_call *c, struct value *out)
{
    struct tsdb_text t = c->arguments[0].text;
    char text[24], *end;
    if (t.len > 0 && t.len < sizeof text) {
        memcpy(text, t.at, t.len);
        text[t.len] = '\0';
        long long v = strtoll(text, &end, 10);
        bool is_number = *end == '\0' && (text[0] == '-' || (text[0] >= '0' && text[0] <= '9'));
        int64_t unit = t.len == 5    ? NS_PER_DAY
                       : t.len == 10 ? NS_PER_S
                       : t.len == 13 ? NS_PER_MS
                       : t.len == 16 ? NS_PER_US
                       : t.len == 19 ? 1
                                     : 0;
        int64_t ns;
        if (is_number && unit > 0 && !__builtin_mul_overflow((int64_t)v, unit, &ns)) {
            *out = value_of_time(time_of_ns(ns));
            return true;
        }
    }
    return template_fail(c->run, "error calling unixToTime: unable to parse time '%.*s'",
                         (int)(t.len < 32 ? t.len : 32), t.at);
}

const struct template_function template_math_functions[] = {
    {"add", "vv+", fn_add, false},
    {"sub", "vv", fn_sub, false},
    {"mul", "vv+", fn_mul, false},
    {"div", "vv", fn_div, false},
    {"mod", "vv", fn_mod, false},
    {"addf", "vv+", fn_addf, false},
    {"subf", "vv+", fn_subf, false},
    {"mulf", "vv+", fn_mulf, false},
    {"divf", "vv+", fn_divf, false},
    {"max", "vv+", fn_max, false},
    {"min", "vv+", fn_min, false},
    {"maxf", "vv+", fn_maxf, false},
    {"minf", "vv+", fn_minf, false},
    {"ceil", "v", fn_ceil, false},
    {"floor", "v", fn_floor, false},
    {"round", "vvv?", fn_round, false},
    {"int", "v", fn_int, false},
    {"float64", "v", fn_float64, false},
    {"bytes", "s", fn_bytes, false},
    {"duration", "s", fn_duration, false},
    {"duration_seconds", "s", fn_duration, false},
    {"__timestamp__", "", fn_timestamp, false},
    {"now", "", fn_now, false},
    {"date", "sv", fn_date, false},
    {"toDate", "ss", fn_to_date, false},
    {"toDateInZone", "sss", fn_to_date, false},
    {"unixEpoch", "t", fn_epoch, false},
    {"unixEpochMillis", "t", fn_epoch_millis, false},
    {"unixEpochNanos", "t", fn_epoch_nanos, false},
    {"unixToTime", "s", fn_unix_to_time, false},
    {0},
};
