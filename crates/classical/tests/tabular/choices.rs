//! What they choose after a given history.

use crate::common::{make, spec, streams, tabular_learners};
use rl_core::{
    ActRow, ActionSpace, Actions, ActionsMut, EnvSpec, ObservationSpace, Outcome, Policy,
    PolicyFactory, Row, Stream,
};

/// Where a step led.
#[derive(Clone, Copy)]
enum Next {
    /// To a state of the same episode.
    State(usize),
    /// To the episode's last state, if that is shown; the next episode starts
    /// in state 0.
    Truncated(Option<usize>),
    /// To the episode's end; the next episode starts in state 0.
    Terminated,
}
use Next::{State, Terminated, Truncated};

/// One step of a history: action, reward, where it led.
type Past = (u32, f32, Next);

/// What a policy chooses in all lanes after a step, or at the start of a trial.
fn choose(policy: &mut dyn Policy, streams: &mut [Stream], past: Option<Past>) -> Vec<u32> {
    let lanes = streams.len();
    let (action, reward, next) = past.unwrap_or((0, 0.0, State(0)));
    let (state, last, outcome) = match next {
        State(state) => (state, None, Outcome::Continue),
        Truncated(last) => (0, last, Outcome::Truncated),
        Terminated => (0, None, Outcome::Terminated),
    };
    let last = last.map(|state| vec![state as f32; lanes]);
    let row = Row {
        lanes,
        observation: &vec![state as f32; lanes],
        start: &vec![past.is_none(); lanes],
        previous_action: Actions::Discrete(&vec![action; lanes]),
        previous_reward: &vec![reward; lanes],
        previous_outcome: &vec![outcome; lanes],
        told: &[],
        final_observation: last.as_deref(),
    };
    let mut actions = vec![u32::MAX; lanes];
    let out = ActRow {
        action: ActionsMut::Discrete(&mut actions),
        log_prob: &mut vec![0.0; lanes],
        value: &mut vec![0.0; lanes],
        label: &mut [],
    };
    policy.act(&row, streams, out);
    actions
}

/// What a learner chooses in every lane after a history that starts in state 0.
fn after(factory: &dyn PolicyFactory, spec: &EnvSpec, lanes: usize, history: &[Past]) -> Vec<u32> {
    let mut policy = factory.make(spec, lanes).unwrap();
    let mut streams = streams(lanes);
    let mut actions = choose(policy.as_mut(), &mut streams, None);
    for past in history {
        actions = choose(policy.as_mut(), &mut streams, Some(*past));
    }
    actions
}

/// How often an action is chosen after a history, as a share of 40,000 lanes;
/// 0.0075 is 3 standard errors or more of such a share.
fn assert_share(
    factory: &dyn PolicyFactory,
    spec: &EnvSpec,
    history: &[Past],
    action: u32,
    wanted: f64,
) {
    let chosen = after(factory, spec, 40_000, history);
    let share = chosen.iter().filter(|chosen| **chosen == action).count() as f64;
    let found = share / chosen.len() as f64;
    assert!((found - wanted).abs() < 0.0075, "{found}, not {wanted}");
}

/// Two states, horizon 2: state 0 pays 1 for action 0, and action 1 leads to
/// state 1, which pays.
fn two_states(prize: f32, last: Option<usize>) -> [Past; 4] {
    [
        (0, 1.0, State(0)),
        (1, 0.0, Truncated(last)),
        (1, 0.0, State(1)),
        (0, prize, Truncated(Some(0))),
    ]
}

#[test]
fn greedy_plans_by_hand() {
    // r(0, ·) = 1, 1/3; r(1, 0) = (1 + 4.6) / 2 = 2.8. By action 0, state 1 has
    // the probability 1/3, by action 1 3/4: q(0, 0) = 1 + 2/3 + 2.8/3 = 2.6
    // against 1/3 + 1/4 + 0.75 · 2.8 = 2.683.
    let greedy = make("mdp-greedy", &[]);
    let spec = spec(2, 2, 2);
    let chosen = |history: &[Past]| after(greedy.as_ref(), &spec, 1, history)[0];
    assert_eq!(chosen(&two_states(4.6, Some(1))), 1);
    assert_eq!(chosen(&two_states(4.2, Some(1))), 0);
    // Where the truncated episode ended makes the difference: with state 0, or
    // not knowing, state 1 has the probability 1/2 or 2/3 only.
    assert_eq!(chosen(&two_states(4.6, Some(0))), 0);
    assert_eq!(chosen(&two_states(4.6, None)), 0);
    assert_eq!(chosen(&two_states(5.4, None)), 1);
    // In the last step nothing comes after: action 0 pays more.
    let mut history = two_states(4.6, Some(1)).to_vec();
    history.push((1, 0.0, State(0)));
    assert_eq!(chosen(&history), 0);
    let never_random = make("mdp-epsilon-greedy", &[("epsilon", 0.0)]);
    assert_eq!(after(never_random.as_ref(), &spec, 1, &history), [0]);
}

