//! Networks with policy heads against finite differences, in every combination
//! of head, activation, inputs and layers.

use crate::common::{Case, along, assert_close, cases, differences};
use kernels::mlp::{Acts, Cache, Head, Prepared, Tangent, Weights};

const STEP: f64 = 1e-5;

/// Outputs of a plain implementation.
fn plain_outputs(case: &Case, params: &[f64]) -> Vec<f64> {
    let layout = case.mlp.layout();
    let layers: Vec<_> = layout
        .iter()
        .filter(|(name, ..)| name != "log_std")
        .collect();
    let mut out = Vec::new();
    for sample in 0..case.samples {
        let inputs = case.mlp.inputs();
        let mut h = case.obs[sample * inputs..(sample + 1) * inputs].to_vec();
        for (l, pair) in layers.chunks(2).enumerate() {
            let (weight, bias) = (&params[pair[0].2.clone()], &params[pair[1].2.clone()]);
            let units = bias.len();
            let mut z = bias.to_vec();
            for (k, x) in h.iter().enumerate() {
                for j in 0..units {
                    z[j] += x * weight[k * units + j];
                }
            }
            if 2 * (l + 1) < layers.len() {
                z.iter_mut().for_each(|z| *z = case.activate(*z));
            }
            h = z;
        }
        out.extend(h);
    }
    out
}

#[test]
fn outputs_are_those_of_a_plain_network() {
    for case in cases() {
        let cache = case.forward(&case.params);
        let expected = plain_outputs(&case, &case.params);
        assert_close(&case, "outputs", cache.outputs(), &expected, 1e-13);
    }
}

/// Log-probabilities and entropies by their definitions.
#[test]
fn probabilities_follow_the_head() {
    for case in cases() {
        let cache = case.forward(&case.params);
        let outputs = plain_outputs(&case, &case.params);
        let width = case.mlp.outputs();
        let log_std = &case.params[case.mlp.log_std()];
        let (mut log_probs, mut entropies) = (Vec::new(), Vec::new());
        for (sample, y) in outputs.chunks(width).enumerate() {
            match case.mlp.head() {
                Head::None => {}
                Head::Categorical => {
                    let sum: f64 = y.iter().map(|y| y.exp()).sum();
                    let log_p: Vec<f64> = y.iter().map(|y| y - sum.ln()).collect();
                    log_probs.push(log_p[case.indices[sample] as usize]);
                    entropies.push(-log_p.iter().map(|l| l * l.exp()).sum::<f64>());
                }
                Head::Gaussian => {
                    let a = &case.vectors[sample * width..(sample + 1) * width];
                    let tau = std::f64::consts::TAU;
                    let density = |j: usize| {
                        let std = log_std[j].exp();
                        let e = (a[j] - y[j]) / std;
                        (-0.5 * e * e).exp() / (std * tau.sqrt())
                    };
                    log_probs.push((0..width).map(|j| density(j).ln()).sum());
                    let entropy = |s: &f64| 0.5 + 0.5 * tau.ln() + s;
                    entropies.push(log_std.iter().map(entropy).sum());
                }
            }
        }
        if case.mlp.head() != Head::None {
            assert_close(&case, "log pi", &case.log_probs(&cache), &log_probs, 1e-12);
            assert_close(&case, "entropy", &case.entropies(&cache), &entropies, 1e-12);
        }
    }
}

/// The divergence from old policies by its definition (a sum or, for a Gaussian,
/// an integral that is worked out).
#[test]
fn divergence_is_the_definition() {
    for case in cases().filter(Case::has_policy) {
        let mut cache = case.forward(&case.params);
        let old_cache = case.forward(&case.other);
        let (new, old) = (cache.outputs().to_vec(), old_cache.outputs());
        let width = case.mlp.outputs();
        let mut expected = 0.0;
        for sample in 0..case.samples {
            let row = sample * width..(sample + 1) * width;
            expected += case.weight[sample]
                * match case.mlp.head() {
                    Head::Categorical => {
                        let p = &cache.probabilities()[row.clone()];
                        let q = &old_cache.probabilities()[row];
                        q.iter().zip(p).map(|(q, p)| q * (q / p).ln()).sum::<f64>()
                    }
                    _ => row
                        .map(|i| {
                            let at = |params: &[f64]| params[case.mlp.log_std()][i % width].exp();
                            let (s, s0) = (at(&case.params), at(&case.other));
                            let m = new[i] - old[i];
                            (s / s0).ln() + (s0 * s0 + m * m) / (2.0 * s * s) - 0.5
                        })
                        .sum(),
                };
        }
        let actual = case.mlp.kl(&mut cache, case.old(&old_cache), &case.weight);
        assert_close(&case, "KL", &[actual], &[expected], 1e-12);
        let itself = cache.clone();
        let zero = case.mlp.kl(&mut cache, case.old(&itself), &case.weight);
        assert!(zero.abs() < 1e-12, "{zero}");
    }
}

