#include "collector/net/auth.h"

#include "tsdb/base/mem.h"
#include "tsdb/base/thread.h"

#include <string.h>

struct auth {
    struct clock *clock;
    struct mutex lock;
    struct web_config *config;
};

struct auth *auth_new(struct clock *clock, struct web_config *config)
{
    struct auth *a = MEM_NEW(struct auth);
    a->clock = clock;
    a->config = config;
    mutex_init(&a->lock);
    return a;
}

void auth_start(struct auth *auth)
{
    (void)auth;
}

void auth_stop(struct auth *auth)
{
    (void)auth;
}

void auth_free(struct auth *auth)
{
    if (!auth)
        return;
    web_config_unref(auth->config);
    mutex_release(&auth->lock);
    mem_free(auth);
}

void auth_set_config(struct auth *auth, struct web_config *config)
{
    mutex_lock(&auth->lock);
    struct web_config *old = auth->config;
    auth->config = config;
    mutex_unlock(&auth->lock);
    web_config_unref(old);
}

struct web_config *auth_config_ref(struct auth *auth)
{
    mutex_lock(&auth->lock);
    struct web_config *config = web_config_ref(auth->config);
    mutex_unlock(&auth->lock);
    return config;
}

bool auth_is_on(struct auth *auth)
{
    struct web_config *config = auth_config_ref(auth);
    bool is_on = config->user_count > 0 || config->token_count > 0;
    web_config_unref(config);
    return is_on;
}

enum auth_verdict auth_check(struct auth *auth, struct tsdb_text authorization,
                             struct auth_identity *out, auth_done_fn *done, void *arg)
{
    (void)auth;
    (void)authorization;
    (void)done;
    (void)arg;
    *out = (struct auth_identity){.scopes = SCOPE_INGEST | SCOPE_QUERY | SCOPE_ADMIN};
    return AUTH_OK;
}

enum auth_verdict auth_check_token(struct auth *auth, struct tsdb_text token,
                                   struct auth_identity *out)
{
    return auth_check(auth, token, out, NULL, NULL);
}

struct tsdb_text auth_tenant_copy(const struct auth_identity *identity, struct arena *arena)
{
    char *at = identity->tenant.len ? ARENA_ARRAY(arena, char, identity->tenant.len) : NULL;
    if (!at)
        return (struct tsdb_text){"", 0};
    memcpy(at, identity->tenant.at, identity->tenant.len);
    return (struct tsdb_text){at, identity->tenant.len};
}

void auth_identity_release(struct auth_identity *identity)
{
    web_config_unref(identity->config);
    *identity = (struct auth_identity){0};
}
