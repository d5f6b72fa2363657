//! Collecting in lockstep: while one half of the lanes steps on the workers, the
//! policy acts on the other.

use crate::caught::caught;
use crate::error::RolloutError;
use crate::pool::Pool;
use crate::tile::{Tile, make};
use rl_core::{ActRow, Actions, ActionsMut, EnvSpec, Outcome, Policy, PolicyFactory, Row, Stream};

/// What a rollout is made by.
pub(crate) struct Run<'a> {
    pub(crate) pool: &'a Pool,
    /// The policy's name.
    pub(crate) name: String,
}

/// A policy that acts on all lanes of some tiles at once.
pub(crate) struct Half {
    policy: Box<dyn Policy>,
    rows: WholeRow,
    /// How many tiles.
    count: usize,
    streams: Vec<Stream>,
}

/// All tiles, in two halves where there is more than one.
pub(crate) struct Halves {
    first: Half,
    second: Option<Half>,
}

impl Halves {
    /// Policies for the tiles.
    ///
    /// # Errors
    /// If the policy cannot act in this environment.
    pub(crate) fn new(
        spec: &EnvSpec,
        tiles: &[Tile],
        policies: &dyn PolicyFactory,
    ) -> Result<Self, RolloutError> {
        let half = |tiles: &[Tile]| -> Result<Half, RolloutError> {
            let lanes = tiles.iter().map(|tile| tile.trajectory().lanes()).sum();
            Ok(Half {
                policy: make(policies, spec, lanes)?,
                rows: WholeRow::new(spec, lanes),
                count: tiles.len(),
                streams: Vec::with_capacity(lanes),
            })
        };
        let (tiles, others) = tiles.split_at(tiles.len().div_ceil(2));
        let first = half(tiles)?;
        let second = (!others.is_empty()).then(|| half(others)).transpose()?;
        Ok(Self { first, second })
    }
}

impl Run<'_> {
    /// Takes the tiles, whose trials have begun, through all steps.
    pub(crate) fn collect(
        &self,
        Halves { first, second }: &mut Halves,
        tiles: &mut [Tile],
    ) -> Result<(), RolloutError> {
        let steps = tiles.first().map_or(0, |t| t.trajectory().room());
        let (tiles, others) = tiles.split_at_mut(first.count);
        first.begin(tiles);
        if let Some(second) = second {
            second.begin(others);
            return self.in_turn((first, tiles), (second, others), steps);
        }
        for _ in 0..steps {
            if are_over(tiles) {
                break;
            }
            self.pool.go_on()?;
            first.act(self, tiles)?;
            self.step(tiles, || Ok(()))?;
        }
        Ok(())
    }

    /// One half steps while the other is acted on.
    fn in_turn(
        &self,
        (first, tiles): (&mut Half, &mut [Tile]),
        (second, others): (&mut Half, &mut [Tile]),
        steps: usize,
    ) -> Result<(), RolloutError> {
        for t in 0..steps {
            if are_over(tiles) && are_over(others) {
                return Ok(());
            }
            self.pool.go_on()?;
            match t {
                0 => first.act(self, tiles)?,
                _ => self.step(others, || first.act(self, tiles))?,
            }
            self.step(tiles, || second.act(self, others))?;
        }
        self.step(others, || Ok(()))
    }

    /// Steps tiles on the workers, and does something else meanwhile, whose failure
    /// goes before theirs.
    fn step(
        &self,
        tiles: &mut [Tile],
        meanwhile: impl FnOnce() -> Result<(), RolloutError>,
    ) -> Result<(), RolloutError> {
        let work = |_, tile: &mut Tile| match tile.is_over() {
            true => Ok(()),
            false => tile.step(&self.name),
        };
        let (stepped, done) = self.pool.map_beside(tiles, work, meanwhile);
        done?;
        stepped
            .map_err(RolloutError::Internal)?
            .into_iter()
            .collect()
    }
}

