//! Published tables made anew: learners by settings, each cell worked out on
//! its own and kept, beside what the paper says.

mod cell;
mod filled;
mod ledger;
mod measure;
mod only;
mod plan;
mod publish;
mod runs;
mod terminal;
mod trained;

pub(crate) mod baseline_variance;
pub(crate) mod combination;
pub(crate) mod contest;
pub(crate) mod files;
pub(crate) mod maml_audit;
pub(crate) mod memory;
pub(crate) mod transfer;
pub(crate) mod unroll_audit;
