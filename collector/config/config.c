#include "collector/config/config.h"

#include "collector/config/load.h"
#include "collector/config/log_rule.h"
#include "tsdb/base/assert.h"
#include "tsdb/base/fs.h"
#include "tsdb/base/mem.h"
#include "tsdb/base/status.h"
#include "tsdb/base/text.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

enum { TEXTS_MAX = 4 << 20 }; /* every value four times over */

void loader_source(struct loader *l, const struct setting *s, struct config_source source)
{
    l->config->sources[s - settings] = source;
}

static const struct setting *config_setting(void)
{
    const struct setting *s = setting_find(text_of("config"));
    ASSERT(s);
    return s;
}

/* ---- flags ----------------------------------------------------------------------- */

struct flag {
    const struct setting *setting;
    struct tsdb_text value;
};

/* "--data-dir" as a key: without dashes in front, with _ inside. */
static size_t flag_key(const char *flag, size_t len, char out[SETTING_NAME_MAX])
{
    if (len < 3 || len - 2 >= SETTING_NAME_MAX || strncmp(flag, "--", 2) != 0)
        return 0;
    for (size_t i = 2; i < len; i++)
        out[i - 2] = flag[i] == '-' ? '_' : flag[i];
    return len - 2;
}

static enum tsdb_status unknown_flag(struct tsdb_error *err, const char *flag, struct tsdb_text key)
{
    const char *near = setting_nearest(key);
    if (strncmp(flag, "-", 1) != 0)
        return tsdb_fail(err, TSDB_EINVAL, "unexpected argument \"%.80s\"", flag);
    if (!near)
        return tsdb_fail(err, TSDB_EINVAL, "unknown flag \"%.80s\"", flag);
    char name[SETTING_NAME_MAX];
    setting_flag(setting_find(text_of(near)), name);
    return tsdb_fail(err, TSDB_EINVAL, "unknown flag \"%.80s\", did you mean \"%s\"?", flag, name);
}

/* One flag at argv[*i], which moves past it. */
static enum tsdb_status flag_parse(int argc, const char *const *argv, int *i, struct flag *out,
                                   struct tsdb_error *err)
{
    const char *arg = argv[(*i)++];
    if (strcmp(arg, "-c") == 0)
        arg = "--config";
    else if (strcmp(arg, "-d") == 0)
        arg = "--data-dir";
    const char *equals = strchr(arg, '=');
    char key[SETTING_NAME_MAX];
    size_t key_len = flag_key(arg, equals ? (size_t)(equals - arg) : strlen(arg), key);
    out->setting = setting_find((struct tsdb_text){key, key_len});
    if (!out->setting)
        return unknown_flag(err, arg, (struct tsdb_text){key, key_len});
    if (equals)
        out->value = text_of(equals + 1);
    else if (out->setting->kind == SETTING_BOOL)
        out->value = text_of("true");
    else if (*i < argc)
        out->value = text_of(argv[(*i)++]);
    else
        return tsdb_fail(err, TSDB_EINVAL, "%.80s: no value", arg);
    return TSDB_OK;
}

static enum tsdb_status flags_parse(int argc, const char *const *argv,
                                    struct flag flags[CONFIG_SETTINGS_MAX], struct tsdb_error *err)
{
    for (int i = 0; i < argc;) {
        struct flag flag;
        enum tsdb_status st = flag_parse(argc, argv, &i, &flag, err);
        if (st != TSDB_OK)
            return st;
        struct flag *slot = &flags[flag.setting - settings];
        char name[SETTING_NAME_MAX];
        setting_flag(flag.setting, name);
        if (slot->setting)
            return tsdb_fail(err, TSDB_EINVAL, "%s: given twice", name);
        *slot = flag;
    }
    return TSDB_OK;
}

/* ---- layers ------------------------------------------------------------------------ */

static enum tsdb_status put_defaults(struct loader *l)
{
    for (size_t i = 0; i < setting_count; i++) {
        enum tsdb_status st =
            loader_put(l, &settings[i], text_of(settings[i].fallback), "built-in");
        if (st != TSDB_OK)
            return st;
    }
    return TSDB_OK;
}

static enum tsdb_status put_variable(struct loader *l, const struct setting *s)
{
    char name[SETTING_NAME_MAX];
    setting_variable(s, name);
    const char *value = loader_variable(l, name, strlen(name));
    if (!value)
        return TSDB_OK;
    loader_source(l, s, (struct config_source){.origin = ORIGIN_VARIABLE});
    return loader_put(l, s, text_of(value), name);
}

static enum tsdb_status put_flag(struct loader *l, const struct flag *flag)
{
    if (!flag->setting)
        return TSDB_OK;
    char name[SETTING_NAME_MAX];
    setting_flag(flag->setting, name);
    loader_source(l, flag->setting, (struct config_source){.origin = ORIGIN_FLAG});
    return loader_put(l, flag->setting, flag->value, name);
}

static enum tsdb_status put_file(struct loader *l, const char *path)
{
    /* Orchestrators hand out settings files as symbolic links, which fs_open
     * refuses to follow. */
    char real[PATH_MAX];
    if (!realpath(path, real))
        return tsdb_fail_os(l->err, "%.120s", path);
    struct fs_file *file = NULL;
    uint64_t bytes = 0;
    char *text = NULL;
    enum tsdb_status st = fs_open(fs_posix(), real, FS_READ, &file, l->err);
    if (st == TSDB_OK)
        st = fs_size(file, &bytes, l->err);
    if (st == TSDB_OK && bytes > CONFIG_FILE_MAX)
        st = tsdb_fail(l->err, TSDB_EINVAL, "%.120s: %llu bytes, want at most %d", path,
                       (unsigned long long)bytes, CONFIG_FILE_MAX);
    if (st == TSDB_OK) {
        text = mem_alloc((size_t)bytes + 1);
        st = fs_pread(file, text, (size_t)bytes, 0, l->err);
    }
    if (st == TSDB_OK)
        st = loader_yaml(l, (struct tsdb_text){text, (size_t)bytes}, path);
    mem_free(text);
    fs_close(file);
    return st;
}

