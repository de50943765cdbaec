#include "collector/decode/syslog.h"

#include "tests/collector/decode/collect_logs.h"
#include "tsdb/base/clock.h"

#include <criterion/criterion.h>
#include <stdio.h>

static struct arena arena;
static struct collect_logs *seen;
static struct decode_tally tally;
static struct tsdb_error err;
static struct syslog_options options;
static int64_t now;

static void set_up(void)
{
    arena_init(&arena, 64 << 20, NULL);
    seen = collect_logs_new();
    now = INT64_C(1709210096) * NS_PER_S; /* 2024-02-29T12:34:56Z */
    options.host = text_of("");
}

static void tear_down(void)
{
    collect_logs_free(seen);
    arena_release(&arena);
}

TestSuite(syslog, .init = set_up, .fini = tear_down);

static void decode(const char *text, size_t len)
{
    struct decode_log_task task = collect_log_task(seen, &arena);
    uint8_t *copy = mem_alloc(len + 1);
    struct bytes in = {copy, len};
    memcpy(copy, text, len);
    task.now = now;
    seen->base.has_item = false;
    seen->base.items = 0;
    cr_assert_eq(syslog_decode(&task, &options, &in, 1, &tally, &err), TSDB_OK);
    collect_logs_check(seen, &tally, TSDB_OK);
    mem_free(copy);
}

static void expect(const char *text, const char *want)
{
    uint32_t at = seen->base.count;
    decode(text, strlen(text));
    cr_assert_eq(seen->base.count, at + 1, "%s: %s", text, tally.message);
    cr_assert_str_eq(seen->base.lines[at], want, "%s\n got %s\nwant %s", text, seen->base.lines[at],
                     want);
}

#define NONE "{service_name=\"unknown_service\"} <> "
#define NOW "1709210096000000000"

