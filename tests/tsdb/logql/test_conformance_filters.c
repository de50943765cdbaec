/* Selectors, line filters and label filters of whole queries, over fields of every type. */
#include "tests/tsdb/logql/conformance.h"

Test(conformance_filters, selectors)
{
    static const struct conformance_case cases[] = {
        {"{app=\"cart\"}", "40 30 20 10"},
        {"{app=\"cart\", env=\"prod\"}", "30 20 10"},
        {"{app!=\"cart\", env=\"prod\"}", "100 90 80 70 60 50"},
        /* Expressions of matchers are anchored at both ends. */
        {"{app=~\"c.*\"}", "40 30 20 10"},
        {"{app=~\"car\"}", ""},
        {"{app=~\"cart|db\", env=\"prod\"}", "100 90 80 30 20 10"},
        {"{app=~\"(?i)CART\"}", "40 30 20 10"},
        {"{app=~\".+\", env!~\"p.*\"}", "40"},
        /* A label that is not there is empty. */
        {"{env=\"prod\", zone=\"\"}", "100 90 80"},
        {"{env=\"prod\", zone!=\"\"}", "70 60 50 30 20 10"},
        {"{env=\"prod\", zone!~\"a|x\"}", "100 90 80"},
        {"{env=\"prod\", zone=~\"a|\"}", "100 90 80 70 60 50 30 20 10"},
        /* Attributes and fields are no labels of streams. */
        {"{host_name=\"h1\"}", ""},
        {"{app=\"cart\", level=\"info\"}", ""},
        {"{app=\"nothing\"}", ""},
        /* At least one matcher must refuse the empty text. */
        {"{}", "error: at least one regexp or equality matcher"},
        {"{app=~\".*\"}", "error: at least one regexp or equality matcher"},
        {"{app!=\"x\"}", "error: at least one regexp or equality matcher"},
        {"{app=\"\"}", "error: at least one regexp or equality matcher"},
        {"{app=~\"(\"}", "error: missing"},
        {"{app=\"cart\"", "error: parse error"},
        {"{app=cart}", "error: parse error"},
    };
    CONFORMANCE(shop, cases, TIMES);
}

Test(conformance_filters, lines)
{
    static const struct conformance_case cases[] = {
        {"{app=\"cart\"} |= \"placed\"", "40 30 10"},
        {"{app=\"cart\"} |= \"placed\" != \"bob\"", "40 10"},
        {"{app=\"cart\"} != \"bob\" |= \"placed\"", "40 10"},
        /* Case counts. */
        {"{app=\"cart\"} |= \"ann\"", "10"},
        {"{app=\"cart\"} |~ \"(?i)ANN\"", "40 10"},
        {"{app=\"cart\"} |~ \"order [12]\"", "20 10"},
        {"{app=\"cart\"} !~ \"order [12]\"", "40 30"},
        {"{app=\"cart\"} |~ \"^order . placed by (ann|bob)$\"", "30 10"},
        {"{app=\"cart\"} |~ `\\d failed`", "20"},
        {"{app=\"cart\"} |= `\\d failed`", ""},
        /* Alternatives of one filter. */
        {"{app=\"cart\"} |= \"ann\" or \"bob\"", "30 10"},
        {"{app=\"cart\"} != \"ann\" or \"bob\"", "40 20"},
        {"{app=\"cart\"} |~ \"a.n\" or \"t..e\"", "20 10"},
        {"{app=\"web\"} |= ip(\"10.1.2.3\")", "50"},
        {"{app=\"web\"} |= ip(\"10.0.0.0/8\")", "60 50"},
        {"{app=\"web\"} != ip(\"10.0.0.0/8\")", "70"},
        {"{app=\"web\"} |= ip(\"10.1.2.0-10.1.5.0\")", "50"},
        {"{app=\"web\"} |= ip(\"172.16.0.0/12\")", ""},
        {"{app=\"web\"} |= ip(\"nowhere\")", "error: invalid"},
        {"{app=\"db\"} |= \"\"", "100 90 80"},
        {"{app=\"db\"} |~ \".+\"", "100 80"},
        {"{app=\"db\"} |~ \"^$\"", "90"},
        {"{app=\"db\"} !~ \"^$\"", "100 80"},
        {"{app=\"web\"} |> \"GET <_> 200 <_>\"", "50"},
        {"{app=\"web\"} |> \"GET <_>\"", "60 50"},
        {"{app=\"web\"} !> \"GET <_>\"", "70"},
        {"{app=\"web\"} |> \"<_>cart<_>\"", "60 50"},
        {"{app=\"web\"} |> \"GET <_>\" or \"POST <_>\"", "70 60 50"},
        {"{app=~\".+\"} |~ \"(\"", "error: missing"},
        {"{app=~\".+\"} |= \"order\" | level=\"info\" |= \"bob\"", "30"},
        {"{app=~\".+\"} | level=\"error\" |= \"timeout\"", "20"},
    };
    CONFORMANCE(shop, cases, TIMES);
}

