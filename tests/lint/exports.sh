#!/bin/sh
# The shared engine exports tsdb_* and nothing else.  $1: the shared object.
extra=$(nm -D --defined-only "$1" | awk '{print $3}' | grep -vE '^(tsdb_|_init$|_fini$|__bss_start$|_edata$|_end$|malloc_conf$)')
[ -z "$extra" ] || { echo "$extra"; echo "  -> exported without the tsdb_ prefix: hide it"; exit 1; }
count=$(nm -D --defined-only "$1" | grep -c ' tsdb_')
[ "$count" -ge 20 ] || { echo "only $count tsdb_ symbols are exported: TSDB_API is missing"; exit 1; }
