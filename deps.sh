#!/bin/sh
# deps.sh: installs the Debian packages that building and testing need, when run
# as root; otherwise prints the line that does, and ends with status 1.
packages="build-essential cmake ninja-build pkg-config re2c llvm-19-dev clang-19
    libyaml-dev libxxhash-dev libjpeg62-turbo-dev libpng-dev libffi-dev
    meson file python3 python3-dev python3-pip python3-setuptools python3-wheel
    python3-numpy python3-pil python3-xxhash python3-yaml"

missing=
for package in $packages; do
    status=$(dpkg-query -W -f '${Status}' "$package" 2>/dev/null)
    [ "$status" = "install ok installed" ] || missing="$missing $package"
done
[ -z "$missing" ] && exit 0

if [ "$(id -u)" != 0 ]; then
    echo "missing packages; install them with" >&2
    echo "    sudo apt-get install --no-install-recommends$missing" >&2
    exit 1
fi
export DEBIAN_FRONTEND=noninteractive
apt-get update -qq
# shellcheck disable=SC2086    # one word per package
apt-get install -y -qq --no-install-recommends $missing
