//! The two-step task, its Bayes-optimal policy and its analysis, on the engine.

use crate::common::{
    KEY, Rule, Seen, farthest_step, returns, run, run_trials, standard_errors, trial,
};
use mdps::{RiverSwim, Round, Stay, StayProbability, TwoStep, TwoStepTask};
use rl_core::{ActionsMut, EnvFactory as _, Environment as _, Outcome, Purpose, TaskDistribution};
use rl_core::{Tasks, Trajectory};

fn tasks(rounds: usize) -> Tasks<TwoStep> {
    Tasks::new(TwoStep::new(rounds, 0.8, 0.9).unwrap()).unwrap()
}

/// Goes by the last reward, whatever the transition was; in the second stage
/// it repeats its choice, so that it knows it afterwards.
fn win_stay(seen: Seen) -> u32 {
    match (seen.observation, seen.action, seen.reward > 0.5) {
        (_, None, _) => 0,
        (0.0, Some(action), false) => 1 - action,
        (_, Some(action), _) => action,
    }
}

#[test]
fn a_round_by_hand() {
    let distribution = TwoStep::new(3, 1.0, 1.0).unwrap();
    let mut task = TwoStepTask::default();
    let mut rng = KEY.lane(Purpose::Task, 0);
    for _ in 0..20 {
        distribution.sample(&mut task, &mut rng);
        for action in 0..2 {
            let mut state = Round::default();
            state.stage = 7;
            task.reset(&mut state, &mut rng);
            assert_eq!(state.stage, 0);
            let step = task.step(&mut state, &action, &mut rng);
            assert_eq!((step.reward, step.terminated), (0.0, false));
            assert_eq!(u32::from(state.stage), action + 1);
            let step = task.step(&mut state, &0, &mut rng);
            let pays = f32::from(u8::from(state.stage == task.better()));
            assert_eq!((step.reward, step.terminated), (pays, true));
        }
    }
}

#[test]
fn rounds_end_and_trials_have_all_of_them() {
    let trajectory = run(&tasks(3), &Rule(|_: Seen| 0), 2);
    assert_eq!(trajectory.lengths(), [6, 6]);
    for (index, outcome) in trajectory.outcomes().iter().enumerate() {
        let wanted = [Outcome::Continue, Outcome::Terminated][index / 2 % 2];
        assert_eq!(*outcome, wanted);
    }
}

#[test]
fn transitions_and_rewards_have_their_probabilities() {
    let tasks = tasks(50);
    let trajectory = run(&tasks, &Rule(|_: Seen| 0), 2000);
    let (mut common, mut agreeing) = (rl_core::Moments::default(), rl_core::Moments::default());
    for lane in 0..2000 {
        let mut task = TwoStepTask::default();
        let distribution = TwoStep::new(50, 0.8, 0.9).unwrap();
        distribution.sample(&mut task, &mut KEY.lane(Purpose::Task, lane as u64));
        for round in 0..50 {
            let reached = trajectory.observations()[(2 * round + 1) * 2000 + lane];
            common.push(f64::from(u8::from(reached == 1.0)));
            let paid = trajectory.rewards()[(2 * round + 1) * 2000 + lane] == 1.0;
            let better = reached == f32::from(task.better());
            agreeing.push(f64::from(u8::from(paid == better)));
        }
    }
    assert!(standard_errors(&common, 0.8).abs() < 3.0);
    assert!(standard_errors(&agreeing, 0.9).abs() < 3.0);
}

#[test]
fn the_optimal_policy_earns_the_optimal_value_and_rules_of_thumb_less() {
    for rounds in [5, 100] {
        let tasks = tasks(rounds);
        let values = tasks.exact_values();
        let best = values.bayes_optimal.get().unwrap();
        assert_eq!(values.random.get(), Some(rounds as f64 / 2.0));
        let known = values.known_task_optimum.get().unwrap();
        assert!((known - 0.74 * rounds as f64).abs() < 1e-12 * known && best < known);
        let policy = tasks.bayes_optimal_policy().unwrap();
        // The second trial starts without what the first one taught.
        for trials in [1, 2] {
            let optimal = run_trials(&tasks, policy.as_ref(), 20_000, trials);
            let error = standard_errors(&returns(&optimal), best);
            assert!(
                error.abs() < 3.0,
                "{rounds} rounds: {error} standard errors"
            );
        }
        let trajectory = run(&tasks, policy.as_ref(), 20_000);
        let off = farthest_step(&trajectory, &values.bayes_optimal_rewards.unwrap());
        // The largest of up to 100 deviations.
        assert!(
            off < 4.2,
            "{rounds} rounds: a step is {off} standard errors off"
        );
        let rule = returns(&run(&tasks, &Rule(win_stay), 20_000));
        assert!(standard_errors(&rule, best) < -10.0);
        let random = Rule(|seen: Seen| (seen.chance * 2.0) as u32);
        let random = returns(&run(&tasks, &random, 20_000));
        assert!(standard_errors(&random, rounds as f64 / 2.0).abs() < 3.0);
    }
}

