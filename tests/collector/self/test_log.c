#include "collector/self/log.h"

#include "tsdb/base/text.h"
#include "tsdb/base/thread.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

static struct clock_sim sim;
static char seen[1 << 20];
static size_t seen_len, lines;
static struct mutex lock;

static void keep(void *arg, struct bytes line)
{
    (void)arg;
    mutex_lock(&lock);
    cr_assert_eq(line.at[line.len - 1], '\n');
    cr_assert_leq(line.len, LOG_LINE_MAX);
    memcpy(seen + seen_len, line.at, line.len);
    seen_len += line.len;
    seen[seen_len] = '\0';
    lines++;
    mutex_unlock(&lock);
}

static void set_up(void)
{
    mutex_init(&lock);
    clock_sim_init(&sim, INT64_C(1795521600123000000));
    log_set_clock(&sim.clock);
    log_set_sink(keep, NULL);
}

TestSuite(log, .init = set_up);

Test(log, line_has_time_level_room_and_text)
{
    log_info("net", "listening door=%s port=%d", "http", 4318);
    cr_assert_str_eq(
        seen, "ts=2026-11-24T12:00:00.123Z level=info room=net listening door=http port=4318\n");
}

Test(log, level_hides_what_is_below)
{
    log_debug("net", "hidden");
    cr_assert_eq(lines, 0);
    log_set_level(LEVEL_DEBUG);
    log_debug("net", "shown");
    cr_assert_eq(lines, 1);
    log_set_level(LEVEL_ERROR);
    log_warn("net", "hidden");
    log_error("net", "shown");
    cr_assert_eq(lines, 2);
}

Test(log, level_names_parse_and_nothing_else)
{
    enum log_level level = LEVEL_ERROR;
    cr_assert(log_level_parse(text_of("warn"), &level));
    cr_assert_eq(level, LEVEL_WARN);
    cr_assert_str_eq(log_level_name(level), "warn");
    cr_assert_not(log_level_parse(text_of("WARN"), &level));
    cr_assert_not(log_level_parse(text_of(""), &level));
}

Test(log, controls_and_bad_utf8_are_escaped)
{
    log_info("net", "a=%s", "x\ny\t\x1b[31m\x7f\xff\xc2\x85 \xc3\xa9 \xe2\x82\xac");
    cr_assert(strstr(seen, "a=x\\ny\\t\\x1b[31m\\x7f\\xff\\xc2\\x85 \xc3\xa9 \xe2\x82\xac\n"), "%s",
              seen);
    cr_assert_eq(lines, 1);
}

Test(log, long_line_is_cut)
{
    static char big[8192];
    memset(big, 1, sizeof big - 1);
    log_info("net", "%s", big);
    cr_assert_eq(lines, 1);
    cr_assert(strstr(seen, "\\x01...\n"));
}

static void chatty(int i)
{
    log_info("net", "line=%d", i);
}

Test(log, call_site_is_limited_and_says_how_much_it_left_out)
{
    for (int i = 0; i < LOG_BURST + 25; i++)
        chatty(i);
    log_info("net", "another site is not affected");
    cr_assert_eq(lines, LOG_BURST + 1);
    clock_sim_advance(&sim, LOG_WINDOW_S * NS_PER_S);
    seen_len = 0;
    chatty(99);
    cr_assert(strstr(seen, "suppressed=25 line=99\n"), "%s", seen);
    seen_len = 0;
    chatty(100);
    cr_assert_not(strstr(seen, "suppressed"));
}

static void *write_many(void *arg)
{
    for (int i = 0; i < LOG_BURST / 2; i++)
        log_info("net", "thread=%d padding=%s", *(int *)arg,
                 "0123456789012345678901234567890123456");
    return NULL;
}

Test(log, lines_of_threads_do_not_mix)
{
    struct thread threads[4];
    int ids[4];
    for (int i = 0; i < 4; i++) {
        ids[i] = i;
        thread_start(&threads[i], "test", write_many, &ids[i]);
    }
    for (int i = 0; i < 4; i++)
        thread_join(&threads[i]);
    cr_assert_eq(lines, LOG_BURST);
    for (char *p = seen; *p; p = strchr(p, '\n') + 1)
        cr_assert_eq(strncmp(p, "ts=2026-", 8), 0);
}

static struct log_event tapped;
static char tapped_text[64];

static void tap(void *arg, const struct log_event *event)
{
    (void)arg;
    tapped = *event;
    (void)snprintf(tapped_text, sizeof tapped_text, "%.*s", (int)event->text.len, event->text.at);
}

Test(log, a_tap_sees_the_parts_of_what_is_written)
{
    log_set_tap(tap, NULL);
    log_debug("net", "hidden");
    cr_assert_null(tapped.room);
    log_warn("net", "a=%s", "x\ny");
    cr_assert_str_eq(tapped_text, "a=x\ny");
    cr_assert_str_eq(tapped.room, "net");
    cr_assert_eq(tapped.level, LEVEL_WARN);
    cr_assert_eq(tapped.wall_ns, INT64_C(1795521600123000000));
    cr_assert_eq(lines, 1, "and the line is written all the same");
    for (int i = 0; i < LOG_BURST + 25; i++)
        chatty(i);
    cr_assert_str_eq(tapped_text, "line=9", "what its site may not write is not tapped");
}
