#include "collector/api/provisioning.h"

#include "tests/collector/api/ask.h"

#include <stdio.h>

TestSuite(provisioning, .init = api_up, .fini = api_down, .timeout = 60);

#define FILE_OF_DEPLOY "deploy/grafana/provisioning/datasources/andon.yaml"

Test(provisioning, the_file_of_deploy_is_what_is_written)
{
    static char text[1 << 16];
    FILE *f = fopen(FILE_OF_DEPLOY, "rb");
    cr_assert(f, "%s", FILE_OF_DEPLOY);
    size_t n = fread(text, 1, sizeof text - 1, f);
    (void)fclose(f);
    struct writer w = {0};
    provisioning_write(&w, text_of("http://127.0.0.1:4318"));
    cr_assert_eq(w.len, n, "write it again: %s", FILE_OF_DEPLOY);
    cr_assert_eq(memcmp(w.at, text, n), 0);
    writer_release(&w);
}

static const char *ask(const char *host, const char *query)
{
    exchange_init(&x, "/-/grafana/provisioning.yaml", query);
    x.headers[0][0] = "host";
    x.headers[0][1] = host;
    send_to(&x);
    exchange_wait(&x);
    return exchange_body_text(&x);
}

Test(provisioning, names_the_address_that_was_asked)
{
    const char *text = ask("andon.example:4318", "");
    cr_assert_eq(x.status, 200);
    cr_assert_str_eq(x.type, "text/yaml; charset=utf-8");
    cr_assert(strstr(text, "    url: http://andon.example:4318\n"), "%s", text);
    cr_assert(strstr(text, "    url: http://andon.example:4318/tempo\n"));
    cr_assert(strstr(text, "    url: http://andon.example:4318/jaeger\n"));
    cr_assert_null(strchr(text, '@'));
    exchange_release(&x);
    text = ask("[::1]:4318", "url=https%3A%2F%2Fa%2Fb%2F");
    cr_assert(strstr(text, "    url: https://a/b/tempo\n"), "%s", text);
    exchange_release(&x);
}

Test(provisioning, takes_no_address_that_is_none)
{
    static const char *const hosts[] = {"a\n- x", "a b", "", "a'", "a#b", "a:", "a@b"};
    for (size_t i = 0; i < sizeof hosts / sizeof hosts[0]; i++) {
        cr_assert_str_eq(ask(hosts[i], ""), "want the URL of this server in url or Host\n", "%s",
                         hosts[i]);
        cr_assert_eq(x.status, 400);
        exchange_release(&x);
    }
    (void)ask("a", "url=ftp%3A%2F%2Fa");
    cr_assert_eq(x.status, 400);
    exchange_release(&x);
}
