//! Networks in `f32`, on every instruction set; sizes and wrong arguments.

use crate::common::{Case, assert_close, cases};
use kernels::Isa;
use kernels::mlp::{Activation, Acts, Cache, Head, Mlp, MlpError, Old, Real, Tangent};
use kernels::mlp::{Prepared, Weights};
use std::panic::{AssertUnwindSafe, catch_unwind};

fn convert<R: Real>(xs: &[f64]) -> Vec<R> {
    xs.iter().map(|&x| R::from_f64(x)).collect()
}

fn wide(xs: &[f32]) -> Vec<f64> {
    xs.iter().map(|&x| f64::from(x)).collect()
}

/// Names and values of all that a network computes.
struct Results<R>(Vec<(&'static str, Vec<R>)>);

impl<R: Real> Results<R> {
    fn sum(&mut self, name: &'static str, parameters: usize, work: impl FnOnce(&mut [R])) {
        let mut sum = vec![R::ZERO; parameters];
        work(&mut sum);
        self.0.push((name, sum));
    }
}

fn everything<R: Real>(case: &Case, isa: Isa) -> Results<R> {
    let mlp = &case.mlp;
    let n = mlp.parameters();
    let [params, other, direction] =
        [&case.params, &case.other, &case.direction].map(|x| convert::<R>(x));
    let obs = convert::<R>(&case.obs);
    let (mut cache, mut anchor) = (Cache::with_isa(isa), Cache::with_isa(isa));
    mlp.forward(&other, &obs, case.samples, &mut anchor);
    mlp.forward(&params, &obs, case.samples, &mut cache);
    let mut tangent = Tangent::new();
    mlp.tangent(&direction, &cache, &mut tangent);
    let mut all = Results(vec![
        ("outputs", cache.outputs().to_vec()),
        ("tangent", tangent.outputs().to_vec()),
    ]);
    let (d, rd) = (cache.outputs().to_vec(), tangent.outputs());
    all.sum("backward", n, |g| mlp.backward(&mut cache, &d, g));
    all.sum("backward_tangent", n, |g| {
        mlp.backward_tangent(&mut cache, &tangent, &d, rd, g)
    });
    if case.has_policy() {
        let old = Old {
            outputs: anchor.outputs(),
            log_std: &other[mlp.log_std()],
        };
        with_policy(case, &mut cache, &tangent, old, &mut all);
    }
    all
}

/// The rest for networks with a distribution over actions.
fn with_policy<R: Real>(
    case: &Case,
    cache: &mut Cache<R>,
    tangent: &Tangent<R>,
    old: Old<'_, R>,
    all: &mut Results<R>,
) {
    let mlp = &case.mlp;
    let vectors = convert::<R>(&case.vectors);
    let acts = match mlp.head() {
        Head::Gaussian => Acts::Vector(&vectors),
        Head::Categorical | Head::None => Acts::Index(&case.indices),
    };
    let weight = convert::<R>(&case.weight);
    let (n, m) = (mlp.parameters(), case.samples);
    all.sum("log_probs", m, |out| mlp.log_probs(cache, acts, out));
    all.sum("entropy", m, |out| mlp.entropy(cache, out));
    all.sum("tangent_log_probs", m, |out| {
        mlp.tangent_log_probs(cache, tangent, acts, out)
    });
    let weight_tangent = all.0[all.0.len() - 1].1.clone();
    let moving = Some(&weight_tangent[..]);
    let w = &weight[..];
    all.sum("score", n, |g| mlp.score(cache, acts, w, g));
    all.sum("score_tangent", n, |g| {
        mlp.score_tangent(cache, tangent, acts, w, moving, g)
    });
    all.sum("entropy_gradient", n, |g| mlp.entropy_gradient(cache, w, g));
    all.sum("entropy_gradient_tangent", n, |g| {
        mlp.entropy_gradient_tangent(cache, tangent, w, g);
    });
    all.sum("kl", 1, |out| out[0] = R::from_f64(mlp.kl(cache, old, w)));
    all.sum("kl_gradient", n, |g| mlp.kl_gradient(cache, old, w, g));
    all.sum("kl_gradient_tangent", n, |g| {
        mlp.kl_gradient_tangent(cache, tangent, old, w, g);
    });
    let direction = tangent.direction();
    all.sum("fisher_vector", n, |g| {
        mlp.fisher_vector(cache, direction, w, g);
    });
    let given = (acts, w, Weights::Ratios);
    all.sum("score_product", n, |g| {
        mlp.score_product(cache, direction, given, None, g);
    });
    let mut prepared = Prepared::new();
    mlp.prepare_score(cache, acts, w, &mut prepared);
    all.sum("prepared score_product", n, |g| {
        mlp.score_product(cache, direction, given, Some(&prepared), g);
    });
}

/// Networks of the size that experiments use, beside the odd ones.
fn with_large() -> impl Iterator<Item = Case> {
    let heads = [Head::Categorical, Head::Gaussian];
    let large = heads.map(|head| {
        let mlp = Mlp::new(2, &[64, 64], 2, Activation::Tanh, head).unwrap();
        Case::new(mlp, 500)
    });
    cases().chain(large)
}

/// All results of all cases, one after the other.
pub(crate) fn of_all_cases<R: Real>(isa: Isa) -> Vec<R> {
    let quick = with_large().filter(|case| !cfg!(miri) || case.samples < 30);
    let results = quick.map(|case| everything::<R>(&case, isa).0);
    results.flatten().flat_map(|(_, numbers)| numbers).collect()
}

#[test]
fn single_precision_is_close_to_double() {
    for case in with_large() {
        let single = everything::<f32>(&case, Isa::best());
        let double = everything::<f64>(&case, Isa::best());
        for ((name, actual), (_, expected)) in single.0.iter().zip(&double.0) {
            assert_close(&case, name, &wide(actual), expected, 2e-4);
        }
    }
}

/// Those with fused multiply-add give the same bits in `f32`; others are close.
#[test]
fn instruction_sets_agree() {
    for case in with_large() {
        let expected = everything::<f32>(&case, Isa::best());
        let double = everything::<f64>(&case, Isa::best());
        for isa in Isa::available() {
            let actual = everything::<f32>(&case, isa);
            for ((name, actual), (_, expected)) in actual.0.iter().zip(&expected.0) {
                if isa.is_fused() {
                    assert!(actual == expected, "{name}, {isa:?}: {}", case.name());
                }
                let (actual, expected) = (wide(actual), wide(expected));
                assert_close(&case, name, &actual, &expected, 1e-4);
            }
            let actual = everything::<f64>(&case, isa);
            for ((name, actual), (_, expected)) in actual.0.iter().zip(&double.0) {
                assert_close(&case, name, actual, expected, 1e-12);
            }
        }
    }
}

/// A sample's outputs and log-probabilities do not depend on its batch.
#[test]
fn samples_are_independent() {
    for case in with_large() {
        let (params, obs) = (convert::<f32>(&case.params), convert::<f32>(&case.obs));
        let (inputs, outputs) = (case.mlp.inputs(), case.mlp.outputs());
        let (mut batch, mut alone) = (Cache::new(), Cache::new());
        case.mlp.forward(&params, &obs, case.samples, &mut batch);
        for sample in 0..case.samples {
            let obs = &obs[sample * inputs..][..inputs];
            case.mlp.forward(&params, obs, 1, &mut alone);
            let row = sample * outputs..(sample + 1) * outputs;
            assert_eq!(alone.outputs(), &batch.outputs()[row.clone()]);
            if case.mlp.head() == Head::Categorical {
                assert_eq!(
                    case.mlp.head_probabilities(&alone),
                    &batch.probabilities()[row]
                );
            }
        }
    }
}

#[test]
fn layout_has_no_gaps() {
    for case in cases() {
        let (mlp, mut at) = (&case.mlp, 0);
        for (name, shape, range) in mlp.layout() {
            assert_eq!(range.start, at, "{name}");
            assert_eq!(range.len(), shape.iter().product::<usize>(), "{name}");
            at = range.end;
        }
        assert_eq!(at, mlp.parameters());
    }
    let mlp = Mlp::new(2, &[3], 1, Activation::Relu, Head::Gaussian).unwrap();
    let entries: Vec<_> = mlp.layout();
    let names: Vec<&str> = entries.iter().map(|(name, ..)| &name[..]).collect();
    let expected = [
        "layer0.weight",
        "layer0.bias",
        "layer1.weight",
        "layer1.bias",
        "log_std",
    ];
    assert_eq!(names, expected);
    assert_eq!((entries[0].1.clone(), mlp.log_std()), (vec![2, 3], 13..14));
}

#[test]
fn sizes_are_checked() {
    let message = |inputs, hidden: &[usize], outputs| {
        let mlp: Result<Mlp, MlpError> =
            Mlp::new(inputs, hidden, outputs, Activation::Tanh, Head::None);
        mlp.unwrap_err().to_string()
    };
    assert_eq!(message(2, &[], 0), "outputs = 0: must be 1 to 65536");
    let hidden = message(2, &[4, 0], 1);
    assert_eq!(hidden, "units of hidden layer 1 = 0: must be 1 to 65536");
    assert_eq!(
        message(70_000, &[], 1),
        "inputs = 70000: must be 0 to 65536"
    );
}

#[test]
fn wrong_arguments_panic_with_what_is_wrong() {
    let mlp = |head| Mlp::new(2, &[3], 2, Activation::Tanh, head).unwrap();
    let policy = mlp(Head::Categorical);
    let params = vec![0.1f32; policy.parameters()];
    let ready = || {
        let mut cache = Cache::new();
        policy.forward(&params, &[0.0; 6], 3, &mut cache);
        cache
    };
    let refused = |work: &mut dyn FnMut(&mut Cache<f32>), part: &str| {
        let mut cache = ready();
        let panic = catch_unwind(AssertUnwindSafe(|| work(&mut cache))).unwrap_err();
        let message = match panic.downcast::<String>() {
            Ok(message) => *message,
            Err(panic) => (*panic.downcast::<&str>().expect("a message")).to_owned(),
        };
        assert!(message.contains(part), "`{message}` lacks `{part}`");
    };
    let mut grad = params.clone();
    let mut short = vec![0.0; params.len() - 1];
    let three = Acts::Index(&[0, 1, 0]);
    let w = [1.0; 3];
    refused(
        &mut |c| policy.forward(&params[1..], &[0.0; 6], 3, c),
        "params has 16 elements: must be 17",
    );
    refused(
        &mut |c| policy.forward(&params, &[0.0; 5], 3, c),
        "obs has 5 elements: must be 6",
    );
    refused(
        &mut |c| policy.score(c, three, &w, &mut short),
        "grad has 16 elements",
    );
    refused(
        &mut |c| policy.score(c, three, &w[1..], &mut grad),
        "weight has 2 elements: must be 3",
    );
    refused(
        &mut |c| policy.score(c, Acts::Index(&[0]), &w, &mut grad),
        "actions has 1 elements",
    );
    refused(
        &mut |c| policy.score(c, Acts::Index(&[0, 2, 1]), &w, &mut grad),
        "action 2 does not exist: must be below 2",
    );
    refused(
        &mut |c| policy.score(c, Acts::Vector(&[0.0; 6]), &w, &mut grad),
        "Acts::Index",
    );
    refused(
        &mut |c| policy.log_probs(c, three, &mut [0.0; 2]),
        "out has 2 elements",
    );
    refused(
        &mut |c| policy.backward(c, &w, &mut grad),
        "d_out has 3 elements: must be 6",
    );
    let old = Old {
        outputs: &[0.0; 6],
        log_std: &[0.0; 2],
    };
    refused(
        &mut |c| policy.kl_gradient(c, old, &w, &mut grad),
        "old.log_std has 2 elements: must be 0",
    );
    refused(
        &mut |c| policy.score_tangent(c, &Tangent::new(), three, &w, None, &mut grad),
        "call tangent after forward",
    );
    refused(
        &mut |c| policy.fisher_vector(c, &[0.0; 2], &w, &mut grad),
        "direction has 2 elements",
    );
    let given = (three, &w[..], Weights::Fixed);
    let empty = Prepared::new();
    refused(
        &mut |c| policy.score_product(c, &params, given, Some(&empty), &mut grad),
        "call prepare_score after forward",
    );
    let call_forward = "call forward first";
    refused(
        &mut |c| mlp(Head::Gaussian).entropy(c, &mut [0.0; 3]),
        call_forward,
    );
    refused(
        &mut |_| policy.entropy(&Cache::<f32>::new(), &mut []),
        call_forward,
    );
    let plain = mlp(Head::None);
    refused(
        &mut |c| {
            plain.forward(&params, &[], 0, c);
            plain.entropy(c, &mut []);
        },
        "has no distribution over actions",
    );
}
