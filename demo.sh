#!/bin/sh
# demo.sh: from a fresh checkout to augmented batches. Installs what is missing,
# builds, makes 2,000 JPEG files, compiles the two image features and runs an epoch
# of each; leaves a contact sheet of each to look at.
set -e
cd "$(dirname "$0")"
demo=build/demo

step() { printf '\n== %s\n' "$*"; }

step "what the build needs"
./deps.sh
step "build"
cmake -S . -B build -G Ninja > /dev/null
cmake --build build
step "2,000 JPEG files in $demo/images"
/usr/bin/python3 tests/data/make_images.py "$demo/images" -n 2000

for feature in imagenet simclr; do
    step "$feature: compile"
    build/bin/pipec "examples/$feature.dsl" -o "$demo/$feature.so"
    step "$feature: one epoch"
    build/bin/pipert run "$demo/$feature.so" --set root="$demo/images" \
        --show "$demo/$feature.png"
done

step "look at"
echo "$PWD/$demo/imagenet.png"
echo "$PWD/$demo/simclr.png"
