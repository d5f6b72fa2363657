//! What enters the network, in structured form.

/// Marks that a lane has no previous action, at the start of a trial.
pub const NO_ACTION: u32 = u32::MAX;

/// Observations of a batch, one row per lane and step.
#[derive(Clone, Copy, Debug)]
pub enum Observations<'a> {
    /// For [`crate::Observation::None`].
    None,
    /// `[rows][width]`, for [`crate::Observation::Dense`].
    Dense(&'a [f32]),
    /// `[rows]`, state numbers below the width, for
    /// [`crate::Observation::OneHot`].
    OneHot(&'a [u32]),
}

/// Inputs of one step (`rows` = lanes) or of a sequence (`rows` = steps x lanes,
/// time-major). One-hot parts are given as numbers and never expanded: they
/// select a row of the packed input weights.
#[derive(Clone, Copy, Debug)]
pub struct Inputs<'a> {
    /// Observations.
    pub observations: Observations<'a>,
    /// `[rows]`, the previous action or [`NO_ACTION`].
    pub prev_action: &'a [u32],
    /// `[rows]`, the previous reward.
    pub prev_reward: &'a [f32],
    /// `[rows]`, the episode-boundary flag, an input like the reward.
    pub boundary: &'a [f32],
    /// `[rows]`, true where the lane's memory is zeroed before the step.
    pub reset: &'a [bool],
}
