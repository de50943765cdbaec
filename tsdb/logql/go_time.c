#include "tsdb/logql/go_time.h"

#include "tsdb/base/civil.h"
#include "tsdb/base/text.h"

#include <strings.h>

enum piece_kind {
    PIECE_NONE,
    PIECE_YEAR,       /* 2006 */
    PIECE_YEAR_SHORT, /* 06 */
    PIECE_MONTH,      /* 01; width 1: 1 */
    PIECE_MONTH_NAME, /* January; width 3: Jan */
    PIECE_DAY,        /* 02, 2, _2 */
    PIECE_DAY_OF_YEAR,
    PIECE_WEEKDAY, /* Monday; width 3: Mon */
    PIECE_HOUR,    /* 15 */
    PIECE_HOUR_12, /* 03, 3 */
    PIECE_MINUTE,
    PIECE_SECOND,
    PIECE_HALF,     /* PM, pm */
    PIECE_FRACTION, /* .000, .999: width digits */
    PIECE_ZONE_NAME,
    PIECE_ZONE, /* -0700 and its kin */
};

struct piece {
    enum piece_kind kind;
    uint8_t width;    /* digits, or letters of a name; 0: as many as there are */
    bool is_padded;   /* with blanks: _2 */
    bool has_z;       /* Z for UTC */
    bool has_colon;   /* 07:00 */
    bool is_hours;    /* 07 */
    bool has_seconds; /* 070000 */
    bool is_trimmed;  /* .999 */
    bool is_lower;    /* pm */
};

struct piece_text {
    const char *text;
    struct piece piece;
};

/* Longer ones first, where one begins with another. */
static const struct piece_text pieces[] = {
    {"January", {.kind = PIECE_MONTH_NAME}},
    {"Jan", {.kind = PIECE_MONTH_NAME, .width = 3}},
    {"Monday", {.kind = PIECE_WEEKDAY}},
    {"Mon", {.kind = PIECE_WEEKDAY, .width = 3}},
    {"MST", {.kind = PIECE_ZONE_NAME}},
    {"2006", {.kind = PIECE_YEAR, .width = 4}},
    {"002", {.kind = PIECE_DAY_OF_YEAR, .width = 3}},
    {"__2", {.kind = PIECE_DAY_OF_YEAR, .width = 3, .is_padded = true}},
    {"01", {.kind = PIECE_MONTH, .width = 2}},
    {"02", {.kind = PIECE_DAY, .width = 2}},
    {"03", {.kind = PIECE_HOUR_12, .width = 2}},
    {"04", {.kind = PIECE_MINUTE, .width = 2}},
    {"05", {.kind = PIECE_SECOND, .width = 2}},
    {"06", {.kind = PIECE_YEAR_SHORT, .width = 2}},
    {"15", {.kind = PIECE_HOUR, .width = 2}},
    {"PM", {.kind = PIECE_HALF}},
    {"pm", {.kind = PIECE_HALF, .is_lower = true}},
    {"Z070000", {.kind = PIECE_ZONE, .has_z = true, .has_seconds = true}},
    {"Z07:00:00", {.kind = PIECE_ZONE, .has_z = true, .has_colon = true, .has_seconds = true}},
    {"Z0700", {.kind = PIECE_ZONE, .has_z = true}},
    {"Z07:00", {.kind = PIECE_ZONE, .has_z = true, .has_colon = true}},
    {"Z07", {.kind = PIECE_ZONE, .has_z = true, .is_hours = true}},
    {"-070000", {.kind = PIECE_ZONE, .has_seconds = true}},
    {"-07:00:00", {.kind = PIECE_ZONE, .has_colon = true, .has_seconds = true}},
    {"-0700", {.kind = PIECE_ZONE}},
    {"-07:00", {.kind = PIECE_ZONE, .has_colon = true}},
    {"-07", {.kind = PIECE_ZONE, .is_hours = true}},
    {"_2", {.kind = PIECE_DAY, .width = 2, .is_padded = true}},
    {"1", {.kind = PIECE_MONTH, .width = 1}},
    {"2", {.kind = PIECE_DAY, .width = 1}},
    {"3", {.kind = PIECE_HOUR_12, .width = 1}},
    {"4", {.kind = PIECE_MINUTE, .width = 1}},
    {"5", {.kind = PIECE_SECOND, .width = 1}},
};

static const char *const month_names[] = {"January",   "February", "March",    "April",
                                          "May",       "June",     "July",     "August",
                                          "September", "October",  "November", "December"};
