"""Optuna chooses settings, and metarl says what each comes to on tuning tasks:

    pip install optuna
    python study.py target/release/experiments rates.toml 30

It may be stopped at any time and started again, or several times at once: the study and all
runs are on disk. With the Python package `study.optimize(metarl.objective("rates.toml"))` does
the same.
"""

import json
import shlex
import subprocess
import sys

import optuna

program, sweep, trials = sys.argv[1:]
# How the program ends where something is left to do, and what it says where another process is
# at the setting.
STOPPED, BUSY = 75, "it is done there"


def metarl(*words):
    """What the program says; None where another process is at the setting."""
    command = [program, "sweep", *words]
    ran = subprocess.run(command, capture_output=True, encoding="utf-8", errors="replace")
    print(ran.stderr, end="", file=sys.stderr, flush=True)
    if ran.returncode == STOPPED and BUSY in ran.stderr:
        return None
    if ran.returncode != 0:
        # A signal, a full disk: the next trial would end so too.
        sys.exit(
            f"the study ends: {shlex.join(command)} ended with {ran.returncode}; once its cause is "
            "mended, start the study again"
        )
    return json.loads(ran.stdout.splitlines()[-1])


def word(key, value):
    """As the command line takes it, where text needs no quotes: arrays and tables came as text."""
    return f"{key}={value if isinstance(value, str) else json.dumps(value)}"


space = {
    key: optuna.distributions.json_to_distribution(json.dumps(kind))
    for key, kind in metarl("space", sweep).items()
}
study = optuna.create_study(
    study_name=sweep,
    storage="sqlite:///study.db",
    load_if_exists=True,
    direction="maximize",
    pruner=optuna.pruners.MedianPruner(n_startup_trials=5),
)
for _ in range(int(trials)):
    trial, rung, rungs = study.ask(space), 0, 1
    chosen = [word(key, value) for key, value in trial.params.items()]
    state = optuna.trial.TrialState.COMPLETE
    while rung < rungs and state == optuna.trial.TrialState.COMPLETE:
        said = metarl("try", sweep, *chosen, "--rung", str(rung), "--json")
        if said is None:
            value, state = None, optuna.trial.TrialState.FAIL
            continue
        rung, rungs, value = rung + 1, said["rungs"], said["mean_return"]
        if value is None:
            state = optuna.trial.TrialState.FAIL
        elif rung < rungs:
            trial.report(value, said["updates"])
            if trial.should_prune():
                state = optuna.trial.TrialState.PRUNED
    study.tell(trial, value if state == optuna.trial.TrialState.COMPLETE else None, state)
    print(f"trial {trial.number}: {state.name.lower()}, {value}, {' '.join(chosen)}", flush=True)
best = [shlex.quote(word(key, value)) for key, value in study.best_params.items()]
print("confirm it: ", program, "sweep try", sweep, *best, "--confirm")
