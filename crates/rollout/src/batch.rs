//! A batch of tiles, and the two ways of filling it.

use crate::error::{MAX_BYTES, RolloutError};
use crate::pool::Pool;
use crate::tile::{Tile, guard, make};
use rl_core::{
    ActRow, Actions, ActionsMut, EnvFactory, EnvSpec, Outcome, Policy, PolicyFactory, Row, Stream,
    StreamKey,
};
use std::sync::Arc;

/// How large a batch is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BatchSize {
    /// Lanes in all.
    pub lanes: usize,
    /// Lanes of a tile; the last tile may have fewer.
    pub tile: usize,
    /// Steps of each lane.
    pub steps: usize,
}

/// Lanes in tiles, and what happened in them.
pub struct Batch {
    spec: EnvSpec,
    tiles: Vec<Tile>,
}

impl Batch {
    /// Allocates everything that rollouts need.
    ///
    /// # Errors
    /// If a size is 0.
    pub fn new(env: &dyn EnvFactory, size: BatchSize) -> Result<Self, RolloutError> {
        let sizes = [
            ("lanes", size.lanes),
            ("tile", size.tile),
            ("steps", size.steps),
        ];
        if let Some((key, value)) = sizes.into_iter().find(|(_, value)| *value == 0) {
            let allowed = "at least 1".to_owned();
            return Err(RolloutError::Size {
                key,
                value,
                allowed,
            });
        }
        check_memory(env.spec(), size.lanes, size.steps)?;
        let tile = |first: usize| {
            let lanes = size.tile.min(size.lanes - first);
            Tile::new(env, lanes, first as u64, size.steps)
        };
        Ok(Self {
            spec: env.spec().clone(),
            tiles: (0..size.lanes).step_by(size.tile).map(tile).collect(),
        })
    }

    /// The tiles, in the order of their lanes.
    pub fn tiles(&self) -> &[Tile] {
        &self.tiles
    }

    /// Fills the trajectories, each tile by a policy of its own on whichever
    /// worker is free: the way of a CPU, where a tile's data stay in cache.
    ///
    /// # Errors
    /// Of the first tile that failed, see [`Tile::collect`], or if the policy
    /// cannot act in this environment.
    pub fn collect(
        &mut self,
        pool: &Pool,
        policy: &Arc<dyn PolicyFactory>,
        key: StreamKey,
    ) -> Result<(), RolloutError> {
        let policy = Arc::clone(policy);
        self.on_tiles(pool, move |tile| tile.collect(policy.as_ref(), &key))
    }

    /// Fills the trajectories by one policy that acts on all lanes at once,
    /// while the workers step the environments: the way of an accelerator.
    /// Gives what [`Self::collect`] gives.
    ///
    /// # Errors
    /// As [`Self::collect`].
    pub fn collect_in_lockstep(
        &mut self,
        pool: &Pool,
        policy: &Arc<dyn PolicyFactory>,
        key: StreamKey,
    ) -> Result<(), RolloutError> {
        let lanes = self.tiles.iter().map(|t| t.trajectory().lanes()).sum();
        let name: Arc<str> = policy.name().into();
        let mut policy = make(policy.as_ref(), &self.spec, lanes)?;
        self.on_tiles(pool, move |tile| tile.begin(&key))?;
        let mut rows = WholeRow::new(&self.spec, lanes);
        let streams = self.tiles.iter().flat_map(|t| t.streams().iter().cloned());
        let mut streams: Vec<Stream> = streams.collect();
        let steps = self.tiles.first().map_or(0, |t| t.trajectory().steps());
        for t in 0..steps {
            rows.gather(&mut self.tiles, t);
            guard(|| rows.act(policy.as_mut(), &mut streams)).map_err(|message| {
                RolloutError::Policy {
                    policy: name.to_string(),
                    first_lane: 0,
                    last_lane: lanes as u64 - 1,
                    step: t,
                    key: Box::new(key),
                    message,
                }
            })?;
            rows.scatter(&mut self.tiles, t);
            let name = Arc::clone(&name);
            self.on_tiles(pool, move |tile| tile.step(&name, t, &key))?;
        }
        self.tiles
            .iter()
            .try_for_each(|tile| tile.check_all(&name, &key))
    }

    fn on_tiles(
        &mut self,
        pool: &Pool,
        work: impl Fn(&mut Tile) -> Result<(), RolloutError> + Send + Sync + 'static,
    ) -> Result<(), RolloutError> {
        let tiles = std::mem::take(&mut self.tiles);
        let done = pool.map(tiles, move |_, mut tile| {
            let result = work(&mut tile);
            (tile, result)
        })?;
        let mut first = Ok(());
        for (tile, result) in done {
            self.tiles.push(tile);
            first = first.and(result);
        }
        first
    }
}