static const char *const day_names[] = {"Sunday",   "Monday", "Tuesday", "Wednesday",
                                        "Thursday", "Friday", "Saturday"};

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* ".000" or ",999" that no digit follows; bytes, or 0. */
static size_t fraction_at(struct tsdb_text rest, struct piece *out)
{
    size_t n = 1;
    if (rest.len < 2 || (rest.at[0] != '.' && rest.at[0] != ',') ||
        (rest.at[1] != '0' && rest.at[1] != '9'))
        return 0;
    while (n < rest.len && rest.at[n] == rest.at[1])
        n++;
    if ((n < rest.len && is_digit(rest.at[n])) || n > 10)
        return 0;
    *out = (struct piece){
        .kind = PIECE_FRACTION, .width = (uint8_t)(n - 1), .is_trimmed = rest.at[1] == '9'};
    return n;
}

/* What the layout begins with; bytes of it (1 where it is plain text). */
static size_t piece_at(struct tsdb_text rest, struct piece *out)
{
    *out = (struct piece){.kind = PIECE_NONE};
    size_t n = fraction_at(rest, out);
    if (n > 0)
        return n;
    if (rest.len >= 5 && memcmp(rest.at, "_2006", 5) == 0)
        return 1; /* an underscore and a year, not a padded day */
    for (size_t i = 0; i < sizeof pieces / sizeof pieces[0]; i++) {
        size_t len = strlen(pieces[i].text);
        if (rest.len >= len && memcmp(rest.at, pieces[i].text, len) == 0) {
            *out = pieces[i].piece;
            return len;
        }
    }
    return 1;
}

/* ---- the calendar ----------------------------------------------------------------- */

struct civil {
    struct civil_date date;
    unsigned hour, minute, second, weekday, day_of_year;
};

static struct civil civil_of(const struct value_time *t)
{
    struct civil c;
    int64_t local, days, s;
    if (__builtin_add_overflow(t->s, (int64_t)t->offset, &local))
        local = t->s;
    days = local / 86400;
    s = local % 86400;
    if (s < 0) {
        s += 86400;
        days--;
    }
    c.date = civil_of_days(days);
    c.weekday = (unsigned)(((days % 7) + 11) % 7); /* the epoch was a Thursday */
    c.day_of_year = (unsigned)(days - civil_days((struct civil_date){c.date.year, 1, 1}) + 1);
    c.hour = (unsigned)(s / 3600);
    c.minute = (unsigned)(s / 60 % 60);
    c.second = (unsigned)(s % 60);
    return c;
}

struct value_time go_time_zero(void)
{
    return (struct value_time){.s = civil_days((struct civil_date){1, 1, 1}) * SECONDS_PER_DAY};
}

/* ---- writing ---------------------------------------------------------------------- */

static void put_number(struct writer *out, int64_t v, struct piece p)
{
    if (p.is_padded)
        writer_format(out, "%*lld", p.width, (long long)v);
    else
        writer_format(out, "%0*lld", p.width, (long long)v);
}

static void put_zone(struct writer *out, int32_t offset, struct piece p)
{
    if (p.has_z && offset == 0) {
        writer_u8(out, 'Z');
        return;
    }
    int32_t a = offset < 0 ? -offset : offset;
    writer_format(out, "%c%02d", offset < 0 ? '-' : '+', a / 3600);
    if (!p.is_hours)
        writer_format(out, "%s%02d", p.has_colon ? ":" : "", a / 60 % 60);
    if (p.has_seconds)
        writer_format(out, "%s%02d", p.has_colon ? ":" : "", a % 60);
}

static void put_fraction(struct writer *out, char point, int32_t ns, struct piece p)
{
    char digits[9];
    size_t n = p.width;
    for (size_t i = sizeof digits; i-- > 0; ns /= 10)
        digits[i] = (char)('0' + ns % 10);
    while (p.is_trimmed && n > 0 && digits[n - 1] == '0')
        n--;
    if (n > 0) {
        writer_u8(out, (uint8_t)point);
        writer_put(out, digits, n);
    }
}

static void put_name(struct writer *out, const char *name, struct piece p)
{
    writer_put(out, name, p.width ? p.width : strlen(name));
}

