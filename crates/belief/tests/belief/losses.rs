//! Every loss against finite differences in f64; the same with a sign flipped must not
//! pass.

use belief::{Decoder, Decodes, Labels, Lived, Prior, Query, Rewards, supervised_loss};
use kernels::mlp::{Activation, Cache, Head, Mlp};

/// Uniform in −1 to 1.
fn uniform(state: &mut u64) -> f64 {
    *state = state
        .wrapping_mul(6_364_136_223_846_793_005)
        .wrapping_add(1_442_695_040_888_963_407);
    (*state >> 11) as f64 / (1_u64 << 52) as f64 - 1.0
}

fn drawn(count: usize, scale: f64, seed: u64) -> Vec<f64> {
    let mut state = seed;
    uniform(&mut state);
    (0..count).map(|_| scale * uniform(&mut state)).collect()
}

/// The largest difference between a gradient and central differences of a loss, beside the
/// largest element.
fn gap(gradient: &[f64], at: &[f64], loss: &dyn Fn(&[f64]) -> f64) -> f64 {
    let step = 1e-5;
    let mut largest = 0.0_f64;
    let mut worst = 0.0_f64;
    for (index, d) in gradient.iter().enumerate() {
        let moved = |by: f64| {
            let mut there = at.to_vec();
            there[index] += by;
            loss(&there)
        };
        let expected = (moved(step) - moved(-step)) / (2.0 * step);
        worst = worst.max((d - expected).abs());
        largest = largest.max(expected.abs());
    }
    assert!(largest > 1e-3, "nothing to compare with");
    worst / largest
}

fn expect_gradient(gradient: &[f64], at: &[f64], loss: &dyn Fn(&[f64]) -> f64) {
    let off = gap(gradient, at, loss);
    assert!(off < 1e-6, "{off}");
    let flipped: Vec<f64> = gradient.iter().map(|d| -d).collect();
    let off = gap(&flipped, at, loss);
    assert!(off > 0.1, "a flipped sign passes: {off}");
}

#[test]
fn supervised_losses_have_their_gradients() {
    let (steps, lanes, numbers) = (4, 3, 5);
    let beliefs = drawn(steps * lanes * numbers, 2.0, 1);
    let mut weights: Vec<f64> = drawn(steps * lanes, 0.5, 2);
    weights.iter_mut().for_each(|w| *w += 0.6);
    weights[4] = 0.0;
    let descriptions = drawn(lanes * numbers, 1.0, 3);
    for labels in [
        Labels::Tasks(&[4, 0, 2]),
        Labels::Descriptions(&descriptions),
    ] {
        let loss = |beliefs: &[f64]| {
            let mut d = vec![f64::NAN; beliefs.len()];
            supervised_loss(labels, (&weights, lanes), beliefs, &mut d)
        };
        let mut d = vec![f64::NAN; beliefs.len()];
        supervised_loss(labels, (&weights, lanes), &beliefs, &mut d);
        assert_eq!(d[4 * numbers..5 * numbers], [0.0; 5], "weight 0");
        expect_gradient(&d, &beliefs, &loss);
    }
}

#[test]
fn cross_entropy_of_even_odds_is_their_logarithm() {
    let mut d = [0.0; 4];
    let loss = supervised_loss(Labels::Tasks(&[1]), (&[1.0], 1), &[7.0_f64; 4], &mut d);
    assert!((loss - 4.0_f64.ln()).abs() < 1e-12);
    assert_eq!(d, [0.25, -0.75, 0.25, 0.25]);
}

/// A decoder and what it is given.
struct Case {
    decoder: Decoder,
    lengths: Vec<usize>,
    queries: Vec<f64>,
    rewards: Vec<f64>,
    decoded: Vec<Query<f64>>,
    beliefs: Vec<f64>,
    params: Vec<f64>,
}

const STEPS: usize = 4;
const QUERY: usize = 3;
const LATENT: usize = 2;

impl Case {
    fn new(rewards: Rewards, decodes: Decodes, prior: Prior, deterministic: bool) -> Self {
        let network = Mlp::new(LATENT + QUERY, &[6], 1, Activation::Tanh, Head::None).unwrap();
        let lengths = vec![STEPS, 3];
        let rows = STEPS * lengths.len();
        let noise = |seed| match deterministic {
            true => Vec::new(),
            false => drawn(LATENT, 1.5, seed),
        };
        let query = |lane, step, seed| Query {
            lane,
            step,
            weight: 0.25 / (1.0 + lane as f64),
            noise: noise(seed),
        };
        let numbers = if deterministic { LATENT } else { 2 * LATENT };
        let paid = drawn(rows, 1.0, 4);
        Self {
            params: drawn(network.parameters(), 0.7, 5),
            decoder: Decoder {
                network,
                latent: LATENT,
                deterministic,
                rewards,
                decodes,
                prior,
                coefficient: 0.3,
            },
            queries: drawn(rows * QUERY, 1.0, 6),
            rewards: match rewards {
                Rewards::Bernoulli { .. } => {
                    paid.iter().map(|r| f64::from(u8::from(*r > 0.0))).collect()
                }
                Rewards::Gaussian { .. } => paid,
            },
            decoded: vec![
                query(0, 2, 7),
                query(1, 1, 8),
                query(0, 2, 9),
                query(0, 3, 10),
            ],
            beliefs: drawn(rows * numbers, 0.8, 11),
            lengths,
        }
    }

