//! Networks, batches and references for the tests of `kernels::mlp`.

use kernels::mlp::{Activation, Acts, Cache, Head, Mlp, Old, Tangent};

/// A network with parameters and a batch.
pub(crate) struct Case {
    pub(crate) mlp: Mlp,
    pub(crate) samples: usize,
    pub(crate) params: Vec<f64>,
    /// Other parameters, not far away.
    pub(crate) other: Vec<f64>,
    pub(crate) direction: Vec<f64>,
    pub(crate) obs: Vec<f64>,     // [samples][inputs]
    pub(crate) indices: Vec<u32>, // [samples]
    pub(crate) vectors: Vec<f64>, // [samples][outputs]
    pub(crate) weight: Vec<f64>,  // [samples]
}

/// Uniform in -1 to 1.
pub(crate) fn uniform(state: &mut u64) -> f64 {
    *state = state
        .wrapping_mul(6_364_136_223_846_793_005)
        .wrapping_add(1_442_695_040_888_963_407);
    (*state >> 11) as f64 / (1u64 << 52) as f64 - 1.0
}

impl Case {
    pub(crate) fn new(mlp: Mlp, samples: usize) -> Case {
        let mut state = 17 + samples as u64;
        let n = mlp.parameters();
        let mut draw = |count: usize, scale: f64| -> Vec<f64> {
            (0..count).map(|_| scale * uniform(&mut state)).collect()
        };
        let params = draw(n, 0.6);
        let change = draw(n, 0.2);
        let outputs = mlp.outputs();
        let choices = draw(samples, 1.0);
        let index = |u: f64| ((u + 1.0) / 2.0 * outputs as f64) as u32;
        Case {
            other: params.iter().zip(&change).map(|(p, c)| p + c).collect(),
            direction: draw(n, 1.0),
            obs: draw(samples * mlp.inputs(), 2.0),
            indices: choices.into_iter().map(index).collect(),
            vectors: draw(samples * outputs, 2.0),
            weight: draw(samples, 1.0),
            params,
            samples,
            mlp,
        }
    }

    pub(crate) fn name(&self) -> String {
        let mlp = &self.mlp;
        format!("{:?} {:?}", mlp.head(), mlp.layout())
    }

    pub(crate) fn has_policy(&self) -> bool {
        self.mlp.head() != Head::None
    }

    pub(crate) fn activate(&self, z: f64) -> f64 {
        match self.mlp.activation() {
            Activation::Tanh => z.tanh(),
            Activation::Relu => z.max(0.0),
        }
    }

    pub(crate) fn acts(&self) -> Acts<'_, f64> {
        match self.mlp.head() {
            Head::Gaussian => Acts::Vector(&self.vectors),
            Head::Categorical | Head::None => Acts::Index(&self.indices),
        }
    }

    pub(crate) fn old<'a>(&self, cache: &'a Cache<f64>) -> Old<'a, f64> {
        Old {
            outputs: cache.outputs(),
            log_std: &cache.params()[self.mlp.log_std()],
        }
    }

    pub(crate) fn forward(&self, params: &[f64]) -> Cache<f64> {
        let mut cache = Cache::new();
        self.mlp
            .forward(params, &self.obs, self.samples, &mut cache);
        cache
    }

    pub(crate) fn tangent(&self, cache: &Cache<f64>) -> Tangent<f64> {
        let mut tangent = Tangent::new();
        self.mlp.tangent(&self.direction, cache, &mut tangent);
        tangent
    }

    /// What `work` adds to zeros.
    pub(crate) fn sum(&self, work: impl FnOnce(&mut [f64])) -> Vec<f64> {
        let mut sum = vec![0.0; self.params.len()];
        work(&mut sum);
        sum
    }

    /// Half the sum of squared outputs, a loss whose gradient is the outputs.
    pub(crate) fn squares(&self, cache: &Cache<f64>) -> f64 {
        cache.outputs().iter().map(|y| 0.5 * y * y).sum()
    }

    pub(crate) fn log_probs(&self, cache: &Cache<f64>) -> Vec<f64> {
        let mut out = vec![f64::NAN; self.samples];
        self.mlp.log_probs(cache, self.acts(), &mut out);
        out
    }

    pub(crate) fn entropies(&self, cache: &Cache<f64>) -> Vec<f64> {
        let mut out = vec![f64::NAN; self.samples];
        self.mlp.entropy(cache, &mut out);
        out
    }

    pub(crate) fn score(&self, cache: &mut Cache<f64>) -> Vec<f64> {
        self.sum(|g| self.mlp.score(cache, self.acts(), &self.weight, g))
    }

    pub(crate) fn entropy_gradient(&self, cache: &mut Cache<f64>) -> Vec<f64> {
        self.sum(|g| self.mlp.entropy_gradient(cache, &self.weight, g))
    }

    pub(crate) fn kl_gradient(&self, cache: &mut Cache<f64>, old: &Cache<f64>) -> Vec<f64> {
        self.sum(|g| self.mlp.kl_gradient(cache, self.old(old), &self.weight, g))
    }

    pub(crate) fn fisher(&self, cache: &mut Cache<f64>, direction: &[f64]) -> Vec<f64> {
        self.sum(|g| self.mlp.fisher_vector(cache, direction, &self.weight, g))
    }

    pub(crate) fn score_tangent(
        &self,
        cache: &mut Cache<f64>,
        tangent: &Tangent<f64>,
        weight_tangent: Option<&[f64]>,
    ) -> Vec<f64> {
        let (acts, weight) = (self.acts(), &self.weight);
        self.sum(|g| {
            self.mlp
                .score_tangent(cache, tangent, acts, weight, weight_tangent, g);
        })
    }
}

