/* Times log queries against a server on this machine, and writes its answers in a form
 * that does not depend on the server.
 *
 * usage: ask_logs QUERIES SYSTEM PORT PID END_MS SPAN_S [out=DIR] [repeat=7] [only=NAME]
 *
 * QUERIES: bench/queries_logs.txt; SYSTEM: andon (LogQL, Loki's API) or victoria (LogsQL).
 * Each query is asked `repeat` times over one connection, over a range that has all records of
 * the SPAN_S seconds before END_MS and ends another second later each time, so that an answer
 * kept from before does not answer it.  One JSON line a query: the median milliseconds from
 * the first byte out to the last byte in, and the CPU milliseconds that the process PID took
 * for it, on average.
 * DIR/NAME.txt: a line a group or record, sorted; what they have depends on the kind.
 */
#include "bench/client.h"
#include "tsdb/base/mem.h"

#include <ctype.h>
#include <jansson.h>
#include <time.h>

enum { LINE_MAX_BYTES = 2048, REPEAT_MAX = 1000, SLACK_S = 60, KEY_MAX = 1024 };

struct query {
    char name[64], kind[16], system[16];
    const char *text;
};

struct asker {
    struct client client;
    const char *system, *out;
    unsigned pid;
    uint64_t end_s, span_s, repeat;
    struct writer head;
    double ms[REPEAT_MAX];
    char **lines; /* the answer, owned */
    size_t count, cap;
    int failures;
};

/* ---- asking --------------------------------------------------------------------------- */

static bool parse_query(char *line, struct query *q)
{
    int at = 0;
    line[strcspn(line, "\r\n")] = '\0';
    if (line[0] == '#' || sscanf(line, "%63s %15s %15s %n", q->name, q->kind, q->system, &at) < 3 ||
        at == 0)
        return false;
    q->text = line + at;
    return true;
}

static void put_escaped(struct asker *a, const char *text)
{
    for (; *text; text++)
        if (text[0] == '$' && text[1] == 'R') {
            writer_format(&a->head, "%llus", (unsigned long long)(a->span_s + 3 * SLACK_S));
            text++;
        } else if (isalnum((unsigned char)*text) || strchr("-_.~", *text)) {
            writer_u8(&a->head, (uint8_t)*text);
        } else {
            writer_format(&a->head, "%%%02X", (unsigned)(unsigned char)*text);
        }
}

static void put_request(struct asker *a, const struct query *q, uint64_t round)
{
    bool is_andon = strcmp(a->system, "andon") == 0, is_lines = strncmp(q->kind, "lines:", 6) == 0;
    bool is_steps = strcmp(q->kind, "steps") == 0;
    unsigned long long start = a->end_s - a->span_s - SLACK_S, end = a->end_s + SLACK_S + round;
    writer_reset(&a->head);
    if (is_andon)
        writer_format(&a->head,
                      "GET /loki/api/v1/%s?query=", is_lines || is_steps ? "query_range" : "query");
    else
        writer_format(&a->head, "GET /select/logsql/%s?query=", is_steps ? "hits" : "query");
    if (is_steps && !is_andon)
        writer_text(&a->head, "*&field=severity&step=1m");
    else
        put_escaped(a, q->text);
    if (is_andon && !is_lines && !is_steps)
        writer_format(&a->head, "&time=%llu000000000", end);
    else
        writer_format(&a->head, "&start=%llu000000000&end=%llu000000000", start, end);
    if (is_lines)
        writer_format(&a->head, "&limit=%s%s", q->kind + 6, is_andon ? "&direction=backward" : "");
    if (is_steps && is_andon)
        writer_text(&a->head, "&step=60");
    writer_format(&a->head, " HTTP/1.1\r\nHost: 127.0.0.1:%u\r\n\r\n", a->client.port);
}

