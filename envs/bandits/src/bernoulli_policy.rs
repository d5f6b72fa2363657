//! The Bayes-optimal policy of Bernoulli bandits with independent arms.

use crate::bernoulli_oracle::{Solved, solve, useful_arms};
use crate::bernoulli_size::{Size, Wanted};
use crate::bernoulli_states::{Group, Layer, Ranks};
use crate::bernoulli_steps::chance;
use rl_core::{ActRow, Actions, EnvSpec, Policy, PolicyFactory, Row, Stream, into_advantages};
use std::cmp::Reverse;
use std::sync::Arc;

/// Makes Bayes-optimal policies for one environment.
pub(crate) struct BayesOptimal {
    spec: EnvSpec,
    arms: usize,
    table: Arc<Table>,
}

/// The best arm of every state.
struct Table {
    ranks: Ranks,
    /// Empty where there is nothing to choose: with one arm or one pull.
    layers: Vec<Solved>, // [pulls]
    /// Of the states of each layer; empty if there are too many to keep.
    values: Vec<Vec<f64>>, // [pulls][states]
}

impl BayesOptimal {
    /// Solves the bandits that `spec` describes.
    ///
    /// # Errors
    /// Why they cannot be solved, as a clause.
    pub(crate) fn new(arms: usize, pulls: usize, spec: EnvSpec) -> Result<Self, String> {
        let useful = useful_arms(arms, pulls);
        let mut table = Table {
            ranks: Ranks::new(0, 0),
            layers: Vec::new(),
            values: Vec::new(),
        };
        if useful > 1 {
            let size = Size::of(useful, pulls);
            size.affordable(Wanted::Policy)?;
            let kept = size.affordable(Wanted::Advantages).is_ok();
            solve(useful, pulls, |solved, values| {
                table.layers.push(solved);
                table.values.extend(kept.then(|| values.to_vec()));
            });
            table.layers.reverse();
            table.values.reverse();
            table.ranks = Ranks::new(useful, pulls);
        }
        Ok(Self {
            spec,
            arms,
            table: Arc::new(table),
        })
    }
}

impl PolicyFactory for BayesOptimal {
    fn name(&self) -> String {
        "bayes-optimal".into()
    }

    fn make(&self, spec: &EnvSpec, lanes: usize) -> Result<Box<dyn Policy>, String> {
        self.spec.check_solved(spec)?;
        let most = self.table.layers.len();
        Ok(Box::new(Lookup {
            table: Arc::clone(&self.table),
            arms: self.arms,
            pulls: vec![0; lanes * self.arms],
            successes: vec![0; lanes * self.arms],
            place: Place {
                tried: Vec::with_capacity(most),
                groups: Vec::with_capacity(most),
                counts: Vec::with_capacity(most),
            },
        }))
    }
}

/// Counts each lane's pulls and successes and looks up what is best.
struct Lookup {
    table: Arc<Table>,
    arms: usize,
    pulls: Vec<u32>,     // [lanes][arms]
    successes: Vec<u32>, // [lanes][arms]
    place: Place,
}

/// A state, and room to find its number.
struct Place {
    /// The arms that were pulled, by falling pulls, rising successes and rising index.
    tried: Vec<(Reverse<u32>, u32, usize)>,
    groups: Vec<Group>, // of `tried`
    counts: Vec<u32>,   // successes of `tried`
}

impl Place {
    /// Puts down the counts of all arms, and one more pull of one of them, with so many
    /// more successes.
    fn set(&mut self, (pulls, successes): (&[u32], &[u32]), more: Option<(usize, u32)>) {
        let all = pulls.iter().zip(successes).enumerate();
        let counts = all.map(|(arm, (&pulls, &successes))| match more {
            Some((pulled, paid)) if pulled == arm => (Reverse(pulls + 1), successes + paid, arm),
            _ => (Reverse(pulls), successes, arm),
        });
        self.tried.clear();
        self.tried.extend(counts.filter(|(pulls, ..)| pulls.0 > 0));
        self.tried.sort_unstable();
    }

