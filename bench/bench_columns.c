/* bench_columns.c - bytes and nanoseconds of row groups over log-like rows.
 *
 * Seeded; a group is ROWS rows in order of (stream, time): a time, a stream number, a
 * level, a 100-byte line of one of 20 formats, and fields as services send them: method,
 * path, status, latency, host, a trace id (16 bytes) and a request id (hex).  Times are the
 * best of several passes; per row, and for reading per value.
 */
#include "tsdb/base/arena.h"
#include "tsdb/base/clock.h"
#include "tsdb/base/mem.h"
#include "tsdb/base/random.h"
#include "tsdb/base/text.h"
#include "tsdb/columns/filter.h"
#include "tsdb/columns/group.h"

#include <stdio.h>
#include <stdlib.h>

enum { ROWS = 65536, PASSES = 7, FORMATS = 20, LINE = 256 };

struct row {
    int64_t ts, stream, status;
    double latency;
    struct tsdb_text level, line, method, path, host, trace, request;
};

static const char *const formats[FORMATS] = {
    "level=info msg=\"request served\" path=/api/v1/cart/%u status=200 took=%ums bytes=%u user=u%u",
    "GET /api/v1/items/%u?page=%u HTTP/1.1 200 %u \"Mozilla/5.0 (X11; Linux x86_64)\" rid=%u",
    "connection from 10.0.%u.%u:%u accepted, %u active, handing over to a worker of the pool",
    "cache miss for key session:%u:%u, loading from the store took %u us, %u bytes were read",
    "user %u logged in from device %u, session %u begins, previous logins %u, risk is low",
    "payment %u of order %u authorised by the provider in %u ms after %u attempts, currency EUR",
    "worker %u finished job %u in %u ms, queue length %u, nothing else to do, going to sleep",
    "slow query: select * from orders where customer = %u and state = %u took %u ms, rows %u",
    "retrying message %u to broker %u in %u ms, attempt %u of 5, last error: leader not available",
    "gc pause %u us, heap %u kB of %u kB in use, next at %u kB, promoted objects were few",
    "order %u moved to state shipped, parcel %u, weight %u g, warehouse %u, carrier is DHL",
    "rate limit: client %u has %u requests in window of %u s, limit %u, request was refused",
    "certificate of host edge-%u expires in %u days, serial %u, issuer CA-%u, renewal is planned",
    "partition %u of topic events: leader moved to broker %u, epoch %u, replicas in sync %u",
    "level=warn msg=\"slow upstream\" upstream=inventory-%u elapsed=%ums limit=%ums retries=%u",
    "feature flags loaded: %u flags, version %u, took %u ms, source is remote, cache age %u s",
    "template render of page product/%u took %u ms, %u fragments came from the cache, missed %u",
    "mail %u to customer %u was queued with priority %u, %u mails wait, the provider is healthy",
    "snapshot %u written: %u keys, %u kB, took %u ms, log truncated behind it, all is well",
    "health check of node %u: cpu %u%%, memory %u MB, goroutines %u, disk is fine, network is fine",
};
static const char *const levels[] = {"info", "info", "info", "debug", "warn", "error"};
static const char *const methods[] = {"GET", "GET", "GET", "POST", "PUT", "DELETE"};

static struct tsdb_text keep(struct arena *a, const char *at, size_t len)
{
    char *copy = ARENA_ARRAY(a, char, len + 1);
    if (!copy)
        abort();
    memcpy(copy, at, len);
    return (struct tsdb_text){copy, len};
}

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
static struct tsdb_text line_of(struct arena *a, struct random *r)
{
    char line[LINE];
    uint64_t format = random_below(r, FORMATS) * random_below(r, FORMATS) / FORMATS;
    int n = snprintf(line, sizeof line, formats[format], (unsigned)random_below(r, 100000),
                     (unsigned)random_below(r, 250), (unsigned)random_below(r, 5000),
                     (unsigned)random_below(r, 90));
    return keep(a, line, (size_t)n);
}
#pragma GCC diagnostic pop

static struct tsdb_text numbered(struct arena *a, const char *prefix, uint64_t number)
{
    char text[64];
    int n = snprintf(text, sizeof text, "%s%llu", prefix, (unsigned long long)number);
    return keep(a, text, (size_t)n);
}

