//! Every loss against finite differences in f64; the same with a sign flipped must not
//! pass.

use belief::{
    Asked, Decoder, Decodes, Labels, Lived, Part, Predicts, Prior, Query, Repeats, supervised_loss,
};
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
    rewards: Answers,
    next: Answers,
    decoded: Vec<Query<f64>>,
    beliefs: Vec<f64>,
    params: Vec<f64>,
}

/// What a part of it is asked.
struct Answers {
    queries: Vec<f64>,
    answers: Vec<f64>,
    known: Vec<bool>,
}

impl Answers {
    /// The third step of the first lane is as the second, and has to count twice.
    fn new(
        rows: usize,
        predicts: Predicts,
        (outputs, known): (usize, Vec<bool>),
        seed: u64,
    ) -> Self {
        let mut queries = drawn(rows * QUERY, 1.0, seed);
        queries.copy_within(2 * QUERY..3 * QUERY, 4 * QUERY);
        let mut answers = match predicts {
            Predicts::Bernoulli | Predicts::Exclusive => drawn(rows, 1.0, seed + 1)
                .iter()
                .map(|r| f64::from(u8::from(*r > 0.0)))
                .collect(),
            Predicts::Categorical => (0..rows).map(|row| (row % outputs) as f64).collect(),
            Predicts::Gaussian => drawn(rows * outputs, 1.0, seed + 1),
        };
        let width = answers.len() / rows;
        answers.copy_within(2 * width..3 * width, 4 * width);
        Self {
            queries,
            answers,
            known,
        }
    }

    /// Makes queries symbols: some come again, with other answers, and one is none.
    fn pick(&mut self) {
        for (row, query) in self.queries.chunks_exact_mut(QUERY).enumerate() {
            query.fill(0.0);
            if row != 3 {
                query[row * 5 % 7 % QUERY] = 1.0;
            }
        }
    }

    fn asked(&self) -> Asked<'_, f64> {
        Asked {
            queries: &self.queries,
            answers: &self.answers,
            known: &self.known,
        }
    }
}

const STEPS: usize = 4;
const QUERY: usize = 3;
const LATENT: usize = 2;

impl Case {
    fn new(predicts: [Predicts; 2], decodes: Decodes, prior: Prior, deterministic: bool) -> Self {
        Self::with_heads([1, 1], predicts, decodes, prior, deterministic)
    }