#[test]
fn gradients_are_those_of_finite_differences() {
    for case in cases() {
        let mut cache = case.forward(&case.params);
        let check = |what: &str, value: &dyn Fn(&[f64]) -> f64, actual: Vec<f64>| {
            let expected = differences(&case.params, value, STEP);
            assert_close(&case, what, &actual, &expected, 1e-6);
        };
        let squares = |params: &[f64]| case.squares(&case.forward(params));
        let d_out = cache.outputs().to_vec();
        let backward = case.sum(|g| case.mlp.backward(&mut cache, &d_out, g));
        check("backward", &squares, backward);
        if !case.has_policy() {
            continue;
        }
        let weighted =
            |xs: Vec<f64>| -> f64 { xs.iter().zip(&case.weight).map(|(x, w)| x * w).sum() };
        let score = |params: &[f64]| weighted(case.log_probs(&case.forward(params)));
        check("score", &score, case.score(&mut cache));
        let entropy = |params: &[f64]| weighted(case.entropies(&case.forward(params)));
        check("entropy", &entropy, case.entropy_gradient(&mut cache));
        let anchor = case.forward(&case.other);
        let kl = |params: &[f64]| {
            let old = case.old(&anchor);
            case.mlp.kl(&mut case.forward(params), old, &case.weight)
        };
        check("KL", &kl, case.kl_gradient(&mut cache, &anchor));
    }
}

/// The gradient that goes on to what observations are made of; that of the parameters is
/// to the bit the one that [`kernels::mlp::Mlp::backward`] gives.
#[test]
fn gradients_to_the_inputs_are_those_of_finite_differences() {
    let mut checked = 0;
    for case in cases().filter(|case| case.mlp.inputs() > 0) {
        let mut cache = case.forward(&case.params);
        let d_out = cache.outputs().to_vec();
        let plain = case.sum(|g| case.mlp.backward(&mut cache, &d_out, g));
        let mut to_inputs = vec![f64::NAN; case.obs.len()];
        let both = case.sum(|g| {
            case.mlp
                .backward_to_inputs(&mut cache, &d_out, g, &mut to_inputs);
        });
        assert_eq!(plain, both, "{}", case.name());
        let squares = |obs: &[f64]| {
            let mut cache = Cache::new();
            case.mlp
                .forward(&case.params, obs, case.samples, &mut cache);
            case.squares(&cache)
        };
        let expected = differences(&case.obs, squares, STEP);
        assert_close(&case, "to the inputs", &to_inputs, &expected, 1e-6);
        checked += 1;
    }
    assert!(checked > 2, "{checked}");
}

