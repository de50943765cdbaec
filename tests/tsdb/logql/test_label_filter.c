#include "tsdb/logql/label_filter.h"

#include "tests/tsdb/logql/stage_cases.h"

Test(label_filter, strings)
{
    static const struct stage_case cases[] = {
        {"| app=\"x\"", NULL, NULL, "l", "l {app=x} {} {}"},
        {"| app=\"y\"", NULL, NULL, "l", "-"},
        {"| app!=\"y\"", NULL, NULL, "l", "l {app=x} {} {}"},
        {"| app=~\"x|z\"", NULL, NULL, "l", "l {app=x} {} {}"},
        {"| app=~\"x.\"", NULL, NULL, "l", "-"},
        {"| app!~\"x.\"", NULL, NULL, "l", "l {app=x} {} {}"},
        {"| none=\"\"", NULL, NULL, "l", "l {app=x} {} {}"},
        {"| none!=\"\"", NULL, NULL, "l", "-"},
        {"| level=\"error\"", NULL, "level=error", "l", "l {app=x} {level=error} {}"},
        {"| level=\"error\"", NULL, "level=info", "l", "-"},
        {"| app=\"y\"", NULL, "app=y", "l", "-"},
        {"| app_extracted=\"y\"", NULL, "app=y", "l", "l {app=x} {app_extracted=y} {}"},
        {"| a=\"1\" and b=\"2\"", NULL, "a=1,b=2", "l", "l {app=x} {a=1,b=2} {}"},
        {"| a=\"1\" and b=\"3\"", NULL, "a=1,b=2", "l", "-"},
        {"| a=\"0\" or b=\"2\"", NULL, "a=1,b=2", "l", "l {app=x} {a=1,b=2} {}"},
        {"| a=\"0\" or b=\"0\"", NULL, "a=1,b=2", "l", "-"},
        {"| a=\"1\", b=\"2\"", NULL, "a=1,b=2", "l", "l {app=x} {a=1,b=2} {}"},
        {"| (a=\"0\" or b=\"2\") and c=\"3\"", NULL, "a=1,b=2", "l", "-"},
        {"| app=~\"(\"", NULL, NULL, "", "! regular expression: missing ): ("},
    };
    STAGE_CASES_CHECK(cases);
}

Test(label_filter, numbers)
{
    static const struct stage_case cases[] = {
        {"| v > 5", NULL, "v=6", "l", "l {app=x} {v=6} {}"},
        {"| v > 5", NULL, "v=5", "l", "-"},
        {"| v >= 5", NULL, "v=5.0", "l", "l {app=x} {v=5.0} {}"},
        {"| v < 5", NULL, "v=-1e3", "l", "l {app=x} {v=-1e3} {}"},
        {"| v <= 5", NULL, "v=5.01", "l", "-"},
        {"| v == 5", NULL, "v=5", "l", "l {app=x} {v=5} {}"},
        {"| v != 5", NULL, "v=5", "l", "-"},
        {"| v != 5", NULL, "v=6", "l", "l {app=x} {v=6} {}"},
        {"| v > 5", NULL, NULL, "l", "-"},
        {"| v > 5", NULL, "v=abc", "l",
         "l {app=x} {v=abc} {__error__=LabelFilterErr,__error_details__=strconv.ParseFloat: "
         "parsing \"abc\": invalid syntax}"},
        {"| v > 5 | __error__=\"\"", NULL, "v=abc", "l", "-"},
        {"| v > 5 | __error__!=\"\"", NULL, "v=6", "l", "-"},
        {"| v > 5 | drop __error__, __error_details__", NULL, "v=abc", "l", "l {app=x} {v=abc} {}"},
        {"| v > 5", NULL, "v=NaN", "l", "-"},
        {"| v != 5", NULL, "v=NaN", "l", "l {app=x} {v=NaN} {}"},
        {"| v > 5", NULL, "v=+Inf", "l", "l {app=x} {v=+Inf} {}"},
        {"| v == 0.1", NULL, "v=0.1", "l", "l {app=x} {v=0.1} {}"},
        {"| v == 0.30000000000000004", NULL, "v=0.30000000000000004", "l",
         "l {app=x} {v=0.30000000000000004} {}"},
        {"| v > 5 and w > 5", NULL, "v=7,w=x", "l",
         "l {app=x} {v=7,w=x} {__error__=LabelFilterErr,__error_details__=strconv.ParseFloat: "
         "parsing \"x\": invalid syntax}"},
    };
    STAGE_CASES_CHECK(cases);
}

