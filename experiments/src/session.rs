//! What all work of one command shares.

use crate::console::Console;
use crate::failure::Failure;
use crate::host;
use crate::interrupt::Interrupt;
use crate::oracles::Oracles;
use crate::registry::Registry;
use crate::room::Room;
use agent::Algorithm;
use nets::Device;
use record::{Document, Reader, RecordError};
use rollout::Pool;
use serde::Deserialize;
use serde_json::json;
use std::path::Path;
use std::sync::Arc;

/// What all work of one command shares.
pub(crate) struct Session<'a> {
    pub(crate) registry: &'a Registry,
    pub(crate) console: Console,
    pub(crate) pool: Arc<Pool>,
    pub(crate) device: Device,
    pub(crate) device_name: String,
    pub(crate) interrupt: Interrupt,
    /// The memory that there was when the command began.
    pub(crate) room: Room,
    pub(crate) oracles: Oracles,
}

impl<'a> Session<'a> {
    /// Starts the workers and looks for the device.
    ///
    /// # Errors
    /// If a worker cannot be started, or there is no such device.
    pub(crate) fn new(
        registry: &'a Registry,
        console: Console,
        workers: usize,
        device: &str,
    ) -> Result<Self, Failure> {
        let room = Room::now();
        Ok(Self {
            registry,
            console,
            device: nets::device(device).map_err(Failure::usage)?,
            device_name: device.to_owned(),
            pool: Arc::new(Pool::new(workers, nets::single_threaded)?),
            interrupt: Interrupt::default(),
            room,
            oracles: Oracles::new(room),
        })
    }

    /// Lets signals stop the training in progress, which then saves itself. Work
    /// that has nothing to save ends at once, as it does without this.
    #[must_use]
    pub(crate) fn stoppable(mut self) -> Self {
        self.interrupt = Interrupt::listen(self.pool.call_off());
        self.oracles.ended_by(&self.interrupt);
        self
    }

    /// The contents of a run's `environment.json`.
    pub(crate) fn describe(&self, seed: u64, algorithm: &Algorithm) -> serde_json::Value {
        let libtorch = match nets::libtorch() {
            Ok(Some(libtorch)) => libtorch.version,
            Ok(None) => "none".to_owned(),
            Err(error) => error.to_string(),
        };
        json!({
            "metarl": env!("CARGO_PKG_VERSION"),
            "libtorch": libtorch,
            "algorithm": {
                "name": algorithm.name,
                "title": algorithm.title,
                "metrics": algorithm.metrics,
            },
            "seed": seed,
            "workers": self.pool.workers(),
            "device": self.device_name,
            "cpu": host::cpu(),
            "cpu_features": host::cpu_features().join(" "),
            "cores": host::cores(),
            "system": host::system(),
        })
    }
}

/// The device that a run began on.
///
/// # Errors
/// If its `environment.json` cannot be read.
pub(crate) fn device_of(run: &Path) -> Result<String, Failure> {
    #[derive(Deserialize)]
    struct Description {
        device: String,
    }
    let description: Option<Description> = match Reader::open(run) {
        // It is still being made, and has not done an update.
        Err(RecordError::NotARun { .. }) => None,
        run => run?.document(Document::Environment)?,
    };
    Ok(description.map_or_else(|| "cpu".to_owned(), |description| description.device))
}
