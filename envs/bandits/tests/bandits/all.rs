//! What holds of every bandit, whatever its settings.

use crate::common::{KEY, by_rule, description, returns};
use bandits::{AdversarialBandit, AdversarialSettings, BernoulliBandit, DependentBandit};
use bandits::{GaussianBandit, InformativeArm, RestlessBandit, Variant};
use proptest::prelude::*;
use rl_core::{EnvFactory, Environment, Exact, Purpose, SettingError, SpecError, StreamKey, Trial};
use rl_core::{TaskDistribution, Tasks};

/// Everything that can be asked of a bandit, and what has to hold.
fn exercise<D>(made: Result<D, SpecError>) -> Result<(), TestCaseError>
where
    D: TaskDistribution<Task: Environment<Action = u32>>,
{
    let distribution = match made {
        Ok(distribution) => distribution,
        Err(error) => {
            let text = error.to_string();
            let named = text.contains(error.fault.key()) && text.contains("allowed: ");
            let SettingError::Refused { value, .. } = &error.fault else {
                panic!("{text}");
            };
            prop_assert!(named && text.contains(value), "{text}");
            return Ok(());
        }
    };
    let mut rng = KEY.lane(Purpose::Task, 0);
    let mut task = D::Task::default();
    distribution.sample(&mut task, &mut rng);
    prop_assert!(
        distribution
            .known_task_optimum(&task)
            .is_some_and(f64::is_finite)
    );
    prop_assert!(
        description(&distribution, &task)
            .iter()
            .all(|number| number.is_finite())
    );
    prop_assert!(
        task.draw(None)
            .is_some_and(|picture| picture.shapes.len() < 2000)
    );
    let spec = distribution.spec();
    let mut state = Default::default();
    task.reset(&mut state, &mut rng);
    let rl_core::ActionSpace::Discrete { size } = spec.action else {
        panic!("a bandit's actions are discrete");
    };
    for _ in 0..spec.trial_steps().min(100) {
        let arm = rng.random_range(0..size as u32);
        let step = task.step(&mut state, &arm, &mut rng);
        prop_assert!(step.reward.is_finite() && !step.terminated);
    }
    prop_assert!(Tasks::new(distribution).is_ok());
    Ok(())
}

/// The values of a size that is solved at once, or refused at once.
fn ask<D: TaskDistribution>(made: &Result<D, SpecError>) -> Result<(), TestCaseError> {
    let Ok(distribution) = made else {
        return Ok(());
    };
    let values = distribution.exact_values();
    let known = values.known_task_optimum.get().expect("always known");
    let random = values.random.get().expect("always known");
    prop_assert!(random.is_finite() && random <= known * (1.0 + 1e-12) + 1e-9);
    let best = &values.bayes_optimal;
    if let Some((value, standard_error)) = best.get().zip(best.standard_error()) {
        let slack = 4.0 * standard_error + 1e-9 * known.abs() + 1e-9;
        prop_assert!(value <= known + slack && value >= random - slack, "{value}");
    }
    if let Some(why) = best.why() {
        prop_assert!(!why.contains("NaN") && !why.contains("inf "), "{why}");
        prop_assert_eq!(&values.bayes_optimal_rewards, &None);
    }
    if let Some(rewards) = values.bayes_optimal_rewards {
        prop_assert_eq!(rewards.len(), distribution.spec().trial_steps());
    }
    Ok(())
}

/// Mostly sizes in use, at times wild ones.
fn size() -> impl Strategy<Value = usize> {
    prop_oneof![
        8 => 0..60_usize,
        1 => any::<usize>(),
        1 => 0..2_000_000_usize,
    ]
}

