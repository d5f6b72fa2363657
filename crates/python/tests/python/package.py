"""What the package promises of environments and agents, and is quick to see;
`tests/package.rs` runs it. Every function whose name begins with `test_` is a test.
"""

import ast
import inspect
import json
import os
import signal
import subprocess
import sys
import threading
import warnings
from pathlib import Path

import metarl
import numpy as np
from common import TINY, lived, main, raises, same, trained

# Before anything of the package was asked for.
LOADED = {name for name in sys.modules if name.split(".")[0] in ("gymnasium", "stable_baselines3")}

import gymnasium
from gymnasium.utils.env_checker import check_env
from gymnasium.vector import AutoresetMode, SyncVectorEnv

ENVS = metarl.list_envs()


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


def test_stubs_name_what_the_library_has():
    """Functions, classes, methods and attributes of the native half, and their parameters."""
    from metarl import _native

    folder = Path(metarl.__file__).parent
    said, found = {}, {}
    for node in ast.parse((folder / "_native.pyi").read_text()).body:
        if isinstance(node, ast.FunctionDef):
            said[node.name] = [one.arg for one in node.args.args]
        for member in node.body if isinstance(node, ast.ClassDef) else ():
            if isinstance(member, ast.FunctionDef):
                own = "" if member.name == "__new__" else f".{member.name}"
                said[node.name + own] = [one.arg for one in member.args.args[1:]]
            elif isinstance(member, ast.AnnAssign):
                said[f"{node.name}.{member.target.id}"] = None
    for name, value in vars(_native).items():
        if inspect.isbuiltin(value):
            found[name] = list(inspect.signature(value).parameters)
        if not inspect.isclass(value) or issubclass(value, BaseException):
            continue
        made = list(inspect.signature(value).parameters)
        # Of one that Python cannot make there is nothing to say.
        found.update({name: made} if made else {})
        for own, member in vars(value).items():
            if inspect.isgetsetdescriptor(member) and not own.startswith("_"):
                found[f"{name}.{own}"] = None
            elif inspect.ismethoddescriptor(member) and not own.startswith("_"):
                found[f"{name}.{own}"] = list(inspect.signature(member).parameters)[1:]
    assert said.keys() == found.keys(), said.keys() ^ found.keys()
    for key in said:
        assert said[key] == found[key], (key, said[key], found[key])
    names = ast.parse((folder / "__init__.pyi").read_text()).body
    assert {one.names[0].asname for one in names} == set(metarl.__all__)


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
    """10,240 steps of each."""
    lanes = 32
    forms = [{}, {"view": "rl2"}, {"view": "rl2", "trial": "episode"}, {"trial": "episode"}]
    for number, name in enumerate(ENVS):
        form = forms[number % len(forms)]
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
    raises(ValueError, make("chain", domain="test"), "domain = 'test'", "'held-out'")
    raises(ValueError, lambda: metarl.make("chain", domain="test"), "domain")
    raises(ValueError, envs.tasks, "tasks before reset", "call reset first")
    raises(ValueError, envs.known_task_optimum, "known_task_optimum before reset")
    single = metarl.make("bernoulli-bandit")
    raises(ValueError, single.task, "before reset")
    raises(ValueError, single.known_task_optimum, "before reset")
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
    doubled = lambda: metarl.train("quickstart", TINY, seeds=[1, 2, 1])
    raises(ValueError, doubled, "seeds: 1 is there twice", "different seeds")
    for which in ({"seed": 3}, {"seeds": [3]}):
        train = lambda: metarl.train("quickstart", {**TINY, "seed": 5}, **which)
        raises(ValueError, train, "'seed' = 5", "set twice", f"by {next(iter(which))} too")
    for name in ("../x", "/tmp/x", "", ".", "a/b", "-x", 'a"'):
        train = lambda: metarl.train("quickstart", TINY, name=name)
        raises(ValueError, train, f"name = {json.dumps(name)}", "allowed: letters, digits")
    nameless = lambda: metarl.train("quickstart", TINY, start_from=os.fsdecode(b"caf\xe9"))
    raises(ValueError, nameless, "start_from = caf", "UTF-8", "rename the folder")
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
        assert agent.about["adapts"] is False and agent.about["passed_over"] == []
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
    agent.act(np.zeros(2, int), state=state)
    step = np.zeros(2, int), np.zeros(2), none, np.array([False, True])
    unseen = lambda: agent.act(*step, state=state, trial_start=none)
    raises(ValueError, unseen, "final_obs is missing", "lane 1")
    agent.act(*step, {"final_obs": np.zeros(2, int)}, state=state, trial_start=none)
    # Time is counted without.
    timed = {**told, "rl2.inputs": told["rl2.inputs"][:-1], "rl2.updates": 1}
    agent = trained("acts-timed", overrides=timed, seed=5).agent()
    _, state = agent.act(np.zeros(2, int))
    agent.act(*step, state=state, trial_start=none)


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


if __name__ == "__main__":
    main(globals())