#define ALL "{app=~\".+\"} "

Test(conformance_filters, labels)
{
    static const struct conformance_case cases[] = {
        {ALL "| level=\"error\"", "60 20"},
        /* A missing label is empty for tests of texts. */
        {ALL "| level!=\"info\"", "100 80 60 40 20"},
        {ALL "| level=\"\"", "100"},
        {ALL "| level!=\"\"", "90 80 70 60 50 40 30 20 10"},
        {ALL "| level=~\"err.*|warn\"", "80 60 20"},
        {ALL "| level=~\"err\"", ""},
        {ALL "| level!~\"info|error\"", "100 80 40"},
        /* Numbers: an entry without the label is refused. */
        {ALL "| took > 100", "80 20 10"},
        {ALL "| took >= 900", "80 20"},
        {ALL "| took < 0", "40"},
        {ALL "| took <= 120", "40 30 10"},
        {ALL "| took == 0.5", "30"},
        {ALL "| took = 0.5", "30"},
        {ALL "| took != 120", "80 40 30 20"},
        {ALL "| took > -10", "80 40 30 20 10"},
        {ALL "| status == 200", "70 50"},
        {ALL "| status = 200", "70 50"},
        {ALL "| status = \"200\"", "70 50"},
        {ALL "| status=~\"5..\"", "60"},
        {ALL "| none > 5", ""},
        {ALL "| none = \"\"", "100 90 80 70 60 50 40 30 20 10"},
        /* Durations, and one that is none: it passes, with an error. */
        {ALL "| dur > 1s", "40 30 20"},
        {ALL "| dur > 1s | __error__=\"\"", "30 20"},
        {ALL "| dur > 1s | __error__!=\"\"", "40"},
        {ALL "| dur > 1s | __error__=\"LabelFilterErr\"", "40"},
        {ALL "| dur <= 1m30s | __error__=\"\"", "20 10"},
        {ALL "| dur == 1500ms | __error__=\"\"", "20"},
        {ALL "| dur = 2m | __error__=\"\"", "30"},
        {ALL "| dur != 2m | __error__=\"\"", "20 10"},
        /* Sizes: KB is 1000, KiB 1024. */
        {ALL "| size > 1KB", "20 10"},
        {ALL "| size >= 1KiB", "20 10"},
        {ALL "| size > 1KiB", "20"},
        {ALL "| size == 500B", "30"},
        {ALL "| size < 1MB", "30 20 10"},
        /* Every type of field, as text. */
        {ALL "| ok=\"true\"", "30"},
        {ALL "| id=\"0102abff\"", "10"},
        {ALL "| id=~\"ff.*\"", "20"},
        {ALL "| raw=\"aGk=\"", "70"},
        {ALL "| http_method=\"GET\"", "60 50"},
        /* Attributes of streams. */
        {ALL "| host_name=\"h1\"", "30 20 10"},
        {ALL "| host_name=~\"h.*\"", "40 30 20 10"},
        {ALL "| host_name!=\"h1\"", "100 90 80 70 60 50 40"},
        {ALL "| cpu > 3", "30 20 10"},
        {ALL "| ready=\"true\"", "100 90 80"},
        {ALL "| ratio == 0.5", "100 90 80"},
        {ALL "| tags=`[\"a\",\"b\"]`", "100 90 80"},
        {ALL "| tags=~`.*\"b\".*`", "100 90 80"},
        /* Labels of the stream win; what metadata calls the same is NAME_extracted. */
        {ALL "| app=\"db\"", "100 90 80"},
        {ALL "| app=\"meta\"", ""},
        {ALL "| app_extracted=\"meta\"", "80"},
        {ALL "| zone=\"\"", "100 90 80"},
    };
    CONFORMANCE(shop, cases, TIMES);
}

