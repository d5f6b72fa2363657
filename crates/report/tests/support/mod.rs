//! Plausible run directories without any training.

use std::path::{Path, PathBuf};

use record::{Document, Existing, RunDir, Stream};
use serde_json::{Value, json};

/// What a synthetic run is like.
#[derive(Clone, Debug)]
pub(crate) struct Synthetic {
    pub(crate) environment: &'static str,
    pub(crate) settings: Value,
    pub(crate) updates: u64,
    pub(crate) steps: usize,
    /// Expected reward per step of random, Bayes-optimal and known-task play.
    pub(crate) random: f64,
    pub(crate) bayes: Option<f64>,
    pub(crate) known: f64,
    /// Share of the gap from random to `top` that the agent closes.
    pub(crate) closed: f64,
    pub(crate) top: f64,
    /// Other learners, with the share that each closes.
    pub(crate) others: Vec<(&'static str, &'static str, f64)>,
    /// Whether the Bayes-optimal reward of each step is known.
    pub(crate) stepwise: bool,
    /// Whether training has ended, so that the comparison was written.
    pub(crate) compared: bool,
    pub(crate) evaluated: bool,
    /// Returns after 0, 1, 2, … gradient steps on a task.
    pub(crate) adapted: Option<Vec<f64>>,
    /// Drawings of the agent: scenes of each task, as gradient steps or none.
    pub(crate) drawn: Vec<Vec<Option<u64>>>,
    /// Whether the agent was compared with the Bayes-optimal policy step by step.
    pub(crate) beside: bool,
    /// Whether the agent's index of arms was compared with the Gittins index.
    pub(crate) indexed: bool,
    /// Tasks that are kept from the training.
    pub(crate) kept: u64,
}

impl Default for Synthetic {
    fn default() -> Self {
        Self {
            environment: "bernoulli-bandit",
            settings: json!({ "arms": 5, "pulls": 10 }),
            updates: 300,
            steps: 10,
            random: 0.5,
            bayes: Some(0.666),
            known: 0.8333,
            closed: 0.972,
            top: 0.666,
            others: vec![
                ("bayes-optimal", "oracle", 1.0),
                ("random", "classical", 0.0),
                ("greedy", "classical", 0.86),
                ("epsilon-greedy(0.1)", "classical", 0.79),
                ("ucb1", "classical", 0.62),
                ("thompson", "classical", 0.73),
            ],
            stepwise: false,
            compared: true,
            evaluated: true,
            adapted: None,
            drawn: Vec::new(),
            beside: false,
            indexed: false,
            kept: 0,
        }
    }
}

/// The setting with ten times as many pulls, whose optimum nobody computed.
pub(crate) fn long() -> Synthetic {
    Synthetic {
        settings: json!({ "arms": 5, "pulls": 100 }),
        updates: 900,
        steps: 100,
        bayes: None,
        top: 0.785,
        closed: 0.98,
        others: vec![
            ("random", "classical", 0.0),
            ("greedy", "classical", 0.72),
            ("epsilon-greedy(0.1)", "classical", 0.84),
            ("ucb1", "classical", 0.70),
            ("thompson", "classical", 0.945),
        ],
        ..Synthetic::default()
    }
}

/// A small generator, so that the data are the same everywhere.
struct Noise(u64);

impl Noise {
    fn uniform(&mut self) -> f64 {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// About normal, with variance 1.
    fn next(&mut self) -> f64 {
        (0..12).map(|_| self.uniform()).sum::<f64>() - 6.0
    }
}

impl Synthetic {
    fn optimum(&self) -> Vec<f64> {
        (1..=self.steps)
            .map(|step| self.known * step as f64)
            .collect()
    }

    /// Cumulative reward of a learner that ends with `total`: it begins at
    /// random and improves.
    fn cumulative(&self, total: f64) -> Vec<f64> {
        let n = self.steps as f64;
        let excess = total - self.random * n;
        let shape = |step: f64| (step / n).powf(1.35);
        (1..=self.steps)
            .map(|step| self.random * step as f64 + excess * shape(step as f64))
            .collect()
    }

    fn learner(&self, (name, kind, closed): (&str, &str, f64), noise: &mut Noise) -> Value {
        let n = self.steps as f64;
        let error = 0.006 * n.sqrt();
        let total = n * (self.random + closed * (self.top - self.random)) + error * noise.next();
        let reward = self.cumulative(total);
        let regret: Vec<f64> = self
            .optimum()
            .iter()
            .zip(&reward)
            .map(|(best, own)| best - own)
            .collect();
        let errors: Vec<f64> = (1..=self.steps)
            .map(|step| error * (step as f64 / n).sqrt())
            .collect();
        json!({
            "name": name, "kind": kind, "mean_return": total, "standard_error": error,
            "cumulative_reward": reward, "cumulative_reward_se": errors,
            "regret": regret, "regret_se": errors,
        })
    }

