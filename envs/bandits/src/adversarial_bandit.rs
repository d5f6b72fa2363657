//! Bandits of an adversary that switches the best arm.

use crate::adversary::{Adversary, Segment};
use rl_core::rand::RngExt as _;
use rl_core::{
    ActionSpace, EnvSpec, Exact, ExactValues, ObservationSpace, Setting, SpecError, Stream, Trial,
};
use rl_core::{EnvironmentEntry, TaskDistribution};

/// What an oblivious adversary has chosen: all rewards of a trial are fixed
/// before its first pull. A trial is one episode of `pulls` pulls, cut into
/// `segments` segments at places drawn uniformly without repetition. One arm
/// is the best one throughout a segment, and another one in the next, drawn
/// uniformly. At every pull the best arm pays `gap` more than the others, all
/// of which pay the same, and that changes from pull to pull.
///
/// # Observations
/// None (a vector of size 0): what there is to know is the previous action and
/// its reward.
///
/// # Actions
/// The index of the arm to pull, `0..arms`.
///
/// # Reward
/// u (1 − `gap`), u being the pull's own number from U\[0, 1\], and `gap` more
/// from the segment's best arm: always from 0 to 1.
///
/// # Reference
/// Auer et al. 2002, "The Nonstochastic Multiarmed Bandit Problem": section 2
/// for the best fixed arm ([`Adversary::best_fixed_arm`]), section 8 for the
/// best sequence that switches (the known-task optimum).
#[derive(Clone, Debug, PartialEq)]
pub struct AdversarialBandit {
    settings: AdversarialSettings,
}

/// Numbers of an [`AdversarialBandit`], in the ranges that its
/// constants declare.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct AdversarialSettings {
    /// Arms to choose from.
    pub arms: usize,
    /// Pulls of a trial.
    pub pulls: usize,
    /// Segments of a trial, no more than pulls.
    pub segments: usize,
    /// How much more the best arm pays.
    pub gap: f64,
}

pub(crate) const NAME: &str = "adversarial-bandit";

impl AdversarialBandit {
    /// Arms to choose from.
    pub const ARMS: Setting = crate::arms(5, 2);
    /// Pulls of a trial.
    pub const PULLS: Setting = crate::pulls(1000);
    /// Segments of a trial, no more than pulls.
    pub const SEGMENTS: Setting = Setting::count(
        "segments",
        4,
        1..=1000,
        "segments with a best arm each, no more than pulls",
    );
    /// How much more the best arm pays.
    pub const GAP: Setting =
        Setting::number("gap", 0.2, 0.0..=1.0, "how much more the best arm pays");

    /// The bandits of these settings.
    ///
    /// # Errors
    /// If a number is out of range.
    pub fn new(settings: AdversarialSettings) -> Result<Self, SpecError> {
        let AdversarialSettings {
            arms,
            pulls,
            segments,
            gap,
        } = settings;
        Self::ARMS.check(NAME, arms)?;
        Self::PULLS.check(NAME, pulls)?;
        Self::SEGMENTS.check(NAME, segments)?;
        Self::GAP.check(NAME, gap)?;
        if segments > pulls {
            let allowed = format!("no more than pulls = {pulls}");
            return Err(SpecError::new(NAME, "segments", segments, &allowed));
        }
        Ok(Self { settings })
    }

    /// These bandits by name.
    pub fn entry() -> EnvironmentEntry {
        let summary = "an oblivious adversary switches the best arm from segment to segment";
        EnvironmentEntry::revealable(NAME, summary, |set| {
            Ok(Self::new(AdversarialSettings {
                arms: set.count("arms")?,
                pulls: set.count("pulls")?,
                segments: set.count("segments")?,
                gap: set.number("gap")?,
            })?)
        })
        .setting(Self::ARMS)
        .setting(Self::PULLS)
        .setting(Self::SEGMENTS)
        .setting(Self::GAP)
    }
}

impl TaskDistribution for AdversarialBandit {
    type Task = Adversary;

    fn spec(&self) -> EnvSpec {
        EnvSpec {
            name: NAME.into(),
            observation: ObservationSpace::Vector { size: 0 },
            action: ActionSpace::Discrete {
                size: self.settings.arms,
            },
            horizon: self.settings.pulls,
            trial: Trial::Episodes(1),
        }
    }

    /// Ends of segments by Floyd's method: one new number for each.
    fn sample(&self, task: &mut Adversary, rng: &mut Stream) {
        let arms = self.settings.arms as u32;
        let pulls = self.settings.pulls as u32;
        let switches = self.settings.segments as u32 - 1;
        (task.arms, task.gap, task.seed) = (arms, self.settings.gap as f32, rng.random());
        task.segments.clear();
        task.segments.reserve(self.settings.segments);
        for most in pulls - switches..pulls {
            let drawn = rng.random_range(1..=most);
            let place = |end: u32| move |segment: &Segment| segment.end.cmp(&end);
            let search = task.segments.binary_search_by(place(drawn));
            let (at, end) = match search {
                Err(at) => (at, drawn),
                Ok(_) => (task.segments.len(), most), // The largest so far.
            };
            task.segments.insert(at, Segment { end, best: 0 });
        }
        task.segments.push(Segment {
            end: pulls,
            best: 0,
        });
        let mut before = None;
        for segment in &mut task.segments {
            segment.best = match before {
                None => rng.random_range(0..arms),
                Some(before) => (before + rng.random_range(1..arms)) % arms,
            };
            before = Some(segment.best);
        }
    }

    fn task_bytes(&self) -> f64 {
        (self.settings.segments * size_of::<Segment>()) as f64
    }

    fn description_size(&self) -> usize {
        2 * self.settings.segments
    }

    /// For each segment, the share of the trial that is over when it ends, and
    /// the index of its best arm.
    fn describe(&self, task: &Adversary, description: &mut [f32]) {
        for (numbers, segment) in description.chunks_exact_mut(2).zip(&task.segments) {
            numbers[0] = segment.end as f32 / self.settings.pulls as f32;
            numbers[1] = segment.best as f32;
        }
    }

    /// The best arm of every segment.
    fn known_task_optimum(&self, task: &Adversary) -> Option<f64> {
        let gaps = f64::from(task.gap) * f64::from(task.pulls());
        Some(task.floors() + gaps)
    }

    /// All arms pay (1 − gap)/2 on average, and the best one `gap` more; a
    /// random agent meets it with every arms-th pull.
    fn exact_values(&self) -> ExactValues {
        let AdversarialSettings {
            arms, pulls, gap, ..
        } = self.settings;
        let (pulls, floor) = (pulls as f64, (1.0 - gap) / 2.0);
        ExactValues {
            bayes_optimal: Exact::unknown(
                "what is known of the segments depends on every reward so far, a real number: \
                 dynamic programming over all histories is out of reach",
            ),
            known_task_optimum: Exact::value(pulls * (floor + gap)),
            random: Exact::value(pulls * (floor + gap / arms as f64)),
            ..ExactValues::default()
        }
    }
}
