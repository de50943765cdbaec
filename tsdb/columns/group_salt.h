/* group_salt.h - what tells equal values of different columns apart in a filter.
 *
 * salt = XXH3-64 of the name, seeded with the tag.  A part of the format.
 */
#ifndef TSDB_COLUMNS_GROUP_SALT_H
#define TSDB_COLUMNS_GROUP_SALT_H

#include "tsdb/base/hash.h"

static inline uint64_t column_salt(struct tsdb_text name, uint8_t tag)
{
    return hash64(tag, name.at, name.len);
}

#endif
