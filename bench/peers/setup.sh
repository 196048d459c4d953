#!/bin/sh
# bench/peers/setup.sh: the loaders that bench/peers/run measures beside pipec, from
# PyPI, in a virtual environment outside the tree: $PIPEC_PEERS_VENV, or
# ~/.cache/pipec/peers-venv (7 GB, half of it the CUDA libraries without which torch from
# PyPI does not load). As root it also installs the Debian packages that FFCV and SPDL
# need; else it prints the line to type. What could not be had is said at the end, and
# kept in VENV/missing with the reason. Does nothing when all is there already.
set -u
venv=${PIPEC_PEERS_VENV:-${XDG_CACHE_HOME:-$HOME/.cache}/pipec/peers-venv}
packages="python3-venv python3-dev g++ pkg-config libopencv-dev libturbojpeg0-dev
    libavdevice59 libavfilter8"

what_is_done() { grep -v '^#' "$0"; }

if what_is_done | cmp -s - "$venv/done"; then
    cat "$venv/missing"
    exit 0
fi

lacking=
for package in $packages; do
    dpkg -s "$package" > /dev/null 2>&1 || lacking="$lacking $package"
done
if [ -n "$lacking" ] && [ "$(id -u)" != 0 ]; then
    echo "FFCV and SPDL need: sudo apt-get install --no-install-recommends$lacking"
elif [ -n "$lacking" ]; then
    apt-get update -q > /dev/null 2>&1
    # shellcheck disable=SC2086    # one word per package
    DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends \
        -o DPkg::Lock::Timeout=300 $lacking > /dev/null 2>&1 ||
        echo "Debian's packages could not be installed:$lacking"
fi

rm -rf "$venv"
mkdir -p "$venv"
/usr/bin/python3 -m venv "$venv" || exit 1
log=$venv/log
: > "$venv/missing"

pip_install() { "$venv/bin/pip" install -q --no-cache-dir "$@" > "$log" 2>&1; }

why() {
    line=$(grep -oE '[A-Za-z]+Error: .*' "$log" | tail -1)
    [ -n "$line" ] || line=$(grep -E '^ERROR' "$log" | tail -1)
    echo "${line:-$(tail -1 "$log")}"
}

# peer NAME MODULE PACKAGES...: NAME is there when its modules can be imported.
peer() {
    name=$1 module=$2
    shift 2
    pip_install "$@" || { echo "$name: $(why)" >> "$venv/missing"; return; }
    "$venv/bin/python" -c "import $module" > "$log" 2>&1 ||
        echo "$name: $(why)" >> "$venv/missing"
}

# Without triton, cuSOLVER and NVTX, which no loader calls.
torch="torch==2.15.0 torchvision==0.29.2 torchdata==0.11.0 nvidia-cublas==13.4.*
    nvidia-cuda-cupti==13.2.* nvidia-cuda-nvrtc==13.2.* nvidia-cuda-runtime==13.2.*
    nvidia-cudnn-cu13==9.26.0.51 nvidia-cufft==12.2.* nvidia-cufile==1.17.*
    nvidia-cusparse==12.7.* nvidia-cusparselt-cu13==0.8.1 nvidia-nccl-cu13==2.30.7
    nvidia-nvjitlink==13.5.* nvidia-nvshmem-cu13==3.7.2"

pip_install -U pip wheel setuptools
pip_install numpy==2.4.6 pillow==13.0.0 sympy networkx jinja2 fsspec filelock \
    typing_extensions requests
# shellcheck disable=SC2086    # one word per package
peer torch torchvision,torchdata.stateful_dataloader --no-deps $torch
peer dali nvidia.dali nvidia-dali-cuda120==2.4.0
peer tf tensorflow tensorflow-cpu==2.21.0
peer grain grain,simplejpeg,cv2 grain==0.2.18 simplejpeg==1.9.0 \
    opencv-python-headless==5.0.0.93
peer spdl spdl.io,spdl.pipeline spdl==0.8.0
pip_install numba==0.68.1 tqdm psutil
peer ffcv ffcv.loader --no-deps --no-build-isolation ffcv==1.0.2

rm -f "$log"
what_is_done > "$venv/done"
cat "$venv/missing"
