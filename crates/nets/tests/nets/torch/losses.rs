//! Losses.

use nets::tch::{Kind, Tensor};
use nets::{
    PolicySamples, approx_kl, clip_fraction, mean_entropy, policy_gradient_loss, ppo_policy_loss,
    value_loss,
};

use super::common::{assert_values, gradcheck, normal, stream, vector};

const CLIP: f64 = 0.2;

/// Six samples with ratios on every side of the clipping range, for good and
/// bad actions; the last is masked out.
struct Samples {
    new: Tensor,
    old: Tensor,
    advantages: Tensor,
    weights: Tensor,
}

const RATIOS: [f64; 6] = [1.5, 0.5, 1.5, 0.5, 1.1, 3.0];
const ADVANTAGES: [f64; 6] = [1.0, 1.0, -2.0, -2.0, 3.0, 7.0];
const WEIGHTS: [f64; 6] = [0.1, 0.2, 0.3, 0.25, 0.15, 0.0];

fn samples() -> Samples {
    let old = normal(&[6], &mut stream(0));
    Samples {
        new: &old + Tensor::from_slice(&RATIOS).log(),
        old,
        advantages: Tensor::from_slice(&ADVANTAGES),
        weights: Tensor::from_slice(&WEIGHTS),
    }
}

impl Samples {
    fn view<'a>(&'a self, log_probs: &'a Tensor) -> PolicySamples<'a> {
        PolicySamples {
            log_probs,
            old_log_probs: &self.old,
            advantages: &self.advantages,
            weights: &self.weights,
        }
    }

    fn part(&self, start: i64) -> Self {
        let cut = |tensor: &Tensor| tensor.narrow(0, start, 3);
        Self {
            new: cut(&self.new),
            old: cut(&self.old),
            advantages: cut(&self.advantages),
            weights: cut(&self.weights),
        }
    }
}

#[test]
fn ppo_values() {
    let samples = samples();
    let loss = ppo_policy_loss(&samples.view(&samples.new), CLIP);
    // Only the first and the fourth are clipped: those where clipping is worse.
    let gains = [1.2, 0.5, -3.0, -1.6, 3.3, 0.0];
    let expected: f64 = gains
        .iter()
        .zip(WEIGHTS)
        .map(|(gain, weight)| -gain * weight)
        .sum();
    assert_values(&loss, &[expected]);
}

#[test]
fn ppo_gradients() {
    let samples = samples();
    let at = [samples.new.copy()];
    gradcheck(&at, |at| ppo_policy_loss(&samples.view(&at[0]), CLIP));
    let leaf = samples.new.detach().set_requires_grad(true);
    ppo_policy_loss(&samples.view(&leaf), CLIP).backward();
    let gradient = vector(&leaf.grad());
    let pushes: Vec<bool> = gradient.iter().map(|g| *g != 0.0).collect();
    assert_eq!(pushes, [false, true, true, false, true, false]);
    assert!(gradient[1] < 0.0, "a good action becomes likelier");
    assert!(gradient[2] > 0.0, "a bad action becomes less likely");
}

#[test]
fn at_the_old_policy_ppo_has_the_policy_gradient() {
    let samples = samples();
    let leaf = samples.old.detach().copy().set_requires_grad(true);
    ppo_policy_loss(&samples.view(&leaf), CLIP).backward();
    let other = samples.old.detach().copy().set_requires_grad(true);
    policy_gradient_loss(&other, &samples.advantages, &samples.weights).backward();
    assert_values(&leaf.grad(), &vector(&other.grad()));
}

#[test]
fn policy_gradient_values_and_gradients() {
    let samples = samples();
    let new = vector(&samples.new);
    let loss = |at: &Tensor| policy_gradient_loss(at, &samples.advantages, &samples.weights);
    let expected: f64 = (0..6).map(|i| -WEIGHTS[i] * ADVANTAGES[i] * new[i]).sum();
    assert_values(&loss(&samples.new), &[expected]);
    gradcheck(&[samples.new.copy()], |at| loss(&at[0]));
}

