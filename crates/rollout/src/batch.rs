//! A batch of tiles, and the two ways of filling it.

use crate::error::RolloutError;
use crate::lockstep::{Halves, Run};
use crate::pool::Pool;
use crate::share::garbled;
use crate::tile::Tile;
use rl_core::{
    Bounds, EnvFactory, EnvSpec, Footprint, PolicyFactory, Stream, StreamKey, Trajectory,
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
        for (key, size) in sizes {
            Bounds::at_least(1).check(key, size)?;
        }
        let tile = |first: usize| {
            let lanes = size.tile.min(size.lanes - first);
            Tile::new(env, lanes, first as u64, size.steps)
        };
        Ok(Self {
            spec: env.spec().clone(),
            tiles: (0..size.lanes).step_by(size.tile).map(tile).collect(),
        })
    }

    /// The same, with room for a teacher's labels. Actions must be discrete.
    #[must_use]
    pub fn with_labels(mut self) -> Self {
        let tiles = self.tiles.into_iter().map(Tile::with_labels);
        self.tiles = tiles.collect();
        self
    }

    /// The same, where labels are what an agent does that knows the task.
    #[must_use]
    pub fn with_known_task_labels(mut self) -> Self {
        let tiles = self.tiles.into_iter().map(Tile::with_known_task_labels);
        self.tiles = tiles.collect();
        self
    }

    /// The same, whose tiles describe their tasks ([`Tile::descriptions`]).
    #[must_use]
    pub fn with_descriptions(mut self) -> Self {
        let tiles = self.tiles.into_iter().map(Tile::with_descriptions);
        self.tiles = tiles.collect();
        self
    }

    /// What [`Self::new`] takes of memory, once its tasks are drawn.
    pub fn footprint(env: &dyn EnvFactory, lanes: usize, steps: usize) -> Footprint {
        let rows = Self::rows(env, lanes, steps);
        // Each lane has a stream to act by, and what is known of its task.
        let lane = env.lane_bytes() + (size_of::<Stream>() + size_of::<Option<f64>>()) as f64;
        Footprint::new()
            .with(
                format!("trajectories of {lanes} lanes"),
                rows,
                "lanes, the environment's steps per trial and its observations",
            )
            .with(
                format!("tasks and states of {lanes} lanes"),
                lanes as f64 * lane,
                "lanes and the environment's size",
            )
    }

    /// The same with what [`Self::collect_shared`] takes while so many ranks exchange
    /// trajectories: those of all ranks as messages, and once more as they are taken
    /// apart, with this rank's own before.
    pub fn shared_footprint(
        env: &dyn EnvFactory,
        (lanes, steps): (usize, usize),
        ranks: usize,
    ) -> Footprint {
        let all = Self::footprint(env, lanes, steps);
        if ranks == 1 {
            return all;
        }
        let rows = Self::rows(env, lanes, steps);
        all.with(
            format!("messages of {ranks} ranks with trajectories of {lanes} lanes"),
            (2.0 + 2.0 / ranks as f64) * rows,
            "lanes, the environment's steps per trial and its observations",
        )
    }

    /// Bytes of the rows of so many lanes, and so of what one rank tells the others of
    /// them, nearly.
    pub fn rows(env: &dyn EnvFactory, lanes: usize, steps: usize) -> f64 {
        let told = 4.0 * (lanes * (steps + 1)) as f64 * env.told() as f64;
        told + Trajectory::bytes(env.spec(), lanes, steps)
    }

    /// The tiles, in the order of their lanes.
    pub fn tiles(&self) -> &[Tile] {
        &self.tiles
    }

    /// Lives one trial in each lane, each tile by a policy of its own on whichever
    /// worker is free: the way of a CPU, where a tile's data stay in cache. It is all
    /// this rank's own, as whatever the others do not do at the same time.
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
        self.on_tiles(pool, |tile| tile.collect(policy.as_ref(), &key))
    }

    /// As [`Self::collect`], where all ranks call this: they share the tiles, and what
    /// happened in them.
    ///
    /// # Errors
    /// As [`Self::collect`], and if another rank is gone.
    pub fn collect_shared(
        &mut self,
        pool: &Pool,
        policy: &Arc<dyn PolicyFactory>,
        key: StreamKey,
    ) -> Result<(), RolloutError> {
        if pool.ranks().size() == 1 {
            return self.collect(pool, policy, key);
        }
        let packed: Vec<Vec<u8>> = pool.share(&mut self.tiles, |_, tile: &mut Tile| {
            tile.collect(policy.as_ref(), &key)?;
            Ok::<_, RolloutError>(tile.pack())
        })?;
        let count = self.tiles.len();
        let own = pool.own(count);
        for (index, (tile, packed)) in self.tiles.iter_mut().zip(&packed).enumerate() {
            if !own.contains(&index) {
                let taken = tile.unpack(packed);
                taken.ok_or_else(|| garbled(pool.owner(index, count)))?;
            }
        }
        Ok(())
    }

    /// Lives one trial in each lane by policies that act on many lanes at once, while
    /// the workers step the environments: the way of an accelerator. The lanes
    /// go in two halves, so that one half is acted on while the other steps.
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
        let mut halves = Halves::new(&self.spec, &self.tiles, policy.as_ref())?;
        self.on_tiles(pool, |tile| tile.begin(&key))?;
        let name = policy.name();
        let run = Run { pool, name };
        run.collect(&mut halves, &mut self.tiles)?;
        self.tiles
            .iter_mut()
            .try_for_each(|tile| tile.finish(&run.name))
    }

    /// Looks once more at all that was lived, as was done while it was: for whoever
    /// measures what that takes.
    ///
    /// # Errors
    /// If anything in it is not allowed, as where it was changed since.
    pub fn check_again(&mut self, pool: &Pool, policy: &str) -> Result<(), RolloutError> {
        self.on_tiles(pool, |tile| tile.check_again(policy))
    }

    fn on_tiles(
        &mut self,
        pool: &Pool,
        work: impl Fn(&mut Tile) -> Result<(), RolloutError> + Sync,
    ) -> Result<(), RolloutError> {
        let done = pool.map_all(&mut self.tiles, |_, tile| work(tile));
        done.map_err(RolloutError::Internal)?.into_iter().collect()
    }
}
