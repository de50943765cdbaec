/* asset.h - the files of the pages, bundled at build time (deploy/cmake/web.cmake). */
#ifndef COLLECTOR_RADIATOR_ASSET_H
#define COLLECTOR_RADIATOR_ASSET_H

#include "tsdb/base/reader.h"

struct asset {
    const char *path; /* "/", "/explore", "/assets/board.js" */
    const char *type;
    const uint8_t *at;
    size_t len;
    const char *tag; /* quoted: changes with the content */
};

/* Generated. */
extern const struct asset assets[];
extern const size_t asset_count;

#endif
