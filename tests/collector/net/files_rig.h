/* files_rig.h - a folder of its own for a test, and certificates made in it. */
#ifndef TESTS_COLLECTOR_NET_FILES_RIG_H
#define TESTS_COLLECTOR_NET_FILES_RIG_H

#include <criterion/criterion.h>
#include <crypt.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/sha.h>
#include <openssl/x509.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static char files_dir[64];

static inline void files_open(void)
{
    (void)snprintf(files_dir, sizeof files_dir, "/tmp/andon-net-XXXXXX");
    cr_assert_not_null(mkdtemp(files_dir));
}

static inline void files_close(void)
{
    char command[128];
    (void)snprintf(command, sizeof command, "rm -rf '%s'", files_dir);
    cr_assert_eq(system(command), 0);
}

/* Path of a file in the folder; four at a time. */
static inline const char *files_path(const char *name)
{
    static char paths[4][128];
    static unsigned turn;
    char *path = paths[turn++ % 4];
    (void)snprintf(path, sizeof paths[0], "%s/%s", files_dir, name);
    return path;
}

/* Written aside and renamed over, as careful operators do. */
static inline const char *files_write(const char *name, const char *text)
{
    char aside[160];
    const char *path = files_path(name);
    (void)snprintf(aside, sizeof aside, "%s.new", path);
    FILE *f = fopen(aside, "w");
    cr_assert_not_null(f);
    cr_assert_geq(fputs(text, f), 0);
    cr_assert_eq(fclose(f), 0);
    cr_assert_eq(rename(aside, path), 0);
    return path;
}

/* A self-signed certificate NAME.crt and its key NAME.key; the serial tells them
 * apart. */
static inline void files_certificate(const char *name, long serial)
{
    char file[64];
    EVP_PKEY *key = EVP_EC_gen("P-256");
    X509 *cert = X509_new();
    cr_assert(key && cert);
    ASN1_INTEGER_set(X509_get_serialNumber(cert), serial);
    X509_gmtime_adj(X509_getm_notBefore(cert), -60);
    X509_gmtime_adj(X509_getm_notAfter(cert), 86400);
    X509_set_pubkey(cert, key);
    X509_NAME *subject = X509_get_subject_name(cert);
    X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_ASC, (const unsigned char *)"localhost", -1,
                               -1, 0);
    X509_set_issuer_name(cert, subject);
    cr_assert_gt(X509_sign(cert, key, EVP_sha256()), 0);
    (void)snprintf(file, sizeof file, "%s.crt", name);
    FILE *f = fopen(files_path(file), "w");
    cr_assert(f && PEM_write_X509(f, cert) == 1);
    cr_assert_eq(fclose(f), 0);
    (void)snprintf(file, sizeof file, "%s.key", name);
    f = fopen(files_path(file), "w");
    cr_assert(f && PEM_write_PrivateKey(f, key, NULL, NULL, 0, NULL, NULL) == 1);
    cr_assert_eq(fclose(f), 0);
    X509_free(cert);
    EVP_PKEY_free(key);
}

static inline const char *files_bcrypt(const char *password)
{
    static struct crypt_data scratch;
    char setting[64];
    cr_assert_not_null(crypt_gensalt_rn("$2b$", 4, NULL, 0, setting, sizeof setting));
    memset(&scratch, 0, sizeof scratch);
    return crypt_r(password, setting, &scratch);
}

static inline const char *files_sha256(const char *text)
{
    static char hex[2][65];
    static unsigned turn;
    char *out = hex[turn++ % 2];
    unsigned char hash[32];
    (void)SHA256((const unsigned char *)text, strlen(text), hash);
    for (size_t i = 0; i < sizeof hash; i++)
        (void)snprintf(out + 2 * i, 3, "%02x", hash[i]);
    return out;
}

#endif
