"""What the package promises and is quick to see; `tests/package.rs` runs it.

Every function whose name begins with `test_` is a test.
"""

import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
import warnings
from pathlib import Path

import metarl
import numpy as np

# Before anything of the package was asked for.
LOADED = {name for name in sys.modules if name.split(".")[0] in ("gymnasium", "stable_baselines3")}

import gymnasium
from gymnasium.utils.env_checker import check_env
from gymnasium.vector import AutoresetMode, SyncVectorEnv

ENVS = metarl.list_envs()
TINY = {
    "rl2.updates": 6,
    "rl2.lanes": 64,
    "rl2.tile": 32,
    "rl2.trunk.hidden": 8,
    "rl2.outer.minibatches": 2,
    "evaluation.tasks": 150,
    "evaluation.interval": 3,
    "evaluation.interval_tasks": 70,
    "evaluation.learners": [{"name": "random"}],
    "checkpoint.interval": 100,
}


def raises(kind, call, *words):
    try:
        call()
    except kind as error:
        missing = [word for word in words if word not in str(error)]
        assert not missing, f"{missing} not in: {error}"
        return error
    raise AssertionError(f"no {kind.__name__}")


def same(one, other):
    """Equal to the bit, and of one type."""
    one, other = np.asarray(one), np.asarray(other)
    assert one.dtype == other.dtype and one.shape == other.shape, (one.dtype, other.dtype)
    assert one.tobytes() == other.tobytes(), (one, other)


def sampled(space, generator, lanes=None):
    """Random actions of one environment or of many lanes."""
    shape = () if lanes is None else (lanes,)
    if isinstance(space, gymnasium.spaces.Discrete):
        return generator.integers(space.n, size=shape)
    size = (*shape, *space.shape)
    return generator.uniform(space.low, space.high, size=size).astype(np.float32)


def test_importing_loads_no_more_than_it_needs():
    assert not LOADED, LOADED
    assert metarl.__version__ == "0.1.0"
    raises(AttributeError, lambda: metarl.make_vev, "make_vev")
    assert set(metarl.__all__) <= set(dir(metarl))


def test_every_environment_passes_gymnasiums_check():
    assert len(ENVS) >= 20, len(ENVS)
    for name in ENVS:
        for form in ({}, {"view": "rl2", "trial": "episode"}):
            with warnings.catch_warnings():
                # Bounds that are infinite, and no render mode to try.
                warnings.simplefilter("ignore")
                check_env(metarl.make(name, **form))


def test_gymnasium_makes_them_by_name():
    env = gymnasium.make("metarl.envs:metarl/bernoulli-bandit-v0", arms=3)
    assert env.action_space.n == 3 and isinstance(env.unwrapped, metarl.Env)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        check_env(env.unwrapped)
    name = "metarl.envs:metarl/bernoulli-bandit-v0"
    envs = gymnasium.make_vec(name, num_envs=3, vectorization_mode="vector_entry_point", arms=4)
    assert isinstance(envs.unwrapped, metarl.VectorEnv) and envs.single_action_space.n == 4


