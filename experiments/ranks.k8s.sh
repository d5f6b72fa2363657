#!/usr/bin/env bash
# The first process of a container of Kubernetes: one training by several ranks. A pod that
# is to go saves it, and whichever comes next goes on with it, with as many ranks as it has.
# The results are those of one process.
#
#     command: ["experiments/ranks.k8s.sh", "/data/runs", "rl2/bernoulli-bandit-50x500", "rl2.lanes=4096"]
#
# /data/runs is on a volume that outlives the pod. Give the pod terminationGracePeriodSeconds: 60
# and restartPolicy: OnFailure. RANKS says how many ranks there are; without it there is one for
# each core.
set -uo pipefail
program=${PROGRAM:-target/release/experiments}
runs=$1
shift
run=$runs/ranks/seed-0

# Kubernetes sends TERM to the first process, and TERM would have mpirun end all ranks within
# a second. USR1 it passes on to them: they save the run and end with 75.
trap 'kill -USR1 "$launched"' TERM

launch=(mpirun --bind-to none -n "${RANKS:-$(nproc)}" "$program")
if [ -e "$run/config.toml" ]; then
    "${launch[@]}" resume "$run" --workers 1 &
else
    "${launch[@]}" train "$@" --runs "$runs" --name ranks --seed 0 --workers 1 &
fi
launched=$!
# As in ranks.slurm.sh.
wait "$launched"
code=$?
if [ "$code" -gt 128 ]; then
    wait "$launched"
    code=$?
fi
exit "$code"
