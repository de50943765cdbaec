/* bench_templates.c - lines as templates and variables, against plain packing.
 *
 * Five shapes of generated lines, in pages of 256 KiB.  One JSON line a shape: bytes a
 * line raw, by lz4, zstd -1 and -3, by templates (their table shared by all pages); then
 * ns a line to learn and to encode (zstd included) and GB/s of lines to decode, best of
 * five; us a page to decode it, to search it for a word that is nowhere, and of how many
 * pages that word was refused.
 *
 *     bench_templates [lines, default 60000]
 */
#include "tsdb/base/assert.h"
#include "tsdb/base/clock.h"
#include "tsdb/base/mem.h"
#include "tsdb/base/random.h"
#include "tsdb/columns/text_template.h"

#include <lz4.h>
#include <stdio.h>
#include <stdlib.h>
#include <zstd.h>

enum { PAGE_BYTES = 256 << 10, TURNS = 5, USERS = 4000 };

static unsigned below(struct random *r, unsigned bound)
{
    return (unsigned)random_below(r, bound);
}

/* Mostly small, now and then large, as latencies and sizes are. */
static unsigned skewed(struct random *r, unsigned bound)
{
    return below(r, 1 + below(r, 1 + below(r, bound)));
}

struct moment {
    unsigned hour, minute, second, ms;
};

static struct moment moment_of(uint64_t ms)
{
    return (struct moment){(unsigned)(ms / 3600000 % 24), (unsigned)(ms / 60000 % 60),
                           (unsigned)(ms / 1000 % 60), (unsigned)(ms % 1000)};
}

static void shape_service(struct random *r, uint64_t ms, struct writer *out)
{
    static const char *const tables[] = {"orders", "carts", "users", "payments", "stock"};
    struct moment t = moment_of(ms);
    writer_format(out, "2024-03-07 %02u:%02u:%02u,%03u ", t.hour, t.minute, t.second, t.ms);
    uint64_t id = random_next(r);
    switch (skewed(r, 8)) {
    case 0:
        writer_format(out, "INFO [worker-%u] request %016llx for user %u finished in %ums",
                      below(r, 16), (unsigned long long)id, 100000 + skewed(r, USERS),
                      skewed(r, 3000));
        break;
    case 1:
        writer_format(out, "DEBUG [worker-%u] select from %s took %u.%03ums, %u rows", below(r, 16),
                      tables[below(r, 5)], skewed(r, 90), below(r, 1000), skewed(r, 500));
        break;
    case 2:
        writer_format(out, "INFO [pool-%u] connection to 10.2.%u.%u:5432 opened, %u of 64 in use",
                      below(r, 4), below(r, 4), below(r, 250), below(r, 64));
        break;
    case 3:
        writer_format(out, "WARN [worker-%u] cache miss for key cart:%u:items, loading",
                      below(r, 16), 100000 + skewed(r, USERS));
        break;
    case 4:
        writer_format(out,
                      "ERROR [worker-%u] payment %08x-%04x-4%03x-a%03x-%012llx was refused: "
                      "card expired",
                      below(r, 16), (unsigned)id, (unsigned)(id >> 40 & 0xffff),
                      (unsigned)(id >> 20 & 0xfff), (unsigned)(id >> 8 & 0xfff),
                      (unsigned long long)(id >> 16));
        break;
    default:
        writer_format(out, "INFO [scheduler] job %s-cleanup removed %u entries, next run in %us",
                      tables[below(r, 5)], skewed(r, 10000), 60 * (1 + below(r, 5)));
    }
}

static const char *const agents[] = {
    "Mozilla/5.0 (X11; Linux x86_64; rv:115.0) Gecko/20100101 Firefox/115.0",
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) "
    "Chrome/119.0.0.0 Safari/537.36",
    "Mozilla/5.0 (iPhone; CPU iPhone OS 16_6 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like "
    "Gecko) Version/16.6 Mobile/15E148 Safari/604.1",
    "curl/8.1.2",
    "Googlebot/2.1 (+http://www.google.com/bot.html)",
    "okhttp/4.11.0",
    "Mozilla/5.0 (Linux; Android 13) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/118.0.0.0 "
    "Mobile Safari/537.36",
};
static const char *const paths[] = {"/",       "/cart",        "/login",   "/search?q=shoes",
                                    "/static", "/api/v1/user", "/product", "/help/shipping"};