/* Nanoseconds that the process has been on a CPU, with the threads that are gone. */
static uint64_t cpu_ns(unsigned pid)
{
    clockid_t clock;
    struct timespec t;
    if (clock_getcpuclockid((pid_t)pid, &clock) != 0 || clock_gettime(clock, &t) != 0)
        return 0;
    return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

/* ---- answers -------------------------------------------------------------------------- */

static void keep_line(struct asker *a, const char *text)
{
    if (a->count == a->cap)
        a->lines = mem_grow(a->lines, a->cap = a->cap * 2 + 1024, sizeof *a->lines);
    size_t len = strlen(text) + 1;
    a->lines[a->count] = mem_alloc(len);
    memcpy(a->lines[a->count++], text, len);
}

/* The values of the labels but `c`, lower case, in the order of their names. */
static void put_key(char key[KEY_MAX], json_t *labels)
{
    const char *name;
    json_t *value;
    size_t at = 0;
    key[0] = '\0';
    json_object_foreach(labels, name, value) if (strcmp(name, "c") != 0 && json_is_string(value) &&
                                                 at + 200 < KEY_MAX) at +=
        (size_t)snprintf(key + at, KEY_MAX - at, "%.100s ", json_string_value(value));
    for (char *p = key; *p; p++)
        *p = (char)tolower((unsigned char)*p);
}

static void keep_group(struct asker *a, json_t *labels, double value)
{
    char key[KEY_MAX], line[KEY_MAX + 64];
    put_key(key, labels);
    (void)snprintf(line, sizeof line, "%s%.12g", key, value);
    keep_line(a, line);
}

static double number_of(const json_t *v)
{
    return json_is_string(v) ? strtod(json_string_value(v), NULL) : json_number_value(v);
}

/* Loki: a vector, a matrix (summed) or streams. */
static void read_loki(struct asker *a)
{
    json_t *root = json_loadb((const char *)a->client.body.at, a->client.body.len, 0, NULL);
    json_t *result = json_object_get(json_object_get(root, "data"), "result"), *one, *item;
    size_t i, k;
    json_array_foreach(result, i, one)
    {
        json_t *values = json_object_get(one, "values"), *stream = json_object_get(one, "stream");
        double sum = 0;
        json_array_foreach(values, k, item)
        {
            if (stream)
                keep_line(a, json_string_value(json_array_get(item, 1)));
            else
                sum += number_of(json_array_get(item, 1));
        }
        if (!values)
            sum = number_of(json_array_get(json_object_get(one, "value"), 1));
        if (!stream)
            keep_group(a, json_object_get(one, "metric"), sum);
    }
    json_decref(root);
}

/* VictoriaLogs: an object a line; the counts by time have one object in all. */
static void read_victoria(struct asker *a)
{
    writer_u8(&a->client.body, '\0');
    char *line = (char *)a->client.body.at;
    for (char *end; *line; line = end) {
        end = line + strcspn(line, "\n");
        json_t *root = json_loadb(line, (size_t)(end - line), 0, NULL);
        json_t *hits = json_object_get(root, "hits"), *one;
        size_t i;
        const char *message = json_string_value(json_object_get(root, "_msg"));
        json_array_foreach(hits, i, one)
            keep_group(a, json_object_get(one, "fields"), number_of(json_object_get(one, "total")));
        if (message)
            keep_line(a, message);
        else if (!hits && root)
            keep_group(a, root, number_of(json_object_get(root, "c")));
        json_decref(root);
        end += *end == '\n';
    }
    a->client.body.len--;
}

static int by_text(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static void keep_answer(struct asker *a, const struct query *q)
{
    char path[512];
    (void)snprintf(path, sizeof path, "%s/%s.txt", a->out, q->name);
    FILE *f = *a->out ? fopen(path, "wb") : NULL;
    if (*a->out && !f) {
        perror(path);
        exit(1);
    }
    if (strcmp(a->system, "andon") == 0)
        read_loki(a);
    else
        read_victoria(a);
    if (a->count)
        qsort(a->lines, a->count, sizeof *a->lines, by_text);
    for (size_t i = 0; i < a->count; i++) {
        if (f)
            (void)fprintf(f, "%s\n", a->lines[i]);
        mem_free(a->lines[i]);
    }
    if (f && fclose(f) != 0) {
        perror(path);
        exit(1);
    }
}

/* ---- the run -------------------------------------------------------------------------- */

static int by_value(const void *a, const void *b)
{
    const double *x = a, *y = b;
    return (*x > *y) - (*x < *y);
}

static void ask(struct asker *a, const struct query *q)
{
    int status = 0;
    uint64_t before = cpu_ns(a->pid);
    for (uint64_t i = 0; i < a->repeat; i++) {
        put_request(a, q, i);
        int64_t begin = clock_mono_ns(clock_real());
        status = client_ask(&a->client, writer_bytes(&a->head), (struct bytes){NULL, 0});
        a->ms[i] = (double)(clock_mono_ns(clock_real()) - begin) / 1e6;
        if (status != 200)
            break;
    }
    double cpu_ms = (double)(cpu_ns(a->pid) - before) / 1e6 / (double)a->repeat;
    if (status != 200) {
        a->failures++;
        (void)printf("{\"query\":\"%s\",\"status\":%d}\n", q->name, status);
        (void)fprintf(stderr, "%s: status %d: %.*s\n", q->name, status,
                      (int)(a->client.body.len < 300 ? a->client.body.len : 300),
                      (const char *)a->client.body.at);
        return;
    }
    a->count = 0;
    size_t bytes = a->client.body.len;
    keep_answer(a, q);
    double first = a->ms[0];
    qsort(a->ms, a->repeat, sizeof a->ms[0], by_value);
    (void)printf("{\"query\":\"%s\",\"status\":200,\"first_ms\":%.3f,\"min_ms\":%.3f,"
                 "\"p50_ms\":%.3f,\"max_ms\":%.3f,\"cpu_ms\":%.3f,\"bytes\":%zu,\"rows\":%zu}\n",
                 q->name, first, a->ms[0], a->ms[a->repeat / 2], a->ms[a->repeat - 1], cpu_ms,
                 bytes, a->count);
}

int main(int argc, char **argv)
{
    if (argc < 7) {
        (void)fprintf(stderr, "usage: ask_logs QUERIES andon|victoria PORT PID END_MS SPAN_S "
                              "[out=DIR] [repeat=7] [only=NAME]\n");
        return 2;
    }
    static struct asker a;
    a.system = argv[2];
    client_init(&a.client, (uint16_t)strtoul(argv[3], NULL, 10));
    a.pid = (unsigned)strtoul(argv[4], NULL, 10);
    a.end_s = strtoull(argv[5], NULL, 10) / 1000;
    a.span_s = strtoull(argv[6], NULL, 10);
    a.out = option_text(argc, argv, "out", "");
    a.repeat = option_number(argc, argv, "repeat", 7);
    const char *only = option_text(argc, argv, "only", "");
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
        if (parse_query(line, &q) && strcmp(q.system, a.system) == 0 &&
            (!*only || strcmp(only, q.name) == 0))
            ask(&a, &q);
    (void)fclose(f);
    client_release(&a.client);
    writer_release(&a.head);
    mem_free(a.lines);
    return a.failures ? 1 : 0;
}
