//! Students and their teachers, on three arms of which one pays.

mod allocations;
mod early;
mod equal_rewards;
mod memory;

use agent::{
    ActMode, BackendKind, Input, Losses, Objective, Place, PolicyStart, Surrogate, Training as _,
};
use imitation::{Handover, ImitationConfig, Outer, Trainer};
use nets::{OptimizerConfig, Recurrent, Schedule, SequenceConfig, Shape};
use rl_core::rand::RngExt as _;
use rl_core::{
    ActRow, ActionSpace, Actions, Discrete, EnvFactory, EnvSpec, Environment, Gae,
    ObservationSpace, Policy, PolicyFactory, Row, Step, Stream, TaskDistribution, Tasks, Trial,
};
use rollout::Pool;
use std::sync::Arc;

const ARMS: usize = 3;

#[cfg(feature = "torch")]
const BACKENDS: [BackendKind; 2] = [BackendKind::Native, BackendKind::Torch];
#[cfg(not(feature = "torch"))]
const BACKENDS: [BackendKind; 1] = [BackendKind::Native];

/// Pulls of arms of which one pays always and the others never.
struct Hidden {
    trial: Trial,
    /// Whether an episode ends with what pays.
    ends: bool,
}

#[derive(Default)]
struct Good {
    arm: u32,
    ends: bool,
}

impl Environment for Good {
    type State = ();
    type Action = Discrete;

    fn reset(&self, (): &mut (), _: &mut Stream) {}

    fn step(&self, (): &mut (), action: &u32, _: &mut Stream) -> Step {
        Step {
            reward: f32::from(u8::from(*action == self.arm)),
            terminated: self.ends && *action == self.arm,
        }
    }

    fn observe(&self, (): &(), _: &mut [f32]) {}
}

impl TaskDistribution for Hidden {
    type Task = Good;

    fn spec(&self) -> EnvSpec {
        EnvSpec {
            name: "hidden".into(),
            observation: ObservationSpace::Vector { size: 0 },
            action: ActionSpace::Discrete { size: ARMS },
            horizon: 6,
            trial: self.trial,
        }
    }

    fn sample(&self, task: &mut Good, rng: &mut Stream) {
        task.arm = rng.random_range(0..ARMS as u32);
        task.ends = self.ends;
    }

    fn known_task_action(&self, task: &Good, _: (&(), usize), probabilities: &mut [f32]) -> bool {
        probabilities.fill(0.0);
        probabilities[task.arm as usize] = 1.0;
        true
    }

    fn known_task_bytes(&self) -> f64 {
        10.0
    }
}

fn hidden() -> Arc<dyn EnvFactory> {
    of(Trial::Episodes(1), false)
}

fn of(trial: Trial, ends: bool) -> Arc<dyn EnvFactory> {
    Arc::new(Tasks::new(Hidden { trial, ends }).unwrap())
}

/// Pulls arms that were not seen to fail, all alike, until one pays: the best there is.
struct Search;

struct Searching {
    tried: Vec<[bool; ARMS]>,
    found: Vec<Option<usize>>,
}

impl PolicyFactory for Search {
    fn name(&self) -> String {
        "search".into()
    }

    fn make(&self, _: &EnvSpec, lanes: usize) -> Result<Box<dyn Policy>, String> {
        Ok(Box::new(Searching {
            tried: vec![[false; ARMS]; lanes],
            found: vec![None; lanes],
        }))
    }
}

impl Searching {
    fn label(&mut self, lane: usize, row: &Row<'_>) -> [f32; ARMS] {
        let Actions::Discrete(actions) = row.previous_action else {
            panic!("discrete actions");
        };
        if row.start[lane] {
            (self.tried[lane], self.found[lane]) = ([false; ARMS], None);
        } else {
            let arm = actions[lane] as usize;
            self.tried[lane][arm] = true;
            if row.previous_reward[lane] > 0.0 {
                self.found[lane] = Some(arm);
            }
        }
        let good = |arm: usize| match self.found[lane] {
            Some(found) => arm == found,
            None => !self.tried[lane][arm],
        };
        let good: [bool; ARMS] = std::array::from_fn(good);
        let count = good.iter().filter(|good| **good).count() as f32;
        good.map(|good| if good { 1.0 / count } else { 0.0 })
    }
}

