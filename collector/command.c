#include "collector/command.h"

#include "collector/config/config.h"
#include "collector/ingest/tenants_file.h"
#include "tsdb/base/fs.h"
#include "tsdb/base/mem.h"
#include "tsdb/base/text.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

extern char **environ;

static const struct command commands[] = {
    {"query", command_query, "EXPR [--range 1h] [--step 15s] [--traces] [--json]",
     "ask PromQL, or TraceQL"},
    {"trace", command_trace, "ID [--json]", "the spans of a trace, as a tree"},
    {"tail", command_tail, "QUERY [--since 1h] [--limit 10] [--no-follow] [--json]",
     "follow logs, by LogQL"},
    {"send", command_send, "metric NAME VALUE | log MESSAGE | span NAME [--to URL]",
     "send a sample, a log record or a span"},
    {"inspect", command_inspect, "DIR", "what a store holds"},
    {"verify", command_verify, "DIR", "check every byte of a store"},
    {"check", command_check, "config FILE [--print]", "check a settings file"},
    {"version", command_version, "", "print the version"},
};

const struct command *command_find(const char *name)
{
    for (size_t i = 0; i < sizeof commands / sizeof commands[0]; i++)
        if (strcmp(name, commands[i].name) == 0)
            return &commands[i];
    return NULL;
}

void command_help(struct writer *w)
{
    enum { COLUMN = 64 };
    writer_text(w, "Usage: andon [COMMAND] [FLAGS]\n\n");
    writer_format(w, "  %-*s %s\n", COLUMN, "serve [FLAGS]", "run the server (the default)");
    for (size_t i = 0; i < sizeof commands / sizeof commands[0]; i++) {
        char left[128];
        (void)snprintf(left, sizeof left, "%s %s", commands[i].name, commands[i].arguments);
        writer_format(w, "  %-*s %s\n", COLUMN, left, commands[i].help);
    }
    writer_text(w,
                "\nandon COMMAND --help says more; andon serve --help lists the server's flags.\n");
}

void command_serve_help(struct writer *w)
{
    writer_text(w, "Usage: andon [serve] [FLAGS]\n\nEach flag is also a key of the settings file "
                   "(data_dir) and a\n"
                   "variable (ANDON_DATA_DIR).  -d is --data-dir, -c is --config.\n\n");
    config_help(w);
}

/* ---- the command line -------------------------------------------------------------------- */

int command_fail(int status, const char *fmt, ...)
{
    char text[1024];
    va_list args;
    va_start(args, fmt);
    if (vsnprintf(text, sizeof text, fmt, args) < 0)
        text[0] = '\0';
    va_end(args);
    struct writer w = {0};
    writer_text(&w, "andon: ");
    command_put_text(&w, text_of(text));
    writer_u8(&w, '\n');
    (void)fwrite(w.at, 1, w.len, stderr); /* nowhere else to say so */
    writer_release(&w);
    return status;
}

static bool wrong_usage(const struct command_line *line, const char *what, const char *word)
{
    (void)command_fail(COMMAND_USAGE, "%s \"%s\"; usage: andon %s", what, word, line->usage);
    return false;
}

static const struct command_flag *flag_find(const struct command_line *line, const char *word,
                                            size_t len)
{
    for (size_t i = 0; i < line->flag_count; i++)
        if (strlen(line->flags[i].name) == len && memcmp(line->flags[i].name, word, len) == 0)
            return &line->flags[i];
    return NULL;
}

static bool flag_take(const struct command_line *line, const struct command_flag *flag,
                      const char *value)
{
    if (flag->list && flag->list->count == sizeof flag->list->at / sizeof flag->list->at[0])
        return wrong_usage(line, "too often", flag->name);
    if (flag->list)
        flag->list->at[flag->list->count++] = value;
    else
        *flag->value = value;
    return true;
}

/* The flag at argv[*i], which moves past it. */
static bool flag_parse(int argc, const char *const *argv, int *i, const struct command_line *line)
{
    const char *word = argv[(*i)++];
    const char *equals = strchr(word, '=');
    const struct command_flag *flag =
        flag_find(line, word, equals ? (size_t)(equals - word) : strlen(word));
    if (!flag)
        return wrong_usage(line, "unknown flag", word);
    if (flag->is_set) {
        *flag->is_set = true;
        return !equals || wrong_usage(line, "no value is taken by", flag->name);
    }
    if (equals)
        return flag_take(line, flag, equals + 1);
    if (*i >= argc)
        return wrong_usage(line, "no value for", flag->name);
    return flag_take(line, flag, argv[(*i)++]);
}

bool command_is_help(int argc, const char *const *argv)
{
    const char *last = argc > 0 ? argv[argc - 1] : "";
    return strcmp(last, "--help") == 0 || strcmp(last, "-h") == 0;
}