/// Second derivatives along a direction against differences of gradients.
#[test]
fn tangents_are_those_of_finite_differences() {
    for case in cases() {
        let mut cache = case.forward(&case.params);
        let tangent = case.tangent(&cache);
        let check = |what: &str, value: &dyn Fn(&[f64]) -> Vec<f64>, actual: &[f64]| {
            let expected = along(&case.params, &case.direction, value, STEP);
            assert_close(&case, what, actual, &expected, 1e-5);
        };
        let outputs = |params: &[f64]| case.forward(params).outputs().to_vec();
        check("outputs", &outputs, tangent.outputs());
        let squares = |params: &[f64]| {
            let mut cache = case.forward(params);
            let d_out = cache.outputs().to_vec();
            case.sum(|g| case.mlp.backward(&mut cache, &d_out, g))
        };
        let (d, rd) = (cache.outputs().to_vec(), tangent.outputs());
        let product = case.sum(|g| case.mlp.backward_tangent(&mut cache, &tangent, &d, rd, g));
        check("backward", &squares, &product);
        if !case.has_policy() {
            continue;
        }
        let mut moved = vec![f64::NAN; case.samples];
        case.mlp
            .tangent_log_probs(&cache, &tangent, case.acts(), &mut moved);
        check(
            "log pi",
            &|params| case.log_probs(&case.forward(params)),
            &moved,
        );
        let product = case.score_tangent(&mut cache, &tangent, None);
        check(
            "score",
            &|params| case.score(&mut case.forward(params)),
            &product,
        );
        let gradient = |params: &[f64]| case.entropy_gradient(&mut case.forward(params));
        let product = case.sum(|g| {
            case.mlp
                .entropy_gradient_tangent(&mut cache, &tangent, &case.weight, g);
        });
        check("entropy", &gradient, &product);
        let anchor = case.forward(&case.other);
        let gradient = |params: &[f64]| case.kl_gradient(&mut case.forward(params), &anchor);
        let product = case.sum(|g| {
            let old = case.old(&anchor);
            case.mlp
                .kl_gradient_tangent(&mut cache, &tangent, old, &case.weight, g);
        });
        check("KL", &gradient, &product);
    }
}

/// Weights that depend on the parameters, as importance ratios do:
/// `w = weight pi / pi_old`, so that `Rw = w R log pi`.
#[test]
fn weights_may_depend_on_the_parameters() {
    for case in cases().filter(Case::has_policy) {
        let start = case.log_probs(&case.forward(&case.params));
        let ratios = |cache: &Cache<f64>| -> Vec<f64> {
            let now = case.log_probs(cache);
            let ratio = |i: usize| case.weight[i] * (now[i] - start[i]).exp();
            (0..case.samples).map(ratio).collect()
        };
        let gradient = |params: &[f64]| {
            let mut cache = case.forward(params);
            let weight = ratios(&cache);
            case.sum(|g| case.mlp.score(&mut cache, case.acts(), &weight, g))
        };
        let expected = along(&case.params, &case.direction, gradient, STEP);
        let mut cache = case.forward(&case.params);
        let tangent = case.tangent(&cache);
        let mut moved = vec![0.0; case.samples];
        case.mlp
            .tangent_log_probs(&cache, &tangent, case.acts(), &mut moved);
        moved
            .iter_mut()
            .zip(&case.weight)
            .for_each(|(u, w)| *u *= w);
        let actual = case.score_tangent(&mut cache, &tangent, Some(&moved));
        assert_close(&case, "weighted score", &actual, &expected, 1e-5);
    }
}

/// A product in one pass, prepared or not, is what a tangent and its reverse pass
/// make, for a preparation that was made for another batch before.
#[test]
fn products_in_one_pass_are_those_of_two() {
    let mut prepared = Prepared::new();
    for case in cases().filter(Case::has_policy) {
        let mut cache = case.forward(&case.params);
        let tangent = case.tangent(&cache);
        let mut ratios = vec![0.0; case.samples];
        case.mlp
            .tangent_log_probs(&cache, &tangent, case.acts(), &mut ratios);
        let both = ratios.iter_mut().zip(&case.weight);
        both.for_each(|(u, w)| *u *= w);
        case.mlp
            .prepare_score(&mut cache, case.acts(), &case.weight, &mut prepared);
        for (weights, moved) in [(Weights::Fixed, None), (Weights::Ratios, Some(&ratios[..]))] {
            let expected = case.score_tangent(&mut cache, &tangent, moved);
            for prepared in [None, Some(&prepared)] {
                let given = (case.acts(), &case.weight[..], weights);
                let actual = case.sum(|g| {
                    let direction = &case.direction;
                    case.mlp
                        .score_product(&mut cache, direction, given, prepared, g);
                });
                let what = format!("product, {weights:?}, {}", prepared.is_some());
                assert_close(&case, &what, &actual, &expected, 1e-12);
            }
        }
    }
}

/// At the old policy the divergence's Hessian is the Fisher information.
#[test]
fn fisher_information_is_the_hessian_of_the_divergence() {
    for case in cases().filter(Case::has_policy) {
        let anchor = case.forward(&case.params);
        let gradient = |params: &[f64]| case.kl_gradient(&mut case.forward(params), &anchor);
        let expected = along(&case.params, &case.direction, gradient, STEP);
        let mut cache = case.forward(&case.params);
        let tangent = case.tangent(&cache);
        let fisher = case.fisher(&mut cache, &case.direction);
        assert_close(&case, "Fisher", &fisher, &expected, 1e-5);
        let hessian = case.sum(|g| {
            let old = case.old(&anchor);
            case.mlp
                .kl_gradient_tangent(&mut cache, &tangent, old, &case.weight, g);
        });
        assert_close(&case, "Hessian of KL", &hessian, &fisher, 1e-12);
    }
}

