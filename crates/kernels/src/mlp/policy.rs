//! What a network offers to learners: values, gradients and products with second
//! derivatives.

use super::backward::Reverse;
use super::divergence::{Entropy, Given, Kl, Pair, fisher};
use super::head::{Acts, Categorical, Moved, Old, Policies};
use super::prepared::Prepared;
use super::score::{Score, Taken, WeightTangent, Weights};
use super::softmax::Softmax;
use super::{Cache, Mlp, Real, Tangent};

/// First order.
impl Mlp {
    /// The cache's probabilities of actions, `[samples][outputs]`, to act by.
    ///
    /// # Panics
    /// Where the head is not categorical.
    pub fn head_probabilities<'c, R: Real>(&self, cache: &'c Cache<R>) -> &'c [R] {
        match Policies::new(self, cache) {
            Policies::Categorical(policies) => policies.p,
            Policies::Gaussian(_) => panic!("a Gaussian head has no probabilities of actions"),
        }
    }

    /// Overwrites `out`, `[samples]`, with `log pi(a | s)` in nats; of a Gaussian
    /// head the logarithm of the density.
    pub fn log_probs<R: Real>(&self, cache: &Cache<R>, actions: Acts<'_, R>, out: &mut [R]) {
        self.check_len("out", out, cache.samples);
        Taken::new(self, cache, actions).log_probs(out);
    }

    /// Overwrites `out`, `[samples]`, with the entropies of the distributions in
    /// nats.
    pub fn entropy<R: Real>(&self, cache: &Cache<R>, out: &mut [R]) {
        self.check_len("out", out, cache.samples);
        Policies::new(self, cache).entropies(out);
    }

    /// The sum over samples of `weight KL(old || new)` in nats, `new` the policy
    /// of the cache and `weight` `[samples]`.
    pub fn kl<R: Real>(&self, cache: &mut Cache<R>, old: Old<'_, R>, weight: &[R]) -> f64 {
        self.with_pair(cache, old, weight, |kl, _| kl.sum())
    }

    /// `grad +=` the gradient of a loss whose gradient with respect to the
    /// outputs is `d_out`, `[samples][outputs]`. That with respect to `log_std`
    /// is left to the caller.
    pub fn backward<R: Real>(&self, cache: &mut Cache<R>, d_out: &[R], grad: &mut [R]) {
        self.check_len("d_out", d_out, cache.samples * self.outputs());
        cache.check(self);
        let given = Given {
            d_out,
            d_out_tangent: &[],
        };
        self.with_scratch(cache, |reverse| reverse.gradient(&given, grad));
    }

    /// As [`Mlp::backward`], and overwrites `d_inputs`, `[samples][inputs]`, with the
    /// gradient with respect to the observations: for what these are made of.
    ///
    /// # Panics
    /// If the network has no inputs.
    pub fn backward_to_inputs<R: Real>(
        &self,
        cache: &mut Cache<R>,
        d_out: &[R],
        grad: &mut [R],
        d_inputs: &mut [R],
    ) {
        assert!(self.inputs() > 0, "no inputs to take a gradient of");
        self.check_len("d_out", d_out, cache.samples * self.outputs());
        cache.check(self);
        let given = Given {
            d_out,
            d_out_tangent: &[],
        };
        self.with_scratch(cache, |reverse| {
            reverse.gradient_to_inputs(&given, grad, d_inputs);
        });
    }

    /// `grad += sum of weight grad log pi(a | s)`, `weight` `[samples]`.
    pub fn score<R: Real>(
        &self,
        cache: &mut Cache<R>,
        actions: Acts<'_, R>,
        weight: &[R],
        grad: &mut [R],
    ) {
        let given = (actions, weight, WeightTangent::Of(Weights::Fixed));
        self.with_score(cache, given, |reverse, score| {
            reverse.gradient(score, grad);
        });
    }

    /// `grad += sum of weight grad entropy`, `weight` `[samples]`.
    pub fn entropy_gradient<R: Real>(&self, cache: &mut Cache<R>, weight: &[R], grad: &mut [R]) {
        self.check_len("weight", weight, cache.samples);
        self.with_scratch(cache, |reverse| {
            let policies = Policies::new(self, reverse.cache);
            reverse.gradient(&Entropy { policies, weight }, grad);
        });
    }

    /// `grad += sum of weight grad KL(old || new)`, as [`Mlp::kl`].
    pub fn kl_gradient<R: Real>(
        &self,
        cache: &mut Cache<R>,
        old: Old<'_, R>,
        weight: &[R],
        grad: &mut [R],
    ) {
        self.with_pair(cache, old, weight, |kl, reverse| {
            reverse.gradient(&kl, grad);
        });
    }
}

