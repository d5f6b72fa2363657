//! A trunk that gives every arm an index: what it learns, where it can act, and that
//! both backends compute the same.

use crate::common::{BACKENDS, config, constant, pool, switches, trainer_in};
use crate::gradients::check_gradient;
use crate::sabotage::{Sabotage, sabotaged_in};
use agent::{ActMode, ActorCritic, BackendKind, Input, ToldArms, telling};
use bandits::BernoulliBandit;
use nets::{IndexConfig, SequenceConfig};
use rl_core::rand::RngExt as _;
use rl_core::{
    ActRow, ActionSpace, Actions, ActionsMut, Discrete, Domain, EnvFactory, EnvSpec, Environment,
    Gae, Moments, ObservationSpace, Outcome, PolicyFactory, Purpose, Row, Statistics,
    StatisticsFactory, Step, Stream, StreamKey, TaskDistribution, Tasks, Trial,
};
use rl2::{Rl2Config, Trainer};
use rollout::{Held, evaluate};
use std::sync::Arc;

const PULLS: usize = 12;

/// Arms of which one pays always and the others never.
struct Levers(usize);

#[derive(Default)]
struct Lever(u32);

impl Environment for Lever {
    type State = ();
    type Action = Discrete;

    fn reset(&self, (): &mut (), _: &mut Stream) {}

    fn step(&self, (): &mut (), action: &u32, _: &mut Stream) -> Step {
        Step::proceed(f32::from(u8::from(*action == self.0)))
    }

    fn observe(&self, (): &(), _: &mut [f32]) {}
}

impl TaskDistribution for Levers {
    type Task = Lever;

    fn spec(&self) -> EnvSpec {
        EnvSpec {
            name: "levers".into(),
            observation: ObservationSpace::Vector { size: 0 },
            action: ActionSpace::Discrete { size: self.0 },
            horizon: PULLS,
            trial: Trial::Episodes(1),
        }
    }

    fn sample(&self, task: &mut Lever, rng: &mut Stream) {
        task.0 = rng.random_range(0..self.0 as u32);
    }

    fn statistics(&self) -> Option<Arc<dyn StatisticsFactory>> {
        Some(Arc::new(Tallies(self.0)))
    }
}

/// Posterior means and deviations, as of coins.
struct Tallies(usize);

impl StatisticsFactory for Tallies {
    fn size(&self) -> usize {
        2 * self.0
    }

    fn arms(&self) -> Option<usize> {
        Some(self.0)
    }

    fn make(&self, lanes: usize) -> Box<dyn Statistics> {
        Box::new(Tally(vec![[0.0; 2]; lanes * self.0]))
    }

    fn lane_bytes(&self) -> f64 {
        8.0 * self.0 as f64
    }
}

/// Of each arm, its pulls and what it gave, from −1 to 1.
struct Tally(Vec<[f32; 2]>);

impl Statistics for Tally {
    fn tell(&mut self, row: &Row<'_>, told: &mut [f32]) {
        let arms = self.0.len() / row.lanes;
        for (lane, own) in self.0.chunks_exact_mut(arms).enumerate() {
            match row.previous_action {
                _ if row.start[lane] => own.fill([0.0; 2]),
                Actions::Discrete(actions) => {
                    let arm = &mut own[actions[lane] as usize];
                    *arm = [arm[0] + 1.0, arm[1] + 2.0 * row.previous_reward[lane] - 1.0];
                }
                Actions::Box { .. } => unreachable!(),
            }
        }
        for (told, [pulls, gain]) in told.chunks_exact_mut(2).zip(&self.0) {
            let count = 2.0 + pulls;
            told.copy_from_slice(&[gain / count, (2.0 / count).sqrt()]);
        }
    }
}

const INPUTS: [Input; 2] = [Input::TimeLeft, Input::Statistics];

fn levers(arms: usize) -> Arc<dyn EnvFactory> {
    telling(Arc::new(Tasks::new(Levers(arms)).unwrap()), &INPUTS).unwrap()
}

fn index(backend: BackendKind) -> Rl2Config {
    Rl2Config {
        inputs: INPUTS.to_vec(),
        trunk: SequenceConfig::Index(IndexConfig { hidden: 6 }),
        learning_rate: constant(0.03),
        ..config(backend)
    }
}

