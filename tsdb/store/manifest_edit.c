#include "tsdb/store/manifest_edit.h"

#include "tsdb/base/mem.h"

enum item {
    ITEM_SEGMENT_ADDED = 1,
    ITEM_SEGMENT_REMOVED,
    ITEM_TOMBSTONE_ADDED,
    ITEM_TOMBSTONE_REMOVED,
};

static void segment_encode(const struct manifest_segment *s, struct writer *out)
{
    writer_u8(out, ITEM_SEGMENT_ADDED);
    writer_uvarint(out, s->id);
    writer_u8(out, s->signal);
    writer_u8(out, s->level);
    writer_svarint(out, s->ts_min);
    writer_svarint(out, s->ts_max);
    writer_uvarint(out, s->bytes);
    writer_uvarint(out, s->series);
    writer_uvarint(out, s->samples);
    writer_le64(out, s->content.lo);
    writer_le64(out, s->content.hi);
}

static struct manifest_segment segment_decode(struct reader *r)
{
    struct manifest_segment s = {.id = reader_uvarint(r)};
    s.signal = reader_u8(r);
    s.level = reader_u8(r);
    s.ts_min = reader_svarint(r);
    s.ts_max = reader_svarint(r);
    s.bytes = reader_uvarint(r);
    s.series = reader_uvarint(r);
    s.samples = reader_uvarint(r);
    s.content.lo = reader_le64(r);
    s.content.hi = reader_le64(r);
    return s;
}

void manifest_edit_encode(const struct manifest_edit *edit, const struct manifest_state *s,
                          struct writer *out)
{
    writer_uvarint(out, s->next_id);
    writer_uvarint(out, edit->has_floor ? edit->floor : s->floor);
    for (size_t i = 0; i < edit->removed_count; i++) {
        writer_u8(out, ITEM_SEGMENT_REMOVED);
        writer_uvarint(out, edit->removed[i]);
    }
    for (size_t i = 0; i < edit->added_count; i++)
        segment_encode(&edit->added[i], out);
    for (size_t i = 0; i < edit->tombstones_removed_count; i++) {
        writer_u8(out, ITEM_TOMBSTONE_REMOVED);
        writer_uvarint(out, edit->tombstones_removed[i]);
    }
    for (size_t i = 0; i < edit->tombstones_added_count; i++) {
        writer_u8(out, ITEM_TOMBSTONE_ADDED);
        writer_uvarint(out, edit->tombstones_added[i].id);
        writer_sized(out, edit->tombstones_added[i].payload.at,
                     edit->tombstones_added[i].payload.len);
    }
}

void manifest_state_encode(const struct manifest_state *s, struct writer *out)
{
    struct manifest_edit edit = {
        .added = s->segments,
        .added_count = s->segment_count,
        .tombstones_added = s->tombstones,
        .tombstones_added_count = s->tombstone_count,
    };
    manifest_edit_encode(&edit, s, out);
}

/* The four arrays that a decoded edit points to. */
struct items {
    struct manifest_segment *added;
    uint64_t *removed;
    struct manifest_tombstone *tombstones_added;
    uint64_t *tombstones_removed;
};

/* Room for one more when the count is a power of two. */
static void *grown(void *at, size_t count, size_t size)
{
    return count & (count - 1) ? at : mem_grow(at, count ? count * 2 : 1, size);
}

static void item_decode(struct reader *r, struct items *items, struct manifest_edit *edit)
{
    switch (reader_u8(r)) {
    case ITEM_SEGMENT_ADDED:
        items->added = grown(items->added, edit->added_count, sizeof *items->added);
        items->added[edit->added_count++] = segment_decode(r);
        return;
    case ITEM_SEGMENT_REMOVED:
        items->removed = grown(items->removed, edit->removed_count, sizeof *items->removed);
        items->removed[edit->removed_count++] = reader_uvarint(r);
        return;
    case ITEM_TOMBSTONE_ADDED: {
        struct manifest_tombstone t = {.id = reader_uvarint(r)};
        t.payload = reader_sized(r);
        items->tombstones_added = grown(items->tombstones_added, edit->tombstones_added_count,
                                        sizeof *items->tombstones_added);
        items->tombstones_added[edit->tombstones_added_count++] = t;
        return;
    }
    case ITEM_TOMBSTONE_REMOVED:
        items->tombstones_removed = grown(items->tombstones_removed, edit->tombstones_removed_count,
                                          sizeof *items->tombstones_removed);
        items->tombstones_removed[edit->tombstones_removed_count++] = reader_uvarint(r);
        return;
    default: reader_fail(r);
    }
}

enum tsdb_status manifest_edit_decode(struct bytes payload, struct manifest_state *s)
{
    struct reader r = reader_over(payload);
    struct items items = {0};
    struct manifest_edit edit = {.has_floor = true};
    uint64_t next_id = reader_uvarint(&r);
    edit.floor = reader_uvarint(&r);
    while (!r.fault && r.rest.len > 0)
        item_decode(&r, &items, &edit);
    edit.added = items.added;
    edit.removed = items.removed;
    edit.tombstones_added = items.tombstones_added;
    edit.tombstones_removed = items.tombstones_removed;
    enum tsdb_status st = TSDB_ECORRUPT;
    if (reader_done(&r) && next_id >= s->next_id && manifest_state_check(s, &edit, NULL) == TSDB_OK)
        st = TSDB_OK;
    if (st == TSDB_OK) {
        manifest_state_apply(s, &edit);
        s->next_id = next_id > s->next_id ? next_id : s->next_id;
    }
    mem_free(items.added);
    mem_free(items.removed);
    mem_free(items.tombstones_added);
    mem_free(items.tombstones_removed);
    return st;
}