static void fill(struct row *rows, struct arena *a, struct random *r)
{
    int64_t ts = INT64_C(1790000000000000000);
    for (uint32_t i = 0; i < ROWS; i++) {
        struct row *row = &rows[i];
        char bytes[16], hex[33];
        uint64_t id[2] = {random_next(r), random_next(r)};
        memcpy(bytes, id, sizeof bytes);
        snprintf(hex, sizeof hex, "%016llx%016llx", (unsigned long long)id[1],
                 (unsigned long long)id[0] * 3);
        row->ts = ts += (int64_t)random_below(r, 2000000000);
        row->stream = i / 4096;
        row->status = random_below(r, 20) ? 200 : 404 + (int64_t)random_below(r, 3) * 50;
        row->latency = (double)random_below(r, 20000) / 100;
        row->level = text_of(levels[random_below(r, 6)]);
        row->line = line_of(a, r);
        row->method = text_of(methods[random_below(r, 6)]);
        row->path = numbered(a, "/api/v1/items/", random_below(r, 3000));
        row->host = numbered(a, "host-", (uint64_t)row->stream * 4 + random_below(r, 4));
        row->trace = i > 0 && random_below(r, 3) ? row[-1].trace : keep(a, bytes, sizeof bytes);
        row->request = keep(a, hex, 32);
    }
}

static void write_rows(struct group_writer *w, const struct row *rows)
{
    for (uint32_t i = 0; i < ROWS; i++) {
        const struct row *row = &rows[i];
        group_writer_row(w);
#define COLUMN(name, kind, flags) group_writer_column(w, text_of(name), 0, kind, flags)
        group_writer_int(w, COLUMN("ts", COLUMN_INT, 0), row->ts);
        group_writer_int(w, COLUMN("stream", COLUMN_INT, 0), row->stream);
        group_writer_text(w, COLUMN("line", COLUMN_TEXT, COLUMN_LINES | COLUMN_GRAMS), row->line);
        group_writer_text(w, COLUMN("level", COLUMN_TEXT, 0), row->level);
        group_writer_text(w, COLUMN("method", COLUMN_TEXT, 0), row->method);
        group_writer_text(w, COLUMN("path", COLUMN_TEXT, 0), row->path);
        group_writer_int(w, COLUMN("status", COLUMN_INT, 0), row->status);
        group_writer_double(w, COLUMN("latency", COLUMN_DOUBLE, 0), row->latency);
        group_writer_text(w, COLUMN("host", COLUMN_TEXT, 0), row->host);
        group_writer_text(w, COLUMN("trace_id", COLUMN_TEXT, COLUMN_VALUES), row->trace);
        group_writer_text(w, COLUMN("request_id", COLUMN_TEXT, COLUMN_VALUES), row->request);
#undef COLUMN
    }
}

static struct group_bytes bytes_of(const struct group_strings *s)
{
    return (struct group_bytes){writer_bytes(&s->head), writer_bytes(&s->filter),
                                writer_bytes(&s->data)};
}

static void strings_reset(struct group_strings *s)
{
    writer_reset(&s->head);
    writer_reset(&s->filter);
    writer_reset(&s->data);
}

static void must(enum tsdb_status st)
{
    if (st != TSDB_OK)
        abort();
}

/* The least of PASSES runs, in ns a row. */
struct timing {
    int64_t start;
    double best;
};

static void begin(struct timing *t)
{
    t->start = clock_mono_ns(clock_real());
}

static void end(struct timing *t)
{
    double ns = (double)(clock_mono_ns(clock_real()) - t->start) / ROWS;
    t->best = t->best == 0 || ns < t->best ? ns : t->best;
}

static void line_out(const char *name, const struct timing *t)
{
    printf("{\"name\":\"columns/%s\",\"ns_per_row\":%.2f}\n", name, t->best);
}

static void bytes_out(const char *name, const struct group_strings *s)
{
    printf("{\"name\":\"columns/%s\",\"bytes_per_row\":%.2f,\"head\":%zu,\"filter\":%zu,"
           "\"data\":%zu}\n",
           name, (double)(s->head.len + s->filter.len + s->data.len) / ROWS, s->head.len,
           s->filter.len, s->data.len);
}

