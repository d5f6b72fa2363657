//! The Gittins index (Gittins 1979): pulls the arm of the highest index, which
//! depends on what that arm alone gave.

mod calibration;
mod discounted;
mod finite;

use crate::bandit::arms::{self, Rule, Tally, Turn, best_by, succeeds};
use discounted::DiscountedTable;
use finite::FiniteTable;
pub use finite::finite_gittins_indices;
use rl_core::{EnvSpec, Policy, PolicyFactory, Stream};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

/// By the index for rewards discounted for ever, under the uniform prior: the
/// best there is where they are, and a good rule of a trial of any length.
/// For rewards other than 0 and 1 see [`succeeds`].
#[derive(Debug)]
pub(crate) struct Gittins {
    /// γ, above 0 and below 1.
    pub(crate) discount: f64,
    /// Tables made so far.
    pub(crate) tables: Tables<DiscountedTable>,
}

/// By the index for the pulls that are left of the trial, under the uniform
/// prior (Gittins, Glazebrook and Weber 2011; Kaufmann 2018 calls it
/// finite-horizon Gittins): the highest reward per pull that any way of going
/// on with the arm promises before the trial ends. Not optimal for more than
/// one unknown arm, but close to it.
/// For rewards other than 0 and 1 see [`succeeds`].
#[derive(Debug, Default)]
pub(crate) struct GittinsFinite {
    /// Tables made so far.
    pub(crate) tables: Tables<FiniteTable>,
}

/// Tables by number of pulls, each made once and shared by all lanes.
#[derive(Debug)]
pub(crate) struct Tables<T> {
    made: Mutex<BTreeMap<usize, Arc<T>>>,
}

impl<T> Default for Tables<T> {
    fn default() -> Self {
        Self {
            made: Mutex::default(),
        }
    }
}

impl<T> Tables<T> {
    /// The table for a number of pulls.
    ///
    /// # Errors
    /// If it cannot be made.
    fn get(
        &self,
        pulls: usize,
        make: impl FnOnce(usize) -> Result<T, String>,
    ) -> Result<Arc<T>, String> {
        // A panic while a table was made leaves the others as they were.
        let mut made = self.made.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(table) = made.get(&pulls) {
            return Ok(table.clone());
        }
        let table = Arc::new(make(pulls)?);
        made.insert(pulls, table.clone());
        Ok(table)
    }
}

/// Pulls by an index of (pulls, successes, pulls left).
#[derive(Clone)]
struct ByIndex<F> {
    index: F,
    pulls: usize,
}

impl<F: Fn(usize, usize, usize) -> f32 + Clone + Send + 'static> Rule for ByIndex<F> {
    type Arm = Tally;

    fn arm(&self) -> Tally {
        Tally::default()
    }

    fn observe(&self, arms: &mut [Tally], pulled: usize, reward: f64, rng: &mut Stream) {
        arms[pulled].observe(f64::from(u8::from(succeeds(reward, rng))));
    }

    fn choose(&self, arms: &mut [Tally], turn: Turn<'_>) -> usize {
        let left = (self.pulls + 1).saturating_sub(turn.number).max(1);
        best_by(arms, turn.scores, |arm| {
            f64::from((self.index)(arm.pulls as usize, arm.gain as usize, left))
        })
    }

    fn follows_scores(&self) -> bool {
        true
    }
}

impl PolicyFactory for Gittins {
    fn name(&self) -> String {
        format!("gittins({})", self.discount)
    }

    fn make(&self, spec: &EnvSpec, lanes: usize) -> Result<Box<dyn Policy>, String> {
        arms::count(&self.name(), spec)?;
        let pulls = spec.trial_steps();
        let make = |pulls| DiscountedTable::new(self.discount, pulls);
        let table = self.tables.get(pulls, make);
        let table = table.map_err(|why| format!("{}: {why}", self.name()))?;
        let index = move |pulls, successes, _| table.index(pulls, successes);
        arms::make(ByIndex { index, pulls }, &self.name(), spec, lanes)
    }
}

impl PolicyFactory for GittinsFinite {
    fn name(&self) -> String {
        "gittins-finite".into()
    }

    fn make(&self, spec: &EnvSpec, lanes: usize) -> Result<Box<dyn Policy>, String> {
        arms::count(&self.name(), spec)?;
        let pulls = spec.trial_steps();
        let table = self.tables.get(pulls, FiniteTable::new);
        let table = table.map_err(|why| format!("{}: {why}", self.name()))?;
        let index = move |pulls, successes, left| table.index(pulls, successes, left);
        arms::make(ByIndex { index, pulls }, &self.name(), spec, lanes)
    }
}

#[cfg(test)]
mod tests;
