"""What the package promises of trainings and their runs, and is quick to see;
`tests/package.rs` runs it. Every function whose name begins with `test_` is a test.
"""

import ast
import contextlib
import fcntl
import io
import json
import os
import re
import resource
import signal
import subprocess
import sys
import threading
import time
import warnings
from pathlib import Path
from types import SimpleNamespace

import gymnasium
import metarl
import numpy as np
from common import TINY, lived, main, raises, same, trained
from gymnasium.vector import AutoresetMode, SyncVectorEnv


def test_trainings_say_how_far_they_are_and_what_they_came_to():
    events = []
    runs = trained("several", seeds=[1, 2], callback=events.append)
    kinds = [event["event"] for event in events]
    assert kinds.count("update") == 12 and kinds.count("evaluation") == 6 and "begun" in kinds
    assert [run.path.name for run in runs] == ["seed-1", "seed-2"]
    metrics = runs[0].metrics()
    same(metrics["update"], np.arange(1, 7))
    assert metrics["env_steps"][-1] == 6 * 64 * 10 and np.isfinite(metrics["mean_return"]).all()
    last = [event for event in events if event["event"] == "update" and event["seed"] == 1][-1]
    assert last["mean_return"] == metrics["mean_return"][-1]
    same(runs[0].evaluations()["update"], np.array([0, 3, 6]))
    assert [one["name"] for one in runs[0].comparison()["learners"]] == ["rl2", "random"]
    assert "lanes = 64" in runs[0].config()
    opened = metarl.open_run("runs/several")
    assert [run.path for run in opened] == [run.path for run in runs]
    # As the stubs say.
    assert all(isinstance(path, Path) for path in metarl._native.runs("runs/several"))
    page = metarl.report(runs)._repr_html_()
    assert page.startswith("<iframe srcdoc=") and "&lt;html" in page and "</iframe>" in page
    raises(ValueError, lambda: trained("several", seed=1), "holds a run")
    trained("several", seed=1, overwrite=True)


def test_an_interrupted_training_goes_on_to_the_identical_result():
    whole = trained("whole", seed=4)

    def interrupt(event):
        if event["event"] == "update" and event["update"] == 2:
            signal.raise_signal(signal.SIGINT)

    stopped = raises(
        metarl.Interrupted,
        lambda: trained("stopped", seed=4, callback=interrupt),
        "metarl.resume(",
    )
    assert isinstance(stopped, KeyboardInterrupt)
    place = str(stopped).split("metarl.resume(")[1].split(")")[0]
    assert json.loads(place) == "runs/stopped/seed-4"
    assert metarl.open_run("runs/stopped/seed-4").comparison() is None
    run = metarl.resume(json.loads(place), workers=1)
    for file in ("metrics.jsonl", "eval.jsonl", "comparison.json"):
        assert (run.path / file).read_bytes() == (whole.path / file).read_bytes(), file

    # One that raises is saved as well, and one that answers False stops.
    def raise_it(event):
        if event["event"] == "update":
            raise KeyError("mine")

    raises(KeyError, lambda: trained("raised", seed=4, callback=raise_it), "mine")
    answer = lambda event: event["event"] != "update"
    # However the folder is called, the message is Python.
    odd = 'odd "\u200b'
    answered = lambda: trained("answered", callback=answer, runs=odd)
    said = raises(metarl.Interrupted, answered, "stopped after")
    place = str(said).split("metarl.resume(")[1].split(")")[0]
    assert ast.literal_eval(place) == f"{odd}/answered/seed-0"


def test_a_run_is_not_replaced_by_one_that_is_made_of_it():
    source = trained("source", seed=1)
    begun = trained("begun", start_from=source, overrides={"rl2.updates": 1})
    assert 'from = "runs/source/seed-1"' in begun.config()
    vote = {"evaluation.learners": [{"name": "majority", "runs": "runs/source"}]}
    for made_of in ({"start_from": source}, {"overrides": vote}):
        again = lambda: trained("source", seed=1, overwrite=True, **made_of)
        words = ["overwrite = True would replace runs/source", "is made of", "another `name`"]
        raises(ValueError, again, *words)
    assert source.agent().about["update"] == 6
    raises(ValueError, lambda: trained("other", start_from="runs/none"), "runs/none")
    assert not Path("runs/other").exists()


