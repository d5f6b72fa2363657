//! Pictures of a learner at work: its task, and episodes of a trial in a fresh task.

use rl_core::{
    Actions, Analysis, Bar, Bars, Domain, EnvFactory, Episode, MOST_BARS, Moment, Outcome, Picture,
    Policy, PolicyFactory, Rollout, StreamKey, Trajectory, Trial, Trials, VecEnv,
};
use rollout::{Pool, Tile};

/// The most steps of a trial that is played for pictures.
const MOST_STEPS: usize = 1_000_000;
/// Steps that an analysis is made of, as far as whole trials fit in, and the
/// most trials.
const ANALYSED_STEPS: usize = 400_000;
const MOST_TRIALS: usize = 2_000;
/// Lanes enough for each to have its part of what is there once.
const MANY: usize = 64;
/// The most bytes of trials to analyse, with their tasks and what plays in them, if
/// more than one is to be had.
const ANALYSED_BYTES: f64 = 64.0 * 1024.0 * 1024.0;

/// What there is to see of a trial.
pub struct Scenes {
    /// The task.
    pub task: Picture,
    /// The episodes that were wanted, by their numbers from 0.
    pub episodes: Vec<(usize, Picture)>,
}

/// Episodes of one trial, and their task to draw them in.
pub struct Played {
    /// The task.
    pub task: Picture,
    /// The episodes that were wanted.
    pub episodes: Vec<Episode>,
    /// A batch that stays where the trial begins; the one that played goes on to
    /// its next task at the trial's end.
    still: Box<dyn VecEnv>,
}

impl Played {
    /// The task with an episode in it.
    pub fn draw(&self, episode: &Episode) -> Option<Picture> {
        self.still.draw(0, Some(episode))
    }
}

/// Draws the first trial in a fresh task of a seed, and those of its episodes that are
/// `wanted`; `None` where the environment draws nothing.
///
/// # Errors
/// If the policy cannot act there, or the trial is too long.
pub fn of_trial(
    env: &dyn EnvFactory,
    policy: &dyn PolicyFactory,
    seed: u64,
    wanted: impl Fn(usize) -> bool,
) -> Result<Option<Scenes>, String> {
    let played = play_trial(env, policy, (key(seed), 0), wanted)?;
    Ok(played.map(|played| {
        let picture = |episode: &Episode| Some((episode.number, played.draw(episode)?));
        Scenes {
            episodes: played.episodes.iter().filter_map(picture).collect(),
            task: played.task.clone(),
        }
    }))
}

/// Plays the trial of a lane, as far as the last one of its episodes that are
/// `wanted`; `None` where the environment draws nothing.
///
/// # Errors
/// As [`of_trial`].
pub fn play_trial(
    env: &dyn EnvFactory,
    policy: &dyn PolicyFactory,
    (key, lane): (StreamKey, u64),
    wanted: impl Fn(usize) -> bool,
) -> Result<Option<Played>, String> {
    let spec = env.spec();
    let steps = spec.trial_steps();
    if steps > MOST_STEPS {
        return Err(format!(
            "a trial in '{}' takes up to {steps} steps; up to {MOST_STEPS} are played for \
             pictures: take a shorter horizon or fewer episodes",
            spec.name
        ));
    }
    let mut still = env.make(1);
    still.begin(&key, lane, &mut vec![0.0; spec.observation.width()]);
    let Some(task) = still.draw(0, None) else {
        return Ok(None);
    };
    let mut player = Player::new(env, policy, (key, lane))?;
    let last = (0..spec.most_episodes())
        .rev()
        .find(|number| wanted(*number));
    let mut episodes = Vec::new();
    for number in 0..last.map_or(0, |last| last + 1) {
        let (episode, ended) = player.episode(number);
        if wanted(number) {
            episodes.push(episode);
        }
        if ended {
            break;
        }
    }
    Ok(Some(Played {
        task,
        episodes,
        still,
    }))
}

/// What the environment's analyses show of a policy in trials of fresh tasks, by
/// name; nothing where trials are too long to be analysed.
///
/// # Errors
/// If the policy cannot act there, the environment fails, or the pool is called off.
pub fn analyses(
    env: &dyn EnvFactory,
    policy: &dyn PolicyFactory,
    seed: u64,
    pool: &Pool,
) -> Result<Vec<(&'static str, Picture)>, String> {
    let (mut analyses, spec) = (env.analyses(), env.spec());
    if matches!(spec.trial, Trial::Episodes(2..=MOST_BARS)) {
        analyses.push(return_by_episode());
    }
    let steps = spec.trial_steps();
    if analyses.is_empty() || steps > MOST_STEPS {
        return Ok(Vec::new());
    }
    let (key, mut still) = (key(seed), env.make(1));
    let mut description = |lane: usize| {
        let mut seen = vec![0.0; spec.observation.width()];
        still.begin(&key, lane as u64, &mut seen);
        still.description(0)
    };
    let described = 4.0 * description(0).len() as f64;
    // Of what plays a part is there once, however many lanes it plays in.
    let plays = policy.bytes(spec, MANY) / MANY as f64;
    let lane = Trajectory::bytes(spec, 1, steps) + env.lane_bytes() + plays;
    let fit = (ANALYSED_BYTES / (lane + described)) as usize;
    let lanes = fit.min(ANALYSED_STEPS / steps).clamp(1, MOST_TRIALS);
    let mut tile = Tile::new(env, lanes, 0, steps);
    // On a worker, where work can be called off.
    let lived = pool.install(|| tile.collect(policy, &key));
    lived.map_err(|error| error.to_string())?;
    let descriptions: Vec<f32> = (0..lanes).flat_map(description).collect();
    let trials = Trials {
        trajectory: tile.trajectory(),
        descriptions: &descriptions,
    };
    let drawn = analyses
        .iter()
        .filter_map(|analysis| Some((analysis.name(), analysis.draw(&trials)?)));
    Ok(drawn.collect())
}

