//! How a backend is run does not matter.

use crate::common::{BACKENDS, config, pool, switches, trainer};
use agent::Training as _;
use agent::{
    ActMode, ActorCritic, Backend, BackendKind, Execution, Gradient, LearnError, Lesson,
    NativeBackend, Phase, Samples, Stopwatch,
};
use rl_core::{Domain, PolicyFactory, StreamKey};
use rl2::Trainer;
use rollout::{Batch, BatchSize, Pool};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

#[test]
fn acting_in_lockstep_is_acting_in_tiles() {
    for backend in BACKENDS {
        let trainer = trainer(config(backend), 7, 2);
        let size = BatchSize {
            lanes: 24,
            tile: 8,
            steps: 6,
        };
        let key = StreamKey::new(7, Domain::Training, 0);
        let policy = trainer.policy(ActMode::Sample);
        let mut tiles = Batch::new(switches().as_ref(), size).unwrap();
        tiles.collect(&pool(2), &policy, key).unwrap();
        let mut lockstep = Batch::new(switches().as_ref(), size).unwrap();
        lockstep
            .collect_in_lockstep(&pool(2), &policy, key)
            .unwrap();
        for (a, b) in tiles.tiles().iter().zip(lockstep.tiles()) {
            let (a, b) = (a.trajectory(), b.trajectory());
            assert_eq!(a.rewards(), b.rewards());
            let close = a.log_probs().iter().zip(b.log_probs());
            assert!(close.into_iter().all(|(a, b)| (a - b).abs() < 1e-5));
        }
    }
}

/// A native backend whose policies want to be run in lockstep.
struct InLockstep(NativeBackend);

impl Backend for InLockstep {
    fn policy(&self, values: &Arc<Vec<f32>>, mode: ActMode) -> Arc<dyn PolicyFactory> {
        self.0.policy(values, mode)
    }

    fn execution(&self) -> Execution {
        Execution::Lockstep
    }

    fn log_probs(&self, values: &[f32], of: &Samples, tile: usize) -> Result<Vec<f32>, LearnError> {
        self.0.log_probs(values, of, tile)
    }

    fn gradient(&self, pool: &Pool, lesson: Lesson<'_>) -> Result<Gradient, LearnError> {
        self.0.gradient(pool, lesson)
    }
}

/// Goes on by 1 µs whenever it is read.
fn ticking() -> u64 {
    static READ: AtomicU64 = AtomicU64::new(0);
    1000 * READ.fetch_add(1, Ordering::Relaxed)
}

#[test]
fn neither_lockstep_nor_a_stopwatch_changes_a_bit() {
    let config = config(BackendKind::Native);
    let env = switches();
    let train = |lockstep: bool, stopwatch: Stopwatch| {
        let model = Arc::new(ActorCritic::new(env.as_ref(), config.learner().network).unwrap());
        let native = NativeBackend::new(&model, config.learner().network).unwrap();
        let backend: Box<dyn Backend> = match lockstep {
            true => Box::new(InLockstep(native)),
            false => Box::new(native),
        };
        let parts = (model, backend);
        let mut trainer =
            Trainer::with_backend(env.as_ref(), config.clone(), 3, pool(2), parts).unwrap();
        trainer.watch(stopwatch);
        let metrics: Vec<_> = (0..3).map(|_| trainer.update().unwrap()).collect();
        (metrics, trainer.checkpoint().unwrap())
    };
    let plain = train(false, Stopwatch::default());
    for lockstep in [false, true] {
        let stopwatch = Stopwatch::new(ticking);
        assert_eq!(plain, train(lockstep, stopwatch.clone()), "{lockstep}");
        for phase in Phase::ALL {
            let seconds = stopwatch.seconds(phase);
            assert!(seconds > 0.0 && seconds < 1.0, "{phase:?}: {seconds}");
        }
    }
}
