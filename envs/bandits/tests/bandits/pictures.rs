//! Drawings of tasks and episodes.

use crate::common::tasks_of;
use bandits::{AdversarialBandit, AdversarialSettings, BernoulliBandit, DependentBandit};
use bandits::{GaussianBandit, InformativeArm, RestlessBandit, Variant};
use rl_core::{Environment as _, Episode, Ink, Moment, Picture, Shape, TaskDistribution};

/// An episode that pulls arms 0, 1, 0, … with rewards 1, 0, 1, ….
fn episode(pulls: usize) -> Episode {
    let moment = |pull: usize| Moment {
        action: vec![(pull % 2) as f32],
        reward: ((pull + 1) % 2) as f32,
        position: [0.0; 2],
    };
    Episode {
        moments: (0..pulls).map(moment).collect(),
        ..Episode::default()
    }
}

fn pictures<D: TaskDistribution>(distribution: &D, pulls: usize) -> [Picture; 2] {
    let task = &tasks_of(distribution, 1)[0];
    let episode = episode(pulls);
    [None, Some(&episode)].map(|episode| task.draw(episode).unwrap())
}

fn cells(picture: &Picture) -> Vec<([f32; 2], f32)> {
    let cell = |shape: &Shape| match shape {
        Shape::Area {
            corner,
            ink: Ink::Scale(share),
            ..
        } => Some((*corner, *share)),
        _ => None,
    };
    picture.shapes.iter().filter_map(cell).collect()
}

/// Everything lies within the picture, one coloured cell for each pull.
fn check(pictures: [Picture; 2], pulls: usize) {
    let counts = pictures.each_ref().map(|picture| cells(picture).len());
    assert_eq!(counts, [0, pulls]);
    for picture in &pictures {
        assert!(!picture.title.is_empty() && !picture.caption.is_empty());
        for shape in &picture.shapes {
            let Shape::Area { corner, size, .. } = shape else {
                panic!("areas only");
            };
            let fits = |axis: usize, most: f32| {
                corner[axis] > -1e-3 && size[axis] >= 0.0 && corner[axis] + size[axis] < most + 1e-3
            };
            assert!(
                fits(0, picture.width) && fits(1, picture.height),
                "{shape:?}"
            );
        }
    }
}

#[test]
fn all_bandits_are_drawn() {
    check(pictures(&BernoulliBandit::new(5, 10).unwrap(), 10), 10);
    for variant in [Variant::Uniform, Variant::Hard] {
        check(pictures(&DependentBandit::new(variant, 7).unwrap(), 7), 7);
    }
    check(pictures(&GaussianBandit::new(4, 9, 1.0).unwrap(), 9), 9);
    check(
        pictures(&RestlessBandit::new(30, 0.0, 0.2).unwrap(), 30),
        30,
    );
    check(pictures(&InformativeArm::new(11, 5).unwrap(), 5), 5);
    let adversary = AdversarialBandit::new(AdversarialSettings {
        arms: 3,
        pulls: 20,
        segments: 4,
        gap: 0.5,
    });
    check(pictures(&adversary.unwrap(), 20), 20);
}

#[test]
fn cells_show_arm_time_and_reward() {
    let [_, picture] = pictures(&BernoulliBandit::new(2, 4).unwrap(), 4);
    let cells = cells(&picture);
    let places: Vec<[f32; 2]> = cells.iter().map(|(corner, _)| *corner).collect();
    assert!(places.windows(2).all(|pair| pair[0][0] < pair[1][0]));
    // Arm 0 is the upper row.
    assert!(places[0][1] > 1.0 && places[1][1] < 1.0);
    let shares: Vec<f32> = cells.iter().map(|(_, share)| *share).collect();
    assert_eq!(shares, [1.0, 0.0, 1.0, 0.0]);
}

#[test]
fn large_bandits_are_cut_and_say_so() {
    let [task, picture] = pictures(&BernoulliBandit::new(65_536, 100_000).unwrap(), 100_000);
    assert!(task.shapes.len() < 200 && picture.shapes.len() < 1000);
    assert_eq!(cells(&picture).len(), 500);
    for picture in [task, picture] {
        assert!(picture.caption.contains("40 arms"), "{}", picture.caption);
    }
}
