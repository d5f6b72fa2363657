//! Against rliable 1.2.0 (Agarwal et al. 2021): points to 1e-12, intervals within the
//! error of 2,000 and 50,000 resamples.

use super::*;

/// Scores by a formula that both programs can work out, without errors over tasks.
fn scores(method: u32, runs: u32, tasks: u32) -> Scores {
    let score = |run: u32, task: u32| {
        let [k, i, j] = [method, run, task].map(f64::from);
        let wave = (1.7 * i + 2.3 * j + 0.9 * k).sin();
        Estimate::exact(0.55 + 0.05 * k + 0.45 * wave * (0.4 + 0.1 * j))
    };
    let on = |task| (0..runs).map(|run| score(run, task)).collect();
    Scores::new((0..tasks).map(on).collect())
}

fn points(scores: &Scores) -> [f64; 4] {
    Aggregate::ALL.map(|aggregate| scores.aggregate(aggregate).value)
}

#[track_caller]
fn near(found: &[f64], expected: &[f64], tolerance: f64) {
    assert_eq!(found.len(), expected.len());
    for (found, expected) in found.iter().zip(expected) {
        assert!(
            (found - expected).abs() < tolerance,
            "{found}, not {expected}"
        );
    }
}

#[test]
fn points_are_those_of_the_reference() {
    let golden = [
        (
            scores(0, 5, 4),
            [
                0.560163696908629,
                0.5702401345199803,
                0.5586127519535784,
                0.4413872480464216,
            ],
        ),
        (
            scores(1, 5, 4),
            [
                0.6261737068511966,
                0.611294941379185,
                0.615961938329201,
                0.3840380616707989,
            ],
        ),
        // Whose middle half is not a whole number of scores, and an odd number of tasks.
        (
            scores(2, 7, 3),
            [
                0.648541979867031,
                0.6468811579545563,
                0.6517019885116541,
                0.3482980114883458,
            ],
        ),
    ];
    for (scores, expected) in golden {
        near(&points(&scores), &expected, 1e-12);
    }
}

#[test]
fn intervals_are_those_of_the_reference() {
    let lows = [0.446058, 0.478166, 0.482095, 0.365732];
    let highs = [0.670079, 0.641792, 0.634268, 0.517905];
    let own = scores(0, 5, 4);
    let ends = Aggregate::ALL.map(|aggregate| own.aggregate(aggregate).ends);
    near(&ends.map(|ends| ends[0]), &lows, 0.012);
    near(&ends.map(|ends| ends[1]), &highs, 0.012);
}

#[test]
fn profiles_and_probabilities_are_those_of_the_reference() {
    let (own, other) = (scores(0, 5, 4), scores(1, 5, 4));
    let thresholds = [0.3, 0.5, 0.6, 0.8];
    let profile = thresholds.map(|threshold| own.share_above(threshold));
    near(&profile.map(|of| of.value), &[0.95, 0.6, 0.45, 0.1], 1e-12);
    near(
        &profile.map(|of| of.ends[0]),
        &[0.85, 0.4, 0.25, 0.0],
        0.051,
    );
    near(
        &profile.map(|of| of.ends[1]),
        &[1.0, 0.8, 0.65, 0.25],
        0.051,
    );
    let better = own.probability_above(&other);
    near(&[better.value], &[0.42], 1e-12);
    near(&better.ends, &[0.24, 0.61], 0.02);
    let worse = other.probability_above(&own);
    near(&[worse.value], &[0.58], 1e-12);
}

#[test]
fn runs_that_agree_are_not_surer_than_their_tasks() {
    let run = |mean| Estimate::sampled(mean, 0.1, 100_000);
    let agreeing = Scores::new(vec![vec![run(0.5); 4]]);
    let Interval { value, ends } = agreeing.aggregate(Aggregate::Mean);
    assert_eq!(value, 0.5);
    // 1.96 · 0.1 / √4 to either side.
    near(&ends, &[0.5 - 0.098, 0.5 + 0.098], 0.006);
    // One of a single task has no error that is known, however well it agrees with others.
    let single = Estimate::sampled(0.5, 0.0, 1);
    let single = Scores::new(vec![vec![single, run(0.5), run(0.5)]]);
    let Interval { value, ends } = single.aggregate(Aggregate::Iqm);
    assert!(value == 0.5 && ends.iter().all(|end| end.is_nan()));
}

/// What is not known of the gap is not known of every run alike, however many there are.
#[test]
fn runs_share_the_errors_of_their_gap() {
    let random = Estimate::sampled(5.0, 0.1, 100_000);
    let gap = Gap::new(random, Estimate::exact(7.0)).unwrap();
    for runs in [4, 100] {
        let shares = Scores::shares(vec![(vec![Estimate::exact(6.5); runs], gap)]);
        let Interval { value, ends } = shares.aggregate(Aggregate::Mean);
        assert_eq!(value, 0.75);
        // By the lower end's 0.1 a share changes by (1 − 0.75) / 2 of it.
        let half = 1.96 * 0.1 * 0.25 / 2.0;
        near(&ends, &[0.75 - half, 0.75 + half], 0.003);
    }
}

#[test]
fn equal_scores_are_as_good_as_each_other() {
    let all = Scores::new(vec![vec![Estimate::exact(0.3); 3]; 2]);
    let same = all.probability_above(&all);
    assert_eq!((same.value, same.ends), (0.5, [0.5; 2]));
    let none = all.share_above(0.3);
    assert_eq!(none.value, 0.0);
}
