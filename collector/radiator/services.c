#include "collector/radiator/services.h"

#include "tsdb/base/text.h"

#include <math.h>
#include <string.h>

void services_init(struct services *s, struct tsdb *db, struct clock *clock, const char *tenant)
{
    *s = (struct services){.db = db, .clock = clock, .tenant = tenant};
}

/* ---- asking -------------------------------------------------------------------------- */

/* A name cut between characters to what is kept of it. */
static size_t name_cut(struct tsdb_text name)
{
    size_t len = name.len < SERVICE_NAME_MAX ? name.len : SERVICE_NAME_MAX;
    while (len > 0 && !utf8_check(name.at, len))
        len--;
    return len;
}

static bool on_pair(void *arg, struct tsdb_label pair, uint32_t series)
{
    struct services *s = arg;
    if (!text_equal(pair.name, text_of("job")) || pair.value.len == 0)
        return true;
    struct service *v = &s->at[s->count++];
    *v = (struct service){.name_len = name_cut(pair.value), .series = series};
    memcpy(v->name, pair.value.at, v->name_len);
    return s->count < SERVICES_MAX;
}

static bool service_is(const struct service *v, struct tsdb_text job)
{
    return v->name_len == job.len && memcmp(v->name, job.at, job.len) == 0;
}

/* Neighbours in an answer are often of one job: the search begins where the last one ended. */
static struct service *service_find(struct services *s, struct tsdb_labels labels, uint32_t *hint)
{
    struct tsdb_text job = {0};
    for (uint32_t i = 0; i < labels.count && !job.at; i++)
        if (text_equal(labels.at[i].name, text_of("job")))
            job = labels.at[i].value;
    job.len = name_cut(job);
    for (uint32_t i = 0; i < s->count; i++) {
        uint32_t at = (*hint + i) % s->count;
        if (!service_is(&s->at[at], job))
            continue;
        *hint = at;
        return &s->at[at];
    }
    return NULL; /* newer than the list, or beyond its end */
}

/* Samples of the last minute by job; false when that would read too much.  Read as they
 * are: a function over them would have to drop their names, which makes series collide. */
static bool ask_traffic(struct services *s)
{
    enum { TRAFFIC_SAMPLES_MAX = 4000000, TRAFFIC_SERIES_MAX = 200000, TRAFFIC_S = 60 };
    static const char text[] = "{job!=\"\"}[1m]";
    int64_t now = clock_wall_ns(s->clock);
    struct tsdb_query_options options = {.tenant = s->tenant,
                                         .start = now,
                                         .end = now,
                                         .deadline = NS_PER_S / 2,
                                         .samples_max = TRAFFIC_SAMPLES_MAX,
                                         .series_max = TRAFFIC_SERIES_MAX};
    struct tsdb_query *query;
    if (tsdb_query_open(s->db, text_of(text), &options, &query, NULL) != TSDB_OK)
        return false;
    struct tsdb_result row;
    enum tsdb_status st;
    uint32_t hint = 0;
    while ((st = tsdb_query_next(query, &row, NULL)) == TSDB_OK) {
        struct service *v = service_find(s, row.labels, &hint);
        if (v)
            v->per_s += (double)row.count / (double)TRAFFIC_S;
    }
    tsdb_query_close(query);
    return st == TSDB_END;
}

static bool ranks_before(const struct services *s, const struct service *a, const struct service *b)
{
    if (s->has_traffic && (a->per_s > b->per_s || a->per_s < b->per_s))
        return a->per_s > b->per_s;
    return a->series > b->series;
}

/* The SERVICES_SHOWN first, in order; the rest is left as it lies. */
static void rank_services(struct services *s)
{
    for (uint32_t place = 0; place < s->count && place < SERVICES_SHOWN; place++) {
        uint32_t best = place;
        for (uint32_t i = place + 1; i < s->count; i++)
            if (ranks_before(s, &s->at[i], &s->at[best]))
                best = i;
        struct service held = s->at[place];
        s->at[place] = s->at[best];
        s->at[best] = held;
    }
}

void services_refresh(struct services *s)
{
    int64_t now = clock_mono_ns(s->clock);
    s->due_ns = now + SERVICES_S * NS_PER_S;
    s->count = 0;
    tsdb_cardinality(s->db, s->tenant, on_pair, s);
    s->has_traffic = false;
    if (now >= s->traffic_due_ns) {
        s->has_traffic = ask_traffic(s);
        if (!s->has_traffic)
            s->traffic_due_ns = now + SERVICES_RETRY_S * NS_PER_S;
    }
    rank_services(s);
}

/* ---- writing ------------------------------------------------------------------------- */

void services_write(const struct services *s, struct json *j)
{
    json_key(j, "services");
    json_array(j);
    for (uint32_t i = 0; i < s->count && i < SERVICES_SHOWN; i++) {
        const struct service *v = &s->at[i];
        json_object(j);
        json_key(j, "name");
        json_text(j, (struct tsdb_text){v->name, v->name_len});
        json_key(j, "series");
        json_number(j, v->series);
        json_key(j, "per_s");
        if (s->has_traffic)
            json_number(j, round(v->per_s * 1000) / 1000);
        else
            json_null(j);
        json_end_object(j);
    }
    json_end_array(j);
    json_key(j, "services_by");
    json_word(j, s->has_traffic ? "samples" : "series");
}