#[test]
fn value_loss_values_and_gradients() {
    let returns = Tensor::from_slice(&[1.0, 2.0, 5.0]);
    let weights = Tensor::from_slice(&[0.5, 0.5, 0.0]);
    let values = Tensor::from_slice(&[3.0, 1.0, 9.0]);
    assert_values(
        &value_loss(&values, &returns, &weights),
        &[0.5 * (0.5 * 4.0 + 0.5 * 1.0)],
    );
    gradcheck(&[values], |at| value_loss(&at[0], &returns, &weights));
}

#[test]
fn entropy_values_and_gradients() {
    let weights = Tensor::from_slice2(&[[0.5, 0.25], [0.25, 0.0]]);
    let entropies = Tensor::from_slice2(&[[1.0, 2.0], [3.0, 4.0]]);
    assert_values(&mean_entropy(&entropies, &weights), &[1.75]);
    gradcheck(&[entropies], |at| mean_entropy(&at[0], &weights));
}

#[test]
fn diagnostics() {
    let samples = samples();
    let kl = approx_kl(&samples.new, &samples.old, &samples.weights);
    let expected: f64 = RATIOS
        .iter()
        .zip(WEIGHTS)
        .map(|(r, w)| w * (r - 1.0 - r.ln()))
        .sum();
    assert_values(&kl, &[expected]);
    let same = approx_kl(&samples.old, &samples.old, &samples.weights);
    assert_values(&same, &[0.0]);
    let outside = clip_fraction(&samples.view(&samples.new), CLIP);
    assert_values(&outside, &[0.85]); // All but the fifth and the masked one.
    let leaf = samples.new.detach().copy().set_requires_grad(true);
    assert!(!approx_kl(&leaf, &samples.old, &samples.weights).requires_grad());
    assert!(!clip_fraction(&samples.view(&leaf), CLIP).requires_grad());
}

/// (ρ − 1) − ln ρ is half the log-ratio's square near ρ = 1.
#[test]
fn a_small_divergence_keeps_its_digits_in_f32() {
    let old = Tensor::zeros([4000], (Kind::Float, nets::tch::Device::Cpu));
    let weights = old.ones_like() / 4000.0;
    for deviation in [1e-3, 1e-5, 1e-7] {
        let new = normal(&[4000], &mut stream(1)).to_kind(Kind::Float) * deviation;
        let half_square = vector(&new).iter().map(|x| 0.5 * x * x).sum::<f64>() / 4000.0;
        let kl = approx_kl(&new, &old, &weights).double_value(&[]);
        assert!((kl / half_square - 1.0).abs() < 1e-3, "{deviation}: {kl}");
        let one = Tensor::from_slice(&[1.0_f32]);
        for x in vector(&new).into_iter().take(500) {
            let now = Tensor::from_slice(&[x as f32]);
            assert!(approx_kl(&now, &one.zeros_like(), &one).double_value(&[]) >= 0.0);
        }
    }
}

#[test]
fn parts_of_a_minibatch_add_up() {
    let samples = samples();
    let [first, second] = [samples.part(0), samples.part(3)];
    let losses = |samples: &Samples| {
        let view = samples.view(&samples.new);
        [
            ppo_policy_loss(&view, CLIP),
            policy_gradient_loss(&samples.new, &samples.advantages, &samples.weights),
            value_loss(&samples.new, &samples.advantages, &samples.weights),
            mean_entropy(&samples.new, &samples.weights),
            approx_kl(&samples.new, &samples.old, &samples.weights),
            clip_fraction(&view, CLIP),
        ]
    };
    let parts = losses(&first).into_iter().zip(losses(&second));
    for (whole, (one, two)) in losses(&samples).iter().zip(parts) {
        assert_values(&(one + two), &vector(whole));
    }
}

#[test]
#[should_panic(expected = "samples and weights of one shape")]
fn shapes_are_never_stretched() {
    let column = Tensor::ones([3, 1], (Kind::Float, nets::tch::Device::Cpu));
    let row = Tensor::from_slice(&[1.0_f32, 1.0, 1.0]);
    let _ = value_loss(&column, &row, &row);
}
