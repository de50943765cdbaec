#!/bin/sh
# Every source has a test that names its header (or, without a header, its room's tests
# are there), and every header has a reader other than its own source.
cd "$(dirname "$0")/../.." || exit 2
bad=0
for header in $(find tsdb collector -name '*.h' | sort); do
    users=$(grep -rlF "\"$header\"" tsdb collector tests bench | grep -cvF "${header%.h}.c")
    [ "$users" -gt 0 ] || { echo "$header: nobody includes it: delete it or use it"; bad=1; }
done
for source in $(find tsdb collector -name '*.c' -o -name '*.cc' | sort); do
    room=${source%/*}
    [ "$room" = collector ] && room=scenario && [ -d tests/scenario ] && continue
    [ -n "$(find "tests/$room" -name 'test_*.c' 2>/dev/null | head -1)" ] ||
        { echo "$source: no test in tests/$room"; bad=1; }
done
exit $bad