fn share() -> impl Strategy<Value = f64> {
    prop_oneof![8 => -0.1..1.1_f64, 1 => any::<f64>()]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]

    #[test]
    fn bernoulli_bandit(arms in size(), pulls in size()) {
        let made = BernoulliBandit::new(arms, pulls);
        // Between what is solved and what is refused lies what takes minutes.
        let solved = arms.saturating_mul(pulls) <= 60;
        if solved || (arms >= 3 && pulls >= 2000) || (arms >= 10 && pulls >= 40) {
            ask(&made)?;
        }
        exercise(made)?;
    }

    #[test]
    fn dependent_bandit(variant in 0..4_usize, pulls in size()) {
        use Variant::{Easy, Hard, Medium, Uniform};
        let made = DependentBandit::new([Uniform, Easy, Medium, Hard][variant], pulls);
        ask(&made)?;
        exercise(made)?;
    }

    #[test]
    fn gaussian_bandit(arms in size(), pulls in size(), noise in share()) {
        let made = GaussianBandit::new(arms, pulls, noise);
        ask(&made)?;
        exercise(made)?;
    }

    #[test]
    fn restless_bandit(pulls in size(), low in share(), high in share()) {
        let made = RestlessBandit::new(pulls, low, high);
        if !(5..=2000).contains(&pulls) {
            ask(&made)?; // Others take a second or two.
        }
        exercise(made)?;
    }

    #[test]
    fn informative_arm(arms in size(), pulls in size()) {
        let made = InformativeArm::new(arms, pulls);
        ask(&made)?;
        exercise(made)?;
    }

    #[test]
    fn adversarial_bandit(
        arms in size(),
        pulls in size(),
        segments in size(),
        gap in share(),
    ) {
        let made = AdversarialBandit::new(AdversarialSettings { arms, pulls, segments, gap });
        ask(&made)?;
        exercise(made)?;
    }
}

fn environments() -> Vec<Box<dyn EnvFactory>> {
    let adversary = AdversarialBandit::new(AdversarialSettings {
        arms: 3,
        pulls: 12,
        segments: 3,
        gap: 0.4,
    });
    vec![
        Box::new(Tasks::new(BernoulliBandit::new(3, 12).unwrap()).unwrap()),
        Box::new(Tasks::new(DependentBandit::new(Variant::Uniform, 12).unwrap()).unwrap()),
        Box::new(Tasks::new(GaussianBandit::new(3, 12, 1.0).unwrap()).unwrap()),
        Box::new(Tasks::new(RestlessBandit::new(12, 0.0, 0.2).unwrap()).unwrap()),
        Box::new(Tasks::new(InformativeArm::new(5, 12).unwrap()).unwrap()),
        Box::new(Tasks::new(adversary.unwrap()).unwrap()),
    ]
}

#[test]
fn a_trial_is_one_episode_without_observations() {
    let names = [
        "bernoulli-bandit",
        "dependent-bandit",
        "gaussian-bandit",
        "restless-bandit",
        "informative-arm",
        "adversarial-bandit",
    ];
    for (env, name) in environments().iter().zip(names) {
        let spec = env.spec();
        assert_eq!(spec.name, name);
        assert_eq!(
            (spec.horizon, spec.trial, spec.observation.width()),
            (12, Trial::Episodes(1), 0)
        );
    }
}

/// One seed gives one history, another seed another one, and how lanes are
/// grouped does not matter.
#[test]
fn seeds_decide_and_groups_do_not_matter() {
    for env in environments() {
        let history = |lanes: usize| returns(&by_rule(env.as_ref(), lanes, |t, _, _| t as u32 % 2));
        let whole = history(20);
        assert_eq!(whole, history(20), "{}", env.spec().name);
        assert_eq!(whole[..3], history(3), "{}", env.spec().name);
        let optima = |seed| {
            let mut batch = env.make(20);
            batch.begin(&StreamKey { seed, ..KEY }, 0, &mut []);
            let optimum = |lane| batch.known_task_optimum(lane);
            (0..20).map(optimum).collect::<Vec<_>>()
        };
        assert_eq!(optima(5), optima(5));
        if env.spec().name != "informative-arm" {
            assert_ne!(optima(5), optima(6), "{}", env.spec().name);
        }
    }
}

/// Sizes out of reach are refused without trying, with what they would take.
#[test]
#[allow(clippy::disallowed_methods, reason = "it bounds a time")]
fn large_sizes_are_refused_at_once() {
    let begin = std::time::Instant::now();
    for (arms, pulls) in [
        (65_536, 1_000_000),
        (10, 1000),
        (3, 100_000),
        (2, 1_000_000),
    ] {
        let distribution = BernoulliBandit::new(arms, pulls).unwrap();
        let Exact::Unknown { why } = distribution.exact_values().bayes_optimal else {
            panic!("{arms} arms and {pulls} pulls are out of reach");
        };
        assert!(
            why.contains(" of memory and ") && why.contains("take fewer"),
            "{why}"
        );
        assert!(distribution.bayes_optimal_policy().is_err());
    }
    assert!(begin.elapsed().as_secs() < 5);
}