/* ---- checks across settings ----------------------------------------------------------- */

static bool is_loopback(const char *address)
{
    return strncmp(address, "127.", 4) == 0 || strncmp(address, "[::1]:", 6) == 0 ||
           strncmp(address, "localhost:", 10) == 0;
}

static enum tsdb_status check_listeners(const struct config *c, struct tsdb_error *err)
{
    const struct {
        const char *key, *address;
    } all[] = {
        {"http_listen", c->net.http_listen},
        {"grpc_listen", c->net.grpc_listen},
        {"udp_listen", c->net.udp_listen},
        {"tcp_listen", c->net.tcp_listen},
        {"syslog_udp_listen", c->net.syslog_udp_listen},
        {"syslog_tcp_listen", c->net.syslog_tcp_listen},
    };
    if (c->net.allow_insecure_listen || *c->net.web_config_file)
        return TSDB_OK;
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++)
        if (*all[i].address && strcmp(all[i].address, "off") != 0 && !is_loopback(all[i].address))
            return tsdb_fail(err, TSDB_EINVAL,
                             "%s: %s is open to others; set web_config_file (TLS, users), or "
                             "allow_insecure_listen",
                             all[i].key, all[i].address);
    return TSDB_OK;
}

static enum tsdb_status check_log_rules(const struct config *c, struct tsdb_error *err)
{
    struct log_rule rule;
    for (size_t i = 0; i < c->store.log_retention.count; i++)
        if (!log_rule_parse(c->store.log_retention.at[i], &rule))
            return tsdb_fail(err, TSDB_EINVAL,
                             "log_retention: \"%.80s\", want a period and a selector, such as "
                             "7d {level=\"debug\"}",
                             c->store.log_retention.at[i]);
    return TSDB_OK;
}

static enum tsdb_status check_all(const struct config *c, struct tsdb_error *err)
{
    enum tsdb_status st = check_listeners(c, err);
    return st == TSDB_OK ? check_log_rules(c, err) : st;
}

/* ---- loading ------------------------------------------------------------------------------ */

static void begin(struct config *out)
{
    memset(out, 0, sizeof *out);
    arena_init(&out->texts, TEXTS_MAX, NULL);
}

enum tsdb_status config_load(int argc, const char *const *argv, const char *const *env,
                             struct config *out, struct tsdb_error *err)
{
    struct flag flags[CONFIG_SETTINGS_MAX] = {0};
    const struct setting *file = config_setting();
    begin(out);
    struct loader l = {out, env, err};
    enum tsdb_status st = flags_parse(argc, argv, flags, err);
    if (st == TSDB_OK)
        st = put_defaults(&l);
    if (st == TSDB_OK)
        st = put_variable(&l, file);
    if (st == TSDB_OK)
        st = put_flag(&l, &flags[file - settings]);
    if (st == TSDB_OK && *out->file)
        st = put_file(&l, out->file);
    for (size_t i = 0; st == TSDB_OK && i < setting_count; i++) {
        if (&settings[i] == file)
            continue;
        st = put_variable(&l, &settings[i]);
        if (st == TSDB_OK)
            st = put_flag(&l, &flags[i]);
    }
    if (st == TSDB_OK)
        st = check_all(out, err);
    if (st != TSDB_OK)
        config_release(out);
    return st;
}

static enum tsdb_status load_alone(struct loader *l, const struct tsdb_text *text, const char *path)
{
    begin(l->config);
    enum tsdb_status st = put_defaults(l);
    if (st == TSDB_OK && !text)
        st = loader_put(l, config_setting(), text_of(path), path);
    if (st == TSDB_OK)
        st = text ? loader_yaml(l, *text, path) : put_file(l, path);
    if (st == TSDB_OK)
        st = check_all(l->config, l->err);
    if (st != TSDB_OK)
        config_release(l->config);
    return st;
}

enum tsdb_status config_load_file(const char *path, const char *const *env, struct config *out,
                                  struct tsdb_error *err)
{
    struct loader l = {out, env, err};
    return load_alone(&l, NULL, path);
}

enum tsdb_status config_load_text(struct tsdb_text text, const char *name, const char *const *env,
                                  struct config *out, struct tsdb_error *err)
{
    struct loader l = {out, env, err};
    return load_alone(&l, &text, name);
}

void config_release(struct config *c)
{
    arena_release(&c->texts);
    memset(c, 0, sizeof *c);
}

void config_compare(const struct config *before, const struct config *now,
                    void (*fn)(void *arg, const char *key, bool is_reloadable), void *arg)
{
    struct writer a = {0}, b = {0};
    for (size_t i = 0; i < setting_count; i++) {
        writer_reset(&a);
        writer_reset(&b);
        value_format(before, &settings[i], &a);
        value_format(now, &settings[i], &b);
        if (a.len != b.len || memcmp(a.at, b.at, a.len) != 0)
            fn(arg, settings[i].key, settings[i].is_reloadable);
    }
    writer_release(&a);
    writer_release(&b);
}
