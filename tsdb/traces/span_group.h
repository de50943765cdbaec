/* span_group.h - up to GROUP_ROWS_MAX spans as four row groups (columns/group.h).
 *
 *   spans     one row a span, sorted by trace id, then start, then span id: a trace's
 *             spans lie together
 *   sources   one row a distinct (tenant, resource, scope)
 *   events    one row an event, by span row, then in the order of arrival
 *   links     likewise
 *
 * The last two are absent when there are none.  A column's tag says what it is:
 *
 *   intrinsics: SPAN_TAG_INTRINSIC, of the names below
 *   attributes: place << 4 | enum tsdb_field_type, under their own names.  Places:
 *               TSDB_PLACE_SPAN (spans), _RESOURCE, _SCOPE (sources), _EVENT, _LINK
 *   Of one (name, type) a row has one value; STRING, BYTES, ID and JSON are COLUMN_TEXT,
 *   INT and BOOL COLUMN_INT, DOUBLE COLUMN_DOUBLE.
 *
 *   spans     trace_id        TEXT, 16 bytes; on the first row of each trace only
 *             span_id         TEXT, 8 bytes
 *             parent          INT: this row - the parent's row, when the parent is in the
 *                             group (the first of its id); may be negative, never 0
 *             parent_id       TEXT, 8 bytes: a parent that is not in the group.  A row
 *                             with neither is a root
 *             trace_start     INT: ns since the epoch, on the first row of each trace only
 *             start           INT: ns since the start of the row before, on the others
 *             duration        INT: ns, end - start (wraps)
 *             name            TEXT (on every row), status_message, trace_state: TEXT, when
 *                             not empty
 *             source          INT: row of sources
 *             kind, status, flags, dropped_attributes, dropped_events, dropped_links
 *                             INT, when not 0
 *   sources   tenant, scope_name, scope_version, resource_schema_url, scope_schema_url:
 *             TEXT, when not empty; resource_dropped, scope_dropped: INT, when not 0
 *             row: INT, 0 on every row, so that a source with nothing is a row
 *   events    span: INT, row of spans; time: INT, ns since the span's start (wraps);
 *             name: TEXT (on every row); dropped_attributes: INT, when not 0
 *   links     span; trace_id, span_id: TEXT; trace_state: TEXT, when not empty;
 *             flags, dropped_attributes: INT, when not 0
 *
 * Attribute columns of texts are COLUMN_VALUES (looked up by value); so are span names and
 * service names.  The trace id is not: the index of the segment has it.
 */
#ifndef TSDB_TRACES_SPAN_GROUP_H
#define TSDB_TRACES_SPAN_GROUP_H

#include "tsdb/columns/group.h"
#include "tsdb/tsdb.h"

enum { SPAN_TAG_INTRINSIC = 0xf0 };

#define SPAN_COLUMN_TRACE_ID "trace_id"
#define SPAN_COLUMN_SPAN_ID "span_id"
#define SPAN_COLUMN_PARENT "parent"
#define SPAN_COLUMN_PARENT_ID "parent_id"
#define SPAN_COLUMN_TRACE_START "trace_start"
#define SPAN_COLUMN_START "start"
#define SPAN_COLUMN_DURATION "duration"
#define SPAN_COLUMN_NAME "name"
#define SPAN_COLUMN_STATUS_MESSAGE "status_message"
#define SPAN_COLUMN_TRACE_STATE "trace_state"
#define SPAN_COLUMN_SOURCE "source"
#define SPAN_COLUMN_KIND "kind"
#define SPAN_COLUMN_STATUS "status"
#define SPAN_COLUMN_FLAGS "flags"
#define SPAN_COLUMN_DROPPED_ATTRIBUTES "dropped_attributes"
#define SPAN_COLUMN_DROPPED_EVENTS "dropped_events"
#define SPAN_COLUMN_DROPPED_LINKS "dropped_links"
#define SPAN_COLUMN_TENANT "tenant"
#define SPAN_COLUMN_SCOPE_NAME "scope_name"
#define SPAN_COLUMN_SCOPE_VERSION "scope_version"
#define SPAN_COLUMN_RESOURCE_SCHEMA_URL "resource_schema_url"
#define SPAN_COLUMN_SCOPE_SCHEMA_URL "scope_schema_url"
#define SPAN_COLUMN_RESOURCE_DROPPED "resource_dropped"
#define SPAN_COLUMN_SCOPE_DROPPED "scope_dropped"
#define SPAN_COLUMN_ROW "row"
#define SPAN_COLUMN_SPAN "span"
#define SPAN_COLUMN_TIME "time"

enum span_table { SPAN_TABLE_SPANS, SPAN_TABLE_SOURCES, SPAN_TABLE_EVENTS, SPAN_TABLE_LINKS };
enum { SPAN_TABLES = 4 };

static inline uint8_t span_attribute_tag(enum tsdb_trace_place place, uint8_t type)
{
    return (uint8_t)((unsigned)place << 4 | type);
}

/* The groups of one span group; NULL: no such rows. */
struct span_tables {
    const struct group *at[SPAN_TABLES];
};

#endif