def test_lanes_are_single_environments_side_by_side():
    """10,240 steps of one of each family, of every environment a fifth of that."""
    much = {"bernoulli-bandit", "chain", "gridnavi", "t-maze"}
    assert much <= set(ENVS), set(ENVS)
    forms = [{}, {"view": "rl2"}, {"view": "rl2", "trial": "episode"}, {"trial": "episode"}]
    for number, name in enumerate(ENVS):
        form, lanes = forms[number % len(forms)], 32 if name in much else 6
        envs = metarl.make_vec(name, lanes, **form)
        views = metarl.make_vec(name, lanes, copy=False, **form)
        single = [lambda: metarl.make(name, **form)] * lanes
        singles = SyncVectorEnv(single, autoreset_mode=AutoresetMode.SAME_STEP)
        assert envs.metadata["autoreset_mode"] is AutoresetMode.SAME_STEP
        assert envs.single_observation_space == singles.single_observation_space
        assert envs.observation_space == singles.observation_space
        assert envs.action_space == singles.action_space
        generator = np.random.default_rng(number)
        observation, _ = envs.reset(seed=7)
        others = [env.reset(seed=7, options={"lane": i})[0] for i, env in enumerate(singles.envs)]
        same(observation, np.stack(others))
        same(views.reset(seed=7)[0], observation)
        assert envs.observation_space.contains(observation), name
        ends = 0
        for _ in range(320):
            actions = sampled(envs.single_action_space, generator, lanes)
            observation, reward, terminated, truncated, info = envs.step(actions)
            step = singles.step(actions)
            same(observation, step[0].astype(observation.dtype))
            same(reward, step[1].astype(np.float32))
            same(terminated, step[2])
            same(truncated, step[3])
            assert envs.observation_space.contains(observation), name
            assert set(info) == set(step[4]), (name, info, step[4])
            for seen, kept in zip((observation, reward, terminated, truncated), views.step(actions)):
                same(seen, kept)
            if not info:
                continue
            ended = terminated | truncated
            ends += ended.sum()
            same(info["_final_obs"], ended)
            for lane in np.flatnonzero(ended):
                last = step[4]["final_obs"][lane]
                same(info["final_obs"][lane], np.asarray(last).astype(observation.dtype))
            same(info["final_info"]["trial_end"][ended], info["trial_start"][ended])
            same(info["trial_start"], step[4]["trial_start"])
            same(info["final_info"]["trial_end"], step[4]["final_info"]["trial_end"])
            same(info["final_info"]["_trial_end"], step[4]["final_info"]["_trial_end"])
            if form.get("trial") == "episode":
                assert not truncated.any() and info["trial_start"][ended].all()
        steps = envs.spec_metarl["horizon"]
        assert ends or steps > 320 or form.get("trial") == "episode", name


def test_arrays_are_new_unless_views_are_asked_for():
    for copy in (True, False):
        envs = metarl.make_vec("gridnavi", 3, copy=copy)
        first, _ = envs.reset(seed=0)
        kept = first.copy()
        second, reward, *_ = envs.step(np.array([1, 2, 3]))
        again = envs.step(np.array([1, 2, 3]))
        assert (second is again[0]) != copy and (reward is again[1]) != copy
        assert (first == kept).all() == copy or not copy


def test_stable_baselines_is_given_no_arrays_that_change_and_no_attribute_that_is_not_there():
    class VecEnv:
        """As much of it as is asked for; none is installed here."""

        def __init__(self, num_envs, observation_space, action_space):
            self.num_envs = num_envs
            self.modes = self.get_attr("render_mode")

        def _get_indices(self, indices):
            return range(self.num_envs) if indices is None else indices

    names = ["stable_baselines3", "stable_baselines3.common", "stable_baselines3.common.vec_env"]
    for name in names:
        sys.modules[name] = type(sys)(name)
    sys.modules[names[-1]].VecEnv = VecEnv
    try:
        made = metarl.to_sb3(metarl.make_vec("gridnavi", 3))
        assert made.modes == [None] * 3
        assert made.get_attr("num_envs", [0]) == [3]
        raises(AttributeError, lambda: made.get_attr("action_masks"), "action_masks")
        views = metarl.make_vec("gridnavi", 3, copy=False)
        raises(ValueError, lambda: metarl.to_sb3(views), "copy=False", "allowed: copy=True")
    finally:
        for name in [*names, "metarl.sb3"]:
            sys.modules.pop(name, None)


def test_a_recurrent_agent_is_told_what_it_did_and_what_that_gave():
    settings = {"arms": 3, "pulls": 4}
    plain = metarl.make_vec("bernoulli-bandit", 2, **settings)
    told = metarl.make_vec("bernoulli-bandit", 2, view="rl2", trial="episode", **settings)
    plain.reset(seed=3)
    row, info = told.reset(seed=3)
    same(row, np.array([[0, 0, 0, 0, 1]] * 2, np.float32))
    assert info["trial_start"].all()
    generator = np.random.default_rng(0)
    for step in range(12):
        actions = generator.integers(3, size=2)
        _, reward, _, truncated, _ = plain.step(actions)
        row, again, terminated, never, info = told.step(actions)
        same(reward, again)
        same(terminated, truncated)
        assert not never.any()
        wanted = np.zeros((2, 5), np.float32)
        wanted[[0, 1], actions] = 1.0
        wanted[:, 3] = reward
        last = (step + 1) % 4 == 0
        if last:
            same(info["final_obs"], wanted)
            wanted[:] = [0, 0, 0, 0, 1]
        same(row, wanted)
    # Within a trial of several episodes what was done last is told, and that one begins.
    inner = metarl.make_vec("gridnavi", 1, view="rl2", trial="episode")
    horizon, cells = inner.spec_metarl["horizon"], inner.spec_metarl["observation"]["discrete"]
    inner.reset(seed=0)
    for step in range(2 * horizon):
        row, reward, terminated, _, info = inner.step(np.array([2]))
        assert not terminated and not info
        assert row[0, cells["size"] + 2] == 1.0 and row[0, -2] == reward[0]
        assert row[0, -1] == float((step + 1) % horizon == 0)


