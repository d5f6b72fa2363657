//! The Bayes-optimal policy of Bernoulli bandits with independent arms.

use crate::bernoulli_oracle::{Solved, solve, useful_arms};
use crate::bernoulli_size::{Size, Wanted};
use crate::bernoulli_states::{Group, Ranks};
use rl_core::{ActRow, Actions, EnvSpec, Policy, PolicyFactory, Row, Stream};
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
        };
        if useful > 1 {
            Size::of(useful, pulls).affordable(Wanted::Policy)?;
            solve(useful, pulls, |solved| table.layers.push(solved));
            table.layers.reverse();
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
            tried: Vec::with_capacity(most),
            groups: Vec::with_capacity(most),
            counts: Vec::with_capacity(most),
        }))
    }
}

/// Counts each lane's pulls and successes and looks up what is best.
struct Lookup {
    table: Arc<Table>,
    arms: usize,
    pulls: Vec<u32>,     // [lanes][arms]
    successes: Vec<u32>, // [lanes][arms]
    /// Of one lane, by falling pulls, rising successes and rising index.
    tried: Vec<(Reverse<u32>, u32, usize)>,
    groups: Vec<Group>, // of `tried`
    counts: Vec<u32>,   // successes of `tried`
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
        let arms = pulls.iter().zip(successes).enumerate();
        let tried = arms.filter(|(_, (pulls, _))| **pulls > 0);
        self.tried.clear();
        self.tried
            .extend(tried.map(|(arm, (&pulls, &successes))| (Reverse(pulls), successes, arm)));
        self.tried.sort_unstable();
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
        let number = solved
            .layer
            .number(&self.groups, &self.counts, &self.table.ranks);
        let best = usize::from(solved.best[number]);
        match self.tried.get(best) {
            Some(&(_, _, arm)) => arm,
            None => pulls.iter().position(|&pulls| pulls == 0).unwrap_or(0),
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
}
