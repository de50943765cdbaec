/* Sends numbered datagrams at a pace, and closes the books: sent = stored + counted losses.
 *
 * usage: udp_paced FILE UDP_PORT HTTP_PORT [rate=20000] [count=all] [settle_ms=2000]
 *
 * FILE: gen_metrics otlp with per_request small enough for a datagram, each body once, each
 * with the same number of samples.  Every body goes into an andon.Envelope numbered from 1,
 * `rate` of them a second, the last one half a second after the others: the kernel tells of
 * what it dropped with the next datagram only.  Then the server's own counters are read, and
 * its store is asked how many samples of the job it has:
 *
 *   sent      = received + kernel drops                  (andon_udp_*_total)
 *   not received = gaps in the senders' sequences
 *   received  = stored + rejected                        (samples, from a query)
 *
 * One JSON line; status 0 when every equation holds.
 */
#include "bench/client.h"
#include "collector/decode/envelope.h"
#include "tsdb/base/mem.h"
#include "tsdb/base/random.h"

#include <fcntl.h>
#include <jansson.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>

enum { HEADER_BYTES = 8, DATAGRAM_MAX = 65000 };

struct books {
    double datagrams, drops, gaps, accepted, rejected, messages_rejected, stored;
};

struct paced {
    struct client http;
    int fd;
    char sender[ENVELOPE_SENDER_MAX];
    uint64_t sent, refused, bytes, samples_each;
    double seconds;
};

static void sleep_ns(int64_t ns)
{
    struct timespec t = {ns / NS_PER_S, ns % NS_PER_S};
    (void)nanosleep(&t, NULL);
}

/* ---- the server's side --------------------------------------------------------------- */

static bool get(struct client *c, const char *target)
{
    struct writer head = {0};
    writer_format(&head, "GET %s HTTP/1.1\r\nHost: 127.0.0.1:%u\r\n\r\n", target, c->port);
    int status = client_ask(c, writer_bytes(&head), (struct bytes){NULL, 0});
    writer_release(&head);
    writer_u8(&c->body, 0);
    if (status != 200)
        (void)fprintf(stderr, "%s: status %d: %s\n", target, status, (const char *)c->body.at);
    return status == 200;
}

/* The sum over the lines of the family that contain `label`. */
static double counter(const char *text, const char *name, const char *label)
{
    double sum = 0;
    size_t len = strlen(name);
    for (const char *line = text; line && *line; line = strchr(line, '\n')) {
        line += *line == '\n';
        if (strncmp(line, name, len) != 0 || (line[len] != '{' && line[len] != ' '))
            continue;
        const char *end = strchr(line, '\n');
        const char *value = memrchr(line, ' ', end ? (size_t)(end - line) : strlen(line));
        const char *found = strstr(line, label);
        if (value && found && found <= value)
            sum += strtod(value, NULL);
    }
    return sum;
}

/* Samples of the job in the store: names one by one, as functions drop the name. */
static bool read_stored(struct paced *p, double *out)
{
    *out = 0;
    if (!get(&p->http, "/api/v1/label/__name__/values?match%5B%5D=%7Bjob%3D%22node%22%2C"
                       "__name__!%3D%22target_info%22%7D"))
        return false;
    json_t *root = json_loads((const char *)p->http.body.at, 0, NULL), *name;
    size_t i;
    bool is_read = root != NULL;
    json_array_foreach(json_object_get(root, "data"), i, name)
    {
        char target[512];
        (void)snprintf(target, sizeof target,
                       "/api/v1/query?query=sum(count_over_time(%s%%7Bjob%%3D%%22node%%22%%7D"
                       "%%5B2d%%5D))",
                       json_string_value(name));
        is_read = is_read && get(&p->http, target);
        const char *value = is_read ? strstr((const char *)p->http.body.at, "\"value\":[") : NULL;
        value = value ? strchr(value, ',') : NULL;
        value = value ? strchr(value, '"') : NULL;
        *out += value ? strtod(value + 1, NULL) : 0;
    }
    json_decref(root);
    return is_read;
}

static bool read_books(struct paced *p, struct books *b)
{
    if (!get(&p->http, "/metrics"))
        return false;
    const char *text = (const char *)p->http.body.at;
    b->datagrams = counter(text, "andon_udp_datagrams_total", "");
    b->drops = counter(text, "andon_udp_kernel_drops_total", "");
    b->gaps = counter(text, "andon_udp_sequence_gaps_total", "");
    b->accepted = counter(text, "andon_items_accepted_total", "door=\"udp\"");
    b->rejected = counter(text, "andon_items_rejected_total", "door=\"udp\"");
    b->messages_rejected = counter(text, "andon_messages_rejected_total", "door=\"udp\"");
    return read_stored(p, &b->stored);
}

/* ---- sending ------------------------------------------------------------------------- */

static bool open_socket(struct paced *p, uint16_t port)
{
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(port)};
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    p->fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    return p->fd != -1 && connect(p->fd, (const struct sockaddr *)&to, sizeof to) == 0;
}

