#include "tsdb/store/damage.h"

#include "tsdb/base/mem.h"
#include "tsdb/store/store.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { WHY_BYTES_MAX = 128 };

struct damage_range {
    int64_t ts_min, ts_max;
};

void damage_init(struct damage *d)
{
    *d = (struct damage){0};
    mutex_init(&d->lock);
}

void damage_release(struct damage *d)
{
    mem_free(d->at);
    mutex_release(&d->lock);
}

static void add(struct damage *d, int64_t ts_min, int64_t ts_max)
{
    mutex_lock(&d->lock);
    d->at = mem_grow(d->at, (size_t)d->count + 1, sizeof *d->at);
    d->at[d->count++] = (struct damage_range){ts_min, ts_max};
    mutex_unlock(&d->lock);
}

void damage_note(struct damage *d, const struct manifest_segment *entry)
{
    add(d, entry->ts_min, entry->ts_max);
}

bool damage_is_in(struct damage *d, int64_t start, int64_t end)
{
    bool is_in = false;
    mutex_lock(&d->lock);
    for (uint32_t i = 0; i < d->count; i++)
        is_in = is_in || (d->at[i].ts_min <= end && d->at[i].ts_max >= start);
    mutex_unlock(&d->lock);
    return is_in;
}

uint32_t damage_count(struct damage *d)
{
    mutex_lock(&d->lock);
    uint32_t n = d->count;
    mutex_unlock(&d->lock);
    return n;
}

/* "range=MIN..MAX ..."; anything else covers all times, to be on the safe side. */
static void parse(struct damage *d, const char *text)
{
    char *end = NULL;
    int64_t ts_min = INT64_MIN, ts_max = INT64_MAX;
    if (strncmp(text, "range=", 6) == 0) {
        ts_min = strtoll(text + 6, &end, 10);
        ts_max = strncmp(end, "..", 2) == 0 ? strtoll(end + 2, NULL, 10) : INT64_MAX;
    }
    add(d, ts_min, ts_max);
}

struct load {
    struct damage *damage;
    const struct store *store;
    enum store_signal signal;
};

/* "seg-ID-SIGNAL.seg.why", or with a number before ".why" where the name was taken. */
static bool is_why(const struct load *l, const char *name)
{
    enum { ID_END = 20 }; /* of "seg-" and 16 digits */
    char segment[SEGMENT_NAME_MAX];
    size_t len = strlen(name);
    segment_name_format(segment, 0, l->signal);
    return len > 4 && strcmp(name + len - 4, ".why") == 0 && strstr(name, segment + ID_END);
}

static bool load_why(void *arg, const char *name)
{
    struct load *l = arg;
    char path[STORE_PATH_MAX], text[WHY_BYTES_MAX + 1] = "";
    if (!is_why(l, name) ||
        snprintf(path, sizeof path, "%s/quarantine/%s", l->store->dir, name) >= (int)sizeof path)
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
    parse(l->damage, text);
    return true;
}

void damage_load(struct damage *d, const struct store *s, enum store_signal signal)
{
    struct load l = {d, s, signal};
    char path[STORE_PATH_MAX];
    store_path(s, "quarantine", path);
    (void)fs_list(s->fs, path, load_why, &l, NULL); /* mostly there is none */
}
