//! One file per command.

pub(crate) mod baseline;
#[allow(clippy::disallowed_methods, reason = "it measures rates")]
pub(crate) mod bench;
pub(crate) mod check_env;
pub(crate) mod compare;
pub(crate) mod completions;
pub(crate) mod doctor;
pub(crate) mod eval;
pub(crate) mod export;
pub(crate) mod help;
#[allow(clippy::disallowed_methods, reason = "it speaks at intervals")]
pub(crate) mod job;
pub(crate) mod list;
pub(crate) mod new;
pub(crate) mod oracle;
pub(crate) mod quickstart;
pub(crate) mod render;
pub(crate) mod replay;
pub(crate) mod report;
pub(crate) mod resume;
pub(crate) mod schema;
pub(crate) mod show;
pub(crate) mod sweep;
pub(crate) mod table;
pub(crate) mod train;
#[allow(
    clippy::disallowed_methods,
    reason = "it measures time, and asks what is a terminal"
)]
pub(crate) mod watch;
