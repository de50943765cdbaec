#include "collector/config/config.h"

#include "collector/config/settings.h"
#include "tsdb/base/mem.h"
#include "tsdb/base/text.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char sample_path[] = "deploy/andon.yml";

static char *read_all(const char *name)
{
    static char text[65536];
    FILE *f = fopen(name, "r");
    cr_assert(f, "%s", name);
    size_t n = fread(text, 1, sizeof text - 1, f);
    fclose(f);
    text[n] = '\0';
    return text;
}

/* Goal: the sample cannot drift from the table.  UPDATE_GOLDEN=1 rewrites it. */
Test(print, sample_file_is_the_table)
{
    struct writer w = {0};
    config_sample(&w);
    if (getenv("UPDATE_GOLDEN")) {
        FILE *f = fopen(sample_path, "w");
        fwrite(w.at, 1, w.len, f);
        fclose(f);
    }
    writer_u8(&w, 0);
    cr_assert_str_eq(read_all(sample_path), (char *)w.at);
    writer_release(&w);
}

/* Every line of the sample, its comment sign taken off, is a setting that loads
 * and changes nothing. */
Test(print, sample_uncommented_is_the_default)
{
    char *text = read_all(sample_path);
    struct writer w = {0};
    for (char *line = strtok_r(text, "\n", &text); line; line = strtok_r(NULL, "\n", &text)) {
        char *colon = strchr(line, ':');
        struct tsdb_text key = {line + 2, colon ? (size_t)(colon - line) - 2 : 0};
        if (colon && colon > line + 2 && setting_find(key))
            writer_format(&w, "%s\n", line + 2);
    }
    struct config defaults, sample;
    struct tsdb_error err;
    const char *const env[] = {NULL};
    cr_assert_eq(config_load_text(text_of(""), "f", env, &defaults, &err), TSDB_OK);
    cr_assert_eq(
        config_load_text((struct tsdb_text){(char *)w.at, w.len}, sample_path, env, &sample, &err),
        TSDB_OK, "%s", err.msg);
    struct writer a = {0}, b = {0};
    for (size_t i = 0; i < setting_count; i++) {
        writer_reset(&a);
        writer_reset(&b);
        cr_assert_eq(config_value(&defaults, settings[i].key, &a), TSDB_OK);
        cr_assert_eq(config_value(&sample, settings[i].key, &b), TSDB_OK);
        cr_assert_eq(a.len, b.len, "%s", settings[i].key);
        cr_assert(memcmp(a.at, b.at, a.len) == 0, "%s", settings[i].key);
        bool is_set = sample.sources[i].origin == ORIGIN_FILE;
        cr_assert_eq(is_set, strcmp(settings[i].key, "config") != 0, "%s", settings[i].key);
    }
    writer_release(&a);
    writer_release(&b);
    writer_release(&w);
    config_release(&defaults);
    config_release(&sample);
}

Test(print, help_fits_one_screen)
{
    struct writer w = {0};
    config_help(&w);
    size_t lines = 0, column = 0;
    for (size_t i = 0; i < w.len; i++) {
        column++;
        if (w.at[i] != '\n')
            continue;
        cr_assert_leq(column, 101, "line %zu", lines);
        lines++;
        column = 0;
    }
    cr_assert_eq(lines, setting_count);
    cr_assert_leq(lines, 40);
    writer_release(&w);
}

Test(print, value_of_unknown_key_is_not_found)
{
    struct config c;
    struct writer w = {0};
    cr_assert_eq(config_load_text(text_of(""), "f", (const char *const[]){NULL}, &c, NULL),
                 TSDB_OK);
    cr_assert_eq(config_value(&c, "nope", &w), TSDB_ENOTFOUND);
    writer_release(&w);
    config_release(&c);
}

static void count_key(void *to, const char *key, struct tsdb_text value)
{
    cr_assert_gt(value.len, 0, "%s", key);
    if (strcmp(key, "retention") == 0)
        cr_assert(text_equal(value, text_of("1d")));
    ++*(size_t *)to;
}

Test(print, every_key_has_a_value)
{
    struct config c;
    size_t count = 0;
    cr_assert_eq(
        config_load_text(text_of("retention: 24h"), "f", (const char *const[]){NULL}, &c, NULL),
        TSDB_OK);
    config_each(&c, count_key, &count);
    cr_assert_eq(count, setting_count);
    config_release(&c);
}
