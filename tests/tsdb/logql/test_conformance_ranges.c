/* Range aggregations of whole queries: functions, unwrap, grouping, offsets, steps, errors. */
#include "tests/tsdb/logql/conformance.h"

#define ALL "{app=~\".+\"}"
#define PROD "{app=\"cart\",env=\"prod\"}"

Test(conformance_ranges, of_entries)
{
    static const struct conformance_case cases[] = {
        /* A row counts at t when t - range < ts <= t. */
        {"sum(count_over_time(" ALL "[100s]))", "{} 10@100\n"},
        {"sum(count_over_time(" ALL "[90s]))", "{} 9@100\n"},
        {"sum(count_over_time(" ALL "[91s]))", "{} 10@100\n"},
        {"sum(count_over_time(" ALL "[1s]))", "{} 1@100\n"},
        {"sum(count_over_time(" PROD "[10s]))", ""},
        {"sum(count_over_time(" ALL "[1m40s]))", "{} 10@100\n"},
        {"sum(rate(" ALL "[100s]))", "{} 0.1@100\n"},
        {"sum(rate(" ALL "[50s]))", "{} 0.1@100\n"},
        {"sum by (app) (bytes_over_time(" ALL "[100s]))",
         "{app=cart} 86@100\n{app=db} 35@100\n{app=web} 88@100\n"},
        {"sum(bytes_rate({app=\"web\"}[100s]))", "{} 0.88@100\n"},
        /* Without grouping: every label there is, metadata too. */
        {"count_over_time({app=\"db\"}[15s])",
         "{app=db,env=prod,k8s_pod=db-0,level=info,ratio=0.5,ready=true,tags=[\"a\",\"b\"]} 1@100\n"
         "{app=db,env=prod,k8s_pod=db-0,ratio=0.5,ready=true,tags=[\"a\",\"b\"]} 1@100\n"},
        {"count_over_time(" PROD " | keep app, level [100s])",
         "{app=cart,level=error} 1@100\n{app=cart,level=info} 2@100\n"},
        {"count_over_time(" PROD " | drop cpu, host_name, level, size, dur, id, ok, took [100s])",
         "{app=cart,env=prod,zone=a} 3@100\n"},
        {"sum by (level) (count_over_time(" ALL "[100s]))",
         "{level=info} 5@100\n{level=error} 2@100\n{level=debug} 1@100\n{level=warn} 1@100\n{} "
         "1@100\n"},
        {"sum by (host_name) (count_over_time({app=\"cart\"}[100s]))",
         "{host_name=h1} 3@100\n{host_name=h2} 1@100\n"},
        {"sum by (app, http_method) (count_over_time({app=\"web\"}[100s]))",
         "{app=web,http_method=GET} 2@100\n{app=web,http_method=POST} 1@100\n"},
        {"sum by (status) (count_over_time(" ALL " | status > 0 [100s]))",
         "{status=200} 2@100\n{status=500} 1@100\n"},
        {"sum by (zone) (count_over_time(" ALL "[100s]))",
         "{zone=a} 6@100\n{zone=b} 1@100\n{} 3@100\n"},
        {"sum by (none) (count_over_time(" ALL "[100s]))", "{} 10@100\n"},
        /* Metadata whose name a label of the stream has: by codes and through the stages. */
        {"sum by (app_extracted) (count_over_time({app=\"db\"}[100s]))",
         "{app_extracted=meta} 1@100\n{} 2@100\n"},
        {"sum by (app_extracted) (count_over_time({app=\"db\"} | label_format x=\"1\" [100s]))",
         "{app_extracted=meta} 1@100\n{} 2@100\n"},
        {"sum without (level, took, dur, size, id, ok, cpu, host_name) "
         "(count_over_time({app=\"cart\"}[100s]))",
         "{app=cart,env=dev,zone=b} 1@100\n{app=cart,env=prod,zone=a} 3@100\n"},
        /* Stages in front of the range, and behind it. */
        {"sum(count_over_time({app=\"cart\"} |= \"placed\" [100s]))", "{} 3@100\n"},
        {"sum(count_over_time({app=\"cart\"}[100s] |= \"placed\"))", "{} 3@100\n"},
        {"sum(count_over_time(({app=\"cart\"} |= \"placed\")[100s]))", "{} 3@100\n"},
        {"sum(count_over_time(" ALL " | level=\"error\" |= \"500\" [100s]))", "{} 1@100\n"},
        {"sum by (ip) (count_over_time({app=\"web\"} | pattern \"<_> from <ip>\" [100s]))",
         "{ip=10.1.2.3} 1@100\n{ip=10.1.9.9} 1@100\n{ip=192.168.0.7} 1@100\n"},
        {"sum by (verb) (count_over_time({app=\"web\"} | regexp `^(?P<verb>\\w+)` [100s]))",
         "{verb=GET} 2@100\n{verb=POST} 1@100\n"},
        {"sum by (l) (count_over_time({app=\"cart\"} | label_format l=`{{.level | upper}}` "
         "[100s]))",
         "{l=DEBUG} 1@100\n{l=ERROR} 1@100\n{l=INFO} 2@100\n"},
        {"sum(bytes_over_time({app=\"cart\"} | line_format \"12345\" [100s]))", "{} 20@100\n"},
        {"sum by (level) (count_over_time(" PROD " | drop level [100s]))", "{} 3@100\n"},
        {"sum by (app) (count_over_time(" ALL " | level=~\"info|warn\", zone=\"\" [100s]))",
         "{app=db} 2@100\n"},
        /* Offsets. */
        {"sum(count_over_time({app=\"cart\"}[30s] offset 60s))", "{} 3@100\n"},
        {"sum(count_over_time({app=\"cart\"} |= \"placed\" [30s] offset 1m))", "{} 2@100\n"},
        {"sum(count_over_time(" ALL "[10s] offset 90s))", "{} 1@100\n"},
        {"sum(count_over_time(" ALL "[10s] offset 91s))", ""},
        /* absent: what the equalities say. */
        {"absent_over_time({app=\"none\"}[5m])", "{app=none} 1@100\n"},
        {"absent_over_time({app=\"none\", env=~\"x\"}[5m])", "{app=none} 1@100\n"},
        {"absent_over_time({app=\"cart\"}[5m])", ""},
        {"absent_over_time({app=\"cart\"} |= \"nowhere\" [5m])", "{app=cart} 1@100\n"},
        {"absent_over_time({app=\"cart\"}[30s])", "{app=cart} 1@100\n"},
    };
    CONFORMANCE(shop, cases, FULL);
}

