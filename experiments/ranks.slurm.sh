#!/usr/bin/env bash
# One training on several machines, as long as it takes: a job that is about to be stopped
# saves itself, and goes back into the queue to go on with as many machines as it gets then.
# The results are those of one process.
#
#     cargo build --release -p experiments --no-default-features --features mpi
#     sbatch --nodes 4 experiments/ranks.slurm.sh rl2/bernoulli-bandit-50x500 rl2.lanes=4096
#
#SBATCH --job-name=metarl-ranks
#SBATCH --ntasks-per-node=1
#SBATCH --exclusive
#SBATCH --requeue
#SBATCH --open-mode=append
#SBATCH --signal=B:USR1@120
set -uo pipefail
program=${PROGRAM:-target/release/experiments}
run=runs/ranks-$SLURM_JOB_ID/seed-0

# Slurm asks this script, which asks mpirun, which passes USR1 on to all ranks: they save the
# run and end with 75. (TERM would have mpirun end them within a second.)
asked=
trap 'asked=1; kill -USR1 "$launched"' USR1

# Each rank has a machine, with a worker for each of its cores.
launch=(mpirun --map-by node --bind-to none "$program")
if [ -e "$run/config.toml" ]; then
    "${launch[@]}" resume "$run" &
else
    "${launch[@]}" train "$@" --runs runs --name "ranks-$SLURM_JOB_ID" --seed 0 &
fi
launched=$!
# The first wait ends when the signal comes, with a code above 128, the second when the run is
# saved, be it saved already.
wait "$launched"
code=$?
if [ "$code" -gt 128 ]; then
    wait "$launched"
    code=$?
fi
# It also ends with 75 where the disk is full: that would be so again at once, for ever.
if [ "$code" -eq 75 ] && [ -n "$asked" ]; then
    scontrol requeue "$SLURM_JOB_ID"
elif [ "$code" -eq 75 ]; then
    echo "not back into the queue: nobody asked it to stop; once what it says is mended: scontrol requeue $SLURM_JOB_ID" >&2
fi
exit "$code"