static void put_piece(const struct value_time *t, const struct civil *c, struct piece p, char first,
                      struct writer *out)
{
    switch (p.kind) {
    case PIECE_NONE: writer_u8(out, (uint8_t)first); break;
    case PIECE_YEAR: put_number(out, c->date.year, p); break;
    case PIECE_YEAR_SHORT: put_number(out, ((c->date.year % 100) + 100) % 100, p); break;
    case PIECE_MONTH: put_number(out, c->date.month, p); break;
    case PIECE_MONTH_NAME: put_name(out, month_names[c->date.month - 1], p); break;
    case PIECE_DAY: put_number(out, c->date.day, p); break;
    case PIECE_DAY_OF_YEAR: put_number(out, c->day_of_year, p); break;
    case PIECE_WEEKDAY: put_name(out, day_names[c->weekday], p); break;
    case PIECE_HOUR: put_number(out, c->hour, p); break;
    case PIECE_HOUR_12: put_number(out, c->hour % 12 ? c->hour % 12 : 12, p); break;
    case PIECE_MINUTE: put_number(out, c->minute, p); break;
    case PIECE_SECOND: put_number(out, c->second, p); break;
    case PIECE_HALF:
        writer_text(out, p.is_lower ? (c->hour < 12 ? "am" : "pm") : c->hour < 12 ? "AM" : "PM");
        break;
    case PIECE_FRACTION: put_fraction(out, first, t->ns, p); break;
    case PIECE_ZONE_NAME:
        if (t->offset == 0)
            writer_text(out, "UTC");
        else
            put_zone(out, t->offset, (struct piece){.is_hours = t->offset % 3600 == 0});
        break;
    case PIECE_ZONE: put_zone(out, t->offset, p); break;
    }
}

void go_time_format(const struct value_time *t, struct tsdb_text layout, struct writer *out)
{
    struct civil c = civil_of(t);
    while (layout.len > 0) {
        struct piece p;
        size_t n = piece_at(layout, &p);
        put_piece(t, &c, p, layout.at[0], out);
        layout.at += n;
        layout.len -= n;
    }
}

void go_time_print(const struct value_time *t, struct writer *out)
{
    go_time_format(t, text_of("2006-01-02 15:04:05.999999999 -0700 MST"), out);
}

/* ---- reading ---------------------------------------------------------------------- */

struct parse {
    struct tsdb_text rest;
    struct civil c;
    int32_t ns, offset;
    bool has_half, is_pm;
};

static void advance(struct parse *s, size_t n)
{
    s->rest.at += n;
    s->rest.len -= n;
}

/* least..most digits. */
static bool take_number(struct parse *s, size_t least, size_t most, unsigned *out)
{
    size_t n = 0;
    unsigned v = 0;
    while (n < most && n < s->rest.len && is_digit(s->rest.at[n]))
        v = v * 10 + (unsigned)(s->rest.at[n++] - '0');
    if (n < least)
        return false;
    advance(s, n);
    *out = v;
    return true;
}

static bool take_field(struct parse *s, struct piece p, unsigned *out)
{
    if (p.is_padded && s->rest.len > 0 && s->rest.at[0] == ' ')
        advance(s, 1);
    return take_number(s, p.width == 2 && !p.is_padded ? 2 : 1, p.width == 3 ? 3 : 2, out);
}

static bool take_name(struct parse *s, const char *const *names, unsigned count, struct piece p,
                      unsigned *out)
{
    for (unsigned i = 0; i < count; i++) {
        size_t len = p.width ? p.width : strlen(names[i]);
        if (s->rest.len >= len && strncasecmp(s->rest.at, names[i], len) == 0) {
            advance(s, len);
            *out = i;
            return true;
        }
    }
    return false;
}

static bool take_zone(struct parse *s, struct piece p)
{
    unsigned hours, minutes = 0, seconds = 0;
    if (p.has_z && s->rest.len > 0 && s->rest.at[0] == 'Z') {
        advance(s, 1);
        return true;
    }
    if (s->rest.len == 0 || (s->rest.at[0] != '+' && s->rest.at[0] != '-'))
        return false;
    bool is_west = s->rest.at[0] == '-';
    advance(s, 1);
    if (!take_number(s, 2, 2, &hours) || hours > 24)
        return false;
    unsigned more = p.is_hours ? 0 : p.has_seconds ? 2 : 1;
    for (unsigned i = 0; i < more; i++) {
        if (p.has_colon) {
            if (s->rest.len == 0 || s->rest.at[0] != ':')
                return false;
            advance(s, 1);
        }
        if (!take_number(s, 2, 2, i == 0 ? &minutes : &seconds) || minutes > 59 || seconds > 59)
            return false;
    }
    s->offset = (int32_t)(hours * 3600 + minutes * 60 + seconds);
    s->offset = is_west ? -s->offset : s->offset;
    return true;
}

