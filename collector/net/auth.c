#include "collector/net/auth.h"

#include "collector/net/http1.h"
#include "tsdb/base/assert.h"
#include "tsdb/base/mem.h"
#include "tsdb/base/random.h"
#include "tsdb/base/text.h"
#include "tsdb/base/thread.h"
#include "tsdb/base/writer.h"

#include <crypt.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/sha.h>
#include <string.h>

enum { MAC_BYTES = 32, USER_MAX = 256 };

static const unsigned all_scopes = SCOPE_INGEST | SCOPE_QUERY | SCOPE_ADMIN;

struct entry {
    uint8_t mac[MAC_BYTES];
    int64_t until_ns; /* monotonic; 0: empty */
};

struct job {
    char password[AUTH_PASSWORD_MAX + 1];
    const char *hash; /* lives as long as config */
    bool is_user;
    uint8_t mac[MAC_BYTES];
    struct web_config *config; /* a reference */
    auth_done_fn *done;
    void *arg;
};

struct auth {
    struct clock *clock;
    uint8_t key[MAC_BYTES]; /* of the cache; random, constant */
    struct mutex lock;
    struct cond work;
    struct web_config *config;          /* guarded by lock: the pointer */
    struct entry cache[AUTH_CACHE_MAX]; /* guarded by lock, by the mac's first bytes */
    struct job *queue[AUTH_QUEUE_MAX];  /* guarded by lock: a ring */
    unsigned first, count;              /* guarded by lock */
    bool has_thread, is_stopping;       /* guarded by lock */
    struct thread thread;
};

/* ---- the worker ---- */

static bool verify(struct job *job, struct crypt_data *scratch)
{
    memset(scratch, 0, sizeof *scratch);
    const char *got = crypt_r(job->password, job->hash, scratch);
    size_t n = strlen(job->hash);
    bool is_same = got && strlen(got) == n && CRYPTO_memcmp(got, job->hash, n) == 0;
    return is_same && job->is_user;
}

static struct entry *slot_of(struct auth *a, const uint8_t mac[MAC_BYTES])
{
    return &a->cache[(mac[0] | (unsigned)mac[1] << 8) % AUTH_CACHE_MAX];
}

static void job_end(struct job *job, enum auth_verdict verdict)
{
    struct auth_identity identity = {0};
    if (verdict == AUTH_OK)
        identity = (struct auth_identity){.scopes = all_scopes};
    job->done(job->arg, verdict, &identity);
    web_config_unref(job->config);
    OPENSSL_cleanse(job, sizeof *job);
    mem_free(job);
}

static struct job *job_take(struct auth *a)
{
    struct job *job = NULL;
    mutex_lock(&a->lock);
    while (a->count == 0 && !a->is_stopping)
        cond_wait(&a->work, &a->lock);
    if (a->count > 0 && !a->is_stopping) {
        job = a->queue[a->first];
        a->first = (a->first + 1) % AUTH_QUEUE_MAX;
        a->count--;
    }
    mutex_unlock(&a->lock);
    return job;
}

static void *run(void *arg)
{
    struct auth *a = arg;
    struct crypt_data *scratch = MEM_NEW(struct crypt_data);
    struct job *job;
    while ((job = job_take(a)) != NULL) {
        bool is_good = verify(job, scratch);
        if (is_good) {
            mutex_lock(&a->lock);
            struct entry *e = slot_of(a, job->mac);
            memcpy(e->mac, job->mac, MAC_BYTES);
            e->until_ns = clock_mono_ns(a->clock) + AUTH_CACHE_S * NS_PER_S;
            mutex_unlock(&a->lock);
        }
        job_end(job, is_good ? AUTH_OK : AUTH_DENIED);
    }
    OPENSSL_cleanse(scratch, sizeof *scratch);
    mem_free(scratch);
    return NULL;
}

/* ---- life ---- */

struct auth *auth_new(struct clock *clock, struct web_config *config)
{
    struct auth *a = MEM_NEW(struct auth);
    a->clock = clock;
    a->config = config;
    random_secret(a->key, sizeof a->key);
    mutex_init(&a->lock);
    cond_init(&a->work);
    return a;
}

