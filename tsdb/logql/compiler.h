/* compiler.h - what compiled stages are made of, and freed with.
 *
 * A pipeline's stages live in one arena; the expressions they compiled are listed, so that
 * nothing else needs a release of its own.  Owner: the pipeline or unwrap that embeds it;
 * immutable once its stages are compiled.
 */
#ifndef TSDB_LOGQL_COMPILER_H
#define TSDB_LOGQL_COMPILER_H

#include "tsdb/base/arena.h"
#include "tsdb/base/regex.h"
#include "tsdb/query/ast.h"
#include "tsdb/store/matcher.h"

enum { COMPILER_BYTES_MAX = 64 << 20 };

struct compiler {
    struct arena arena;
    struct regex **regexes; /* owned */
    uint32_t count, cap;
    struct tsdb_error *err; /* during compilation */
};

void compiler_init(struct compiler *c, struct tsdb_error *err);
void compiler_release(struct compiler *c);

/* Zeroed, from the arena; NULL, with the error set, when it is full. */
void *compiler_get(struct compiler *c, size_t count, size_t size, size_t align);
#define COMPILER_ARRAY(c, type, n) ((type *)compiler_get((c), (n), sizeof(type), _Alignof(type)))

/* A copy in the arena; empty when it is full. */
struct tsdb_text compiler_text(struct compiler *c, struct tsdb_text text);
/* The pattern as it stands, "." matching a newline. */
TSDB_NODISCARD enum tsdb_status compiler_regex(struct compiler *c, struct tsdb_text pattern,
                                               const struct regex **out);
/* Of lines: "." does not match a newline, as in Go. */
TSDB_NODISCARD enum tsdb_status compiler_line_regex(struct compiler *c, struct tsdb_text pattern,
                                                    const struct regex **out);
/* The matcher needs no release: its expression is listed here. */
TSDB_NODISCARD enum tsdb_status compiler_matcher(struct compiler *c, const struct expr_matcher *m,
                                                 struct matcher *out);

#endif