impl Policy for Searching {
    fn act(&mut self, row: &Row<'_>, _: &mut [Stream], out: ActRow<'_>) {
        let actions = out.action.discrete().unwrap();
        for (lane, action) in actions.iter_mut().enumerate() {
            let label = self.label(lane, row);
            *action = label.iter().position(|p| *p > 0.0).unwrap() as u32;
        }
    }

    fn advise(&mut self, row: &Row<'_>, _: &mut [Stream], out: ActRow<'_>) {
        let actions = out.action.discrete().unwrap();
        let rows = actions.iter_mut().zip(out.label.chunks_exact_mut(ARMS));
        for (lane, (action, written)) in rows.enumerate() {
            let label = self.label(lane, row);
            written.copy_from_slice(&label);
            *action = label.iter().position(|p| *p > 0.0).unwrap() as u32;
        }
    }
}

fn constant(value: f64) -> Schedule {
    Schedule {
        from: value,
        to: value,
        shape: Shape::Linear,
    }
}

fn config(backend: BackendKind) -> ImitationConfig {
    ImitationConfig {
        updates: 60,
        lanes: 64,
        tile: 16,
        backend,
        inputs: Input::USUAL.to_vec(),
        teacher: toml::Table::new(),
        handover: Handover {
            from: 1.0,
            to: 0.0,
            over: 0.5,
        },
        teacher_coefficient: constant(1.0),
        reward_scale: 0.2,
        normalize_advantages: true,
        value_coefficient: 0.5,
        max_gradient_norm: 1.0,
        entropy_coefficient: constant(0.0),
        learning_rate: constant(0.02),
        gae: Gae {
            gamma: 1.0,
            lambda: 1.0,
        },
        outer: Outer::Supervised {
            epochs: 1,
            minibatches: 2,
        },
        optimizer: OptimizerConfig::Adam {
            beta1: 0.9,
            beta2: 0.999,
            epsilon: 1e-5,
            weight_decay: 0.0,
        },
        policy: PolicyStart {
            gain: 0.01,
            std: 1.0,
        },
        trunk: SequenceConfig::Gru(Recurrent::plain(16)),
    }
}

fn trainer(config: ImitationConfig, workers: usize) -> Trainer {
    taught_by(Some(Arc::new(Search)), config, workers)
}

fn taught_by(
    teacher: Option<Arc<dyn PolicyFactory>>,
    config: ImitationConfig,
    workers: usize,
) -> Trainer {
    let place = place(workers, nets::Device::Cpu);
    Trainer::new(hidden().as_ref(), (config, teacher), 3, place).unwrap()
}

fn place(workers: usize, device: nets::Device) -> Place {
    Place {
        pool: Arc::new(Pool::new(workers, nets::single_threaded).unwrap()),
        device,
    }
}

/// The divergence of the last update, and the share of steps where both agree.
fn learn(mut trainer: Trainer) -> (f64, f64) {
    let updates = trainer.config().updates;
    let last = (0..updates).map(|_| trainer.update().unwrap()).last();
    let last = last.unwrap();
    (last.divergence, last.agreement)
}

#[test]
fn a_student_does_what_its_teacher_does() {
    for backend in BACKENDS {
        let (divergence, agreement) = learn(trainer(config(backend), 2));
        assert!(divergence < 0.1, "{backend:?}: {divergence} nats");
        assert!(agreement > 0.97, "{backend:?}: {agreement}");
        // One that its teacher's word counts nothing to.
        let deaf = ImitationConfig {
            teacher_coefficient: constant(0.0),
            ..config(backend)
        };
        let (divergence, _) = learn(trainer(deaf, 2));
        assert!(divergence > 0.5, "{backend:?}: {divergence} nats");
    }
}

/// Kickstarting learns by both; here from the teacher's word at first.
#[test]
fn a_teacher_and_rewards_teach_together() {
    let both = ImitationConfig {
        handover: Handover {
            from: 0.0,
            to: 0.0,
            over: 0.0,
        },
        outer: Outer::Ppo {
            clip: 0.2,
            epochs: 2,
            minibatches: 2,
        },
        teacher_coefficient: Schedule {
            from: 1.0,
            to: 0.0,
            shape: Shape::Linear,
        },
        ..config(BackendKind::Native)
    };
    let mut trainer = trainer(both, 2);
    let last = (0..60).map(|_| trainer.update().unwrap()).last().unwrap();
    // The best agent fails once on average before it knows.
    assert!(last.mean_return > 4.8, "{last:?}");
    assert!(last.policy_loss != 0.0 && last.teacher_coefficient < 1e-9);
}

