//! Exact solutions, each computed once in a command: they may take minutes,
//! and every seed asks for the same.

use crate::failure::Failure;
use crate::observer::{Observer, Progress, Work};
use crate::registry::Built;
use crate::room::Room;
use crate::stop::Stop;
use rl_core::{ExactValues, Footprint, PolicyFactory};
use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::sync::Arc;

/// What tables of an environment's states grow with.
const GROWS_WITH: &str = "the environment's size and steps per trial";

/// Exact solutions of the environments that were asked for.
pub struct Oracles<'a> {
    observer: &'a dyn Observer,
    room: Cell<Room>,
    /// What else is in memory when they are computed.
    beside: RefCell<Footprint>,
    references: RefCell<BTreeMap<String, ExactValues>>,
    policies: RefCell<BTreeMap<String, Arc<dyn PolicyFactory>>>,
    /// Hears that a solution has nothing to save.
    stop: Stop,
}

impl<'a> Oracles<'a> {
    /// None yet, and so much room for them.
    pub fn new(observer: &'a dyn Observer, room: Room, stop: Stop) -> Self {
        Self {
            observer,
            room: Cell::new(room),
            beside: RefCell::default(),
            references: RefCell::default(),
            policies: RefCell::default(),
            stop,
        }
    }

    /// There is so much room for them from now on; those that there are go.
    pub(crate) fn begin_anew(&self, room: Room) {
        self.room.set(room);
        self.references.borrow_mut().clear();
        self.policies.borrow_mut().clear();
    }

    /// They are computed beside this from now on.
    pub fn beside(&self, needed: &Footprint) {
        self.beside.replace(needed.clone());
    }

    /// Refuses the solutions of an environment that memory cannot hold.
    ///
    /// # Errors
    /// How much they need and how much there is.
    pub fn check(&self, built: &Built) -> Result<(), Failure> {
        let name = &built.factory.spec().name;
        let needed = self.beside.borrow().clone();
        self.room.get().check(name, &needed.and(solutions(built)))
    }

    /// Refuses a learner that memory cannot hold even in one lane.
    ///
    /// # Errors
    /// As [`Self::check`].
    pub fn check_learner(&self, built: &Built, policy: &dyn PolicyFactory) -> Result<(), Failure> {
        let bytes = policy.bytes(built.factory.spec(), 1);
        let needed = Footprint::new().with("its memory of one lane", bytes, GROWS_WITH);
        self.room.get().check(&policy.name(), &needed)
    }

    /// The environment's reference values. Those that memory cannot hold are not
    /// known: no work depends on them.
    pub fn references(&self, built: &Built) -> ExactValues {
        let mut known = self.references.borrow_mut();
        let solve = || match self.check(built) {
            Err(failure) => ExactValues::unknown(&failure.message),
            Ok(()) => {
                let _waiting = self.waiting(built);
                let solve = || built.factory.exact_values();
                self.stop.at_once(solve)
            }
        };
        known.entry(name(built)).or_insert_with(solve).clone()
    }

    /// The environment's Bayes-optimal policy.
    ///
    /// # Errors
    /// Why there is none.
    pub fn policy(&self, built: &Built) -> Result<Arc<dyn PolicyFactory>, String> {
        let mut known = self.policies.borrow_mut();
        if let Some(policy) = known.get(&name(built)) {
            return Ok(Arc::clone(policy));
        }
        self.check(built).map_err(|failure| failure.message)?;
        let solving = self.waiting(built);
        let solve = || built.factory.bayes_optimal_policy();
        let policy: Arc<dyn PolicyFactory> = Arc::from(self.stop.at_once(solve)?);
        drop(solving);
        known.insert(name(built), Arc::clone(&policy));
        Ok(policy)
    }

    /// A policy of [`Self::policy`] that says what actions are worth, if it can: with the
    /// table that it needs for that, which is gone with what is given here.
    pub(crate) fn evaluating(
        &self,
        built: &Built,
        policy: Arc<dyn PolicyFactory>,
    ) -> Arc<dyn PolicyFactory> {
        if policy.advantages_bytes() == 0.0 {
            return policy;
        }
        let _waiting = self.waiting(built);
        let ready = self.stop.at_once(|| policy.with_advantages());
        ready.unwrap_or(policy)
    }

    fn waiting(&self, built: &Built) -> Box<dyn Progress> {
        let label = format!("{}: exact solutions", built.factory.spec().name);
        self.observer.begin(Work::Waiting { label: &label })
    }
}

/// What the exact solutions of an environment take.
pub fn solutions(built: &Built) -> Footprint {
    let bytes = built.factory.solution_bytes();
    Footprint::new().with("exact solutions", bytes, GROWS_WITH)
}

/// What tells environments apart.
fn name(built: &Built) -> String {
    format!("{} {}", built.factory.spec().name, built.settings)
}
