//! The policy that forgets nothing.

use crate::recall::Script;
use rl_core::{ActRow, EnvSpec, Outcome, Policy, PolicyFactory, Row, Stream};

/// Makes policies that remember all that an episode has shown, and answer by it.
pub(crate) struct PerfectMemory<S> {
    pub(crate) spec: EnvSpec,
    pub(crate) script: S,
    /// What a right answer brings, and a wrong one costs.
    pub(crate) prize: f64,
}

impl<S: Script> PolicyFactory for PerfectMemory<S> {
    fn name(&self) -> String {
        "bayes-optimal".into()
    }

    fn make(&self, spec: &EnvSpec, lanes: usize) -> Result<Box<dyn Policy>, String> {
        self.spec.check_solved(spec)?;
        let shown = || Vec::with_capacity(self.script.steps());
        Ok(Box::new(Remembering {
            script: self.script,
            prize: self.prize,
            shown: std::iter::repeat_with(shown).take(lanes).collect(),
        }))
    }

    fn bytes(&self, _spec: &EnvSpec, lanes: usize) -> f64 {
        lanes as f64 * (8.0 * self.script.steps() as f64 + 24.0)
    }
}

/// A perfect memory at work.
struct Remembering<S> {
    script: S,
    prize: f64,
    shown: Vec<Vec<u64>>, // [lanes][steps of the episode so far]
}

impl<S: Script> Remembering<S> {
    /// The right answer to what is asked now, if that is an action.
    fn answer(&self, lane: usize) -> Option<u32> {
        let shown = &self.shown[lane];
        let step = shown.len().checked_sub(1)?;
        let answer = self.script.asks(step).then(|| self.script.recall(shown))?;
        Some(answer).filter(|answer| (*answer as usize) < self.script.answers())
    }
}

impl<S: Script> Policy for Remembering<S> {
    fn act(&mut self, row: &Row<'_>, _streams: &mut [Stream], out: ActRow<'_>) {
        let Some(actions) = out.action.discrete() else {
            return; // `make` has refused continuous actions.
        };
        let width = row.observation.len() / row.lanes;
        for (lane, action) in actions.iter_mut().enumerate() {
            let shown = &mut self.shown[lane];
            if row.start[lane] || row.previous_outcome[lane] != Outcome::Continue {
                shown.clear();
            }
            let observation = &row.observation[lane * width..(lane + 1) * width];
            shown.push(self.script.read(observation));
            *action = self.answer(lane).unwrap_or(0);
        }
    }

    fn advantages(&mut self, advantages: &mut [f64]) -> bool {
        let lanes = advantages.chunks_exact_mut(self.script.answers());
        for (lane, advantages) in lanes.enumerate() {
            advantages.fill(0.0);
            if let Some(answer) = self.answer(lane) {
                advantages.fill(-2.0 * self.prize);
                advantages[answer as usize] = 0.0;
            }
        }
        true
    }
}
