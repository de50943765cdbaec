#include "collector/config/config.h"

#include "tsdb/base/clock.h"
#include "tsdb/base/fs.h"
#include "tsdb/base/mem.h"
#include "tsdb/base/text.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static struct config config;
static struct tsdb_error err;
static const char *const no_env[] = {NULL};

static enum tsdb_status load(const char *const *env, int argc, const char *const *argv)
{
    return config_load(argc, argv, env, &config, &err);
}

#define LOAD(env, ...)                                                                             \
    load((env), (int)(sizeof(const char *const[]){__VA_ARGS__} / sizeof(char *)),                  \
         (const char *const[]){__VA_ARGS__})

static enum tsdb_status load_text(const char *text)
{
    return config_load_text(text_of(text), "andon.yml", no_env, &config, &err);
}

static char path[64];

static const char *write_file(const char *text)
{
    (void)snprintf(path, sizeof path, "/tmp/andon-config-XXXXXX");
    int fd = mkstemp(path);
    FILE *f = fdopen(fd, "w");
    fputs(text, f);
    fclose(f);
    return path;
}

static const char *value_of(const char *key)
{
    static char out[512];
    struct writer w = {0};
    cr_assert_eq(config_value(&config, key, &w), TSDB_OK);
    (void)snprintf(out, sizeof out, "%.*s", (int)w.len, (const char *)w.at);
    writer_release(&w);
    return out;
}

Test(config, defaults_listen_on_loopback_and_sync_always)
{
    cr_assert_eq(load(no_env, 0, NULL), TSDB_OK, "%s", err.msg);
    cr_assert_str_eq(config.store.data_dir, "./andon-data");
    cr_assert_str_eq(config.net.http_listen, "127.0.0.1:4318");
    cr_assert_str_eq(config.net.grpc_listen, "127.0.0.1:4317");
    cr_assert_str_eq(config.net.udp_listen, "127.0.0.1:4319");
    cr_assert_str_eq(config.net.tcp_listen, "127.0.0.1:4319");
    cr_assert_eq(config.store.journal_sync, TSDB_SYNC_ALWAYS);
    cr_assert_eq(config.store.retention, 30 * NS_PER_DAY);
    cr_assert_eq(config.self.log_level, LEVEL_INFO);
    cr_assert_eq(config.ingest.otlp_translation, TRANSLATE_ESCAPE_WITH_SUFFIXES);
    cr_assert_eq(config.ingest.otlp_promote.count, 0);
    cr_assert_gt(config.store.memory_limit, 64 << 20);
    cr_assert_leq(config.store.memory_limit, memory_available(fs_posix()));
    config_release(&config);
}

Test(config, flag_goes_before_variable_before_file_before_default)
{
    const char *file = write_file("retention: 1d\nretention_size: 1GiB\nseries_max: 5\n");
    const char *env[] = {"ANDON_RETENTION=2d", "ANDON_SERIES_MAX=6", "ANDON_OTHER=x", NULL};
    cr_assert_eq(LOAD(env, "--config", file, "--retention=3d"), TSDB_OK, "%s", err.msg);
    cr_assert_eq(config.store.retention, 3 * NS_PER_DAY);
    cr_assert_eq(config.store.series_max, 6);
    cr_assert_eq(config.store.retention_size, 1 << 30);
    cr_assert_eq(config.store.series_new_per_s, 100000);
    struct writer w = {0};
    config_print(&config, &w);
    writer_u8(&w, 0);
    char line[128];
    cr_assert(strstr((char *)w.at, "retention: 3d  # --retention\n"), "%s", (char *)w.at);
    cr_assert(strstr((char *)w.at, "series_max: 6  # ANDON_SERIES_MAX\n"));
    (void)snprintf(line, sizeof line, "retention_size: 1GiB  # %s:2\n", file);
    cr_assert(strstr((char *)w.at, line));
    cr_assert(strstr((char *)w.at, "series_new_per_s: 100000  # default\n"));
    writer_release(&w);
    config_release(&config);
    unlink(file);
}

