#include "collector/config/log_rule.h"

#include "collector/self/period.h"

#include <string.h>

bool log_rule_parse(const char *text, struct log_rule *out)
{
    size_t n = strcspn(text, " ");
    const char *selector = text + n + strspn(text + n, " ");
    size_t len = strlen(selector);
    if (n == 0 || len < 2 || selector[0] != '{' || selector[len - 1] != '}')
        return false;
    if (!period_parse((struct tsdb_text){text, n}, &out->period) || out->period == 0)
        return false;
    out->selector = selector;
    return true;
}
