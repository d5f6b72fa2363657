"""Learners of others in our environments; run by hand, minutes on a core:

    pip install stable-baselines3 sb3-contrib
    python crates/python/tests/python/peers.py [ppo] [recurrent] [PATH/TO/ppo.py]

`ppo`: Stable-Baselines3's PPO learns gridnavi of one episode. `recurrent`: sb3-contrib's
RecurrentPPO, which knows nothing of meta-learning, learns to learn a bandit of five arms and
ten pulls. The path of CleanRL's ppo.py: runs it as it is.
"""

import subprocess
import sys

import metarl
import numpy as np


def mean_return(policy, envs, trials, seed):
    """Mean return of the first episode, to Gymnasium, of each lane of fresh batches."""
    returns = []
    for first in range(0, trials, envs.num_envs):
        observation, _ = envs.reset(seed=seed, options={"first_lane": first})
        total, alive = np.zeros(envs.num_envs), np.ones(envs.num_envs, bool)
        state, start = None, np.ones(envs.num_envs, bool)
        while alive.any():
            action, state = policy.predict(observation, state, start, deterministic=False)
            observation, reward, terminated, truncated, _ = envs.step(action)
            total[alive] += reward[alive]
            start = terminated | truncated
            alive &= ~start
        returns.append(total)
    returns = np.concatenate(returns)
    return returns.mean(), returns.std(ddof=1) / np.sqrt(len(returns))


def ppo():
    from stable_baselines3 import PPO

    settings = {"size": 3, "episodes": 1}
    form = {"view": "rl2", "trial": "episode"}
    envs = metarl.make_vec("gridnavi", 64, **form, **settings)
    learner = PPO("MlpPolicy", metarl.to_sb3(envs), n_steps=15, batch_size=240, seed=0, device="cpu")
    learner.learn(150_000)
    fresh = metarl.make_vec("gridnavi", 100, domain="held-out", **form, **settings)
    mean, error = mean_return(learner, fresh, 2000, 1)
    random = metarl.baseline("gridnavi", "random", tasks=2000, seed=1, **settings)["mean_return"]
    print(f"ppo on gridnavi, one episode: {mean:.3f} ± {error:.3f}; random: {random:.3f}")
    assert mean - 5 * error > random


def recurrent():
    from sb3_contrib import RecurrentPPO

    settings = {"arms": 5, "pulls": 10}
    form = {"view": "rl2", "trial": "episode"}
    envs = metarl.make_vec("bernoulli-bandit", 256, **form, **settings)
    learner = RecurrentPPO(
        "MlpLstmPolicy",
        metarl.to_sb3(envs),
        n_steps=10,
        batch_size=640,
        n_epochs=2,
        gamma=1.0,
        learning_rate=lambda left: 3e-3 * left,
        ent_coef=0.01,
        policy_kwargs={"lstm_hidden_size": 48, "net_arch": []},
        seed=0,
        device="cpu",
    )
    learner.learn(1_200_000)
    fresh = metarl.make_vec("bernoulli-bandit", 500, domain="held-out", **form, **settings)
    mean, error = mean_return(learner, fresh, 10_000, 1)
    exact = metarl.oracle("bernoulli-bandit", **settings)
    best, random = exact["bayes_optimal"], exact["random"]
    print(f"recurrent ppo on the bandit: {mean:.4f} ± {error:.4f}; random {random}, best {best:.4f}")
    assert 6.4 <= mean < best + 4 * error


def cleanrl(script):
    """CleanRL's own ppo.py, not a line of it changed: it makes environments by their names."""
    name = "metarl.envs:metarl/empty-grid-v0"  # it reads vectors, and chooses among actions
    command = [sys.executable, script, "--env-id", name, "--total-timesteps", "20000"]
    ran = subprocess.run(command, capture_output=True, text=True)
    lines = ran.stdout.splitlines()
    assert ran.returncode == 0 and any("SPS" in line for line in lines), ran.stdout + ran.stderr
    print(f"cleanrl's ppo.py on {name}: {lines[-1]}")


def main():
    for name in sys.argv[1:] or ["ppo", "recurrent"]:
        if name.endswith(".py"):
            cleanrl(name)
        else:
            {"ppo": ppo, "recurrent": recurrent}[name]()


if __name__ == "__main__":
    main()
