/* Sends the bodies that gen_metrics wrote to a server on this machine.
 *
 * usage: replay FILE PORT [path=/api/v1/write] [coding=snappy|none] [connections=4]
 *               [from=0] [count=all] [rate=0]
 *
 * Connection k sends the requests k, k + connections, ...: with a number of requests a
 * step that the connections divide, each series stays on one connection and in order.
 * 429 and 503 are retried after Retry-After (1 s without), for as long as it takes; any
 * other answer but 2xx is an error, counted and not retried.  rate: samples per second
 * over all connections; 0: as fast as they are taken.  Prints one JSON line.
 */
#include "bench/client.h"
#include "tsdb/base/mem.h"
#include "tsdb/base/thread.h"

#include <fcntl.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>

enum { CONNECTIONS_MAX = 64, HEADER_BYTES = 8 };

struct request {
    struct bytes body;
    uint32_t samples;
};

struct replay {
    const char *path, *coding, *media;
    uint16_t port;
    uint64_t connections, rate;
    struct request *requests;
    size_t count;
    int64_t start_ns;
    int64_t *latency_ns; /* by request */
    _Atomic uint64_t samples, errors, retries, begun_samples;
    _Atomic int last_error;
    char error_text[200];
};

struct lane {
    struct replay *replay;
    uint64_t index;
    struct thread thread;
};

static void sleep_ns(int64_t ns)
{
    struct timespec t = {ns / NS_PER_S, ns % NS_PER_S};
    (void)nanosleep(&t, NULL);
}

/* Waits until as many samples as were begun may have been, at the rate. */
static void pace(struct replay *r, uint32_t samples)
{
    uint64_t before = atomic_fetch_add(&r->begun_samples, samples);
    if (r->rate == 0)
        return;
    int64_t due = r->start_ns + (int64_t)((double)before / (double)r->rate * 1e9);
    int64_t now = clock_mono_ns(clock_real());
    if (due > now)
        sleep_ns(due - now);
}

static void send_one(struct replay *r, struct client *c, size_t index)
{
    const struct request *q = &r->requests[index];
    char head[512];
    int len = snprintf(head, sizeof head,
                       "POST %s HTTP/1.1\r\nHost: 127.0.0.1:%u\r\nUser-Agent: andon-replay\r\n"
                       "Content-Length: %zu\r\n%s%s%sContent-Type: %s\r\n"
                       "X-Prometheus-Remote-Write-Version: 0.1.0\r\n\r\n",
                       r->path, r->port, q->body.len, *r->coding ? "Content-Encoding: " : "",
                       r->coding, *r->coding ? "\r\n" : "", r->media);
    struct bytes first = {(const uint8_t *)head, (size_t)len};
    pace(r, q->samples);
    int64_t begin = clock_mono_ns(clock_real());
    int status = client_ask(c, first, q->body);
    while (status == 429 || status == 503) {
        atomic_fetch_add(&r->retries, 1);
        sleep_ns((c->retry_after_s < 0 ? 1 : c->retry_after_s) * NS_PER_S);
        status = client_ask(c, first, q->body);
    }
    r->latency_ns[index] = clock_mono_ns(clock_real()) - begin;
    if (status >= 200 && status < 300) {
        atomic_fetch_add(&r->samples, q->samples);
        return;
    }
    if (atomic_fetch_add(&r->errors, 1) == 0) {
        atomic_store(&r->last_error, status);
        (void)snprintf(r->error_text, sizeof r->error_text, "%.*s",
                       (int)(c->body.len < 199 ? c->body.len : 199), (const char *)c->body.at);
    }
}

static void *run_lane(void *arg)
{
    struct lane *lane = arg;
    struct client c;
    client_init(&c, lane->replay->port);
    for (size_t i = lane->index; i < lane->replay->count; i += lane->replay->connections)
        send_one(lane->replay, &c, i);
    client_release(&c);
    return NULL;
}

