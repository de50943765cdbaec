/* Loki push, protobuf against protobuf-c: what it accepts is accepted, and a message that
 * it packs is read as the tree says.  JSON may be anything. */
#include "collector/decode/log_level.h"
#include "collector/decode/loki_labels.h"
#include "collector/decode/loki_push.h"
#include "proto/loki_push.pb-c.h"
#include "tests/collector/decode/oracle.h"

#include "tests/collector/decode/collect_logs.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static char *build_labels(struct entropy *e)
{
    static const char *const texts[] = {
        "{a=\"b\"}",           "{a=\"1\", app=`x`}", "{}", "{a=\"\\n\\u00e9\\\"\"}",
        "{level=\"Warning\"}", "{a=\"b\"",           "",   "{service_name=\"s\",}"};
    return (char *)(uintptr_t)texts[entropy_below(e, sizeof texts / sizeof texts[0])];
}

static struct bytes pack(const Loki__PushRequest *r)
{
    size_t len = loki__push_request__get_packed_size(r);
    uint8_t *at = ORACLE_ARRAY(uint8_t, len + 1);
    loki__push_request__pack(r, at);
    return (struct bytes){at, len};
}

static struct bytes build(struct entropy *e)
{
    Loki__PushRequest r = LOKI__PUSH_REQUEST__INIT;
    r.n_streams = entropy_below(e, 4);
    r.streams = ORACLE_ARRAY(Loki__Stream *, r.n_streams);
    for (size_t i = 0; i < r.n_streams; i++) {
        Loki__Stream *s = r.streams[i] = ORACLE_NEW(Loki__Stream);
        loki__stream__init(s);
        s->labels = build_labels(e);
        s->n_entries = entropy_below(e, 3);
        s->entries = ORACLE_ARRAY(Loki__Entry *, s->n_entries);
        for (size_t k = 0; k < s->n_entries; k++) {
            Loki__Entry *entry = s->entries[k] = ORACLE_NEW(Loki__Entry);
            loki__entry__init(entry);
            entry->line = entropy_text(e);
            if (entropy_u8(e) & 1) {
                entry->timestamp = ORACLE_NEW(Loki__Timestamp);
                loki__timestamp__init(entry->timestamp);
                entry->timestamp->seconds = (int64_t)entropy_u64(e);
                entry->timestamp->nanos = (int32_t)entropy_u64(e);
            }
            entry->n_structured_metadata = entropy_below(e, 3);
            entry->structured_metadata = ORACLE_ARRAY(Loki__LabelPair *, 3);
            for (size_t n = 0; n < entry->n_structured_metadata; n++) {
                Loki__LabelPair *p = entry->structured_metadata[n] = ORACLE_NEW(Loki__LabelPair);
                loki__label_pair__init(p);
                p->name = entropy_text(e);
                p->value = entropy_text(e);
            }
        }
    }
    struct bytes out = pack(&r);
    oracle_damage(e, (uint8_t *)(uintptr_t)out.at, out.len);
    return out;
}

static int64_t time_of(const Loki__Timestamp *t)
{
    __int128 ns = t ? (__int128)t->seconds * 1000000000 + t->nanos : 0;
    if (t && (t->seconds > INT64_MAX / 1000000000 || ns > INT64_MAX))
        return INT64_MAX;
    if (t && (t->seconds < INT64_MIN / 1000000000 || ns < INT64_MIN))
        return INT64_MIN;
    return ns ? (int64_t)ns : COLLECT_NOW;
}