def test_a_damaged_checkpoint_is_not_passed_over_in_silence():
    enough = lambda event: event["event"] != "update" or event["update"] < 5
    settings = {"rl2.updates": 200, "checkpoint.interval": 2}
    stopped = lambda: trained("damaged", overrides=settings, seed=1, callback=enough)
    raises(metarl.Interrupted, stopped, "stopped after")
    newest = max(Path("runs/damaged/seed-1/checkpoints").glob("[0-9]*"))
    (newest / "arrays.safetensors").write_bytes(b"damaged")
    with warnings.catch_warnings(record=True) as heard:
        warnings.simplefilter("always")
        agent = metarl.load("runs/damaged/seed-1")
        metarl.open_run("runs/damaged/seed-1").agent()
    [remark] = agent.about["passed_over"]
    assert len(heard) == 2 and newest.name in remark, heard
    for warning in heard:
        assert warning.category is RuntimeWarning and warning.filename == __file__, warning
        assert remark in str(warning.message), warning.message
    assert agent.about["update"] < int(newest.name)
    found = agent.evaluate(20, workers=1)
    assert found["passed_over"] == [remark] and found["update"] == agent.about["update"]


def test_an_agent_that_adapts_does_not_act_as_if_it_had():
    settings = {
        "environment.pulls": 5,
        "maml.updates": 1,
        "maml.tasks": 2,
        "maml.trajectories": 3,
        "evaluation.tasks": 20,
        "evaluation.interval_tasks": 10,
        "evaluation.learners": [{"name": "random"}],
    }
    preset = "maml/bernoulli-bandit-5x100"
    agent = metarl.train(preset, settings, name="adapts", workers=2).agent()
    assert agent.about["adapts"] is True
    act = lambda: agent.act(np.zeros((2, 0), np.float32))
    raises(ValueError, act, "adapts to a task by gradient steps", "evaluate()")
    found = agent.evaluate(workers=2)
    assert found["trial_returns"] is None
    assert len(found["adaptation"]["mean_return"]) == 2
    assert found["adaptation"]["mean_return"][-1] == found["mean_return"]


@contextlib.contextmanager
def full_disk(kib):
    """No file is longer than so many KiB, and who writes more is told as of a full disk."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1024 * kib, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_a_full_disk_stops_a_training():
    """Before there is anything that could be resumed, and afterwards."""
    full = lambda: trained("full", seed=4)
    with full_disk(0):
        raises(OSError, full, "ulimit -f")
    with full_disk(2):
        raises(RuntimeError, full, 'metarl.resume("runs/full/seed-4")')
    assert metarl.resume("runs/full/seed-4", workers=1).comparison()


def test_a_report_is_interrupted():
    """It is drawn to its end nevertheless, behind what Python does next."""
    run, page = trained("drawn", seed=1), Path("drawn/report.html")
    threading.Timer(0.05, os.kill, (os.getpid(), signal.SIGINT)).start()
    try:
        metarl.report(run, out="drawn")
    except KeyboardInterrupt as stopped:
        assert not isinstance(stopped, metarl.Interrupted) and not page.exists()
    else:
        raise AssertionError("nobody was heard")
    for _ in range(600):
        if page.exists():
            break
        time.sleep(0.1)
    assert page.exists()


def test_a_search_chooses_among_arrays_and_tables():
    """They are told as text, and that is taken back."""
    above, _, _ = SWEEP.partition("halving")
    inputs = [["action", "reward"], ["action", "reward", "outcome"]]
    tables = "[{ gain = 0.01, std = 1.0 }, { gain = 0.5, std = 1.0 }]"
    words = '["linear", "cosine"]'
    settings = f"""[settings]
