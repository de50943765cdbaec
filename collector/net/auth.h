/* auth.h - who is calling: bearer tokens and passwords, and the config behind.
 *
 * Tokens are compared by their SHA-256, every one of them, in constant time.
 * Passwords are bcrypt, tens of milliseconds each, so they are verified on one
 * thread of their own behind a queue of AUTH_QUEUE_MAX; a success is remembered
 * for AUTH_CACHE_S under HMAC-SHA256(random key, length-prefixed user, password,
 * hash), so the cache holds nothing that logs in, and a changed hash misses.
 * Failures are never remembered, and an unknown user costs one bcrypt as well.
 *
 * With neither users nor tokens configured everybody has every scope.
 *
 * Guarded by lock: the present config, the queue, the cache.
 */
#ifndef COLLECTOR_NET_AUTH_H
#define COLLECTOR_NET_AUTH_H

#include "collector/net/web_config.h"
#include "tsdb/base/clock.h"

enum {
    AUTH_QUEUE_MAX = 64,
    AUTH_CACHE_MAX = 1024,
    AUTH_CACHE_S = 300,
    AUTH_PASSWORD_MAX = 256, /* bytes; bcrypt uses the first 72 */
};

enum auth_verdict {
    AUTH_OK,
    AUTH_DENIED,  /* no credential, a wrong or an expired one */
    AUTH_BUSY,    /* the queue is full */
    AUTH_PENDING, /* done will be called */
};

struct auth_identity {
    unsigned scopes;
    struct tsdb_text tenant;   /* lives as long as config */
    struct web_config *config; /* a reference, or NULL */
};

struct auth;
typedef void auth_done_fn(void *arg, enum auth_verdict verdict, struct auth_identity *identity);

/* Takes the reference to config. */
struct auth *auth_new(struct clock *clock, struct web_config *config);
/* Answers what is queued with AUTH_BUSY, ends the thread, which the first
 * password started. */
void auth_stop(struct auth *auth);
void auth_free(struct auth *auth);

/* Replaces the config; takes the reference. */
void auth_set_config(struct auth *auth, struct web_config *config);
struct web_config *auth_config_ref(struct auth *auth);
bool auth_is_on(struct auth *auth);

/* authorization: the field's value.  On AUTH_PENDING, done(arg) is called once
 * from the auth thread and owns the identity; otherwise *out is filled. */
enum auth_verdict auth_check(struct auth *auth, struct tsdb_text authorization,
                             struct auth_identity *out, auth_done_fn *done, void *arg);
enum auth_verdict auth_check_token(struct auth *auth, struct tsdb_text token,
                                   struct auth_identity *out);
/* False when the arena is full: nobody becomes another tenant for want of memory. */
bool auth_tenant_copy(const struct auth_identity *identity, struct arena *arena,
                      struct tsdb_text *out);
void auth_identity_release(struct auth_identity *identity);

#endif
