#!/bin/sh
# run.sh [OUT]: trains with both loaders, and compares. A virtual environment outside of
# the tree, pipec, 5,000 pictures, a run for each of SEEDS and loader; OUT (build/train)
# gets curves.png and the numbers. Runs that are there are not made again.
set -e
root=$(cd "$(dirname "$0")/../.." && pwd)
venv=${PIPEC_TRAIN_VENV:-${XDG_CACHE_HOME:-$HOME/.cache}/pipec/train-venv}
out=${1:-$root/build/train}
python=$venv/bin/python

step() { printf '\n== %s\n' "$*"; }

step "what the build needs, and pipec"
"$root/deps.sh"
cmake -S "$root" -B "$root/build" -G Ninja > /dev/null
cmake --build "$root/build" --target pipec pipec_python

if ! "$python" -c "import torch, torchvision, matplotlib" 2> /dev/null; then
    step "torch, torchvision, matplotlib in $venv: 3 GB to fetch, 6 GB of disk"
    /usr/bin/python3 -m venv "$venv"
    "$venv/bin/pip" install -q --no-cache-dir -r "$root/examples/train/requirements.txt"
fi

export PYTHONPATH="$root/build/python"

step "5,000 pictures in $out/data"
"$python" "$root/examples/train/make_data.py" "$out/data"
for seed in ${SEEDS:-0 1 2}; do
    for loader in pipec torchvision; do
        [ -e "$out/$loader-$seed.json" ] && continue
        step "$loader, seed $seed"
        "$python" "$root/examples/train/train.py" "$out/data" --out "$out" \
            --loader $loader --seed "$seed" --epochs "${EPOCHS:-12}"
    done
done

step "loading, without a network"
"$python" "$root/examples/train/loaders.py" "$out/data"

step "the runs in $out, drawn in $out/curves.png"
"$python" "$root/examples/train/curves.py" "$out"
