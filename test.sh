#!/bin/sh
# test.sh: installs what is missing, builds, runs every tests/*/run (a few at once),
# adds up what they count, and ends with the line `N passed, N failed`. A runner
# prints such a line of its own at its end; one that ends badly without counting a
# failure is a failure itself.
cd "$(dirname "$0")" || exit 2
logs=$(mktemp -d) || exit 2
trap 'rm -rf "$logs"' EXIT

# room LOG COMMAND...: LOG gets what it said, its status and its time
cat > "$logs/room" <<'END'
log=$1 began=$(date +%s)
shift
"$@" > "$log" 2>&1
echo "status $? after $(($(date +%s) - began)) s" >> "$log"
END

# tell NAME LOG: what a room said, and its counts into $passed and $failed
tell() {
    status=$(sed -n '$s/^status \([0-9]*\) .*/\1/p' "$2")
    count=$(grep -E '^[0-9]+ passed, [0-9]+ failed$' "$2" | tail -n 1)
    bad=$(echo "$count" | sed -n 's/.* \([0-9]*\) failed/\1/p')
    echo "== $1"
    cat "$2"
    if [ "$status" != 0 ] && [ "${bad:-0}" = 0 ]; then
        echo "FAIL $1 -- its runner ended with status $status"
        bad=1
    fi
    passed=$((passed + $(echo "${count:-0 passed}" | sed 's/ passed.*//')))
    failed=$((failed + ${bad:-0}))
}

passed=0 failed=0
if ! { ./deps.sh && cmake -S . -B build -G Ninja && cmake --build build; }; then
    echo "0 passed, 1 failed"
    exit 1
fi

[ -z "${CI:-}" ] || tests/python/setup.sh

rooms=$(for runner in tests/*/run; do basename "$(dirname "$runner")"; done)
echo "testing" $rooms
# An interrupt is sent to what runs in tests: who was started in the background ignores it.
echo "$rooms" | sort -r | env --default-signal=INT xargs -P "$(nproc)" -I NAME \
    sh "$logs/room" "$logs/NAME.log" tests/NAME/run
for name in $rooms; do tell "tests/$name" "$logs/$name.log"; done

# Black-box checks that may lie beside a checkout.
if [ -x ../shared/accept/run ]; then
    sh "$logs/room" "$logs/accept" ../shared/accept/run --bin build/bin
    tell accept "$logs/accept"
fi
echo "$passed passed, $failed failed"
[ "$failed" = 0 ]
