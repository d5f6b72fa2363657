//! The stay-probability analysis of the two-step task.

use rl_core::{Actions, Trajectory};

/// How often rounds of one kind were followed by the same first-stage choice.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stay {
    /// Rounds of this kind that were followed by another one.
    pub rounds: u64,
    /// Those that were followed by the same choice.
    pub stays: u64,
}

impl Stay {
    /// The share of stays, `None` without rounds.
    pub fn probability(&self) -> Option<f64> {
        (self.rounds > 0).then(|| self.stays as f64 / self.rounds as f64)
    }

    /// The share's binomial standard error, which takes rounds for
    /// independent; `None` below two rounds, since one always has the share 0
    /// or 1.
    pub fn standard_error(&self) -> Option<f64> {
        let p = self.probability().filter(|_| self.rounds > 1)?;
        Some((p * (1.0 - p) / self.rounds as f64).sqrt())
    }

    fn add(&mut self, other: Self) {
        self.rounds += other.rounds;
        self.stays += other.stays;
    }
}

/// How often agents stayed with their first-stage choice in
/// [`TwoStep`](crate::TwoStep), by what the round before gave: the analysis of
/// Daw et al. 2011, figure 2, which Wang et al. 2016 repeat.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct StayProbability {
    /// After a reward that followed a common transition.
    pub rewarded_common: Stay,
    /// After a reward that followed a rare transition.
    pub rewarded_rare: Stay,
    /// After no reward, following a common transition.
    pub unrewarded_common: Stay,
    /// After no reward, following a rare transition.
    pub unrewarded_rare: Stay,
}

impl StayProbability {
    /// Counts over the first trial of every lane, as far as it was recorded.
    /// Rows have to begin with a trial, as those of an evaluation do.
    ///
    /// # Errors
    /// Names the first place where the trajectory is not one of the two-step
    /// task.
    pub fn of(trajectory: &Trajectory) -> Result<Self, String> {
        let lanes = trajectory.lanes();
        let width = trajectory.observation_width();
        let (1, Actions::Discrete(actions)) = (width, trajectory.actions()) else {
            return Err(format!(
                "observations of {width} numbers, or continuous actions; the two-step task has \
                 one symbol and discrete actions"
            ));
        };
        let mut counts = Self::default();
        for (lane, &length) in trajectory.lengths().iter().enumerate() {
            let observation = |step: usize| trajectory.observations()[step * lanes + lane];
            let action = |step: usize| actions[step * lanes + lane];
            // The choice after a round must have been recorded too.
            for first in (0..length.saturating_sub(2)).step_by(2) {
                let (choice, reached) = (action(first), observation(first + 1));
                let fits = [1.0, 2.0].contains(&reached) && observation(first) == 0.0;
                if !fits || choice > 1 {
                    return Err(format!(
                        "lane {lane} sees {} at step {first}, does {choice} and sees {reached} \
                         next; a round of the two-step task begins in 0 and goes by action 0 or \
                         1 to 1 or 2",
                        observation(first)
                    ));
                }
                let reward = trajectory.rewards()[(first + 1) * lanes + lane];
                let common = (choice == 0) == (reached == 1.0);
                let cell = match (reward > 0.5, common) {
                    (true, true) => &mut counts.rewarded_common,
                    (true, false) => &mut counts.rewarded_rare,
                    (false, true) => &mut counts.unrewarded_common,
                    (false, false) => &mut counts.unrewarded_rare,
                };
                cell.rounds += 1;
                cell.stays += u64::from(action(first + 2) == choice);
            }
        }
        Ok(counts)
    }

    /// Adds the counts of other trajectories.
    pub fn merge(&mut self, other: &Self) {
        self.rewarded_common.add(other.rewarded_common);
        self.rewarded_rare.add(other.rewarded_rare);
        self.unrewarded_common.add(other.unrewarded_common);
        self.unrewarded_rare.add(other.unrewarded_rare);
    }

    /// The four kinds of rounds with their names, in the order in which they
    /// are usually drawn.
    pub fn cells(&self) -> [(&'static str, Stay); 4] {
        [
            ("rewarded, common", self.rewarded_common),
            ("rewarded, rare", self.rewarded_rare),
            ("unrewarded, common", self.unrewarded_common),
            ("unrewarded, rare", self.unrewarded_rare),
        ]
    }
}
