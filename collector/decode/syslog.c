#include "collector/decode/syslog.h"

#include "collector/decode/log_level.h"
#include "collector/decode/log_stage.h"
#include "collector/decode/log_time.h"
#include "tsdb/base/civil.h"
#include "tsdb/base/clock.h"
#include "tsdb/base/text.h"

enum { PRIORITY_MAX = 191, HOST_MAX = 255, TAG_MAX = 64, PID_MAX = 128, KEY_BYTES = 512 };

struct message {
    struct tsdb_text rest; /* not read yet; in the end, the line */
    int priority;          /* -1: none */
    int64_t ts;
    struct tsdb_text host, app, proc, id;
};

/* RFC 5424, 6.2.1. */
static const char *const facilities[] = {
    "kern",   "user",   "mail",     "daemon", "auth",   "syslog",   "lpr",     "news",
    "uucp",   "cron",   "authpriv", "ftp",    "ntp",    "security", "console", "solaris-cron",
    "local0", "local1", "local2",   "local3", "local4", "local5",   "local6",  "local7",
};

/* With OpenTelemetry's numbers: logs data model, appendix B. */
static const struct {
    const char *name, *level;
    uint8_t number;
} severities[] = {
    {"emergency", "fatal", 21},   {"alert", "critical", 19}, {"critical", "critical", 18},
    {"error", "error", 17},       {"warning", "warn", 13},   {"notice", "info", 10},
    {"informational", "info", 9}, {"debug", "debug", 5},
};

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static void drop(struct tsdb_text *t, size_t n)
{
    t->at += n;
    t->len -= n;
}

/* The text up to the next blank, which is dropped too. */
static struct tsdb_text take_token(struct tsdb_text *rest)
{
    size_t n = 0;
    while (n < rest->len && rest->at[n] != ' ')
        n++;
    struct tsdb_text token = {rest->at, n};
    drop(rest, n < rest->len ? n + 1 : n);
    return token;
}

static struct tsdb_text unless_nil(struct tsdb_text t)
{
    return t.len == 1 && t.at[0] == '-' ? (struct tsdb_text){"", 0} : t;
}

static void take_priority(struct message *m)
{
    int v = 0;
    size_t i = 1;
    m->priority = -1;
    if (m->rest.len < 3 || m->rest.at[0] != '<')
        return;
    for (; i < m->rest.len && i < 4 && is_digit(m->rest.at[i]); i++)
        v = v * 10 + (m->rest.at[i] - '0');
    if (i == 1 || i == m->rest.len || m->rest.at[i] != '>' || v > PRIORITY_MAX)
        return;
    m->priority = v;
    drop(&m->rest, i + 1);
}

/* ---- RFC 5424 --------------------------------------------------------------------------- */

/* name="value" with its escapes taken out; false when it is none. */
static bool take_param(struct log_fields *f, struct tsdb_text id, struct tsdb_text *rest)
{
    size_t n = 0;
    while (n < rest->len && rest->at[n] != '=' && rest->at[n] != ' ' && rest->at[n] != ']' &&
           rest->at[n] != '"')
        n++;
    struct tsdb_text name = {rest->at, n};
    if (n == 0 || rest->len - n < 2 || rest->at[n] != '=' || rest->at[n + 1] != '"')
        return false;
    drop(rest, n + 2);
    bool has_escape = false;
    for (n = 0; n < rest->len && rest->at[n] != '"'; n++) {
        if (rest->at[n] == '\\' && n + 1 < rest->len) {
            has_escape = true;
            n++;
        }
    }
    if (n >= rest->len)
        return false;
    struct tsdb_text value = {rest->at, n};
    drop(rest, n + 1);
    char *at = has_escape ? ARENA_ARRAY(f->arena, char, n) : NULL;
    if (has_escape && !at)
        f->status = TSDB_ELIMIT;
    for (size_t i = value.len = 0; at && i < n; i++) {
        char next = (char)(i + 1 < n ? value.at[i + 1] : 0);
        i += value.at[i] == '\\' && (next == '"' || next == '\\' || next == ']');
        at[value.len++] = value.at[i];
    }
    value =
        has_escape ? (struct tsdb_text){at ? at : "", value.len} : (struct tsdb_text){value.at, n};
    name = log_fields_name(f, id, name);
    if (log_fields_is_utf8(name))
        log_fields_text(f, name, TSDB_FIELD_STRING, value);
    return true;
}

