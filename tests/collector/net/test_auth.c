#include "collector/net/auth.h"

#include "files_rig.h"
#include "rig.h"

TestSuite(auth, .timeout = 60);

static struct clock_sim sim;
static struct auth *auth;
static _Atomic int answers;
static enum auth_verdict last_verdict;
static unsigned last_scopes;

static void up(const char *text)
{
    struct web_config *c;
    struct tsdb_error err;
    files_open();
    clock_sim_init(&sim, INT64_C(1700000000) * NS_PER_S);
    enum tsdb_status st =
        web_config_read(fs_posix(), text ? files_write("web.yml", text) : NULL, &c, &err);
    cr_assert_eq(st, TSDB_OK, "%s", err.msg);
    auth = auth_new(&sim.clock, c);
}

static void down(void)
{
    auth_stop(auth);
    auth_free(auth);
    files_close();
}

static void done(void *arg, enum auth_verdict verdict, struct auth_identity *identity)
{
    (void)arg;
    last_verdict = verdict;
    last_scopes = identity->scopes;
    auth_identity_release(identity);
    answers++;
}

/* The verdict; *was_asked: the password was verified, not remembered. */
static enum auth_verdict check(const char *authorization, struct auth_identity *out,
                               bool *was_asked)
{
    int before = answers;
    *out = (struct auth_identity){0};
    enum auth_verdict v = auth_check(auth, text_of(authorization), out, done, NULL);
    *was_asked = v == AUTH_PENDING;
    if (v != AUTH_PENDING)
        return v;
    RIG_UNTIL(answers > before);
    out->scopes = last_scopes;
    return last_verdict;
}

Test(auth, without_configuration_everybody_may_everything)
{
    struct auth_identity who;
    bool was_asked;
    up(NULL);
    cr_assert_not(auth_is_on(auth));
    cr_assert_eq(check("", &who, &was_asked), AUTH_OK);
    cr_assert_eq(who.scopes, SCOPE_INGEST | SCOPE_QUERY | SCOPE_ADMIN);
    cr_assert_eq(auth_check_token(auth, text_of(""), &who), AUTH_OK);
    down();
}

Test(auth, tokens_grant_their_scopes_until_they_expire)
{
    char text[1024];
    struct auth_identity who;
    bool was_asked;
    (void)snprintf(text, sizeof text,
                   "tokens:\n"
                   "- {token_sha256: %s, scopes: [ingest], tenant: t1}\n"
                   "- {token_sha256: %s, scopes: [admin], expires: 2023-11-14T22:13:30Z}\n",
                   files_sha256("token-one-token-one"), files_sha256("token-two-token-two"));
    up(text);
    cr_assert(auth_is_on(auth));
    cr_assert_eq(check("Bearer token-one-token-one", &who, &was_asked), AUTH_OK);
    cr_assert_eq(who.scopes, SCOPE_INGEST);
    cr_assert(text_equal(who.tenant, text_of("t1")));
    auth_identity_release(&who);
    cr_assert_eq(check("bEARER  token-one-token-one", &who, &was_asked), AUTH_OK);
    auth_identity_release(&who);
    cr_assert_eq(check("Token token-one-token-one", &who, &was_asked), AUTH_OK);
    auth_identity_release(&who);
    cr_assert_eq(check("Bearer token-two-token-two", &who, &was_asked), AUTH_OK);
    cr_assert_eq(who.scopes, SCOPE_ADMIN);
    auth_identity_release(&who);
    clock_sim_advance(&sim, 10 * NS_PER_S);
    cr_assert_eq(check("Bearer token-two-token-two", &who, &was_asked), AUTH_DENIED, "expired");
    static const char *const wrong[] = {"",
                                        "Bearer",
                                        "Bearer ",
                                        "Bearer x",
                                        "Bearer token-one-token-onE",
                                        "token-one-token-one",
                                        "Basic token-one-token-one"};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++)
        cr_expect_eq(check(wrong[i], &who, &was_asked), AUTH_DENIED, "%s", wrong[i]);
    down();
}

