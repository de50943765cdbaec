/* The pages and the stream, over exchanges without a network. */
#include "collector/radiator/radiator.h"

#include "collector/radiator/asset.h"
#include "tests/collector/radiator/fake_store.h"
#include "tsdb/base/mem.h"
#include "tsdb/base/thread.h"
#include "tsdb/base/writer.h"

#include <stdatomic.h>
#include <time.h>

enum { TICK_MS = 10, WAIT_MS = 5000 };

struct exchange {
    const char *method, *path, *if_none_match;
    const char *tenant; /* NULL: the default one */
    struct mutex lock;
    _Atomic bool is_gone, is_deaf; /* deaf: its connection takes nothing */
    int status, writes, ends;
    char type[64], headers[512];
    struct writer out;
};

static struct tsdb db;
static struct radiator *radiator;
static struct exchange *asked[2 * RADIATOR_BOARDS_MAX];
static size_t asked_count;
static struct exchange_route routes[8];
static size_t route_count;

/* ---- the fake ---- */

struct tsdb_text exchange_method(const struct exchange *x)
{
    return text_of(x->method);
}

struct tsdb_text exchange_path(const struct exchange *x)
{
    return text_of(x->path);
}

struct tsdb_text exchange_header(const struct exchange *x, const char *name)
{
    bool is_asked = strcmp(name, "if-none-match") == 0 && x->if_none_match;
    return is_asked ? text_of(x->if_none_match) : (struct tsdb_text){"", 0};
}

struct tsdb_text exchange_tenant(const struct exchange *x)
{
    return text_of(x->tenant ? x->tenant : "");
}

bool exchange_is_open(const struct exchange *x)
{
    return !x->is_gone;
}

void exchange_start(struct exchange *x, const struct exchange_answer *answer)
{
    x->status = answer->status;
    (void)snprintf(x->type, sizeof x->type, "%s", answer->content_type ? answer->content_type : "");
    for (size_t i = 0; i < answer->header_count; i++) {
        size_t n = strlen(x->headers);
        (void)snprintf(x->headers + n, sizeof x->headers - n, "%.*s: %.*s\n",
                       (int)answer->headers[i].name.len, answer->headers[i].name.at,
                       (int)answer->headers[i].value.len, answer->headers[i].value.at);
    }
}

bool exchange_write(struct exchange *x, struct bytes part)
{
    mutex_lock(&x->lock);
    cr_assert_eq(x->ends, 0);
    writer_put(&x->out, part.at, part.len);
    x->writes++;
    mutex_unlock(&x->lock);
    return !x->is_gone;
}

uint64_t exchange_queued(struct exchange *x)
{
    return x->is_deaf ? 100 : 0;
}

void exchange_end(struct exchange *x)
{
    mutex_lock(&x->lock);
    x->ends++;
    mutex_unlock(&x->lock);
}

void exchange_reply(struct exchange *x, const struct exchange_answer *answer, struct bytes body)
{
    exchange_start(x, answer);
    (void)exchange_write(x, body);
    exchange_end(x);
}

/* ---- asking ---- */

static int read_int(struct exchange *x, const int *field)
{
    mutex_lock(&x->lock);
    int value = *field;
    mutex_unlock(&x->lock);
    return value;
}

/* Until the field is at least so much; the test fails when it never is. */
static void await(struct exchange *x, const int *field, int least)
{
    struct timespec pause = {.tv_nsec = NS_PER_MS};
    for (int ms = 0; ms < WAIT_MS && read_int(x, field) < least; ms++)
        (void)nanosleep(&pause, NULL);
    cr_assert_geq(read_int(x, field), least);
}

/* Lives until the end of the test. */
static struct exchange *ask(const char *method, const char *path)
{
    struct exchange *x = MEM_NEW(struct exchange);
    cr_assert_lt(asked_count, sizeof asked / sizeof asked[0]);
    asked[asked_count++] = x;
    x->method = method;
    x->path = path;
    mutex_init(&x->lock);
    return x;
}

static void run(struct exchange *x)
{
    size_t best = 0;
    const struct exchange_route *route = NULL;
    for (size_t i = 0; i < route_count; i++) {
        size_t n = strlen(routes[i].path);
        if (strncmp(x->path, routes[i].path, n) == 0 && n > best) {
            best = n;
            route = &routes[i];
        }
    }
    cr_assert_not_null(route, "%s", x->path);
    route->handler(route->arg, x);
}

static const char *text(struct exchange *x)
{
    mutex_lock(&x->lock);
    writer_u8(&x->out, 0);
    x->out.len--;
    mutex_unlock(&x->lock);
    return (const char *)x->out.at;
}

static void release(struct exchange *x)
{
    writer_release(&x->out);
    mutex_release(&x->lock);
    mem_free(x);
}

