use super::*;
use rl_core::{Domain, Purpose, StreamKey};

const GOALS: [[f32; 2]; 4] = [[2.0, 2.0], [2.0, -2.0], [-2.0, 2.0], [-2.0, -2.0]];

fn rng(lane: u64) -> Stream {
    StreamKey::new(1, Domain::Training, 0).lane(Purpose::Dynamics, lane)
}

/// The reward by its definition in the reference, over all corners.
fn by_definition(goal: [f32; 2], before: [f32; 2], after: [f32; 2]) -> f64 {
    let distance = |at: [f32; 2], to: [f32; 2]| {
        let off = |axis: usize| f64::from(at[axis]) - f64::from(to[axis]);
        (off(0) * off(0) + off(1) * off(1)).sqrt()
    };
    let nearest = GOALS.map(|corner| distance(after, corner));
    let nearest = nearest.into_iter().fold(f64::INFINITY, f64::min);
    if f64::from(after[0].abs()) + f64::from(after[1].abs()) < 0.5 {
        return 0.0;
    }
    match distance(after, goal) == nearest {
        true => distance(before, goal) - distance(after, goal),
        false => 0.0,
    }
}

#[test]
fn rewards_by_definition() {
    let mut stream = rng(0);
    for _ in 0..20_000 {
        let task = CornerGoal {
            goal: GOALS[stream.random_range(0..4)],
        };
        // On a lattice, so that edges and ties occur.
        let mut coordinate = |most: i32| stream.random_range(-most..=most) as f32 * 0.125;
        let before = [coordinate(20), coordinate(20)];
        let action = [coordinate(1), coordinate(1)];
        let mut state = before;
        let step = task.step(&mut state, &action, &mut rng(0));
        let wanted = by_definition(task.goal, before, state);
        assert!(
            (f64::from(step.reward) - wanted).abs() < 1e-6,
            "{before:?} {action:?}"
        );
        assert!(!step.terminated);
    }
}

#[test]
fn starts_and_goals_are_drawn_evenly() {
    let corners = PointCorners::new(10, 1).unwrap();
    let (mut stream, mut task, mut state) = (rng(0), CornerGoal::default(), [0.0; 2]);
    let (mut counts, mut means) = ([0; 4], [0.0; 2]);
    for _ in 0..40_000 {
        corners.sample(&mut task, &mut stream);
        counts[GOALS.iter().position(|goal| *goal == task.goal).unwrap()] += 1;
        task.reset(&mut state, &mut stream);
        assert!(state.iter().all(|x| x.abs() <= 0.2));
        means = [
            means[0] + f64::from(state[0]),
            means[1] + f64::from(state[1].abs()),
        ];
    }
    assert!(
        counts.iter().all(|count| (9_700..10_300).contains(count)),
        "{counts:?}"
    );
    // Means of 0 and 0.1, with standard errors of 0.0006 and 0.0003.
    assert!((means[0] / 40_000.0).abs() < 0.003 && (means[1] / 40_000.0 - 0.1).abs() < 0.002);
}

/// What a policy, given position and steps left, earns in an episode.
fn episode(
    task: &CornerGoal,
    start: [f32; 2],
    horizon: usize,
    mut act: impl FnMut([f32; 2], usize) -> [f32; 2],
) -> f64 {
    let (mut state, mut total) = (start, 0.0);
    for step in 0..horizon {
        let action = act(state, horizon - step).map(|a| a.clamp(-REACH, REACH));
        let taken = task.step(&mut state, &action, &mut rng(0));
        total += f64::from(taken.reward);
    }
    total
}

/// The lower bound is attained from everywhere, the upper one never exceeded,
/// and both are nearly the same.
#[test]
fn the_bounds_hold() {
    for horizon in [20, 99, 100] {
        let corners = PointCorners::new(horizon, 1).unwrap();
        let [least, most] = corners.bounds();
        assert!(least < most && most - least < 0.6, "{least}, {most}");
        let mut stream = rng(horizon as u64);
        for _ in 0..300 {
            let mut task = CornerGoal::default();
            corners.sample(&mut task, &mut stream);
            let mut start = [0.0; 2];
            task.reset(&mut start, &mut stream);
            let [a, b] = task.goal.map(|g| g.signum());
            let mirrored = |at: [f32; 2], left| {
                let [x, y] = InAndOut::from([at[0] * a, at[1] * b], left);
                [x * a, y * b]
            };
            let earned = episode(&task, start, horizon, mirrored);
            assert!(earned > least - 0.05, "{earned} < {least} from {start:?}");
            assert!(earned < most + 1e-4, "{earned} > {most} from {start:?}");
            let toward = |at: [f32; 2], _| [task.goal[0] - at[0], task.goal[1] - at[1]];
            let straight = episode(&task, start, horizon, toward);
            assert!((2.0..2.8).contains(&straight), "{straight}");
        }
    }
}

/// What the documentation says of going straight to the goal.
#[test]
fn a_straight_walk_earns_2_62_on_average() {
    let mut stream = rng(1);
    let task = CornerGoal { goal: GOALS[1] };
    let toward = |at: [f32; 2], _| [task.goal[0] - at[0], task.goal[1] - at[1]];
    let mut walk = || {
        let mut start = [0.0; 2];
        task.reset(&mut start, &mut stream);
        episode(&task, start, 100, toward)
    };
    // Single walks deviate by less than 0.1, so that means of 4,000 do by 0.002.
    let mean = (0..4_000).map(|_| walk()).sum::<f64>() / 4_000.0;
    assert!((mean - 2.62).abs() < 0.01, "{mean}");
}

/// At 100 steps, by hand: 53.75 and 55 times 0.2 √2.
#[test]
fn the_bounds_of_the_published_horizon() {
    let [least, most] = PointCorners::new(100, 1).unwrap().bounds();
    let step = 0.2 * f64::sqrt(2.0);
    assert!((least - 53.75 * step).abs() < 1e-6 && (most - 55.0 * step).abs() < 1e-6);
    let values = PointCorners::new(100, 2).unwrap().exact_values();
    let Exact::Unknown { why } = values.known_task_optimum else {
        panic!("only bounds are known");
    };
    assert!(why.contains("between 30.41 and 31.11"), "{why}");
    // No episode is shorter than the lower bound's detour.
    assert_eq!(PointCorners::new(1, 1).unwrap().bounds()[0], 0.0);
}
