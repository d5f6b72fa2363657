//! The FTRL family, where rewards are chosen by an adversary.

use crate::common::{assert_share, make, mean_return, share};
use rl_core::{
    ActionSpace, Discrete, EnvSpec, Environment, ObservationSpace, Step, Stream, TaskDistribution,
    Tasks,
};

/// After a first pull with probability 1/2 that gave nothing, its estimated
/// loss is 2. With η(2) the probabilities of the same arm follow from
/// w = φ(y + 2η), y such that both add up to 1.
#[test]
fn second_pulls_by_hand() {
    for (name, params, reward, wanted) in [
        // 1 / (1 + exp(2 √(ln 2 / 4)))
        ("exp3", &[][..], 0.0, 0.3031),
        // η = √2
        ("tsallis-inf", &[], 0.0, 0.1594),
        // η = √ln(2 + e)
        ("ftrl-log-barrier", &[], 0.0, 0.2602),
        // A reward of 1 is no loss.
        ("exp3", &[], 1.0, 0.5),
        ("tsallis-inf", &[], 1.0, 0.5),
        ("ftrl-log-barrier", &[], 1.0, 0.5),
        // With the baseline 1/2, losses of 3/2 or −1/2 against 1/2; the rate
        // is low enough for it.
        (
            "tsallis-inf",
            &[("reduced_variance", 1.0), ("rate", 0.1)],
            0.0,
            0.4503,
        ),
        (
            "tsallis-inf",
            &[("reduced_variance", 1.0), ("rate", 0.1)],
            1.0,
            0.5497,
        ),
        // At the published rate it is not, and the losses are 2 and 0.
        ("tsallis-inf", &[("reduced_variance", 1.0)], 1.0, 0.5),
    ] {
        let learner = make(name, params);
        assert_share(share(learner.as_ref(), 2, &[(1, reward)], 1), wanted);
    }
}

/// Five arms over 6,000 pulls in four segments, each with another arm that
/// pays nine times in ten while the others pay once in ten, by a fixed
/// schedule: 1, 0, 2, 0. Arm 0 is the best of all.
struct Switching;

const PULLS: usize = 6000;
const ARMS: usize = 5;

fn pays(pull: usize, arm: usize) -> bool {
    let leader = [1, 0, 2, 0][pull * 4 / PULLS];
    // Seven has no divisor in common with ten, so that every ten pulls in a
    // row meet each remainder once.
    let remainder = (7 * pull + 3 * arm) % 10;
    remainder < if arm == leader { 9 } else { 1 }
}

#[derive(Default)]
struct Schedule;

impl Environment for Schedule {
    type State = usize;
    type Action = Discrete;

    fn reset(&self, pull: &mut usize, _rng: &mut Stream) {
        *pull = 0;
    }

    fn step(&self, pull: &mut usize, action: &u32, _rng: &mut Stream) -> Step {
        *pull += 1;
        Step::proceed(f32::from(u8::from(pays(*pull - 1, *action as usize))))
    }

    fn observe(&self, _pull: &usize, _observation: &mut [f32]) {}
}

impl TaskDistribution for Switching {
    type Task = Schedule;

    fn spec(&self) -> EnvSpec {
        EnvSpec {
            name: "switching".into(),
            observation: ObservationSpace::Vector { size: 0 },
            action: ActionSpace::Discrete { size: ARMS },
            horizon: PULLS,
            episodes: 1,
        }
    }

    fn sample(&self, _task: &mut Schedule, _rng: &mut Stream) {}
}

/// Regret against the best arm in hindsight, over 50 lives: below the bound by
/// 3 standard errors, and well below what the arms that never lead, or a
/// random choice, would regret.
#[test]
fn regret_is_below_its_bound() {
    let tasks = Tasks::new(Switching).unwrap();
    let total = |arm| (0..PULLS).filter(|pull| pays(*pull, arm)).count() as f64;
    let best = (0..ARMS).map(total).fold(0.0, f64::max);
    assert_eq!((best, total(4)), (3000.0, 600.0));
    let (k, t) = (ARMS as f64, PULLS as f64);
    for (name, params, bound) in [
        ("exp3", &[][..], 2.0 * (t * k * k.ln()).sqrt()),
        ("tsallis-inf", &[], 4.0 * (k * t).sqrt() + 1.0),
        (
            "tsallis-inf",
            &[("reduced_variance", 1.0)],
            2.0 * (k * t).sqrt() + 10.0 * k * t.ln() + 16.0,
        ),
        (
            "ftrl-log-barrier",
            &[],
            2.0 * (t * k * (t + std::f64::consts::E).ln()).sqrt() + 1.0,
        ),
    ] {
        let earned = mean_return(&tasks, make(name, params).as_ref(), 50);
        let regret = best - earned.mean();
        assert!(
            regret + 3.0 * earned.standard_error() < bound,
            "{name}: {regret}, bound {bound}"
        );
    }
    let random = mean_return(&tasks, make("random", &[]).as_ref(), 50);
    assert!(best - random.mean() > 1200.0, "{}", random.mean());
}
