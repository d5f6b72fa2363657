#!/usr/bin/env bash
# Looks for what tests alone do not show: kernels that read or write where they must not,
# and instruction sets that compute other bits.
#
#   miri   plain Rust under Miri, which knows every byte that may be read or written
#   asan   every instruction set of this processor under AddressSanitizer
#   neon   the instructions of ARM, on such a machine or else under qemu: elementary functions
#          within their bounds, and to the bit what AVX-512 computed (tests called `pinned`)
#
# Usage: tests/sanitize.sh [miri] [asan] [neon]      all three where none is named
#
# Needs, where it is not there: rustup toolchain install nightly --component miri,rust-src;
# rustup target add aarch64-unknown-linux-gnu, qemu-user-static and gcc-aarch64-linux-gnu
# (Debian). What is missing is said, and the exit code is 1.
set -euo pipefail
cd "$(dirname "$0")/.."

failed=0

# What is wrong with one part.
wrong() {
    printf '%s: %s\n' "$1" "$2" >&2
    failed=1
}

# Runs the tests of one part, and says how long that took.
run() {
    local part="$1" start=$SECONDS
    shift
    if "$@"; then
        printf '%s: passed, %d s\n' "$part" "$((SECONDS - start))"
    else
        wrong "$part" "failed: $*"
    fi
}

miri() {
    if ! cargo +nightly miri --version >/dev/null 2>&1; then
        wrong miri 'there is no nightly Miri'
        return
    fi
    # Every kernel once, on its smaller cases: Miri is a thousand times slower.
    run miri env MIRIFLAGS=-Zmiri-strict-provenance \
        cargo +nightly miri test -p kernels --test recurrent --test mlp --test lanes -- \
        pinned vector_widths
}

asan() {
    local host
    host=$(rustc -vV | sed -n 's/^host: //p')
    if ! cargo +nightly --version >/dev/null 2>&1; then
        wrong asan 'there is no nightly Rust'
        return
    fi
    run asan env RUSTFLAGS=-Zsanitizer=address CARGO_TARGET_DIR=target/asan \
        cargo +nightly test -p kernels --target "$host" --tests
}

neon() {
    local target=aarch64-unknown-linux-gnu emulator=()
    if [ "$(uname -m)" != aarch64 ]; then
        local missing=() tool
        for tool in qemu-aarch64-static aarch64-linux-gnu-gcc; do
            command -v "$tool" >/dev/null || missing+=("$tool")
        done
        [ -d "$(rustc --print target-libdir --target "$target")" ] || missing+=("rustup target $target")
        if [ ${#missing[@]} -gt 0 ]; then
            wrong neon "there is no $(printf '%s, no ' "${missing[@]}" | sed 's/, no $//')"
            return
        fi
        emulator=(env CARGO_TARGET_AARCH64_UNKNOWN_LINUX_GNU_LINKER=aarch64-linux-gnu-gcc
            'CARGO_TARGET_AARCH64_UNKNOWN_LINUX_GNU_RUNNER=qemu-aarch64-static -L /usr/aarch64-linux-gnu')
    fi
    run neon "${emulator[@]}" cargo test --target "$target" -p kernels --tests -- \
        pinned math:: instruction_sets vector_widths
    run 'draws on ARM' "${emulator[@]}" cargo test --target "$target" -p rl-core --test draws
}

parts=("$@")
[ ${#parts[@]} -gt 0 ] || parts=(miri asan neon)
for part in "${parts[@]}"; do
    case "$part" in
        miri | asan | neon) "$part" ;;
        *) wrong "$part" 'allowed: miri, asan, neon' ;;
    esac
done
exit "$failed"