    /// Queries of several heads are one-hot, and one of them zeros.
    fn with_heads(
        heads: [usize; 2],
        predicts: [Predicts; 2],
        decodes: Decodes,
        prior: Prior,
        deterministic: bool,
    ) -> Self {
        let parts = [(0, 1), (1, 3)].map(|(index, outputs)| {
            let (heads, predicts): (usize, Predicts) = (heads[index], predicts[index]);
            let inputs = if heads == 1 { LATENT + QUERY } else { LATENT };
            let (tanh, none) = (Activation::Tanh, Head::None);
            let network = Mlp::new(inputs, &[6], heads * outputs, tanh, none);
            Part {
                network: network.unwrap(),
                predicts,
                heads,
            }
        });
        let count: usize = parts.iter().map(|p| p.network.parameters()).sum();
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
        // No step after the second of the second lane is known.
        let known = (0..rows).map(|row| row != 5).collect();
        let mut rewards = Answers::new(rows, predicts[0], (1, Vec::new()), 4);
        let mut next = Answers::new(rows, predicts[1], (3, known), 20);
        for (asked, heads) in [&mut rewards, &mut next].into_iter().zip(heads) {
            if heads > 1 {
                asked.pick();
            }
        }
        Self {
            rewards,
            next,
            params: drawn(count, 0.7, 6),
            decoder: Decoder {
                parts: parts.into(),
                latent: LATENT,
                deterministic,
                decodes,
                repeats: Repeats::All,
                prior,
                coefficient: 0.3,
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
            asked: &[self.rewards.asked(), self.next.asked()],
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
        [Predicts::Bernoulli, Predicts::Categorical],
        [Predicts::Gaussian, Predicts::Gaussian],
    ];
    for predicts in kinds {
        for decodes in [Decodes::All, Decodes::Past] {
            for prior in [Prior::Chained, Prior::Fixed] {
                for deterministic in [false, true] {
                    let case = Case::new(predicts, decodes, prior, deterministic);
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

/// Of heads that queries pick, both parts or one, and of those that are judged together.
#[test]
fn heads_have_their_gradients() {
    let mut cases = Vec::new();
    let kinds = [
        [Predicts::Bernoulli, Predicts::Categorical],
        [Predicts::Gaussian, Predicts::Gaussian],
    ];
    for predicts in kinds {
        for heads in [[QUERY + 1, 1], [QUERY + 1, QUERY + 1]] {
            let case = Case::with_heads(heads, predicts, Decodes::All, Prior::Chained, false);
            cases.push(case);
        }
    }
    for decodes in [Decodes::All, Decodes::Past] {
        let predicts = [Predicts::Exclusive, Predicts::Categorical];
        let heads = [QUERY + 1, 1];
        let mut case = Case::with_heads(heads, predicts, decodes, Prior::Chained, false);
        case.decoder.repeats = Repeats::Once;
        // Of the first lane one symbol pays; of the second none does.
        case.rewards.answers.fill(0.0);
        case.rewards.answers[2 * case.lengths.len()] = 1.0;
        cases.push(case);
    }
    for case in cases {
        let (_, d_beliefs, d_params) = case.bound(&case.beliefs, &case.params);
        let of_beliefs = |beliefs: &[f64]| case.bound(beliefs, &case.params).0;
        expect_gradient(&d_beliefs, &case.beliefs, &of_beliefs);
        let of_params = |params: &[f64]| case.bound(&case.beliefs, params).0;
        expect_gradient(&d_params, &case.params, &of_params);
    }
}

/// The bound of one belief by the biases of heads alone: what it loses, and the gradient of
/// these logits.
fn excluded(logits: &[f64], asked: &[(Option<usize>, f64)]) -> (f64, Vec<f64>) {
    judged(Predicts::Exclusive, logits, asked)
}

fn judged(predicts: Predicts, logits: &[f64], asked: &[(Option<usize>, f64)]) -> (f64, Vec<f64>) {
    let heads = logits.len();
    let network = Mlp::new(1, &[], heads, Activation::Tanh, Head::None).unwrap();
    let mut queries = vec![0.0; asked.len() * (heads - 1)];
    for ((symbol, _), query) in asked.iter().zip(queries.chunks_exact_mut(heads - 1)) {
        if let Some(symbol) = symbol {
            query[*symbol] = 1.0;
        }
    }
    let answers: Vec<f64> = asked.iter().map(|(_, answer)| *answer).collect();
    let decoder = Decoder {
        parts: vec![Part {
            network,
            predicts,
            heads,
        }],
        latent: 1,
        deterministic: true,
        decodes: Decodes::All,
        repeats: Repeats::Once,
        prior: Prior::Fixed,
        coefficient: 0.0,
    };
    let params = [&vec![0.0; heads][..], logits].concat();
    let lived = Lived {
        lengths: &[asked.len()],
        asked: &[Asked {
            queries: &queries,
            answers: &answers,
            known: &[],
        }],
    };
    let query = Query {
        lane: 0,
        step: 0,
        weight: 0.5,
        noise: Vec::new(),
    };
    let (mut d_beliefs, mut d) = (vec![0.0; asked.len()], vec![0.0; params.len()]);
    let beliefs = vec![0.0; asked.len()];
    let losses = decoder.bound(
        (lived, &[query]),
        (&beliefs, &params),
        1.0,
        (&mut Cache::new(), &mut d_beliefs, &mut d),
    );
    (losses.reconstruction, d.split_off(heads))
}

/// Of five heads: the one that paid, whatever else was asked; all that were not asked, where
/// none paid; and the last one for a query of zeros. Answers that no head has teach nothing.
#[test]
fn one_head_of_all_is_what_pays() {
    let logits = [0.3, -1.0, 0.8, 0.1, -0.4];
    let all: f64 = logits.iter().map(|x: &f64| x.exp()).sum();
    let p = logits.map(|x| x.exp() / all);
    for (asked, possible) in [
        (
            &[(Some(1), 0.0), (Some(2), 1.0), (Some(1), 0.0)][..],
            &[2][..],
        ),
        (&[(Some(1), 0.0), (Some(3), 0.0)], &[0, 2, 4]),
        (&[(Some(1), 0.0), (None, 0.0)], &[0, 2, 3]),
        (&[(Some(1), 0.0), (None, 1.0)], &[4]),
    ] {
        let (loss, d) = excluded(&logits, asked);
        let sum: f64 = possible.iter().map(|head| p[*head]).sum();
        assert!((loss + 0.5 * sum.ln()).abs() < 1e-12, "{loss} {asked:?}");
        for (head, d) in d.iter().enumerate() {
            let among = match possible.contains(&head) {
                true => p[head] / sum,
                false => 0.0,
            };
            assert!((d - 0.5 * (p[head] - among)).abs() < 1e-12, "{d} {head}");
        }
        let of_logits = |logits: &[f64]| excluded(logits, asked).0;
        expect_gradient(&d, &logits, &of_logits);
    }
    let none: Vec<_> = [Some(0), Some(1), Some(2), Some(3), None]
        .map(|symbol| (symbol, 0.0))
        .into();
    assert_eq!(excluded(&logits, &none), (0.0, vec![0.0; 5]));
    // Far below the others, and still not infinitely.
    let (loss, d) = excluded(&[900.0, -900.0, 0.0], &[(Some(1), 1.0)]);
    assert!((loss - 0.5 * 1800.0).abs() < 1e-9, "{loss}");
    assert!(
        (d[0] - 0.5).abs() < 1e-12 && (d[1] + 0.5).abs() < 1e-12,
        "{d:?}"
    );
}

/// Whoever stays where it pays meets the second of three cells only if the first did not pay:
/// judged one by one it pays half the time, though each does as often. Judged together all
/// three are alike.
#[test]
fn where_agents_go_for_what_they_saw_biases_no_belief_that_is_judged_whole() {
    // Cells are met in order until one pays.
    let trials: [&[(Option<usize>, f64)]; 3] = [
        &[(Some(0), 1.0)],
        &[(Some(0), 0.0), (Some(1), 1.0)],
        &[(Some(0), 0.0), (Some(1), 0.0), (Some(2), 1.0)],
    ];
    let slope = |predicts: Predicts, logits: &[f64]| {
        let all = trials.map(|asked| judged(predicts, logits, asked).1);
        (0..logits.len())
            .map(|head| all.iter().map(|d| d[head]).sum::<f64>())
            .collect::<Vec<f64>>()
    };
    // The last head is none of them.
    let even = slope(Predicts::Exclusive, &[0.0, 0.0, 0.0, -50.0]);
    assert!(even.iter().all(|d| d.abs() < 1e-12), "{even:?}");
    let uneven = slope(Predicts::Exclusive, &[0.0, 0.5, 0.0, -50.0]);
    assert!(uneven[1] > 0.1, "{uneven:?}");
    let [third, half] = [-2.0_f64.ln(), 0.0];
    let alone = slope(Predicts::Bernoulli, &[third, half, 50.0, 0.0]);
    assert!(alone[..3].iter().all(|d| d.abs() < 1e-12), "{alone:?}");
}

/// A linear decoder that reads one-hot queries is one with a head for each, whose bias is
/// the query's weight.
#[test]
fn a_head_is_what_a_query_picks() {
    let linear =
        |inputs, outputs| Mlp::new(inputs, &[], outputs, Activation::Tanh, Head::None).unwrap();
    let of = |repeats, heads: usize| {
        let mut case = Case::new([Predicts::Bernoulli; 2], Decodes::All, Prior::Fixed, true);
        let (inputs, outputs) = match heads {
            1 => (LATENT + QUERY, 1),
            _ => (LATENT, heads),
        };
        case.rewards.pick();
        case.decoder.parts.truncate(1);
        case.decoder.parts[0].network = linear(inputs, outputs);
        case.decoder.parts[0].heads = heads;
        case.decoder.repeats = repeats;
        // Of the latent's two numbers, then of each query, then the bias.
        let [a, b, first, second, third, bias] = [0.7, -1.1, 0.3, -0.4, 0.9, 0.2];
        case.params = match heads {
            1 => vec![a, b, first, second, third, bias],
            _ => {
                let weights = [[a; QUERY + 1], [b; QUERY + 1]].concat();
                let biases = [first, second, third, 0.0].map(|own| own + bias);
                [&weights[..], &biases].concat()
            }
        };
        let lived = Lived {
            lengths: &case.lengths,
            asked: &[case.rewards.asked()],
        };
        let (mut d_beliefs, mut d_params) = (vec![0.0; case.beliefs.len()], vec![0.0; 12]);
        let losses = case.decoder.bound(
            (lived, &case.decoded),
            (&case.beliefs, &case.params),
            1.0 / 7.0,
            (
                &mut Cache::new(),
                &mut d_beliefs,
                &mut d_params[..case.params.len()],
            ),
        );
        (losses.reconstruction, d_beliefs)
    };
    for repeats in [Repeats::All, Repeats::Once] {
        let (reads, heads) = (of(repeats, 1), of(repeats, QUERY + 1));
        assert!((reads.0 - heads.0).abs() < 1e-12, "{} {}", reads.0, heads.0);
        let pairs = reads.1.iter().zip(&heads.1);
        pairs.for_each(|(a, b)| assert!((a - b).abs() < 1e-12, "{a} {b}"));
    }
    assert!(of(Repeats::All, 1).0 > of(Repeats::Once, 1).0);
}

/// Steps that are alike are decoded once: as much is lost as where they differ by next to
/// nothing. An answer that is not known changes nothing, whatever is written there.
#[test]
fn what_is_asked_again_counts_again() {
    let kinds = [Predicts::Gaussian; 2];
    let mut case = Case::new(kinds, Decodes::All, Prior::Fixed, false);
    let alike = case.bound(&case.beliefs, &case.params).0;
    case.next.answers[5 * 3] += 1.0;
    assert_eq!(alike, case.bound(&case.beliefs, &case.params).0);
    case.decoder.repeats = Repeats::Once;
    let once = case.bound(&case.beliefs, &case.params).0;
    assert!(once < alike - 1e-3, "{once} {alike}");
    case.decoder.repeats = Repeats::All;
    case.rewards.queries[4 * QUERY] += 1e-9;
    case.next.queries[4 * QUERY] += 1e-9;
    let apart = case.bound(&case.beliefs, &case.params).0;
    assert!((alike - apart).abs() < 1e-8, "{alike} {apart}");
    case.rewards.answers[4] += 1.0;
    let other = case.bound(&case.beliefs, &case.params).0;
    assert!((other - apart).abs() > 1e-3, "{other} {apart}");
}

/// A belief of the past decodes into the steps before its own, all of them and no other: what
/// comes changes nothing. Before the first step there is nothing.
#[test]
fn beliefs_of_the_past_do_not_decode_into_what_comes() {
    let kinds = [Predicts::Gaussian; 2];
    let mut case = Case::new(kinds, Decodes::Past, Prior::Fixed, false);
    case.decoder.coefficient = 0.0;
    let lanes = case.lengths.len();
    for step in 0..STEPS {
        case.decoded = vec![Query {
            lane: 0,
            step,
            weight: 0.5,
            noise: drawn(LATENT, 1.5, 30),
        }];
        let whole = case.bound(&case.beliefs, &case.params).0;
        assert_eq!(whole == 0.0, step == 0, "{whole} before step {step}");
        for changed in 0..STEPS {
            // A reward is one number, and what is observed next three.
            for (of_next, at) in [(false, changed * lanes), (true, 3 * changed * lanes)] {
                let answers = match of_next {
                    false => &mut case.rewards.answers,
                    true => &mut case.next.answers,
                };
                let before = std::mem::replace(&mut answers[at], 10.0);
                let other = case.bound(&case.beliefs, &case.params).0;
                match of_next {
                    false => case.rewards.answers[at] = before,
                    true => case.next.answers[at] = before,
                }
                match changed < step {
                    true => assert!((other - whole).abs() > 1e-3, "{changed} before {step}"),
                    false => assert_eq!(other, whole, "{changed} from {step}"),
                }
            }
        }
    }
}

/// One belief of each trial stands for all of them, also where trials differ in length.
#[test]
fn a_few_beliefs_of_each_trial_are_as_good_as_all_on_the_mean() {
    let kinds = [Predicts::Gaussian; 2];
    let mut case = Case::new(kinds, Decodes::All, Prior::Fixed, true);
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
    let kinds = [Predicts::Bernoulli, Predicts::Categorical];
    let of = |prior, beliefs: &[f64]| {
        let mut case = Case::new(kinds, Decodes::All, prior, false);
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
