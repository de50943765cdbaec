/* yaml_tree.h - a small, strict YAML document as a tree in an arena.
 *
 * By libyaml's event parser.  One document; maps, lists and scalars; no anchors,
 * aliases or tags (each could make little text mean much); no repeated key; keys
 * are scalars.  Limits: depth YAML_DEPTH_MAX, YAML_NODES_MAX nodes.
 * Faults name file:line:column.
 */
#ifndef COLLECTOR_NET_YAML_TREE_H
#define COLLECTOR_NET_YAML_TREE_H

#include "tsdb/base/arena.h"
#include "tsdb/base/reader.h"
#include "tsdb/tsdb.h"

enum { YAML_DEPTH_MAX = 8, YAML_NODES_MAX = 100000 };

enum yaml_kind { YAML_SCALAR, YAML_LIST, YAML_MAP };

struct yaml_node {
    enum yaml_kind kind;
    uint32_t line, column; /* from 1 */
    struct tsdb_text text; /* of a scalar; NUL-terminated */
    struct tsdb_text key;  /* within a map; NUL-terminated */
    bool is_quoted;
    struct yaml_node *first, *last, *next; /* children; the next sibling */
};

/* An empty document is an empty map. */
TSDB_NODISCARD enum tsdb_status yaml_tree_parse(const char *file, struct bytes in,
                                                struct arena *arena, struct yaml_node **out,
                                                struct tsdb_error *err);
/* TSDB_EINVAL with file:line:column before the text. */
enum tsdb_status yaml_fail(struct tsdb_error *err, const char *file, const struct yaml_node *node,
                           const char *text);
const struct yaml_node *yaml_find(const struct yaml_node *map, const char *key);

#endif
