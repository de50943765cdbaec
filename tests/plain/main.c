/* Runs the tests that registered themselves; see criterion/criterion.h.
 * usage: PROGRAM [part of SUITE::NAME] */
#include "criterion/criterion.h"

#include <stdarg.h>
#include <sys/wait.h>
#include <unistd.h>

static struct plain_test *tests;
static struct plain_suite *suites;
static bool has_failed; /* of the child's test */

void plain_add_test(struct plain_test *test)
{
    struct plain_test **at = &tests;
    while (*at)
        at = &(*at)->next;
    *at = test;
}

void plain_add_suite(struct plain_suite *suite)
{
    suite->next = suites;
    suites = suite;
}

void plain_fail(bool is_end, const char *file, int line, const char *what, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    (void)fprintf(stderr, "%s:%d: %s:", file, line, what);
    (void)vfprintf(stderr, fmt, args);
    (void)fputc('\n', stderr);
    va_end(args);
    has_failed = true;
    if (is_end)
        exit(1);
}

static struct plain_options options_of(const struct plain_test *t)
{
    struct plain_options o = t->options;
    for (const struct plain_suite *s = suites; s; s = s->next) {
        if (strcmp(s->name, t->suite) != 0)
            continue;
        o.init = o.init ? o.init : s->options.init;
        o.fini = o.fini ? o.fini : s->options.fini;
        o.timeout = o.timeout > 0 ? o.timeout : s->options.timeout;
    }
    return o;
}

static void run(const struct plain_test *t, void *param)
{
    struct plain_options o = options_of(t);
    unsigned seconds = o.timeout > 0 ? (unsigned)o.timeout * 4 : 120; /* sanitizers are slow */
    (void)alarm(seconds);
    if (o.init)
        o.init();
    if (t->run_with)
        t->run_with(param);
    else
        t->run();
    if (o.fini)
        o.fini();
    exit(has_failed);
}

static bool passes(const struct plain_test *t, void *param)
{
    int status = 0;
    (void)fflush(NULL);
    pid_t child = fork();
    if (child == 0)
        run(t, param);
    bool has_ended = child > 0 && waitpid(child, &status, 0) == child;
    int signal = has_ended && WIFSIGNALED(status) ? WTERMSIG(status) : 0;
    bool is_right = t->options.signal ? signal == t->options.signal : status == 0;
    if (!has_ended || !is_right) {
        printf("[FAIL] %s::%s: status %d\n", t->suite, t->name, status);
        return false;
    }
    return true;
}

int main(int argc, char **argv)
{
    int tested = 0, failed = 0;
    for (struct plain_test *t = tests; t; t = t->next) {
        char name[256];
        (void)snprintf(name, sizeof name, "%s::%s", t->suite, t->name);
        if (t->options.disabled || (argc > 1 && !strstr(name, argv[1])))
            continue;
        struct criterion_test_params params = {.length = 1};
        if (t->params)
            params = t->params();
        for (size_t i = 0; i < params.length; i++) {
            tested++;
            failed += !passes(t, params.params ? (char *)params.params + i * params.size : NULL);
        }
    }
    printf("tested %d, failed %d\n", tested, failed);
    return failed > 0;
}