#[test]
fn second_derivatives_are_symmetric() {
    for case in cases().filter(Case::has_policy) {
        let mut cache = case.forward(&case.params);
        let (u, v) = (&case.direction, &case.other);
        let mut tangents = [Tangent::new(), Tangent::new()];
        case.mlp.tangent(u, &cache, &mut tangents[0]);
        case.mlp.tangent(v, &cache, &mut tangents[1]);
        let dot = |a: &[f64], b: &[f64]| -> f64 { a.iter().zip(b).map(|(a, b)| a * b).sum() };
        let hu = case.score_tangent(&mut cache, &tangents[0], None);
        let hv = case.score_tangent(&mut cache, &tangents[1], None);
        assert_close(&case, "Hessian", &[dot(v, &hu)], &[dot(u, &hv)], 1e-11);
        let fu = case.fisher(&mut cache, u);
        let fv = case.fisher(&mut cache, v);
        assert_close(&case, "Fisher", &[dot(v, &fu)], &[dot(u, &fv)], 1e-11);
        let ones = vec![1.0; case.samples];
        let f = case.sum(|g| {
            case.mlp.fisher_vector(&mut cache, u, &ones, g);
        });
        // A choice among one action informs about nothing.
        let constant = case.mlp.head() == Head::Categorical && case.mlp.outputs() == 1;
        assert!(constant || dot(u, &f) > 0.0, "{}", case.name());
    }
}

/// Gradients are added, and an empty batch adds nothing.
#[test]
fn results_accumulate() {
    for case in cases().filter(Case::has_policy) {
        let mut cache = case.forward(&case.params);
        let once = case.score(&mut cache);
        let mut twice = once.clone();
        case.mlp
            .score(&mut cache, case.acts(), &case.weight, &mut twice);
        let expected: Vec<f64> = once.iter().map(|g| 2.0 * g).collect();
        assert_close(&case, "twice", &twice, &expected, 1e-15);
        case.mlp.forward(&case.params, &[], 0, &mut cache);
        let none = match case.acts() {
            Acts::Index(_) => Acts::Index(&[]),
            Acts::Vector(_) => Acts::Vector(&[]),
        };
        let before = twice.clone();
        case.mlp.score(&mut cache, none, &[], &mut twice);
        assert_eq!(twice, before);
    }
}

/// What a cache held before does not matter, larger or smaller, or NaN.
#[test]
fn caches_carry_nothing_over() {
    let cases: Vec<Case> = cases().filter(Case::has_policy).collect();
    let mut used = Work::default();
    for (case, poison) in cases.iter().zip(cases.iter().cycle().skip(3)) {
        let nan = vec![f64::NAN; poison.params.len()];
        let everything = |params: &[f64], case: &Case, work: &mut Work| {
            let Work(cache, tangent, prepared) = work;
            let (mlp, direction) = (&case.mlp, &case.direction[..]);
            let (acts, weight) = (case.acts(), &case.weight[..]);
            mlp.forward(params, &case.obs, case.samples, cache);
            mlp.tangent(direction, cache, tangent);
            let old = cache.clone();
            let mut sum = case.score_tangent(cache, tangent, None);
            mlp.fisher_vector(cache, direction, weight, &mut sum);
            mlp.prepare_score(cache, acts, weight, prepared);
            let given = (acts, weight, Weights::Ratios);
            mlp.score_product(cache, direction, given, Some(prepared), &mut sum);
            mlp.kl_gradient(cache, case.old(&old), weight, &mut sum);
            sum
        };
        everything(&nan, poison, &mut used);
        let actual = everything(&case.params, case, &mut used);
        let expected = everything(&case.params, case, &mut Work::default());
        assert!(actual == expected, "{}", case.name());
    }
}

/// What calls leave behind.
#[derive(Default)]
struct Work(Cache<f64>, Tangent<f64>, Prepared<f64>);
