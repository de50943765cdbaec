/* field_kind.h - the kind of column that the values of a field go into. */
#ifndef TSDB_COLUMNS_FIELD_KIND_H
#define TSDB_COLUMNS_FIELD_KIND_H

#include "tsdb/columns/group.h"

/* type: enum tsdb_field_type */
static inline enum column_kind field_kind(uint8_t type)
{
    if (type == TSDB_FIELD_INT || type == TSDB_FIELD_BOOL)
        return COLUMN_INT;
    return type == TSDB_FIELD_DOUBLE ? COLUMN_DOUBLE : COLUMN_TEXT;
}

#endif
