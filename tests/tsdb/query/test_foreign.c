/* Goal: a leaf of another language stands in a tree as any instant vector does.
 * Method: a leaf whose operator gives 3 at every step, below sum and a product; checked,
 * printed, walked and evaluated. */
#include "tsdb/query/eval.h"
#include "tsdb/query/typecheck.h"

#include "tests/tsdb/query/tree.h"

static uint32_t opened;

static enum tsdb_status open_three(struct eval *ev, const struct expr *e, const struct grid *grid,
                                   struct op **out, struct tsdb_error *err)
{
    opened++;
    return constant_new(ev, e, *(const double *)e->foreign.node, grid, out, err);
}

static void format_three(const struct expr *e, struct writer *out)
{
    writer_format(out, "three<%g>", *(const double *)e->foreign.node);
}

static const double three = 3;
static struct expr leaf = {
    .kind = EXPR_FOREIGN, .height = 1, .foreign = {&three, open_three, format_three}};
static struct expr sum = {
    .kind = EXPR_AGGREGATE, .height = 2, .aggregate = {.op = AGGREGATE_SUM, .expr = &leaf}};
static struct expr two = {.kind = EXPR_NUMBER, .height = 1, .number = {.value = 2}};
static struct expr product = {
    .kind = EXPR_BINARY, .height = 3, .binary = {.op = BINARY_MUL, .left = &sum, .right = &two}};

static const struct expr *settled(void)
{
    struct expr *all[] = {&leaf, &sum, &two, &product};
    for (size_t i = 0; i < 4; i++)
        node_settle(all[i]);
    return &product;
}

Test(foreign, is_an_instant_vector_that_changes)
{
    struct tsdb_error err = {.msg = ""};
    const struct expr *e = settled();
    cr_expect_eq(leaf.type, TYPE_VECTOR);
    cr_expect_not(leaf.is_invariant);
    cr_expect_not(e->is_invariant);
    cr_expect_eq(typecheck(e, text_of("?"), &err), TSDB_OK, "%s", err.msg);
}

static void count_node(void *arg, const struct expr *e)
{
    (void)e;
    ++*(uint32_t *)arg;
}

Test(foreign, has_no_children_and_no_selectors)
{
    uint32_t children = 0, selectors = 0;
    expr_each_child(&leaf, count_node, &children);
    expr_selectors(settled(), count_node, &selectors);
    cr_expect(children == 0 && selectors == 0);
}

Test(foreign, prints_itself)
{
    struct writer out = {0};
    for (int is_pretty = 0; is_pretty < 2; is_pretty++) {
        writer_reset(&out);
        promql_format(settled(), &out, is_pretty);
        cr_expect(text_equal((struct tsdb_text){(const char *)out.at, out.len},
                             text_of("sum(three<3>) * 2")));
    }
    writer_release(&out);
}

Test(foreign, is_opened_and_read_like_any_other)
{
    struct clock_sim clock;
    clock_sim_init(&clock, 0);
    struct eval ev = {.clock = &clock.clock,
                      .deadline = INT64_MAX,
                      .grid = {.start = 0, .step = 1, .count = 5},
                      .samples_max = UINT64_MAX,
                      .series_max = UINT64_MAX,
                      .bytes_max = UINT64_MAX};
    struct op *op = NULL;
    struct row *row;
    struct tsdb_error err = {.msg = ""};
    arena_init(&ev.arena, SIZE_MAX, NULL);
    arena_init(&ev.scratch, SIZE_MAX, NULL);
    cr_assert_eq(op_new(&ev, settled(), &ev.grid, &op, &err), TSDB_OK, "%s", err.msg);
    cr_expect_eq(opened, 1);
    cr_assert_eq(op_next(op, &row, &err), TSDB_OK, "%s", err.msg);
    for (uint32_t i = 0; i < 5; i++)
        cr_expect(row->kinds[i] == POINT_FLOAT && row->values[i] == 6, "%u: %g", i, row->values[i]);
    cr_expect_eq(op_next(op, &row, &err), TSDB_END);
    op_close(op);
    arena_release(&ev.arena);
    arena_release(&ev.scratch);
    writer_release(&ev.key_text);
}