static void shape_access(struct random *r, uint64_t ms, struct writer *out)
{
    static const char *const methods[] = {"GET", "GET", "GET", "POST", "HEAD"};
    static const unsigned codes[] = {200, 200, 200, 200, 304, 301, 404, 500};
    struct moment t = moment_of(ms);
    struct random client;
    random_init(&client, skewed(r, USERS));
    writer_format(out, "%u.%u.%u.%u - - [07/Mar/2024:%02u:%02u:%02u +0000] \"%s %s",
                  below(&client, 223), below(&client, 256), below(&client, 256),
                  below(&client, 256), t.hour, t.minute, t.second, methods[below(r, 5)],
                  paths[below(r, 8)]);
    if (below(r, 2))
        writer_format(out, "/%u", skewed(r, 20000));
    writer_format(out, " HTTP/1.1\" %u %u \"https://shop.example%s\" \"%s\"", codes[below(r, 8)],
                  skewed(r, 60000), paths[skewed(r, 8)], agents[below(&client, 7)]);
}

static void shape_pairs(struct random *r, uint64_t ms, struct writer *out)
{
    static const char *const levels[] = {"info", "info", "info", "debug", "warn", "error"};
    static const char *const messages[] = {"request done", "cache refreshed", "token issued",
                                           "retrying call to the upstream", "session closed"};
    struct moment t = moment_of(ms);
    writer_format(out,
                  "ts=2024-03-07T%02u:%02u:%02u.%03uZ level=%s caller=server.go:%u msg=\"%s\" "
                  "tenant=team-%u trace_id=%016llx%016llx duration=%u.%03ums status=%u bytes=%u",
                  t.hour, t.minute, t.second, t.ms, levels[below(r, 6)], 40 + 13 * skewed(r, 30),
                  messages[below(r, 5)], skewed(r, 40), (unsigned long long)random_next(r),
                  (unsigned long long)random_next(r), skewed(r, 800), below(r, 1000),
                  below(r, 9) ? 200 : 503, skewed(r, 100000));
}

static void shape_json(struct random *r, uint64_t ms, struct writer *out)
{
    static const char *const levels[] = {"INFO", "INFO", "INFO", "DEBUG", "WARN"};
    static const char *const loggers[] = {"com.shop.cart.CartService", "com.shop.web.Filter",
                                          "com.shop.pay.Gateway", "com.shop.stock.Feed"};
    writer_format(out,
                  "{\"timestamp\":%llu,\"level\":\"%s\",\"logger\":\"%s\",\"thread\":\"exec-%u\"",
                  (unsigned long long)(1709800000000 + ms), levels[below(r, 5)],
                  loggers[below(r, 4)], below(r, 32));
    if (below(r, 3))
        writer_format(out, ",\"message\":\"user %u put %u of item %u into the cart\"",
                      100000 + skewed(r, USERS), 1 + below(r, 4), below(r, 30000));
    else
        writer_format(out, ",\"message\":\"call to %s answered %u after %u ms\"",
                      paths[below(r, 8)], below(r, 8) ? 200 : 500, skewed(r, 2000));
    writer_format(out, ",\"span\":\"%016llx\",\"ok\":%s}", (unsigned long long)random_next(r),
                  below(r, 9) ? "true" : "false");
}

static void shape_syslog(struct random *r, uint64_t ms, struct writer *out)
{
    struct moment t = moment_of(ms);
    writer_format(out, "Mar  7 %02u:%02u:%02u host-%02u ", t.hour, t.minute, t.second,
                  below(r, 20));
    static const char *const users[] = {"root", "admin", "deploy", "backup", "git", "postgres"};
    switch (skewed(r, 6)) {
    case 0:
        writer_format(out,
                      "sshd[%u]: Failed password for invalid user %s from %u.%u.%u.%u port %u "
                      "ssh2",
                      1000 + below(r, 30000), users[below(r, 6)], below(r, 223), below(r, 256),
                      below(r, 256), below(r, 256), 1024 + below(r, 60000));
        break;
    case 1:
        writer_format(out, "CRON[%u]: (root) CMD (/usr/lib/sa/sa1 1 1)", 1000 + below(r, 30000));
        break;
    case 2:
        writer_format(out, "kernel: [%u.%06u] eth0: link up, 1000Mbps, full-duplex, lpa 0x%04X",
                      (unsigned)(ms / 1000), below(r, 1000000), below(r, 65536));
        break;
    case 3:
        writer_format(out, "systemd[1]: Started Session %u of user %s.", below(r, 9000),
                      users[below(r, 6)]);
        break;
    default:
        writer_format(out,
                      "postfix/smtpd[%u]: disconnect from unknown[%u.%u.%u.%u] ehlo=1 quit=1 "
                      "commands=2",
                      1000 + below(r, 30000), below(r, 223), below(r, 256), below(r, 256),
                      below(r, 256));
    }
}