#[test]
fn priors_are_what_was_asked_for() {
    // r(0, 0) = (2 · 3 + 0) / (2 + 1) = 2 against 3; with weight 1 and mean 0,
    // 1/2 · 1 against 0.
    let spec = spec(1, 2, 1);
    let after_one = |params: &[_], reward| {
        let history = [(0, reward, Truncated(Some(0)))];
        after(make("mdp-greedy", params).as_ref(), &spec, 1, &history)[0]
    };
    let generous = [("prior_mean", 3.0), ("prior_weight", 2.0)];
    assert_eq!(after_one(&generous, 2.9), 1);
    assert_eq!(after_one(&generous, 3.1), 0);
    assert_eq!(after_one(&[("prior_mean", 0.0)], 0.1), 0);
    assert_eq!(after_one(&[], 0.1), 1);
}

#[test]
fn the_end_is_worth_nothing() {
    // One state, horizon 3. Action 0 gives (1 + 1.6) / 2 = 1.3 and ends half of
    // the time; action 1 gives 1 and does not: 1.3 + 0.5 · 1.3 = 1.95 against
    // 1 + 1.3 = 2.3 with two steps to go.
    let greedy = make("mdp-greedy", &[]);
    let mut history = vec![(0, 1.6, Terminated)];
    let mut chosen = Vec::new();
    for _ in 0..3 {
        chosen.extend(after(greedy.as_ref(), &spec(1, 2, 3), 1, &history));
        history.push((1, 1.0, State(0)));
    }
    assert_eq!(chosen, [1, 1, 0]);
}

#[test]
fn bonus_by_hand() {
    // 1.5 + β/2 against 1 + β.
    let history = [(0, 2.0, Truncated(Some(0)))];
    for (beta, wanted) in [(0.0, 0), (0.9, 0), (1.1, 1)] {
        let beb = make("beb", &[("beta", beta)]);
        assert_eq!(after(beb.as_ref(), &spec(1, 2, 1), 1, &history), [wanted]);
    }
}

#[test]
fn confidence_by_hand() {
    // Posterior means 5/3 and 1; widths w/√2 and w with w = scale · √(3.5 ln
    // (2 · 2 · 3 / 0.05)) = 4.380 scale: equal where scale = 0.520.
    let step = (0, 2.0, Truncated(Some(0)));
    for (scale, wanted) in [(0.0, 0), (0.50, 0), (0.54, 1)] {
        let ucrl2 = make("ucrl2", &[("scale", scale)]);
        let found = after(ucrl2.as_ref(), &spec(1, 2, 1), 1, &[step, step]);
        assert_eq!(found, [wanted]);
    }
}

#[test]
fn posterior_sampling_samples_the_posterior() {
    // N(2, 1/2) against N(1, 1): Φ(1 / √1.5).
    let step = |reward| (0, reward, Truncated(Some(0)));
    let spec = spec(1, 2, 1);
    let psrl = make("psrl", &[]);
    assert_share(psrl.as_ref(), &spec, &[step(3.0)], 0, 0.79289);
    // N(1, 1/4) against N(1, 1), and the higher of two draws each, for which
    // the integral of the densities was taken numerically.
    let history = [step(1.0); 3];
    assert_share(psrl.as_ref(), &spec, &history, 0, 0.5);
    let two = make("opsrl", &[("samples", 2.0)]);
    assert_share(two.as_ref(), &spec, &history, 0, 0.38446);
    let one = make("opsrl", &[("samples", 1.0)]);
    let wanted = after(psrl.as_ref(), &spec, 1000, &history);
    assert_eq!(after(one.as_ref(), &spec, 1000, &history), wanted);
}

#[test]
fn equals_are_chosen_at_random_and_anew() {
    let spec = spec(2, 3, 4);
    for info in tabular_learners() {
        let factory = make(info.name, &[]);
        for action in 0..3 {
            assert_share(factory.as_ref(), &spec, &[], action, 1.0 / 3.0);
        }
    }
    // Back in the same state within an episode.
    let greedy = make("mdp-greedy", &[]);
    assert_share(greedy.as_ref(), &spec, &[(0, 0.0, State(0))], 0, 1.0 / 3.0);
}