Test(config, file_can_be_named_by_the_environment_and_be_a_link)
{
    const char *file = write_file("retention: 100y\n");
    char name[80], env_file[128];
    (void)snprintf(name, sizeof name, "%s.link", file);
    cr_assert_eq(symlink(file, name), 0);
    (void)snprintf(env_file, sizeof env_file, "ANDON_CONFIG=%s", name);
    const char *env[] = {env_file, NULL};
    cr_assert_eq(load(env, 0, NULL), TSDB_OK, "%s", err.msg);
    cr_assert_str_eq(value_of("retention"), "100y");
    unlink(name);
    unlink(file);
    config_release(&config);
    cr_assert_eq(load(env, 0, NULL), TSDB_EIO);
}

Test(config, short_and_separate_flags)
{
    cr_assert_eq(LOAD(no_env, "-d", "/x", "--allow-insecure-listen", "--http-listen", ":80"),
                 TSDB_OK, "%s", err.msg);
    cr_assert_str_eq(config.store.data_dir, "/x");
    cr_assert(config.net.allow_insecure_listen);
    cr_assert_str_eq(config.net.http_listen, ":80");
    config_release(&config);
    cr_assert_eq(LOAD(no_env, "--otlp-promote-resource-attributes=a.b,c"), TSDB_OK);
    cr_assert_eq(config.ingest.otlp_promote.count, 2);
    cr_assert_str_eq(config.ingest.otlp_promote.at[0], "a.b");
    cr_assert_str_eq(config.ingest.otlp_promote.at[1], "c");
    config_release(&config);
}

Test(config, bad_flags_are_named)
{
    cr_assert_eq(LOAD(no_env, "--retension=1d"), TSDB_EINVAL);
    cr_assert_str_eq(err.msg, "unknown flag \"--retension=1d\", did you mean \"--retention\"?");
    cr_assert_eq(LOAD(no_env, "extra"), TSDB_EINVAL);
    cr_assert_str_eq(err.msg, "unexpected argument \"extra\"");
    cr_assert_eq(LOAD(no_env, "--data-dir"), TSDB_EINVAL);
    cr_assert_str_eq(err.msg, "--data-dir: no value");
    cr_assert_eq(LOAD(no_env, "-d", "a", "--data-dir=b"), TSDB_EINVAL);
    cr_assert_str_eq(err.msg, "--data-dir: given twice");
    cr_assert_eq(LOAD(no_env, "--loops=65"), TSDB_EINVAL);
    cr_assert_str_eq(err.msg, "--loops: loops is \"65\", want a whole number from 0 to 64");
    cr_assert_eq(LOAD(no_env, ""), TSDB_EINVAL);
    cr_assert_eq(LOAD(no_env, "--"), TSDB_EINVAL);
    cr_assert_eq(LOAD(no_env, "--="), TSDB_EINVAL);
    const char *env[] = {"ANDON_LOG_LEVEL=loud", NULL};
    cr_assert_eq(load(env, 0, NULL), TSDB_EINVAL);
    cr_assert_str_eq(err.msg,
                     "ANDON_LOG_LEVEL: log_level is \"loud\", want one of error,warn,info,debug");
}

Test(config, listening_beyond_loopback_needs_consent)
{
    cr_assert_eq(LOAD(no_env, "--http-listen=0.0.0.0:4318"), TSDB_EINVAL);
    cr_assert(strstr(err.msg, "http_listen: 0.0.0.0:4318 is open to others"), "%s", err.msg);
    cr_assert_eq(LOAD(no_env, "--tcp-listen=:4319"), TSDB_EINVAL);
    cr_assert_eq(LOAD(no_env, "--udp-listen=[::]:4319"), TSDB_EINVAL);
    cr_assert_eq(LOAD(no_env, "--udp-listen=[::1]:4319", "--http-listen=localhost:1"), TSDB_OK);
    config_release(&config);
    cr_assert_eq(LOAD(no_env, "--udp-listen=", "--http-listen=:1", "--web-config-file=w.yml"),
                 TSDB_OK);
    config_release(&config);
}

