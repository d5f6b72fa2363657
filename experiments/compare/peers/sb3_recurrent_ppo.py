"""Stable-Baselines3's RecurrentPPO on RL²'s Bernoulli bandit, an LSTM shared by
policy and value.

The agent is told its previous action and reward by the observation, as RL² needs
it; sizes, epochs and minibatches are those of `experiments bench rl2 rl2.trunk.kind=lstm`.

    python sb3_recurrent_ppo.py --envs 64 --threads 2

prints one JSON object.
"""

import argparse
import json
import time
from importlib.metadata import version

import gymnasium
import numpy as np
import torch
from sb3_contrib import RecurrentPPO
from stable_baselines3.common.vec_env import DummyVecEnv


class Bandit(gymnasium.Env):
    """Arms drawn anew for every episode; one episode is a trial."""

    def __init__(self, arms, steps):
        self.observation_space = gymnasium.spaces.Box(0.0, 1.0, (arms + 2,), np.float32)
        self.action_space = gymnasium.spaces.Discrete(arms)
        self.arms, self.steps = arms, steps
        self.generator = np.random.default_rng()

    def reset(self, *, seed=None, options=None):
        self.payoffs = self.generator.random(self.arms)
        self.done = 0
        observation = np.zeros(self.arms + 2, np.float32)
        observation[-1] = 1.0
        return observation, {}

    def step(self, action):
        reward = float(self.generator.random() < self.payoffs[action])
        self.done += 1
        observation = np.zeros(self.arms + 2, np.float32)
        observation[action] = 1.0
        observation[-2] = reward
        return observation, reward, self.done >= self.steps, False, {}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    sizes = dict(arms=10, hidden=64, envs=64, steps=100, epochs=4, minibatches=4,
                 iterations=3, threads=2)
    for name, default in sizes.items():
        parser.add_argument(f"--{name}", type=int, default=default)
    a = parser.parse_args()
    torch.set_num_threads(a.threads)
    envs = DummyVecEnv([lambda: Bandit(a.arms, a.steps) for _ in range(a.envs)])
    model = RecurrentPPO(
        "MlpLstmPolicy",
        envs,
        learning_rate=3e-4,
        n_steps=a.steps,
        batch_size=a.envs * a.steps // a.minibatches,
        n_epochs=a.epochs,
        gamma=0.99,
        gae_lambda=0.95,
        clip_range=0.2,
        ent_coef=0.01,
        vf_coef=0.5,
        max_grad_norm=0.5,
        policy_kwargs=dict(lstm_hidden_size=a.hidden, net_arch=[], shared_lstm=True,
                           enable_critic_lstm=False),
        device="cpu",
    )
    steps = a.envs * a.steps
    model.learn(steps)  # the first iteration is not timed
    start = time.perf_counter()
    model.learn(a.iterations * steps)
    seconds = (time.perf_counter() - start) / a.iterations
    print(json.dumps({
        "peer": f"Stable-Baselines3 RecurrentPPO {version('sb3-contrib')}",
        "seconds_per_iteration": seconds,
        "env_steps_per_second": steps / seconds,
    }))


if __name__ == "__main__":
    main()
