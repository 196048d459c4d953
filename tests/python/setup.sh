#!/bin/sh
# tests/python/setup.sh: torch, jax, tensorflow and Lightning of PyPI, which the adapters
# are tested with, and mypy, for the stubs, in a virtual environment outside of the tree:
# $PIPEC_TEST_VENV, or ~/.cache/pipec/test-venv. Says in a line what could not be had; the
# tests of that are left out, and say so. Where there is no torch, Debian's takes its
# place. Status 0.
cd "$(dirname "$0")" || exit 2
venv=${PIPEC_TEST_VENV:-${XDG_CACHE_HOME:-$HOME/.cache}/pipec/test-venv}
python=$venv/bin/python log=$venv/setup.log began=$(date +%s)
ready=$venv/ready-$(cat setup.sh stand_ins.py | cksum | cut -d " " -f 1)
[ -e "$ready" ] && exit 0

install() {
    /usr/bin/python3 -m pip --python "$python" install -q --no-cache-dir \
        --disable-pip-version-check --retries 1 "$@" > "$log" 2>&1
}

has() { "$python" -c "import $1" > /dev/null 2>&1; }

# want MODULE ARGUMENTS: what pip installs for it
want() {
    module=$1
    shift
    has "$module" && return
    install "$@" && has "$module" && return
    missing=1
    echo "tests/python: $module could not be had: $(grep . "$log" | tail -n 1)"
}

# torch's wheel for CUDA is the only one of PyPI's for this machine. It wants 4 GB more,
# which nothing here calls where there is no GPU.
want_torch() {
    has torch && return
    if [ ! -e /dev/nvidiactl ]; then
        install --no-deps torch && install filelock fsspec jinja2 networkx numpy sympy \
            typing_extensions && "$python" stand_ins.py > "$log" 2>&1 && return
        rm -rf "$venv"/lib/python*/site-packages/torch*
    fi
    want torch torch
}

debian_torch() {
    dpkg -s python3-torch > /dev/null 2>&1 && return
    if [ "$(id -u)" != 0 ]; then
        echo "instead: sudo apt-get install --no-install-recommends python3-torch"
        return
    fi
    apt-get update -q > /dev/null 2>&1
    apt-get install -q -y --no-install-recommends python3-torch > /dev/null 2>&1 ||
        echo "tests/python: nor could Debian's python3-torch"
}

echo "tests/python: torch, jax and tensorflow for the tests, in $venv (3.5 GB)"
if ! has sys; then
    rm -rf "$venv"
    /usr/bin/python3 -m venv --without-pip "$venv" ||
        { echo "tests/python: no virtual environment"; debian_torch; exit 0; }
fi
missing=
want_torch
has torch || debian_torch
want jax jax
want tensorflow tensorflow-cpu
want pyarrow pyarrow ml_dtypes
want mypy mypy
# Its other dependencies are torch's.
want pytorch_lightning --no-deps pytorch-lightning lightning-utilities torchmetrics \
    PyYAML tqdm packaging
[ "$missing" ] || touch "$ready"
echo "tests/python: that took $(($(date +%s) - began)) s"
exit 0