static void read_column(struct group_reader *r, const struct group *g, uint32_t column)
{
    const int64_t *ints;
    const double *doubles;
    const struct tsdb_text *texts;
    struct column_codes codes;
    const struct column_info *info = group_column(g, column);
    if (info->kind == COLUMN_INT) {
        must(group_ints(r, column, &ints, NULL));
    } else if (info->kind == COLUMN_DOUBLE) {
        must(group_doubles(r, column, &doubles, NULL));
    } else if (info->flags & COLUMN_LINES) {
        struct text_page page;
        for (uint32_t i = 0; i < group_page_count(g, column); i++)
            must(group_page(r, column, i, &page, NULL));
    } else if (group_codes(r, column, &codes, NULL) != TSDB_OK) {
        must(group_texts(r, column, &texts, NULL));
    }
}

static void bench_reads(const char *form, const struct group_strings *s)
{
    struct group *g;
    struct group_reader *r = group_reader_new(NULL);
    must(group_open(bytes_of(s), &g, NULL));
    for (uint32_t c = 0; c < group_columns(g); c++) {
        const struct column_info *info = group_column(g, c);
        struct timing t = {0};
        for (int pass = 0; pass < PASSES; pass++) {
            group_reader_open(r, g);
            begin(&t);
            read_column(r, g, c);
            end(&t);
        }
        char name[96];
        snprintf(name, sizeof name, "%s/read/%.*s/encoding_%u", form, (int)info->name.len,
                 info->name.at, info->encoding);
        line_out(name, &t);
    }
    group_reader_free(r);
    group_free(g);
}

static void bench_filter(const struct row *rows)
{
    struct filter_builder *b = filter_builder_new();
    struct writer out = {0};
    struct timing text = {0}, value = {0}, finish = {0};
    size_t bytes = 0;
    for (int pass = 0; pass < PASSES; pass++) {
        begin(&text);
        for (uint32_t i = 0; i < ROWS; i++) {
            __builtin_prefetch(rows[i + 12 < ROWS ? i + 12 : i].line.at);
            filter_add_text(b, i, rows[i].line);
        }
        end(&text);
        begin(&value);
        for (uint32_t i = 0; i < ROWS; i++)
            filter_add_value(b, 1, rows[i].trace);
        end(&value);
        writer_reset(&out);
        begin(&finish);
        filter_builder_finish(b, &out);
        end(&finish);
    }
    for (uint32_t i = 0; i < ROWS; i++)
        bytes += rows[i].line.len;
    printf("{\"name\":\"columns/lines\",\"bytes_per_row\":%.1f}\n", (double)bytes / ROWS);
    line_out("filter_add_text", &text);
    line_out("filter_add_value", &value);
    line_out("filter_finish", &finish);
    writer_release(&out);
    filter_builder_free(b);
}

int main(void)
{
    struct arena arena;
    struct random random;
    random_init(&random, 7);
    arena_init(&arena, (size_t)1 << 30, NULL);
    struct row *rows = MEM_ARRAY(struct row, ROWS);
    fill(rows, &arena, &random);
    struct group_writer *w = group_writer_new(NULL);
    struct group_strings hot = {0}, sealed = {0};
    struct timing add = {0}, finish = {0}, open = {0}, seal = {0};
    struct group *g;
    for (int pass = 0; pass < PASSES; pass++) {
        strings_reset(&hot);
        begin(&add);
        write_rows(w, rows);
        end(&add);
        begin(&finish);
        must(group_writer_finish(w, GROUP_HOT, &hot, NULL));
        end(&finish);
        begin(&open);
        must(group_open(bytes_of(&hot), &g, NULL));
        end(&open);
        strings_reset(&sealed);
        begin(&seal);
        must(group_seal(g, NULL, &sealed, NULL));
        end(&seal);
        group_free(g);
    }
    bench_filter(rows);
    line_out("add", &add);
    line_out("finish_hot", &finish);
    line_out("seal", &seal);
    printf("{\"name\":\"columns/open\",\"ns_per_group\":%.0f}\n", open.best * ROWS);
    bytes_out("hot", &hot);
    bytes_out("sealed", &sealed);
    bench_reads("hot", &hot);
    bench_reads("sealed", &sealed);
    group_strings_release(&hot);
    group_strings_release(&sealed);
    group_writer_free(w);
    mem_free(rows);
    arena_release(&arena);
    return 0;
}
