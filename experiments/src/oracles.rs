//! Exact solutions, each computed once in a command: they may take minutes,
//! and every seed asks for the same.

use crate::references::References;
use crate::registry::Built;
use rl_core::PolicyFactory;
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::sync::Arc;

/// Exact solutions of the environments that were asked for.
#[derive(Default)]
pub(crate) struct Oracles {
    references: RefCell<BTreeMap<String, References>>,
    policies: RefCell<BTreeMap<String, Arc<dyn PolicyFactory>>>,
}

impl Oracles {
    /// The environment's reference values.
    pub(crate) fn references(&self, built: &Built) -> References {
        let mut known = self.references.borrow_mut();
        let solve = || References::of(built.factory.as_ref());
        known.entry(name(built)).or_insert_with(solve).clone()
    }

    /// The environment's Bayes-optimal policy.
    ///
    /// # Errors
    /// Why there is none.
    pub(crate) fn policy(&self, built: &Built) -> Result<Arc<dyn PolicyFactory>, String> {
        let mut known = self.policies.borrow_mut();
        if let Some(policy) = known.get(&name(built)) {
            return Ok(Arc::clone(policy));
        }
        let policy: Arc<dyn PolicyFactory> = Arc::from(built.factory.bayes_optimal_policy()?);
        known.insert(name(built), Arc::clone(&policy));
        Ok(policy)
    }
}

/// What tells environments apart.
fn name(built: &Built) -> String {
    format!("{} {}", built.factory.spec().name, built.settings.table())
}