/* The requests `from` and after it, at most `count`. */
static void find_requests(struct replay *r, struct bytes file, uint64_t from, uint64_t count)
{
    size_t cap = 0;
    uint64_t index = 0;
    for (size_t at = 0; at + HEADER_BYTES <= file.len && r->count < count; index++) {
        uint32_t len, samples;
        memcpy(&len, file.at + at, 4);
        memcpy(&samples, file.at + at + 4, 4);
        at += HEADER_BYTES;
        if (len > file.len - at) {
            (void)fprintf(stderr, "the file ends within a body\n");
            exit(1);
        }
        if (index >= from) {
            if (r->count == cap)
                r->requests = mem_grow(r->requests, cap = cap * 2 + 1024, sizeof *r->requests);
            r->requests[r->count++] = (struct request){{file.at + at, len}, samples};
        }
        at += len;
    }
}

static int by_value(const void *a, const void *b)
{
    const int64_t *x = a, *y = b;
    return (*x > *y) - (*x < *y);
}

static void print_result(struct replay *r, int64_t took_ns)
{
    struct rusage u;
    (void)getrusage(RUSAGE_SELF, &u);
    double cpu_s = (double)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) +
                   (double)(u.ru_utime.tv_usec + u.ru_stime.tv_usec) / 1e6;
    qsort(r->latency_ns, r->count, sizeof *r->latency_ns, by_value);
    size_t n = r->count;
    (void)printf("{\"requests\":%zu,\"samples\":%llu,\"seconds\":%.3f,\"errors\":%llu,"
                 "\"retries\":%llu,\"client_cpu_s\":%.3f,\"p50_ms\":%.3f,\"p99_ms\":%.3f}\n",
                 n, (unsigned long long)r->samples, (double)took_ns / 1e9,
                 (unsigned long long)r->errors, (unsigned long long)r->retries, cpu_s,
                 n ? (double)r->latency_ns[n / 2] / 1e6 : 0.0,
                 n ? (double)r->latency_ns[n * 99 / 100] / 1e6 : 0.0);
    if (r->errors)
        (void)fprintf(stderr, "first error: status %d: %s\n", r->last_error, r->error_text);
}

static struct bytes map_file(const char *path)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    struct stat info;
    if (fd == -1 || fstat(fd, &info) == -1) {
        perror(path);
        exit(1);
    }
    size_t len = (size_t)info.st_size;
    void *map = mmap(NULL, len, PROT_READ, MAP_SHARED, fd, 0);
    (void)close(fd);
    if (map == MAP_FAILED) {
        perror(path);
        exit(1);
    }
    return (struct bytes){map, len};
}

int main(int argc, char **argv)
{
    if (argc < 3) {
        (void)fprintf(stderr, "usage: replay FILE PORT [path=P] [coding=snappy|none] "
                              "[connections=4] [from=0] [count=N] [rate=SAMPLES_PER_S]\n");
        return 2;
    }
    static struct replay r;
    r.port = (uint16_t)strtoul(argv[2], NULL, 10);
    r.path = option_text(argc, argv, "path", "/api/v1/write");
    r.coding = option_text(argc, argv, "coding", "snappy");
    r.media = "application/x-protobuf";
    if (strcmp(r.coding, "none") == 0)
        r.coding = "";
    r.connections = option_number(argc, argv, "connections", 4);
    r.rate = option_number(argc, argv, "rate", 0);
    if (r.connections == 0 || r.connections > CONNECTIONS_MAX) {
        (void)fprintf(stderr, "connections: 1 to %d\n", CONNECTIONS_MAX);
        return 2;
    }
    struct bytes file = map_file(argv[1]);
    find_requests(&r, file, option_number(argc, argv, "from", 0),
                  option_number(argc, argv, "count", UINT64_MAX));
    r.latency_ns = MEM_ARRAY(int64_t, r.count + 1);
    static struct lane lanes[CONNECTIONS_MAX];
    r.start_ns = clock_mono_ns(clock_real());
    struct client probe;
    client_init(&probe, r.port);
    if (!client_connect(&probe)) {
        (void)fprintf(stderr, "nobody listens on port %u\n", r.port);
        return 1;
    }
    client_release(&probe);
    for (uint64_t i = 0; i < r.connections; i++) {
        lanes[i] = (struct lane){.replay = &r, .index = i};
        thread_start(&lanes[i].thread, "lane", run_lane, &lanes[i]);
    }
    for (uint64_t i = 0; i < r.connections; i++)
        thread_join(&lanes[i].thread);
    print_result(&r, clock_mono_ns(clock_real()) - r.start_ns);
    mem_free(r.latency_ns);
    mem_free(r.requests);
    return r.errors ? 1 : 0;
}