static bool show_usage(const struct command_line *line)
{
    struct writer w = {0};
    writer_format(&w, "Usage: andon %s\n", line->usage);
    (void)command_print(&w); /* main answers for the status */
    writer_release(&w);
    return false;
}

bool command_parse(int argc, const char *const *argv, const struct command_line *line)
{
    size_t words = 0;
    bool has_flags = true;
    if (command_is_help(argc, argv))
        return show_usage(line);
    for (int i = 0; i < argc;) {
        if (has_flags && strcmp(argv[i], "--") == 0) {
            has_flags = false;
            i++;
        } else if (has_flags && strncmp(argv[i], "--", 2) == 0) {
            if (!flag_parse(argc, argv, &i, line))
                return false;
        } else if (words == line->word_count) {
            return wrong_usage(line, "unexpected", argv[i]);
        } else {
            line->words[words++] = argv[i++];
        }
    }
    if (words < line->word_count) {
        (void)command_fail(COMMAND_USAGE, "usage: andon %s", line->usage);
        return false;
    }
    return true;
}

/* ---- output -------------------------------------------------------------------------------- */

void command_put_text(struct writer *w, struct tsdb_text text)
{
    for (size_t i = 0; i < text.len;) {
        unsigned char c = (unsigned char)text.at[i];
        size_t n = c < 0x80 ? 1 : c >= 0xf0 ? 4 : c >= 0xe0 ? 3 : 2;
        bool is_control = c < 0x20 || c == 0x7f ||
                          (c == 0xc2 && i + 1 < text.len && (unsigned char)text.at[i + 1] < 0xa0);
        if (is_control || n > text.len - i || !utf8_check(text.at + i, n)) {
            writer_format(w, "\\x%02x", c);
            i++;
            continue;
        }
        writer_put(w, text.at + i, n);
        i += n;
    }
}

bool command_print(struct writer *w)
{
    bool is_written = fwrite(w->at, 1, w->len, stdout) == w->len && fflush(stdout) == 0;
    writer_reset(w);
    return is_written;
}

char *command_read_secret(const char *path)
{
    enum { SECRET_MAX = 4096 };
    struct tsdb_error err = {0};
    struct fs_file *file;
    uint64_t bytes = 0;
    if (fs_open(fs_posix(), path, FS_READ, &file, &err) != TSDB_OK) {
        (void)command_fail(COMMAND_FAILED, "%s", err.msg);
        return NULL;
    }
    char text[SECRET_MAX] = "";
    bool is_read = fs_size(file, &bytes, &err) == TSDB_OK && bytes < SECRET_MAX &&
                   fs_pread(file, text, (size_t)bytes, 0, &err) == TSDB_OK;
    fs_close(file);
    size_t len = strcspn(text, "\r\n");
    char *secret = is_read && len > 0 ? mem_text(text, len) : NULL;
    if (!secret)
        (void)command_fail(COMMAND_FAILED, "%s: want one line of at most %d bytes", path,
                           SECRET_MAX - 1);
    explicit_bzero(text, sizeof text);
    return secret;
}

/* ---- small commands -------------------------------------------------------------------------- */

int command_version(int argc, const char *const *argv)
{
    const struct command_line line = {.usage = "version"};
    if (!command_parse(argc, argv, &line))
        return COMMAND_USAGE;
    struct writer w = {0};
    writer_format(&w, "andon %s\n", ANDON_VERSION);
    bool is_written = command_print(&w);
    writer_release(&w);
    return is_written ? COMMAND_OK : COMMAND_FAILED;
}

int command_check(int argc, const char *const *argv)
{
    const char *words[2];
    bool is_printed = false;
    const struct command_flag flags[] = {{.name = "--print", .is_set = &is_printed}};
    const struct command_line line = {"check config FILE [--print]", flags, 1, words, 2};
    if (!command_parse(argc, argv, &line))
        return COMMAND_USAGE;
    if (strcmp(words[0], "config") != 0)
        return command_fail(COMMAND_USAGE, "cannot check \"%s\"; usage: andon %s", words[0],
                            line.usage);
    struct config config;
    struct tsdb_error err = {0};
    if (config_load_file(words[1], (const char *const *)environ, &config, &err) != TSDB_OK)
        return command_fail(COMMAND_FAILED, "%s", err.msg);
    struct tenants tenants;
    const struct tsdb_limits none = {0};
    enum tsdb_status st =
        tenants_read(fs_posix(), config.store.tenants_file, &none, &tenants, &err);
    if (st != TSDB_OK) {
        config_release(&config);
        return command_fail(COMMAND_FAILED, "%s", err.msg);
    }
    tenants_release(&tenants);
    struct writer w = {0};
    if (is_printed)
        config_print(&config, &w);
    else
        writer_format(&w, "%s: good\n", words[1]);
    bool is_written = command_print(&w);
    writer_release(&w);
    config_release(&config);
    return is_written ? COMMAND_OK : COMMAND_FAILED;
}