    fn comparison(&self, seed: u64, env_steps: u64) -> Value {
        let n = self.steps as f64;
        let exact = |value: Option<f64>| match value {
            Some(value) => json!({ "value": n * value, "standard_error": 0.0 }),
            None => json!({ "why": "its table needs 3 TB of memory" }),
        };
        let total = self.bayes.filter(|_| self.stepwise).map(|bayes| n * bayes);
        let rewards = total.map(|total| {
            let so_far = self.cumulative(total);
            let before = [0.0].into_iter().chain(so_far.clone());
            let steps = so_far.iter().zip(before).map(|(now, before)| now - before);
            steps.collect::<Vec<f64>>()
        });
        // All seeds meet the same fresh tasks, so the others do not differ.
        let mut tasks = Noise(99);
        let mut own = Noise(1000 + seed);
        let mut learners = vec![self.learner(
            ("rl2", "trained", self.closed + 0.006 * own.next()),
            &mut own,
        )];
        learners.extend(
            self.others
                .iter()
                .map(|other| self.learner(*other, &mut tasks)),
        );
        let adapted = self.adapted.as_ref().map(|returns| {
            let shifted: Vec<f64> = returns.iter().map(|r| r + 0.3 * own.next()).collect();
            json!({
                "tasks": 40, "trajectories": 20, "mean_return": shifted,
                "standard_error": vec![0.4; returns.len()],
            })
        });
        json!({
            "adaptation": adapted, "algorithm": "rl2", "environment": self.environment, "settings": self.settings,
            "seed": seed, "tasks": 10_000, "actions": "sampled", "env_steps": env_steps,
            "steps_per_trial": self.steps, "optimum": self.optimum(),
            "exact": {
                "bayes_optimal": exact(self.bayes),
                "known_task_optimum": exact(Some(self.known)),
                "random": exact(Some(self.random)),
                "bayes_optimal_rewards": rewards,
            },
            "learners": learners,
        })
    }

    /// Plain pictures of the tasks, 2 by 2 units, with a way in each.
    fn pictures(&self) -> Value {
        let scene = |(number, steps): (usize, &Option<u64>)| {
            let way = json!({ "path": {
                "points": [[1.0, 1.0], [0.2 + 0.1 * number as f64, 0.4]], "ink": "agent",
                "arrow": true,
            }});
            let goal = json!({ "disc": { "centre": [0.5, 1.5], "radius": 0.1, "ink": "goal" }});
            let ground =
                json!({ "area": { "corner": [0.0, 0.0], "size": [2.0, 2.0], "ink": "ground" }});
            json!({
                "episode": if steps.is_some() { 0 } else { 3 * number }, "gradient_steps": steps,
                "earned": [-1.25 - number as f64, -1.75 - number as f64],
                "picture": {
                    "title": "plane", "width": 2.0, "height": 2.0, "shapes": [ground, goal, way],
                    "caption": "Green: the goal.",
                },
            })
        };
        let task = |(task, scenes): (usize, &Vec<Option<u64>>)| {
            let scenes: Vec<Value> = scenes.iter().enumerate().map(scene).collect();
            json!({ "task": task, "scenes": scenes })
        };
        let tasks: Vec<Value> = self.drawn.iter().enumerate().map(task).collect();
        json!({ "actions": "sampled", "tasks": tasks })
    }

    /// Beside the Bayes-optimal policy: it loses a hundredth in every step. No action is
    /// the single best one at first.
    fn deviations(&self, seed: u64) -> Value {
        let mut noise = Noise(2000 + seed);
        let mut deviation = |first: usize, last: usize| {
            let length = (last + 1 - first) as f64;
            let mut about = |mean: f64, error: f64| json!({ "mean": mean + error * noise.next(), "standard_error": error });
            let agreement = about(0.9, 0.004);
            let decided = match last {
                1 => json!({ "mean": null, "standard_error": null }),
                _ => about(0.95, 0.003),
            };
            json!({
                "first": first, "last": last, "agreement": agreement,
                "agreement_where_one_is_best": decided, "one_is_best": 0.5,
                "distance": about(0.05, 0.002), "cost": about(0.01 * length, 0.0005 * length.sqrt()),
            })
        };
        let half = self.steps.div_ceil(2);
        json!({
            "actions": "sampled", "env_steps": 1, "tasks": 2000,
            "whole": deviation(1, self.steps),
            "parts": [deviation(1, half), deviation(half + 1, self.steps)],
            "steps": (1..=self.steps).map(|step| deviation(step, step)).collect::<Vec<_>>(),
        })
    }

