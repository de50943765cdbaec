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
    struct writer w = {0};
    rejects_init(&r);
    for (int i = 0; i < REJECTS_MAX + 20; i++) {
        char text[8];
        (void)snprintf(text, sizeof text, "n%d", i);
        rejects_put(&r, i, DOOR_UDP, REASON_MALFORMED, text_of("p"), text_of(text));
    }
    rejects_write_json(&r, &w);
    writer_u8(&w, 0);
    const char *all = (const char *)w.at;
    cr_assert_not_null(strstr(all,
                              "{\"total\":120,\"rejects\":[{\"time\":\"1970-01-01T00:00:00.000Z\","
                              "\"door\":\"udp\",\"peer\":\"p\",\"reason\":\"malformed\","
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
    rejects_put(&r, 0, DOOR_TCP, REASON_TOO_OLD, t, t);
    cr_assert_eq(strlen(r.ring[0].text), REJECT_TEXT_MAX - 1);
    cr_assert_eq(strlen(r.ring[0].peer), REJECT_PEER_MAX - 1);
    rejects_release(&r);
}