    /// What is minimized, and its gradients by the beliefs and the network.
    fn bound(&self, beliefs: &[f64], params: &[f64]) -> (f64, Vec<f64>, Vec<f64>) {
        let lived = Lived {
            lengths: &self.lengths,
            queries: &self.queries,
            rewards: &self.rewards,
        };
        let mut d_beliefs = vec![f64::NAN; beliefs.len()];
        let mut d_params = vec![0.0; params.len()];
        let mut cache = Cache::new();
        let losses = self.decoder.bound(
            (lived, &self.decoded),
            (beliefs, params),
            1.0 / 7.0,
            (&mut cache, &mut d_beliefs, &mut d_params),
        );
        let whole = losses.reconstruction + self.decoder.coefficient * losses.divergence;
        (whole, d_beliefs, d_params)
    }
}

/// With fixed noise, of every kind of reward, prior, belief and of what is decoded.
#[test]
fn the_bound_has_its_gradients() {
    let kinds = [
        Rewards::Bernoulli { above: 0.0 },
        Rewards::Gaussian { scale: 1.0 },
    ];
    for rewards in kinds {
        for decodes in [Decodes::All, Decodes::Past] {
            for prior in [Prior::Chained, Prior::Fixed] {
                for deterministic in [false, true] {
                    let case = Case::new(rewards, decodes, prior, deterministic);
                    let (_, d_beliefs, d_params) = case.bound(&case.beliefs, &case.params);
                    let of_beliefs = |beliefs: &[f64]| case.bound(beliefs, &case.params).0;
                    expect_gradient(&d_beliefs, &case.beliefs, &of_beliefs);
                    let of_params = |params: &[f64]| case.bound(&case.beliefs, params).0;
                    expect_gradient(&d_params, &case.params, &of_params);
                }
            }
        }
    }
}

/// One belief of each trial stands for all of them, also where trials differ in length.
#[test]
fn a_few_beliefs_of_each_trial_are_as_good_as_all_on_the_mean() {
    let kind = Rewards::Gaussian { scale: 1.0 };
    let mut case = Case::new(kind, Decodes::All, Prior::Fixed, true);
    let lengths = case.lengths.clone();
    let all: usize = lengths.iter().sum();
    let one = |lane, step, decoded| Query {
        lane,
        step,
        weight: Query::<f64>::share((lengths[lane], decoded), all),
        noise: Vec::new(),
    };
    let mut of = |decoded| {
        case.decoded = decoded;
        case.bound(&case.beliefs, &case.params).0
    };
    let mut whole = Vec::new();
    let mut mean = 0.0;
    for (lane, &length) in lengths.iter().enumerate() {
        for step in 0..length {
            whole.push(one(lane, step, length));
            mean += of(vec![one(lane, step, 1)]) / length as f64;
        }
    }
    let whole = of(whole);
    assert!((mean - whole).abs() < 1e-12, "{mean} {whole}");
}

/// Beliefs that stay at N(0, I) diverge from nothing, whatever the prior; one that moves
/// once pays once where priors are chained, and at every step after that where not.
#[test]
fn divergences_are_those_of_their_prior() {
    let bernoulli = Rewards::Bernoulli { above: 0.0 };
    let of = |prior, beliefs: &[f64]| {
        let mut case = Case::new(bernoulli, Decodes::All, prior, false);
        case.lengths = vec![STEPS];
        case.decoded = Vec::new();
        case.bound(beliefs, &case.params).0
    };
    let still = vec![0.0; STEPS * 2 * LATENT];
    let mut moved = still.clone();
    for step in 1..STEPS {
        moved[step * 2 * LATENT] = 2.0;
    }
    for prior in [Prior::Chained, Prior::Fixed] {
        assert_eq!(of(prior, &still), 0.0);
    }
    // ½ 2² in a mean, times the coefficient and the weight.
    let once = 2.0 * 0.3 / 7.0;
    assert!((of(Prior::Chained, &moved) - once).abs() < 1e-12);
    assert!((of(Prior::Fixed, &moved) - 3.0 * once).abs() < 1e-12);
}