/// Along a direction.
impl Mlp {
    /// Overwrites `out`, `[samples]`, with `direction . grad log pi(a | s)`.
    pub fn tangent_log_probs<R: Real>(
        &self,
        cache: &Cache<R>,
        tangent: &Tangent<R>,
        actions: Acts<'_, R>,
        out: &mut [R],
    ) {
        self.check_len("out", out, cache.samples);
        let taken = Taken::new(self, cache, actions);
        tangent.check(self, cache);
        for (sample, out) in out.iter_mut().enumerate() {
            *out = taken.tangent(sample, tangent.moved(self, sample));
        }
    }

    /// `out +=` the derivative of what [`Mlp::score`] adds along the direction:
    /// the sum of `weight (Hessian of log pi(a | s)) direction` and, for weights
    /// that depend on the parameters as importance ratios do, of
    /// `weight_tangent grad log pi(a | s)`, `weight_tangent` `[samples]` being the
    /// derivative of the weights along the direction.
    pub fn score_tangent<R: Real>(
        &self,
        cache: &mut Cache<R>,
        tangent: &Tangent<R>,
        actions: Acts<'_, R>,
        weight: &[R],
        weight_tangent: Option<&[R]>,
        out: &mut [R],
    ) {
        let moved = match weight_tangent {
            None => WeightTangent::Of(Weights::Fixed),
            Some(moved) => {
                self.check_len("weight_tangent", moved, cache.samples);
                WeightTangent::Given(moved)
            }
        };
        self.with_score(cache, (actions, weight, moved), |reverse, score| {
            reverse.curvature(score, tangent, out);
        });
    }

    /// `out +=` what [`Mlp::tangent`] along `direction`, `[parameters]`, and
    /// [`Mlp::score_tangent`] make together, for weights that move as `weights`
    /// says. Faster than those two, for a block of samples goes through both while
    /// it is in cache; faster still with what [`Mlp::prepare_score`] prepared for
    /// the same actions and weights.
    pub fn score_product<R: Real>(
        &self,
        cache: &mut Cache<R>,
        direction: &[R],
        (actions, weight, weights): (Acts<'_, R>, &[R], Weights),
        prepared: Option<&Prepared<R>>,
        out: &mut [R],
    ) {
        let prepared = prepared.filter(|prepared| prepared.check(self, cache));
        let given = (actions, weight, WeightTangent::Of(weights));
        self.with_score(cache, given, |reverse, score| {
            reverse.product(score, (direction, prepared), out);
        });
    }

    /// `out += sum of weight (Hessian of the entropy) direction`.
    pub fn entropy_gradient_tangent<R: Real>(
        &self,
        cache: &mut Cache<R>,
        tangent: &Tangent<R>,
        weight: &[R],
        out: &mut [R],
    ) {
        self.check_len("weight", weight, cache.samples);
        self.with_scratch(cache, |reverse| {
            let policies = Policies::new(self, reverse.cache);
            reverse.curvature(&Entropy { policies, weight }, tangent, out);
        });
    }

    /// `out += sum of weight (Hessian of KL(old || new)) direction`, away from
    /// `old` as well. Where the policies are equal this is
    /// [`Mlp::fisher_vector`], which costs less.
    pub fn kl_gradient_tangent<R: Real>(
        &self,
        cache: &mut Cache<R>,
        tangent: &Tangent<R>,
        old: Old<'_, R>,
        weight: &[R],
        out: &mut [R],
    ) {
        self.with_pair(cache, old, weight, |kl, reverse| {
            reverse.curvature(&kl, tangent, out);
        });
    }

    /// `out += sum of weight J^T F J direction`, `J` the derivative of the outputs
    /// and `log_std` and `F` the Fisher information of the head's distribution:
    /// the Fisher information matrix of the policy, which is the Hessian of
    /// `KL(old || new)` at `old = new`. `direction` is `[parameters]`.
    pub fn fisher_vector<R: Real>(
        &self,
        cache: &mut Cache<R>,
        direction: &[R],
        weight: &[R],
        out: &mut [R],
    ) {
        self.check_len("weight", weight, cache.samples);
        self.with_scratch(cache, |reverse| {
            let policies = Policies::new(self, reverse.cache);
            let fill = |sample: usize, moved: Moved<'_, R>, d: &mut [R], log_std: &mut [f64]| {
                fisher(policies, sample, weight[sample], moved, (d, log_std));
            };
            reverse.linear(fill, direction, out);
        });
    }