struct shape {
    const char *name;
    void (*make)(struct random *r, uint64_t ms, struct writer *out);
};

struct text {
    struct writer bytes;
    struct tsdb_text *lines; /* owned */
    uint32_t *pages;         /* owned; where each page begins, and the end */
    uint32_t count, page_count;
};

static void text_make(struct text *t, const struct shape *shape, uint32_t count)
{
    struct random r;
    random_init(&r, 7);
    size_t *starts = MEM_ARRAY(size_t, count + 1);
    uint64_t ms = 43200000;
    *t = (struct text){.count = count};
    for (uint32_t i = 0; i < count; i++) {
        ms += skewed(&r, 40);
        shape->make(&r, ms, &t->bytes);
        writer_u8(&t->bytes, '\n');
        starts[i + 1] = t->bytes.len;
    }
    t->lines = MEM_ARRAY(struct tsdb_text, count + 1);
    t->pages = MEM_ARRAY(uint32_t, count + 2);
    size_t page = 0;
    for (uint32_t i = 0; i < count; i++) {
        t->lines[i] = (struct tsdb_text){(const char *)t->bytes.at + starts[i],
                                         starts[i + 1] - starts[i] - 1};
        if (i == 0 || starts[i + 1] - page > PAGE_BYTES) {
            t->pages[t->page_count++] = i;
            page = starts[i];
        }
    }
    t->pages[t->page_count] = count;
    mem_free(starts);
}

static struct bytes text_page(const struct text *t, uint32_t page)
{
    const struct tsdb_text *first = &t->lines[t->pages[page]];
    const struct tsdb_text *last = &t->lines[t->pages[page + 1] - 1];
    return (struct bytes){(const uint8_t *)first->at,
                          (size_t)(last->at + last->len + 1 - first->at)};
}

/* Level 0: lz4. */
static size_t plain_bytes(const struct text *t, int level)
{
    size_t total = 0, cap = ZSTD_compressBound(2 * PAGE_BYTES);
    void *out = mem_alloc(cap);
    for (uint32_t i = 0; i < t->page_count; i++) {
        struct bytes b = text_page(t, i);
        if (level)
            total += ZSTD_compress(out, cap, b.at, b.len, level);
        else
            total += (size_t)LZ4_compress_default((const char *)b.at, out, (int)b.len, (int)cap);
    }
    mem_free(out);
    return total;
}

static double now_ns(void)
{
    return (double)clock_mono_ns(clock_real());
}

struct timing {
    double learn, encode, decode, search, zstd; /* ns, best of TURNS */
};

static double least(double best, double took)
{
    return best > 0 && best < took ? best : took;
}

static void decode_all(const struct text *t, const struct text_templates *set,
                       const struct writer *pages, const size_t *ends, uint32_t *starts)
{
    struct writer bytes = {0};
    size_t at = 0;
    for (uint32_t i = 0; i < t->page_count; i++) {
        struct bytes want = text_page(t, i), in = {pages->at + at, ends[i] - at};
        writer_reset(&bytes);
        ASSERT(text_templates_decode(set, in, t->pages[i + 1] - t->pages[i], want.len, NULL, &bytes,
                                     starts, NULL) == TSDB_OK);
        ASSERT(bytes.len == want.len);
        at = ends[i];
    }
    writer_release(&bytes);
}