Test(config, yaml_faults_are_placed)
{
    static const struct {
        const char *text, *message;
    } cases[] = {
        {"\nretension: 1d\n",
         "andon.yml:2:1: unknown key \"retension\", did you mean \"retention\"?"},
        {"xyzzy: 1\n", "andon.yml:1:1: unknown key \"xyzzy\""},
        {"retention: 1d\nretention: 2d\n", "andon.yml:2:1: retention is already set in line 1"},
        {"retention: 101y\n",
         "andon.yml:1:12: retention is \"101y\", want a duration from 0s to 100y, such as 90s, "
         "12h or 30d"},
        {"retention: [1d]\n", "andon.yml:1:12: want a single value, got a list"},
        {"retention: {a: b}\n", "andon.yml:1:12: want a single value, got a mapping or a list"},
        {"retention:\n", "andon.yml:1:11: no value; write \"\" for an empty one"},
        {"retention: ~\n", "andon.yml:1:12: no value; write \"\" for an empty one"},
        {"otlp_promote_resource_attributes: a\n", "andon.yml:1:35: want a list: [a, b]"},
        {"otlp_promote_resource_attributes: [[a]]\n",
         "andon.yml:1:36: want a single value, got a mapping or a list"},
        {"retention: &x 1d\n", "andon.yml:1:12: anchors and tags are not taken"},
        {"retention: !!str 1d\n", "andon.yml:1:12: anchors and tags are not taken"},
        {"retention: *x\n", "andon.yml:1:12: aliases are not taken"},
        {"- a\n", "andon.yml:1:1: want a mapping: key: value"},
        {"word\n", "andon.yml:1:1: want a mapping: key: value"},
        {"{a: b}: c\n", "andon.yml:1:1: want a key"},
        {"retention: 1d\n---\nretention: 2d\n", "andon.yml:2:1: a second document is not taken"},
        {"config: other.yml\n", "andon.yml:1:1: config: a settings file cannot name another"},
        {"allow_insecure_listen: yes\n",
         "andon.yml:1:24: allow_insecure_listen is \"yes\", want true or false"},
        {"retention: ${NOPE}\n", "andon.yml:1:12: ${NOPE} is not set and has no default"},
        {"retention: ${NOPE\n", "andon.yml:1:12: ${ without }"},
        {"retention: ${}\n", "andon.yml:1:12: want ${NAME} or ${NAME:-default}, or $$"},
        {"retention: ${1A}\n", "andon.yml:1:12: want ${NAME} or ${NAME:-default}, or $$"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        cr_assert_eq(load_text(cases[i].text), TSDB_EINVAL, "%s", cases[i].text);
        cr_assert_str_eq(err.msg, cases[i].message);
    }
    cr_assert_eq(load_text("retention: \"1d\n"), TSDB_EINVAL); /* libyaml's own words */
    cr_assert_eq(strncmp(err.msg, "andon.yml:", 10), 0, "%s", err.msg);
    cr_assert_eq(load_text("\xff\xfe"), TSDB_EINVAL);
}

Test(config, nothing_to_set_is_fine)
{
    static const char *const cases[] = {"", "\n", "# comment\n", "---\n", "{}\n", "--- {}\n...\n"};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        cr_assert_eq(load_text(cases[i]), TSDB_OK, "%s: %s", cases[i], err.msg);
        cr_assert_str_eq(value_of("retention"), "30d");
        config_release(&config);
    }
}

Test(config, scalars_take_variables)
{
    const char *env[] = {"DAYS=7", "EMPTY=", "DIR=/a:-b", NULL};
    static const struct {
        const char *text, *dir;
    } cases[] = {
        {"data_dir: /x/${DAYS}/y", "\"/x/7/y\""}, {"data_dir: ${env:DAYS}", "\"7\""},
        {"data_dir: '${NOPE:-a b}'", "\"a b\""},  {"data_dir: ${EMPTY:-fallback}", "fallback"},
        {"data_dir: ${DAYS:-fallback}", "\"7\""}, {"data_dir: $$x$y$", "\"$$x$$y$$\""},
        {"data_dir: $${DAYS}", "\"$${DAYS}\""},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        cr_assert_eq(config_load_text(text_of(cases[i].text), "f", env, &config, &err), TSDB_OK,
                     "%s: %s", cases[i].text, err.msg);
        cr_assert_str_eq(value_of("data_dir"), cases[i].dir);
        config_release(&config);
    }
    cr_assert_eq(config_load_text(text_of("data_dir: ${EMPTY}"), "f", env, &config, &err),
                 TSDB_EINVAL);
}