"rl2.inputs" = {json.dumps(inputs)}
"rl2.policy" = {tables}
"rl2.learning_rate.shape" = {words}
"""
    Path("lists.toml").write_text(above + settings)

    class Last(Trial):
        def suggest_categorical(self, key, choices):
            assert all(isinstance(choice, str) for choice in choices)
            self.asked[key] = choices
            return choices[-1]

    trial = Last()
    assert np.isfinite(metarl.objective("lists.toml", workers=1)(trial))
    assert json.loads(trial.asked["rl2.inputs"][-1]) == inputs[-1]
    config = metarl.open_run(trial.attrs["runs"])[0].config()
    assert all(word in config for word in ("gain = 0.5", '"outcome"', '"cosine"')), config


def test_a_process_that_is_killed_is_resumed():
    program = (
        "import metarl, sys, json\n"
        "def hear(event):\n"
        "    if event['event'] == 'update' and event['update'] == 4:\n"
        "        import os, signal; os.kill(os.getpid(), signal.SIGKILL)\n"
        f"metarl.train('quickstart', json.loads(sys.argv[1]), seed=4, name='killed', callback=hear)"
    )
    saving = {**TINY, "checkpoint.interval": 2}
    killed = subprocess.run([sys.executable, "-c", program, json.dumps(saving)], check=False)
    assert killed.returncode == -signal.SIGKILL
    run = metarl.resume("runs/killed/seed-4")
    whole = Path("runs/whole/seed-4/metrics.jsonl").read_bytes()
    assert (run.path / "metrics.jsonl").read_bytes() == whole


def test_the_readme_does_what_it_says():
    """Its Python in its order, with small trainings, and the files that it names."""
    crate = Path(__file__).parents[2]
    text = (crate / "README.md").read_text()
    book = (crate.parents[1] / "book/src/python.md").read_text()
    begins = re.search(r"```python\n(.*?)```", book, re.DOTALL).group(1)
    assert begins in text, begins  # the book begins as the page does
    files = re.findall(r"crates/python/([\w./-]+\w)", text)
    files += re.findall(r"tests/python/\w+\.py", text)
    assert len(files) >= 4 and all((crate / file).exists() for file in files), files
    Path("rates.toml").write_text(SWEEP)
    studied = []

    class Study:
        def optimize(self, objective, n_trials):
            studied.append(objective(Trial(rate=1e-3, scale=0.5)))

    pruners = SimpleNamespace(MedianPruner=lambda: None)
    optuna = SimpleNamespace(create_study=lambda **_: Study(), pruners=pruners)
    train, names = metarl.train, {"optuna": optuna}
    metarl.train = lambda preset, overrides=None, **more: train(
        preset, {**(overrides or {}), **TINY}, workers=2, **more
    )
    try:
        with contextlib.redirect_stdout(io.StringIO()):
            for block in re.findall(r"```python\n(.*?)```", text, re.DOTALL):
                exec(block, names)
    finally:
        metarl.train = train
    assert np.isfinite(studied).all() and len(studied) == 1
    assert metarl.open_run("runs/rl2-gridnavi")[2].path == names["several"][2].path
    assert names["run"].agent().about["environment"] == "my-env"


class Lamps(gymnasium.Env):
    """One of three lamps is lit in every task; name it."""

    def __init__(self, fault=None):
        self.observation_space = gymnasium.spaces.Discrete(2)
        self.action_space = gymnasium.spaces.Discrete(3)
        self.lit, self.fault = None, fault

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        if seed is not None:
            self.lit, self.steps = int(self.np_random.integers(3)), 0
        return 0, {}

    def step(self, action):
        self.steps += 1
        if self.fault and self.steps > 7:
            raise ZeroDivisionError("the lamp broke\x1b[2J")
        right = action == self.lit
        return int(right), float(right), bool(right and self.steps % 2 == 0), False, {}


def test_environments_of_python_are_trained_in():
    metarl.register("lamps", Lamps, horizon=4, episodes=3)
    settings = {"environment.name": "lamps"}
    run = trained("lamps", overrides=settings, seed=2)
    assert run.comparison()["exact"]["bayes_optimal"] == {
        "why": "an environment that is written in Python gives no exact values"
    }
    # The lit lamp is the reward's alone, so that random naming is right in a third.
    assert 2.0 < run.comparison()["learners"][1]["mean_return"] < 4.0
    metarl.train("quickstart", {**TINY, **settings}, seed=2, name="lamps-1", workers=1)
    metrics = [Path(f"runs/{name}/seed-2/metrics.jsonl") for name in ("lamps", "lamps-1")]
    assert metrics[0].read_bytes() == metrics[1].read_bytes()
    agent = run.agent()
    same(lived(agent, 64, 32, 2), agent.evaluate(64)["trial_returns"])
    # One lane for each that steps at a time, however many tasks there are.
    made = []
    metarl.register("counted", lambda: made.append(Lamps()) or made[-1], horizon=4, episodes=3)
    played = []
    for workers in (1, 2):
        made.clear()
        found = metarl.baseline("counted", "random", tasks=64 * 9 + 8, workers=workers)
        played.append(found["trial_returns"])
        assert 64 + 8 <= len(made) <= 64 * workers + 8, len(made)
    same(*played)
    metarl.register("broken", lambda: Lamps(fault=True), horizon=4, episodes=3)
    broken = lambda: trained("broken", overrides={"environment.name": "broken"})
    error = raises(RuntimeError, broken, "ZeroDivisionError", "the lamp broke", "trainings.py")
    # With its lines, and nothing that a terminal would obey.
    assert "\x1b" not in str(error) and "broke\\u{1b}[2J" in str(error), error
    assert "\n" in str(error), error
    raises(ValueError, lambda: metarl.register("lamps", Lamps, horizon=4), "episodes")
    raises(ValueError, lambda: metarl.register("chain", Lamps, horizon=4, episodes=1), "chain")
    blackjack = lambda: gymnasium.make("Blackjack-v1")
    raises(
        ValueError,
        lambda: metarl.register("blackjack", blackjack, horizon=9, episodes=1),
        "observes Tuple",
        "Flatten",
    )


def test_an_environment_of_python_that_does_not_come_back_is_named():
    """Though it keeps Python's lock, so that nothing of Python's can say so."""
    program = (
        "import metarl, trainings\n"
        "class Stuck(trainings.Lamps):\n"
        "    def step(self, action):\n"
        "        return super().step(action) if self.steps < 6 else sum(iter(range(1 << 60)))\n"
        "metarl.register('stuck', Stuck, horizon=4, episodes=3)\n"
        "settings = {**trainings.TINY, 'environment.name': 'stuck', 'rl2.tile': 8}\n"
        "metarl.train('quickstart', settings, name='stuck', workers=2)\n"
    )
    path = os.pathsep.join([str(Path(__file__).parent), *sys.path])
    begun = subprocess.Popen(
        [sys.executable, "-c", program],
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": path},
    )
    # It would be waited for without end if it were not named.
    deadline = threading.Timer(120.0, begun.kill)
    deadline.start()
    try:
        said = begun.stderr.readline()
    finally:
        deadline.cancel()
        begun.kill()
        said += begun.communicate()[1]
    word = r"metarl: environment 'stuck' has not answered for 10 s, in `step` of lanes \d+ to \d+\n"
    assert re.match(word, said), said


def test_what_makes_an_environment_of_python_is_called_as_its_signature_says():
    """With a number of lanes where it wants one; what it raises is not hidden."""
    times = {"horizon": 4, "episodes": 3}
    calls = []

    def lamp(fault=None):
        calls.append(fault)
        return Lamps(fault)

    def row(num_envs):
        calls.append(num_envs)
        return SyncVectorEnv([Lamps] * num_envs, autoreset_mode=AutoresetMode.DISABLED)

    for make, wanted in ((lamp, [None] * 3), (row, [3]), (lambda *, num_envs=1: row(num_envs), [3])):
        metarl.register("made", make, **times)
        calls.clear()
        envs = metarl.make_vec("made", 3)
        assert calls == wanted, calls
        assert envs.reset(seed=0)[0].shape == (3,)

    def faulty(num_envs):
        return row("three" + num_envs)

    raises(TypeError, lambda: metarl.register("made", faulty, **times), "str")
    raises(ValueError, lambda: metarl.register("made", lambda: row(1), **times), "num_envs")
    raises(ValueError, lambda: metarl.register("made", lambda num_envs: Lamps(), **times), "num_envs")
    raises(ValueError, lambda: metarl.register("made", lambda: 3, **times), "int")
    raises(ValueError, lambda: metarl.register("made", lambda num_envs: row(2), **times), "2 lanes")

    class Once(Lamps):
        made = 0

        def __init__(self):
            super().__init__()
            Once.made += 1
            if Once.made > 1:
                raise OSError("no second lamp")

    metarl.register("once", Once, **times)
    raises(RuntimeError, lambda: metarl.make_vec("once", 2), "no second lamp", "trainings.py")


SWEEP = """
preset = "quickstart"
words = ["rl2.updates=4", "rl2.lanes=16", "rl2.tile=8", "rl2.trunk.hidden=4",
         "rl2.outer.minibatches=2", "evaluation.tasks=50", "evaluation.interval=2",
         "evaluation.interval_tasks=20", 'evaluation.learners=[{name="random"}]']
