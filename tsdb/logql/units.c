/* Durations and sizes as Go's time.ParseDuration and humanize.ParseBytes read them. */
#include "tsdb/logql/ast.h"

#include "tsdb/base/text.h"
#include "tsdb/query/go_duration.h"

#include <math.h>
#include <string.h>

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* ---- durations ----------------------------------------------------------------- */

double logql_seconds(int64_t ns)
{
    int64_t whole = ns / 1000000000;
    return (double)whole + (double)(ns % 1000000000) / 1e9;
}

bool logql_duration(struct tsdb_text text, double *seconds)
{
    int64_t ns;
    if (!go_duration_parse(text, &ns))
        return false;
    *seconds = logql_seconds(ns);
    return true;
}

/* ---- sizes --------------------------------------------------------------------- */

enum { SIZE_NUMBER_MAX = 64 };

/* 1000 or 1024 to the power that the unit's letter says; 0: no unit. */
static double size_unit(struct tsdb_text unit)
{
    static const char letters[] = "kmgtpe";
    char lower[4] = "";
    size_t n = 0;
    if (unit.len > 3)
        return 0;
    for (; n < unit.len; n++)
        lower[n] = (char)(unit.at[n] >= 'A' && unit.at[n] <= 'Z' ? unit.at[n] | 0x20 : unit.at[n]);
    if (n == 0 || (n == 1 && lower[0] == 'b'))
        return 1;
    const char *letter = strchr(letters, lower[0]);
    const char *rest = lower + 1;
    bool is_binary = *rest == 'i';
    rest += is_binary;
    if (!letter || (*rest != '\0' && strcmp(rest, "b") != 0))
        return 0;
    return pow(is_binary ? 1024 : 1000, (double)(letter - letters + 1));
}

bool logql_bytes(struct tsdb_text text, double *bytes)
{
    char number[SIZE_NUMBER_MAX];
    size_t at = 0, n = 0;
    double value;
    for (; at < text.len && (is_digit(text.at[at]) || text.at[at] == '.' || text.at[at] == ',');
         at++) {
        if (text.at[at] == ',')
            continue;
        if (n == sizeof number)
            return false;
        number[n++] = text.at[at];
    }
    if (n == 0 || !double_parse((struct tsdb_text){number, n}, &value))
        return false;
    while (at < text.len && text.at[at] == ' ')
        at++;
    while (at < text.len && text.at[text.len - 1] == ' ')
        text.len--;
    double unit = size_unit((struct tsdb_text){text.at + at, text.len - at});
    if (unit == 0 || !(value * unit < 0x1p64))
        return false;
    *bytes = trunc(value * unit);
    return true;
}