fn objective() -> Objective {
    Objective {
        surrogate: Surrogate::Clipped(0.2),
        value_coefficient: 0.5,
        entropy_coefficient: 0.01,
        teacher_coefficient: 0.7,
    }
}

fn value(losses: &Losses) -> f64 {
    let Objective {
        value_coefficient,
        entropy_coefficient,
        teacher_coefficient,
        ..
    } = objective();
    losses.policy + value_coefficient * losses.value - entropy_coefficient * losses.entropy
        + teacher_coefficient * losses.divergence
}

/// Of each backend, on samples of its own, against differences of the whole objective
/// along the gradient and along a direction that mixes all signs.
#[test]
fn the_gradient_is_that_of_the_objective() {
    let mut gradients = Vec::new();
    for backend in BACKENDS {
        let mut trainer = trainer(config(backend), 2);
        for _ in 0..5 {
            trainer.update().unwrap();
        }
        let learner = trainer.learner_mut();
        learner.collect_beside(0.5).unwrap();
        let decay = config(backend).gae;
        learner.teach(|trajectory, targets| targets.fill(trajectory, decay, 0.2));
        let minibatch = learner.minibatch(&[0, 1, 2, 3], true);
        let at = |values: &[f32]| learner.gradient(values, &minibatch, objective()).unwrap();
        let here = at(learner.parameters());
        let norm = here.values.iter().map(|g| g * g).sum::<f32>().sqrt();
        let along = here.values.iter().map(|g| g / norm).collect();
        let mixed = (0..here.values.len()).map(|i| ((i * 7919 % 13) as f32 - 6.0) * 0.01);
        for direction in [along, mixed.collect::<Vec<f32>>()] {
            let moved = |step: f32| {
                let both = learner.parameters().iter().zip(&direction);
                let values: Vec<f32> = both.map(|(v, d)| v + step * d).collect();
                value(&at(&values).losses)
            };
            let numeric = (moved(0.01) - moved(-0.01)) / 0.02;
            let both = here.values.iter().zip(&direction);
            let exact: f64 = both.map(|(g, d)| f64::from(g * d)).sum();
            let error = (numeric - exact).abs() / exact.abs().max(1e-3);
            assert!(error < 0.02, "{backend:?}: {numeric}, {exact}");
        }
        gradients.push(here);
    }
    for pair in gradients.windows(2) {
        let apart = (pair[0].losses.divergence - pair[1].losses.divergence).abs();
        assert!(apart < 1e-4 && pair[0].losses.divergence > 0.01, "{apart}");
    }
}

/// What the teacher says is of the rows that the student lived.
#[test]
fn labels_are_what_the_teacher_says_of_the_rows() {
    for share in [0.0, 1.0] {
        let mut trainer = trainer(config(BackendKind::Native), 2);
        trainer.learner_mut().collect_beside(share).unwrap();
        let (mut followed, mut all) = (0, 0);
        for tile in trainer.learner().samples().batch.tiles() {
            let trajectory = tile.trajectory();
            let lanes = trajectory.lanes();
            let mut teacher = Searching {
                tried: vec![[false; ARMS]; lanes],
                found: vec![None; lanes],
            };
            let Actions::Discrete(actions) = trajectory.actions() else {
                panic!("discrete actions");
            };
            for t in 0..trajectory.steps() {
                for lane in 0..lanes {
                    let wanted = teacher.label(lane, &trajectory.row(t));
                    let at = t * lanes + lane;
                    assert_eq!(trajectory.labels()[at * ARMS..(at + 1) * ARMS], wanted);
                    let first = wanted.iter().position(|p| *p > 0.0);
                    followed += usize::from(first == Some(actions[at] as usize));
                    all += 1;
                }
            }
        }
        match share {
            0.0 => assert!(followed < all * 2 / 3, "{followed} of {all}"),
            _ => assert_eq!(followed, all),
        }
    }
}

