//! What is told of a trial in a random MDP, beside a planner of its own.

use crate::common::KEY;
use mdps::{DirichletMdp, DirichletMdpSettings, Model, Planner};
use rl_core::{Actions, EnvFactory, Outcome, Random, Rollout, Tasks, Telling};
use std::sync::Arc;

const STATES: usize = 3;
const ACTIONS: usize = 2;
const HORIZON: usize = 4;

/// What one lane saw, with the prior's counts.
struct Seen {
    next: Vec<f64>,   // [states][actions][states]
    visits: Vec<f64>, // [states][actions]
    gains: Vec<f64>,  // [states][actions]
}

impl Seen {
    fn nothing() -> Self {
        Self {
            next: vec![1.0; STATES * ACTIONS * STATES],
            visits: vec![0.0; STATES * ACTIONS],
            gains: vec![1.0; STATES * ACTIONS],
        }
    }

    /// The posterior mean of the MDP with a bonus of `beta` / (1 + n).
    fn model(&self, beta: f64) -> Model {
        let mut model = Model::new(STATES, ACTIONS);
        let rows = self.next.chunks_exact(STATES).enumerate();
        for (pair, counts) in rows {
            let sum: f64 = counts.iter().sum();
            let row = model.row_mut(pair / ACTIONS, pair % ACTIONS);
            row.iter_mut()
                .zip(counts)
                .for_each(|(p, count)| *p = count / sum);
            model.mean_reward[pair] = (self.gains[pair] + beta) / (1.0 + self.visits[pair]);
        }
        model
    }

    /// The values of the actions in a state with so many steps left.
    fn values(&self, beta: f64, (state, left): (usize, usize)) -> [f64; ACTIONS] {
        let model = self.model(beta);
        let mut planner = Planner::default();
        let later = match left {
            1 => vec![0.0; STATES],
            _ => planner.plan(&model, left - 1).state_values.to_vec(),
        };
        std::array::from_fn(|action| {
            let next = model.row(state, action).iter().zip(&later);
            model.mean_reward[state * ACTIONS + action] + next.map(|(p, v)| p * v).sum::<f64>()
        })
    }
}

/// Two trials of three episodes by random actions.
#[test]
fn planned_values_are_those_of_the_posterior_mean() {
    let mdp = DirichletMdp::new(DirichletMdpSettings {
        states: STATES,
        actions: ACTIONS,
        horizon: HORIZON,
        episodes: 3,
    });
    let env = Arc::new(Tasks::new(mdp.unwrap()).unwrap());
    let statistics = env.statistics().unwrap();
    let env = Telling::new(env, vec![statistics]);
    let mut rollout = Rollout::new(env.make(1), 1);
    rollout.begin(&KEY, 0);
    let (mut seen, mut known) = (Seen::nothing(), Seen::nothing());
    let (mut state, mut step) = (0, 0);
    let mut policy = Random::policy(env.spec());
    for _ in 0..2 * env.spec().trial_steps() {
        let (row, streams, out) = rollout.acting();
        if row.start[0] {
            seen = Seen::nothing();
        } else if let Actions::Discrete(action) = row.previous_action {
            let pair = state * ACTIONS + action[0] as usize;
            seen.visits[pair] += 1.0;
            seen.gains[pair] += f64::from(row.previous_reward[0]);
            let next = match row.previous_outcome[0] {
                Outcome::Continue => row.observation[0],
                _ => row.final_observation.unwrap()[0],
            };
            seen.next[pair * STATES + next as usize] += 1.0;
        }
        let begins = row.start[0] || row.previous_outcome[0] != Outcome::Continue;
        (state, step) = (
            row.observation[0] as usize,
            if begins { 0 } else { step + 1 },
        );
        if begins {
            // What is planned by, until the next episode.
            (known.next, known.gains) = (seen.next.clone(), seen.gains.clone());
            known.visits = seen.visits.clone();
        }
        let left = HORIZON - step;
        let [plan, hope] = [0.0, 1.0].map(|beta| known.values(beta, (state, left)));
        let highest = [plan, hope].map(|values| values.into_iter().fold(f64::MIN, f64::max));
        let mut wanted = Vec::new();
        for action in 0..ACTIONS {
            let visits = seen.visits[state * ACTIONS + action];
            let gaps = [plan[action] - highest[0], hope[action] - highest[1]];
            wanted.extend(gaps.into_iter().chain([(1.0 + visits).sqrt().recip()]));
        }
        wanted.push(highest[0] / left as f64);
        assert_eq!(row.told.len(), wanted.len());
        for (told, wanted) in row.told.iter().zip(wanted) {
            assert!((f64::from(*told) - wanted).abs() < 1e-5, "{told}, {wanted}");
        }
        rl_core::Policy::act(&mut policy, &row, streams, out);
        rollout.step();
        rollout.go_on();
    }
}