Test(conformance_filters, combined)
{
    static const struct conformance_case cases[] = {
        {ALL "| level=\"error\" and took > 100", "20"},
        {ALL "| level=\"error\" or took > 100", "80 60 20 10"},
        {ALL "| level=\"info\", took < 200", "30 10"},
        {ALL "| level=\"info\" took < 200", "30 10"},
        {ALL "| level=\"info\" | took < 200", "30 10"},
        /* `and` binds more tightly than `or`. */
        {ALL "| level=\"error\" or level=\"warn\" and took > 5000", "60 20"},
        {ALL "| (level=\"error\" or level=\"warn\") and took > 1000", "80"},
        {ALL "| app=\"cart\" and (env=\"dev\" or level=\"error\")", "40 20"},
        {ALL "| app=\"cart\" or app=\"web\" | level=\"error\"", "60 20"},
        {ALL "| host_name=\"h1\" and zone=\"a\" and level=\"info\"", "30 10"},
        {ALL "| level=\"info\" | level=\"error\"", ""},
        {ALL "| id=\"ff00\" or raw=\"aGk=\" or ok=\"true\"", "70 30 20"},
        {ALL "| pattern \"<_> <_> <_> from <ip>\" | ip = ip(\"10.1.0.0/16\")", "60 50"},
        {"{app=\"web\"} | pattern \"<_> <_> <_> from <ip>\" | ip != ip(\"10.1.0.0/16\")", "70"},
        {ALL "| level=", "error: parse error"},
        {ALL "| level > \"info\"", "error: parse error"},
        {ALL "| took =~ 5", "error: parse error"},
        {ALL "| (level=\"info\"", "error: parse error"},
        {ALL "| a=~\"(\"", "error: missing"},
    };
    CONFORMANCE(shop, cases, TIMES);
}

#define DEV "{env=\"dev\"} "
#define DEV_LABELS "40000 {app=cart,env=dev,zone=b}"
#define DEV_LINE " order 4 placed by Ann\n"

