#!/bin/sh
# Formatting is checked, not discussed: clang-format 14 with .clang-format.  Other versions break
# some lines elsewhere, so they have no say.
cd "$(dirname "$0")/../.." || exit 2
format=$(command -v clang-format-14 || command -v clang-format) || { echo "clang-format is not installed"; exit 1; }
version=$("$format" --version | sed -n 's/.*version \([0-9]*\).*/\1/p')
[ "$version" = 14 ] || { echo "skipped: clang-format $version, the files are as 14 has them"; exit 0; }
find tsdb collector tests bench -name '*.[ch]' -not -path '*/node_modules/*' -print0 |
    xargs -0 "$format" --dry-run --Werror 2>&1 | grep -E 'error' | cut -d: -f1,2 | sort -u | head -40 >/tmp/format.$$
if [ -s /tmp/format.$$ ]; then
    cat /tmp/format.$$
    echo "  -> clang-format -i the files"
    rm -f /tmp/format.$$
    exit 1
fi
rm -f /tmp/format.$$