#define CART_TOOK "{app=\"cart\"} | unwrap took [100s]"

Test(conformance_ranges, of_values)
{
    static const struct conformance_case cases[] = {
        /* Of 120, 900, 0.5 and -5. */
        {"sum by (app) (sum_over_time(" CART_TOOK "))", "{app=cart} 1015.5@100\n"},
        {"avg_over_time(" CART_TOOK ") by (app)", "{app=cart} 253.875@100\n"},
        {"max_over_time(" CART_TOOK ") by (app)", "{app=cart} 900@100\n"},
        {"min_over_time(" CART_TOOK ") by (app)", "{app=cart} -5@100\n"},
        {"first_over_time(" CART_TOOK ") by (app)", "{app=cart} 120@100\n"},
        {"last_over_time(" CART_TOOK ") by (app)", "{app=cart} -5@100\n"},
        /* Of the population. */
        {"stdvar_over_time(" CART_TOOK ") by (app)", "{app=cart} 141653.7969@100\n"},
        {"stddev_over_time(" CART_TOOK ") by (app)", "{app=cart} 376.3692294@100\n"},
        {"quantile_over_time(0.5, " CART_TOOK ") by (app)", "{app=cart} 60.25@100\n"},
        {"quantile_over_time(0.9, " CART_TOOK ") by (app)", "{app=cart} 666@100\n"},
        {"quantile_over_time(0, " CART_TOOK ") by (app)", "{app=cart} -5@100\n"},
        {"quantile_over_time(1, " CART_TOOK ") by (app)", "{app=cart} 900@100\n"},
        {"sum(rate(" CART_TOOK "))", "{} 10.155@100\n"},
        {"max_over_time(" CART_TOOK ") by (app, env)",
         "{app=cart,env=dev} -5@100\n{app=cart,env=prod} 900@100\n"},
        {"max_over_time(" CART_TOOK ") by (level)",
         "{level=debug} -5@100\n{level=error} 900@100\n{level=info} 120@100\n"},
        {"max_over_time(" CART_TOOK ") without (level, dur, size, id, ok, cpu, host_name)",
         "{app=cart,env=dev,zone=b} -5@100\n{app=cart,env=prod,zone=a} 900@100\n"},
        /* The unwrapped label is no label of the series. */
        {"sum_over_time(" PROD " | keep app, took | unwrap took [100s])",
         "{app=cart} 1020.5@100\n"},
        {"max_over_time(" PROD " | keep took, level | unwrap took [100s])",
         "{level=error} 900@100\n{level=info} 120@100\n"},
        /* Entries without the label are left out. */
        {"sum by (app) (sum_over_time(" ALL " | unwrap took [100s]))",
         "{app=cart} 1015.5@100\n{app=db} 3000@100\n"},
        {"sum(sum_over_time(" ALL " | unwrap none [100s]))", ""},
        {"absent_over_time({app=\"web\"} | unwrap took [100s])", "{app=web} 1@100\n"},
        {"absent_over_time(" CART_TOOK ")", ""},
        /* Conversions. */
        {"sum(sum_over_time(" PROD " | unwrap duration(dur) [100s]))", "{} 121.62@100\n"},
        {"sum(sum_over_time(" PROD " | unwrap duration_seconds(dur) [100s]))", "{} 121.62@100\n"},
        {"sum(sum_over_time(" PROD " | unwrap bytes(size) [100s]))", "{} 3524@100\n"},
        {"max_over_time(" PROD " | unwrap bytes(size) [100s]) by (level)",
         "{level=error} 2000@100\n{level=info} 1024@100\n"},
        {"sum(sum_over_time({app=\"cart\"} | unwrap duration(dur) | __error__=\"\" [100s]))",
         "{} 121.62@100\n"},
        /* Filters behind unwrap. */
        {"sum(sum_over_time(" ALL " | unwrap took | took > 500 [100s]))", "{} 3900@100\n"},
        {"sum(sum_over_time(" ALL " | unwrap took | level=\"info\" [100s]))", "{} 120.5@100\n"},
        {"sum(sum_over_time(" ALL " | level=\"info\" | unwrap took [100s]))", "{} 120.5@100\n"},
        /* Of what parsers find, attributes, and labels of the stream. */
        {"sum(sum_over_time({app=\"web\"} | pattern \"<_> <_> <code> <_>\" | unwrap code [100s]))",
         "{} 900@100\n"},
        {"sum by (app) (sum_over_time({app=\"cart\"} | regexp `order (?P<n>\\d)` | unwrap n "
         "[100s]))",
         "{app=cart} 10@100\n"},
        {"sum(sum_over_time(" ALL " | unwrap cpu [100s]))", "{} 12@100\n"},
        {"avg_over_time({app=\"db\"} | unwrap ratio [100s]) by (app)", "{app=db} 0.5@100\n"},
        {"sum(sum_over_time({app=\"web\"} | label_format v=`{{add .status 1}}` | unwrap v [100s]))",
         "{} 903@100\n"},
        {"max_over_time({app=\"cart\"} | unwrap took [30s] offset 60s) by (app)",
         "{app=cart} 900@100\n"},
        /* Sums of sums: levels one above the other. */
        {"max(sum by (env) (sum_over_time(" CART_TOOK ")))", "{} 1020.5@100\n"},
    };
    CONFORMANCE(shop, cases, FULL);
}