Test(conformance_filters, answers)
{
    static const struct conformance_case cases[] = {
        {"{app=\"cart\"} | id=\"0102abff\"",
         "10000 {app=cart,env=prod,zone=a}{cpu=4,dur=120ms,host_name=h1,id=0102abff,level=info,"
         "size=1KiB,took=120}{} order 1 placed by ann\n"},
        {"{app=\"cart\"} |= \"bob\"",
         "30000 {app=cart,env=prod,zone=a}{cpu=4,dur=2m,host_name=h1,level=info,ok=true,size=500B,"
         "took=0.5}{} order 3 placed by bob\n"},
        {"{app=\"db\"} |= \"slow\"",
         "80000 {app=db,env=prod}{app_extracted=meta,k8s_pod=db-0,level=warn,ratio=0.5,ready=true,"
         "tags=[\"a\",\"b\"],took=3000}{} slow query: select 1\n"},
        {"{app=\"db\"} | level=\"info\"",
         "90000 {app=db,env=prod}{k8s_pod=db-0,level=info,ratio=0.5,ready=true,tags=[\"a\",\"b\"]}"
         "{} \n"},
        {"{app=\"web\"} | http_method=\"POST\"",
         "70000 {app=web,env=prod,zone=a}{http_method=POST,level=info,raw=aGk=,status=200}{} POST "
         "/order 200 from 192.168.0.7\n"},
        {DEV, DEV_LABELS "{dur=bad,host_name=h2,level=debug,took=-5}{}" DEV_LINE},
        {DEV "| dur > 1s",
         DEV_LABELS "{dur=bad,host_name=h2,level=debug,took=-5}{__error__=LabelFilterErr,"
                    "__error_details__=time: invalid duration \"bad\"}" DEV_LINE},
        {DEV "| drop dur", DEV_LABELS "{host_name=h2,level=debug,took=-5}{}" DEV_LINE},
        {DEV "| drop level, took, dur, host_name, zone", "40000 {app=cart,env=dev}{}{}" DEV_LINE},
        {DEV "| drop level=~\"de.*\", dur, took=\"5\"",
         DEV_LABELS "{host_name=h2,took=-5}{}" DEV_LINE},
        {DEV "| drop level=\"info\", level!=\"info\", dur, took, host_name",
         DEV_LABELS "{}{}" DEV_LINE},
        {DEV "| drop level | level=\"\" | drop dur, took, host_name", DEV_LABELS "{}{}" DEV_LINE},
        {DEV "| drop level | level=\"debug\"", ""},
        {DEV "| keep level", "40000 {}{level=debug}{}" DEV_LINE},
        {DEV "| keep app, took", "40000 {app=cart}{took=-5}{}" DEV_LINE},
        {DEV "| keep app=\"cart\", level=\"x\", host_name",
         "40000 {app=cart}{host_name=h2}{}" DEV_LINE},
        {DEV "| label_format lvl=level | keep lvl, level", "40000 {}{}{lvl=debug}" DEV_LINE},
        {DEV "| label_format where=app | keep where, app", "40000 {}{}{where=cart}" DEV_LINE},
        {DEV "| label_format x=\"{{.app}}:{{.took}}\" | keep x, took",
         "40000 {}{took=-5}{x=cart:-5}" DEV_LINE},
        {DEV "| label_format level=\"{{.level | upper}}\" | keep level",
         "40000 {}{}{level=DEBUG}" DEV_LINE},
        {DEV "| label_format a=\"1\", b=\"{{.a}}2\" | keep a, b",
         /* All templates of one stage see the labels as they were before it. */
         "40000 {}{}{a=1,b=2}" DEV_LINE},
        {DEV "| label_format a=\"1\" | label_format b=\"{{.a}}2\" | keep a, b",
         "40000 {}{}{a=1,b=12}" DEV_LINE},
        {DEV "| line_format \"{{.level}} {{.host_name}} {{.none}}!\" | keep app",
         "40000 {app=cart}{}{} debug h2 !\n"},
        {DEV "| line_format \"{{.level}}\" |= \"debug\" | keep app",
         "40000 {app=cart}{}{} debug\n"},
        {DEV "| line_format \"{{.level}}\" |= \"order\" | keep app", ""},
        {DEV "|= \"order\" | line_format \"{{__line__ | upper}}\" | keep app",
         "40000 {app=cart}{}{} ORDER 4 PLACED BY ANN\n"},
        {"{app=\"db\"} |= \"slow\" | drop app_extracted | keep app, app_extracted",
         "80000 {app=db}{}{} slow query: select 1\n"},
        {"{app=\"db\"} |= \"slow\" | keep app_extracted",
         "80000 {}{app_extracted=meta}{} slow query: select 1\n"},
    };
    CONFORMANCE(shop, cases, FULL);
}