    /// An index that is 0.02 too high, and a hundredth more with every seed.
    fn indices(&self, seed: u64) -> Value {
        let arm = |left: usize, pulls: usize| {
            let mean: Vec<f64> = (0..=pulls)
                .map(|s| (s + 1) as f64 / (pulls + 2) as f64)
                .collect();
            let worth = |mean: &f64| mean + 0.03 * left as f64 * mean * (1.0 - mean) / pulls as f64;
            let exact: Vec<f64> = mean.iter().map(worth).collect();
            let learned: Vec<f64> = exact
                .iter()
                .map(|it| it + 0.02 + 0.01 * seed as f64)
                .collect();
            json!({ "pulls": pulls, "mean": mean, "learned": learned, "exact": exact })
        };
        let at = |left: usize| json!({ "left": left, "shift": 0.001 * left as f64, "arms": [arm(left, 1), arm(left, 5)] });
        json!({ "env_steps": 1, "steps_per_trial": self.steps, "times": [at(8), at(4), at(1)] })
    }

    /// Writes a run directory `folder/seed-<seed>`.
    pub(crate) fn write(&self, folder: &Path, seed: u64) -> PathBuf {
        let path = folder.join(format!("seed-{seed}"));
        let mut config = format!(
            "seed = {seed}\nalgorithm = \"rl2\"\n\n[environment]\nname = \"{}\"\n\n[ppo]\n\
             learning_rate = 3e-4  # Adam\nclip = 0.2\n",
            self.environment
        );
        if self.kept > 0 {
            config += &format!("\n[evaluation.split]\nunseen = {}\nseed = 0\n", self.kept);
        }
        let run = RunDir::create(&path, &config, Existing::Refuse).unwrap();
        let environment = json!({
            "metarl": "0.1.0", "libtorch": "2.11.0", "cpu": "Example CPU <8 cores> & more",
            "cores": 8, "cpu_features": "avx2 fma", "system": "linux x86_64", "device": "cpu",
            "workers": 2, "seed": seed,
            "algorithm": { "name": "rl2", "title": "RL²", "metrics": [
                { "key": "entropy", "title": "Policy entropy", "unit": "nats" },
                { "key": "value_loss", "title": "Value loss", "unit": "" },
            ] },
        });
        run.write_document(Document::Environment, &environment)
            .unwrap();
        let mut noise = Noise(seed + 1);
        let per_update = 256 * 10 * 16;
        let n = self.steps as f64;
        let speed = 14.0 / self.updates as f64 * (1.0 + 0.15 * noise.next());
        for update in 1..=self.updates {
            let learned = self.closed * (1.0 - (-(update as f64) * speed).exp());
            let value = n * (self.random + learned * (self.top - self.random));
            let done = update as f64 / self.updates as f64;
            run.append(Stream::Metrics, &json!({
                "update": update, "env_steps": update * per_update,
                "mean_return": value + 0.02 * n * noise.next() / n.sqrt(),
                "policy_loss": -0.02 + 0.004 * noise.next(),
                "value_loss": 0.8 * (-6.0 * done).exp() + 0.42 + 0.02 * noise.next(),
                "entropy": 0.35 + 1.25 * (-5.0 * done).exp() + 0.01 * noise.next(),
                "approx_kl": (0.008 + 0.002 * noise.next()) * (1.2 - done),
                "clip_fraction": (0.1 + 0.02 * noise.next()) * (1.1 - done),
                "gradient_norm": if update == 7 { f64::NAN } else { 0.4 + 1.1 * (-9.0 * done).exp() + 0.08 * noise.next().abs() },
                "learning_rate": 3e-4 * (1.0 - done), "entropy_coefficient": 0.01,
            })).unwrap();
            run.append(
                Stream::Timing,
                &json!({ "update": update, "seconds": 0.247 * update as f64 }),
            )
            .unwrap();
            if self.evaluated && (update == 1 || update % (self.updates / 25) == 0) {
                let error = 0.013 * n.sqrt();
                run.append(
                    Stream::Eval,
                    &json!({
                        "update": update, "env_steps": update * per_update, "tasks": 2000,
                        "actions": "sampled", "mean_return": value + error * noise.next(),
                        "standard_error": error,
                    }),
                )
                .unwrap();
            }
        }
        if self.compared {
            let comparison = self.comparison(seed, self.updates * per_update);
            run.write_document(Document::Comparison, &comparison)
                .unwrap();
        }
        if self.beside {
            run.write_document(Document::Deviations, &self.deviations(seed))
                .unwrap();
        }
        if self.indexed {
            run.write_document(Document::Indices, &self.indices(seed))
                .unwrap();
        }
        if !self.drawn.is_empty() {
            run.write_document(Document::Pictures, &self.pictures())
                .unwrap();
        }
        path
    }
}
