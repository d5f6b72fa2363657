//! A backend that is made to fail.

use crate::common::{pool, switches};
use agent::{ActMode, Backend, Execution, Gradient, LearnError, Lesson, Samples};
use nets::Device;
use rl_core::{EnvFactory, PolicyFactory};
use rl2::{Rl2Config, Trainer};
use rollout::Pool;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// How a backend is made to fail.
#[derive(Clone, Copy, PartialEq)]
pub(crate) enum Sabotage {
    /// Every gradient is turned around.
    Flip,
    /// The third gradient holds a NaN.
    ThirdIsNan,
}

struct Sabotaged {
    inner: Box<dyn Backend>,
    how: Sabotage,
    calls: AtomicUsize,
}

impl Backend for Sabotaged {
    fn policy(&self, values: &Arc<Vec<f32>>, mode: ActMode) -> Arc<dyn PolicyFactory> {
        self.inner.policy(values, mode)
    }

    fn execution(&self) -> Execution {
        self.inner.execution()
    }

    fn log_probs(
        &self,
        values: &[f32],
        samples: &Samples,
        tile: usize,
    ) -> Result<Vec<f32>, LearnError> {
        self.inner.log_probs(values, samples, tile)
    }

    fn gradient(&self, pool: &Pool, lesson: Lesson<'_>) -> Result<Gradient, LearnError> {
        let mut gradient = self.inner.gradient(pool, lesson)?;
        let calls = self.calls.fetch_add(1, Ordering::Relaxed) + 1;
        match self.how {
            Sabotage::Flip => gradient.values.iter_mut().for_each(|g| *g = -*g),
            Sabotage::ThirdIsNan if calls == 3 => gradient.values[0] = f32::NAN,
            Sabotage::ThirdIsNan => {}
        }
        Ok(gradient)
    }
}

/// A training whose backend fails so.
pub(crate) fn sabotaged(config: Rl2Config, how: Sabotage) -> Trainer {
    sabotaged_in(&switches(), config, how)
}

/// Such a training in an environment.
pub(crate) fn sabotaged_in(env: &Arc<dyn EnvFactory>, config: Rl2Config, how: Sabotage) -> Trainer {
    let (model, inner) = config.learner().build(env.as_ref(), Device::Cpu).unwrap();
    let calls = AtomicUsize::new(0);
    let backend: Box<dyn Backend> = Box::new(Sabotaged { inner, how, calls });
    Trainer::with_backend(env.as_ref(), config, 0, pool(2), (model, backend)).unwrap()
}
