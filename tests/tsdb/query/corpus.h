/* corpus.h - the inputs of a table (lines.h), and new texts made of pieces of them. */
#ifndef TESTS_TSDB_QUERY_CORPUS_H
#define TESTS_TSDB_QUERY_CORPUS_H

#include "tests/tsdb/query/lines.h"
#include "tsdb/base/random.h"

static struct writer corpus[1024];
static size_t corpus_count;

static inline void corpus_keep(const char *where, struct tsdb_text input, struct tsdb_text expected)
{
    (void)where, (void)expected;
    cr_assert_lt(corpus_count, sizeof corpus / sizeof corpus[0]);
    writer_put(&corpus[corpus_count++], input.at, input.len);
}

static inline void corpus_read(const char *path)
{
    (void)each_line(path, corpus_keep);
}

static inline struct tsdb_text corpus_any(struct random *r)
{
    const struct writer *w = &corpus[random_below(r, corpus_count)];
    return (struct tsdb_text){(const char *)w->at, w->len};
}

static inline void corpus_piece(struct random *r, struct writer *out)
{
    struct tsdb_text t = corpus_any(r);
    size_t begin = random_below(r, t.len), len = random_below(r, t.len - begin + 1);
    writer_put(out, t.at + begin, len);
}

/* An input, cut somewhere, with a piece of another or a random byte put in. */
static inline void corpus_mutation(struct random *r, struct writer *out)
{
    struct tsdb_text t = corpus_any(r);
    size_t at = random_below(r, t.len + 1), skip = random_below(r, t.len - at + 1);
    writer_put(out, t.at, at);
    if (random_below(r, 3) == 0)
        skip = 0;
    switch (random_below(r, 4)) {
    case 0: writer_u8(out, (uint8_t)random_below(r, 256)); break;
    case 1: break;
    default: corpus_piece(r, out); break;
    }
    writer_put(out, t.at + at + skip, t.len - at - skip);
}

static inline void corpus_release(void)
{
    while (corpus_count > 0)
        writer_release(&corpus[--corpus_count]);
}

#endif
