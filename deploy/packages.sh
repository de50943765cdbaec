#!/usr/bin/env bash
# Installs the Debian or Ubuntu packages that are named and missing.
#   deploy/packages.sh build    what compiling needs
#   deploy/packages.sh test     what the tests need besides
set -eu

build="ca-certificates cmake g++ gcc libcriterion-dev libcrypt-dev libevent-dev libjansson-dev
 libjemalloc-dev liblz4-dev libnghttp2-dev libprotobuf-c-dev libre2-dev libsnappy-dev libssl-dev
 libxxhash-dev libyaml-dev libzstd-dev ninja-build pkg-config protobuf-c-compiler zlib1g-dev"
test="bsdutils clang clang-format lld chromium curl openssl prometheus"
optional=rsyslog # tests that want it are skipped without it, and say so

want=
for set in "$@"; do
    case $set in
    build) want="$want $build" ;;
    test) want="$want $test" ;;
    *) echo "packages.sh: unknown set '$set', want build or test" >&2; exit 2 ;;
    esac
done
# clang's sanitizer runtime and a Node that is there already are matched by what they give.
missing=
for package in $want; do
    dpkg-query -W -f='${Status}' "$package" 2>/dev/null | grep -q 'install ok installed' || missing="$missing $package"
done
[ -z "$want" ] || command -v node >/dev/null 2>&1 || missing="$missing nodejs"
[ -z "$want" ] || command -v npm >/dev/null 2>&1 || missing="$missing npm"
case " $* " in
*" test "*)
    runtime=$(clang -print-file-name=libclang_rt.fuzzer-x86_64.a 2>/dev/null || true)
    [ -e "${runtime:-/nonexistent}" ] || missing="$missing libclang-rt-dev"
    ;;
esac
[ -n "$missing" ] || exit 0

echo "installing packages:$missing" >&2
sudo=
if [ "$(id -u)" != 0 ]; then
    sudo=sudo
    command -v sudo >/dev/null || { echo "packages.sh: want root, or sudo, to install them" >&2; exit 1; }
fi
export DEBIAN_FRONTEND=noninteractive
$sudo apt-get update -qq
if ! apt-cache show libclang-rt-dev >/dev/null 2>&1; then # Debian 12 has it by version only
    missing=$(echo "$missing" | sed 's/libclang-rt-dev/libclang-rt-14-dev/')
fi
if ! apt-cache show chromium 2>/dev/null | grep -q '^Package'; then # Ubuntu: a browser that is no snap
    missing=$(echo "$missing" | sed 's/ chromium / /')
fi
# shellcheck disable=SC2086
$sudo apt-get install -y -qq --no-install-recommends $missing >/dev/null
case " $* " in
*" test "*) # shellcheck disable=SC2086
    $sudo apt-get install -y -qq --no-install-recommends $optional >/dev/null ||
        echo "packages.sh: not installed: $optional; the tests that want it will be skipped" >&2
    ;;
esac