/* Digits behind a point; any number of them, the first nine count. */
static bool take_fraction(struct parse *s)
{
    int32_t scale = 100000000;
    if (s->rest.len < 2 || (s->rest.at[0] != '.' && s->rest.at[0] != ',') ||
        !is_digit(s->rest.at[1]))
        return false;
    advance(s, 1);
    for (s->ns = 0; s->rest.len > 0 && is_digit(s->rest.at[0]); scale /= 10) {
        s->ns += (s->rest.at[0] - '0') * scale;
        advance(s, 1);
    }
    return true;
}

static bool take_year(struct parse *s, struct piece p)
{
    unsigned v;
    if (!take_number(s, p.width, p.width, &v))
        return false;
    s->c.date.year = p.width == 4 ? v : v >= 69 ? v + 1900 : v + 2000;
    return true;
}

static bool take_half(struct parse *s)
{
    if (s->rest.len < 2 || (s->rest.at[1] | 0x20) != 'm')
        return false;
    char c = s->rest.at[0] | 0x20;
    s->has_half = true;
    s->is_pm = c == 'p';
    advance(s, 2);
    return c == 'a' || c == 'p';
}

/* Three or four capital letters. */
static bool take_zone_name(struct parse *s)
{
    size_t n = 0;
    while (n < 5 && n < s->rest.len && s->rest.at[n] >= 'A' && s->rest.at[n] <= 'Z')
        n++;
    advance(s, n);
    return n >= 3;
}

static bool take_piece(struct parse *s, struct piece p, char first)
{
    unsigned month;
    switch (p.kind) {
    case PIECE_NONE:
        if (s->rest.len == 0 || s->rest.at[0] != first)
            return false;
        advance(s, 1);
        return true;
    case PIECE_YEAR:
    case PIECE_YEAR_SHORT: return take_year(s, p);
    case PIECE_MONTH: return take_field(s, p, &s->c.date.month);
    case PIECE_MONTH_NAME:
        if (!take_name(s, month_names, 12, p, &month))
            return false;
        s->c.date.month = month + 1;
        return true;
    case PIECE_DAY: return take_field(s, p, &s->c.date.day);
    case PIECE_DAY_OF_YEAR: return take_field(s, p, &s->c.day_of_year);
    case PIECE_WEEKDAY: return take_name(s, day_names, 7, p, &s->c.weekday);
    case PIECE_HOUR:
    case PIECE_HOUR_12: return take_field(s, p, &s->c.hour);
    case PIECE_MINUTE: return take_field(s, p, &s->c.minute);
    case PIECE_SECOND: return take_field(s, p, &s->c.second);
    case PIECE_HALF: return take_half(s);
    case PIECE_FRACTION: return take_fraction(s);
    case PIECE_ZONE_NAME: return take_zone_name(s);
    case PIECE_ZONE: break;
    }
    return take_zone(s, p);
}

static bool is_date(const struct civil *c)
{
    const struct civil_date *d = &c->date;
    return d->month >= 1 && d->month <= 12 && d->day >= 1 &&
           d->day <= civil_month_days(d->year, d->month) && c->hour < 24 && c->minute < 60 &&
           c->second < 60;
}

bool go_time_parse(struct tsdb_text layout, struct tsdb_text text, struct value_time *out)
{
    struct parse s = {.rest = text, .c = {.date = {.month = 1, .day = 1}}};
    while (layout.len > 0) {
        struct piece p;
        size_t n = piece_at(layout, &p);
        if (!take_piece(&s, p, layout.at[0]))
            return false;
        /* Go takes a fraction behind seconds although the layout has none. */
        struct piece next = {0};
        layout.at += n;
        layout.len -= n;
        if (layout.len > 0)
            (void)piece_at(layout, &next);
        if (p.kind == PIECE_SECOND && next.kind != PIECE_FRACTION)
            (void)take_fraction(&s);
    }
    if (s.has_half)
        s.c.hour = s.c.hour % 12 + (s.is_pm ? 12 : 0);
    if (s.rest.len > 0 || !is_date(&s.c))
        return false;
    int64_t days = civil_days(s.c.date);
    if (s.c.day_of_year > 0)
        days = civil_days((struct civil_date){s.c.date.year, 1, 1}) + s.c.day_of_year - 1;
    *out = (struct value_time){
        days * 86400 + s.c.hour * 3600 + s.c.minute * 60 + s.c.second - s.offset, s.ns, s.offset};
    return true;
}
