/* What stands above range aggregations: aggregations, operators, matching, functions. */
#include "tests/tsdb/logql/conformance.h"

#define ALL "{app=~\".+\"}"
/* cart/info 2, cart/error 1, cart/debug 1, web/info 2, web/error 1, db/warn 1, db/info 1, db/- 1 */
#define PAIRS "sum by (app, level) (count_over_time(" ALL "[100s]))"
/* cart 4, db 3, web 3 */
#define APPS "sum by (app) (count_over_time(" ALL "[100s]))"
/* cart 1, web 1 */
#define ERRORS "sum by (app) (count_over_time(" ALL " | level=\"error\" [100s]))"
/* cart 86, db 35, web 88 */
#define BYTES "sum by (app) (bytes_over_time(" ALL "[100s]))"

Test(conformance_vectors, aggregations)
{
    static const struct conformance_case cases[] = {
        {APPS, "{app=cart} 4@100\n{app=db} 3@100\n{app=web} 3@100\n"},
        {"sum by (app) (" PAIRS ")", "{app=cart} 4@100\n{app=db} 3@100\n{app=web} 3@100\n"},
        {"sum(" PAIRS ") by (app)", "{app=cart} 4@100\n{app=db} 3@100\n{app=web} 3@100\n"},
        {"sum without (level) (" PAIRS ")", "{app=cart} 4@100\n{app=db} 3@100\n{app=web} 3@100\n"},
        {"sum(" PAIRS ") without (level, app)", "{} 10@100\n"},
        {"sum(" PAIRS ")", "{} 10@100\n"},
        {"sum by () (" PAIRS ")", "{} 10@100\n"},
        {"avg by (app) (" PAIRS ")",
         "{app=cart} 1.333333333@100\n{app=db} 1@100\n{app=web} 1.5@100\n"},
        {"max by (app) (" PAIRS ")", "{app=cart} 2@100\n{app=db} 1@100\n{app=web} 2@100\n"},
        {"min by (app) (" PAIRS ")", "{app=cart} 1@100\n{app=db} 1@100\n{app=web} 1@100\n"},
        {"count by (app) (" PAIRS ")", "{app=cart} 3@100\n{app=db} 3@100\n{app=web} 2@100\n"},
        {"count by (level) (" PAIRS ")",
         "{level=info} 3@100\n{level=error} 2@100\n{level=debug} 1@100\n{level=warn} 1@100\n{} "
         "1@100\n"},
        {"stddev by (app) (" PAIRS ")",
         "{app=cart} 0.4714045208@100\n{app=db} 0@100\n{app=web} 0.5@100\n"},
        {"stdvar by (app) (" PAIRS ")",
         "{app=cart} 0.2222222222@100\n{app=db} 0@100\n{app=web} 0.25@100\n"},
        {"avg(" BYTES ")", "{} 69.66666667@100\n"},
        {"max(" BYTES ") - min(" BYTES ")", "{} 53@100\n"},
        {"topk(1, " BYTES ")", "{app=web} 88@100\n"},
        {"topk(2, " BYTES ")", "{app=web} 88@100\n{app=cart} 86@100\n"},
        {"topk(9, " BYTES ")", "{app=web} 88@100\n{app=cart} 86@100\n{app=db} 35@100\n"},
        {"bottomk(1, " BYTES ")", "{app=db} 35@100\n"},
        {"bottomk(2, " BYTES ")", "{app=db} 35@100\n{app=cart} 86@100\n"},
        {"topk by (app) (1, " PAIRS ") > 1",
         "{app=cart,level=info} 2@100\n{app=web,level=info} 2@100\n"},
        {"topk(1, " PAIRS ") by (app) > 1",
         "{app=cart,level=info} 2@100\n{app=web,level=info} 2@100\n"},
        {"sum(topk(2, " BYTES "))", "{} 174@100\n"},
        {"sum by (app) (max by (app, env) (sum_over_time({app=\"cart\"} | unwrap took [100s])))",
         "{app=cart} 895@100\n"},
        {"topk(0, " BYTES ")", "error: invalid parameter"},
        {"topk(-1, " BYTES ")", "error: parse error"},
        {"avg(1, " BYTES ")", "error: unsupported parameter"},
        {"sum by (app (" BYTES ")", "error: parse error"},
        {"nonsense(" BYTES ")", "error: parse error"},
    };
    CONFORMANCE(shop, cases, FULL);
}

