use super::*;
use crate::tabular::belief::{Belief, Prior};
use rl_core::rand::RngExt as _;
use rl_core::tabular::{Behaviour, Model, Planner};
use rl_core::{Domain, Purpose, Stream, StreamKey};

/// A drawn MDP, some of whose actions may end an episode, and the same for
/// the planner: the end is its last state.
fn drawn(sizes: Sizes, rng: &mut Stream) -> (Guess, Model) {
    let prior = Prior {
        mean: 0.0,
        weight: 1.0,
    };
    let mut belief = Belief::new(sizes, prior);
    for pair in 0..sizes.pairs() {
        if rng.random::<bool>() {
            belief.see_transition(pair, sizes.states);
        }
    }
    let mut guess = Guess::new(sizes);
    belief.sample(&mut guess, rng);
    let mut model = Model::new(sizes.states + 1, sizes.actions);
    model.terminal[sizes.states] = true;
    for state in 0..sizes.states {
        for action in 0..sizes.actions {
            let pair = sizes.pair(state, action);
            model.mean_reward[state * sizes.actions + action] = guess.reward[pair];
            let row = model.row_mut(state, action).iter_mut().enumerate();
            row.for_each(|(next, p)| *p = guess.transition[next * sizes.pairs() + pair]);
        }
    }
    model.validate().unwrap();
    (guess, model)
}

#[test]
fn solutions_are_those_of_the_exact_planner() {
    let mut rng = StreamKey::new(2, Domain::Tuning, 0).lane(Purpose::Task, 0);
    let mut planner = Planner::default();
    for (states, actions, horizon) in [(1, 1, 1), (1, 3, 4), (2, 2, 3), (5, 3, 7), (10, 5, 10)] {
        let sizes = Sizes {
            states,
            actions,
            horizon,
        };
        let (guess, model) = drawn(sizes, &mut rng);
        let mut q = vec![0.0; horizon * sizes.pairs()];
        // Solved twice: nothing of the first time may be left.
        let mut values = Values::new(sizes);
        values.solve(&guess, &mut q);
        values.solve(&guess, &mut q);
        let mut plan = vec![0; horizon * (states + 1)];
        for (step, q) in q.chunks_exact(sizes.pairs()).enumerate() {
            for state in 0..states {
                let value = |action: &usize| q[sizes.pair(state, *action)];
                let best = (0..actions).max_by(|a, b| value(a).total_cmp(&value(b)));
                plan[step * (states + 1) + state] = best.unwrap() as u32;
            }
        }
        let optimum = planner.optimum(&model, horizon);
        let first = (0..actions).map(|action| q[sizes.pair(0, action)]);
        let value = first.fold(f64::NEG_INFINITY, f64::max);
        assert!((value - optimum).abs() < 1e-9, "{value}, not {optimum}");
        let found = planner.evaluate(&model, horizon, Behaviour::Actions(&plan));
        assert!((found.unwrap() - optimum).abs() < 1e-9);
    }
}
