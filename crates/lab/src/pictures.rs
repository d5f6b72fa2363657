//! The trained agent of a finished run at work in fresh tasks: the contents
//! of `pictures.json`.

use crate::comparison::{held_out, word};
use crate::config::RunConfig;
use crate::failure::Failure;
use crate::panics::caught;
use crate::scenes::{self, Played, play_trial};
use agent::{Fresh, Training};
use record::schema::{Behaviour, Pictures, Scene, TaskScenes};
use record::{Document, RunDir};
use rl_core::{Domain, EnvFactory, Episode, Ink, Picture, PolicyFactory, Shape, StreamKey, Trial};
use rollout::Pool;
use std::sync::Arc;

/// Fresh tasks that an adaptation is shown in.
const TASKS: usize = 4;
/// Trials in each of them that are drawn over one another.
const TRIALS: usize = 5;

/// Whether a run has its pictures.
pub fn are_in(run: &RunDir) -> bool {
    matches!(run.document::<Pictures>(Document::Pictures), Ok(Some(_)))
}

/// Draws the trained agent of a run, and writes its pictures if there are any.
///
/// # Errors
/// Why it was not drawn, be it that the environment panicked.
pub fn write(
    run: &RunDir,
    (config, agent): (&RunConfig, &dyn Training),
    pool: &Pool,
) -> Result<(), Failure> {
    match caught("the agent at work", || draw(config, agent, pool))? {
        Some(pictures) => Ok(run.write_document(Document::Pictures, &pictures)?),
        None => Ok(()),
    }
}

/// Draws an agent: where it adapts by gradient steps, the first episode of a
/// few trials in each of [`TASKS`] tasks, before the first step and after the
/// last one; else the first and the last episode of one trial, and the analyses of
/// many. `None` where there is nothing to draw.
///
/// # Errors
/// If an adaptation fails, the policy cannot act, the trial is too long, or
/// something would be drawn at no finite place.
fn draw(
    config: &RunConfig,
    agent: &dyn Training,
    pool: &Pool,
) -> Result<Option<Pictures>, Failure> {
    let (env, evaluation) = (&config.built.factory, &config.evaluation);
    let held = held_out(evaluation.tasks.get(), config.seed);
    let actions = evaluation.actions;
    let fresh = Fresh { env, held, actions };
    let (mut tasks, mut analyses) = (Vec::new(), Vec::new());
    for task in 0..held.tasks.min(TASKS) {
        let policies = agent.policies(&fresh, task)?;
        let stage = Stage {
            env: env.as_ref(),
            seed: config.seed,
            task,
        };
        let adapts = policies.len() > 1;
        let scenes = match &policies[..] {
            [before, .., after] => stage.before_and_after([before, after], policies.len() - 1),
            [policy] => {
                let shown = scenes::analyses(env.as_ref(), policy.as_ref(), config.seed, pool);
                analyses = shown.map_err(Failure::internal)?;
                stage.first_and_last(policy.as_ref())
            }
            [] => Ok(Vec::new()),
        };
        let scenes = scenes.map_err(Failure::internal)?;
        if !scenes.is_empty() {
            tasks.push(TaskScenes { task, scenes });
        }
        if !adapts {
            break;
        }
    }
    let behaviour = |(name, picture): (&str, Picture)| Behaviour {
        name: name.to_owned(),
        picture,
    };
    let pictures = !(tasks.is_empty() && analyses.is_empty());
    let pictures = pictures.then_some(Pictures {
        actions: word(evaluation.actions).to_owned(),
        tasks,
        analyses: analyses.into_iter().map(behaviour).collect(),
    });
    pictures.map(checked).transpose()
}

/// Pictures that can be read again: JSON has no numbers that are not finite.
fn checked(pictures: Pictures) -> Result<Pictures, Failure> {
    let text = serde_json::to_string(&pictures).map_err(Failure::internal)?;
    match serde_json::from_str::<Pictures>(&text) {
        Ok(_) => Ok(pictures),
        Err(_) => Err(Failure::internal(
            "the environment draws at places that are not finite numbers",
        )),
    }
}

/// A fresh task to play in.
struct Stage<'a> {
    env: &'a dyn EnvFactory,
    seed: u64,
    task: usize,
}

impl Stage<'_> {
    /// The trial of the task that an evaluation has.
    fn first_and_last(&self, policy: &dyn PolicyFactory) -> Result<Vec<Scene>, String> {
        let key = StreamKey::new(self.seed, Domain::HeldOut, 0);
        let last = match self.env.spec().trial {
            Trial::Episodes(episodes) => Some(episodes.saturating_sub(1)),
            // How many fit is known once they were played.
            Trial::Steps(_) => None,
        };
        let wanted = |number| number == 0 || last.is_none_or(|last| number == last);
        let Some(played) = play_trial(self.env, policy, (key, self.task as u64), wanted)? else {
            return Ok(Vec::new());
        };
        let (first, rest) = match &played.episodes[..] {
            [] => return Ok(Vec::new()),
            [first, rest @ ..] => (first, rest.last()),
        };
        let shown = [first].into_iter().chain(rest);
        Ok(shown.filter_map(|it| scene(&played, &[it], None)).collect())
    }

    /// First episodes of the agent before and after `steps` gradient steps.
    fn before_and_after(
        &self,
        [before, after]: [&Arc<dyn PolicyFactory>; 2],
        steps: usize,
    ) -> Result<Vec<Scene>, String> {
        let mut scenes = Vec::new();
        for (steps, policy) in [(0, before), (steps, after)] {
            let key = StreamKey {
                rollout: steps as u64,
                lanes_per_task: TRIALS as u64,
                ..StreamKey::new(self.seed, Domain::HeldOut, 0)
            };
            let mut trials = Vec::new();
            for trial in 0..TRIALS {
                let lane = (self.task * TRIALS + trial) as u64;
                let first = |number| number == 0;
                trials.extend(play_trial(self.env, policy.as_ref(), (key, lane), first)?);
            }
            let episodes: Vec<&Episode> = trials.iter().flat_map(|trial| &trial.episodes).collect();
            let drawn = trials
                .first()
                .and_then(|trial| scene(trial, &episodes, Some(steps)));
            scenes.extend(drawn);
        }
        Ok(scenes)
    }
}

