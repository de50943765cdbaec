/* Times range queries against a server on this machine.
 *
 * usage: ask QUERIES PORT END_MS [out=DIR] [repeat=7] [seed=1] [extra=TEXT]
 *
 * QUERIES: bench/queries.txt.  Each query is asked `repeat` times over one connection; the
 * range ends at END_MS less a seeded number of steps, the same for every system and
 * another for every repeat, so that an answer kept from before does not answer it.
 * extra is put to each request (such as &nocache=1).  The last answer is written to
 * DIR/NAME.json, for agree.  One JSON line a query: milliseconds from the first byte out to
 * the last byte in.
 */
#include "bench/client.h"
#include "tsdb/base/random.h"

#include <ctype.h>

enum { LINE_MAX_BYTES = 2048, REPEAT_MAX = 1000, STEPS_BACK = 20 };

struct query {
    char name[64];
    uint64_t span_s, step_s;
    char kind[8];
    const char *text;
};

struct asker {
    struct client client;
    const char *out, *extra;
    uint64_t end_s, repeat;
    struct random random;
    struct writer head;
    double ms[REPEAT_MAX];
    int failures;
};

/* False for a comment, an empty line and one that is not a query. */
static bool parse_query(char *line, struct query *q)
{
    int at = 0;
    unsigned long long span, step;
    line[strcspn(line, "\r\n")] = '\0';
    if (line[0] == '#' ||
        sscanf(line, "%63s %llu %llu %7s %n", q->name, &span, &step, q->kind, &at) < 4 || at == 0)
        return false;
    q->span_s = span;
    q->step_s = step;
    q->text = line + at;
    return step > 0;
}

static void put_escaped(struct writer *w, const char *text)
{
    for (; *text; text++)
        if (isalnum((unsigned char)*text) || strchr("-_.~", *text))
            writer_u8(w, (uint8_t)*text);
        else
            writer_format(w, "%%%02X", (unsigned)(unsigned char)*text);
}

static int ask_once(struct asker *a, const struct query *q, double *ms)
{
    uint64_t end_s =
        a->end_s / q->step_s * q->step_s - random_below(&a->random, STEPS_BACK) * q->step_s;
    writer_reset(&a->head);
    writer_text(&a->head, "GET /api/v1/query_range?query=");
    put_escaped(&a->head, q->text);
    writer_format(&a->head, "&start=%llu&end=%llu&step=%llu%s",
                  (unsigned long long)(end_s - q->span_s), (unsigned long long)end_s,
                  (unsigned long long)q->step_s, a->extra);
    writer_format(&a->head, " HTTP/1.1\r\nHost: 127.0.0.1:%u\r\n\r\n", a->client.port);
    int64_t begin = clock_mono_ns(clock_real());
    int status = client_ask(&a->client, writer_bytes(&a->head), (struct bytes){NULL, 0});
    *ms = (double)(clock_mono_ns(clock_real()) - begin) / 1e6;
    return status;
}

static void keep_answer(const struct asker *a, const struct query *q)
{
    if (!*a->out)
        return;
    char path[512];
    (void)snprintf(path, sizeof path, "%s/%s.json", a->out, q->name);
    FILE *f = fopen(path, "wb");
    if (!f || (a->client.body.len && fwrite(a->client.body.at, a->client.body.len, 1, f) != 1) ||
        fclose(f) != 0) {
        perror(path);
        exit(1);
    }
}

static int by_value(const void *a, const void *b)
{
    const double *x = a, *y = b;
    return (*x > *y) - (*x < *y);
}

static void ask(struct asker *a, const struct query *q)
{
    int status = 0;
    for (uint64_t i = 0; i < a->repeat; i++) {
        status = ask_once(a, q, &a->ms[i]);
        if (status != 200)
            break;
    }
    keep_answer(a, q);
    if (status != 200) {
        a->failures++;
        (void)printf("{\"query\":\"%s\",\"status\":%d}\n", q->name, status);
        (void)fprintf(stderr, "%s: status %d: %.*s\n", q->name, status,
                      (int)(a->client.body.len < 300 ? a->client.body.len : 300),
                      (const char *)a->client.body.at);
        return;
    }
    double first = a->ms[0];
    qsort(a->ms, a->repeat, sizeof a->ms[0], by_value);
    (void)printf("{\"query\":\"%s\",\"status\":200,\"first_ms\":%.3f,\"min_ms\":%.3f,"
                 "\"p50_ms\":%.3f,\"max_ms\":%.3f,\"bytes\":%zu}\n",
                 q->name, first, a->ms[0], a->ms[a->repeat / 2], a->ms[a->repeat - 1],
                 a->client.body.len);
}

int main(int argc, char **argv)
{
    if (argc < 4) {
        (void)fprintf(
            stderr, "usage: ask QUERIES PORT END_MS [out=DIR] [repeat=7] [seed=1] [extra=TEXT]\n");
        return 2;
    }
    static struct asker a;
    client_init(&a.client, (uint16_t)strtoul(argv[2], NULL, 10));
    a.end_s = strtoull(argv[3], NULL, 10) / 1000;
    a.out = option_text(argc, argv, "out", "");
    a.extra = option_text(argc, argv, "extra", "");
    a.repeat = option_number(argc, argv, "repeat", 7);
    random_init(&a.random, option_number(argc, argv, "seed", 1));
    if (a.repeat == 0 || a.repeat > REPEAT_MAX) {
        (void)fprintf(stderr, "repeat: 1 to %d\n", REPEAT_MAX);
        return 2;
    }
    FILE *f = fopen(argv[1], "r");
    if (!f) {
        perror(argv[1]);
        return 1;
    }
    char line[LINE_MAX_BYTES];
    struct query q;
    while (fgets(line, sizeof line, f))
        if (parse_query(line, &q))
            ask(&a, &q);
    (void)fclose(f);
    client_release(&a.client);
    writer_release(&a.head);
    return a.failures ? 1 : 0;
}