Test(conformance_vectors, order)
{
    static const struct conformance_case cases[] = {
        {"sort(" BYTES ")", "{app=db} 35@100\n{app=cart} 86@100\n{app=web} 88@100\n"},
        {"sort_desc(" BYTES ")", "{app=web} 88@100\n{app=cart} 86@100\n{app=db} 35@100\n"},
        {"sort(topk(2, " BYTES "))", "{app=cart} 86@100\n{app=web} 88@100\n"},
        {"sort_desc(" BYTES " > 50)", "{app=web} 88@100\n{app=cart} 86@100\n"},
        {"topk(2, " BYTES ")", "{app=web} 88@100\n{app=cart} 86@100\n"},
        {"bottomk(2, " BYTES ")", "{app=db} 35@100\n{app=cart} 86@100\n"},
    };
    CONFORMANCE(shop, cases, ORDERED);
}

Test(conformance_vectors, numbers)
{
    static const struct conformance_case cases[] = {
        {"vector(5)", "{} 5@100\n"},
        {"vector(1.5e3)", "{} 1500@100\n"},
        {"vector(1) + vector(1)", "{} 2@100\n"},
        {"vector(2) + 3 * 4", "{} 14@100\n"},
        {"(vector(2) + 3) * 4", "{} 20@100\n"},
        /* ^ binds to the right, and most tightly. */
        {"vector(2) ^ 3 ^ 2", "{} 512@100\n"},
        {"2 * vector(3) ^ 2", "{} 18@100\n"},
        {"vector(7) % 4", "{} 3@100\n"},
        {"(vector(3) - 10) % 4", "{} -3@100\n"},
        /* Its number has no sign. */
        {"vector(-7)", "error: parse error"},
        {"vector(7) / 2", "{} 3.5@100\n"},
        {"10 - vector(3) - 2", "{} 5@100\n"},
        {"vector(1) == 1", "{} 1@100\n"},
        {"vector(1) == 2", ""},
        {"vector(1) == bool 2", "{} 0@100\n"},
        {"vector(3) > bool 2", "{} 1@100\n"},
        {"vector(3) > 2", "{} 3@100\n"},
        {"2 < vector(3)", "{} 3@100\n"},
        {"vector(3) >= 3 and vector(3) <= 3", "{} 3@100\n"},
        {"vector(3) != 3", ""},
        {"vector(1) or vector(2)", "{} 1@100\n"},
        {"vector(1) and vector(2)", "{} 1@100\n"},
        {"vector(1) unless vector(2)", ""},
    };
    CONFORMANCE(shop, cases, FULL);
}

