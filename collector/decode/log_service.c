#include "collector/decode/log_service.h"

#include "tsdb/base/text.h"

/* The first is the label itself. */
static const struct {
    uint8_t len;
    char name[23];
} sources[] = {
    {12, "service_name"},
    {7, "service"},
    {3, "app"},
    {11, "application"},
    {4, "name"},
    {22, "app_kubernetes_io_name"},
    {9, "container"},
    {14, "container_name"},
    {18, "k8s_container_name"},
    {9, "component"},
    {8, "workload"},
    {3, "job"},
    {12, "k8s_job_name"},
};

enum { SOURCES = sizeof sources / sizeof sources[0] };

/* Equal once what label names cannot have is '_'. */
static bool is_named(struct tsdb_text name, const char *want)
{
    for (size_t i = 0; i < name.len; i++) {
        char c = name.at[i];
        bool is_kept = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
        if ((is_kept ? c : '_') != want[i])
            return false;
    }
    return true;
}

unsigned log_service_rank(struct tsdb_text name)
{
    for (unsigned i = 0; i < SOURCES; i++)
        if (name.len == sources[i].len && is_named(name, sources[i].name))
            return i;
    return LOG_SERVICE_NONE;
}

struct tsdb_text log_service_find(struct tsdb_labels labels)
{
    struct tsdb_text found = text_of("unknown_service");
    unsigned best = LOG_SERVICE_NONE;
    for (uint32_t i = 0; i < labels.count; i++) {
        if (labels.at[i].value.len == 0)
            continue;
        unsigned rank = log_service_rank(labels.at[i].name);
        if (rank == 0)
            return (struct tsdb_text){"", 0};
        if (rank < best) {
            best = rank;
            found = labels.at[i].value;
        }
    }
    return found;
}
