//! Finite sets of tasks of which all is known but which of them one is in.

/// All that matters of a trial so far, for the rest of it: an information state.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Information {
    /// Steps so far.
    pub step: u32,
    /// Where the agent is, as the environment numbers it.
    pub state: u32,
    /// What the steps told of the task, as the environment counts it.
    pub evidence: u64,
}

/// What an environment knows of finitely many tasks, numbered as
/// [`TaskDistribution::select`](crate::TaskDistribution::select) numbers them: how
/// probable each of them is after every trial, how to act in each, and what that is
/// worth. What a step leads to must follow from its action and reward alone.
pub trait KnownTasks: Send + Sync {
    /// How many there are, all equally likely at first.
    fn count(&self) -> usize;

    /// How many numbers [`Information::state`] may be, from 0. Where a symbol is observed,
    /// it is that.
    fn states(&self) -> usize;

    /// The symbol that, observed after a step, pays above 0 in a task and in none of the
    /// others, where each task has one: whoever predicts rewards says by it how probable
    /// the task is.
    fn pays_at(&self, _task: usize) -> Option<u32> {
        None
    }

    /// Before the first step.
    fn begin(&self) -> Information;

    /// After one more step; where that ends an episode, the next one has begun.
    fn after(&self, before: Information, action: u32, reward: f32) -> Information;

    /// How probable each task is. `[count]`
    fn posterior(&self, evidence: u64, probabilities: &mut [f64]);

    /// Tells `each` of every reward that an action may give, and how probable it is
    /// under the posterior.
    fn rewards(&self, known: Information, action: u32, each: &mut dyn FnMut(f64, f64));

    /// With what probability the policy that knows the task takes each action. It needs
    /// no evidence. `[actions]`
    fn act(&self, known: Information, task: usize, probabilities: &mut [f64]);

    /// What each action, and the best ones after it, earn in a task until the trial
    /// ends, whatever the evidence. `[actions]`
    fn action_values(&self, known: Information, task: usize, values: &mut [f64]);
}