/* [id a="b" c="d"] ...; false: it is not structured data to its end. */
static bool take_elements(struct log_fields *f, struct tsdb_text *rest)
{
    while (rest->len > 0 && rest->at[0] == '[') {
        size_t n = 1;
        while (n < rest->len && rest->at[n] != ' ' && rest->at[n] != ']' && rest->at[n] != '"')
            n++;
        struct tsdb_text id = {rest->at + 1, n - 1};
        uint32_t before = f->count;
        drop(rest, n);
        while (rest->len > 0 && rest->at[0] == ' ') {
            drop(rest, 1);
            if (rest->len > 0 && rest->at[0] != ']' && !take_param(f, id, rest))
                return false;
        }
        if (id.len == 0 || rest->len == 0 || rest->at[0] != ']')
            return false;
        drop(rest, 1);
        if (f->count == before && log_fields_is_utf8(id)) /* nothing is lost, [INFO] neither */
            log_fields_text(f, id, TSDB_FIELD_STRING, (struct tsdb_text){"", 0});
    }
    return rest->len == 0 || rest->at[0] == ' ';
}

static void take_structured(struct log_fields *f, struct message *m)
{
    struct tsdb_text rest = m->rest;
    if (rest.len > 0 && rest.at[0] == '-' && (rest.len == 1 || rest.at[1] == ' '))
        drop(&rest, 1);
    else if (rest.len == 0 || rest.at[0] != '[' || !take_elements(f, &rest)) {
        log_fields_drop(f); /* it is the message then */
        return;
    }
    drop(&rest, rest.len > 0);
    m->rest = rest;
}

/* False: not such a message; nothing was taken. */
static bool take_5424(struct log_fields *f, struct message *m)
{
    struct tsdb_text rest = m->rest;
    if (rest.len < 2 || rest.at[0] != '1' || rest.at[1] != ' ')
        return false;
    drop(&rest, 2);
    struct tsdb_text time = take_token(&rest);
    bool is_nil = time.len == 1 && time.at[0] == '-';
    if (!is_nil && !log_time_parse_iso(time, &m->ts))
        return false;
    m->host = unless_nil(take_token(&rest));
    m->app = unless_nil(take_token(&rest));
    m->proc = unless_nil(take_token(&rest));
    m->id = unless_nil(take_token(&rest));
    m->rest = rest;
    take_structured(f, m);
    return true;
}

/* ---- RFC 3164 --------------------------------------------------------------------------- */

static bool take_number(struct tsdb_text *rest, size_t digits_max, unsigned most, unsigned *out)
{
    size_t n = 0;
    unsigned v = 0;
    for (; n < rest->len && n < digits_max && is_digit(rest->at[n]); n++)
        v = v * 10 + (unsigned)(rest->at[n] - '0');
    if (n == 0 || v > most)
        return false;
    drop(rest, n);
    *out = v;
    return true;
}

static bool take_char(struct tsdb_text *rest, char c)
{
    if (rest->len == 0 || rest->at[0] != c)
        return false;
    drop(rest, 1);
    return true;
}

static char lower(char c)
{
    return (char)(c >= 'A' && c <= 'Z' ? c + 32 : c);
}

static unsigned month_of(struct tsdb_text t)
{
    static const char *const months[] = {"jan", "feb", "mar", "apr", "may", "jun",
                                         "jul", "aug", "sep", "oct", "nov", "dec"};
    for (unsigned i = 0; t.len >= 3 && i < 12; i++)
        if (lower(t.at[0]) == months[i][0] && lower(t.at[1]) == months[i][1] &&
            lower(t.at[2]) == months[i][2])
            return i + 1;
    return 0;
}

/* Nanoseconds of that day of the year nearest to now; `year` 0: not said. */
static int64_t day_of(int64_t year, unsigned month, unsigned day, int64_t now)
{
    int64_t today = now / NS_PER_DAY, this_year = civil_of_days(today).year, best = INT64_MAX;
    if (year > 0)
        return civil_days((struct civil_date){year, month, day}) * NS_PER_DAY;
    for (int64_t y = this_year - 1; y <= this_year + 1; y++) {
        int64_t days = civil_days((struct civil_date){y, month, day});
        int64_t away = days > today ? days - today : today - days;
        int64_t best_away = best > today ? best - today : today - best;
        if (best == INT64_MAX || away < best_away)
            best = days;
    }
    return best * NS_PER_DAY;
}

