use crate::bandit::arms::{self, Rule, Tally, Turn, best_by};
use rl_core::{EnvSpec, Policy, PolicyFactory, Stream};

/// Upper confidence bounds: before pull t (from 1) it pulls the arm of the
/// highest
///
/// ```text
/// (1 + Σ r) / (2 + m)  +  c √(2 ln t / (2 + m))
/// ```
///
/// where m counts the arm's pulls. This is UCB1 of Auer, Cesa-Bianchi and
/// Fischer 2002 with its bonus scaled by c, as in Duan et al. 2016, and with
/// the uniform prior counted as one success and one failure: no arm has to be
/// pulled first, without which no learner could do well in fewer pulls than
/// arms. `c = 0` is [`crate::bandit::greedy::Greedy`].
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ucb1 {
    /// c, the weight of the confidence bound; at least 0.
    pub(crate) c: f64,
}

impl Rule for Ucb1 {
    type Arm = Tally;

    fn arm(&self) -> Tally {
        Tally::default()
    }

    fn observe(&self, arms: &mut [Tally], pulled: usize, reward: f64, _rng: &mut Stream) {
        arms[pulled].observe(reward);
    }

    fn choose(&self, arms: &mut [Tally], turn: Turn<'_>) -> usize {
        let bonus = self.c * (2.0 * (turn.number as f64).ln()).sqrt();
        best_by(arms, turn.scores, |arm| {
            arm.mean() + bonus / (2.0 + arm.pulls).sqrt()
        })
    }

    fn follows_scores(&self) -> bool {
        true
    }
}

impl PolicyFactory for Ucb1 {
    fn name(&self) -> String {
        format!("ucb1({})", self.c)
    }

    fn make(&self, spec: &EnvSpec, lanes: usize) -> Result<Box<dyn Policy>, String> {
        arms::make(*self, &self.name(), spec, lanes)
    }
}
