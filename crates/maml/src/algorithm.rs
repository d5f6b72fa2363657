//! MAML and its family as one algorithm among others.

use crate::{Adapted, MamlConfig, Trainer};
use agent::{
    ActMode, Adaptation, Algorithm, Fresh, LearnError, Metric, Setup, Training, Update, Watch,
};
use nets::Device;
use rl_core::{Footprint, PolicyFactory, Tree};
use std::sync::Arc;

/// MAML and its family, settings in `[maml]`.
pub const ALGORITHM: Algorithm = Algorithm {
    name: "maml",
    title: "MAML",
    summary: "MAML: a policy that a few steps of policy gradient adapt to a task \
              (second and first order, Reptile, ANIL, Meta-SGD, an LSTM's gated steps, E-MAML, DiCE, \
              ProMP)",
    metrics: METRICS,
    learners: &[],
    inputs: None,
    settings: agent::schema_of::<MamlConfig>,
    check: |setup| config(setup).map(drop),
    footprint,
    start,
};

/// Gates are those of the first three steps, which reports draw beside each other.
const METRICS: &[Metric] = &[
    Metric::new("entropy", "Policy entropy").in_unit("nats"),
    Metric::new("forget_gates.0", "Forget gate, step 1"),
    Metric::new("forget_gates.1", "Forget gate, step 2"),
    Metric::new("forget_gates.2", "Forget gate, step 3"),
    Metric::new("input_gates.0", "Input gate, step 1"),
    Metric::new("input_gates.1", "Input gate, step 2"),
    Metric::new("input_gates.2", "Input gate, step 3"),
    Metric::new("approx_kl", "Approximate KL").in_unit("nats"),
    Metric::new("value_loss", "Value loss"),
    Metric::new("gradient_norm", "Gradient norm"),
    Metric::new("clip_fraction", "Clipped fraction"),
    Metric::new("policy_loss", "Policy loss"),
];

fn footprint(setup: &Setup<'_>) -> Result<Footprint, LearnError> {
    let (config, pool) = (config(setup)?, &setup.place.pool);
    crate::memory::expect_messages(setup.env, &config, pool)?;
    crate::footprint(setup.env, &config, pool.workers())
}

fn start(setup: Setup<'_>) -> Result<Box<dyn Training>, LearnError> {
    let config = config(&setup)?;
    if setup.place.device != Device::Cpu {
        let allowed = "cpu, since maml runs there alone; leave the option out";
        return Err(LearnError::config("--device", "cuda", allowed));
    }
    let trainer = Trainer::new(setup.env, config, setup.seed, setup.place.pool)?;
    Ok(Box::new(trainer))
}

fn config(setup: &Setup<'_>) -> Result<MamlConfig, LearnError> {
    let config: MamlConfig = setup.config(ALGORITHM.name)?;
    config.validate()?;
    Ok(config)
}

impl Trainer {
    /// The adaptation that the configuration asks for, on some tasks.
    fn adapted(&self, fresh: &Fresh<'_>) -> Adapted {
        let evaluation = &self.config().evaluation;
        Adapted {
            held: fresh.held,
            steps: evaluation.steps,
            rates: evaluation.rates.clone(),
            trajectories: evaluation.trajectories,
            actions: fresh.actions,
        }
    }
}

impl Training for Trainer {
    fn updates(&self) -> u64 {
        self.config().updates
    }

    fn updates_done(&self) -> u64 {
        self.updates_done()
    }

    fn env_steps(&self) -> u64 {
        self.env_steps()
    }

    fn update(&mut self) -> Result<Update, LearnError> {
        let metrics = self.update()?;
        Update::new(metrics.mean_return, &metrics)
    }

    fn expect_shared(&self) -> Result<(), LearnError> {
        Ok(())
    }

    fn policy(&self, actions: ActMode) -> Arc<dyn PolicyFactory> {
        self.policy(actions)
    }

    fn adaptation(
        &self,
        fresh: &Fresh<'_>,
        watch: &Watch<'_>,
    ) -> Result<Option<Adaptation>, LearnError> {
        let adapted = self.adapted(fresh);
        let curve = self.adapt_and_evaluate_watched(fresh.env, &adapted, watch)?;
        Ok(Some(Adaptation {
            trajectories: adapted.trajectories,
            returns: curve.returns,
        }))
    }

    fn policies(
        &self,
        fresh: &Fresh<'_>,
        task: usize,
    ) -> Result<Vec<Arc<dyn PolicyFactory>>, LearnError> {
        self.adapted_policies(fresh.env, &self.adapted(fresh), task)
    }

    fn trials_per_step(&self) -> Option<usize> {
        Some(self.config().evaluation.trajectories)
    }

    fn checkpoint(&self) -> Result<Tree, LearnError> {
        self.checkpoint()
    }

    fn restore(&mut self, checkpoint: &Tree) -> Result<(), LearnError> {
        self.restore(checkpoint)
    }
}
