/* json.h - writes one JSON text as it is made, never all of it in memory.
 *
 *   json_object(j); json_key(j, "status"); json_text(j, text_of("success")); json_end_object(j);
 *
 * Commas are put where they belong.  What was written lies in `out` until it
 * reaches flush_bytes, then goes to flush; the writer never holds more than
 * flush_bytes and one value.  flush answering false (the reader has gone) makes
 * everything after it cheap and without effect.
 *
 * Texts are safe inside HTML and JavaScript: < > & U+2028 U+2029 and controls
 * are written as \uXXXX (RFC 8259 section 7), bytes that are not UTF-8 as U+FFFD.
 * Sample values and times are written as Prometheus does: values as strings in
 * the shortest form that reads back, with an exponent below 1e-6 and from 1e21
 * on ("NaN", "+Inf", "-Inf"); times as seconds with milliseconds when there are
 * any (1435781430.781), cut off below.
 * Owner: one thread at a time.
 */
#ifndef COLLECTOR_API_JSON_H
#define COLLECTOR_API_JSON_H

#include "tsdb/base/writer.h"
#include "tsdb/tsdb.h"

struct json {
    struct writer out; /* owned */
    size_t flush_bytes;
    bool (*flush)(void *arg, struct bytes part); /* NULL: out keeps it all */
    void *arg;
    bool has_comma; /* private: the next value needs one before it */
    bool is_gone;   /* flush said no */
};

void json_init(struct json *j, size_t flush_bytes, bool (*flush)(void *arg, struct bytes part),
               void *arg);
void json_release(struct json *j);

void json_object(struct json *j);
void json_end_object(struct json *j);
void json_array(struct json *j);
void json_end_array(struct json *j);
void json_key(struct json *j, const char *key); /* our own words: nothing to escape */
void json_key_text(struct json *j, struct tsdb_text key);

void json_text(struct json *j, struct tsdb_text text);
void json_word(struct json *j, const char *word); /* text of our own */
void json_bool(struct json *j, bool value);
void json_null(struct json *j);
void json_i64(struct json *j, int64_t value);
void json_u64(struct json *j, uint64_t value);
/* A plain number; 0 for what is not finite. */
void json_number(struct json *j, double value);
/* A sample value, as a string. */
void json_value(struct json *j, double value);
/* A timestamp in nanoseconds, as seconds. */
void json_time(struct json *j, int64_t ns);
/* One value that was written already. */
void json_raw(struct json *j, struct bytes value);
/* {"name":"value",...} */
void json_labels(struct json *j, struct tsdb_labels labels);

#endif
