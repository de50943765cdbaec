/* criterion.h - what our tests use of Criterion, for builds in which Criterion does not
 * run: ThreadSanitizer leaves no room for its shared arena.
 *
 * Each test (each parameter of one) runs in a process of its own, forked by the one
 * thread of tests/plain/main.c.  cr_assert ends the test, cr_expect goes on.  Messages
 * are literals.  Found first by the include path of such builds; nothing links Criterion
 * then.
 */
#ifndef TESTS_PLAIN_CRITERION_H
#define TESTS_PLAIN_CRITERION_H

#pragma GCC system_header /* as the real one is: no warnings out of its macros */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>

struct plain_options {
    void (*init)(void), (*fini)(void);
    double timeout; /* seconds; 0: the suite's, or two minutes */
    int signal; /* that the test must end by; 0: none */
    bool disabled;
};

struct criterion_test_params {
    size_t size; /* of one parameter */
    void *params;
    size_t length;
};

struct plain_test {
    const char *suite, *name;
    void (*run)(void);
    struct criterion_test_params (*params)(void); /* NULL: none */
    void (*run_with)(void *param);
    struct plain_options options;
    struct plain_test *next;
};

struct plain_suite {
    const char *name;
    struct plain_options options;
    struct plain_suite *next;
};

void plain_add_test(struct plain_test *test);
void plain_add_suite(struct plain_suite *suite);
void plain_fail(bool is_end, const char *file, int line, const char *what, const char *fmt, ...)
    __attribute__((format(printf, 5, 6)));

#define Test(Suite, Name, ...)                                                                     \
    static void Suite##_##Name##_run(void);                                                        \
    __attribute__((constructor)) static void Suite##_##Name##_add(void)                            \
    {                                                                                              \
        static struct plain_test test = {.suite = #Suite,                                          \
                                         .name = #Name,                                            \
                                         .run = Suite##_##Name##_run,                              \
                                         .options = {__VA_ARGS__}};                                \
        plain_add_test(&test);                                                                     \
    }                                                                                              \
    static void Suite##_##Name##_run(void)

#define TestSuite(Suite, ...)                                                                      \
    __attribute__((constructor)) static void Suite##_suite_add(void)                               \
    {                                                                                              \
        static struct plain_suite suite = {.name = #Suite, .options = {__VA_ARGS__}};              \
        plain_add_suite(&suite);                                                                   \
    }

#define CHECK_(IsEnd, Condition, What, ...)                                                        \
    do {                                                                                           \
        if (!(Condition))                                                                          \
            plain_fail(IsEnd, __FILE__, __LINE__, What, " " __VA_ARGS__);                          \
    } while (0)

#define cr_assert(C, ...) CHECK_(true, C, #C, __VA_ARGS__)
#define cr_assert_not(C, ...) CHECK_(true, !(C), "not " #C, __VA_ARGS__)
#define cr_assert_null(P, ...) CHECK_(true, (P) == NULL, #P " is null", __VA_ARGS__)
#define cr_assert_not_null(P, ...) CHECK_(true, (P) != NULL, #P " is not null", __VA_ARGS__)
#define cr_assert_eq(A, B, ...) CHECK_(true, (A) == (B), #A " == " #B, __VA_ARGS__)
#define cr_assert_neq(A, B, ...) CHECK_(true, (A) != (B), #A " != " #B, __VA_ARGS__)
#define cr_assert_lt(A, B, ...) CHECK_(true, (A) < (B), #A " < " #B, __VA_ARGS__)
#define cr_assert_leq(A, B, ...) CHECK_(true, (A) <= (B), #A " <= " #B, __VA_ARGS__)
#define cr_assert_gt(A, B, ...) CHECK_(true, (A) > (B), #A " > " #B, __VA_ARGS__)
#define cr_assert_geq(A, B, ...) CHECK_(true, (A) >= (B), #A " >= " #B, __VA_ARGS__)
#define cr_assert_str_eq(A, B, ...) CHECK_(true, strcmp(A, B) == 0, #A " == " #B, __VA_ARGS__)
#define cr_assert_str_neq(A, B, ...) CHECK_(true, strcmp(A, B) != 0, #A " != " #B, __VA_ARGS__)
#define cr_assert_fail(...) CHECK_(true, false, "fail", __VA_ARGS__)
#define cr_expect(C, ...) CHECK_(false, C, #C, __VA_ARGS__)
#define cr_expect_not(C, ...) CHECK_(false, !(C), "not " #C, __VA_ARGS__)
#define cr_expect_null(P, ...) CHECK_(false, (P) == NULL, #P " is null", __VA_ARGS__)
#define cr_expect_not_null(P, ...) CHECK_(false, (P) != NULL, #P " is not null", __VA_ARGS__)
#define cr_expect_eq(A, B, ...) CHECK_(false, (A) == (B), #A " == " #B, __VA_ARGS__)
#define cr_expect_neq(A, B, ...) CHECK_(false, (A) != (B), #A " != " #B, __VA_ARGS__)
#define cr_expect_str_eq(A, B, ...) CHECK_(false, strcmp(A, B) == 0, #A " == " #B, __VA_ARGS__)
#define cr_log_info(...) ((void)fprintf(stderr, __VA_ARGS__), (void)fputc('\n', stderr))
#define cr_log_error(...) cr_log_info(__VA_ARGS__)
#define cr_skip_test(...) exit(0)

#endif