/// The better state of each round as an agent is shown it, the trials of one
/// task being alike.
#[test]
fn switches_belong_to_the_task_and_have_their_probability() {
    let distribution = TwoStep::new(50, 1.0, 1.0).unwrap();
    let distribution = distribution.switching(0.3).unwrap();
    let (mut switches, mut rng) = (rl_core::Moments::default(), KEY.lane(Purpose::Task, 0));
    let mut task = TwoStepTask::default();
    for _ in 0..200 {
        distribution.sample(&mut task, &mut rng);
        let mut shown = vec![0.0; distribution.description_size()];
        distribution.describe(&task, &mut shown);
        assert_eq!(shown[0], f32::from(task.better() - 1));
        switches.extend(
            shown
                .windows(2)
                .map(|pair| f64::from((pair[0] - pair[1]).abs())),
        );
        // Action 0 leads to state 1, which pays where it is the better one.
        let mut state = Round::default();
        task.reset(&mut state, &mut rng);
        for better in shown {
            assert_eq!(task.step(&mut state, &0, &mut rng).reward, 0.0);
            let step = task.step(&mut state, &0, &mut rng);
            assert_eq!((step.reward, step.terminated), (1.0 - better, false));
        }
    }
    assert!(standard_errors(&switches, 0.3).abs() < 3.0);
}

#[test]
fn with_switches_the_optimal_policy_earns_the_optimal_value() {
    let task = TwoStep::new(15, 0.8, 0.9).unwrap();
    let tasks = Tasks::new(task.switching(0.1).unwrap()).unwrap();
    assert_eq!(
        (tasks.spec().horizon, tasks.spec().most_episodes()),
        (30, 1)
    );
    let values = tasks.exact_values();
    let best = values.bayes_optimal.get().unwrap();
    assert!(best < values.known_task_optimum.get().unwrap());
    let policy = tasks.bayes_optimal_policy().unwrap();
    for trials in [1, 2] {
        let optimal = run_trials(&tasks, policy.as_ref(), 20_000, trials);
        let error = standard_errors(&returns(&optimal), best);
        assert!(error.abs() < 3.0, "{error} standard errors");
    }
    let fixed = self::tasks(15).bayes_optimal_policy().unwrap();
    let refused = fixed.make(tasks.spec(), 1).err().unwrap();
    assert!(refused.contains("cannot act"), "{refused}");
    let rule = returns(&run(&tasks, &Rule(win_stay), 20_000));
    assert!(standard_errors(&rule, best) < -10.0);
    let long = TwoStep::new(100, 0.8, 0.9)
        .unwrap()
        .switching(0.025)
        .unwrap();
    assert_eq!(long.exact_values().bayes_optimal.get(), None);
    assert!(TwoStep::new(2, 0.8, 0.9).unwrap().switching(1.5).is_err());
}