void auth_stop(struct auth *auth)
{
    mutex_lock(&auth->lock);
    auth->is_stopping = true;
    bool has_thread = auth->has_thread;
    auth->has_thread = false;
    cond_broadcast(&auth->work);
    mutex_unlock(&auth->lock);
    if (has_thread)
        thread_join(&auth->thread);
    for (; auth->count > 0; auth->count--) {
        job_end(auth->queue[auth->first], AUTH_BUSY);
        auth->first = (auth->first + 1) % AUTH_QUEUE_MAX;
    }
}

void auth_free(struct auth *auth)
{
    if (!auth)
        return;
    ASSERT(!auth->has_thread);
    web_config_unref(auth->config);
    cond_release(&auth->work);
    mutex_release(&auth->lock);
    OPENSSL_cleanse(auth, sizeof *auth);
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

static bool is_on(const struct web_config *config)
{
    return config->user_count > 0 || config->token_count > 0;
}

bool auth_is_on(struct auth *auth)
{
    struct web_config *config = auth_config_ref(auth);
    bool answer = is_on(config);
    web_config_unref(config);
    return answer;
}

/* ---- tokens ---- */

/* Looks at every token, whether or not one matched already. */
static const struct web_token *token_find(const struct web_config *config, struct tsdb_text token)
{
    uint8_t hash[TOKEN_HASH_BYTES];
    const struct web_token *found = NULL;
    (void)SHA256((const unsigned char *)token.at, token.len, hash);
    for (size_t i = 0; i < config->token_count; i++)
        if (CRYPTO_memcmp(hash, config->tokens[i].hash, sizeof hash) == 0)
            found = &config->tokens[i];
    return found;
}

static enum auth_verdict check_token(struct auth *a, struct web_config *config,
                                     struct tsdb_text token, struct auth_identity *out)
{
    const struct web_token *found = token_find(config, token);
    if (!found || clock_wall_ns(a->clock) >= found->expires_ns)
        return AUTH_DENIED;
    out->scopes = found->scopes;
    out->tenant = found->tenant;
    out->config = web_config_ref(config);
    return AUTH_OK;
}

enum auth_verdict auth_check_token(struct auth *auth, struct tsdb_text token,
                                   struct auth_identity *out)
{
    struct web_config *config = auth_config_ref(auth);
    enum auth_verdict verdict = AUTH_OK;
    if (is_on(config))
        verdict = check_token(auth, config, token, out);
    else
        out->scopes = all_scopes;
    web_config_unref(config);
    return verdict;
}

/* ---- passwords ---- */

/* Cuts "user:password" out of base64; both NUL-terminated. */
static bool basic_parse(struct tsdb_text coded, char user[USER_MAX + 1],
                        char password[AUTH_PASSWORD_MAX + 1])
{
    uint8_t plain[USER_MAX + AUTH_PASSWORD_MAX + 8];
    if (coded.len == 0 || coded.len % 4 != 0 || coded.len / 4 * 3 > sizeof plain)
        return false;
    int n = EVP_DecodeBlock(plain, (const unsigned char *)coded.at, (int)coded.len);
    if (n < 0)
        return false;
    size_t len = (size_t)n;
    for (size_t i = coded.len; i > coded.len - 2 && coded.at[i - 1] == '='; i--)
        len--;
    const uint8_t *colon = memchr(plain, ':', len);
    bool is_good = colon && !memchr(plain, 0, len);
    size_t user_len = is_good ? (size_t)(colon - plain) : 0;
    is_good = is_good && user_len <= USER_MAX && len - user_len - 1 <= AUTH_PASSWORD_MAX;
    if (is_good) {
        memcpy(user, plain, user_len);
        user[user_len] = 0;
        memcpy(password, plain + user_len + 1, len - user_len - 1);
        password[len - user_len - 1] = 0;
    }
    OPENSSL_cleanse(plain, sizeof plain);
    return is_good;
}

static void mac_of(const struct auth *a, const char *user, const struct job *job,
                   uint8_t out[MAC_BYTES])
{
    struct writer w = {0};
    unsigned len = MAC_BYTES;
    writer_sized(&w, user, strlen(user));
    writer_sized(&w, job->password, strlen(job->password));
    writer_sized(&w, job->hash, strlen(job->hash));
    (void)HMAC(EVP_sha256(), a->key, sizeof a->key, w.at, w.len, out, &len);
    ASSERT(len == MAC_BYTES);
    OPENSSL_cleanse(w.at, w.len);
    writer_release(&w);
}

static bool cache_has(struct auth *a, const uint8_t mac[MAC_BYTES])
{
    mutex_lock(&a->lock);
    const struct entry *e = slot_of(a, mac);
    bool has = clock_mono_ns(a->clock) < e->until_ns && CRYPTO_memcmp(e->mac, mac, MAC_BYTES) == 0;
    mutex_unlock(&a->lock);
    return has;
}

/* False: the queue is full. */
static bool job_put(struct auth *a, struct job *job)
{
    mutex_lock(&a->lock);
    bool fits = a->count < AUTH_QUEUE_MAX && !a->is_stopping;
    if (fits) {
        a->queue[(a->first + a->count++) % AUTH_QUEUE_MAX] = job;
        if (!a->has_thread) {
            a->has_thread = true;
            thread_start(&a->thread, "net/auth", run, a);
        }
        cond_signal(&a->work);
    }
    mutex_unlock(&a->lock);
    return fits;
}

static void job_drop(struct job *job)
{
    web_config_unref(job->config);
    OPENSSL_cleanse(job, sizeof *job);
    mem_free(job);
}

static enum auth_verdict check_basic(struct auth *a, struct web_config *config,
                                     struct tsdb_text coded, struct auth_identity *out,
                                     struct job *job)
{
    char user[USER_MAX + 1];
    if (config->user_count == 0 || !basic_parse(coded, user, job->password))
        return AUTH_DENIED;
    job->hash = config->users[0].hash; /* a stranger costs as much as a user */
    for (size_t i = 0; i < config->user_count; i++) {
        if (!text_equal(config->users[i].name, text_of(user)))
            continue;
        job->hash = config->users[i].hash;
        job->is_user = true;
    }
    mac_of(a, user, job, job->mac);
    if (job->is_user && cache_has(a, job->mac)) {
        out->scopes = all_scopes;
        return AUTH_OK;
    }
    job->config = web_config_ref(config);
    return job_put(a, job) ? AUTH_PENDING : AUTH_BUSY;
}

/* The credential behind the scheme word; empty text when the scheme differs. */
static struct tsdb_text after_scheme(struct tsdb_text text, const char *scheme)
{
    size_t n = strlen(scheme);
    if (text.len <= n + 1 || text.at[n] != ' ' ||
        !http_equal_caseless((struct tsdb_text){text.at, n}, scheme))
        return (struct tsdb_text){0};
    while (n < text.len && text.at[n] == ' ')
        n++;
    return (struct tsdb_text){text.at + n, text.len - n};
}

enum auth_verdict auth_check(struct auth *auth, struct tsdb_text authorization,
                             struct auth_identity *out, auth_done_fn *done, void *arg)
{
    struct web_config *config = auth_config_ref(auth);
    enum auth_verdict verdict = AUTH_DENIED;
    struct tsdb_text token = after_scheme(authorization, "bearer");
    if (!token.at)
        token = after_scheme(authorization, "token"); /* as InfluxDB's clients say */
    struct tsdb_text basic = after_scheme(authorization, "basic");
    if (!is_on(config)) {
        out->scopes = all_scopes;
        verdict = AUTH_OK;
    } else if (token.at) {
        verdict = check_token(auth, config, token, out);
    } else if (basic.at) {
        struct job *job = MEM_NEW(struct job);
        job->done = done;
        job->arg = arg;
        verdict = check_basic(auth, config, basic, out, job);
        if (verdict != AUTH_PENDING)
            job_drop(job);
    }
    web_config_unref(config);
    return verdict;
}

bool auth_tenant_copy(const struct auth_identity *identity, struct arena *arena,
                      struct tsdb_text *out)
{
    *out = (struct tsdb_text){"", 0};
    if (identity->tenant.len == 0)
        return true;
    char *at = ARENA_ARRAY(arena, char, identity->tenant.len + 1);
    if (!at)
        return false;
    memcpy(at, identity->tenant.at, identity->tenant.len);
    *out = (struct tsdb_text){at, identity->tenant.len};
    return true;
}

void auth_identity_release(struct auth_identity *identity)
{
    web_config_unref(identity->config);
    *identity = (struct auth_identity){0};
}