static int64_t take_fraction(struct tsdb_text *rest)
{
    int64_t unit = NS_PER_S, fraction = 0;
    if (rest->len < 2 || (rest->at[0] != '.' && rest->at[0] != ',') || !is_digit(rest->at[1]))
        return 0;
    drop(rest, 1);
    for (; rest->len > 0 && is_digit(rest->at[0]); drop(rest, 1)) {
        unit /= 10;
        fraction += (rest->at[0] - '0') * unit;
    }
    return fraction;
}

/* "Oct 11 22:14:15", "Oct  1 2024 22:14:15.123"; false: no such time, nothing taken. */
static bool take_bsd_time(struct tsdb_text *from, int64_t now, int64_t *ts)
{
    struct tsdb_text rest = *from;
    unsigned month = month_of(rest), day, hour, minute, second;
    int64_t year = 0;
    if (month == 0)
        return false;
    drop(&rest, 3);
    if (!take_char(&rest, ' '))
        return false;
    (void)take_char(&rest, ' ');
    if (!take_number(&rest, 2, 31, &day) || day == 0 || !take_char(&rest, ' '))
        return false;
    if (rest.len > 5 && rest.at[4] == ' ') {
        unsigned said = 0;
        if (!take_number(&rest, 4, 2261, &said) || said < 1970 || !take_char(&rest, ' '))
            return false;
        year = said;
    }
    if (!take_number(&rest, 2, 23, &hour) || !take_char(&rest, ':') ||
        !take_number(&rest, 2, 59, &minute) || !take_char(&rest, ':') ||
        !take_number(&rest, 2, 60, &second))
        return false;
    int64_t of_day = ((int64_t)hour * 60 + minute) * 60 + second;
    *ts = day_of(year, month, day, now) + of_day * NS_PER_S + take_fraction(&rest);
    *from = rest;
    return true;
}

/* The time at the front, and the blank behind it. */
static bool take_time(struct message *m, int64_t now)
{
    struct tsdb_text rest = m->rest;
    if (take_bsd_time(&rest, now, &m->ts)) {
        (void)take_char(&rest, ':');
        if (rest.len > 0 && !take_char(&rest, ' '))
            return false;
    } else if (rest.len == 0 || !is_digit(rest.at[0]) ||
               !log_time_parse_iso(take_token(&rest), &m->ts)) {
        return false;
    }
    m->rest = rest;
    return true;
}

static bool is_tag_char(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || is_digit(c) || c == '_' ||
           c == '-' || c == '.' || c == '/' || c == '@' || c == '(' || c == ')';
}

/* app[pid]: or app:, and the blank behind; false: no tag, nothing taken. */
static bool take_tag(struct message *m, bool needs_pid)
{
    struct tsdb_text rest = m->rest, app, proc = {"", 0};
    size_t n = 0;
    while (n < rest.len && n < TAG_MAX && is_tag_char(rest.at[n]))
        n++;
    app = (struct tsdb_text){rest.at, n};
    drop(&rest, n);
    if (n > 0 && take_char(&rest, '[')) {
        size_t k = 0;
        while (k < rest.len && k < PID_MAX && rest.at[k] != ']' && rest.at[k] != ' ')
            k++;
        proc = (struct tsdb_text){rest.at, k};
        drop(&rest, k);
        if (!take_char(&rest, ']'))
            return false;
        (void)take_char(&rest, ':');
    } else if (n == 0 || needs_pid || !take_char(&rest, ':')) {
        return false;
    }
    if (rest.len > 0 && !take_char(&rest, ' '))
        return false;
    m->app = app;
    m->proc = proc;
    m->rest = rest;
    return true;
}

static void take_3164(struct message *m, int64_t now)
{
    if (!take_time(m, now)) {
        m->ts = 0;
        (void)take_tag(m, true);
        return;
    }
    if (take_tag(m, false)) /* local senders leave the host out */
        return;
    struct tsdb_text rest = m->rest, host = take_token(&rest);
    if (host.len == 0 || host.len > HOST_MAX || host.at[host.len - 1] == ':' || rest.len == 0)
        return;
    m->host = unless_nil(host);
    m->rest = rest;
    (void)take_tag(m, false);
}

/* ---- records ------------------------------------------------------------------------------ */

static void put_text(struct log_fields *f, const char *name, struct tsdb_text text)
{
    if (text.len > 0)
        log_fields_text(f, text_of(name), TSDB_FIELD_STRING, text);
}

