#include "tsdb/columns/group_output.h"

#include "tsdb/columns/column_texts.h"
#include "tsdb/columns/text_template.h"

enum {
    TEMPLATES_LINES_MIN = 256,        /* fewer are not worth a table */
    TEMPLATES_PAGE_BYTES = 512 << 10, /* columns of variables want some length */
};

static_assert((int)COLUMN_PART_ROWS <= (int)TEMPLATE_PAGE_LINES, "a page may be templates");

struct page {
    uint32_t count;
    size_t bytes; /* with a newline each */
};

/* Texts of one page, from the first on; one at least. */
static struct page page_of(const struct tsdb_text *texts, uint32_t n, size_t bytes_max)
{
    struct page page = {1, texts[0].len + 1};
    for (; page.count < n && page.count < COLUMN_PART_ROWS; page.count++) {
        size_t more = texts[page.count].len + 1;
        if (page.bytes + more > bytes_max)
            break;
        page.bytes += more;
    }
    return page;
}

static void put_pages(struct group_output *o, const struct tsdb_text *texts, uint32_t n)
{
    struct page page;
    for (uint32_t at = 0; at < n; at += page.count) {
        page = page_of(texts + at, n - at, COLUMN_PAGE_BYTES);
        writer_reset(&o->scratch);
        column_texts_encode(texts + at, page.count, &o->scratch);
        group_output_part(o, writer_bytes(&o->scratch), page.count);
    }
}

static void put_templates(struct group_output *o, const struct text_templates *t,
                          const struct tsdb_text *texts, uint32_t n)
{
    writer_reset(&o->scratch);
    text_templates_write(t, &o->scratch);
    group_output_part(o, writer_bytes(&o->scratch), 0);
    struct page page;
    for (uint32_t at = 0; at < n; at += page.count) {
        page = page_of(texts + at, n - at, TEMPLATES_PAGE_BYTES);
        writer_reset(&o->scratch);
        text_templates_encode(t, texts + at, page.count, &o->scratch);
        group_output_own(o, writer_bytes(&o->scratch), (uint32_t)page.bytes, page.count);
    }
}

void group_output_lines(struct group_output *o, struct column_head *c,
                        const struct tsdb_text *texts, uint32_t n)
{
    bool may_try = o->packer.form == GROUP_SEALED && c->info.flags & (COLUMN_LINES | COLUMN_FORMS);
    struct text_templates *t =
        may_try && n >= TEMPLATES_LINES_MIN ? text_templates_learn(texts, n) : NULL;
    c->info.encoding = t ? ENCODING_TEMPLATES : ENCODING_PAGES;
    if (t)
        put_templates(o, t, texts, n);
    else
        put_pages(o, texts, n);
    text_templates_free(t);
}
