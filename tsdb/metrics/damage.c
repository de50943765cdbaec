/* Which times damaged blocks covered.  Answers from there are partial for as long as the
 * file lies in quarantine/: store_quarantine writes the range into the .why beside it,
 * and the next start reads it again. */
#include "tsdb/metrics/metrics.h"

#include "tsdb/base/mem.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { WHY_BYTES_MAX = 128 };

static void add(struct metrics *m, int64_t ts_min, int64_t ts_max)
{
    mutex_lock(&m->lists);
    m->lost = mem_grow(m->lost, (size_t)m->lost_count + 1, sizeof *m->lost);
    m->lost[m->lost_count++] = (struct lost_range){ts_min, ts_max};
    mutex_unlock(&m->lists);
}

void metrics_note_damage(struct metrics *m, const struct manifest_segment *entry)
{
    (void)atomic_fetch_add(&m->quarantined, 1);
    add(m, entry->ts_min, entry->ts_max);
}

bool metrics_is_lost(struct metrics *m, int64_t start, int64_t end)
{
    bool is_lost = false;
    mutex_lock(&m->lists);
    for (uint32_t i = 0; i < m->lost_count; i++)
        is_lost = is_lost || (m->lost[i].ts_min <= end && m->lost[i].ts_max >= start);
    mutex_unlock(&m->lists);
    return is_lost;
}

/* "range=MIN..MAX ..."; anything else covers all times, to be on the safe side. */
static void parse(struct metrics *m, const char *text)
{
    char *end = NULL;
    int64_t ts_min = INT64_MIN, ts_max = INT64_MAX;
    if (strncmp(text, "range=", 6) == 0) {
        ts_min = strtoll(text + 6, &end, 10);
        ts_max = strncmp(end, "..", 2) == 0 ? strtoll(end + 2, NULL, 10) : INT64_MAX;
    }
    add(m, ts_min, ts_max);
    (void)atomic_fetch_add(&m->quarantined, 1);
}

static bool load_why(void *arg, const char *name)
{
    struct metrics *m = arg;
    size_t len = strlen(name);
    if (len < 4 || strcmp(name + len - 4, ".why") != 0 || !strstr(name, "-metrics.seg"))
        return true;
    char path[STORE_PATH_MAX], text[WHY_BYTES_MAX + 1] = "";
    if (snprintf(path, sizeof path, "%s/quarantine/%s", m->store->dir, name) >= (int)sizeof path)
        return true;
    struct fs_file *file;
    uint64_t size = 0;
    if (fs_open(m->store->fs, path, FS_READ, &file, NULL) != TSDB_OK)
        return true;
    if (fs_size(file, &size, NULL) != TSDB_OK)
        size = 0;
    size_t want = size < WHY_BYTES_MAX ? (size_t)size : WHY_BYTES_MAX;
    if (want > 0 && fs_pread(file, text, want, 0, NULL) != TSDB_OK)
        text[0] = '\0';
    fs_close(file);
    parse(m, text);
    return true;
}

void metrics_load_damage(struct metrics *m)
{
    char path[STORE_PATH_MAX];
    store_path(m->store, "quarantine", path);
    (void)fs_list(m->store->fs, path, load_why, m, NULL); /* mostly there is none */
}