Test(config, expansion_is_bounded)
{
    static char big[CONFIG_VALUE_MAX + 16], text[65536];
    memset(big, 'x', sizeof big - 1);
    memcpy(big, "BIG=", 4);
    const char *env[] = {big, NULL};
    (void)snprintf(text, sizeof text, "data_dir: ${BIG}");
    cr_assert_eq(config_load_text(text_of(text), "f", env, &config, &err), TSDB_EINVAL);
    cr_assert_str_eq(err.msg, "f:1:11: value of more than 4096 bytes");
    big[4 + 4000] = '\0';
    cr_assert_eq(config_load_text(text_of(text), "f", env, &config, &err), TSDB_OK, "%s", err.msg);
    config_release(&config);
    big[4 + 4000] = 'x';
    big[4 + 4001] = '\0';
    cr_assert_eq(config_load_text(text_of(text), "f", env, &config, &err), TSDB_EINVAL);
}

Test(config, lists_are_limited)
{
    struct writer w = {0};
    for (int count = 128; count <= 129; count++) {
        writer_reset(&w);
        writer_text(&w, "otlp_promote_resource_attributes: [");
        for (int i = 0; i < count; i++)
            writer_format(&w, "a%d,", i);
        writer_text(&w, "]\n");
        struct tsdb_text text = {(char *)w.at, w.len};
        enum tsdb_status st = config_load_text(text, "f", no_env, &config, &err);
        cr_assert_eq(st, count == 128 ? TSDB_OK : TSDB_EINVAL, "%s", err.msg);
        if (st == TSDB_OK)
            config_release(&config);
    }
    writer_release(&w);
}

Test(config, print_loads_as_what_was_printed)
{
    struct config again;
    cr_assert_eq(load_text("data_dir: \"a b\\\"\\\\$$\\x01\"\nhttp_listen: ''\nretention: 36h\n"
                           "otlp_promote_resource_attributes: [a.b, 'c d', \"1\"]\n"),
                 TSDB_OK, "%s", err.msg);
    struct writer w = {0};
    config_print(&config, &w);
    /* Not the first line but one: `config` is no key of a file. */
    char *text = mem_text((char *)w.at, w.len), *line = strstr(text, "config: \"\"");
    cr_assert(line);
    *line = '#';
    cr_assert_eq(config_load_text(text_of(text), "again", no_env, &again, &err), TSDB_OK, "%s\n%s",
                 err.msg, text);
    cr_assert_str_eq(again.store.data_dir, config.store.data_dir);
    cr_assert_str_eq(again.net.http_listen, "");
    cr_assert_eq(again.ingest.otlp_promote.count, 3);
    cr_assert_str_eq(again.ingest.otlp_promote.at[1], "c d");
    mem_free(text);
    writer_release(&w);
    config_release(&again);
    config_release(&config);
}

struct changes {
    int reloadable, fixed;
};

static void count_change(void *arg, const char *key, bool is_reloadable)
{
    struct changes *c = arg;
    cr_assert(strcmp(key, "retention") == 0 || strcmp(key, "loops") == 0, "%s", key);
    if (is_reloadable)
        c->reloadable++;
    else
        c->fixed++;
}

Test(config, compare_tells_what_a_reload_may_change)
{
    struct config now;
    cr_assert_eq(load_text(""), TSDB_OK);
    cr_assert_eq(config_load_text(text_of("retention: 1d\nloops: 2\n"), "f", no_env, &now, &err),
                 TSDB_OK);
    struct changes c = {0};
    config_compare(&config, &now, count_change, &c);
    cr_assert_eq(c.reloadable, 1);
    cr_assert_eq(c.fixed, 1);
    config_release(&now);
    config_release(&config);
}
