//! What draws that are held teach where an episode is cut off.

use super::*;
use crate::config::Reads;
use crate::trunk::tests::config;
use agent::{ActMode, Input};
use rl_core::rand::RngExt as _;
use rl_core::{
    ActRow, ActionSpace, ActionsMut, Discrete, Domain, EnvSpec, Environment, ObservationSpace,
    Policy, Purpose, Row, Step, Stream, StreamKey, TaskDistribution, Tasks, Trial,
};
use rollout::Pool;

/// Three episodes of three steps, which end sooner at the second step to the right. What is
/// observed are the steps, and those to the right.
struct Ways;

#[derive(Default)]
struct Way(u32);

impl Environment for Way {
    type State = [u32; 2];
    type Action = Discrete;

    fn reset(&self, state: &mut [u32; 2], _: &mut Stream) {
        *state = [0; 2];
    }

    fn step(&self, state: &mut [u32; 2], action: &u32, _: &mut Stream) -> Step {
        *state = [state[0] + 1, state[1] + *action];
        let reward = f32::from(u8::from(*action == self.0));
        match state[1] > 1 {
            true => Step::terminal(reward),
            false => Step::proceed(reward),
        }
    }

    fn observe(&self, state: &[u32; 2], observation: &mut [f32]) {
        observation.copy_from_slice(&state.map(|steps| steps as f32));
    }
}

impl TaskDistribution for Ways {
    type Task = Way;

    fn spec(&self) -> EnvSpec {
        EnvSpec {
            name: "ways".into(),
            observation: ObservationSpace::Vector { size: 2 },
            action: ActionSpace::Discrete { size: 2 },
            horizon: 3,
            trial: Trial::Episodes(3),
        }
    }

    fn sample(&self, task: &mut Way, rng: &mut Stream) {
        task.0 = rng.random_range(0..2);
    }

    fn tasks(&self) -> Option<u64> {
        Some(2)
    }

    fn select(&self, task: &mut Way, number: u64) {
        task.0 = number as u32;
    }

    fn description_size(&self) -> usize {
        1
    }

    fn describe(&self, task: &Way, description: &mut [f32]) {
        description[0] = task.0 as f32;
    }
}

/// The values that a policy gives to a row, which it remembers.
fn look(policy: &mut dyn Policy, row: &Row<'_>) -> Vec<f32> {
    let key = StreamKey::new(0, Domain::HeldOut, 0);
    let lanes = 0..row.lanes as u64;
    let mut streams: Vec<Stream> = lanes.map(|lane| key.lane(Purpose::Action, lane)).collect();
    let (mut actions, mut log_probs) = (vec![0; row.lanes], vec![0.0; row.lanes]);
    let mut values = vec![0.0; row.lanes];
    let out = ActRow {
        action: ActionsMut::Discrete(&mut actions),
        log_prob: &mut log_probs,
        value: &mut values,
        label: &mut [],
    };
    policy.act(row, &mut streams, out);
    values
}

/// Where an episode was cut off, the value of its last observation is what the agent says
/// that sees it, in place of the one before it, with the same draw in hand; elsewhere 0.
#[test]
fn values_of_final_observations_are_the_agents_with_what_it_holds() {
    let mut inputs = Input::USUAL.to_vec();
    inputs.push(Input::Noise);
    let config = BeliefConfig {
        lanes: 16,
        tile: 8,
        inputs,
        belief: Belief::Supervised {
            target: Target::Task,
            coefficient: 0.5,
        },
        sample: Sampling::Episode,
        ..config(Reads::Belief, true)
    };
    let env: Arc<dyn EnvFactory> = Arc::new(Tasks::new(Ways).unwrap());
    let env = agent::telling(env, &config.inputs).unwrap();
    let place = Place {
        pool: Arc::new(Pool::new(1, nets::single_threaded).unwrap()),
        device: Device::Cpu,
    };
    let mut trainer = Trainer::new(env.as_ref(), config, 3, place).unwrap();
    trainer.learner.collect().unwrap();
    let network = trainer.packed();
    let head = ["value.weight", "value.bias"].map(|name| trainer.parameter(name));
    let policies = trainer.learner.policy(ActMode::Sample);
    let mut cut = 0;
    for tile in trainer.learner.samples().batch.tiles() {
        let lived = tile.trajectory();
        let inputs = &trainer.learner.model().inputs;
        let finals = final_values(&network, (inputs, head), lived);
        let lanes = lived.lanes();
        let mut before = vec![0; lanes];
        for t in 0..lived.steps() {
            let row = lived.row(t);
            let ends = &lived.outcomes()[t * lanes..(t + 1) * lanes];
            let mut seen = row.observation.to_vec();
            for lane in (0..lanes).filter(|lane| ends[*lane] == Outcome::Truncated) {
                let last = lived.final_observation(lane, before[lane]);
                seen[2 * lane..2 * lane + 2].copy_from_slice(last);
                before[lane] += 1;
            }
            let mut policy = policies.make(env.spec(), lanes).unwrap();
            for earlier in 0..t {
                look(policy.as_mut(), &lived.row(earlier));
            }
            let observation = &seen[..];
            let values = look(policy.as_mut(), &Row { observation, ..row });
            for (lane, (end, value)) in ends.iter().zip(values).enumerate() {
                let found = finals[t * lanes + lane];
                match *end == Outcome::Truncated {
                    true => assert!((found - value).abs() < 1e-5, "{t} {lane}: {found} {value}"),
                    false => assert_eq!(found, 0.0),
                }
                cut += usize::from(*end == Outcome::Truncated);
            }
        }
    }
    assert!(cut > 4, "{cut} were cut off");
}
