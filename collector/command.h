/* command.h - what `andon` can be asked on the command line, but for serving.
 *
 * Each command takes the arguments after its own name and answers the exit
 * status: 0 done, 1 could not (or the answer is no), 2 the command line is wrong.
 * Answers go to stdout, everything else to stderr.  Whatever came from a server
 * or a store is written with control characters escaped: a label value must not
 * drive the reader's terminal.
 */
#ifndef COLLECTOR_COMMAND_H
#define COLLECTOR_COMMAND_H

#include "tsdb/base/writer.h"
#include "tsdb/tsdb.h"

enum { COMMAND_OK = 0, COMMAND_FAILED = 1, COMMAND_USAGE = 2 };

struct command {
    const char *name;
    int (*run)(int argc, const char *const *argv);
    const char *arguments, *help; /* one line each */
};

/* NULL when there is none of that name ("serve" is main's own). */
const struct command *command_find(const char *name);
/* Whether the last word is --help or -h: then a command only shows its usage. */
bool command_is_help(int argc, const char *const *argv);
/* The screens of --help and serve --help. */
void command_help(struct writer *w);
void command_serve_help(struct writer *w);

int command_query(int argc, const char *const *argv);
int command_trace(int argc, const char *const *argv);
int command_tail(int argc, const char *const *argv);
int command_send(int argc, const char *const *argv);
int command_inspect(int argc, const char *const *argv);
int command_verify(int argc, const char *const *argv);
int command_check(int argc, const char *const *argv);
int command_version(int argc, const char *const *argv);

/* ---- what commands share ------------------------------------------------------------ */

/* "--name value", "--name=value"; a switch has no value; a list may repeat. */
struct command_flag {
    const char *name;
    const char **value; /* set to the value, or */
    bool *is_set;       /* for a switch, or */
    struct command_list {
        const char *at[64];
        size_t count;
    } * list;
};

/* Takes the flags out; the other words go to words[], whose number must be
 * word_count.  False: it was said on stderr what is wrong, or help was asked for
 * and is on stdout. */
struct command_line {
    const char *usage; /* "query EXPR [--range 1h ...]" */
    const struct command_flag *flags;
    size_t flag_count;
    const char **words;
    size_t word_count;
};
bool command_parse(int argc, const char *const *argv, const struct command_line *line);

/* "andon: ..." on stderr; answers status. */
int command_fail(int status, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* Appends text with control characters and bytes that are not UTF-8 as \xNN. */
void command_put_text(struct writer *w, struct tsdb_text text);
/* Writes w to stdout and empties it; false when stdout is closed. */
bool command_print(struct writer *w);
/* The first line of a small file, as a secret is kept in; NULL (and said why). */
char *command_read_secret(const char *path);

#endif
