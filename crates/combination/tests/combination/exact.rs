//! Exact values against closed forms, definitions and simulations.

use crate::common::{assert_agrees, bandit, combined, grid, play};
use bandits::Variant;
use combination::ByPosterior::{Held, Mixture, Qmdp, Sampling};
use combination::{ByPosterior, Rule, exact_rewards};
use navigation::PosteriorSampling;
use rl_core::{EnvFactory, PolicyFactory};
use std::sync::Arc;

fn value(rule: ByPosterior, env: &Arc<dyn EnvFactory>) -> f64 {
    exact_rewards(rule, env.as_ref()).unwrap().iter().sum()
}

fn assert_close(found: f64, wanted: f64) {
    assert!((found - wanted).abs() < 1e-9, "{found}, not {wanted}");
}

/// An episode of two steps on 3×3 cells reaches two of the five goals. At (2, 0) it ends
/// if the target is that, or in one case of four if it is (2, 1) or (2, 2), and likewise
/// for (0, 2); a fifth of the time that is the goal.
#[test]
fn one_short_episode_by_hand() {
    let at_goal = 2.0 * (1.0 + 0.25 + 0.25) / 5.0 / 5.0;
    assert_close(value(Sampling, &grid(3, 2, 1)), 1.1 * at_goal - 0.2);
}

/// Trials of one task each, over every task, every draw and every way to tie: nothing is
/// counted together, and nothing is known of the belief but what was visited.
#[test]
fn posterior_sampling_by_its_definition() {
    struct Definition {
        size: i32,
        horizon: u32,
        steps: u32,
        held: bool,
    }
    type At = (i32, i32);
    impl Definition {
        fn goals(&self) -> Vec<At> {
            let cells = (0..self.size).flat_map(|y| (0..self.size).map(move |x| (x, y)));
            cells.filter(|(x, y)| *x > 1 || *y > 1).collect()
        }

        fn value(&self, goal: At, step: u32, at: At, visited: &[At], target: At) -> f64 {
            if step == self.steps {
                return 0.0;
            }
            let possible: Vec<At> = match visited.contains(&goal) {
                true => vec![goal],
                false => self
                    .goals()
                    .into_iter()
                    .filter(|g| !visited.contains(g))
                    .collect(),
            };
            let settled = !self.held && possible.len() == 1;
            let targets = match step.is_multiple_of(self.horizon) || settled {
                true => possible,
                false => vec![target],
            };
            let mut sum = 0.0;
            for target in &targets {
                let (dx, dy) = ((target.0 - at.0).signum(), (target.1 - at.1).signum());
                let moves: &[At] = match (dx, dy) {
                    (0, 0) => &[(0, 0)],
                    (_, 0) => &[(dx, 0)],
                    (0, _) => &[(0, dy)],
                    _ => &[(dx, 0), (0, dy)],
                };
                for by in moves {
                    let to = (at.0 + by.0, at.1 + by.1);
                    let reward = if to == goal { 1.0 } else { -0.1 };
                    let visited = [visited, &[to]].concat();
                    let next = if (step + 1).is_multiple_of(self.horizon) {
                        (0, 0)
                    } else {
                        to
                    };
                    let later = self.value(goal, step + 1, next, &visited, *target);
                    sum += (reward + later) / (targets.len() * moves.len()) as f64;
                }
            }
            sum
        }
    }
    let sizes = [(3, 3, 2), (3, 5, 2), (4, 4, 1), (3, 2, 3)];
    let cases = sizes.map(|size| [(size, Sampling), (size, Held)]);
    for ((size, horizon, episodes), rule) in cases.into_iter().flatten() {
        let (horizon, steps) = (horizon as u32, (horizon * episodes) as u32);
        let by = Definition {
            size: size as i32,
            horizon,
            steps,
            held: rule == Held,
        };
        let goals = by.goals();
        let values = goals
            .iter()
            .map(|goal| by.value(*goal, 0, (0, 0), &[], (0, 0)));
        let wanted = values.sum::<f64>() / goals.len() as f64;
        let env = grid(size, horizon as usize, episodes);
        assert_close(value(rule, &env), wanted);
    }
}

/// The learner that GridNavi brings along acts alike, and knows nothing of this crate.
#[test]
fn gridnavis_own_posterior_sampling_earns_the_exact_value() {
    let env = grid(4, 8, 3);
    let own: Arc<dyn PolicyFactory> = Arc::new(PosteriorSampling);
    let played = play(&env, &own, 10_000);
    assert_agrees(&played.returns, value(Sampling, &env), "posterior-sampling");
}

