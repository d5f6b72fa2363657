//! Collecting in lockstep: while one half of the lanes steps on the workers, the
//! policy acts on the other.

use crate::caught::caught;
use crate::error::RolloutError;
use crate::pool::{Pending, Pool};
use crate::tile::{Tile, make};
use rl_core::{
    ActRow, Actions, ActionsMut, EnvSpec, Outcome, Policy, PolicyFactory, Row, Stream, StreamKey,
};
use std::sync::Arc;

/// What a rollout is made by.
pub(crate) struct Run<'a> {
    pub(crate) pool: &'a Pool,
    /// The policy's name.
    pub(crate) name: Arc<str>,
    pub(crate) key: StreamKey,
}

/// Some tiles, and a policy that acts on all their lanes at once.
pub(crate) struct Half {
    policy: Box<dyn Policy>,
    rows: WholeRow,
    count: usize,
    tiles: Vec<Tile>,
    streams: Vec<Stream>,
    /// Tiles that the workers have.
    away: Option<Pending<(Tile, Result<(), RolloutError>)>>,
}

/// Policies for the tiles, in two halves where there is more than one tile.
///
/// # Errors
/// If the policy cannot act in this environment.
pub(crate) fn halves(
    spec: &EnvSpec,
    tiles: &[Tile],
    policies: &dyn PolicyFactory,
) -> Result<Vec<Half>, RolloutError> {
    let half = |tiles: &[Tile]| {
        let lanes = tiles.iter().map(|tile| tile.trajectory().lanes()).sum();
        Ok(Half {
            policy: make(policies, spec, lanes)?,
            rows: WholeRow::new(spec, lanes),
            count: tiles.len(),
            tiles: Vec::with_capacity(tiles.len()),
            streams: Vec::with_capacity(lanes),
            away: None,
        })
    };
    let longer = tiles.len().div_ceil(2).max(1);
    tiles.chunks(longer).map(half).collect()
}

impl Run<'_> {
    /// Takes the tiles, whose trials have begun, through all steps. Gives them
    /// back whatever happens, and the first failure.
    pub(crate) fn collect(
        &self,
        halves: &mut [Half],
        tiles: Vec<Tile>,
        steps: usize,
    ) -> (Vec<Tile>, Result<(), RolloutError>) {
        let mut tiles = tiles.into_iter();
        for half in halves.iter_mut() {
            half.tiles.extend(tiles.by_ref().take(half.count));
            let streams = half.tiles.iter().flat_map(|tile| tile.streams());
            half.streams.extend(streams.cloned());
        }
        let result = self.steps(halves, steps);
        let mut tiles = Vec::new();
        for half in halves {
            // After a failure this one's is a later one.
            drop(half.wait());
            tiles.append(&mut half.tiles);
        }
        (tiles, result)
    }

    fn steps(&self, halves: &mut [Half], steps: usize) -> Result<(), RolloutError> {
        for t in 0..steps {
            self.pool.go_on()?;
            for half in halves.iter_mut() {
                half.wait()?;
                half.act(self, t)?;
                half.send(self, t);
            }
        }
        halves.iter_mut().try_for_each(Half::wait)
    }
}

impl Half {
    /// Waits until the tiles are back; the first failure among them.
    fn wait(&mut self) -> Result<(), RolloutError> {
        let Some(away) = self.away.take() else {
            return Ok(());
        };
        let mut first = Ok(());
        for (tile, result) in away.wait().map_err(RolloutError::Internal)? {
            self.tiles.push(tile);
            first = first.and(result);
        }
        first
    }

    /// Lets the policy act on row `t`.
    fn act(&mut self, run: &Run<'_>, t: usize) -> Result<(), RolloutError> {
        self.rows.gather(&mut self.tiles, t);
        let (rows, policy, streams) = (&mut self.rows, &mut self.policy, &mut self.streams);
        if let Err(message) = caught(|| rows.act(policy.as_mut(), streams)) {
            for tile in &self.tiles {
                tile.check_before(&run.name, t, &run.key)?;
            }
            let first_lane = self.tiles.first().map_or(0, Tile::first_lane);
            return Err(RolloutError::Policy {
                policy: run.name.to_string(),
                first_lane,
                last_lane: first_lane + self.rows.lanes as u64 - 1,
                step: t,
                key: Box::new(run.key),
                message,
            });
        }
        self.rows.scatter(&mut self.tiles, t);
        Ok(())
    }

    /// Sends the tiles to the workers, to step on the actions of row `t`.
    fn send(&mut self, run: &Run<'_>, t: usize) {
        let tiles = std::mem::take(&mut self.tiles);
        let (name, key) = (Arc::clone(&run.name), run.key);
        self.away = Some(run.pool.submit(tiles, move |_, mut tile: Tile| {
            let result = tile.step(&name, t, &key);
            (tile, result)
        }));
    }
}

/// One row over all tiles of a half.
struct WholeRow {
    lanes: usize,
    action_width: Option<usize>,
    observation: Vec<f32>,
    start: Vec<bool>,
    previous_discrete: Vec<u32>,
    previous_box: Vec<f32>,
    previous_reward: Vec<f32>,
    previous_outcome: Vec<Outcome>,
    final_observation: Vec<f32>,
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
            final_observation: Vec::with_capacity(lanes * spec.observation.width()),
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
        self.final_observation.clear();
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
            self.final_observation
                .extend_from_slice(row.final_observation.unwrap_or_default());
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
            final_observation: Some(&self.final_observation),
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
