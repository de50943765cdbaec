#include "collector/api/tempo_answer.h"

#include "collector/api/attribute.h"
#include "collector/api/tempo.h"
#include "collector/net/protobuf.h"

void tempo_answer_begin(struct tempo_answer *a, struct request *r, const char *list)
{
    *a = (struct tempo_answer){.r = r, .is_stream = r->errors == REPLY_GRPC};
    a->is_json = !a->is_stream && !tempo_takes_protobuf(r->x);
    if (!a->is_json)
        return;
    reply_begin_bare(&r->reply);
    json_object(&r->reply.json);
    json_key(&r->reply.json, list);
    json_array(&r->reply.json);
}

static void send_part(struct tempo_answer *a)
{
    if (!a->r->reply.is_streaming)
        exchange_start_grpc(a->r->x);
    a->r->reply.is_streaming = true;
    if (!a->is_gone)
        a->is_gone = !exchange_write_grpc(a->r->x, writer_bytes(&a->message));
    writer_reset(&a->message);
}

void tempo_answer_item(struct tempo_answer *a)
{
    if (!a->is_json)
        a->item = protobuf_begin(&a->message, 1);
}

void tempo_answer_item_end(struct tempo_answer *a)
{
    if (a->is_json)
        return;
    protobuf_end(&a->message, a->item);
    if (a->is_stream && a->message.len >= TEMPO_PART_BYTES)
        send_part(a);
    else if (a->message.len > TEMPO_MESSAGE_MAX)
        a->is_full = true;
}

bool tempo_answer_is_over(const struct tempo_answer *a)
{
    return a->is_gone || a->is_full || reply_is_gone(&a->r->reply);
}

static uint32_t inspected_traces(const struct tsdb_trace_stats *stats)
{
    return stats->traces > UINT32_MAX ? UINT32_MAX : (uint32_t)stats->traces;
}

static void end_json(struct tempo_answer *a, const struct tsdb_trace_stats *stats)
{
    struct json *j = &a->r->reply.json;
    json_end_array(j);
    json_key(j, "metrics");
    json_object(j);
    if (stats) {
        json_key(j, "inspectedTraces");
        json_u64(j, inspected_traces(stats));
        json_key(j, "inspectedBytes");
        attribute_u64_json(j, stats->bytes);
        json_key(j, "completedJobs");
        json_u64(j, 1);
        json_key(j, "totalJobs");
        json_u64(j, 1);
    }
    json_end_object(j);
    json_end_object(j);
    reply_end(&a->r->reply);
}

void tempo_answer_message(struct exchange *x, struct bytes message)
{
    const struct exchange_answer head = {.status = 200, .content_type = "application/protobuf"};
    exchange_reply(x, &head, message);
}

void tempo_answer_end(struct tempo_answer *a, const struct tsdb_trace_stats *stats)
{
    if (a->is_json) {
        end_json(a, stats);
        return;
    }
    size_t metrics = protobuf_begin(&a->message, 2);
    if (stats) {
        protobuf_u64(&a->message, 1, inspected_traces(stats));
        protobuf_u64(&a->message, 2, stats->bytes);
        protobuf_u64(&a->message, 4, 1);
        protobuf_u64(&a->message, 5, 1);
    }
    protobuf_end(&a->message, metrics);
    json_release(&a->r->reply.json);
    if (a->is_stream) {
        send_part(a);
        exchange_end_grpc(a->r->x, 0, NULL);
    } else {
        tempo_answer_message(a->r->x, writer_bytes(&a->message));
    }
    writer_release(&a->message);
}

void tempo_answer_drop(struct tempo_answer *a)
{
    writer_release(&a->message);
}