    /// The number of the state that was put down.
    fn number(&mut self, layer: &Layer, ranks: &Ranks) -> usize {
        self.counts.clear();
        self.counts
            .extend(self.tried.iter().map(|(_, successes, _)| successes));
        self.groups.clear();
        for &(Reverse(pulls), ..) in &self.tried {
            match self.groups.last_mut() {
                Some(group) if group.pulls == pulls => group.arms += 1,
                _ => self.groups.push(Group { pulls, arms: 1 }),
            }
        }
        layer.number(&self.groups, &self.counts, ranks)
    }
}

impl Lookup {
    /// Takes in what the lane's last pull gave.
    fn update(&mut self, lane: usize, row: &Row<'_>) {
        let own = lane * self.arms..(lane + 1) * self.arms;
        if row.start[lane] {
            self.pulls[own.clone()].fill(0);
            self.successes[own].fill(0);
        } else if let Actions::Discrete(actions) = row.previous_action {
            let arm = own.start + actions[lane] as usize;
            self.pulls[arm] += 1;
            self.successes[arm] += u32::from(row.previous_reward[lane] > 0.5);
        }
    }

    fn choose(&mut self, lane: usize) -> usize {
        let own = lane * self.arms..(lane + 1) * self.arms;
        let (pulls, successes) = (&self.pulls[own.clone()], &self.successes[own]);
        let done: u32 = pulls.iter().sum();
        let Some(solved) = self.table.layers.get(done as usize) else {
            return 0;
        };
        self.place.set((pulls, successes), None);
        let number = self.place.number(&solved.layer, &self.table.ranks);
        let best = usize::from(solved.best[number]);
        match self.place.tried.get(best) {
            Some(&(_, _, arm)) => arm,
            None => pulls.iter().position(|&pulls| pulls == 0).unwrap_or(0),
        }
    }

    /// What each arm is worth to a lane.
    fn evaluate(&mut self, lane: usize, values: &mut [f64]) {
        let own = lane * self.arms..(lane + 1) * self.arms;
        let (pulls, successes) = (&self.pulls[own.clone()], &self.successes[own]);
        let done: u32 = pulls.iter().sum();
        let Table {
            ranks,
            layers,
            values: kept,
        } = self.table.as_ref();
        let later = layers
            .get(done as usize + 1)
            .zip(kept.get(done as usize + 1));
        for arm in 0..self.arms {
            let counts = (pulls[arm], successes[arm]);
            let alike = |other: &usize| (pulls[*other], successes[*other]) == counts;
            if let Some(other) = (0..arm).find(alike) {
                values[arm] = values[other];
                continue;
            }
            let mut after = |paid: u32| match later {
                // Nothing is gained after the last pull.
                None => 0.0,
                Some((solved, kept)) => {
                    self.place.set((pulls, successes), Some((arm, paid)));
                    kept[self.place.number(&solved.layer, ranks)]
                }
            };
            let chance = chance(successes[arm], pulls[arm]);
            values[arm] = chance * (1.0 + after(1)) + (1.0 - chance) * after(0);
        }
    }
}

impl Policy for Lookup {
    fn act(&mut self, row: &Row<'_>, _streams: &mut [Stream], out: ActRow<'_>) {
        let Some(actions) = out.action.discrete() else {
            return; // `make` has refused continuous actions.
        };
        for (lane, action) in actions.iter_mut().enumerate() {
            self.update(lane, row);
            *action = self.choose(lane) as u32;
        }
    }

    fn advantages(&mut self, advantages: &mut [f64]) -> bool {
        if self.table.layers.is_empty() {
            advantages.fill(0.0);
            return true;
        }
        if self.table.values.is_empty() {
            return false;
        }
        for (lane, values) in advantages.chunks_exact_mut(self.arms).enumerate() {
            self.evaluate(lane, values);
            into_advantages(values);
        }
        true
    }
}