#[test]
fn epsilon_greedy_explores_with_probability_epsilon() {
    let history = [(1, 5.0, Truncated(Some(0)))];
    let explorer = make("mdp-epsilon-greedy", &[("epsilon", 0.3)]);
    for (action, wanted) in [(0, 0.1), (1, 0.8), (2, 0.1)] {
        assert_share(explorer.as_ref(), &spec(1, 3, 1), &history, action, wanted);
    }
    let q = [("epsilon", 0.3), ("alpha", 0.5), ("lambda", 0.5)];
    for (action, wanted) in [(0, 0.1), (1, 0.8), (2, 0.1)] {
        let q = make("q-lambda", &q);
        assert_share(q.as_ref(), &spec(1, 3, 1), &history, action, wanted);
    }
}

#[test]
fn q_lambda_by_hand() {
    // Q(1, 0) = 0.5 · 2, and by the trace Q(0, 1) = 0.5 · 2 · 0.8; without
    // one, both actions of state 0 are equal.
    let spec = spec(2, 2, 2);
    let mut history = vec![(1, 0.0, State(1)), (0, 2.0, Truncated(Some(0)))];
    let q = |lambda| {
        make(
            "q-lambda",
            &[("alpha", 0.5), ("lambda", lambda), ("epsilon", 0.0)],
        )
    };
    assert_share(q(0.8).as_ref(), &spec, &history, 1, 1.0);
    assert_share(q(0.0).as_ref(), &spec, &history, 1, 0.5);
    // Action 1 is not greedy in state 1, so what it gives says nothing of
    // state 0, where Q(0, 1) = 0.8 + 0.5 · (0 + 1 − 0.8) = 0.9 remains.
    history.extend([(1, 0.0, State(1)), (1, -10.0, Truncated(Some(0)))]);
    assert_share(q(0.8).as_ref(), &spec, &history, 1, 1.0);
    // A greedy one's does: Q(0, 1) = 0.9 + 0.5 · (−9 − 1) · 0.8 < 0.
    history.truncate(3);
    history.push((0, -9.0, Truncated(Some(0))));
    assert_share(q(0.8).as_ref(), &spec, &history, 1, 0.0);
}

/// A learner that has lived through a trial acts in the next one like a new
/// learner with the same streams.
#[test]
fn everything_is_forgotten_when_a_trial_begins() {
    let spec = spec(2, 2, 2);
    for info in tabular_learners() {
        let factory = make(info.name, &[]);
        let mut used = factory.make(&spec, 50).unwrap();
        let mut used_streams = streams(50);
        choose(used.as_mut(), &mut used_streams, None);
        for past in two_states(9.0, Some(1)).repeat(5) {
            choose(used.as_mut(), &mut used_streams, Some(past));
        }
        let mut new = factory.make(&spec, 50).unwrap();
        let mut new_streams = used_streams.clone();
        let history = two_states(0.0, Some(1)).map(Some);
        for past in [None].into_iter().chain(history) {
            let wanted = choose(new.as_mut(), &mut new_streams, past);
            let found = choose(used.as_mut(), &mut used_streams, past);
            assert_eq!(found, wanted, "{}", info.name);
        }
    }
}

#[test]
fn where_they_cannot_act_is_refused() {
    let discrete = ActionSpace::Discrete { size: 2 };
    let boxed = ActionSpace::Box {
        low: vec![0.0; 2],
        high: vec![1.0; 2],
    };
    let vector = ObservationSpace::Vector { size: 3 };
    let huge = ObservationSpace::Discrete { size: 1 << 24 };
    for (observation, action, wanted) in [
        (huge.clone(), boxed, "actions of toy are vectors of 2 real"),
        (
            vector,
            discrete.clone(),
            "observations of toy are vectors of 3",
        ),
    ] {
        let spec = EnvSpec {
            observation,
            action,
            ..spec(2, 2, 2)
        };
        for info in tabular_learners() {
            let why = make(info.name, &[]).make(&spec, 64).err().unwrap();
            assert!(why.starts_with(info.name), "{why}");
            assert!(why.contains(wanted), "{why}");
        }
    }
    // Tables that nothing can hold are counted before they are made.
    let spec = EnvSpec {
        observation: huge,
        action: discrete,
        ..spec(2, 2, 2)
    };
    for info in tabular_learners() {
        let bytes = make(info.name, &[]).bytes(&spec, 64);
        assert!(bytes > 1e10, "{}: {bytes}", info.name);
    }
}
