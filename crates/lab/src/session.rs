//! What all work of one session shares.

use crate::failure::Failure;
use crate::host;
use crate::observer::Observer;
use crate::oracles::Oracles;
use crate::registry::Registry;
use crate::room::Room;
use crate::stop::Stop;
use agent::{Algorithm, Metric};
use kernels::Isa;
use nets::Device;
use record::schema::{AlgorithmInfo, MetricInfo, Provenance};
use record::{Document, Reader, RecordError};
use rl_core::PolicyFactory;
use rollout::{Alone, Pool, Ranks};
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

/// What all work of one session shares.
pub struct Session<'a> {
    /// What there is by name.
    pub registry: &'a Registry,
    /// Who hears how the work goes.
    pub observer: &'a dyn Observer,
    /// Who does the work.
    pub pool: Arc<Pool>,
    /// Where tensors are.
    pub device: Device,
    /// What that is called.
    pub device_name: String,
    /// Whether the work is to stop.
    pub stop: Stop,
    /// The memory that there was when the session began.
    pub room: Room,
    /// Exact solutions, each computed once.
    pub oracles: Oracles<'a>,
    /// Teachers, each made once.
    pub(crate) teachers: RefCell<BTreeMap<String, Arc<dyn PolicyFactory>>>,
}

impl<'a> Session<'a> {
    /// Starts the workers and looks for the device.
    ///
    /// # Errors
    /// If a worker cannot be started, or there is no such device.
    pub fn new(
        registry: &'a Registry,
        observer: &'a dyn Observer,
        workers: usize,
        device: &str,
    ) -> Result<Self, Failure> {
        let alone = Arc::new(Alone);
        Self::among(registry, observer, (workers, alone), device)
    }

    /// The same, on one of several ranks that share what trainings do.
    ///
    /// # Errors
    /// As [`Self::new`].
    pub fn among(
        registry: &'a Registry,
        observer: &'a dyn Observer,
        (workers, ranks): (usize, Arc<dyn Ranks>),
        device: &str,
    ) -> Result<Self, Failure> {
        let room = Room::now();
        let device_name = device.to_owned();
        let device = nets::device(device).map_err(Failure::usage)?;
        let pool = Pool::new(workers, nets::single_threaded)?.among(ranks);
        let stop = Stop::of(&pool);
        Ok(Self {
            registry,
            observer,
            device,
            device_name,
            pool: Arc::new(pool),
            oracles: Oracles::new(observer, room, stop.clone()),
            teachers: RefCell::default(),
            stop,
            room,
        })
    }

    /// Has the room that each of so many runs side by side has, from now on.
    pub fn share(&mut self, runs: usize) {
        self.give_room(self.room.shared_by(runs));
    }

    pub(crate) fn give_room(&mut self, room: Room) {
        self.room = room;
        self.oracles.begin_anew(self.room);
        self.teachers.borrow_mut().clear();
    }

    /// The contents of a run's `environment.json`.
    pub fn describe(&self, seed: u64, algorithm: &Algorithm) -> Provenance {
        let libtorch = match nets::libtorch() {
            Ok(Some(libtorch)) => libtorch.version,
            Ok(None) => "none".to_owned(),
            Err(error) => error.to_string(),
        };
        let metric = |metric: &Metric| MetricInfo {
            key: metric.key.to_owned(),
            title: metric.title.to_owned(),
            unit: metric.unit.to_owned(),
        };
        Provenance {
            algorithm: AlgorithmInfo {
                metrics: algorithm.metrics.iter().map(metric).collect(),
                name: algorithm.name.to_owned(),
                title: algorithm.title.to_owned(),
            },
            cores: host::cores(),
            cpu: host::cpu(),
            cpu_features: host::cpu_features().join(" "),
            device: self.device_name.clone(),
            instructions: Isa::best().name().to_owned(),
            libc: host::libc(),
            libtorch,
            metarl: env!("CARGO_PKG_VERSION").to_owned(),
            ranks: self.pool.ranks().size(),
            seed,
            system: host::system(),
            workers: self.pool.workers(),
        }
    }
}

/// The device that a run began on.
///
/// # Errors
/// If its `environment.json` cannot be read.
pub fn device_of(run: &Path) -> Result<String, Failure> {
    let provenance: Option<Provenance> = match Reader::open(run) {
        // It is still being made, and has not done an update.
        Err(RecordError::NotARun { .. }) => None,
        run => run?.document(Document::Environment)?,
    };
    Ok(provenance.map_or_else(|| "cpu".to_owned(), |provenance| provenance.device))
}
