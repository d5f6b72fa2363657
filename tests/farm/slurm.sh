#!/usr/bin/env bash
# Runs a sweep under a real Slurm of one node, puts jobs back into the queue while they
# run, and compares what comes of it with an undisturbed sweep.
#
#     tests/farm/slurm.sh target/release/experiments [requeues]
#
# Needs root on Debian: it installs slurm-wlm where it is missing, and starts munged,
# slurmctld and slurmd without systemd. Its files are below a temporary folder.
set -euo pipefail
program=$(realpath "${1:?usage: tests/farm/slurm.sh PROGRAM [requeues]}")
requeues=${2:-10}
if ! command -v slurmctld >/dev/null; then
    apt-get update -qq
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq slurm-wlm munge >/dev/null
fi

work=$(mktemp -d)
conf=$work/slurm.conf
host=$(hostname -s)
mkdir -p "$work"/{state,spool,run}
end() {
    for name in slurmd slurmctld; do
        [ -f "$work/run/$name.pid" ] && kill "$(cat "$work/run/$name.pid")" 2>/dev/null || true
    done
}
trap end EXIT
cat >"$conf" <<END
ClusterName=one
SlurmctldHost=$host
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
StateSaveLocation=$work/state
SlurmdSpoolDir=$work/spool
SlurmctldPidFile=$work/run/slurmctld.pid
SlurmdPidFile=$work/run/slurmd.pid
SlurmctldLogFile=$work/slurmctld.log
SlurmdLogFile=$work/slurmd.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SchedulerType=sched/builtin
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU
ReturnToService=2
NodeName=$host CPUs=$(nproc) State=UNKNOWN
PartitionName=all Nodes=$host Default=YES MaxTime=INFINITE State=UP
END
export SLURM_CONF=$conf
if ! munge -n </dev/null >/dev/null 2>&1; then
    mkdir -p /run/munge && chown munge: /run/munge
    runuser -u munge -- /usr/sbin/munged --force
fi
slurmctld -f "$conf"
slurmd -f "$conf"
for _ in $(seq 30); do sinfo -h -o %T 2>/dev/null | grep -q idle && break; sleep 1; done

cd "$work"
cat >grid.toml <<'END'
preset = "quickstart"
words = ["rl2.updates=2000", "rl2.lanes=64", "rl2.tile=8", "rl2.outer.minibatches=2", "rl2.trunk.hidden=16",
         "checkpoint.interval=50", "evaluation.tasks=500", "evaluation.interval=1000",
         "evaluation.interval_tasks=100", 'evaluation.learners=[{name="random"}]']
seeds = [101, 102]

[settings]
"rl2.learning_rate.from" = { from = 1e-3, to = 1e-1, points = 4, scale = "log" }
END
"$program" sweep plan grid.toml >/dev/null
"$program" sweep run grid.jsonl --runs peace >/dev/null 2>&1
"$program" sweep script grid.jsonl --engine slurm >grid.sh
job=$(sbatch --parsable grid.sh)
echo "job array $job of $("$program" sweep plan grid.toml --json | grep -o '"runs":[0-9]*')"
done=0
while [ "$done" -lt "$requeues" ]; do
    task=$(squeue -h -t RUNNING -o %i | shuf -n 1)
    if [ -n "$task" ] && scontrol requeue "$task" 2>/dev/null; then
        done=$((done + 1))
        # What is put back waits two minutes before it may begin, unless it is told not to.
        sleep 2
        scontrol update JobId="$task" StartTime=now 2>/dev/null || true
    elif [ -z "$(squeue -h -o %i)" ]; then
        break
    fi
    sleep 1
done
while [ -n "$(squeue -h -o %i)" ]; do
    for task in $(squeue -h -t PENDING -r -o %i); do
        scontrol update JobId="$task" StartTime=now 2>/dev/null || true
    done
    sleep 1
done
compared=0
differing=0
while read -r file; do
    compared=$((compared + 1))
    cmp -s "peace/$file" "grid/$file" || { differing=$((differing + 1)); echo "differs: $file"; }
done < <(cd peace && find . -name metrics.jsonl -o -name eval.jsonl -o -name comparison.json -o -name arrays.safetensors)
echo "$done requeues: $compared files, $differing differing or lost"
[ "$differing" -eq 0 ] && [ "$compared" -gt 0 ] && [ "$done" -ge "$requeues" ]
