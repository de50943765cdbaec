/* Which times damaged blocks covered.  Answers from there are partial for as long as the
 * file lies in quarantine/: store_quarantine writes the range into the .why beside it,
 * and the next start reads it again. */
#include "tsdb/logs/engine.h"

#include "tsdb/base/mem.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { WHY_BYTES_MAX = 128 };

static void add(struct logs *l, int64_t ts_min, int64_t ts_max)
{
    mutex_lock(&l->lists);
    l->lost = mem_grow(l->lost, (size_t)l->lost_count + 1, sizeof *l->lost);
    l->lost[l->lost_count++] = (struct lost_range){ts_min, ts_max};
    mutex_unlock(&l->lists);
}

void logs_note_damage(struct logs *l, const struct manifest_segment *entry)
{
    (void)atomic_fetch_add(&l->quarantined, 1);
    add(l, entry->ts_min, entry->ts_max);
}

bool logs_is_lost(struct logs *l, int64_t start, int64_t end)
{
    bool is_lost = false;
    mutex_lock(&l->lists);
    for (uint32_t i = 0; i < l->lost_count; i++)
        is_lost = is_lost || (l->lost[i].ts_min < end && l->lost[i].ts_max >= start);
    mutex_unlock(&l->lists);
    return is_lost;
}

/* "range=MIN..MAX ..."; anything else covers all times, to be on the safe side. */
static void parse(struct logs *l, const char *text)
{
    char *end = NULL;
    int64_t ts_min = INT64_MIN, ts_max = INT64_MAX;
    if (strncmp(text, "range=", 6) == 0) {
        ts_min = strtoll(text + 6, &end, 10);
        ts_max = strncmp(end, "..", 2) == 0 ? strtoll(end + 2, NULL, 10) : INT64_MAX;
    }
    add(l, ts_min, ts_max);
    (void)atomic_fetch_add(&l->quarantined, 1);
}

static bool load_why(void *arg, const char *name)
{
    struct logs *l = arg;
    size_t len = strlen(name);
    if (len < 4 || strcmp(name + len - 4, ".why") != 0 || !strstr(name, "-logs.seg"))
        return true;
    char path[STORE_PATH_MAX], text[WHY_BYTES_MAX + 1] = "";
    if (snprintf(path, sizeof path, "%s/quarantine/%s", l->store->dir, name) >= (int)sizeof path)
        return true;
    struct fs_file *file;
    uint64_t size = 0;
    if (fs_open(l->store->fs, path, FS_READ, &file, NULL) != TSDB_OK)
        return true;
    if (fs_size(file, &size, NULL) != TSDB_OK)
        size = 0;
    size_t want = size < WHY_BYTES_MAX ? (size_t)size : WHY_BYTES_MAX;
    if (want > 0 && fs_pread(file, text, want, 0, NULL) != TSDB_OK)
        text[0] = '\0';
    fs_close(file);
    parse(l, text);
    return true;
}

void logs_load_damage(struct logs *l)
{
    char path[STORE_PATH_MAX];
    store_path(l->store, "quarantine", path);
    (void)fs_list(l->store->fs, path, load_why, l, NULL); /* mostly there is none */
}
