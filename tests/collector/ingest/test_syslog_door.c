#include "collector/ingest/syslog_door.h"

#include "collector/decode/syslog_frame.h"
#include "tests/collector/ingest/fake_engine.h"
#include "tests/collector/ingest/fake_peer.h"
#include "tsdb/base/mem.h"

static struct ingest *ingest;
static struct ingest_options options;
static struct budget budget;
static struct clock_sim sim;

static void set_up(void)
{
    fake_db = (struct tsdb){.synced = UINT64_MAX};
    budget_init(&budget, (uint64_t)256 << 20, NULL);
    clock_sim_init(&sim, INT64_C(1700000000) * NS_PER_S);
    ingest_options_init(&options);
    options.db = &fake_db;
    options.budget = &budget;
    options.clock = &sim.clock;
    ingest = ingest_new(&options);
}

static void tear_down(void)
{
    ingest_free(ingest);
    cr_assert_eq(budget_used(&budget), 0);
}

TestSuite(syslog_door, .init = set_up, .fini = tear_down);

static int64_t count(enum family family, enum reason reason)
{
    return counters_get(family, AT(SIGNAL_LOGS, DOOR_SYSLOG, reason));
}

static struct bytes bytes_of(const char *t)
{
    return (struct bytes){(const uint8_t *)t, strlen(t)};
}

static struct address peer_of(const char *text)
{
    struct address a;
    cr_assert_eq(address_parse(text_of(text), &a, NULL), TSDB_OK);
    return a;
}

Test(syslog_door, datagrams_of_a_host_are_one_append)
{
    struct address a = peer_of("10.0.0.1:514"), b = peer_of("[::1]:600"), c = peer_of("10.0.0.1:9");
    const struct udp_datagram all[] = {{&a, bytes_of("<34>one")},
                                       {&b, bytes_of("<34>two")},
                                       {&c, bytes_of("<34>three")},
                                       {&a, bytes_of("")}};
    ingest_syslog_datagrams(ingest, all, 4);
    cr_expect_eq(fake_db.appends, 2);
    cr_expect_eq(fake_db.records, 3);
    cr_expect(strstr(fake_db.labels, "host=::1;"), "%s", fake_db.labels);
    cr_expect_str_eq(fake_db.lines, "two\n");
    ingest_syslog_datagrams(ingest, all + 2, 1);
    cr_expect(strstr(fake_db.labels, "host=10.0.0.1;"), "%s", fake_db.labels);
    cr_expect_eq(counters_get(ITEMS_RECEIVED, AT(SIGNAL_LOGS, DOOR_SYSLOG)), 4);
    cr_expect_eq(counters_get(ITEMS_ACCEPTED, AT(SIGNAL_LOGS, DOOR_SYSLOG)), 4);
}

/* Nobody sends them again, so each message counts, also when the engine takes none. */
Test(syslog_door, what_the_engine_refuses_is_counted)
{
    struct address a = peer_of("10.0.0.1:514");
    const struct udp_datagram all[] = {{&a, bytes_of("<34>one")}, {&a, bytes_of("<34>two")}};
    fake_db.status = TSDB_ELIMIT;
    ingest_syslog_datagrams(ingest, all, 2);
    fake_db.status = TSDB_EIO;
    ingest_syslog_datagrams(ingest, all, 1);
    fake_db.status = TSDB_OK;
    fake_db.verdict_count = 1;
    fake_db.verdicts[0] = TSDB_TOO_OLD;
    ingest_syslog_datagrams(ingest, all, 1);
    cr_expect_eq(counters_get(ITEMS_RECEIVED, AT(SIGNAL_LOGS, DOOR_SYSLOG)), 4);
    cr_expect_eq(count(ITEMS_REJECTED, REASON_OVERLOADED), 2);
    cr_expect_eq(count(ITEMS_REJECTED, REASON_UNWRITABLE), 1);
    cr_expect_eq(count(ITEMS_REJECTED, REASON_TOO_OLD), 1);
}

static size_t offer(struct bytes in, size_t seen, bool is_last)
{
    const struct stream_piece piece = {
        .peer = text_of("10.0.0.9:1234"), .bytes = in, .seen = seen, .is_last = is_last};
    return ingest_syslog_stream(ingest, &piece);
}

Test(syslog_door, messages_of_a_read_are_one_append)
{
    struct bytes in = bytes_of("<34>one\n10 <34>second<34>three\n<34>fo");
    cr_expect_eq(offer(in, 0, false), in.len - 6);
    cr_expect_eq(fake_db.appends, 1);
    cr_expect_str_eq(fake_db.lines, "one\nsecond\nthree\n");
    cr_expect(strstr(fake_db.labels, "host=10.0.0.9;"), "%s", fake_db.labels);
    struct bytes rest = {in.at + in.len - 6, 6};
    cr_expect_eq(offer(rest, 6, true), 6);
    cr_expect_str_eq(fake_db.lines, "fo\n");
    cr_expect_eq(offer(bytes_of("999999999 <34>"), 0, false), STREAM_FAULT);
}

/* Goal: however a stream is cut, the same messages come out.
 * Method: every cut in two of a stream with both framings. */
Test(syslog_door, cuts_do_not_matter)
{
    struct bytes all = bytes_of("<34>one\n12 <34>se\ncond!7 <34>abc\n\n<1>x\n100 is a line\n");
    for (size_t cut = 0; cut <= all.len; cut++) {
        fake_db = (struct tsdb){.synced = UINT64_MAX};
        size_t used = cut ? offer((struct bytes){all.at, cut}, 0, false) : 0;
        cr_assert_leq(used, cut);
        struct bytes rest = {all.at + used, all.len - used};
        cr_assert_eq(offer(rest, cut - used, false), rest.len, "cut %zu", cut);
        cr_assert_eq(fake_db.records, 5, "cut %zu: %llu", cut, (unsigned long long)fake_db.records);
    }
}

Test(syslog_door, a_long_line_comes_in_pieces)
{
    size_t len = (size_t)SYSLOG_FRAME_MAX + 10;
    uint8_t *at = mem_alloc(len);
    memset(at, 'x', len);
    cr_expect_eq(offer((struct bytes){at, SYSLOG_FRAME_MAX}, SYSLOG_FRAME_MAX - 1, false), 0);
    cr_expect_eq(offer((struct bytes){at, len}, SYSLOG_FRAME_MAX, false), SYSLOG_FRAME_MAX);
    cr_expect_eq(fake_db.records, 1);
    mem_free(at);
}

Test(syslog_door, more_than_a_batch)
{
    struct address a = peer_of("10.0.0.1:514");
    struct udp_datagram all[SYSLOG_BATCH_MAX + 1];
    for (size_t i = 0; i < SYSLOG_BATCH_MAX + 1; i++)
        all[i] = (struct udp_datagram){&a, bytes_of("<1>x")};
    ingest_syslog_datagrams(ingest, all, SYSLOG_BATCH_MAX + 1);
    cr_expect_eq(fake_db.records, SYSLOG_BATCH_MAX + 1);
    cr_expect_eq(fake_db.appends, 2);
}
