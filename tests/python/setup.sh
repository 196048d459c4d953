#!/bin/sh
# tests/python/setup.sh: what pipec's adapters are tested with, if it can be had. As root
# it is installed, Debian's packages; else the line to type is printed. Tests of what is
# not there are left out, and say so.
packages="python3-torch"
missing=""
for package in $packages; do
    dpkg -s "$package" > /dev/null 2>&1 || missing="$missing $package"
done
[ -z "$missing" ] && exit 0
if [ "$(id -u)" != 0 ]; then
    echo "to test the adapters too: sudo apt-get install$missing"
    exit 0
fi
apt-get update -q > /dev/null 2>&1
for package in $missing; do
    apt-get install -q -y --no-install-recommends "$package" > /dev/null 2>&1 ||
        echo "$package could not be installed"
done