/// Episodes over one another; the first one alone where the environment does
/// not draw them as ways over the picture of the task.
fn scene(stage: &Played, episodes: &[&Episode], gradient_steps: Option<usize>) -> Option<Scene> {
    let (picture, episodes) = match ways(stage, episodes) {
        Some(picture) => (picture, episodes),
        None => (stage.draw(episodes.first()?)?, &episodes[..1]),
    };
    Some(Scene {
        episode: episodes.first()?.number,
        gradient_steps,
        earned: episodes.iter().map(|it| it.total_reward()).collect(),
        picture,
    })
}

/// The task with the ways of the agent over it.
fn ways(stage: &Played, episodes: &[&Episode]) -> Option<Picture> {
    let mut whole = stage.task.clone();
    let mut shortened = None;
    for episode in episodes {
        let one = stage.draw(episode)?;
        let over = one.shapes.strip_prefix(&stage.task.shapes[..])?;
        for shape in over {
            match shape {
                Shape::Path { points, ink, .. } if *ink == Ink::Agent => {
                    if points.len() <= episode.moments.len() {
                        shortened = Some(points.len().saturating_sub(1));
                    }
                }
                Shape::Disc { ink, .. } if *ink == Ink::Agent => {}
                _ => return None,
            }
        }
        whole.shapes.extend_from_slice(over);
    }
    whole.caption += match episodes.len() {
        1 => " Blue: the agent's way, from the dot to the arrow's head.",
        _ => " Blue: the agent's ways, each from its dot to its arrow's head.",
    };
    if let Some(steps) = shortened {
        whole.caption += &format!(" Only the first {steps} steps are drawn.");
    }
    Some(whole)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::registry::Registry;

    fn scenes(name: &str, adapts: bool) -> Vec<Scene> {
        let registry = Registry::standard();
        let entry = registry.environment(name).unwrap();
        let env = crate::registry::Built::new(entry, &toml::Table::new())
            .unwrap()
            .factory;
        let random = classical::learner("random", &Default::default()).unwrap();
        let random: Arc<dyn PolicyFactory> = Arc::from(random);
        let stage = Stage {
            env: env.as_ref(),
            seed: 3,
            task: 2,
        };
        match adapts {
            true => stage.before_and_after([&random, &random], 2).unwrap(),
            false => stage.first_and_last(random.as_ref()).unwrap(),
        }
    }

    fn ways_in(scene: &Scene) -> usize {
        let shapes = scene.picture.shapes.iter();
        let way = |it: &&Shape| {
            matches!(
                it,
                Shape::Path {
                    ink: Ink::Agent,
                    ..
                }
            )
        };
        shapes.filter(way).count()
    }

    #[test]
    fn trials_lie_over_one_another_in_the_task_of_the_evaluation() {
        let [before, after] = &scenes("point-navigation", true)[..] else {
            panic!("two scenes");
        };
        assert_eq!(
            [before, after].map(|scene| scene.gradient_steps),
            [Some(0), Some(2)]
        );
        for scene in [before, after] {
            assert_eq!((ways_in(scene), scene.earned.len()), (TRIALS, TRIALS));
            assert!(scene.earned.windows(2).all(|pair| pair[0] != pair[1]));
        }
        assert_ne!(before.earned, after.earned, "other trials");
        let goal = |scene: &Scene| {
            let goals = scene
                .picture
                .shapes
                .iter()
                .filter(|shape| matches!(shape, Shape::Disc { ink: Ink::Goal, .. }));
            goals.cloned().collect::<Vec<_>>()
        };
        let [own] = &scenes("point-navigation", false)[..] else {
            panic!("one episode");
        };
        assert_eq!([goal(before), goal(after)], [goal(own), goal(own)]);
    }

    #[test]
    fn the_first_and_the_last_episode_are_shown_and_others_are_not() {
        let episodes = |name| -> Vec<usize> {
            let scenes = scenes(name, false);
            assert!(scenes.iter().all(|scene| scene.earned.len() == 1));
            scenes.iter().map(|scene| scene.episode).collect()
        };
        assert_eq!(episodes("gridnavi"), [0, 3]);
        assert_eq!(episodes("bernoulli-bandit"), [0]);
    }

    #[test]
    fn what_is_no_way_is_drawn_once() {
        let scenes = scenes("bernoulli-bandit", true);
        assert_eq!(scenes.len(), 2);
        assert!(scenes.iter().all(|scene| scene.earned.len() == 1));
    }

    #[test]
    fn what_is_not_finite_is_not_written() {
        let picture = |width| Picture {
            width,
            ..Picture::default()
        };
        let pictures = |width| Pictures {
            actions: "sampled".to_owned(),
            tasks: vec![TaskScenes {
                task: 0,
                scenes: vec![Scene {
                    episode: 0,
                    gradient_steps: None,
                    earned: vec![1.0],
                    picture: picture(width),
                }],
            }],
            analyses: Vec::new(),
        };
        assert!(checked(pictures(1.0)).is_ok());
        assert!(checked(pictures(f32::NAN)).is_err());
    }
}
