#include "collector/net/web_config.h"

#include "tsdb/base/mem.h"

enum tsdb_status web_config_read(struct fs *fs, const char *path, struct web_config **out,
                                 struct tsdb_error *err)
{
    (void)fs;
    (void)path;
    (void)err;
    struct web_config *c = MEM_NEW(struct web_config);
    atomic_init(&c->refs, 1);
    *out = c;
    return TSDB_OK;
}

struct web_config *web_config_ref(struct web_config *config)
{
    (void)atomic_fetch_add(&config->refs, 1);
    return config;
}

void web_config_unref(struct web_config *config)
{
    if (!config || atomic_fetch_sub(&config->refs, 1) > 1)
        return;
    arena_release(&config->arena);
    mem_free(config);
}