/// Who credits the state stays after a rewarded common and an unrewarded rare
/// transition; who credits the action, after a reward.
#[test]
fn stay_probabilities_tell_who_credits_the_state() {
    let probabilities = |trajectory: &Trajectory| {
        let stays = StayProbability::of(trajectory).unwrap();
        stays.cells().map(|(_, stay)| stay.probability().unwrap())
    };
    let two = tasks(2);
    let optimal = two.bayes_optimal_policy().unwrap();
    let first = run(&two, optimal.as_ref(), 500);
    assert_eq!(probabilities(&first), [1.0, 0.0, 0.0, 1.0]);
    // Later trials in the same rows are not counted.
    let more = run_trials(&two, optimal.as_ref(), 500, 2);
    assert_eq!(StayProbability::of(&more), StayProbability::of(&first));
    let first = run(&two, &Rule(win_stay), 500);
    assert_eq!(probabilities(&first), [1.0, 1.0, 0.0, 0.0]);
    // Over a whole trial the order stays, though evidence makes it weaker.
    let hundred = tasks(100);
    let optimal = hundred.bayes_optimal_policy().unwrap();
    let [common, rare, common_lost, rare_lost] =
        probabilities(&run(&hundred, optimal.as_ref(), 500));
    assert!(common > rare && rare_lost > common_lost);
    let coin = Rule(|seen: Seen| (seen.chance * 2.0) as u32);
    let random = StayProbability::of(&run(&hundred, &coin, 500)).unwrap();
    for (name, stay) in random.cells() {
        let error = (stay.probability().unwrap() - 0.5) / stay.standard_error().unwrap();
        assert!(error.abs() < 3.0, "{name}: {error} standard errors");
    }
}

/// A trajectory with the given choices, one round each, of one lane.
fn recorded(choices: &[u32]) -> Trajectory {
    let tasks = tasks(choices.len());
    trial(tasks.make(1), &KEY, |rollout| {
        let t = rollout.t();
        if let ActionsMut::Discrete(actions) = rollout.acting().2.action {
            actions[0] = choices[t / 2];
        }
    })
}

#[test]
fn stays_are_counted_by_hand() {
    let choices = [0, 0, 0, 1, 1, 1];
    let trajectory = recorded(&choices);
    let mut wanted = [Stay::default(); 4];
    for round in 0..5 {
        let reached = trajectory.observations()[2 * round + 1] as u32;
        let paid = trajectory.rewards()[2 * round + 1] == 1.0;
        let rare = reached != choices[round] + 1;
        let cell = &mut wanted[2 * usize::from(!paid) + usize::from(rare)];
        cell.rounds += 1;
        cell.stays += u64::from([true, true, false, true, true][round]);
    }
    let counts = StayProbability::of(&trajectory).unwrap();
    assert_eq!(counts.cells().map(|(_, stay)| stay), wanted);
    let mut twice = counts;
    twice.merge(&counts);
    let sum = |counts: &StayProbability| counts.cells().map(|(_, s)| (s.rounds, s.stays));
    assert_eq!(sum(&twice), sum(&counts).map(|(r, s)| (2 * r, 2 * s)));
    assert_eq!(Stay::default().probability(), None);
    assert_eq!(Stay::default().standard_error(), None);
    // One round alone says nothing of others.
    let single = Stay {
        rounds: 1,
        stays: 1,
    };
    assert_eq!(
        (single.probability(), single.standard_error()),
        (Some(1.0), None)
    );
    let half = Stay {
        rounds: 4,
        stays: 2,
    };
    assert_eq!(half.probability(), Some(0.5));
    assert_eq!(half.standard_error(), Some(0.25));
    let one_round = StayProbability::of(&recorded(&[1])).unwrap();
    assert_eq!(one_round, StayProbability::default());
}

#[test]
fn other_trajectories_are_refused() {
    let river = Tasks::new(RiverSwim::new(6, 5, 1).unwrap()).unwrap();
    let error = StayProbability::of(&run(&river, &Rule(|_: Seen| 0), 1)).unwrap_err();
    assert!(
        error.contains("lane 0") && error.contains("step 0"),
        "{error}"
    );
}

#[test]
fn settings_out_of_range_are_refused() {
    let error = |rounds, common, reward| {
        let error = TwoStep::new(rounds, common, reward).unwrap_err();
        error.to_string()
    };
    assert_eq!(
        error(0, 0.8, 0.9),
        "environment 'two-step': rounds = 0; allowed: a whole number, 1 to 10000"
    );
    assert!(error(1, 0.4, 0.9).contains("common = 0.4; allowed: a number, 0.5 to 1"));
    assert!(error(1, 0.8, f64::NAN).contains("reward = nan; allowed: a number, 0.5 to 1"));
    let policy = tasks(5).bayes_optimal_policy().unwrap();
    let error = policy.make(tasks(6).spec(), 1).err().unwrap();
    assert!(error.contains("cannot act"), "{error}");
}
