#include "collector/config/config.h"

#include "collector/config/load.h"
#include "tsdb/base/assert.h"
#include "tsdb/base/text.h"

#include <stdio.h>
#include <string.h>

static void source_format(const struct config *c, const struct setting *s, struct writer *w)
{
    const struct config_source *source = &c->sources[s - settings];
    char name[SETTING_NAME_MAX];
    switch (source->origin) {
    case ORIGIN_DEFAULT: writer_text(w, "default"); return;
    case ORIGIN_FILE: writer_format(w, "%s:%u", *c->file ? c->file : "line", source->line); return;
    case ORIGIN_VARIABLE:
        setting_variable(s, name);
        writer_text(w, name);
        return;
    case ORIGIN_FLAG:
        setting_flag(s, name);
        writer_text(w, name);
        return;
    }
    UNREACHABLE();
}

void config_print(const struct config *c, struct writer *w)
{
    for (size_t i = 0; i < setting_count; i++) {
        const struct setting *s = &settings[i];
        writer_format(w, "%s: ", s->key);
        value_format(c, s, w);
        writer_text(w, "  # ");
        source_format(c, s, w);
        writer_u8(w, '\n');
    }
}

enum tsdb_status config_value(const struct config *c, const char *key, struct writer *w)
{
    const struct setting *s = setting_find(text_of(key));
    if (!s)
        return TSDB_ENOTFOUND;
    value_format(c, s, w);
    return TSDB_OK;
}

void config_each(const struct config *c,
                 void (*fn)(void *to, const char *key, struct tsdb_text value), void *to)
{
    struct writer w = {0};
    for (size_t i = 0; i < setting_count; i++) {
        writer_reset(&w);
        value_format(c, &settings[i], &w);
        fn(to, settings[i].key, (struct tsdb_text){(const char *)w.at, w.len});
    }
    writer_release(&w);
}

void config_help(struct writer *w)
{
    enum { COLUMN = 34, FIRST_CHOICE_ONLY = 40 };
    for (size_t i = 0; i < setting_count; i++) {
        const struct setting *s = &settings[i];
        char flag[SETTING_NAME_MAX];
        setting_flag(s, flag);
        writer_format(w, "  %-*s %.*s", COLUMN, flag, (int)strcspn(s->help, "\n"), s->help);
        if (s->choices && strlen(s->choices) <= FIRST_CHOICE_ONLY)
            writer_format(w, ": %s", s->choices);
        if (*s->fallback)
            writer_format(w, " [%s]", s->fallback);
        writer_u8(w, '\n');
    }
}

void config_sample(struct writer *w)
{
    writer_text(w, "# Andon's settings, each with its default.  A key here is also a flag\n"
                   "# (data_dir: --data-dir) and an environment variable (ANDON_DATA_DIR);\n"
                   "# flag goes before variable, variable before file.  Values may hold ${VAR}\n"
                   "# and ${VAR:-default}.  Check a file with: andon check config FILE\n"
                   "# \"reload\": changed by SIGHUP or POST /-/reload; the others need a start.\n");
    for (size_t i = 0; i < setting_count; i++) {
        const struct setting *s = &settings[i];
        if (strcmp(s->key, "config") == 0)
            continue;
        size_t line = strcspn(s->help, "\n");
        writer_format(w, "\n# %.*s%s\n", (int)line, s->help, s->is_reloadable ? " (reload)" : "");
        for (const char *at = s->help + line; *at; at += line) {
            line = strcspn(++at, "\n");
            writer_format(w, "# %.*s\n", (int)line, at);
        }
        if (s->kind != SETTING_TEXT) {
            char range[256];
            setting_range(s, range, sizeof range);
            writer_format(w, "# %s\n", range);
        }
        if (s->kind == SETTING_LIST)
            writer_format(w, "# %s: [%s]\n", s->key, s->fallback);
        else
            writer_format(w, *s->fallback ? "# %s: %s\n" : "# %s: \"%s\"\n", s->key, s->fallback);
    }
}