/// The mean return of an agent on fresh tasks of so many arms.
fn earns(trainer: &Trainer, arms: usize) -> f64 {
    let policy = trainer.learner().policy(ActMode::Sample);
    earned(&levers(arms), &policy, 500).mean()
}

/// The returns of a policy on fresh tasks.
fn earned(env: &Arc<dyn EnvFactory>, policy: &Arc<dyn PolicyFactory>, tasks: usize) -> Moments {
    let held = Held {
        tasks,
        seed: 0,
        domain: Domain::HeldOut,
    };
    evaluate(&pool(2), env, policy, held).unwrap().returns
}

/// On a Bernoulli bandit of five arms and twenty pulls, of which ten pay by chance.
#[test]
fn a_bandit_is_learned_by_reward_and_not_with_the_gradient_flipped() {
    let bandit = Arc::new(Tasks::new(BernoulliBandit::new(5, 20).unwrap()).unwrap());
    let env = telling(bandit, &INPUTS).unwrap();
    let config = Rl2Config {
        gae: Gae {
            gamma: 1.0,
            lambda: 0.95,
        },
        ..index(BackendKind::Native)
    };
    let of = |mut trainer: Trainer| {
        for _ in 0..60 {
            trainer.update().unwrap();
        }
        let policy = trainer.learner().policy(ActMode::Sample);
        earned(&env, &policy, 4000).mean()
    };
    let learned = of(trainer_in(&env, config.clone(), 0, 2));
    assert!(learned > 13.7, "{learned}");
    let flipped = of(sabotaged_in(&env, config, Sabotage::Flip));
    assert!(flipped < 10.5, "{flipped}");
}

/// Chance gives a pull of four; whoever tries every arm until it fails, all but 1.5.
#[test]
fn an_index_is_learned_by_reward_and_not_with_the_gradient_flipped() {
    for backend in BACKENDS {
        let of = |mut trainer: Trainer| {
            for _ in 0..30 {
                trainer.update().unwrap();
            }
            earns(&trainer, 4)
        };
        let learned = of(trainer_in(&levers(4), index(backend), 0, 2));
        assert!(learned > 9.5, "{backend:?}: {learned}");
        let flipped = of(sabotaged_in(&levers(4), index(backend), Sabotage::Flip));
        assert!(flipped < 3.5, "{backend:?}, flipped: {flipped}");
    }
}

/// The indices that an agent says it has are those that its policy acts by, in units of
/// the arms' means.
#[test]
fn an_agent_acts_by_the_indices_that_it_says() {
    const LEFT: usize = 5;
    let told = [[0.5, 0.6], [-0.2, 1.0], [0.0, 0.3]];
    for backend in BACKENDS {
        let mut trainer = trainer_in(&levers(3), index(backend), 0, 1);
        for _ in 0..10 {
            trainer.update().unwrap();
        }
        let learner = trainer.learner();
        let indices = learner
            .indices(ToldArms {
                left: LEFT,
                arms: &told,
            })
            .unwrap();
        let layout = learner.model().layout();
        let scale = layout.range(layout.find("policy.log_scale").unwrap());
        let scale = learner.parameters()[scale][0].exp();
        let spec = levers(3).spec().clone();
        let mut policy = learner.policy(ActMode::Sample).make(&spec, 1).unwrap();
        let share = LEFT as f32 / PULLS as f32;
        let mut row = vec![share, share];
        row.extend_from_slice(told.as_flattened());
        let (mut action, mut unused, mut label) = ([0], [0.0; 2], [0.0; 3]);
        let (log_prob, value) = unused.split_at_mut(1);
        let mut streams = [StreamKey::new(0, Domain::HeldOut, 0).lane(Purpose::Action, 0)];
        policy.advise(
            &Row {
                lanes: 1,
                observation: &[],
                start: &[true],
                previous_action: Actions::Discrete(&[0]),
                previous_reward: &[0.0],
                previous_outcome: &[Outcome::Continue],
                told: &row,
                final_observation: None,
            },
            &mut streams,
            ActRow {
                action: ActionsMut::Discrete(&mut action),
                log_prob,
                value,
                label: &mut label,
            },
        );
        for arm in 1..3 {
            let preferred = (label[arm] / label[0]).ln();
            let said = scale * (indices[arm] - indices[0]);
            assert!(
                (preferred - said).abs() < 1e-3,
                "{backend:?}: {preferred}, {said}"
            );
            assert!(said.abs() > 0.1, "{indices:?}");
        }
        // Nothing is left to learn of an arm that is known.
        let known = learner
            .indices(ToldArms {
                left: LEFT,
                arms: &[[0.25, 0.0001]],
            })
            .unwrap();
        assert!((known[0] - 0.25).abs() < 1e-2, "{known:?}");
    }
    let plain = trainer_in(&switches(), config(BackendKind::Native), 0, 1);
    assert!(
        plain
            .learner()
            .indices(ToldArms {
                left: 1,
                arms: &told
            })
            .is_none()
    );
}