static void put_fields(struct log_fields *f, const struct message *m)
{
    struct tsdb_text level;
    if (m->priority >= 0) {
        unsigned severity = (unsigned)m->priority % 8;
        put_text(f, "facility", text_of(facilities[m->priority / 8]));
        put_text(f, "severity", text_of(severities[severity].name));
        log_fields_integer(f, text_of("severity_number"), TSDB_FIELD_INT,
                           severities[severity].number);
        level = text_of(severities[severity].level);
    } else {
        level = log_level_of_line(m->rest);
    }
    put_text(f, "proc_id", m->proc);
    put_text(f, "msg_id", m->id);
    put_text(f, "detected_level", level);
}

static enum tsdb_status find_stream(struct log_stage *s, const struct message *m, uint32_t *out)
{
    uint8_t room[KEY_BYTES], *at = room;
    size_t len = m->host.len + 1 + m->app.len;
    if (len > sizeof room)
        at = ARENA_ARRAY(&s->scratch, uint8_t, len);
    if (!at)
        return TSDB_ELIMIT;
    if (m->host.len > 0)
        memcpy(at, m->host.at, m->host.len);
    at[m->host.len] = ' '; /* hosts have none */
    if (m->app.len > 0)
        memcpy(at + m->host.len + 1, m->app.at, m->app.len);
    *out = log_stage_find(s, (struct bytes){at, len});
    if (*out != LOG_STAGE_NONE)
        return TSDB_OK;
    if (at == room) {
        at = ARENA_ARRAY(&s->scratch, uint8_t, len);
        if (!at)
            return TSDB_ELIMIT;
        memcpy(at, room, len);
    }
    const struct tsdb_label labels[] = {{text_of("host"), m->host}, {text_of("app"), m->app}};
    bool has_host = m->host.len > 0, has_app = m->app.len > 0;
    return log_stage_stream(s, (struct bytes){at, len},
                            (struct tsdb_labels){labels + !has_host, (uint32_t)has_host + has_app},
                            NULL, 0, out);
}

/* Without what ends it, and the mark that says it is UTF-8. */
static struct tsdb_text trim(struct tsdb_text t)
{
    while (t.len > 0 && (t.at[t.len - 1] == '\n' || t.at[t.len - 1] == '\r' || !t.at[t.len - 1]))
        t.len--;
    return t;
}

static struct tsdb_text without_mark(struct tsdb_text t)
{
    if (t.len >= 3 && memcmp(t.at, "\xef\xbb\xbf", 3) == 0)
        drop(&t, 3);
    return t;
}

/* Names must be UTF-8 to be labels. */
static struct tsdb_text label_text(struct tsdb_text t)
{
    return t.len <= DECODE_STREAM_VALUE_MAX && utf8_check(t.at, t.len) ? t
                                                                       : (struct tsdb_text){"", 0};
}

static enum tsdb_status put_message(struct log_stage *s, const struct syslog_options *options,
                                    struct bytes in)
{
    struct message m = {.rest = trim((struct tsdb_text){(const char *)in.at, in.len})};
    uint32_t stream;
    enum tsdb_status st = log_stage_begin(s);
    if (st != TSDB_OK)
        return st;
    if (m.rest.len == 0) {
        log_stage_refuse(s, DECODE_BAD_RECORD, "empty message");
        return TSDB_OK;
    }
    take_priority(&m);
    if (!take_5424(&s->fields, &m))
        take_3164(&m, s->task->now);
    m.rest = without_mark(m.rest);
    m.host = label_text(m.host.len > 0 ? m.host : options->host);
    m.app = label_text(m.app);
    put_fields(&s->fields, &m);
    st = find_stream(s, &m, &stream);
    return st == TSDB_OK ? log_stage_record(s, stream, m.ts, m.rest) : st;
}

enum tsdb_status syslog_decode(const struct decode_log_task *task,
                               const struct syslog_options *options, const struct bytes *messages,
                               uint32_t count, struct decode_tally *tally, struct tsdb_error *err)
{
    struct log_stage s;
    *tally = (struct decode_tally){0};
    enum tsdb_status st = log_stage_init(&s, task, tally, count, 1);
    for (uint32_t i = 0; st == TSDB_OK && i < count; i++)
        st = put_message(&s, options, messages[i]);
    return log_stage_end(&s, st, "syslog", err);
}
