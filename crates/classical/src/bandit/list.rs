//! The bandit learners by name.

use crate::bandit::bayes_ucb::BayesUcb;
use crate::bandit::belief::{Belief, KnownNoise};
use crate::bandit::epsilon_greedy::EpsilonGreedy;
use crate::bandit::ftrl::{Estimator, Ftrl};
use crate::bandit::gittins::{Gittins, GittinsFinite};
use crate::bandit::greedy::Greedy;
use crate::bandit::kl_ucb::KlUcb;
use crate::bandit::optimistic_thompson::{DensestThompson, OptimisticThompson};
use crate::bandit::simplex::Regularizer;
use crate::bandit::thompson::Thompson;
use crate::bandit::ucb_v::UcbV;
use crate::bandit::ucb1::Ucb1;
use crate::posterior::{BetaBernoulli, Normal, NormalGamma};
use crate::registry::{Family, LearnerInfo};
use rl_core::{PolicyFactory, Random, Setting};
use std::ops::RangeInclusive;

/// All of them.
pub(crate) static LEARNERS: [LearnerInfo; 19] = [
    LearnerInfo {
        family: Family::Any,
        ..bandit(
            "random",
            "acts uniformly at random, in any environment",
            &[],
            |_| Box::new(Random),
        )
    },
    bandit(
        "greedy",
        "pulls the arm of the highest posterior mean",
        &[],
        |_| Box::new(Greedy),
    ),
    bandit(
        "epsilon-greedy",
        "pulls a random arm with probability epsilon, else the greedy one",
        &[Setting::number(
            "epsilon",
            0.1,
            0.0..=1.0,
            "probability of a random arm",
        )],
        |values| Box::new(EpsilonGreedy { epsilon: values[0] }),
    ),
    bandit(
        "ucb1",
        "pulls the arm of the highest upper confidence bound",
        &[Setting::number(
            "c",
            0.2,
            0.0..=100.0,
            "weight of the confidence bound",
        )],
        |values| Box::new(Ucb1 { c: values[0] }),
    ),
    bandit(
        "ucb-v",
        "as ucb1, with a bound that knows how much an arm's rewards vary",
        &[
            Setting::number("zeta", 0.03, 0.0..=100.0, "weight of exploration"),
            Setting::number(
                "c",
                1.0,
                0.0..=100.0,
                "weight of the bound's part that variance does not matter to",
            ),
        ],
        |values| {
            let [zeta, c] = numbers(values);
            Box::new(UcbV { zeta, c })
        },
    ),
    bandit(
        "kl-ucb",
        "as ucb1, with the bound that coins have",
        &[
            Setting::number("c", 0.0, 0.0..=100.0, "weight of ln ln t in the rate"),
            Setting::number("scale", 0.2, 0.0..=100.0, "what the rate is scaled by"),
        ],
        |values| {
            let [c, scale] = numbers(values);
            Box::new(KlUcb { c, scale })
        },
    ),
    bandit(
        "bayes-ucb",
        "pulls the arm of the highest upper quantile of the Beta posteriors",
        &[QUANTILE],
        |values| bayes_ucb("bayes-ucb", values, BetaBernoulli::UNIFORM, values[0]),
    ),
    bandit(
        "bayes-ucb-gaussian",
        "as bayes-ucb, for Gaussian rewards of known noise",
        &[NOISE, PRIOR_MEAN, PRIOR_DEVIATION, QUANTILE],
        |values| {
            let prior = known_noise(values);
            bayes_ucb("bayes-ucb-gaussian", values, prior, values[3])
        },
    ),
    bandit(
        "bayes-ucb-normal-gamma",
        "as bayes-ucb, for Gaussian rewards of unknown noise",
        &[PRIOR_MEAN, KAPPA, ALPHA, BETA, QUANTILE],
        |values| {
            let prior = normal_gamma(values);
            bayes_ucb("bayes-ucb-normal-gamma", values, prior, values[4])
        },
    ),
    bandit(
        "thompson",
        "pulls the best arm of a draw from the Beta posteriors",
        &[],
        |values| thompson("thompson", values, BetaBernoulli::UNIFORM),
    ),
    bandit(
        "thompson-gaussian",
        "as thompson, for Gaussian rewards of known noise",
        &[NOISE, PRIOR_MEAN, PRIOR_DEVIATION],
        |values| thompson("thompson-gaussian", values, known_noise(values)),
    ),
    bandit(
        "thompson-normal-gamma",
        "as thompson, for Gaussian rewards of unknown noise",
        &[PRIOR_MEAN, KAPPA, ALPHA, BETA],
        |values| thompson("thompson-normal-gamma", values, normal_gamma(values)),
    ),
    bandit(
        "optimistic-thompson",
        "as thompson, where no draw counts for less than the posterior mean",
        &[],
        |_| Box::new(OptimisticThompson),
    ),
    bandit(
        "ots",
        "as thompson, with the draw of highest posterior density out of several",
        &[Setting::count("samples", 20, 1..=1000, "how many draws")],
        |values| {
            let samples = values[0] as usize;
            Box::new(DensestThompson { samples })
        },
    ),
    bandit(
        "gittins",
        "pulls the arm of the highest Gittins index for discounted rewards",
        &[Setting::number(
            "discount",
            0.99,
            0.01..=0.9999,
            "what a reward one pull later is worth",
        )],
        |values| {
            let discount = values[0];
            let tables = Default::default();
            Box::new(Gittins { discount, tables })
        },
    ),
    bandit(
        "gittins-finite",
        "pulls the arm of the highest Gittins index for the pulls left",
        &[],
        |_| Box::<GittinsFinite>::default(),
    ),
    bandit(
        "exp3",
        "follows the leader regularized by negative entropy; for adversaries",
        &[RATE],
        |values| ftrl("exp3", values, Regularizer::NegativeEntropy),
    ),
    bandit(
        "tsallis-inf",
        "follows the leader regularized by Tsallis' entropy; for adversaries and chance",
        &[
            RATE,
            Setting::count(
                "reduced_variance",
                0,
                0..=1,
                "1 estimates losses with less variance",
            ),
        ],
        |values| ftrl("tsallis-inf", values, Regularizer::Tsallis),
    ),
    bandit(
        "ftrl-log-barrier",
        "follows the leader regularized by the log barrier; for adversaries",
        &[RATE],
        |values| ftrl("ftrl-log-barrier", values, Regularizer::LogBarrier),
    ),
];

