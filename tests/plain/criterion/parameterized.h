/* parameterized.h - tests with parameters; see criterion.h. */
#ifndef TESTS_PLAIN_PARAMETERIZED_H
#define TESTS_PLAIN_PARAMETERIZED_H

#include "criterion.h"

#define cr_make_param_array(Type, Array, Length, ...)                                              \
    ((struct criterion_test_params){sizeof(Type), (void *)(uintptr_t)(Array), (Length)})

#define ParameterizedTestParameters(Suite, Name)                                                   \
    static struct criterion_test_params Suite##_##Name##_params(void)

#define ParameterizedTest(Param, Suite, Name, ...)                                                 \
    static struct criterion_test_params Suite##_##Name##_params(void);                             \
    static void Suite##_##Name##_run(Param);                                                       \
    static void Suite##_##Name##_run_with(void *param)                                             \
    {                                                                                              \
        Suite##_##Name##_run(param);                                                               \
    }                                                                                              \
    __attribute__((constructor)) static void Suite##_##Name##_add(void)                            \
    {                                                                                              \
        static struct plain_test test = {.suite = #Suite,                                          \
                                         .name = #Name,                                            \
                                         .params = Suite##_##Name##_params,                        \
                                         .run_with = Suite##_##Name##_run_with,                    \
                                         .options = {__VA_ARGS__}};                                \
        plain_add_test(&test);                                                                     \
    }                                                                                              \
    static void Suite##_##Name##_run(Param)

#endif
