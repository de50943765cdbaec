/* log_rule.h - one rule of log_retention: '7d {level="debug"}'.
 *
 *   PERIOD blank(s) {SELECTOR}      a period of period.h, more than 0; a selector of LogQL
 *
 * The period and the braces are checked here; whether the selector is one, the engine knows.
 * Pure.
 */
#ifndef COLLECTOR_CONFIG_LOG_RULE_H
#define COLLECTOR_CONFIG_LOG_RULE_H

#include "tsdb/tsdb.h"

struct log_rule {
    int64_t period;       /* ns */
    const char *selector; /* into the text */
};

/* False: not such a rule. */
bool log_rule_parse(const char *text, struct log_rule *out);

#endif