#[test]
fn the_gradient_of_indices_is_that_of_the_objective() {
    for backend in BACKENDS {
        let mut trainer = trainer_in(&levers(5), index(backend), 3, 2);
        check_gradient(&mut trainer, &format!("{backend:?}"));
    }
}

#[cfg(feature = "torch")]
#[test]
fn both_backends_compute_the_same_on_indices() {
    for (arms, hidden) in [(2, 5), (7, 16), (50, 17)] {
        let env = levers(arms);
        let config = Rl2Config {
            trunk: SequenceConfig::Index(IndexConfig { hidden }),
            ..index(BackendKind::Native)
        };
        let network = config.learner().network;
        let model = Arc::new(ActorCritic::new(env.as_ref(), network).unwrap());
        let native = agent::NativeBackend::new(&model, network).unwrap();
        let torch = agent::TorchBackend::new(Arc::clone(&model), nets::Device::Cpu).unwrap();
        let both: Box<dyn agent::Backend> = Box::new(crate::twins::Both(native, torch));
        let mut trainer =
            Trainer::with_backend(env.as_ref(), config, 6, pool(2), (model, both)).unwrap();
        trainer.update().unwrap();
        trainer.update().unwrap();
        trainer.collect().unwrap();
        crate::memory::check_lived_again(&trainer);
    }
}

/// What was learned with three arms is good for any number of them.
#[test]
fn an_agent_acts_where_there_are_other_arms() {
    let mut few = trainer_in(&levers(3), index(BackendKind::Native), 0, 2);
    for _ in 0..30 {
        few.update().unwrap();
    }
    let mut many = trainer_in(&levers(6), index(BackendKind::Native), 1, 2);
    let untrained = earns(&many, 6);
    let learned = few.learner().checkpoint().unwrap();
    many.learner_mut().begin_from(&learned).unwrap();
    assert_eq!(many.learner().parameters(), few.learner().parameters());
    let moved = earns(&many, 6);
    assert!(untrained < 2.5 && moved > 7.5, "{untrained}, {moved}");
}

#[test]
fn an_index_is_of_a_bandit_that_tells_of_its_arms() {
    let refused = |env: &Arc<dyn EnvFactory>, inputs: &[Input]| {
        let config = Rl2Config {
            inputs: inputs.to_vec(),
            ..index(BackendKind::Native)
        };
        let env = telling(Arc::clone(env), inputs).unwrap();
        let model = ActorCritic::new(env.as_ref(), config.learner().network);
        model.err().map(|error| error.to_string())
    };
    let levers = Arc::new(Tasks::new(Levers(3)).unwrap()) as Arc<dyn EnvFactory>;
    assert_eq!(refused(&levers, &INPUTS), None);
    for (env, inputs) in [
        (&levers, &[Input::TimeLeft][..]),
        (&levers, &[Input::Statistics]),
        (&levers, &Input::USUAL),
        (&switches(), &[Input::TimeLeft]),
    ] {
        let error = refused(env, inputs).unwrap();
        let name = &env.spec().name;
        for part in [
            "rl2.trunk.kind = \"index\"; allowed: \"gru\"",
            "rl2.inputs",
            name,
        ] {
            assert!(error.contains(part), "{error}");
        }
    }
}