static void up(void)
{
    db.stats = (struct tsdb_stats){.series_active = 7, .memory_limit = 1};
    fake_add(&db, "cart", 2, 30);
    radiator = radiator_new(&(struct radiator_options){.db = &db, .tick_ms = TICK_MS});
    route_count = radiator_routes(radiator, routes);
}

static void down(void)
{
    radiator_stop(radiator);
    radiator_free(radiator);
    for (size_t i = 0; i < asked_count; i++)
        release(asked[i]);
}

TestSuite(radiator, .init = up, .fini = down, .timeout = 30);

/* ---- pages ---- */

Test(radiator, serves_every_page_with_its_type_and_tag)
{
    static const char *const pages[][2] = {
        {"/", "text/html; charset=utf-8"},
        {"/explore", "text/html; charset=utf-8"},
        {"/assets/board.js", "text/javascript; charset=utf-8"},
        {"/assets/explore.js", "text/javascript; charset=utf-8"},
        {"/assets/style.css", "text/css; charset=utf-8"},
        {"/assets/uplot.css", "text/css; charset=utf-8"},
        {"/assets/icon.svg", "image/svg+xml"},
    };
    cr_assert_eq(asset_count, sizeof pages / sizeof pages[0]);
    for (size_t i = 0; i < sizeof pages / sizeof pages[0]; i++) {
        struct exchange *x = ask("GET", pages[i][0]);
        run(x);
        cr_assert_eq(x->status, 200, "%s", x->path);
        cr_assert_str_eq(x->type, pages[i][1]);
        cr_assert_gt(x->out.len, 100, "%s", x->path);
        cr_assert_not_null(strstr(x->headers, "etag: \""));
        cr_assert_not_null(strstr(x->headers, "cache-control: no-cache"));
    }
}

Test(radiator, a_page_that_is_the_same_is_not_sent_again)
{
    for (size_t i = 0; i < asset_count; i++) {
        struct exchange *x = ask("GET", assets[i].path);
        x->if_none_match = assets[i].tag;
        run(x);
        cr_assert_eq(x->status, 304);
        cr_assert_eq(x->out.len, 0);
    }
}

Test(radiator, other_paths_are_told_where_the_pages_are)
{
    static const char *const paths[] = {"/nothing", "/assets/", "/assets/../../etc/passwd",
                                        "/explore2", "/assets/board.js/"};
    for (size_t i = 0; i < sizeof paths / sizeof paths[0]; i++) {
        struct exchange *x = ask("GET", paths[i]);
        run(x);
        cr_assert_eq(x->status, 404, "%s", paths[i]);
        cr_assert_str_eq(text(x), "no such page: the board is at /, queries at /explore\n");
    }
}

/* What the content security policy would block must not be written in the first place. */
Test(radiator, pages_have_no_inline_script_or_style)
{
    static const char *const banned[] = {"<script>", "style=",  "<style",  "javascript:",
                                         " onclick", " onload", "http://", "https://"};
    for (size_t i = 0; i < asset_count; i++) {
        if (strncmp(assets[i].type, "text/html", 9) != 0)
            continue;
        struct writer w = {0};
        writer_put(&w, assets[i].at, assets[i].len);
        writer_u8(&w, 0);
        for (size_t k = 0; k < sizeof banned / sizeof banned[0]; k++)
            cr_assert_null(strstr((const char *)w.at, banned[k]), "%s in %s", banned[k],
                           assets[i].path);
        writer_release(&w);
    }
}

/* ---- the stream ---- */

Test(radiator, a_board_gets_the_latest_snapshot_at_once_and_then_more)
{
    struct exchange *x = ask("GET", "/-/live");
    run(x);
    cr_assert_eq(x->status, 200);
    cr_assert_str_eq(x->type, "text/event-stream");
    cr_assert_eq(strncmp(text(x), "retry: 2000\n\n", 13), 0);
    await(x, &x->writes, 4);
    const char *event = strstr(text(x), "event: snapshot\ndata: {\"at\":");
    cr_assert_not_null(event);
    const char *end = strstr(event, "}\n\n");
    cr_assert_not_null(end);
    cr_assert_not_null(strstr(event, "\"active\":7"));
    radiator_stop(radiator);
    cr_assert_eq(x->ends, 1, "a stop ends the stream");
    radiator_free(radiator);
    up();
}

Test(radiator, the_store_is_asked_for_services_only_while_someone_looks)
{
    struct timespec pause = {.tv_nsec = 5 * TICK_MS * NS_PER_MS};
    (void)nanosleep(&pause, NULL);
    cr_assert_eq(db.queries, 0);
    struct exchange *x = ask("GET", "/-/live");
    run(x);
    await(x, &x->writes, 3);
    cr_assert_eq(db.queries, 1);
    cr_assert_not_null(strstr(text(x), "\"services\":[{\"name\":\"cart\""));
}