static void send_one(struct paced *p, struct bytes body, struct writer *out)
{
    struct envelope e = {.sender = {p->sender, strlen(p->sender)},
                         .sequence = p->sent + 1,
                         .kind = ENVELOPE_METRICS,
                         .codec = ENVELOPE_NONE,
                         .payload = body};
    writer_reset(out);
    envelope_encode(&e, out);
    if (out->len > DATAGRAM_MAX) {
        (void)fprintf(stderr, "a body of %zu bytes does not fit a datagram\n", body.len);
        exit(1);
    }
    /* The same number again after a refusal: what was not sent leaves no gap. */
    while (send(p->fd, out->at, out->len, 0) == -1) {
        if (++p->refused > 1000000) {
            perror("send");
            exit(1);
        }
        sleep_ns(NS_PER_MS);
    }
    p->sent++;
    p->bytes += out->len;
}

static void send_all(struct paced *p, struct bytes file, uint64_t rate, uint64_t count)
{
    struct writer out = {0};
    int64_t begin = clock_mono_ns(clock_real());
    for (size_t at = 0; at + HEADER_BYTES <= file.len && p->sent < count;) {
        bool is_last = p->sent + 1 == count;
        uint32_t len, samples;
        memcpy(&len, file.at + at, 4);
        memcpy(&samples, file.at + at + 4, 4);
        if (p->sent == 0)
            p->samples_each = samples;
        if (len > file.len - at - HEADER_BYTES || samples != p->samples_each) {
            (void)fprintf(stderr, "want whole bodies of %llu samples each\n",
                          (unsigned long long)p->samples_each);
            exit(1);
        }
        at += HEADER_BYTES + len;
        if (is_last || at == file.len) {
            p->seconds = (double)(clock_mono_ns(clock_real()) - begin) / 1e9;
            sleep_ns(NS_PER_S / 2);
        }
        send_one(p, (struct bytes){file.at + at - len, len}, &out);
        int64_t due = begin + (int64_t)((double)p->sent / (double)rate * 1e9);
        int64_t ahead = due - clock_mono_ns(clock_real());
        if (ahead > NS_PER_MS / 2)
            sleep_ns(ahead);
    }
    writer_release(&out);
}

static int close_books(const struct paced *p, const struct books *a, const struct books *b)
{
    double received = b->datagrams - a->datagrams, drops = b->drops - a->drops;
    double gaps = b->gaps - a->gaps, stored = b->stored - a->stored;
    double rejected = b->rejected - a->rejected;
    double refused = b->messages_rejected - a->messages_rejected;
    double each = (double)p->samples_each;
    bool is_sent = (double)p->sent == received + drops;
    bool is_stored = (received - refused) * each == stored + rejected;
    bool is_gap = gaps == drops;
    (void)printf("{\"sent\":%llu,\"seconds\":%.3f,\"bytes\":%llu,\"samples_each\":%llu,"
                 "\"received\":%.0f,\"kernel_drops\":%.0f,\"gaps\":%.0f,"
                 "\"messages_rejected\":%.0f,\"samples_accepted\":%.0f,\"samples_rejected\":%.0f,"
                 "\"samples_stored\":%.0f,\"sent_is_received_and_dropped\":%s,"
                 "\"received_is_stored_and_rejected\":%s,\"send_retries\":%llu}\n",
                 (unsigned long long)p->sent, p->seconds, (unsigned long long)p->bytes,
                 (unsigned long long)p->samples_each, received, drops, gaps, refused,
                 b->accepted - a->accepted, rejected, stored, is_sent ? "true" : "false",
                 is_stored ? "true" : "false", (unsigned long long)p->refused);
    return is_sent && is_stored && is_gap ? 0 : 1;
}

int main(int argc, char **argv)
{
    if (argc < 4) {
        (void)fprintf(stderr, "usage: udp_paced FILE UDP_PORT HTTP_PORT [rate=20000] [count=N] "
                              "[settle_ms=2000]\n");
        return 2;
    }
    static struct paced p;
    client_init(&p.http, (uint16_t)strtoul(argv[3], NULL, 10));
    uint64_t secret;
    random_secret(&secret, sizeof secret);
    (void)snprintf(p.sender, sizeof p.sender, "paced-%016llx", (unsigned long long)secret);
    int fd = open(argv[1], O_RDONLY | O_CLOEXEC);
    struct stat info;
    if (fd == -1 || fstat(fd, &info) == -1) {
        perror(argv[1]);
        return 1;
    }
    size_t len = (size_t)info.st_size;
    void *map = mmap(NULL, len, PROT_READ, MAP_SHARED | MAP_POPULATE, fd, 0);
    if (map == MAP_FAILED || !open_socket(&p, (uint16_t)strtoul(argv[2], NULL, 10))) {
        perror(argv[1]);
        return 1;
    }
    struct books before, after;
    if (!read_books(&p, &before))
        return 1;
    send_all(&p, (struct bytes){map, len}, option_number(argc, argv, "rate", 20000),
             option_number(argc, argv, "count", UINT64_MAX));
    sleep_ns((int64_t)option_number(argc, argv, "settle_ms", 2000) * NS_PER_MS);
    if (!read_books(&p, &after))
        return 1;
    return close_books(&p, &before, &after);
}
