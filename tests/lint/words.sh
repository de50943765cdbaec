#!/bin/sh
# Words that say nothing, or that something is unfinished.
cd "$(dirname "$0")/../.." || exit 2
bad=0
hits=$(grep -rnwE 'TODO|FIXME|XXX|HACK' tsdb collector proto bench tests deploy --include='*' \
    --exclude-dir=node_modules --exclude=words.sh --exclude=package-lock.json -I)
[ -z "$hits" ] || { echo "$hits"; echo '  -> open ends are issues'; bad=1; }
hits=$(find tsdb collector -name '*.[ch]' | grep -iE '(util|helper|manager|misc|common|impl|_v2|handler2|_internal|_priv)')
[ -z "$hits" ] || { echo "$hits"; echo '  -> name the noun that the file is about'; bad=1; }
hits=$(grep -rnE '(^|[^[:alnum:]_])(typedef +struct)' tsdb collector --include='*.[ch]')
[ -z "$hits" ] || { echo "$hits"; echo '  -> struct thing, no typedef'; bad=1; }
exit $bad