/// Whether nothing is left to live in some tiles. One that is over waits, acted on and
/// not stepped, for the others.
fn are_over(tiles: &[Tile]) -> bool {
    tiles.iter().all(Tile::is_over)
}

impl Half {
    /// Takes over the streams of the tiles, whose trials have begun.
    fn begin(&mut self, tiles: &[Tile]) {
        let streams = tiles.iter().flat_map(|tile| tile.rollout().streams());
        self.streams.extend(streams.cloned());
    }

    /// Lets the policy act on the present row.
    fn act(&mut self, run: &Run<'_>, tiles: &mut [Tile]) -> Result<(), RolloutError> {
        self.rows.gather(tiles);
        let (rows, policy, streams) = (&mut self.rows, &mut self.policy, &mut self.streams);
        if let Err(message) = caught(|| rows.act(policy.as_mut(), streams)) {
            tiles.iter().try_for_each(|tile| tile.check(&run.name))?;
            let last = tiles[0].first_lane() + self.rows.lanes as u64 - 1;
            return Err(tiles[0].policy_panicked(&run.name, last, message));
        }
        self.rows.scatter(tiles);
        Ok(())
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
    told: Vec<f32>,
    final_observation: Vec<f32>,
    discrete: Vec<u32>,
    boxed: Vec<f32>,
    log_prob: Vec<f32>,
    value: Vec<f32>,
    label: Vec<f32>,
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
            told: Vec::new(),
            final_observation: Vec::with_capacity(lanes * spec.observation.width()),
            discrete: vec![0; discrete],
            boxed: vec![0.0; boxed],
            log_prob: vec![0.0; lanes],
            value: vec![0.0; lanes],
            label: Vec::new(),
        }
    }

    fn gather(&mut self, tiles: &mut [Tile]) {
        self.observation.clear();
        self.start.clear();
        self.previous_discrete.clear();
        self.previous_box.clear();
        self.previous_reward.clear();
        self.previous_outcome.clear();
        self.told.clear();
        self.final_observation.clear();
        let mut labels = 0;
        for tile in tiles {
            let (row, _, out) = tile.acting();
            labels += out.label.len();
            self.observation.extend_from_slice(row.observation);
            self.start.extend_from_slice(row.start);
            match row.previous_action {
                Actions::Discrete(row) => self.previous_discrete.extend_from_slice(row),
                Actions::Box { row, .. } => self.previous_box.extend_from_slice(row),
            }
            self.previous_reward.extend_from_slice(row.previous_reward);
            self.previous_outcome
                .extend_from_slice(row.previous_outcome);
            self.told.extend_from_slice(row.told);
            self.final_observation
                .extend_from_slice(row.final_observation.unwrap_or_default());
        }
        self.label.resize(labels, 0.0);
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
            told: &self.told,
            final_observation: Some(&self.final_observation),
        };
        let out = ActRow {
            action,
            log_prob: &mut self.log_prob,
            value: &mut self.value,
            label: &mut self.label,
        };
        policy.act(&row, streams, out);
    }

    fn scatter(&self, tiles: &mut [Tile]) {
        let mut first = 0;
        for tile in tiles {
            let lanes = tile.trajectory().lanes();
            let own = first..first + lanes;
            let (.., out) = tile.acting();
            match out.action {
                ActionsMut::Discrete(row) => row.copy_from_slice(&self.discrete[own.clone()]),
                ActionsMut::Box { width, row } => {
                    row.copy_from_slice(&self.boxed[own.start * width..own.end * width]);
                }
            }
            out.log_prob.copy_from_slice(&self.log_prob[own.clone()]);
            out.value.copy_from_slice(&self.value[own.clone()]);
            let size = out.label.len() / lanes;
            let labels = &self.label[own.start * size..own.end * size];
            out.label.copy_from_slice(labels);
            first += lanes;
        }
    }
}
