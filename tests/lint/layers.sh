#!/bin/sh
# Fails when a file includes a header from a room layers.txt does not grant it.
# Relies on every project include being written from the repository root.
cd "$(dirname "$0")/../.." || exit 2
find tsdb collector -name '*.[ch]' -exec grep -Hn '^ *# *include *"' {} + |
awk -F: '
    FNR == NR { sub(/#.*/, ""); n = split($2, may, " ")
                for (i = 1; i <= n; i++) ok[$1, may[i]] = 1
                if ($1 != "") room[$1] = 1; next }
    {
        from = $1; sub(/\/[^\/]*$/, "", from)
        to = $3; gsub(/.*include *"|".*/, "", to); target = to; sub(/\/[^\/]*$/, "", to)
        if (!(from in room)) { bad = 1; print $1 ": room " from " is not in layers.txt" }
        else if (from != to && !((from, to) in ok) && target != "tsdb/tsdb.h")
            { bad = 1; print $1 ":" $2 ": " from " may not include " target }
    }
    END { exit bad }' tests/lint/layers.txt -
