//! What they earn.

use crate::common::{KEY, make, tabular_learners};
use mdps::{DirichletMdp, DirichletMdpSettings};
use rl_core::{Actions, EnvFactory, EnvSpec, Moments, PolicyFactory, Rollout, Tasks};

fn dirichlet(episodes: usize) -> Tasks<DirichletMdp> {
    let settings = DirichletMdpSettings {
        states: 10,
        actions: 5,
        horizon: 10,
        episodes,
    };
    Tasks::new(DirichletMdp::new(settings).unwrap()).unwrap()
}

/// One trial in each of `lanes` MDPs from `first_lane` on: all actions,
/// `[steps][lanes]`, and the lanes' returns of each episode, `[lanes][episodes]`.
fn trial(
    tasks: &Tasks<DirichletMdp>,
    factory: &dyn PolicyFactory,
    first_lane: u64,
    lanes: usize,
) -> (Vec<u32>, Vec<Vec<f64>>) {
    let EnvSpec { horizon, .. } = *tasks.spec();
    let episodes = tasks.spec().most_episodes();
    let mut policy = factory.make(tasks.spec(), lanes).unwrap();
    let mut rollout = Rollout::new(tasks.make(lanes), horizon * episodes);
    rollout.begin(&KEY, first_lane);
    rollout.play(policy.as_mut());
    let trajectory = rollout.trajectory();
    let mut returns = vec![vec![0.0; episodes]; lanes];
    for (t, row) in trajectory.rewards().chunks_exact(lanes).enumerate() {
        for (sums, reward) in returns.iter_mut().zip(row) {
            sums[t / horizon] += f64::from(*reward);
        }
    }
    let Actions::Discrete(actions) = trajectory.actions() else {
        panic!("the actions are discrete");
    };
    (actions.to_vec(), returns)
}

#[test]
fn choices_do_not_depend_on_how_lanes_are_grouped() {
    let tasks = dirichlet(4);
    for info in tabular_learners() {
        let factory = make(info.name, &[]);
        let (whole, _) = trial(&tasks, factory.as_ref(), 10, 8);
        let (left, _) = trial(&tasks, factory.as_ref(), 10, 4);
        let (right, _) = trial(&tasks, factory.as_ref(), 14, 4);
        let halves = left.chunks(4).zip(right.chunks(4));
        let halves: Vec<_> = halves.flat_map(|(left, right)| [left, right]).collect();
        assert_eq!(whole, halves.concat(), "{}", info.name);
    }
}

/// Duan et al. 2016, table 2, whose means are over 1,000 MDPs, with the prior
/// of the code they ran: mean rewards N(0, 1), and next to none for the greedy
/// ones. Within 3 standard errors of the difference; the standard deviation of
/// one trial is 27 at 10 episodes and 60 at 25.
#[test]
fn published_returns() {
    let zero = ("prior_mean", 0.0);
    let slight = ("prior_weight", 0.01);
    let tasks = dirichlet(25);
    for (name, params, lanes, published) in [
        ("psrl", &[zero][..], 1000, [138.1, 408.8]),
        ("opsrl", &[zero, ("samples", 20.0)], 250, [144.1, 425.2]),
        ("mdp-greedy", &[zero, slight], 1000, [134.8, 368.8]),
        ("mdp-epsilon-greedy", &[zero, slight], 1000, [132.8, 377.3]),
    ] {
        let (_, returns) = trial(&tasks, make(name, params).as_ref(), 0, lanes);
        let cells = [(10, 27.0), (25, 60.0)].into_iter().zip(published);
        for ((episodes, deviation), published) in cells {
            let sums = returns.iter().map(|row| row[..episodes].iter().sum());
            let found: Moments = sums.collect();
            let error = found.standard_error().hypot(deviation / f64::sqrt(1000.0));
            assert!(
                (found.mean() - published).abs() < 3.0 * error,
                "{name}, {episodes} episodes: {found:?}, not {published}",
            );
        }
    }
}

/// With the right prior, what each learner gains over its first ten episodes
/// (a random agent gains 100, one that knows its MDP 218), 3 standard errors
/// or more above what is claimed.
#[test]
fn every_learner_learns() {
    let tasks = dirichlet(10);
    for (name, params, claim) in [
        ("q-lambda", &[("lambda", 0.0)][..], 120.0),
        ("psrl", &[], 130.0),
        ("opsrl", &[], 132.0),
        ("mdp-epsilon-greedy", &[], 146.0),
        ("mdp-greedy", &[], 150.0),
        ("ucrl2", &[], 151.0),
        ("beb", &[("beta", 0.5)], 153.0),
    ] {
        let (_, returns) = trial(&tasks, make(name, params).as_ref(), 0, 1000);
        let found: Moments = returns.iter().map(|row| row.iter().sum()).collect();
        assert!(
            found.mean() - 3.0 * found.standard_error() > claim,
            "{name}: {found:?}"
        );
        assert!(found.mean() < 218.0, "{name}: {found:?}");
    }
}
