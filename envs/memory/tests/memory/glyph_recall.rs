//! Glyphs and their labels.

use crate::common::{KEY, assert_near, by_rule, env, run, seen};
use memory::{GlyphRecall, GlyphSettings, Glyphs};
use rl_core::{Moments, Purpose, TaskDistribution as _, Tasks, Trajectory, Trials};

const SIZE: GlyphSettings = GlyphSettings {
    classes: 5,
    presentations: 10,
    side: 8,
    strokes: 3,
    turn: 0.2,
    shift: 0.5,
};

fn glyphs() -> GlyphRecall {
    GlyphRecall::new(SIZE).unwrap()
}

/// The labels of each lane, step by step.
fn labels(glyphs: &GlyphRecall, lanes: u64) -> Vec<f32> {
    let mut task = Glyphs::default();
    let described = (0..lanes).flat_map(|lane| {
        glyphs.sample(&mut task, &mut KEY.lane(Purpose::Task, lane));
        let mut description = vec![0.0; glyphs.description_size()];
        glyphs.describe(&task, &mut description);
        description
    });
    described.collect()
}

fn accuracy(glyphs: &GlyphRecall, trajectory: &Trajectory) -> Vec<Moments> {
    let descriptions = labels(glyphs, trajectory.lanes() as u64);
    let trials = Trials {
        trajectory,
        descriptions: &descriptions,
    };
    glyphs.accuracy_by_presentation(&trials).unwrap()
}

/// A label is told one step late, all come equally often, and each presentation is another
/// picture.
#[test]
fn labels_are_told_one_step_late() {
    let glyphs = glyphs();
    let trajectory = by_rule(&Tasks::new(glyphs.clone()).unwrap(), 40, |t, _| {
        t as u32 % 5
    });
    let all = labels(&glyphs, 40);
    for (lane, labels) in all.chunks_exact(50).enumerate() {
        let rows = seen(&trajectory, lane);
        for label in 0..5 {
            let shown = labels.iter().filter(|other| **other == label as f32);
            assert_eq!(shown.count(), 10);
        }
        assert_eq!(rows[0][64..], [0.0; 5]);
        for t in 1..50 {
            let told: Vec<f32> = (0..5)
                .map(|label| f32::from(u8::from(labels[t - 1] == label as f32)))
                .collect();
            assert_eq!(rows[t][64..], told);
            assert!(rows[t][..64] != rows[t - 1][..64]);
            let ink: f32 = rows[t][..64].iter().sum();
            assert!(
                ink > 4.0
                    && rows[t][..64]
                        .iter()
                        .all(|pixel| (0.0..=1.0).contains(pixel))
            );
        }
        for t in 0..50 {
            let right = f32::from(u8::from(labels[t] == (t % 5) as f32));
            assert_eq!(trajectory.rewards()[t * 40 + lane], right);
        }
    }
}

/// An agent that knows every glyph again, which the labels tell here: what was told of it,
/// and the first label that was not told before.
#[test]
fn who_knows_every_glyph_again_earns_the_bayes_optimal_value() {
    let glyphs = glyphs();
    let tasks = Tasks::new(glyphs.clone()).unwrap();
    let all = labels(&glyphs, 4_000);
    let mut lane = 0;
    let trajectory = by_rule(&tasks, 4_000, |t, _| {
        let labels = &all[lane * 50..(lane + 1) * 50];
        lane = (lane + 1) % 4_000;
        let told = |label: f32| labels[..t].contains(&label);
        match told(labels[t]) {
            true => labels[t] as u32,
            false => (0..5).find(|label| !told(*label as f32)).unwrap(),
        }
    });
    let exact = glyphs.exact_values();
    assert_near(
        "all",
        &crate::common::mean_return(&trajectory),
        exact.bayes_optimal.get().unwrap(),
    );
    let accuracy = accuracy(&glyphs, &trajectory);
    assert_near("first", &accuracy[0], 137.0 / 300.0);
    assert!(accuracy[1..].iter().all(|right| right.mean() == 1.0));
}

/// Presentations of one glyph are more alike than glyphs are: what was told once is enough
/// for most.
#[test]
fn the_nearest_glyph_mostly_has_the_same_label() {
    let glyphs = glyphs();
    let tasks = Tasks::new(glyphs.clone()).unwrap();
    let learners = glyphs.learners();
    assert_eq!(learners[0].name(), "nearest-glyph");
    let trajectory = run(&tasks, learners[0].as_ref(), 1_000);
    let accuracy = accuracy(&glyphs, &trajectory);
    assert!(accuracy[0].mean() < 0.2, "{accuracy:?}");
    assert!(
        accuracy[1].mean() > 0.8 && accuracy[9].mean() > accuracy[1].mean(),
        "{accuracy:?}"
    );
    let refused = learners[0].make(env("copy", &[]).spec(), 1).err().unwrap();
    assert!(refused.contains("64 pixels"), "{refused}");
    let analysis = &glyphs.analyses()[0];
    let descriptions = labels(&glyphs, 1_000);
    let draw = |descriptions: &[f32]| {
        analysis.draw(&Trials {
            trajectory: &trajectory,
            descriptions,
        })
    };
    assert!(draw(&descriptions).unwrap().caption.contains("0.457"));
    assert!(draw(&[]).is_none());
}