/// Refuses rows that would not fit into memory, before they are made.
pub(crate) fn check_memory(spec: &EnvSpec, lanes: usize, steps: usize) -> Result<(), RolloutError> {
    // Per lane and step: observation, action, reward, log-probability, value,
    // outcome and start.
    let numbers = 2 * spec.observation.width() + spec.action.width() + 3;
    let bytes = (lanes as f64) * (steps as f64 + 1.0) * (4.0 * numbers as f64 + 2.0);
    match bytes <= MAX_BYTES as f64 {
        true => Ok(()),
        false => Err(RolloutError::Memory {
            what: "the rows of this batch",
            bytes,
            fix: "use fewer lanes or shorter trials",
        }),
    }
}

/// One row over all tiles.
struct WholeRow {
    lanes: usize,
    action_width: Option<usize>,
    observation: Vec<f32>,
    start: Vec<bool>,
    previous_discrete: Vec<u32>,
    previous_box: Vec<f32>,
    previous_reward: Vec<f32>,
    previous_outcome: Vec<Outcome>,
    discrete: Vec<u32>,
    boxed: Vec<f32>,
    log_prob: Vec<f32>,
    value: Vec<f32>,
}

impl WholeRow {
    fn new(spec: &EnvSpec, lanes: usize) -> Self {
        let action_width = (!spec.is_discrete()).then(|| spec.action.width());
        let discrete = if spec.is_discrete() { lanes } else { 0 };
        let boxed = lanes * action_width.unwrap_or(0);
        Self {
            lanes,
            action_width,
            observation: Vec::with_capacity(lanes * spec.observation.width()),
            start: Vec::with_capacity(lanes),
            previous_discrete: Vec::with_capacity(discrete),
            previous_box: Vec::with_capacity(boxed),
            previous_reward: Vec::with_capacity(lanes),
            previous_outcome: Vec::with_capacity(lanes),
            discrete: vec![0; discrete],
            boxed: vec![0.0; boxed],
            log_prob: vec![0.0; lanes],
            value: vec![0.0; lanes],
        }
    }

    fn gather(&mut self, tiles: &mut [Tile], t: usize) {
        self.observation.clear();
        self.start.clear();
        self.previous_discrete.clear();
        self.previous_box.clear();
        self.previous_reward.clear();
        self.previous_outcome.clear();
        for tile in tiles {
            let (row, _) = tile.trajectory_mut().acting(t);
            self.observation.extend_from_slice(row.observation);
            self.start.extend_from_slice(row.start);
            match row.previous_action {
                Actions::Discrete(row) => self.previous_discrete.extend_from_slice(row),
                Actions::Box { row, .. } => self.previous_box.extend_from_slice(row),
            }
            self.previous_reward.extend_from_slice(row.previous_reward);
            self.previous_outcome
                .extend_from_slice(row.previous_outcome);
        }
    }

    fn act(&mut self, policy: &mut dyn Policy, streams: &mut [Stream]) {
        let (previous_action, action) = match self.action_width {
            None => (
                Actions::Discrete(&self.previous_discrete),
                ActionsMut::Discrete(&mut self.discrete),
            ),
            Some(width) => (
                Actions::Box {
                    width,
                    row: &self.previous_box,
                },
                ActionsMut::Box {
                    width,
                    row: &mut self.boxed,
                },
            ),
        };
        let row = Row {
            lanes: self.lanes,
            observation: &self.observation,
            start: &self.start,
            previous_action,
            previous_reward: &self.previous_reward,
            previous_outcome: &self.previous_outcome,
        };
        let out = ActRow {
            action,
            log_prob: &mut self.log_prob,
            value: &mut self.value,
        };
        policy.act(&row, streams, out);
    }

    fn scatter(&self, tiles: &mut [Tile], t: usize) {
        let mut first = 0;
        for tile in tiles {
            let lanes = tile.trajectory().lanes();
            let own = first..first + lanes;
            let (_, out) = tile.trajectory_mut().acting(t);
            match out.action {
                ActionsMut::Discrete(row) => row.copy_from_slice(&self.discrete[own.clone()]),
                ActionsMut::Box { width, row } => {
                    row.copy_from_slice(&self.boxed[own.start * width..own.end * width]);
                }
            }
            out.log_prob.copy_from_slice(&self.log_prob[own.clone()]);
            out.value.copy_from_slice(&self.value[own]);
            first += lanes;
        }
    }
}
