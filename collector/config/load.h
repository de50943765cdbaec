/* load.h - how the parts of config put one value after another into a config.
 *
 * Private to the room.  A loader lives during one config_load.  A value is put
 * with the place it came from ("andon.yml:12:1", "--retention"), which begins
 * every error about it.
 */
#ifndef COLLECTOR_CONFIG_LOAD_H
#define COLLECTOR_CONFIG_LOAD_H

#include "collector/config/settings.h"

struct loader {
    struct config *config;
    const char *const *env; /* NULL-terminated NAME=value */
    struct tsdb_error *err;
};

/* The variable's value, or NULL. */
const char *loader_variable(const struct loader *l, const char *name, size_t name_len);

/* Parses and checks the text, and keeps it.  A list is split at its commas, but for
 * those in quotes and in braces. */
enum tsdb_status loader_put(struct loader *l, const struct setting *s, struct tsdb_text value,
                            const char *place);
enum tsdb_status loader_put_list(struct loader *l, const struct setting *s,
                                 const struct tsdb_text *items, size_t count, const char *place);
/* Where the value of s now comes from. */
void loader_source(struct loader *l, const struct setting *s, struct config_source source);

/* ${VAR} and $$ of `in`, appended to out; no more than CONFIG_VALUE_MAX. */
enum tsdb_status loader_expand(struct loader *l, struct tsdb_text in, const char *place,
                               struct writer *out);

/* A whole settings file. */
enum tsdb_status loader_yaml(struct loader *l, struct tsdb_text text, const char *name);

/* Formats one value as the file would hold it. */
void value_format(const struct config *c, const struct setting *s, struct writer *w);

#endif