static void put_entry(struct collect *out, struct tsdb_labels labels, const Loki__Entry *entry)
{
    struct writer w = {0};
    struct tsdb_field fields[8];
    uint32_t count = 0;
    struct tsdb_label all[64];
    bool has_service = false, is_said = false;
    ASSERT(labels.count < 60 && entry->n_structured_metadata < 6);
    if (labels.count > 0)
        memcpy(all, labels.at, labels.count * sizeof *all);
    static const char *const services[] = {"service", "app", "name", "job"};
    struct tsdb_text service = text_of("unknown_service");
    for (uint32_t i = 0; i < labels.count; i++)
        has_service |= text_equal(all[i].name, text_of("service_name")) && all[i].value.len > 0;
    for (int s = 3; s >= 0; s--)
        for (uint32_t i = labels.count; i > 0; i--)
            if (text_equal(all[i - 1].name, text_of(services[s])) && all[i - 1].value.len > 0)
                service = all[i - 1].value;
    if (!has_service)
        all[labels.count++] = (struct tsdb_label){text_of("service_name"), service};
    collect_labels(&w, (struct tsdb_labels){all, labels.count});
    writer_format(&w, " <> %lld |%s|", (long long)time_of(entry->timestamp), entry->line);
    for (size_t i = 0; i < entry->n_structured_metadata; i++) {
        const Loki__LabelPair *p = entry->structured_metadata[i];
        is_said |= strcmp(p->name, "detected_level") == 0;
        if (*p->name)
            fields[count++] = (struct tsdb_field){
                .name = text_of(p->name), .type = TSDB_FIELD_STRING, .text = text_of(p->value)};
    }
    struct tsdb_text level = log_level_detect((struct tsdb_labels){all, labels.count}, fields,
                                              count, text_of(entry->line));
    if (!is_said)
        fields[count++] = (struct tsdb_field){
            .name = text_of("detected_level"), .type = TSDB_FIELD_STRING, .text = level};
    for (uint32_t i = 0; i < count; i++) {
        writer_u8(&w, ' ');
        collect_field(&w, &fields[i]);
    }
    collect_line(out, &w);
    writer_release(&w);
}

static enum tsdb_status decode(struct bytes in, bool is_json, struct collect_logs *got,
                               struct decode_tally *tally)
{
    struct arena arena;
    arena_init(&arena, (size_t)64 << 20, NULL);
    struct decode_log_task task = collect_log_task(got, &arena);
    enum tsdb_status st =
        (is_json ? loki_push_json_decode : loki_push_decode)(&task, in, tally, NULL);
    collect_logs_check(got, tally, st);
    arena_release(&arena);
    return st;
}

static bool is_small(const Loki__PushRequest *r)
{
    for (size_t i = 0; i < r->n_streams; i++)
        for (size_t k = 0; k < r->streams[i]->n_entries; k++)
            if (r->streams[i]->entries[k]->n_structured_metadata >= 6)
                return false;
    return true;
}

static void put_streams(struct collect *want, const Loki__PushRequest *r)
{
    for (size_t i = 0; i < r->n_streams; i++) {
        struct tsdb_labels labels;
        if (loki_labels_parse(text_of(r->streams[i]->labels), oracle_arena(), &labels) != TSDB_OK ||
            labels.count == 0 || labels.count >= 60)
            continue;
        for (size_t k = 0; k < r->streams[i]->n_entries; k++)
            put_entry(want, labels, r->streams[i]->entries[k]);
    }
}

static void check(struct bytes in)
{
    struct collect_logs *raw = collect_logs_new(), *got = collect_logs_new();
    struct collect *want = collect_new();
    struct decode_tally tally;
    enum tsdb_status st = decode(in, false, raw, &tally);
    Loki__PushRequest *r =
        oracle_may_see(in) ? loki__push_request__unpack(NULL, in.len, in.at) : NULL;
    if (r) {
        ASSERT(st == TSDB_OK || oracle_has_long_varint(in));
        ASSERT(decode(pack(r), false, got, &tally) == TSDB_OK);
        if (tally.rejected[DECODE_BAD_RECORD] == 0 && !got->base.has_nul && is_small(r)) {
            put_streams(want, r);
            oracle_compare(&got->base, want);
        }
        loki__push_request__free_unpacked(r, NULL);
    }
    collect_logs_free(raw);
    collect_logs_free(got);
    collect_free(want);
}

static void check_json(struct bytes in)
{
    struct collect_logs *got = collect_logs_new();
    struct decode_tally tally;
    (void)decode(in, true, got, &tally);
    collect_logs_free(got);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    struct entropy e = {data, len};
    if (len == 0)
        return 0;
    arena_reset(oracle_arena());
    uint8_t pick = entropy_u8(&e) % 3;
    if (pick == 0)
        check(build(&e));
    else if (pick == 1)
        check((struct bytes){e.at, e.len});
    else
        check_json((struct bytes){e.at, e.len});
    return 0;
}
