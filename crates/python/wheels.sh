#!/bin/sh
# Builds the wheel of this machine's kind, and tries it in a fresh environment: one wheel
# serves every Python from 3.10 on. Needs Rust, and python3 with pip and venv.
#
#     crates/python/wheels.sh [FOLDER]     # target/wheels, unless given
set -eu
here=$(cd "$(dirname "$0")" && pwd)
top=$(cd "$here/../.." && pwd)
out=${1:-$top/target/wheels}
tools=$top/target/wheel-tools
version=1.16.0

if ! "$tools/bin/maturin" --version 2>/dev/null | grep -q "$version"; then
    python3 -m venv "$tools"
    "$tools/bin/pip" install --quiet --disable-pip-version-check "maturin==$version"
fi
mkdir -p "$out"
"$tools/bin/maturin" build --release --locked --strip --manifest-path "$here/Cargo.toml" --out "$out"

# What was built is installed into a fresh environment, and used there.
try=$(mktemp -d)
trap 'rm -rf "$try"' EXIT
python3 -m venv "$try/venv"
wheel=$(ls -t "$out"/metarl_rs-*.whl | head -n 1)
"$try/venv/bin/pip" install --quiet --disable-pip-version-check "$wheel"
(cd "$try" && "$try/venv/bin/python" - <<'PY')
import metarl

envs = metarl.make_vec("bernoulli-bandit", num_envs=4)
envs.reset(seed=0)
envs.step([0, 1, 2, 3])
assert metarl.oracle("bernoulli-bandit", arms=2, pulls=2)["bayes_optimal_exact"]
PY
echo "$wheel"