#[test]
fn simulations_on_grids_agree() {
    let env = grid(4, 8, 3);
    let exact = env.exact_values();
    let optimal = exact.bayes_optimal.get().unwrap();
    for rule in [Sampling, Held, Mixture, Qmdp] {
        let rewards = exact_rewards(rule, env.as_ref()).unwrap();
        assert_eq!(rewards.len(), 24);
        let played = play(&env, &combined(Rule::ByPosterior(rule), &env), 5_000);
        assert_agrees(&played.returns, rewards.iter().sum(), &format!("{rule:?}"));
        for (own, episode) in played.episode_returns.iter().zip(rewards.chunks(8)) {
            assert_agrees(
                own,
                episode.iter().sum(),
                &format!("an episode of {rule:?}"),
            );
        }
        let sum = rewards.iter().sum::<f64>();
        assert!(exact.random.get().unwrap() < sum && sum < optimal, "{sum}");
    }
}

/// At the published size, as a program apart from this one has worked it out. How
/// sampling does in an episode does not depend on how many follow.
#[test]
fn the_published_grid() {
    let qmdp = value(Qmdp, &grid(5, 15, 4));
    assert!((qmdp - 25.083_423).abs() < 1e-6, "{qmdp}");
    let held = value(Held, &grid(5, 15, 4));
    assert!((held - 7.777_239_618_508).abs() < 1e-9, "{held}");
    let rewards = exact_rewards(Sampling, grid(5, 15, 2).as_ref()).unwrap();
    for (episode, wanted) in rewards.chunks(15).zip([0.495_464_853, 2.260_104_995]) {
        let found: f64 = episode.iter().sum();
        assert!((found - wanted).abs() < 1e-8, "{found}");
    }
}

#[test]
fn simulations_on_bandits_agree() {
    for (variant, pulls) in [
        (Variant::Easy, 10),
        (Variant::Medium, 40),
        (Variant::Hard, 100),
    ] {
        let env = bandit(variant, pulls);
        for rule in [Sampling, Held, Mixture, Qmdp] {
            let played = play(&env, &combined(Rule::ByPosterior(rule), &env), 2_000);
            let place = format!("{rule:?} of {variant:?}");
            assert_agrees(&played.returns, value(rule, &env), &place);
        }
    }
}

/// Nothing is to be explored, so that QMDP is Bayes-optimal; a trial is one episode, so
/// that sampling learns nothing; and the mixture is Thompson sampling, which is right as
/// often as the posterior is.
#[test]
fn bandits_in_closed_form() {
    for (variant, better) in [
        (Variant::Easy, 0.9_f64),
        (Variant::Medium, 0.75),
        (Variant::Hard, 0.6),
    ] {
        let env = bandit(variant, 100);
        assert_close(value(Sampling, &env), 50.0);
        let optimal = env.exact_values().bayes_optimal.get().unwrap();
        assert_close(value(Qmdp, &env), optimal);
        // Pulls that spoke for the better arm, by Pascal's triangle.
        let mut chances = vec![1.0];
        let mut thompson = 0.0;
        for pulls in 0..100 {
            for (right, chance) in chances.iter().enumerate() {
                let lead = 2.0 * right as f64 - f64::from(pulls);
                let sure = 1.0 / (1.0 + ((1.0 - better) / better).powf(lead));
                thompson += chance * (sure * better + (1.0 - sure) * (1.0 - better));
            }
            let padded = |at: usize| chances.get(at).copied().unwrap_or(0.0);
            let next = (0..=chances.len()).map(|right| {
                let before = if right == 0 { 0.0 } else { padded(right - 1) };
                better * before + (1.0 - better) * padded(right)
            });
            chances = next.collect();
        }
        assert_close(value(Mixture, &env), thompson);
    }
}

#[test]
fn what_is_too_much_is_refused() {
    let why = |env: Arc<dyn EnvFactory>| exact_rewards(Mixture, env.as_ref()).unwrap_err();
    let many = why(grid(9, 4, 2));
    assert!(many.contains("set size=8"), "{many}");
    let infinite = why(bandit(Variant::Uniform, 10));
    assert!(infinite.contains("variant=easy"), "{infinite}");
}