/// What each episode of a trial earns: where it rises, something is learned.
fn return_by_episode() -> Analysis {
    Analysis::new("return-by-episode", |trials| {
        let returns = trials.by_episode(|lane, episode| trials.earned(lane, episode));
        let bars = returns.iter().enumerate();
        let bars = bars.map(|(number, returns)| Bar::of((number + 1).to_string(), returns));
        let bars = Bars {
            groups: vec![("episode".into(), bars.collect())],
            top: None,
        };
        let lanes = trials.trajectory.lanes();
        let caption =
            format!("Mean return of each episode over {lanes} trials, ± 1 standard error.");
        Some(bars.picture("Return by episode", caption))
    })
}

fn key(seed: u64) -> StreamKey {
    StreamKey::new(seed, Domain::HeldOut, 0)
}

/// Plays one trial in one lane, and keeps no more than its last row.
struct Player {
    rollout: Rollout,
    policy: Box<dyn Policy>,
}

impl Player {
    fn new(
        env: &dyn EnvFactory,
        policy: &dyn PolicyFactory,
        (key, lane): (StreamKey, u64),
    ) -> Result<Self, String> {
        let policy = policy.make(env.spec(), 1)?;
        let mut rollout = Rollout::new(env.make(1), 1);
        rollout.begin(&key, lane);
        Ok(Self { rollout, policy })
    }

    /// Plays to the end of the episode; whether the trial ends with it too.
    fn episode(&mut self, number: usize) -> (Episode, bool) {
        let mut episode = Episode {
            number,
            start: self.rollout.env().positions(0).now,
            moments: Vec::new(),
        };
        loop {
            if self.rollout.is_full() {
                self.rollout.go_on();
            }
            self.rollout.play(self.policy.as_mut());
            let (row, positions) = (self.rollout.row(), self.rollout.env().positions(0));
            let ends = row.previous_outcome[0] != Outcome::Continue;
            episode.moments.push(Moment {
                action: match row.previous_action {
                    Actions::Discrete(row) => vec![row[0] as f32],
                    Actions::Box { row, .. } => row.to_vec(),
                },
                reward: row.previous_reward[0],
                position: if ends { positions.ended } else { positions.now },
            });
            if ends {
                return (episode, row.start[0]);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::registry::{Built, Registry};

    fn built(name: &str) -> Built {
        let registry = Registry::standard();
        let entry = registry.environment(name).unwrap();
        Built::new(entry, &toml::Table::new()).unwrap()
    }

    fn random() -> Box<dyn PolicyFactory> {
        classical::learner("random", &Default::default()).unwrap()
    }

    /// Every environment of navigation and of MDPs draws its task and all
    /// episodes of the first trial; what is played is what is evaluated.
    #[test]
    fn pictures_are_of_the_trial_that_is_evaluated() {
        for name in ["gridnavi", "maze", "point-navigation", "chain", "two-step"] {
            let env = built(name).factory;
            let scenes = of_trial(env.as_ref(), random().as_ref(), 7, |_| true).unwrap();
            let scenes = scenes.expect("it draws");
            assert_eq!(scenes.episodes.len(), env.spec().most_episodes(), "{name}");
            let mut tile = Tile::new(env.as_ref(), 1, 0, env.spec().trial_steps());
            tile.collect(random().as_ref(), &key(7)).unwrap();
            let trial = tile.trajectory();
            let mut player = Player::new(env.as_ref(), random().as_ref(), (key(7), 0)).unwrap();
            let mut rewards = Vec::new();
            for number in 0..env.spec().most_episodes() {
                let (episode, _) = player.episode(number);
                rewards.extend(episode.moments.iter().map(|moment| moment.reward));
            }
            assert_eq!(rewards, trial.rewards()[..trial.lengths()[0]], "{name}");
        }
    }

    #[test]
    fn only_what_is_wanted_is_drawn() {
        let env = built("gridnavi").factory;
        let scenes = of_trial(env.as_ref(), random().as_ref(), 0, |number| number == 3);
        let episodes = scenes.unwrap().unwrap().episodes;
        assert_eq!(episodes.len(), 1);
        assert_eq!(episodes[0].0, 3);
        assert!(episodes[0].1.title.contains("episode 4"));
    }

    #[test]
    fn analyses_are_drawn_where_there_are_some() {
        let pool = Pool::new(1, || ()).unwrap();
        let of = |env: &dyn EnvFactory| analyses(env, random().as_ref(), 0, &pool);
        let drawn = |name| of(built(name).factory.as_ref()).unwrap();
        assert_eq!(drawn("two-step")[0].0, "stay-probability");
        assert!(drawn("two-step")[0].1.caption.contains("rounds"));
        assert!(drawn("chain").is_empty());
        let names: Vec<_> = drawn("gridnavi").into_iter().map(|it| it.0).collect();
        assert_eq!(names, ["return-by-goal", "return-by-episode"]);
        // Of what is large there are fewer trials.
        let registry = Registry::standard();
        let maze = registry.environment("maze").unwrap();
        let large = toml::toml! { size = 255 horizon = 20 };
        let (_, picture) = of(Built::new(maze, &large).unwrap().factory.as_ref())
            .unwrap()
            .remove(0);
        assert!(
            !picture.caption.contains("2000 trials"),
            "{}",
            picture.caption
        );
        pool.call_off()
            .store(true, std::sync::atomic::Ordering::Relaxed);
        assert!(of(built("two-step").factory.as_ref()).is_err());
    }
}
