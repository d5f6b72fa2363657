use crate::arms::{self, Arms, Rule, best};
use rl_core::rand::RngExt as _;
use rl_core::rand_distr::{Beta, Distribution as _};
use rl_core::{EnvSpec, Policy, PolicyFactory, Stream};

/// Thompson sampling (Thompson 1933): draws each arm's mean from its
/// posterior, Beta(1 + successes, 1 + failures), and pulls the arm of the
/// highest draw.
///
/// A reward between 0 and 1 counts as a success with that probability (Agrawal
/// and Goyal 2012, algorithm 2); one outside counts as the nearer of 0 and 1.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Thompson;

impl Rule for Thompson {
    fn gain(&self, reward: f32, rng: &mut Stream) -> f64 {
        let success = if reward > 0.0 && reward < 1.0 {
            rng.random::<f32>() < reward
        } else {
            reward >= 1.0
        };
        f64::from(u8::from(success))
    }

    fn choose(&self, arms: Arms<'_>, scores: &mut [f64], rng: &mut Stream) -> usize {
        let counts = arms.pulls.iter().zip(arms.gains);
        for (score, (pulls, successes)) in scores.iter_mut().zip(counts) {
            let posterior = Beta::new(1.0 + successes, 1.0 + pulls - successes);
            *score = posterior
                .expect("both parameters are at least 1")
                .sample(rng);
        }
        best(scores)
    }
}

impl PolicyFactory for Thompson {
    fn name(&self) -> String {
        "thompson".into()
    }

    fn make(&self, spec: &EnvSpec, lanes: usize) -> Result<Box<dyn Policy>, String> {
        arms::make(self, &self.name(), spec, lanes)
    }
}