Test(conformance_ranges, counters_rise_as_promql_says)
{
    /* Values from 0 to the end of the window: nothing is left to extrapolate.  The fall from 40
     * to 10 is a reset. */
    static const struct conformance_row rows[] = {
        {"app=c", NULL, 20, "a", "n:i=0"},   {"app=c", NULL, 40, "b", "n:i=20"},
        {"app=c", NULL, 60, "c", "n:i=40"},  {"app=c", NULL, 80, "d", "n:i=10"},
        {"app=c", NULL, 100, "e", "n:i=30"},
    };
    static const struct conformance_case cases[] = {
        {"sum(rate_counter({app=\"c\"} | unwrap n [100s]))", "{} 0.7@100\n"},
        {"sum(rate_counter({app=\"c\"} | keep app, n | unwrap n [100s]))", "{} 0.7@100\n"},
    };
    CONFORMANCE(rows, cases, FULL);
}

Test(conformance_ranges, errors)
{
    static const struct conformance_case cases[] = {
        /* An entry with an error ends the query, unless the error is filtered or dropped. */
        {"sum(count_over_time({app=\"web\"} | json [100s]))", "error: JSONParserErr"},
        {"sum(count_over_time({app=\"web\"} | json | __error__=\"\" [100s]))", ""},
        {"sum(count_over_time({app=\"web\"} | json | __error__!=\"\" | drop __error__, "
         "__error_details__ [100s]))",
         "{} 3@100\n"},
        {"sum(count_over_time({app=\"web\"} | json | drop __error__ [100s]))", "{} 3@100\n"},
        {"sum(sum_over_time({app=\"cart\"} | unwrap duration(dur) [100s]))",
         "error: SampleExtractionErr"},
        {"sum(sum_over_time(" ALL " | unwrap level [100s]))", "error: SampleExtractionErr"},
        {"sum(count_over_time({app=\"cart\"} | dur > 1s [100s]))", "error: LabelFilterErr"},
        {"sum(count_over_time({app=\"cart\"} | dur > 1s | __error__=\"\" [100s]))", "{} 2@100\n"},
        /* What the parser refuses. */
        {"sum_over_time({app=\"cart\"}[1m])",
         "error: invalid aggregation sum_over_time without unwrap"},
        {"count_over_time({app=\"cart\"} | unwrap took [1m])",
         "error: invalid aggregation count_over_time with unwrap"},
        {"bytes_rate({app=\"cart\"} | unwrap took [1m])",
         "error: invalid aggregation bytes_rate with unwrap"},
        {"rate_counter({app=\"cart\"}[1m])",
         "error: invalid aggregation rate_counter without unwrap"},
        {"sum_over_time({app=\"cart\"} | unwrap took [1m]) by (app)",
         "error: grouping not allowed for sum_over_time aggregation"},
        {"count_over_time({app=\"cart\"}[1m]) by (app)",
         "error: grouping not allowed for count_over_time aggregation"},
        {"quantile_over_time({app=\"cart\"} | unwrap took [1m])", "error: parameter required"},
        {"max_over_time(0.5, {app=\"cart\"} | unwrap took [1m])",
         "error: parameter 0.5 not supported"},
        {"count_over_time({app=\"cart\"})", "error: parse error"},
        {"count_over_time({app=\"cart\"}[])", "error: parse error"},
        {"count_over_time({app=\"cart\"}[soon])", "error: "},
        {"rate({app=~\".*\"}[1m])", "error: at least one regexp or equality matcher"},
        {"sum(count_over_time({app=\"cart\"} | unwrap duration( [1m]))", "error: parse error"},
        {"nonsense_over_time({app=\"cart\"}[1m])", "error: parse error"},
        {"sum({app=\"cart\"})", "error: parse error"},
        {"topk(count_over_time({app=\"cart\"}[1m]))", "error: parameter required"},
        {"sum(1, count_over_time({app=\"cart\"}[1m]))", "error: unsupported parameter"},
    };
    CONFORMANCE(shop, cases, FULL);
}

