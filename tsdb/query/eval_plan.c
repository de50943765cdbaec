#include "tsdb/base/assert.h"
#include "tsdb/query/aggregate.h"
#include "tsdb/query/binary.h"
#include "tsdb/query/call.h"
#include "tsdb/query/eval.h"
#include "tsdb/query/select_op.h"

enum tsdb_status op_new(struct eval *ev, const struct expr *e, const struct grid *grid,
                        struct op **out, struct tsdb_error *err)
{
    e = expr_unwrap(e);
    bool is_leaf = e->kind == EXPR_NUMBER;
    if (e->is_invariant && grid->count > 1 && !is_leaf)
        return broadcast_new(ev, e, grid, out, err);
    switch (e->kind) {
    case EXPR_NUMBER: return constant_new(ev, e, e->number.value, grid, out, err);
    case EXPR_SELECTOR: return select_new(ev, e, grid, false, out, err);
    case EXPR_UNARY: return negate_new(ev, e, grid, out, err);
    case EXPR_BINARY: return binary_new(ev, e, grid, out, err);
    case EXPR_AGGREGATE: return aggregate_new(ev, e, grid, out, err);
    case EXPR_CALL: return call_new(ev, e, grid, out, err);
    case EXPR_FOREIGN: return e->foreign.open(ev, e, grid, out, err);
    case EXPR_PAREN:
    case EXPR_STRING:
    case EXPR_MATRIX:
    case EXPR_SUBQUERY: break;
    }
    UNREACHABLE(); /* the parser lets these stand only where nobody asks for an operator */
}
