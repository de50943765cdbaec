#include "collector/ingest/media.h"

#include "collector/ingest/json_text.h"
#include "collector/ingest/rejects.h"
#include "tsdb/base/text.h"

#include <criterion/criterion.h>
#include <stdio.h>

static enum media_write of(const char *header)
{
    return media_write_of(text_of(header));
}

Test(media, remote_write_messages_loosely)
{
    cr_assert_eq(of(""), MEDIA_WRITE_1);
    cr_assert_eq(of("application/x-protobuf"), MEDIA_WRITE_1);
    cr_assert_eq(of("Application/X-Protobuf ; proto=prometheus.WriteRequest"), MEDIA_WRITE_1);
    cr_assert_eq(of("application/x-protobuf;proto=io.prometheus.write.v2.Request"), MEDIA_WRITE_2);
    cr_assert_eq(
        of("application/x-protobuf; charset=x; Proto = \"io.prometheus.write.v2.Request\""),
        MEDIA_WRITE_2);
    cr_assert_eq(of("application/x-protobuf;proto=io.prometheus.write.v3.Request"),
                 MEDIA_WRITE_OTHER);
    cr_assert_eq(of("application/json"), MEDIA_WRITE_OTHER);
    cr_assert_eq(of(";proto=x"), MEDIA_WRITE_OTHER);
}

Test(media, types)
{
    cr_assert(media_is(text_of("application/json; charset=utf-8"), "application/json"));
    cr_assert(media_is(text_of(" APPLICATION/JSON"), "application/json"));
    cr_assert_not(media_is(text_of("application/jsonp"), "application/json"));
    cr_assert_not(media_is(text_of(""), "application/json"));
}

Test(json_text, nothing_breaks_an_answer)
{
    struct writer w = {0};
    json_text_write(&w, (struct tsdb_text){"a\"\\\n\x01\x7f\xff\xc3\xa9\xc3", 10});
    writer_u8(&w, 0);
    cr_assert_str_eq((char *)w.at,
                     "\"a\\\"\\\\\\u000a\\u0001\\u007f\xef\xbf\xbd\xc3\xa9\xef\xbf\xbd\"");
    writer_release(&w);
}

Test(rejects, the_ring_keeps_the_newest)
{
    static struct rejects r;
    struct intake_source source = {DOOR_UDP, text_of("p"), ""};
    struct writer w = {0};
    rejects_init(&r);
    for (int i = 0; i < REJECTS_MAX + 20; i++) {
        char text[8];
        (void)snprintf(text, sizeof text, "n%d", i);
        rejects_put(&r, i, &source, REASON_MALFORMED, text_of(text));
    }
    rejects_write_json(&r, "", &w);
    writer_u8(&w, 0);
    const char *all = (const char *)w.at;
    cr_assert_not_null(
        strstr(all, "{\"total\":120,\"rejects\":[{\"time\":\"1970-01-01T00:00:00.000Z\","
                    "\"door\":\"udp\",\"tenant\":\"\",\"peer\":\"p\",\"reason\":\"malformed\","
                    "\"text\":\"n119\"}"));
    cr_assert_not_null(strstr(all, "\"n20\"}]}"), "the oldest kept");
    cr_assert_null(strstr(all, "\"n19\""));
    writer_release(&w);
    rejects_release(&r);
}

Test(rejects, long_texts_are_cut)
{
    static struct rejects r;
    static char text[2 * REJECT_TEXT_MAX];
    rejects_init(&r);
    memset(text, 'x', sizeof text);
    struct tsdb_text t = {text, sizeof text};
    rejects_put(&r, 0, &(struct intake_source){DOOR_TCP, t, ""}, REASON_TOO_OLD, t);
    cr_assert_eq(strlen(r.ring[0].text), REJECT_TEXT_MAX - 1);
    cr_assert_eq(strlen(r.ring[0].peer), REJECT_PEER_MAX - 1);
    rejects_release(&r);
}

static const char *seen_by(struct rejects *r, const char *tenant, struct writer *w)
{
    writer_reset(w);
    rejects_write_json(r, tenant, w);
    writer_u8(w, 0);
    return (const char *)w->at;
}

Test(rejects, a_tenant_sees_its_own_and_the_operator_all)
{
    static struct rejects r;
    struct intake_source acme = {DOOR_UDP, text_of("a"), "acme"};
    struct intake_source other = {DOOR_UDP, text_of("o"), "acme-2"};
    struct intake_source nobody = {DOOR_UDP, text_of("n"), ""};
    struct writer w = {0};
    rejects_init(&r);
    rejects_put(&r, 1, &acme, REASON_TOO_OLD, text_of("one"));
    rejects_put(&r, 2, &other, REASON_TOO_OLD, text_of("two"));
    rejects_put(&r, 3, &nobody, REASON_MALFORMED, text_of("three"));
    rejects_put(&r, 4, &acme, REASON_TOO_OLD, text_of("four"));
    const char *all = seen_by(&r, "acme", &w);
    cr_assert_not_null(strstr(all, "{\"total\":2,"), "%s", all);
    cr_assert_lt(strstr(all, "four"), strstr(all, "one"));
    cr_assert_null(strstr(all, "two"), "%s", all);
    cr_assert_null(strstr(all, "three"), "%s", all);
    cr_assert_str_eq(seen_by(&r, "unheard-of", &w), "{\"total\":0,\"rejects\":[]}");
    all = seen_by(&r, "", &w);
    cr_assert_not_null(strstr(all, "{\"total\":4,"), "%s", all);
    cr_assert_not_null(strstr(all, "\"tenant\":\"acme-2\",\"peer\":\"o\""), "%s", all);
    writer_release(&w);
    rejects_release(&r);
}