Test(conformance_ranges, steps)
{
    static const struct conformance_range cases[] = {
        {"sum(count_over_time(" ALL "[10s]))", "{} 1@10 1@20 1@30\n", 10, 0, 30},
        {"sum(count_over_time(" ALL "[20s]))", "{} 1@10 2@20 2@30\n", 10, 10, 30},
        /* Windows that do not touch leave rows out. */
        {"sum(count_over_time(" ALL "[5s]))", "{} 1@30 1@60 1@90\n", 30, 30, 100},
        {"sum(count_over_time(" ALL "[5s]))", "{} 1@51\n", 7, 51, 57},
        {"sum(rate({app=\"cart\"}[20s]))", "{} 0.1@20 0.1@30 0.1@40 0.05@50\n", 10, 20, 80},
        {"sum by (app) (count_over_time({env=\"prod\"}[30s]))",
         "{app=cart} 3@30 1@50\n{app=web} 1@50 3@70 1@90\n{app=db} 2@90\n", 20, 30, 90},
        {"sum(count_over_time(" ALL "[10s] offset 30s))", "{} 1@40 1@50 1@60\n", 10, 20, 60},
        {"max_over_time({app=\"cart\"} | unwrap took [20s]) by (app)",
         "{app=cart} 120@10 900@20 900@30 0.5@40 -5@50\n", 10, 0, 60},
        {"last_over_time({app=\"cart\"} | unwrap took [15s]) by (app)",
         "{app=cart} 120@12 900@24 0.5@36 -5@48\n", 12, 12, 60},
        {"sum(sum_over_time({app=\"cart\"} | unwrap took [1m]))",
         "{} 120@10 1020@20 1020.5@30 1015.5@40\n", 10, 10, 40},
        {"absent_over_time({app=\"db\"}[20s])", "{app=db} 1@40 1@60\n", 20, 40, 100},
        {"sum(count_over_time(" ALL "[10s])) > 0", "{} 1@10 1@20\n", 10, 0, 20},
        {"vector(2)", "{} 2@0 2@10 2@20\n", 10, 0, 20},
        {"sum(count_over_time({app=\"cart\"}[10s])) or vector(0)", "{} 1@40 0@50 0@60\n", 10, 40,
         60},
        {"sum(count_over_time({app=\"cart\"}[10s])) * 2 + 1", "{} 3@30 3@40\n", 10, 30, 60},
    };
    int64_t base = RIG_NOW - 1000 * NS_PER_S;
    for (size_t phase = 0; phase < CONFORMANCE_PHASES; phase++) {
        struct rig r;
        const char *name = conformance_fill(&r, phase, shop, sizeof shop / sizeof shop[0]);
        for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
            const struct conformance_case c = {cases[i].query, cases[i].want};
            struct tsdb_log_options o = {.start = base + cases[i].from * NS_PER_S,
                                         .end = base + cases[i].to * NS_PER_S,
                                         .step = cases[i].step * NS_PER_S};
            conformance_check(rig_ask_with(&r, c.query, o), &c, FULL, name);
        }
        rig_close(&r);
    }
}