/// Heads, activations, no inputs, no hidden layers, widths below, at and beyond
/// the padding, and batches of one sample, of less and of more than a block.
pub(crate) fn cases() -> impl Iterator<Item = Case> {
    let shapes: [(usize, &[usize], usize, usize); 6] = [
        (0, &[], 3, 5),
        (0, &[4], 1, 1),
        (3, &[], 2, 70),
        (2, &[5, 7], 2, 9),
        (6, &[17, 16], 4, 21),
        (5, &[33, 3, 8], 18, 67),
    ];
    let heads = [Head::None, Head::Categorical, Head::Gaussian];
    let activations = [Activation::Tanh, Activation::Relu];
    shapes
        .into_iter()
        .flat_map(move |(inputs, hidden, outputs, samples)| {
            heads.into_iter().flat_map(move |head| {
                activations.into_iter().map(move |activation| {
                    let mlp = Mlp::new(inputs, hidden, outputs, activation, head).unwrap();
                    Case::new(mlp, samples)
                })
            })
        })
}

/// Central differences of `value` in every coordinate.
pub(crate) fn differences(at: &[f64], value: impl Fn(&[f64]) -> f64, step: f64) -> Vec<f64> {
    let mut point = at.to_vec();
    let mut difference = |i: usize| {
        point[i] = at[i] + step;
        let above = value(&point);
        point[i] = at[i] - step;
        let below = value(&point);
        point[i] = at[i];
        (above - below) / (2.0 * step)
    };
    (0..at.len()).map(&mut difference).collect()
}

/// Central differences of all of `value` along a direction.
pub(crate) fn along(
    at: &[f64],
    direction: &[f64],
    value: impl Fn(&[f64]) -> Vec<f64>,
    step: f64,
) -> Vec<f64> {
    let point = |step: f64| -> Vec<f64> {
        let moved = at.iter().zip(direction);
        moved.map(|(p, d)| p + step * d).collect()
    };
    let (above, below) = (value(&point(step)), value(&point(-step)));
    let pairs = above.iter().zip(&below);
    pairs.map(|(a, b)| (a - b) / (2.0 * step)).collect()
}

/// One number of all of their bits (FNV-1a).
pub(crate) fn digest(numbers: impl IntoIterator<Item = f32>) -> u64 {
    let bytes = numbers.into_iter().flat_map(|x| x.to_bits().to_le_bytes());
    bytes.fold(0xCBF2_9CE4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01B3)
    })
}

/// Compares with an error relative to the largest expected element.
pub(crate) fn assert_close(case: &Case, what: &str, actual: &[f64], expected: &[f64], bound: f64) {
    assert_eq!(actual.len(), expected.len(), "{what} of {}", case.name());
    let scale = expected.iter().fold(1e-3, |m: f64, x| m.max(x.abs()));
    for (i, (a, e)) in actual.iter().zip(expected).enumerate() {
        let error = (a - e).abs() / scale;
        assert!(
            error <= bound,
            "{what}[{i}] = {a}, expected {e}: {error:e} of {scale}; {}",
            case.name()
        );
    }
}
