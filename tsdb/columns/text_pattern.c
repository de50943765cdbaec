#include "tsdb/columns/text_template.h"

#include "tsdb/columns/text_tokens.h"

#include <string.h>

enum { PATTERN_MAX = 1024, LINE_MAX_SEEN = 4096, UNIT_MAX = 3 };

static bool is_between(char c, char low, char high)
{
    return c >= low && c <= high;
}

/* The letters that end a plain number, as the "ms" of "17ms"; they stay. */
static size_t unit_len(struct tsdb_text v)
{
    size_t digits = 0;
    while (digits < v.len && (is_between(v.at[digits], '0', '9') || v.at[digits] == '.'))
        digits++;
    size_t len = v.len - digits;
    for (size_t i = digits; i < v.len; i++) {
        if (!is_between(v.at[i], 'a', 'z') && !is_between(v.at[i], 'A', 'Z'))
            return 0;
    }
    return digits && len <= UNIT_MAX ? len : 0;
}

/* Variables with nothing or one mark between them are one for people: 12:34:56, 1/2. */
static bool is_joint(struct tsdb_text piece)
{
    return piece.len == 0 || (piece.len == 1 && strchr(":/,+@", piece.at[0]) && piece.at[0]);
}

/* As much of the text as fits, never a part of a UTF-8 sequence; false: not all of it. */
static bool put_bounded(struct writer *out, size_t end, const char *at, size_t len)
{
    size_t room = end - out->len;
    if (len <= room) {
        writer_put(out, at, len);
        return true;
    }
    while (room > 0 && ((uint8_t)at[room] & 0xc0) == 0x80)
        room--;
    writer_put(out, at, room);
    return false;
}

void text_pattern(struct tsdb_text line, struct writer *out)
{
    struct tsdb_text vars[TEMPLATE_PLACES_MAX];
    struct text_cut cut;
    if (line.len > LINE_MAX_SEEN)
        line.len = LINE_MAX_SEEN;
    bool is_whole = text_cut(TEXT_CUT_DIGITS, line, vars, &cut);
    const char *from = line.at;
    size_t end = out->len + PATTERN_MAX;
    bool has_last = false; /* a variable ends right before `from` */
    for (uint32_t k = 0; k < cut.places; k++) {
        struct tsdb_text piece = {from, (size_t)(vars[k].at - from)};
        size_t unit = unit_len(vars[k]);
        from = vars[k].at + vars[k].len;
        if (!(has_last && is_joint(piece)) &&
            (!put_bounded(out, end, piece.at, piece.len) || !put_bounded(out, end, "<_>", 3)))
            return;
        has_last = unit == 0;
        if (!put_bounded(out, end, from - unit, unit))
            return;
    }
    if (is_whole)
        (void)put_bounded(out, end, from, (size_t)(line.at + line.len - from)); /* cut is fine */
}