/* Answers how many pages have no line with the word. */
static uint32_t search_all(const struct text *t, const struct text_templates *set,
                           const struct writer *pages, const size_t *ends)
{
    const struct tsdb_text word = {"heisenbug", 9};
    uint64_t rows[TEMPLATE_PAGE_LINES / 64 + 1], left;
    uint32_t refused = 0;
    size_t at = 0;
    for (uint32_t i = 0; i < t->page_count; i++) {
        struct bytes in = {pages->at + at, ends[i] - at};
        struct text_wanted wanted = {rows, &word, 1, true};
        uint32_t lines = t->pages[i + 1] - t->pages[i];
        memset(rows, 0xff, sizeof rows);
        ASSERT(text_templates_decode(set, in, lines, text_page(t, i).len, &wanted, NULL, NULL,
                                     NULL) == TSDB_OK);
        left = 0;
        for (uint32_t k = 0; k < lines / 64; k++)
            left |= rows[k];
        refused += left == 0;
        at = ends[i];
    }
    return refused;
}

static void bench_shape(const struct shape *shape, uint32_t count)
{
    struct text t;
    text_make(&t, shape, count);
    double lines = count, raw = (double)t.bytes.len;
    struct timing best = {0};
    struct writer pages = {0}, table = {0};
    size_t *ends = MEM_ARRAY(size_t, t.page_count);
    uint32_t *starts = MEM_ARRAY(uint32_t, count + 1);
    struct text_templates *set = NULL;
    uint32_t refused = 0;
    for (unsigned turn = 0; turn < TURNS; turn++) {
        double start = now_ns();
        text_templates_free(set);
        set = text_templates_learn(t.lines, t.count);
        best.learn = least(best.learn, now_ns() - start);
        start = now_ns();
        (void)plain_bytes(&t, 1);
        best.zstd = least(best.zstd, now_ns() - start);
        if (!set)
            continue;
        writer_reset(&pages);
        start = now_ns();
        for (uint32_t i = 0; i < t.page_count; i++) {
            text_templates_encode(set, t.lines + t.pages[i], t.pages[i + 1] - t.pages[i], &pages);
            ends[i] = pages.len;
        }
        best.encode = least(best.encode, now_ns() - start);
        start = now_ns();
        decode_all(&t, set, &pages, ends, starts);
        best.decode = least(best.decode, now_ns() - start);
        start = now_ns();
        refused = search_all(&t, set, &pages, ends);
        best.search = least(best.search, now_ns() - start);
    }
    if (set)
        text_templates_write(set, &table);
    printf("{\"name\":\"templates/%s\",\"raw\":%.1f,\"lz4\":%.1f,\"zstd1\":%.1f,\"zstd3\":%.1f,"
           "\"templates\":%.2f,\"count\":%u,\"table_bytes\":%zu,\"learn_us\":%.0f,"
           "\"zstd1_ns_per_line\":%.0f,\"encode_ns_per_line\":%.0f,\"decode_gb_per_s\":%.2f,"
           "\"decode_us_per_page\":%.0f,\"search_us_per_page\":%.1f,\"refused\":%.2f}\n",
           shape->name, raw / lines, (double)plain_bytes(&t, 0) / lines,
           (double)plain_bytes(&t, 1) / lines, (double)plain_bytes(&t, 3) / lines,
           (double)(pages.len + table.len) / lines, set ? text_templates_count(set) : 0, table.len,
           best.learn / 1000, best.zstd / lines, best.encode / lines, raw / best.decode,
           best.decode / 1000 / t.page_count, best.search / 1000 / t.page_count,
           (double)refused / t.page_count);
    text_templates_free(set);
    writer_release(&pages);
    writer_release(&table);
    writer_release(&t.bytes);
    mem_free(t.lines);
    mem_free(t.pages);
    mem_free(ends);
    mem_free(starts);
}

int main(int argc, char **argv)
{
    static const struct shape shapes[] = {{"service", shape_service},
                                          {"access", shape_access},
                                          {"pairs", shape_pairs},
                                          {"json", shape_json},
                                          {"syslog", shape_syslog}};
    uint32_t count = argc > 1 ? (uint32_t)strtoul(argv[1], NULL, 10) : 60000;
    for (size_t i = 0; i < sizeof shapes / sizeof shapes[0]; i++)
        bench_shape(&shapes[i], count);
    return 0;
}
