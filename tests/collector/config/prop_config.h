/* prop_config.h - the law of config: what is printed loads as what was printed.
 * Two drivers: test_yaml.c (mutated files) and fuzz_config.c (libFuzzer). */
#ifndef TESTS_COLLECTOR_CONFIG_PROP_CONFIG_H
#define TESTS_COLLECTOR_CONFIG_PROP_CONFIG_H

#include "collector/config/config.h"
#include "tsdb/base/assert.h"
#include "tsdb/base/text.h"

#include <string.h>

static void config_no_change(void *arg, const char *key, bool is_reloadable)
{
    (void)arg;
    (void)key;
    (void)is_reloadable;
    UNREACHABLE();
}

/* Whether the text was accepted. */
static inline bool prop_config_round_trip(const uint8_t *data, size_t len)
{
    static const char *const env[] = {"HOME=/home/andon", "DAYS=7d", NULL};
    struct config c, again;
    struct tsdb_error err;
    struct tsdb_text text = {(const char *)data, len};
    if (config_load_text(text, "fuzz", env, &c, &err) != TSDB_OK) {
        ASSERT(err.msg[0] != '\0');
        return false;
    }
    struct writer w = {0};
    config_print(&c, &w);
    static const char other_file[] = "\nconfig: ";
    char *key = memmem(w.at, w.len, other_file, sizeof other_file - 1);
    ASSERT(key);
    key[1] = '#'; /* a file cannot name another */
    struct tsdb_text printed = {(const char *)w.at, w.len};
    enum tsdb_status st = config_load_text(printed, "again", env, &again, &err);
    ASSERT(st == TSDB_OK);
    config_compare(&c, &again, config_no_change, NULL);
    writer_release(&w);
    config_release(&again);
    config_release(&c);
    return true;
}

#endif
