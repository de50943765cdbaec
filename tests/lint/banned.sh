#!/bin/sh
# Fails on calls that have a better one here.  One line a hit: what, and what instead.
cd "$(dirname "$0")/../.." || exit 2
bad=0
# ban PATTERN WHERE-NOT INSTEAD: an extended regex, files it may stand in, the way out.
ban() {
    hits=$(find tsdb collector -name '*.[ch]' -o -name '*.cc' | grep -Ev "$2" |
        xargs grep -nE "(^|[^_[:alnum:]>.\"])($1)\\(" /dev/null | grep -vE '^[^:]*:[0-9]+: *(\*|/\*)')
    if [ -n "$hits" ]; then
        echo "$hits"
        echo "  -> $3"
        bad=1
    fi
}
none='^$'
ban 'strcpy|strcat|strncat|sprintf|vsprintf|gets|strncpy' "$none" 'use writer.h or snprintf'
ban 'strtok|atoi|atol|atof' "$none" 'use reader.h, double_parse or strtoll with a check'
ban 'rand|srand|random|getrandom|drand48' 'tsdb/base/random\.' 'use tsdb/base/random.h'
ban 'localtime|gmtime|ctime|asctime' "$none" 'use integer calendar arithmetic or gmtime_r'
ban 'assert' "$none" 'use ASSERT of tsdb/base/assert.h'
ban 'alloca' "$none" 'use an arena'
ban 'malloc|calloc|realloc|free|strdup|strndup' 'tsdb/base/mem\.' 'use tsdb/base/mem.h'
ban 'time|gettimeofday|clock_gettime' 'tsdb/base/(clock|thread)\.' 'use tsdb/base/clock.h'
ban 'open|openat|fopen|creat|fdatasync|fsync|rename|unlink|mkdir|opendir|mmap|ftruncate|pread|pwrite' \
    'tsdb/base/fs_posix\.' 'use tsdb/base/fs.h'
ban 'pthread_[a-z_]+' 'tsdb/base/thread\.' 'use tsdb/base/thread.h'
ban 'htonl|ntohl|htons|ntohs' 'tsdb/base/|collector/net/' 'use tsdb/base/reader.h and writer.h'
hits=$(grep -rnE '\b(printf|fprintf|puts|fputs)\(' tsdb --include='*.[ch]' | grep -vE 'tsdb/base/(assert|mem)\.c')
[ -z "$hits" ] || { echo "$hits"; echo '  -> the library never writes to the terminal'; bad=1; }
hits=$(grep -rln 'event2/' tsdb collector --include='*.[ch]' | grep -v '^collector/net/')
[ -z "$hits" ] || { echo "$hits"; echo '  -> libevent is named in collector/net only'; bad=1; }
hits=$(grep -rn '[^:"]//' tsdb collector --include='*.[ch]' | grep -vE '"[^"]*//[^"]*"|^[^:]*:[0-9]+: *(\*|/\*)|https?://' )
[ -z "$hits" ] || { echo "$hits"; echo '  -> comments are /* */'; bad=1; }
exit $bad