/// Labels of who knows the task are the task's, whatever the student's backend writes.
#[test]
fn who_knows_the_task_is_not_overheard_by_the_student() {
    for backend in BACKENDS {
        let own = ImitationConfig {
            teacher: "name = \"known-task\"".parse().unwrap(),
            handover: Handover {
                from: 0.0,
                to: 0.0,
                over: 0.0,
            },
            ..config(backend)
        };
        let mut trainer = taught_by(None, own, 2);
        trainer.learner_mut().collect().unwrap();
        let mut paid = 0;
        for tile in trainer.learner().samples().batch.tiles() {
            let trajectory = tile.trajectory();
            let Actions::Discrete(actions) = trajectory.actions() else {
                panic!("discrete actions");
            };
            let rows = trajectory.labels().chunks_exact(ARMS).zip(actions);
            for ((label, action), reward) in rows.zip(trajectory.rewards()) {
                assert_eq!(label.iter().sum::<f32>(), 1.0);
                assert_eq!(label[*action as usize], *reward, "{backend:?}: {label:?}");
                paid += usize::from(*reward > 0.0);
            }
        }
        assert!(paid > 0);
    }
}

#[test]
fn the_same_bits_for_any_workers_and_after_a_checkpoint() {
    let mut one = trainer(config(BackendKind::Native), 1);
    let mut two = trainer(config(BackendKind::Native), 2);
    for _ in 0..3 {
        assert_eq!(one.update().unwrap(), two.update().unwrap());
    }
    let mut later = trainer(config(BackendKind::Native), 2);
    later.restore(&one.checkpoint().unwrap()).unwrap();
    assert_eq!(one.update().unwrap(), later.update().unwrap());
}

/// A new training begins with what another learned, and with nothing else of it.
#[test]
fn one_begins_from_another() {
    let mut first = trainer(config(BackendKind::Native), 2);
    for _ in 0..3 {
        first.update().unwrap();
    }
    let mut second = trainer(config(BackendKind::Native), 2);
    second.begin_from(&first.checkpoint().unwrap()).unwrap();
    assert_eq!(first.learner().parameters(), second.learner().parameters());
    assert_eq!(second.updates_done(), 0);
    let name = second.policy(ActMode::Greedy).name();
    assert_eq!(name, "imitation");
    let other = ImitationConfig {
        trunk: SequenceConfig::Gru(Recurrent::plain(8)),
        ..config(BackendKind::Native)
    };
    let mut other = trainer(other, 1);
    let before = Arc::clone(other.learner().parameters());
    let refused = other.begin_from(&first.checkpoint().unwrap()).unwrap_err();
    assert!(refused.to_string().contains("trunk.weight_ih"), "{refused}");
    assert_eq!(*other.learner().parameters(), before);
}

#[test]
fn the_teacher_hands_over() {
    let handover = Handover {
        from: 1.0,
        to: 0.2,
        over: 0.5,
    };
    let shares = [0, 5, 10, 19].map(|update| handover.at(update, 20));
    for (share, wanted) in shares.into_iter().zip([1.0, 0.6, 0.2, 0.2]) {
        assert!((share - wanted).abs() < 1e-12, "{share}, {wanted}");
    }
    let at_once = Handover {
        over: 0.0,
        ..handover
    };
    assert_eq!(at_once.at(0, 20), 0.2);
}

#[test]
fn settings_that_cannot_be_followed_are_refused() {
    let refusal = |config: ImitationConfig| config.validate().unwrap_err().to_string();
    let ppo = ImitationConfig {
        outer: Outer::Ppo {
            clip: 0.2,
            epochs: 1,
            minibatches: 2,
        },
        ..config(BackendKind::Native)
    };
    let message = refusal(ppo);
    assert!(
        message.starts_with("imitation.handover.from = 1"),
        "{message}"
    );
    let mut uneven = config(BackendKind::Native);
    uneven.outer = Outer::Supervised {
        epochs: 1,
        minibatches: 3,
    };
    let message = refusal(uneven);
    assert!(
        message.starts_with("imitation.outer.minibatches = 3"),
        "{message}"
    );
    let mut late = config(BackendKind::Native);
    late.handover.over = 1.5;
    let message = refusal(late);
    assert!(
        message.starts_with("imitation.handover.over = 1.5"),
        "{message}"
    );
}