const QUANTILE: Setting = Setting::number(
    "c",
    0.0,
    0.0..=100.0,
    "power of the logarithm of the trial's length in the quantile",
);
const NOISE: Setting = Setting::number("noise", 1.0, SCALE, "standard deviation of a reward");
const PRIOR_MEAN: Setting =
    Setting::number("prior_mean", 0.0, -1e6..=1e6, "expected mean of an arm");
const PRIOR_DEVIATION: Setting = Setting::number(
    "prior_deviation",
    1.0,
    SCALE,
    "standard deviation of an arm's mean",
);
const KAPPA: Setting = Setting::number(
    "kappa",
    1.0,
    SCALE,
    "how many rewards the prior mean is worth",
);
const ALPHA: Setting = Setting::number("alpha", 1.0, SCALE, "shape of the rewards' precision");
const BETA: Setting = Setting::number("beta", 1.0, SCALE, "rate of the rewards' precision");
const RATE: Setting = Setting::number(
    "rate",
    1.0,
    SCALE,
    "what the published learning rate is multiplied by",
);

/// What a positive number may be whose square and its inverse are finite.
const SCALE: RangeInclusive<f64> = 1e-6..=1e6;

const fn bandit(
    name: &'static str,
    summary: &'static str,
    settings: &'static [Setting],
    build: fn(&[f64]) -> Box<dyn PolicyFactory>,
) -> LearnerInfo {
    LearnerInfo {
        name,
        summary,
        family: Family::Bandit,
        settings,
        build,
    }
}

/// The values of that many keys.
fn numbers<const N: usize>(values: &[f64]) -> [f64; N] {
    std::array::from_fn(|index| values[index])
}

/// A name with its values: `kl-ucb(0, 0.2)`.
fn full_name(name: &str, values: &[f64]) -> String {
    if values.is_empty() {
        return name.into();
    }
    let values: Vec<_> = values.iter().map(f64::to_string).collect();
    format!("{name}({})", values.join(", "))
}

fn thompson<B: Belief>(name: &str, values: &[f64], prior: B) -> Box<dyn PolicyFactory> {
    let name = full_name(name, values);
    Box::new(Thompson { name, prior })
}

fn bayes_ucb<B: Belief>(name: &str, values: &[f64], prior: B, c: f64) -> Box<dyn PolicyFactory> {
    let name = full_name(name, values);
    Box::new(BayesUcb { name, prior, c })
}

fn ftrl(name: &str, values: &[f64], regularizer: Regularizer) -> Box<dyn PolicyFactory> {
    Box::new(Ftrl {
        name: full_name(name, values),
        regularizer,
        estimator: match values.get(1) {
            Some(1.0) => Estimator::ReducedVariance,
            _ => Estimator::ImportanceWeighted,
        },
        rate: values[0],
    })
}

fn known_noise(values: &[f64]) -> KnownNoise {
    let [noise, mean, deviation] = numbers(values);
    KnownNoise {
        mean: Normal::new(mean, deviation.powi(-2)).expect("its keys allow no other"),
        noise_precision: noise.powi(-2),
    }
}

fn normal_gamma(values: &[f64]) -> NormalGamma {
    let [mean, kappa, alpha, beta] = numbers(values);
    NormalGamma::new(mean, kappa, alpha, beta).expect("its keys allow no other")
}
