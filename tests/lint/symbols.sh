#!/bin/sh
# No external symbol is defined in two of our static libraries: the linker takes the
# first and says nothing.  Looks at whichever build folder has libraries.
cd "$(dirname "$0")/../.." || exit 2
for preset in ${1:-asan dev release tsan fuzz}; do
    [ -f "build/$preset/libtsdb_base.a" ] && break
    preset=
done
[ -n "$preset" ] || { echo "nothing is built: no build/*/libtsdb_base.a to look at"; exit 0; }
for library in build/"$preset"/lib*.a; do
    nm -A --defined-only --extern-only "$library" 2>/dev/null |
        awk -v library="${library##*/}" '$2 ~ /^[TDBRC]$/ { print $3, library } $3 ~ /^[TDBRC]$/ { print $4, library }'
done | grep -vE '^(_|malloc_conf )' | sort -u |
    awk '$1 == name { print name ": in " where " and " $2 ": rename one, or make it static"; bad = 1 }
         { name = $1; where = $2 }
         END { exit bad }'
