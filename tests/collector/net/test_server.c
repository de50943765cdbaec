#include "rig.h"

#include "collector/net/server.h"

TestSuite(server, .timeout = 60);

Test(server, answers_a_request)
{
    struct rig r;
    struct writer w = {0};
    rig_init(&r);
    rig_open(&r);
    const char *a = rig_ask(&r, "GET /hello HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", &w);
    cr_assert_eq(rig_status(a), 200, "%s", a);
    cr_assert(strstr(a, "\r\ncontent-length: 6\r\n"), "%s", a);
    cr_assert(strstr(a, "\r\nx-content-type-options: nosniff\r\n"), "%s", a);
    cr_assert(strstr(a, "\r\n\r\nhello\n"), "%s", a);
    a = rig_ask(&r, "GET /later HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", &w);
    cr_assert_eq(rig_status(a), 200, "%s", a);
    writer_release(&w);
    rig_close(&r);
}
