#!/bin/sh
# test.sh: installs what is missing, builds, runs every tests/*/run, adds up what
# they count, and ends with the line `N passed, N failed`. A runner prints such a
# line of its own at its end; a room is a folder with a runner.
cd "$(dirname "$0")" || exit 2
passed=0 failed=0
said=$(mktemp) || exit 2
trap 'rm -f "$said"' EXIT

finish() {
    echo "$passed passed, $failed failed"
    [ "$failed" = 0 ]
    exit
}

# room NAME COMMAND...: a runner that ends badly without counting it is a failure
room() {
    name=$1 began=$(date +%s)
    shift
    echo "== $name"
    { timeout 900 "$@" 2>&1; echo "status $?"; } | tee "$said" | grep -v '^status [0-9]*$'
    status=$(sed -n 's/^status //p' "$said" | tail -n 1)
    count=$(grep -E '^[0-9]+ passed, [0-9]+ failed$' "$said" | tail -n 1)
    bad=$(echo "$count" | sed -n 's/.* \([0-9]*\) failed/\1/p')
    if [ "$status" != 0 ] && [ "${bad:-0}" = 0 ]; then
        echo "FAIL $name -- its runner ended with status $status"
        failed=$((failed + 1))
    fi
    passed=$((passed + $(echo "${count:-0 passed}" | sed 's/ passed.*//')))
    failed=$((failed + ${bad:-0}))
    echo "   $(($(date +%s) - began)) s"
}

if ! { ./deps.sh && cmake -S . -B build -G Ninja && cmake --build build; }; then
    failed=1
    finish
fi
for runner in tests/*/run; do
    room "$(dirname "$runner")" "$runner"
done
# Black-box checks that may lie beside a checkout.
if [ -x ../shared/accept/run ]; then
    room accept ../shared/accept/run --bin build/bin
fi
finish