def test_the_last_observation_is_the_one_before_the_reset():
    envs = metarl.make_vec("gridnavi", 8)
    horizon, stay = envs.spec_metarl["horizon"], 0
    first, _ = envs.reset(seed=0)
    generator = np.random.default_rng(0)
    for _ in range(horizon - 1):
        before, *_, info = envs.step(generator.integers(1, 5, size=8))
        assert not info
    after, _, terminated, truncated, info = envs.step(np.full(8, stay))
    assert truncated.all() and not terminated.any() and info["_final_obs"].all()
    same(info["final_obs"], before)
    same(after, first)
    assert (before != first).any()


def test_tasks_go_by_seed_domain_and_lane():
    def tasks(lanes=4, seed=1, first=0, **form):
        envs = metarl.make_vec("bernoulli-bandit", lanes, **form)
        envs.reset(seed=seed, options={"first_lane": first})
        again = envs.tasks()
        envs.reset()
        assert (envs.tasks() != again).all()
        assert np.isfinite(envs.known_task_optimum()).all()
        return again

    usual = tasks()
    same(usual, tasks())
    same(usual[:2], tasks(lanes=2))
    same(usual[2:], tasks(lanes=2, first=2))
    for other in (tasks(seed=2), tasks(domain="held-out"), tasks(domain="tuning")):
        assert (other != usual).all()
    single = metarl.make("bernoulli-bandit")
    single.reset(seed=1, options={"lane": 3})
    same(single.task(), usual[3])
    # Without a seed they are the system's, other ones every time.
    unseeded = [metarl.make("bernoulli-bandit") for _ in range(2)]
    assert (unseeded[0].reset()[1] is not None) and unseeded[1].reset()
    assert (unseeded[0].task() != unseeded[1].task()).any()


def test_a_single_environment_goes_on_with_its_trial():
    env = metarl.make("gridnavi")
    horizon, episodes = env.spec_metarl["horizon"], env.spec_metarl["trial"]["episodes"]
    assert env.reset(seed=0)[1] == {"trial_start": True}
    task, starts = env.task(), []
    for episode in range(episodes):
        for step in range(horizon):
            _, _, terminated, truncated, info = env.step(4)
            assert truncated == (step + 1 == horizon) and not terminated
        assert info == {"trial_end": episode + 1 == episodes}
        raises(RuntimeError, lambda: env.step(4), "reset")
        starts.append(env.reset()[1]["trial_start"])
    assert starts == [False] * (episodes - 1) + [True]
    env.step(4)
    # Half-way it is a new trial.
    assert env.reset()[1] == {"trial_start": True}
    env.reset(seed=0)
    same(env.task(), task)


