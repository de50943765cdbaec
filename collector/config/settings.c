#include "collector/config/settings.h"

#include "collector/config/size.h"
#include "collector/self/period.h"
#include "tsdb/base/assert.h"
#include "tsdb/base/text.h"

#include <stdio.h>
#include <string.h>

#define SETTING_ROW(member, kind, key, fallback, low, high, choices, is_reloadable, help)          \
    {key,                                                                                          \
     SETTING_##kind,                                                                               \
     offsetof(struct config, member),                                                              \
     fallback,                                                                                     \
     low,                                                                                          \
     high,                                                                                         \
     choices,                                                                                      \
     is_reloadable,                                                                                \
     help},
const struct setting settings[] = {SETTINGS(SETTING_ROW)};
const size_t setting_count = sizeof settings / sizeof settings[0];

static_assert(sizeof settings / sizeof settings[0] <= CONFIG_SETTINGS_MAX, "a source for each");

const struct setting *setting_find(struct tsdb_text key)
{
    for (size_t i = 0; i < setting_count; i++)
        if (text_equal(key, text_of(settings[i].key)))
            return &settings[i];
    return NULL;
}

/* Insertions, removals and replacements that make a of b (Levenshtein), one row
 * at a time; both at most SETTING_NAME_MAX - 1 long. */
static unsigned edit_distance(struct tsdb_text a, struct tsdb_text b)
{
    unsigned row[SETTING_NAME_MAX];
    ASSERT(a.len < SETTING_NAME_MAX);
    ASSERT(b.len < SETTING_NAME_MAX);
    for (unsigned j = 0; j <= b.len; j++)
        row[j] = j;
    for (unsigned i = 1; i <= a.len; i++) {
        unsigned diagonal = row[0];
        row[0] = i;
        for (unsigned j = 1; j <= b.len; j++) {
            unsigned replaced = diagonal + (a.at[i - 1] != b.at[j - 1]);
            unsigned shorter = row[j] < row[j - 1] ? row[j] : row[j - 1];
            diagonal = row[j];
            row[j] = replaced <= shorter ? replaced : shorter + 1;
        }
    }
    return row[b.len];
}

const char *setting_nearest(struct tsdb_text key)
{
    if (key.len == 0 || key.len >= SETTING_NAME_MAX)
        return NULL;
    const char *best = NULL;
    unsigned least = (unsigned)key.len / 3 + 2; /* further away is another word */
    for (size_t i = 0; i < setting_count; i++) {
        unsigned d = edit_distance(key, text_of(settings[i].key));
        if (d < least) {
            least = d;
            best = settings[i].key;
        }
    }
    return best;
}

void setting_flag(const struct setting *s, char *out)
{
    int n = snprintf(out, SETTING_NAME_MAX, "--%s", s->key);
    ASSERT(n > 0 && n < SETTING_NAME_MAX);
    for (char *p = out; *p; p++)
        if (*p == '_')
            *p = '-';
}

void setting_variable(const struct setting *s, char *out)
{
    int n = snprintf(out, SETTING_NAME_MAX, "ANDON_%s", s->key);
    ASSERT(n > 0 && n < SETTING_NAME_MAX);
    for (char *p = out; *p; p++)
        if (*p >= 'a' && *p <= 'z')
            *p = (char)(*p - 'a' + 'A');
}

static void duration_range(const struct setting *s, char *out, size_t cap)
{
    char low[PERIOD_TEXT_MAX], high[PERIOD_TEXT_MAX];
    period_format(s->low, low);
    period_format(s->high, high);
    (void)snprintf(out, cap, "a duration from %s to %s, such as 90s, 12h or 30d", low, high);
}

static void size_range(const struct setting *s, char *out, size_t cap)
{
    char low[SIZE_TEXT_MAX], high[SIZE_TEXT_MAX];
    size_format((uint64_t)s->low, low);
    size_format((uint64_t)s->high, high);
    const char *share = s->kind == SETTING_SHARE ? ", or a share such as 80%" : "";
    (void)snprintf(out, cap, "a size from %s to %s, such as 512MiB%s", low, high, share);
}

void setting_range(const struct setting *s, char *out, size_t cap)
{
    switch (s->kind) {
    case SETTING_TEXT:
        (void)snprintf(out, cap, "a text of %lld to %lld bytes", (long long)s->low,
                       (long long)s->high);
        return;
    case SETTING_ADDRESS:
        (void)snprintf(out, cap,
                       "an address and a port from 0 to 65535, such as "
                       "127.0.0.1:4318, :4318 or [::1]:4318, or off");
        return;
    case SETTING_DURATION: duration_range(s, out, cap); return;
    case SETTING_SIZE:
    case SETTING_SHARE: size_range(s, out, cap); return;
    case SETTING_COUNT:
        (void)snprintf(out, cap, "a whole number from %lld to %lld", (long long)s->low,
                       (long long)s->high);
        return;
    case SETTING_BOOL: (void)snprintf(out, cap, "true or false"); return;
    case SETTING_CHOICE: (void)snprintf(out, cap, "one of %s", s->choices); return;
    case SETTING_LIST:
        (void)snprintf(out, cap, "a list of at most %lld texts", (long long)s->high);
        return;
    }
    UNREACHABLE();
}
