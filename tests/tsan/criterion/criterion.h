/* criterion.h - a stand-in for Criterion under ThreadSanitizer.
 *
 * Criterion maps its arena where TSan keeps its shadow and does not start.  This header
 * is found first in the tsan preset.  Each test runs in a process of its own, forked while there
 * is one thread; a failed assertion ends it. */
#ifndef TESTS_TSAN_CRITERION_H
#define TESTS_TSAN_CRITERION_H

#include <math.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

struct standin_options {
    int first; /* so that an empty list is one */
    void (*init)(void);
    void (*fini)(void);
    double timeout;
    int signal, exit_code;
    bool disabled;
    const char *description;
};

struct criterion_test_params {
    size_t size, length;
    void *params;
};

struct standin_test {
    const char *suite, *name;
    void (*run)(void);
    void (*run_with)(void *param);
    struct criterion_test_params (*params)(void);
    struct standin_options options;
    struct standin_test *next;
};

static struct standin_test *standin_tests;
static struct standin_test *standin_suites;

#define STANDIN_REGISTER(list, entry)                                                              \
    __attribute__((constructor)) static void entry##_register(void)                                \
    {                                                                                              \
        entry.next = list;                                                                         \
        list = &entry;                                                                             \
    }

#define Test(suite_, name_, ...)                                                                   \
    static void suite_##_##name_##_run(void);                                                      \
    static struct standin_test suite_##_##name_##_entry = {.suite = #suite_,                       \
                                                           .name = #name_,                         \
                                                           .run = suite_##_##name_##_run,          \
                                                           .options = {.first = 0, __VA_ARGS__}};  \
    STANDIN_REGISTER(standin_tests, suite_##_##name_##_entry)                                      \
    static void suite_##_##name_##_run(void)

#define TestSuite(suite_, ...)                                                                     \
    static struct standin_test suite_##_suite_entry = {.suite = #suite_,                           \
                                                       .options = {.first = 0, __VA_ARGS__}};      \
    STANDIN_REGISTER(standin_suites, suite_##_suite_entry)                                         \
    _Static_assert(1, "takes the semicolon")

#define ParameterizedTestParameters(suite_, name_)                                                 \
    static struct criterion_test_params suite_##_##name_##_params(void)

#define ParameterizedTest(param_, suite_, name_, ...)                                              \
    static void suite_##_##name_##_run(param_);                                                    \
    static struct standin_test suite_##_##name_##_entry = {                                        \
        .suite = #suite_,                                                                          \
        .name = #name_,                                                                            \
        .run_with = (void (*)(void *))suite_##_##name_##_run,                                      \
        .params = suite_##_##name_##_params,                                                       \
        .options = {.first = 0, __VA_ARGS__}};                                                     \
    STANDIN_REGISTER(standin_tests, suite_##_##name_##_entry)                                      \
    static void suite_##_##name_##_run(param_)

#define cr_make_param_array(type_, array_, count_, ...)                                            \
    ((struct criterion_test_params){sizeof(type_), (count_), (array_)})

__attribute__((noreturn, format(printf, 4, 5))) static inline void
standin_fail(const char *fact, const char *file, int line, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    (void)fprintf(stderr, "%s:%d: %s: ", file, line, fact);
    (void)vfprintf(stderr, fmt, args);
    (void)fputc('\n', stderr);
    va_end(args);
    exit(1);
}

#define cr_assert_fail(...) standin_fail("fails", __FILE__, __LINE__, "" __VA_ARGS__)
#define cr_assert(fact, ...)                                                                       \
    ((fact) ? (void)0 : standin_fail(#fact, __FILE__, __LINE__, "" __VA_ARGS__))
#define cr_assert_not(fact, ...) cr_assert(!(fact), __VA_ARGS__)
#define cr_assert_eq(a, b, ...) cr_assert((a) == (b), __VA_ARGS__)
#define cr_assert_neq(a, b, ...) cr_assert((a) != (b), __VA_ARGS__)
#define cr_assert_lt(a, b, ...) cr_assert((a) < (b), __VA_ARGS__)
#define cr_assert_leq(a, b, ...) cr_assert((a) <= (b), __VA_ARGS__)
#define cr_assert_gt(a, b, ...) cr_assert((a) > (b), __VA_ARGS__)
#define cr_assert_geq(a, b, ...) cr_assert((a) >= (b), __VA_ARGS__)
#define cr_assert_null(a, ...) cr_assert((a) == NULL, __VA_ARGS__)
#define cr_assert_not_null(a, ...) cr_assert((a) != NULL, __VA_ARGS__)
#define cr_assert_str_eq(a, b, ...) cr_assert(strcmp((a), (b)) == 0, __VA_ARGS__)
#define cr_assert_str_neq(a, b, ...) cr_assert(strcmp((a), (b)) != 0, __VA_ARGS__)
#define cr_assert_arr_eq(a, b, n, ...) cr_assert(memcmp((a), (b), (n)) == 0, __VA_ARGS__)
#define cr_assert_float_eq(a, b, e, ...) cr_assert(fabs((a) - (b)) <= (e), __VA_ARGS__)
#define cr_expect cr_assert
#define cr_expect_fail cr_assert_fail
#define cr_expect_not cr_assert_not
#define cr_expect_eq cr_assert_eq
#define cr_expect_neq cr_assert_neq
#define cr_expect_lt cr_assert_lt
#define cr_expect_leq cr_assert_leq
#define cr_expect_gt cr_assert_gt
#define cr_expect_geq cr_assert_geq
#define cr_expect_null cr_assert_null
#define cr_expect_not_null cr_assert_not_null
#define cr_expect_str_eq cr_assert_str_eq
#define cr_expect_str_neq cr_assert_str_neq
#define cr_expect_arr_eq cr_assert_arr_eq
#define cr_expect_float_eq cr_assert_float_eq
#define cr_skip_test(...) exit(0)
#define cr_log_info(...) ((void)fprintf(stderr, __VA_ARGS__), (void)fputc('\n', stderr))
#define cr_log_warn cr_log_info
#define cr_log_error cr_log_info

static inline const struct standin_options *standin_suite(const char *name)
{
    for (const struct standin_test *s = standin_suites; s; s = s->next)
        if (strcmp(s->suite, name) == 0)
            return &s->options;
    return NULL;
}

static inline void standin_run_one(const struct standin_test *t, void *param)
{
    const struct standin_options *suite = standin_suite(t->suite);
    if (suite && suite->init)
        suite->init();
    if (t->options.init)
        t->options.init();
    if (param)
        t->run_with(param);
    else
        t->run();
    if (t->options.fini)
        t->options.fini();
    if (suite && suite->fini)
        suite->fini();
}

/* Whether the test passed. */
static inline bool standin_run(const struct standin_test *t)
{
    (void)fflush(NULL);
    pid_t pid = fork();
    if (pid == 0) {
        struct criterion_test_params p = {0};
        if (t->params)
            p = t->params();
        for (size_t i = 0; i < p.length; i++)
            standin_run_one(t, (char *)p.params + i * p.size);
        if (!t->params)
            standin_run_one(t, NULL);
        exit(0);
    }
    int status = 1;
    bool is_over = pid > 0 && waitpid(pid, &status, 0) == pid;
    return is_over && WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

int main(void)
{
    int passed = 0, failed = 0;
    for (const struct standin_test *t = standin_tests; t; t = t->next) {
        if (t->options.signal || t->options.exit_code || t->options.disabled)
            continue; /* a test that is to end its process */
        bool is_passed = standin_run(t);
        printf("%s %s/%s\n", is_passed ? "ok" : "FAILED", t->suite, t->name);
        passed += is_passed;
        failed += !is_passed;
    }
    printf("%d passed, %d failed\n", passed, failed);
    return passed > 0 && failed == 0 ? 0 : 1;
}

#endif
