/* assert.h - bugs end the process, always.
 *
 * ASSERT stays on in every build and costs a compare: arguments that callers
 * must respect, invariants at borders, paired facts before a write and after a
 * read.  Never on bytes from outside, never with side effects.  ASSERT_SLOW
 * may walk a structure and is on in debug and fuzz builds only.
 */
#ifndef TSDB_BASE_ASSERT_H
#define TSDB_BASE_ASSERT_H

/* Writes one line to stderr and aborts. */
_Noreturn void assert_fail(const char *fact, const char *file, int line);

#define ASSERT(fact)                                                                               \
    (__builtin_expect(!!(fact), 1) ? (void)0 : assert_fail(#fact, __FILE__, __LINE__))
#define UNREACHABLE() assert_fail("unreachable", __FILE__, __LINE__)

#ifdef ANDON_SLOW_CHECKS
#define ASSERT_SLOW(fact) ASSERT(fact)
#else
#define ASSERT_SLOW(fact) ((void)0)
#endif

#endif