seeds = [101, 102]
halving = { rungs = [1, 2], factor = 2, tasks = 50 }
[settings]
"rl2.learning_rate.from" = { from = 1e-4, to = 1e30, scale = "log" }
"rl2.reward_scale" = [1.0, 0.5]
"""


class Trial:
    """What a search gives an objective, as far as it is used; no search is installed here."""

    def __init__(self, pruned=None, **chosen):
        self.chosen, self.pruned = chosen, pruned
        self.asked, self.reports, self.attrs = {}, [], {}

    def suggest_float(self, key, low, high, *, log=False):
        self.asked[key] = (low, high, log)
        return self.chosen["rate"]

    def suggest_categorical(self, key, choices):
        self.asked[key] = choices
        return self.chosen["scale"]

    def report(self, value, step):
        self.reports.append((value, step))

    def should_prune(self):
        return len(self.reports) == self.pruned

    def set_user_attr(self, key, value):
        self.attrs[key] = value


def test_a_search_chooses_settings():
    Path("rates.toml").write_text(SWEEP)
    objective = metarl.objective("rates.toml", workers=1)
    trial = Trial(rate=1e-3, scale=0.5)
    value = objective(trial)
    assert trial.asked == {
        "rl2.learning_rate.from": (1e-4, 1e30, True),
        "rl2.reward_scale": [1.0, 0.5],
    }
    assert [step for _, step in trial.reports] == [1, 2] and np.isfinite(value)
    runs = metarl.open_run(trial.attrs["runs"])
    assert [run.path.name for run in runs] == ["seed-101", "seed-102"]
    # Chosen by other tasks than those that it is reported on.
    reported = [run.comparison()["learners"][0]["mean_return"] for run in runs]
    assert value != np.mean(reported) and "rates/try-" in trial.attrs["runs"]
    # Asked again it is not trained again.
    events = []
    again = Trial(rate=1e-3, scale=0.5)
    assert metarl.objective("rates.toml", workers=2, callback=events.append)(again) == value
    assert again.reports == trial.reports
    assert not [event for event in events if event["event"] == "update"]
    # What a pruner ended goes on from where it was.
    pruned = Trial(rate=2e-3, scale=1.0, pruned=1)

    class TrialPruned(Exception):
        pass

    sys.modules["optuna"] = type("optuna", (), {"TrialPruned": TrialPruned})
    try:
        raises(TrialPruned, lambda: objective(pruned))
    finally:
        del sys.modules["optuna"]
    assert len(pruned.reports) == 1
    [run, _] = metarl.open_run(pruned.attrs["runs"])
    assert len(run.metrics()["update"]) == 1 and run.comparison() is None
    # While somebody else has it, that is no interrupt.
    with open(run.path / "lock") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        busy = lambda: objective(Trial(rate=2e-3, scale=1.0))
        raises(RuntimeError, busy, "is being written by", "it is done there")
    # Nor while somebody else has trained it, and is just scoring it.
    Path(f"{runs[0].path}.rung-2.json").unlink()
    with open(runs[0].path / "lock") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        busy = lambda: objective(Trial(rate=1e-3, scale=0.5))
        raises(RuntimeError, busy, "is being written by", "it is done there")
    assert busy() == value
    # To resume one of its runs would take it beyond its rung.
    full = lambda: objective(Trial(rate=3e-3, scale=1.0))
    with full_disk(2):
        said = raises(RuntimeError, full, "go on with: the same setting")
    assert "resume" not in str(said) and np.isfinite(full())
    events.clear()
    metarl.objective("rates.toml", callback=events.append)(Trial(rate=2e-3, scale=1.0))
    updates = [event["update"] for event in events if event["event"] == "update"]
    assert sorted(updates) == [2, 2, 3, 3, 4, 4], updates
    diverged = Trial(rate=1e30, scale=1.0)
    assert np.isnan(objective(diverged)) and diverged.attrs["failure"]
    raises(ValueError, lambda: objective(Trial(rate=1.0, scale=0.7)), "rl2.reward_scale=0.7")
    raises(ValueError, lambda: metarl.objective("none.toml"), "none.toml")
    # Without an ending the runs lie where `sweep try` has them.
    spec = Path("rates.toml").read_text()
    Path("bare").write_text(spec)
    bare = Trial(rate=1e30, scale=1.0)
    assert np.isnan(metarl.objective("bare")(bare))
    assert "bare-runs/try-" in bare.attrs["runs"]
    # A rung beyond the training is refused before anything of it is there.
    assert "rungs = [1, 2]" in spec
    Path("beyond.toml").write_text(spec.replace("rungs = [1, 2]", "rungs = [1, 4]"))
    beyond = metarl.objective("beyond.toml")
    words = ["halving.rungs: 4", "less than the 4 updates"]
    raises(ValueError, lambda: beyond(Trial(rate=1e-3, scale=1.0)), *words)
    assert not Path("beyond").exists()


if __name__ == "__main__":
    main(globals())
