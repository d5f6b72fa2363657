#!/usr/bin/env bash
# Fuzzes whatever reads texts and files, guided by what inputs reach in the program, on
# stable Rust: the targets of crates/lab/tests/fuzz.rs.
#
# Usage: tests/fuzz.sh SECONDS [TARGET]...      all targets where none is named
#
# Needs a C++ compiler, for libFuzzer. It begins with the inputs in __fuzz__/TARGET/corpus
# beside those sources, and keeps what reaches more in target/fuzz/TARGET, from which it
# goes on the next time. What panics, takes 20 s or 512 MB is put into __fuzz__/TARGET/crashes,
# ends the target, and the exit code is 1.
set -euo pipefail
cd "$(dirname "$0")/.."

seconds="${1:?how many seconds for each target?}"
shift
inputs="$PWD/crates/lab/tests/__fuzz__"
targets=("$@")
[ ${#targets[@]} -gt 0 ] || mapfile -t targets < <(ls "$inputs")

host=$(rustc -vV | sed -n 's/^host: //p')
flags=(--cfg=fuzzing --cfg=fuzzing_libfuzzer -Ccodegen-units=1 -Cpasses=sancov-module)
for what in level=4 inline-8bit-counters pc-table trace-compares; do
    flags+=("-Cllvm-args=-sanitizer-coverage-$what")
done
# Without libtorch, which reads nothing.
fuzz() {
    CARGO_INCREMENTAL=0 RUSTFLAGS="${flags[*]}" cargo test --quiet -p lab --no-default-features \
        --test fuzz --target "$host" --target-dir target/fuzz/build "$@"
}
fuzz --no-run

# In memory where that is possible: libFuzzer ends a process without tidying up.
scratch=$(mktemp -d -p /dev/shm 2>/dev/null || mktemp -d)
trap 'rm -rf "$scratch"' EXIT
failed=0
for target in "${targets[@]}"; do
    found="$PWD/target/fuzz/$target" crashes="$inputs/$target/crashes"
    mkdir -p "$found" "$crashes"
    printf '\n==> %s\n' "$target"
    TMPDIR="$scratch" BOLERO_LIBFUZZER_ARGS="$found $inputs/$target/corpus -artifact_prefix=$crashes/ \
-max_total_time=$seconds -timeout=20 -rss_limit_mb=512" fuzz -- "$target" --exact --nocapture || failed=1
    rmdir --ignore-fail-on-non-empty "$crashes"
done
exit "$failed"
