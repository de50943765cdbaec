/* stage_json.h - | json, | json a="x.y[0]", b.
 *
 *   {"a": {"b": 1}, "c d": "x"}   a_b = 1, c_d = x        members of members joined by '_'
 *
 * Arrays and nulls are left out unless a path names them; strings are unescaped, numbers keep
 * their text; a path to an object or array gives its source.  What is found before a fault
 * stays; the fault sets __error__ = JSONParserErr.  Limits: JSON_READ_DEPTH_MAX levels,
 * STAGE_JSON_NAME_MAX bytes of a joined name (longer ones are left out).
 */
#ifndef TSDB_LOGQL_STAGE_JSON_H
#define TSDB_LOGQL_STAGE_JSON_H

#include "tsdb/logql/ast.h"
#include "tsdb/logql/compiler.h"
#include "tsdb/logql/json_read.h"
#include "tsdb/logql/pass.h"

enum { STAGE_JSON_NAME_MAX = 1024, STAGE_JSON_STEPS_MAX = 64 };

#define STAGE_JSON_ERROR "JSONParserErr"

struct json_step {
    struct tsdb_text key; /* of an object */
    uint32_t index;       /* of an array */
    bool is_index;
};

struct json_path {
    struct tsdb_text label;
    const struct json_step *steps;
    uint32_t count;
};

struct json_stage {
    const struct json_path *paths; /* NULL: everything */
    uint32_t count;
};

TSDB_NODISCARD enum tsdb_status stage_json_compile(struct compiler *c, const struct stage *s,
                                                   struct json_stage *out);
void stage_json_run(const struct json_stage *s, struct pass *p);

/* A string's value: unescaped and clean; empty when an escape is wrong. */
struct tsdb_text json_string(struct pass *p, const struct quoted_span *span);

#endif