Test(syslog, rfc_5424)
{
    static const char *const cases[][2] = {
        {"<34>1 2003-10-11T22:14:15.003Z mymachine.example.com su 77 ID47 - \xef\xbb\xbf'su root'",
         "{app=\"su\",host=\"mymachine.example.com\",service_name=\"su\"} <> 1065910455003000000 "
         "|'su root'| facility=s:auth severity=s:critical severity_number=i:18 proc_id=s:77 "
         "msg_id=s:ID47 detected_level=s:critical"},
        {"<165>1 2003-08-24T05:14:15.000003-07:00 192.0.2.1 myproc 8710 - - %% it's time",
         "{app=\"myproc\",host=\"192.0.2.1\",service_name=\"myproc\"} <> 1061727255000003000 |%% "
         "it's time| facility=s:local4 severity=s:notice severity_number=i:10 proc_id=s:8710 "
         "detected_level=s:info"},
        {"<165>1 - - - - - [e@32473 iut=\"3\" s=\"a\\\"b\\]c\\\\d\\e\"][x y=\"\"] An app\n",
         NONE NOW " |An app| e@32473.iut=s:3 e@32473.s=s:a\"b]c\\d\\e x.y=s: facility=s:local4 "
                  "severity=s:notice severity_number=i:10 detected_level=s:info"},
        {"<0>1 - h a - - [id]", "{app=\"a\",host=\"h\",service_name=\"a\"} <> " NOW
                                " || id=s: facility=s:kern severity=s:emergency "
                                "severity_number=i:21 detected_level=s:fatal"},
        {"<191>1 - h", "{host=\"h\",service_name=\"unknown_service\"} <> " NOW
                       " || facility=s:local7 severity=s:debug severity_number=i:5 "
                       "detected_level=s:debug"},
        {"<13>1 - h a p m [broken x=y] rest",
         "{app=\"a\",host=\"h\",service_name=\"a\"} <> " NOW
         " |[broken x=y] rest| facility=s:user severity=s:notice severity_number=i:10 "
         "proc_id=s:p msg_id=s:m detected_level=s:info"},
        {"<13>1 - h a p m [INFO] no data",
         "{app=\"a\",host=\"h\",service_name=\"a\"} <> " NOW
         " |no data| INFO=s: facility=s:user severity=s:notice severity_number=i:10 "
         "proc_id=s:p msg_id=s:m detected_level=s:info"},
        {"<13>1 - h a p m [INFO]no data",
         "{app=\"a\",host=\"h\",service_name=\"a\"} <> " NOW
         " |[INFO]no data| facility=s:user severity=s:notice severity_number=i:10 "
         "proc_id=s:p msg_id=s:m detected_level=s:info"},
        {"1 2003-10-11T22:14:15Z h a - - - [error] x",
         "{app=\"a\",host=\"h\",service_name=\"a\"} <> 1065910455000000000 |[error] x| "
         "detected_level=s:error"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        expect(cases[i][0], cases[i][1]);
}

#define NOTICE " facility=s:user severity=s:notice severity_number=i:10"

Test(syslog, rfc_3164_and_what_devices_send)
{
    static const char *const cases[][2] = {
        {"<34>Oct 11 22:14:15 mymachine su: 'su root' failed",
         "{app=\"su\",host=\"mymachine\",service_name=\"su\"} <> 1697062455000000000 |'su root' "
         "failed| facility=s:auth severity=s:critical severity_number=i:18 "
         "detected_level=s:critical"},
        {"<13>Feb  5 17:32:18 10.0.0.99 sshd[123]: Accepted\r\n",
         "{app=\"sshd\",host=\"10.0.0.99\",service_name=\"sshd\"} <> 1707154338000000000 "
         "|Accepted|" NOTICE " proc_id=s:123 detected_level=s:info"},
        {"<13>Feb 29 12:00:00 cron[7]: local sender",
         "{app=\"cron\",service_name=\"cron\"} <> 1709208000000000000 |local sender|" NOTICE
         " proc_id=s:7 detected_level=s:info"},
        {"<13>Feb 29 12:00:00 host message without a tag",
         "{host=\"host\",service_name=\"unknown_service\"} <> 1709208000000000000 |message without "
         "a tag|" NOTICE " detected_level=s:info"},
        {"<13>Feb 29 2020 12:00:00.25 h a: x",
         "{app=\"a\",host=\"h\",service_name=\"a\"} <> 1582977600250000000 |x|" NOTICE
         " detected_level=s:info"},
        {"<13>2024-02-29T13:00:00+01:00 h app/x[1]: rsyslog",
         "{app=\"app/x\",host=\"h\",service_name=\"app/x\"} <> 1709208000000000000 |rsyslog|" NOTICE
         " proc_id=s:1 detected_level=s:info"},
        {"<189>29: *Mar  1 00:00:10.123 UTC: %SYS-5-CONFIG_I: Configured",
         NONE NOW " |29: *Mar  1 00:00:10.123 UTC: %SYS-5-CONFIG_I: Configured| "
                  "facility=s:local7 severity=s:notice severity_number=i:10 detected_level=s:info"},
        {"<13>error: no tag", NONE NOW " |error: no tag|" NOTICE " detected_level=s:info"},
        {"<13>app[5]: tag", "{app=\"app\",service_name=\"app\"} <> " NOW " |tag|" NOTICE
                            " proc_id=s:5 detected_level=s:info"},
        {"Feb 29 12:00:00 h a: no priority",
         "{app=\"a\",host=\"h\",service_name=\"a\"} <> 1709208000000000000 |no priority| "
         "detected_level=s:unknown"},
        {"<13>", NONE NOW " ||" NOTICE " detected_level=s:info"},
        {"just [warn] text", NONE NOW " |just [warn] text| detected_level=s:warn"},
        {"<192>x", NONE NOW " |<192>x| detected_level=s:unknown"},
        {"<>x", NONE NOW " |<>x| detected_level=s:unknown"},
        {"<1234>x", NONE NOW " |<1234>x| detected_level=s:unknown"},
        {"<13", NONE NOW " |<13| detected_level=s:unknown"},
        {"<13>Feb 31x", NONE NOW " |Feb 31x|" NOTICE " detected_level=s:info"},
        {"<13>Feb 29 12:00:00",
         "{service_name=\"unknown_service\"} <> 1709208000000000000 ||" NOTICE
         " detected_level=s:info"},
        {"<13>Feb 29 12:00:00 host",
         "{service_name=\"unknown_service\"} <> 1709208000000000000 |host|" NOTICE
         " detected_level=s:info"},
        {"<13>\xff\xfe", NONE NOW " |\xff\xfe|" NOTICE " detected_level=s:info"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        expect(cases[i][0], cases[i][1]);
}

Test(syslog, a_missing_year_is_the_nearest)
{
    static const struct {
        int64_t now_s;
        const char *time;
        int64_t want_s;
    } cases[] = {
        {INT64_C(1704067200), "Dec 31 23:59:59", INT64_C(1704067199)}, /* at 2024-01-01 */
        {INT64_C(1704067199), "Jan  1 00:00:00", INT64_C(1704067200)}, /* at 2023-12-31 */
        {INT64_C(1719792000), "Jul  1 00:00:00", INT64_C(1719792000)},
        {0, "Dec 31 23:59:59", -1},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char text[64];
        now = cases[i].now_s * NS_PER_S;
        int len = snprintf(text, sizeof text, "<13>%s h a: x", cases[i].time);
        decode(text, (size_t)len);
        cr_assert_eq(seen->ts[i], cases[i].want_s * NS_PER_S, "%zu: %lld", i,
                     (long long)seen->ts[i]);
    }
}

Test(syslog, a_message_without_a_host_is_of_its_sender)
{
    options.host = text_of("10.1.2.3");
    expect("<13>x", "{host=\"10.1.2.3\",service_name=\"unknown_service\"} <> " NOW " |x|" NOTICE
                    " detected_level=s:info");
    expect("<13>Feb 29 12:00:00 h a: x", "{app=\"a\",host=\"h\",service_name=\"a\"} <> "
                                         "1709208000000000000 |x|" NOTICE " detected_level=s:info");
}

Test(syslog, many_messages_are_one_batch)
{
    static const char *const texts[] = {"<13>Feb 29 12:00:00 h a: 1", "\n", "",
                                        "<13>Feb 29 12:00:00 h a: 2",
                                        "<13>Feb 29 12:00:00 h2 a: 3"};
    struct bytes in[5];
    for (int i = 0; i < 5; i++)
        in[i] = (struct bytes){(const uint8_t *)texts[i], strlen(texts[i])};
    struct decode_log_task task = collect_log_task(seen, &arena);
    cr_assert_eq(syslog_decode(&task, &options, in, 5, &tally, &err), TSDB_OK);
    collect_logs_check(seen, &tally, TSDB_OK);
    cr_assert_eq(tally.handed, 3);
    cr_assert_eq(tally.rejected[DECODE_BAD_RECORD], 2);
    cr_assert_eq(seen->base.batches, 1);
    cr_assert_eq(seen->streams, 2);
}

Test(syslog, cut_at_every_byte_and_with_every_byte)
{
    static const char *const texts[] = {
        "<165>1 2003-10-11T22:14:15.003Z h a p m [e i=\"\\\"3\" s=\"x\"][z] An app",
        "<34>Oct 11 2023 22:14:15.5 mymachine su[12]: 'su root' failed"};
    for (size_t t = 0; t < 2; t++) {
        char text[128];
        size_t full = strlen(texts[t]);
        memcpy(text, texts[t], full);
        for (size_t len = 1; len <= full; len++)
            decode(text, len);
        for (size_t i = 0; i < full; i++) {
            static const char odd[] = "\0\xff \"\\[]<>:9-";
            for (size_t k = 0; k < sizeof odd - 1; k++) {
                text[i] = odd[k];
                decode(text, full);
                cr_assert_eq(tally.handed, 1);
            }
            text[i] = texts[t][i];
        }
    }
}
