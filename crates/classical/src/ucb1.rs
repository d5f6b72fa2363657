use crate::arms::{self, Arms, Rule, best};
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
/// arms. `c = 0` is [`crate::greedy::Greedy`].
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ucb1 {
    /// c, the weight of the confidence bound; at least 0.
    pub(crate) c: f64,
}

impl Rule for Ucb1 {
    fn choose(&self, arms: Arms<'_>, scores: &mut [f64], _rng: &mut Stream) -> usize {
        arms.means(scores);
        let turn = 1.0 + arms.pulls.iter().sum::<f64>();
        let bonus = self.c * (2.0 * turn.ln()).sqrt();
        for (score, pulls) in scores.iter_mut().zip(arms.pulls) {
            *score += bonus / (2.0 + pulls).sqrt();
        }
        best(scores)
    }
}

impl PolicyFactory for Ucb1 {
    fn name(&self) -> String {
        format!("ucb1({})", self.c)
    }

    fn make(&self, spec: &EnvSpec, lanes: usize) -> Result<Box<dyn Policy>, String> {
        arms::make(self, &self.name(), spec, lanes)
    }
}
