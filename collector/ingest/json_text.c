#include "collector/ingest/json_text.h"

#include "tsdb/base/text.h"

/* Length of the well-formed UTF-8 character at the front, or 0. */
static size_t character(const char *at, size_t len)
{
    for (size_t n = 1; n <= 4 && n <= len; n++)
        if (utf8_check(at, n))
            return n;
    return 0;
}

void json_text_write(struct writer *out, struct tsdb_text text)
{
    writer_u8(out, '"');
    for (size_t i = 0; i < text.len;) {
        unsigned char c = (unsigned char)text.at[i];
        size_t n = character(text.at + i, text.len - i);
        if (n == 0)
            writer_text(out, "\xef\xbf\xbd");
        else if (c == '"' || c == '\\')
            writer_format(out, "\\%c", c);
        else if (c < 0x20 || c == 0x7f)
            writer_format(out, "\\u%04x", c);
        else
            writer_put(out, text.at + i, n);
        i += n ? n : 1;
    }
    writer_u8(out, '"');
}