/* Until it has received the text; the test fails when it never does. */
static void await_text(struct exchange *x, const char *want)
{
    for (int writes = 1; writes < WAIT_MS / TICK_MS; writes++) {
        await(x, &x->writes, writes);
        if (strstr(text(x), want))
            return;
    }
    cr_assert(false, "want %s in %s", want, text(x));
}

Test(radiator, a_board_shows_its_own_tenants_services_only)
{
    static const char *const tenants[] = {"", "acme", "other", "acme"};
    static const char *const own[] = {"cart", "acme-job", "other-job", "acme-job"};
    struct exchange *boards[4];
    fake_add_for(&db, "acme", "acme-job");
    fake_add_for(&db, "other", "other-job");
    for (int i = 0; i < 4; i++) {
        boards[i] = ask("GET", "/-/live");
        boards[i]->tenant = tenants[i];
        run(boards[i]);
    }
    for (int i = 0; i < 4; i++) {
        char want[100];
        (void)snprintf(want, sizeof want, "\"services\":[{\"name\":\"%s\",\"series\":", own[i]);
        await_text(boards[i], want);
        await_text(boards[i], "\"active\":7");
        for (int k = 0; k < 4; k++)
            cr_assert(strcmp(tenants[i], tenants[k]) == 0 || !strstr(text(boards[i]), own[k]),
                      "%s sees %s", own[i], own[k]);
    }
}

/* Its boards gone, a tenant costs nothing; come back, it is served again. */
Test(radiator, a_tenant_may_go_and_come_again)
{
    fake_add_for(&db, "acme", "acme-job");
    for (int i = 0; i < 3; i++) {
        struct exchange *x = ask("GET", "/-/live");
        x->tenant = "acme";
        run(x);
        cr_assert_eq(x->status, 200);
        await_text(x, "acme-job");
        x->is_gone = true;
        await(x, &x->ends, 1);
    }
    struct exchange *x = ask("GET", "/-/live");
    run(x);
    await(x, &x->writes, 3);
    cr_assert_leq(db.queries, 4, "at most one for each that came");
}

Test(radiator, head_is_answered_and_ended)
{
    struct exchange *x = ask("HEAD", "/-/live");
    run(x);
    cr_assert_eq(x->status, 200);
    cr_assert_eq(x->ends, 1);
    cr_assert_eq(x->writes, 0);
}

Test(radiator, one_board_too_many_is_refused_until_another_goes)
{
    static struct exchange *boards[RADIATOR_BOARDS_MAX];
    for (int i = 0; i < RADIATOR_BOARDS_MAX; i++) {
        boards[i] = ask("GET", "/-/live");
        run(boards[i]);
        cr_assert_eq(boards[i]->status, 200, "board %d", i);
    }
    struct exchange *x = ask("GET", "/-/live");
    run(x);
    cr_assert_eq(x->status, 503);
    cr_assert_eq(x->ends, 1);
    for (int i = 0; i < RADIATOR_BOARDS_MAX; i++)
        await(boards[i], &boards[i]->writes, 2);
    boards[3]->is_gone = true;
    await(boards[3], &boards[3]->ends, 1);
    struct exchange *next = ask("GET", "/-/live");
    run(next);
    cr_assert_eq(next->status, 200);
}

/* Nothing is queued behind what a board has not read; one that never reads is ended. */
Test(radiator, a_board_that_lags_is_left_out_then_ended_and_delays_no_other)
{
    struct exchange *deaf = ask("GET", "/-/live"), *good = ask("GET", "/-/live");
    deaf->is_deaf = true;
    run(deaf);
    run(good);
    await(good, &good->writes, RADIATOR_LATE_MAX / 2);
    cr_assert_eq(read_int(deaf, &deaf->writes), 1, "only what it got when it opened");
    cr_assert_eq(read_int(deaf, &deaf->ends), 0, "it may yet catch up");
    await(deaf, &deaf->ends, 1);
    cr_assert_eq(deaf->writes, 1);
    await(good, &good->writes, RADIATOR_LATE_MAX + 5);
    cr_assert_eq(read_int(good, &good->ends), 0);
}

Test(radiator, a_board_that_catches_up_stays)
{
    struct exchange *x = ask("GET", "/-/live"), *good = ask("GET", "/-/live");
    x->is_deaf = true;
    run(x);
    run(good);
    await(good, &good->writes, RADIATOR_LATE_MAX / 2);
    x->is_deaf = false;
    await(x, &x->writes, 2 * RADIATOR_LATE_MAX);
    cr_assert_eq(read_int(x, &x->ends), 0);
}

Test(radiator, after_a_stop_boards_are_refused)
{
    radiator_stop(radiator);
    struct exchange *x = ask("GET", "/-/live");
    run(x);
    cr_assert_eq(x->status, 503);
    cr_assert_eq(x->ends, 1);
    radiator_free(radiator);
    up();
}
