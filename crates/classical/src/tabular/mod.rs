//! Learners for tabular Markov decision processes: what they remember is what
//! each action gave in each state, and where it led.

mod agent;
mod beb;
mod belief;
mod greedy;
mod psrl;
mod q_lambda;
mod sizes;
mod ucrl2;
mod values;

use crate::registry::{Family, LearnerInfo};
use beb::{Beb, FadingBeb};
use belief::Prior;
use greedy::MdpGreedy;
use psrl::{OptimisticPsrl, Psrl};
use q_lambda::QLambda;
use rl_core::Setting;
use ucrl2::Ucrl2;

/// The keys of a prior, which [`prior`] reads. Their defaults are the
/// distribution that Duan et al. 2016 draw MDPs from.
const PRIOR: [Setting; 2] = [
    Setting::number(
        "prior_mean",
        1.0,
        -1e6..=1e6,
        "mean reward expected where nothing was seen",
    ),
    Setting::number(
        "prior_weight",
        1.0,
        Prior::LEAST..=1e6,
        "observations that the prior counts for",
    ),
];

/// The prior that values of [`PRIOR`]'s keys, the last two, ask for.
fn prior(values: &[f64]) -> Prior {
    let keys = values.len() - PRIOR.len();
    Prior {
        mean: values[keys],
        weight: values[keys + 1],
    }
}

/// All of them.
pub(crate) static LEARNERS: [LearnerInfo; 8] = [
    LearnerInfo {
        name: "mdp-greedy",
        summary: "plans each episode in the posterior mean of the MDP",
        family: Family::Tabular,
        settings: &PRIOR,
        build: |values| {
            Box::new(MdpGreedy {
                epsilon: None,
                prior: prior(values),
            })
        },
    },
    LearnerInfo {
        name: "mdp-epsilon-greedy",
        summary: "acts at random with probability epsilon, else as mdp-greedy",
        family: Family::Tabular,
        settings: &[
            Setting::number("epsilon", 0.1, 0.0..=1.0, "probability of a random action"),
            PRIOR[0],
            PRIOR[1],
        ],
        build: |values| {
            Box::new(MdpGreedy {
                epsilon: Some(values[0]),
                prior: prior(values),
            })
        },
    },
    LearnerInfo {
        name: "psrl",
        summary: "plans each episode in an MDP drawn from the posterior",
        family: Family::Tabular,
        settings: &PRIOR,
        build: |values| {
            Box::new(Psrl {
                prior: prior(values),
            })
        },
    },
    LearnerInfo {
        name: "opsrl",
        summary: "plans each episode by the highest values of several MDPs drawn from the posterior",
        family: Family::Tabular,
        settings: &[
            Setting::count("samples", 5, 1..=1000, "MDPs drawn per episode"),
            PRIOR[0],
            PRIOR[1],
        ],
        build: |values| {
            Box::new(OptimisticPsrl {
                samples: values[0] as u32,
                prior: prior(values),
            })
        },
    },
    LearnerInfo {
        name: "ucrl2",
        summary: "plans each episode in the most favourable MDP within confidence sets",
        family: Family::Tabular,
        settings: &[
            Setting::number(
                "scale",
                0.03,
                0.0..=100.0,
                "weight of the confidence widths",
            ),
            PRIOR[0],
            PRIOR[1],
        ],
        build: |values| {
            Box::new(Ucrl2 {
                scale: values[0],
                prior: prior(values),
            })
        },
    },
    LearnerInfo {
        name: "beb",
        summary: "plans each episode in the posterior mean with a bonus for what was seldom tried",
        family: Family::Tabular,
        settings: &[
            Setting::number(
                "beta",
                1.0,
                0.0..=1000.0,
                "bonus of an action never tried in a state",
            ),
            PRIOR[0],
            PRIOR[1],
        ],
        build: |values| {
            Box::new(Beb {
                beta: values[0],
                prior: prior(values),
            })
        },
    },
    LearnerInfo {
        name: "beb-fading",
        summary: "as beb, with a bonus that shrinks as the square root of the episodes left",
        family: Family::Tabular,
        settings: &[
            Setting::number(
                "beta",
                0.22,
                0.0..=1000.0,
                "bonus of an action never tried in a state, in a trial's last episode",
            ),
            PRIOR[0],
            PRIOR[1],
        ],
        build: |values| {
            Box::new(FadingBeb {
                beta: values[0],
                prior: prior(values),
            })
        },
    },
    LearnerInfo {
        name: "q-lambda",
        summary: "Watkins's Q(lambda), without a model",
        family: Family::Tabular,
        settings: &[
            Setting::number("alpha", 0.1, 0.0..=1.0, "step size"),
            Setting::number("lambda", 0.5, 0.0..=1.0, "how slowly traces fade"),
            Setting::number("epsilon", 0.1, 0.0..=1.0, "probability of a random action"),
        ],
        build: |values| {
            Box::new(QLambda {
                alpha: values[0],
                lambda: values[1],
                epsilon: values[2],
            })
        },
    },
];