Test(label_filter, units)
{
    static const struct stage_case cases[] = {
        {"| d > 250ms", NULL, "d=1s", "l", "l {app=x} {d=1s} {}"},
        {"| d > 250ms", NULL, "d=250ms", "l", "-"},
        {"| d >= 250ms", NULL, "d=0.25s", "l", "l {app=x} {d=0.25s} {}"},
        {"| d == 1h30m", NULL, "d=90m", "l", "l {app=x} {d=90m} {}"},
        {"| d < 1s", NULL, "d=250\xc2\xb5s", "l", "l {app=x} {d=250\xc2\xb5s} {}"},
        {"| d < 1s", NULL, "d=-5h", "l", "l {app=x} {d=-5h} {}"},
        {"| d < 1s", NULL, "d=0", "l", "l {app=x} {d=0} {}"},
        {"| d > 1d", NULL, "d=25h", "l", "l {app=x} {d=25h} {}"},
        {"| d > 1s", NULL, "d=5", "l",
         "l {app=x} {d=5} {__error__=LabelFilterErr,__error_details__=time: missing unit in "
         "duration \"5\"}"},
        {"| d > 1s", NULL, "d=5x", "l",
         "l {app=x} {d=5x} {__error__=LabelFilterErr,__error_details__=time: unknown unit \"x\" in "
         "duration \"5x\"}"},
        {"| d > 1s", NULL, "d=abc", "l",
         "l {app=x} {d=abc} {__error__=LabelFilterErr,__error_details__=time: invalid duration "
         "\"abc\"}"},
        {"| d > 1s", NULL, "d=", "l", "-"},
        {"| b > 1KB", NULL, "b=1KiB", "l", "l {app=x} {b=1KiB} {}"},
        {"| b > 1KiB", NULL, "b=1KB", "l", "-"},
        {"| b >= 1MB", NULL, "b=1000000", "l", "l {app=x} {b=1000000} {}"},
        {"| b == 42MB", NULL, "b=42 mb", "l", "l {app=x} {b=42 mb} {}"},
        {"| b > 1KB", NULL, "b=1.5 GiB", "l", "l {app=x} {b=1.5 GiB} {}"},
        {"| b > 1KB", NULL, "b=5 apples", "l",
         "l {app=x} {b=5 apples} {__error__=LabelFilterErr,__error_details__=unhandled size name:  "
         "apples}"},
        {"| b > 1KB", NULL, "b=x", "l",
         "l {app=x} {b=x} {__error__=LabelFilterErr,__error_details__=strconv.ParseFloat: parsing "
         "\"\": invalid syntax}"},
    };
    STAGE_CASES_CHECK(cases);
}

Test(label_filter, addresses)
{
    static const struct stage_case cases[] = {
        {"| a=ip(\"10.0.0.0/8\")", NULL, "a=10.1.2.3", "l", "l {app=x} {a=10.1.2.3} {}"},
        {"| a=ip(\"10.0.0.0/8\")", NULL, "a=11.1.2.3", "l", "-"},
        {"| a!=ip(\"10.0.0.0/8\")", NULL, "a=11.1.2.3", "l", "l {app=x} {a=11.1.2.3} {}"},
        {"| a=ip(\"10.0.0.0/8\")", NULL, NULL, "l", "-"},
        {"| v > 5 | a=ip(\"10.0.0.0/8\") | drop __error_details__", NULL, "v=y", "l",
         "l {app=x} {v=y} {__error__=LabelFilterErr}"},
        {"| a=ip(\"nonsense\")", NULL, NULL, "l", "! ip: invalid pattern: \"nonsense\""},
    };
    STAGE_CASES_CHECK(cases);
}