def test_what_is_not_allowed_is_said():
    def make(*args, **kwargs):
        return lambda: metarl.make_vec(*args, **kwargs)

    raises(ValueError, make("bernoulli-bandid"), "'bernoulli-bandit'")
    raises(ValueError, make("bernoulli-bandit", armz=3), "environment.armz", "'arms'")
    raises(ValueError, make("bernoulli-bandit", arms=0), "environment.arms = 0", "allowed")
    raises(TypeError, make("bernoulli-bandit", arms=object()), "arms", "object")
    raises(ValueError, make("bernoulli-bandit", 0), "num_envs", "at least 1")
    raises(ValueError, make("bernoulli-bandit", 10**14), "memory", "num_envs")
    raises(ValueError, make("bernoulli-bandit", view="rl3"), "view", '"rl2"')
    raises(ValueError, make("bernoulli-bandit", trial="whole"), "trial", "'episode'")
    envs = metarl.make_vec("bernoulli-bandit", 3, arms=5)
    raises(ValueError, lambda: envs.step(np.zeros(3, int)), "reset")
    raises(ValueError, lambda: envs.reset(seed=[1, 2, 3]), "seed", "whole number")
    raises(ValueError, lambda: envs.reset(seed=-1))
    beyond = lambda: envs.reset(options={"first_lane": 2**64 - 2})
    raises(ValueError, beyond, "first_lane", str(2**64 - 4))
    raises(ValueError, lambda: metarl.make_vec("chain", domain="test").reset(), '"held-out"')
    envs.reset(seed=0)
    raises(ValueError, lambda: envs.step(np.array([0, 5, 0])), "action 5", "lane 1", "0 to 4")
    raises(ValueError, lambda: envs.step(np.array([0, -1, 0])), "action -1")
    raises(ValueError, lambda: envs.step(np.array([0, 1])), "3 lanes")
    raises(ValueError, lambda: envs.step(np.array([0.0, 1.0, 2.0])), "actions")
    envs.step([0, 1, 2])
    envs.step(np.array([0, 1, 2], np.int32))
    points = metarl.make_vec("point-navigation", 2)
    points.reset(seed=0)
    raises(ValueError, lambda: points.step(np.full((2, 2), np.nan, np.float32)), "finite")
    raises(ValueError, lambda: points.step(np.zeros((2, 3), np.float32)), "[2, 2]")
    points.step(np.zeros((2, 2)))
    raises(ValueError, lambda: metarl.load("nowhere"), "nowhere")
    raises(ValueError, lambda: metarl.oracle("gridnavy"), "'gridnavi'")
    raises(ValueError, lambda: metarl.baseline("chain", "ucb"), "ucb")
    raises(ValueError, lambda: metarl.baseline("bernoulli-bandit", "ucb1", {"k": 1}), "ucb1.k")
    raises(ValueError, lambda: metarl.train("quickstrat"), "quickstart")
    raises(ValueError, lambda: metarl.train("quickstart", {"rl2.lane": 1}), "rl2", "lane")
    raises(ValueError, lambda: metarl.train("quickstart", seed=1, seeds=2), "both")
    for seed in (2**63, -1, 0.5, True):
        for which in ({"seed": seed}, {"seeds": [1, seed]}):
            train = lambda: metarl.train("quickstart", TINY, **which)
            raises(ValueError, train, f"seed = {seed}", str(2**63 - 1))
    for workers in (0, -1, 1.5, True):
        for work in (
            lambda: metarl.train("quickstart", TINY, workers=workers),
            lambda: metarl.resume("nowhere", workers=workers),
            lambda: metarl.baseline("chain", "random", workers=workers),
        ):
            raises(ValueError, work, f"workers = {workers}", "at least 1")
    assert not Path("runs").exists(), "what cannot be trained makes no folder"


def test_exact_values_and_classical_learners():
    exact = metarl.oracle("bernoulli-bandit", arms=5, pulls=10)
    # Computed elsewhere: `experiments oracle` and the README.
    assert abs(exact["bayes_optimal"] - 6.66) < 5e-3 and exact["bayes_optimal_exact"]
    assert exact["random"] == 5.0
    assert abs(exact["known_task_optimum"] - 10 * 5 / 6) < 1e-9
    assert abs(exact["bayes_optimal_rewards"].sum() - exact["bayes_optimal"]) < 1e-9
    unknown = metarl.oracle("gaussian-bandit")
    assert unknown["bayes_optimal"] is None and unknown["why"]["bayes_optimal"]
    played = {}
    for name in ("random", "ucb1", "bayes-optimal"):
        params = {"c": 0.2} if name == "ucb1" else None
        played[name] = metarl.baseline(
            "bernoulli-bandit", name, params, tasks=2000, seed=3, workers=2, arms=5, pulls=10
        )
        one = played[name]
        assert one["trial_returns"].shape == (2000,) and one["cumulative_reward"].shape == (10,)
        assert abs(one["trial_returns"].mean() - one["mean_return"]) < 1e-9
    error = abs(played["bayes-optimal"]["mean_return"] - exact["bayes_optimal"])
    assert error < 5 * played["bayes-optimal"]["standard_error"]
    assert played["random"]["mean_return"] < 5.3 < 6.3 < played["ucb1"]["mean_return"]
    again = metarl.baseline(
        "bernoulli-bandit", "random", tasks=2000, seed=3, workers=1, arms=5, pulls=10
    )
    same(again["trial_returns"], played["random"]["trial_returns"])
    for name in ENVS:
        one = metarl.baseline(name, "random", tasks=2, workers=1, exact=False)
        assert one["trial_returns"].shape == (2,) and one["gap_closed"] is None
    assert {"ucb1", "bayes-optimal", "posterior-sampling"} <= set(metarl.list_learners())
    assert ENVS["bernoulli-bandit"]["settings"]["arms"]["default"] == 5