Test(auth, passwords_are_verified_once_and_remembered)
{
    char text[512];
    struct auth_identity who;
    bool was_asked;
    (void)snprintf(text, sizeof text, "basic_auth_users: {alice: \"%s\"}\n",
                   files_bcrypt("secret"));
    up(text);
    /* alice:secret */
    cr_assert_eq(check("Basic YWxpY2U6c2VjcmV0", &who, &was_asked), AUTH_OK);
    cr_assert(was_asked);
    cr_assert_eq(who.scopes, SCOPE_INGEST | SCOPE_QUERY | SCOPE_ADMIN);
    cr_assert_eq(check("basic YWxpY2U6c2VjcmV0", &who, &was_asked), AUTH_OK);
    cr_assert_not(was_asked, "a success is remembered");
    clock_sim_advance(&sim, (AUTH_CACHE_S + 1) * NS_PER_S);
    cr_assert_eq(check("Basic YWxpY2U6c2VjcmV0", &who, &was_asked), AUTH_OK);
    cr_assert(was_asked, "... for a while");
    /* alice:secreT, twice: failures are not remembered; bob:secret; alice: */
    static const char *const wrong[] = {"Basic YWxpY2U6c2VjcmVU", "Basic YWxpY2U6c2VjcmVU",
                                        "Basic Ym9iOnNlY3JldA==", "Basic YWxpY2U6"};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        cr_expect_eq(check(wrong[i], &who, &was_asked), AUTH_DENIED, "%s", wrong[i]);
        cr_expect(was_asked, "a stranger must cost as much: %s", wrong[i]);
    }
    /* "alice", "a\0b:c", not base64 */
    static const char *const broken[] = {"Basic YWxpY2U=", "Basic YQBiOmM=", "Basic ????",
                                         "Basic YWx",      "Basic ",         "Basic"};
    for (size_t i = 0; i < sizeof broken / sizeof broken[0]; i++)
        cr_expect_eq(check(broken[i], &who, &was_asked), AUTH_DENIED, "%s", broken[i]);
    down();
}

/* CVE-2022-46146: what is stored must not log in, and what identifies a cached
 * success must not be forged by moving bytes between user and password. */
Test(auth, the_hash_is_no_password_and_the_cache_is_not_confused)
{
    char text[512], plain[256], header[512] = "Basic ";
    struct auth_identity who;
    bool was_asked;
    const char *hash = files_bcrypt("secret");
    (void)snprintf(text, sizeof text, "basic_auth_users: {alice: \"%s\"}\n", hash);
    up(text);
    cr_assert_eq(check("Basic YWxpY2U6c2VjcmV0", &who, &was_asked), AUTH_OK);
    int n = snprintf(plain, sizeof plain, "alice:%s", hash);
    (void)EVP_EncodeBlock((unsigned char *)header + 6, (const unsigned char *)plain, n);
    cr_assert_eq(check(header, &who, &was_asked), AUTH_DENIED);
    n = snprintf(plain, sizeof plain, "alice:secret%s", hash);
    (void)EVP_EncodeBlock((unsigned char *)header + 6, (const unsigned char *)plain, n);
    cr_assert_eq(check(header, &who, &was_asked), AUTH_DENIED);
    (void)snprintf(text, sizeof text, "basic_auth_users: {alice: \"%s\"}\n", files_bcrypt("other"));
    struct web_config *c;
    struct tsdb_error err;
    cr_assert_eq(web_config_read(fs_posix(), files_write("web.yml", text), &c, &err), TSDB_OK);
    auth_set_config(auth, c);
    cr_assert_eq(check("Basic YWxpY2U6c2VjcmV0", &who, &was_asked), AUTH_DENIED,
                 "a changed password ends what was remembered");
    down();
}

Test(auth, a_full_queue_says_so_and_stopping_answers_all)
{
    char text[512];
    struct auth_identity who = {0};
    struct crypt_data *scratch = MEM_NEW(struct crypt_data);
    char setting[64];
    (void)crypt_gensalt_rn("$2b$", 10, NULL, 0, setting, sizeof setting);
    (void)snprintf(text, sizeof text, "basic_auth_users: {alice: \"%s\"}\n",
                   crypt_r("secret", setting, scratch));
    mem_free(scratch);
    up(text);
    int pending = 0, busy = 0;
    for (int i = 0; i < AUTH_QUEUE_MAX + 10; i++) {
        enum auth_verdict v = auth_check(auth, text_of("Basic YWxpY2U6c2VjcmVU"), &who, done, NULL);
        pending += v == AUTH_PENDING;
        busy += v == AUTH_BUSY;
    }
    cr_assert_geq(pending, AUTH_QUEUE_MAX);
    cr_assert_geq(busy, 8);
    auth_stop(auth);
    cr_assert_eq(answers, pending);
    down();
}
