//! Every environment draws its task and an episode in it.

use crate::common::{KEY, Rule, Seen, run};
use mdps::TwoStep;
use mdps::{Chain, ChainSettings, DirichletMdp, DirichletMdpSettings, RiverSwim, StayProbability};
use rl_core::{EnvFactory, Episode, Ink, Moment, Picture, Shape, TaskDistribution, Tasks, Trials};

fn dirichlet(states: usize, actions: usize) -> Tasks<DirichletMdp> {
    let settings = DirichletMdpSettings {
        states,
        actions,
        horizon: 5,
        episodes: 1,
    };
    Tasks::new(DirichletMdp::new(settings).unwrap()).unwrap()
}

/// Drawings of the first task, and of an episode that stays where it starts.
fn drawn(env: &dyn EnvFactory) -> [Picture; 2] {
    let mut batch = env.make(1);
    batch.begin(&KEY, 0, &mut [0.0]);
    let start = batch.positions(0).now;
    let moment = Moment {
        action: vec![0.0],
        reward: 0.5,
        position: start,
    };
    let episode = Episode {
        number: 2,
        start,
        moments: vec![moment; 3],
    };
    let pictures = [None, Some(&episode)].map(|episode| batch.draw(0, episode).unwrap());
    for picture in &pictures {
        let [x, y] = start;
        assert!(x > 0.0 && y > 0.0 && x < picture.width && y < picture.height);
        assert!(!picture.title.is_empty() && !picture.caption.is_empty());
    }
    pictures
}

fn labels(picture: &Picture) -> Vec<&str> {
    let text = picture.shapes.iter().filter_map(|shape| match shape {
        Shape::Label { text, .. } => Some(text.as_str()),
        _ => None,
    });
    text.collect()
}

fn agents(picture: &Picture) -> usize {
    let of_agent = |shape: &&Shape| match shape {
        Shape::Path { ink, .. } | Shape::Disc { ink, .. } => *ink == Ink::Agent,
        _ => false,
    };
    picture.shapes.iter().filter(of_agent).count()
}

#[test]
fn few_states_make_a_graph() {
    let chain = Chain::new(ChainSettings {
        states: 5,
        slip_low: 0.2,
        slip_high: 0.2,
        horizon: 5,
        episodes: 1,
    });
    let river = Tasks::new(RiverSwim::new(6, 5, 1).unwrap()).unwrap();
    for (env, arrows) in [
        (&Tasks::new(chain.unwrap()).unwrap() as &dyn EnvFactory, 10),
        (&river, 12),
    ] {
        let [task, episode] = drawn(env);
        let paths = task.shapes.iter();
        let paths = paths.filter(|shape| matches!(shape, Shape::Path { .. }));
        assert_eq!(paths.count(), arrows);
        assert_eq!(agents(&task), 0);
        assert_eq!(agents(&episode), 1);
        assert!(
            labels(&episode).contains(&"0: 3×"),
            "{:?}",
            labels(&episode)
        );
        assert!(episode.title.ends_with("episode 3"));
        assert!(episode.caption.contains("1.50"));
    }
    let chain = Chain::new(ChainSettings {
        states: 5,
        slip_low: 0.2,
        slip_high: 0.2,
        horizon: 5,
        episodes: 1,
    });
    let [task, _] = drawn(&Tasks::new(chain.unwrap()).unwrap());
    assert!(labels(&task).contains(&"0: 80 %"), "{:?}", labels(&task));
}

#[test]
fn many_states_make_a_table() {
    let [task, episode] = drawn(&dirichlet(10, 5));
    let areas = task.shapes.iter();
    let areas = areas.filter(|shape| matches!(shape, Shape::Area { .. }));
    assert_eq!(areas.count(), 50);
    assert_eq!((agents(&task), agents(&episode)), (0, 1));
    let [large, _] = drawn(&dirichlet(200, 25));
    assert!(large.shapes.len() < 1_000 && large.caption.contains("first 40 states"));
}

#[test]
fn one_state_is_drawn_too() {
    let [task, episode] = drawn(&dirichlet(1, 1));
    assert_eq!((agents(&task), agents(&episode)), (0, 1));
}

#[test]
fn rounds_show_where_they_went() {
    let tasks = Tasks::new(TwoStep::new(5, 0.8, 0.9).unwrap()).unwrap();
    let mut batch = tasks.make(1);
    batch.begin(&KEY, 0, &mut [0.0]);
    let start = batch.positions(0).now;
    assert_eq!(agents(&batch.draw(0, None).unwrap()), 0);
    let mut second = mdps::Round::default();
    second.stage = 2;
    let to = rl_core::Environment::position(&mdps::TwoStepTask::default(), &second);
    let moment = |position, reward| Moment {
        action: vec![1.0],
        reward,
        position,
    };
    let episode = Episode {
        number: 0,
        start,
        moments: vec![moment(to, 0.0), moment(to, 1.0)],
    };
    let picture = batch.draw(0, Some(&episode)).unwrap();
    assert_eq!(agents(&picture), 1);
    assert!(picture.caption.contains("paid 1"));
}

/// The bars are as high as the analysis says, and the registered analysis is
/// this one.
#[test]
fn bars_are_stay_probabilities() {
    let distribution = TwoStep::new(50, 0.8, 0.9).unwrap();
    let analyses = distribution.analyses();
    let tasks = Tasks::new(distribution).unwrap();
    let model_free = Rule(|seen: Seen| match (seen.observation, seen.action) {
        (_, None) => 0,
        (0.0, Some(action)) if seen.reward < 0.5 => 1 - action,
        (_, Some(action)) => action,
    });
    let trials = run(&tasks, &model_free, 100);
    assert_eq!(analyses[0].name(), "stay-probability");
    let draw = |trajectory| {
        analyses[0].draw(&Trials {
            trajectory,
            descriptions: &[],
        })
    };
    let picture = draw(&trials).unwrap();
    assert_eq!(picture, StayProbability::of(&trials).unwrap().picture());
    let bars: Vec<f32> = picture
        .shapes
        .iter()
        .filter_map(|shape| match shape {
            Shape::Area { size, .. } => Some(size[1]),
            _ => None,
        })
        .collect();
    // Who repeats what paid, whatever the transition, always or never stays.
    assert_eq!(bars, [5.0, 5.0, 0.0, 0.0]);
    let other = run(&dirichlet(3, 2), &Rule(|_: Seen| 0), 4);
    assert!(draw(&other).is_none());
}
