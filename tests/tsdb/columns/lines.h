/* lines.h - seeded random lines as programs and strangers print them. */
#ifndef TESTS_COLUMNS_LINES_H
#define TESTS_COLUMNS_LINES_H

#include "tsdb/base/random.h"
#include "tsdb/base/writer.h"
#include "tsdb/tsdb.h"

#include <stdio.h>
#include <stdlib.h>

static inline uint64_t lines_seed(void)
{
    const char *env = getenv("TEST_SEED");
    return env ? strtoull(env, NULL, 0) : 20240131;
}

/* A value in one of the forms that columns know, or nearly know. */
static inline void line_value(struct random *r, struct writer *out)
{
    uint64_t x = random_next(r);
    unsigned small = (unsigned)(x >> 54);
    static const char *const odd[] = {"007",  "1e5",  "-0",  "+5",           "0x1F",      "-",
                                      "1.50", "-0.0", "0.0", "010.001.02.3", "256.1.1.1", "",
                                      "00",   "-7",   ".5",  "5.",           "1.2.3"};
    switch (random_below(r, 14)) {
    case 0: writer_format(out, "%u", small); break;
    case 1: writer_format(out, "%lld", (long long)x); break;
    case 2: writer_format(out, "%llu%llu", (unsigned long long)x, (unsigned long long)x); break;
    case 3: writer_format(out, "%u.%02u", small, small % 100); break;
    case 4: writer_format(out, "%03u", small % 1000); break;
    case 5: writer_format(out, "%016llx", (unsigned long long)x); break;
    case 6: writer_format(out, "%08X", (unsigned)x); break;
    case 7:
        writer_format(out, "%u.%u.%u.%u", small & 255, (unsigned)(x & 255),
                      (unsigned)(x >> 8 & 255), (unsigned)(x >> 16 & 255));
        break;
    case 8:
        writer_format(out, "%08x-%04x-%04x-%04x-%012llx", (unsigned)x, (unsigned)(x >> 9 & 0xffff),
                      (unsigned)(x >> 20 & 0xffff), (unsigned)(x >> 30 & 0xffff),
                      (unsigned long long)(x >> 13 & 0xffffffffffff));
        break;
    case 9: writer_format(out, "%ums", small); break;
    case 10: writer_format(out, "user%u", small % 9); break;
    case 11: writer_format(out, "%02u:%02u:%02u", small % 24, small % 60, small % 59); break;
    case 12: writer_text(out, odd[x % (sizeof odd / sizeof odd[0])]); break;
    default: writer_format(out, "\"%c%u b\"", (char)('a' + x % 26), small); break;
    }
}

/* One of a few formats, the same for a seed, with fresh values. */
static inline void line_templated(struct random *r, unsigned format, struct writer *out)
{
    struct random shape;
    random_init(&shape, format);
    static const char *const words[] = {"GET ",   " took ",      "user=",      " [", "] ",
                                        "error ", "\"path\":\"", "\", \"n\":", "/",  "   "};
    unsigned places = (unsigned)random_below(&shape, 9);
    for (unsigned i = 0; i < places; i++) {
        writer_text(out, words[random_below(&shape, sizeof words / sizeof words[0])]);
        uint64_t kind = random_next(&shape);
        struct random value;
        random_init(&value, kind + random_below(r, 6) * (kind % 3));
        if (kind % 4)
            line_value(&value, out);
        else
            writer_format(out, "%llu", (unsigned long long)(random_next(r) >> (kind >> 8) % 64));
    }
}

static inline void line_bytes(struct random *r, size_t len, struct writer *out)
{
    static const char few[] = "\"\"==\\ 0a:\n-.";
    bool is_few = random_below(r, 2);
    for (size_t i = 0; i < len; i++)
        writer_u8(out,
                  is_few ? (uint8_t)few[random_below(r, sizeof few)] : (uint8_t)random_next(r));
}

/* Any line at all. */
static inline void line_any(struct random *r, struct writer *out)
{
    switch (random_below(r, 40)) {
    case 0: break;
    case 1: line_bytes(r, random_below(r, 80), out); break;
    case 2: line_bytes(r, random_below(r, 2000), out); break;
    case 3:
        for (uint64_t i = random_below(r, 300); i > 0; i--)
            writer_format(out, "%u ", (unsigned)i);
        break;
    case 4: line_value(r, out); break;
    default: line_templated(r, (unsigned)random_below(r, 12), out); break;
    }
}

#endif