Test(conformance_vectors, operators)
{
    static const struct conformance_case cases[] = {
        {APPS " * 2", "{app=cart} 8@100\n{app=db} 6@100\n{app=web} 6@100\n"},
        {"100 - " APPS, "{app=cart} 96@100\n{app=db} 97@100\n{app=web} 97@100\n"},
        {APPS " > 3", "{app=cart} 4@100\n"},
        {"3 < " APPS, "{app=cart} 4@100\n"},
        {APPS " >= bool 4", "{app=cart} 1@100\n{app=db} 0@100\n{app=web} 0@100\n"},
        {APPS " == 3", "{app=db} 3@100\n{app=web} 3@100\n"},
        {APPS " != 3", "{app=cart} 4@100\n"},
        {APPS " > 100", ""},
        /* Vectors match on all their labels; what has no partner is left out. */
        {ERRORS " / " APPS, "{app=cart} 0.25@100\n{app=web} 0.3333333333@100\n"},
        {BYTES " / " APPS,
         "{app=cart} 21.5@100\n{app=db} 11.66666667@100\n{app=web} 29.33333333@100\n"},
        {BYTES " - " APPS " * 10", "{app=cart} 46@100\n{app=db} 5@100\n{app=web} 58@100\n"},
        {APPS " > " ERRORS, "{app=cart} 4@100\n{app=web} 3@100\n"},
        {APPS " < " ERRORS, ""},
        {APPS " == bool " ERRORS, "{app=cart} 0@100\n{app=web} 0@100\n"},
        {PAIRS " / on (app) group_left " APPS,
         "{app=cart,level=debug} 0.25@100\n{app=cart,level=error} 0.25@100\n{app=cart,level=info} "
         "0.5@100\n{app=db,level=info} 0.3333333333@100\n{app=db,level=warn} "
         "0.3333333333@100\n{app=db} 0.3333333333@100\n{app=web,level=error} "
         "0.3333333333@100\n{app=web,level=info} 0.6666666667@100\n"},
        {"(" PAIRS " > 1) / ignoring (level) group_left " APPS,
         "{app=cart,level=info} 0.5@100\n{app=web,level=info} 0.6666666667@100\n"},
        {APPS " * on (app) group_right () (" PAIRS " > 1)",
         "{app=cart,level=info} 8@100\n{app=web,level=info} 6@100\n"},
        {APPS " + ignoring (none) " ERRORS, "{app=cart} 5@100\n{app=web} 4@100\n"},
        {"sum(" APPS ") / on () sum(" ERRORS ")", "{} 5@100\n"},
        {PAIRS " / on (app) " APPS, "error: "},
        /* Sets. */
        {APPS " and " ERRORS, "{app=cart} 4@100\n{app=web} 3@100\n"},
        {APPS " unless " ERRORS, "{app=db} 3@100\n"},
        {ERRORS " or " APPS, "{app=cart} 1@100\n{app=db} 3@100\n{app=web} 1@100\n"},
        {"(" PAIRS " > 1) and on (app) " ERRORS,
         "{app=cart,level=info} 2@100\n{app=web,level=info} 2@100\n"},
        {PAIRS " unless on (level) sum by (level) (count_over_time({app=\"cart\"}[100s]))",
         "{app=db,level=warn} 1@100\n{app=db} 1@100\n"},
        /* `and` binds more tightly than `or`. */
        {ERRORS " or " APPS " and " ERRORS, "{app=cart} 1@100\n{app=web} 1@100\n"},
        {"(" ERRORS " or " APPS ") and " APPS " > 3", "{app=cart} 1@100\n"},
        {APPS " offset 5m", "error: parse error"},
        {APPS " and 1", "error: "},
        {APPS " + ", "error: parse error"},
        {"{app=\"cart\"} + 1", "error: "},
    };
    CONFORMANCE(shop, cases, FULL);
}

Test(conformance_vectors, label_replace)
{
    static const struct conformance_case cases[] = {
        {"label_replace(" APPS ", \"name\", \"x-$1\", \"app\", \"(.).*\")",
         "{app=cart,name=x-c} 4@100\n{app=db,name=x-d} 3@100\n{app=web,name=x-w} 3@100\n"},
        {"label_replace(" APPS ", \"app\", \"$1$1\", \"app\", \"(d)b\")",
         "{app=cart} 4@100\n{app=dd} 3@100\n{app=web} 3@100\n"},
        /* The expression is anchored; without a match nothing changes. */
        {"label_replace(" APPS ", \"name\", \"x\", \"app\", \"car\")",
         "{app=cart} 4@100\n{app=db} 3@100\n{app=web} 3@100\n"},
        {"label_replace(" ERRORS ", \"name\", \"\", \"app\", \".*\")",
         "{app=cart} 1@100\n{app=web} 1@100\n"},
        /* A label that becomes empty is gone. */
        {"label_replace(topk(1, " BYTES "), \"app\", \"\", \"app\", \".*\")", "{} 88@100\n"},
        /* A source that is not there is empty. */
        {"label_replace(topk(1, " BYTES "), \"new\", \"v\", \"none\", \"\")",
         "{app=web,new=v} 88@100\n"},
        {"label_replace(topk(1, " BYTES "), \"new\", \"${n}!\", \"app\", \"w(?P<n>.*)\")",
         "{app=web,new=eb!} 88@100\n"},
        {"sum by (kind) (label_replace(" APPS ", \"kind\", \"$1\", \"app\", \"(cart|web)\"))",
         "{kind=cart} 4@100\n{kind=web} 3@100\n{} 3@100\n"},
        {"label_replace(" APPS ", \"x\", \"$1\", \"app\", \"(\")", "error: "},
        {"label_replace(" APPS ", \"x\", \"$1\", \"app\")", "error: parse error"},
    };
    CONFORMANCE(shop, cases, FULL);
}