def test_an_evaluation_is_interrupted():
    """Nothing is to be saved of it, and Python goes on."""
    timer = threading.Timer(0.3, os.kill, (os.getpid(), signal.SIGINT))
    timer.start()
    try:
        metarl.baseline("maze", "random", tasks=50_000_000, workers=1, exact=False)
    except KeyboardInterrupt as stopped:
        assert not isinstance(stopped, metarl.Interrupted)
    else:
        raise AssertionError("nobody was heard")
    assert metarl.baseline("maze", "random", tasks=10, exact=False)["tasks"] == 10


def lived(agent, tasks, lanes, seed, refused=None):
    """Returns of the agent's trials, lived by Python; before each act `refused` may try some."""
    returns = []
    for first in range(0, tasks, lanes):
        envs = agent.make_vec(lanes)
        observation, _ = envs.reset(seed=seed, options={"first_lane": first})
        state = agent.start(lanes, first_lane=first)
        action, state = agent.act(observation, state=state)
        total, alive = np.zeros(lanes), np.ones(lanes, bool)
        while alive.any():
            step = envs.step(action)
            total[alive] += step[1][alive].astype(np.float64)
            alive &= ~step[4].get("trial_start", np.zeros(lanes, bool))
            if refused:
                refused(step, state)
            action, state = agent.act(*step, state=state)
        returns.append(total)
    return np.concatenate(returns)


def trained(name, preset="quickstart", overrides=None, **kwargs):
    return metarl.train(preset, {**TINY, **(overrides or {})}, name=name, workers=2, **kwargs)


def test_an_agent_acts_as_it_does_where_it_is_evaluated():
    told = {
        "environment.name": "gridnavi",
        "environment.size": 3,
        "rl2.inputs": ["observation", "action", "reward", "outcome", "time-left", "statistics"],
    }
    for name, overrides in (("plain", {}), ("told", told)):
        overrides = {**overrides, "rl2.updates": 2}
        run = trained(f"acts-{name}", overrides=overrides, seed=5)
        agent = run.agent()
        assert agent.about["seed"] == 5 and agent.about["update"] == 2
        found = agent.evaluate(150, workers=2)
        same(lived(agent, 150, 30, 5), found["trial_returns"])
        # Whatever lanes are grouped with.
        same(lived(agent, 150, 75, 5), found["trial_returns"])
        mine = run.comparison()["learners"][0]
        assert mine["mean_return"] == found["mean_return"]
        assert (lived(agent, 150, 75, 6) != found["trial_returns"]).any()
    same(lived(agent, 150, 75, 5, refused=tried_in_vain), found["trial_returns"])
    raises(ValueError, lambda: agent.start(2, first_lane=2**64 - 1), "first_lane", str(2**64 - 3))
    raises(ValueError, lambda: agent.start(10**14), "memory", "num_envs")
    raises(ValueError, lambda: agent.evaluate(workers=0), "workers = 0", "at least 1")
    state = agent.start(2)
    raises(ValueError, lambda: agent.act(np.zeros(3, int), state=state), "2 lanes")
    raises(ValueError, lambda: agent.act(np.array([0, 99]), state=state), "99", "lane 1")
    none = np.zeros(2, bool)
    ended = lambda: agent.act(np.zeros(2, int), np.zeros(2), ~none, none, state=state)
    raises(ValueError, ended, "trial_start")