    /// `out +=` the derivative along the direction of what [`Mlp::backward`] adds,
    /// for `d_out` with derivative `d_out_tangent` along it, both
    /// `[samples][outputs]`. Both are zero with respect to `log_std`.
    pub fn backward_tangent<R: Real>(
        &self,
        cache: &mut Cache<R>,
        tangent: &Tangent<R>,
        d_out: &[R],
        d_out_tangent: &[R],
        out: &mut [R],
    ) {
        let numbers = cache.samples * self.outputs();
        self.check_len("d_out", d_out, numbers);
        self.check_len("d_out_tangent", d_out_tangent, numbers);
        cache.check(self);
        let given = Given {
            d_out,
            d_out_tangent,
        };
        self.with_scratch(cache, |reverse| reverse.curvature(&given, tangent, out));
    }
}

impl Mlp {
    /// Calls `work` with the cache and, apart from it, its scratch.
    fn with_scratch<R: Real, T>(
        &self,
        cache: &mut Cache<R>,
        work: impl FnOnce(Reverse<'_, R>) -> T,
    ) -> T {
        let mut scratch = std::mem::take(&mut cache.scratch);
        let result = work(Reverse {
            mlp: self,
            cache,
            scratch: &mut scratch,
        });
        cache.scratch = scratch;
        result
    }

    /// The same with scores of actions, with weights and derivatives of these.
    pub(super) fn with_score<R: Real, T>(
        &self,
        cache: &mut Cache<R>,
        (actions, weight, weight_tangent): (Acts<'_, R>, &[R], WeightTangent<'_, R>),
        work: impl FnOnce(Reverse<'_, R>, &Score<'_, R>) -> T,
    ) -> T {
        self.check_len("weight", weight, cache.samples);
        self.with_scratch(cache, |reverse| {
            let score = Score {
                taken: Taken::new(self, reverse.cache, actions),
                weight,
                weight_tangent,
            };
            work(reverse, &score)
        })
    }

    /// The same with the divergence between `old` and the cache's policies.
    fn with_pair<R: Real, T>(
        &self,
        cache: &mut Cache<R>,
        old: Old<'_, R>,
        weight: &[R],
        work: impl FnOnce(Kl<'_, R>, Reverse<'_, R>) -> T,
    ) -> T {
        self.check_len("weight", weight, cache.samples);
        self.check_len("old.outputs", old.outputs, cache.samples * self.outputs());
        self.check_len("old.log_std", old.log_std, self.log_std().len());
        let [mut p, mut log_p] = std::mem::take(&mut cache.scratch.old);
        let result = self.with_scratch(cache, |reverse| {
            let pair = match Policies::new(self, reverse.cache) {
                Policies::Categorical(new) => {
                    p.resize(old.outputs.len(), R::ZERO);
                    log_p.resize(old.outputs.len(), R::ZERO);
                    let softmax = Softmax {
                        actions: self.outputs(),
                        logits: old.outputs,
                        probabilities: &mut p,
                        logarithms: &mut log_p,
                    };
                    softmax.run(reverse.cache.isa, &mut reverse.scratch.columns);
                    let (p, log_p, width) = (&p[..], &log_p[..], self.outputs());
                    let old = Categorical { p, log_p, width };
                    Pair::Categorical { new, old }
                }
                Policies::Gaussian(new) => Pair::Gaussian { new, old },
            };
            work(Kl { pair, weight }, reverse)
        });
        cache.scratch.old = [p, log_p];
        result
    }
}
