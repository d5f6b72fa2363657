//! Finite MDPs given by tables, and exact planning in them: what tabular
//! environments are made of, and what model-based learners plan with.

mod model;
mod planner;
mod reachability;

pub use model::{Model, ModelError, Noise};
pub use planner::{Behaviour, Plan, Planner};