def tried_in_vain(step, state):
    """Calls that are refused, each at another argument, and so leave the memory as it is."""
    observation, reward, terminated, truncated, info = step
    other, few = (observation + 1) % 9, reward[1:]
    good = {
        "reward": reward + 1,
        "terminated": ~terminated,
        "truncated": truncated,
        "trial_start": np.ones(len(reward), bool),
        "final_obs": other,
    }
    act, fine = state._native.act, np.ones(len(reward), int)
    for key in good:
        raises(ValueError, lambda: act(other, {**good, key: few}, fine), key)
    raises(ValueError, lambda: act(other[1:], good, fine), "observation")
    raises(ValueError, lambda: act(other, good, fine + 99), "action 100")


def test_threads_act_by_one_memory_in_turns():
    run = trained("threads", overrides={"rl2.updates": 1}, seed=1)
    # In a process of its own: threads that wait for each other stop all of Python.
    program = (
        "import metarl, numpy, sys, threading\n"
        "agent = metarl.load(sys.argv[1])\n"
        "zeros, found = numpy.zeros(512, int), []\n"
        "def act(state, times):\n"
        "    for _ in range(times):\n"
        "        found.append(agent.act(zeros, state=state)[0].tobytes())\n"
        "act(agent.start(512), 200)\n"
        "alone, found = found, []\n"
        "shared = agent.start(512)\n"
        "threads = [threading.Thread(target=act, args=(shared, 50)) for _ in range(4)]\n"
        "[thread.start() for thread in threads]\n"
        "[thread.join() for thread in threads]\n"
        "assert len(set(alone)) == 200 and sorted(found) == sorted(alone)\n"
    )
    subprocess.run([sys.executable, "-c", program, run.path], check=True, timeout=60)


def test_memory_lives_one_trial():
    run = trained("greedy", overrides={"evaluation.actions": "greedy", "rl2.updates": 1}, seed=1)
    agent, lanes = run.agent(), 64
    envs = agent.make_vec(lanes)
    starts = {"told": [], "untold": []}
    for kind, found in starts.items():
        observation, _ = envs.reset(seed=0)
        action, state = agent.act(observation)
        assert (action == action[0]).all(), "all begin alike"
        for step in range(1, 31):
            given = envs.step(action)
            none = np.zeros(lanes, bool) if kind == "untold" else None
            action, state = agent.act(*given, state=state, trial_start=none)
            if step % 10 == 0:
                assert given[4]["trial_start"].all()
                found.append((action == action[0]).all())
    assert all(starts["told"]) and not all(starts["untold"]), starts


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
    raises(metarl.Interrupted, lambda: trained("answered", callback=answer), "stopped after")


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
            raise ZeroDivisionError("the lamp broke")
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
    metarl.register("broken", lambda: Lamps(fault=True), horizon=4, episodes=3)
    broken = lambda: trained("broken", overrides={"environment.name": "broken"})
    raises(RuntimeError, broken, "ZeroDivisionError", "the lamp broke", "package.py")
    raises(ValueError, lambda: metarl.register("lamps", Lamps, horizon=4), "episodes")
    raises(ValueError, lambda: metarl.register("chain", Lamps, horizon=4, episodes=1), "chain")
    blackjack = lambda: gymnasium.make("Blackjack-v1")
    raises(
        ValueError,
        lambda: metarl.register("blackjack", blackjack, horizon=9, episodes=1),
        "observes Tuple",
        "Flatten",
    )


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
    raises(RuntimeError, lambda: metarl.make_vec("once", 2), "no second lamp", "package.py")


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


def main():
    tests = [(name, test) for name, test in globals().items() if name.startswith("test_")]
    # Whoever started this in the background may have had it ignore the signal.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    wanted = sys.argv[1:]
    failed = 0
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        for name, test in tests:
            if wanted and not any(word in name for word in wanted):
                continue
            start = time.perf_counter()
            try:
                test()
                print(f"{name} ok, {time.perf_counter() - start:.2f} s")
            except Exception:
                failed += 1
                print(f"{name} FAILED")
                import traceback

                traceback.print_exc(file=sys.stdout)
        os.chdir("/")
    sys.exit(failed)


if __name__ == "__main__":
    main()
