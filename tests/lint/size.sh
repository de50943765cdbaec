#!/bin/sh
# Budgets: .c 800 lines, .h 300 (tsdb.h 400), tests 1,200; a function 70 lines.
# An exception needs "size-exception: REASON" in the file; they are printed.
cd "$(dirname "$0")/../.." || exit 2
find tsdb collector tests bench -name '*.[ch]' | sort | while read -r file; do
    awk -v file="$file" '
        /size-exception:/ { allowed = 1; print "exception " file ": " $0 > "/dev/stderr" }
        /^{/ { begin = NR }
        /^}/ { if (begin && NR - begin - 1 > 70 && file !~ /^tests/)
                   { print file ":" begin ": function of " NR - begin - 1 " lines, at most 70: split it" }
               begin = 0 }
        END { max = file ~ /^tests/ ? 1200 : file ~ /tsdb\/tsdb\.h$/ ? 400 : file ~ /\.h$/ ? 300 : 800
              if (NR > max && !allowed) print file ": " NR " lines, at most " max ": split the module" }' "$file"
done | { bad=0; while read -r line; do echo "$line"; bad=1; done; exit $bad; }
