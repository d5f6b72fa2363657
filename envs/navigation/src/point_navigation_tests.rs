use super::*;
use rl_core::{Domain, Purpose, StreamKey};

fn rng() -> Stream {
    StreamKey::new(1, Domain::Training, 0).lane(Purpose::Task, 0)
}

/// What a policy earns in an episode of at most `horizon` steps, and how many
/// it takes.
fn episode(
    task: &PointGoal,
    horizon: usize,
    mut act: impl FnMut([f32; 2]) -> [f32; 2],
) -> (f64, usize) {
    let (mut state, mut total) = ([0.0; 2], 0.0);
    for step in 1..=horizon {
        let action = act(state).map(|a| a.clamp(-REACH, REACH));
        let step_taken = task.step(&mut state, &action, &mut rng());
        total += f64::from(step_taken.reward);
        if step_taken.terminated {
            return (total, step);
        }
    }
    (total, horizon)
}

#[test]
fn episodes_by_hand() {
    let task = PointGoal { goal: [0.3, -0.1] };
    let (total, steps) = episode(&task, 100, |_| [0.1, -0.1]);
    // Past the goal in the second coordinate: (0.2, 0), (0.1, 0.1), (0, 0.2).
    let first_two = 0.2 + 0.1 * f64::sqrt(2.0);
    assert!(steps == 100 && total < -first_two - 0.2);
    let (total, steps) = episode(&task, 2, |_| [0.1, -0.1]);
    assert!((total + first_two).abs() < 1e-6 && steps == 2);
    // Straight there: (0.2, 0), (0.1, 0), (0, 0).
    let (total, steps) = episode(&task, 100, |[x, y]| [0.3 - x, -0.1 - y]);
    assert!((total + 0.3).abs() < 1e-6 && steps == 3);
    // Almost there is there: both coordinates within 0.01, but not one alone.
    let near = PointGoal { goal: [0.105, 0.1] };
    assert_eq!(episode(&near, 100, |_| [0.1, 0.1]).1, 1);
    let near = PointGoal { goal: [0.115, 0.1] };
    assert_eq!(episode(&near, 3, |[x, _]| [0.1 - x, 0.1]).1, 3);
}

/// The planner that goes at full speed along both coordinates earns the
/// optimum, and perturbed ones earn less.
#[test]
fn the_known_task_optimum_is_what_its_planner_earns() {
    let navigation = PointNavigation::new(100, 3).unwrap();
    let (mut task, mut stream) = (PointGoal::default(), rng());
    let mut errors = rl_core::Moments::default();
    for _ in 0..300 {
        navigation.sample(&mut task, &mut stream);
        let goal = task.goal;
        let optimum = navigation.known_task_optimum(&task).unwrap() / 3.0;
        let toward = |[x, y]: [f32; 2]| [goal[0] - x, goal[1] - y];
        let (straight, _) = episode(&task, 100, toward);
        assert!(
            (straight - optimum).abs() < 1e-5,
            "{straight}, not {optimum}"
        );
        for scale in [0.3, 0.8] {
            let (slower, _) = episode(&task, 100, |at| toward(at).map(|a| scale * a));
            assert!(slower <= straight + 1e-6);
        }
        let mut noise = || stream.random_range(-0.05..0.05);
        let (erring, _) = episode(&task, 100, |at| toward(at).map(|a| a + noise()));
        assert!(erring <= straight + 1e-6);
        errors.push(straight - erring);
        // Full speed on the straight line, which is slower along one coordinate.
        let (line, _) = episode(&task, 100, |at| {
            let [x, y] = toward(at);
            let scale = (REACH / x.abs().max(y.abs()).max(1e-6)).min(1.0);
            [scale * x, scale * y]
        });
        assert!(line <= straight + 1e-6);
        let short = PointNavigation::new(2, 1).unwrap();
        let (two, _) = episode(&task, 2, toward);
        assert!((two - short.known_task_optimum(&task).unwrap()).abs() < 1e-5);
    }
    assert!(errors.mean() > 5.0 * errors.standard_error());
}

/// The closed form is the mean over tasks, for any horizon.
#[test]
fn the_expected_optimum_in_closed_form() {
    for horizon in [1, 3, 5, 100] {
        let navigation = PointNavigation::new(horizon, 2).unwrap();
        let Exact::Estimated {
            value,
            standard_error,
            ..
        } = estimate::known_task_optimum(&navigation, 200_000)
        else {
            panic!("an estimate");
        };
        let wanted = navigation.expected_optimum();
        assert!(
            (value - wanted).abs() < 4.0 * standard_error,
            "{value}, not {wanted}"
        );
    }
    let whole = PointNavigation::new(100, 1).unwrap().expected_optimum();
    // 4 m³ c + 2 m² (1 − 2 m) at m = 0.4, 0.3, 0.2, 0.1, with c = 0.765196.
    assert!((whole + 0.506_078).abs() < 1e-5, "{whole}");
}
