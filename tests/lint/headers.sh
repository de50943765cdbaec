#!/bin/sh
# Every header compiles alone, and every .c that has a header of its name includes it first.
cd "$(dirname "$0")/../.." || exit 2
bad=0
for header in $(find tsdb collector -name '*.h' | sort); do
    case $header in collector/decode/*|collector/ingest/*) generated=-Ibuild/dev/generated ;; *) generated= ;; esac
    # shellcheck disable=SC2086
    if ! echo "#include \"$header\"" |
        ${CC:-cc} -std=gnu11 -D_GNU_SOURCE -DANDON_VERSION='"0"' -I. $generated -fsyntax-only -x c - 2>/tmp/header.$$; then
        echo "$header: does not compile alone: include what it uses"
        head -3 /tmp/header.$$
        bad=1
    fi
done
rm -f /tmp/header.$$
for source in $(find tsdb collector -name '*.c' | sort); do
    header="${source%.c}.h"
    [ -f "$header" ] || continue
    first=$(grep -m1 '^#include' "$source")
    if [ "$first" != "#include \"$header\"" ]; then
        echo "$source: first include is $first, want \"$header\""
        bad=1
    fi
done
exit $bad
