//! Steps of a Bernoulli bandit's dynamic program, from states to later ones.

use crate::bernoulli_states::{Group, Layer, Ranks, Shape, advance};
use std::cmp::Reverse;
use std::ops::Range;

/// The probability that an arm pays next.
#[inline]
pub(crate) fn chance(successes: u32, pulls: u32) -> f64 {
    f64::from(successes + 1) / f64::from(pulls + 2)
}

/// A state of a shape.
pub(crate) struct State<'a> {
    groups: &'a [Group],
    /// Of all tried arms, sorted within each group.
    pub(crate) successes: Vec<u32>,
    ranks: Vec<usize>, // [groups]
    /// The first arm after each group. `[groups]`
    ends: Vec<usize>,
}

impl<'a> State<'a> {
    /// The first state of the shape with these groups.
    pub(crate) fn first(groups: &'a [Group]) -> Self {
        let mut tried = 0;
        let ends = groups.iter().map(|group| {
            tried += group.arms as usize;
            tried
        });
        let ends = ends.collect();
        Self {
            groups,
            successes: vec![0; tried],
            ranks: vec![0; groups.len()],
            ends,
        }
    }

    /// The arms of a group.
    #[inline]
    pub(crate) fn span(&self, group: usize) -> Range<usize> {
        let start = if group == 0 { 0 } else { self.ends[group - 1] };
        start..self.ends[group]
    }

    /// The group of a tried arm, `None` for an untried one.
    pub(crate) fn group_of(&self, arm: usize) -> Option<usize> {
        self.ends.iter().position(|end| arm < *end)
    }

    /// Makes this the state of the next number.
    #[inline]
    pub(crate) fn advance(&mut self) {
        for index in (0..self.groups.len()).rev() {
            let span = self.span(index);
            if advance(&mut self.successes[span], self.groups[index].pulls) {
                self.ranks[index] += 1;
                break;
            }
            self.ranks[index] = 0;
        }
    }
}

/// Where the states of one shape lead if an arm of one group is pulled.
pub(crate) struct Pull {
    /// The group, `None` for an untried arm.
    pub(crate) from: Option<usize>,
    /// The group that the arm joins, if there is one already.
    joins: Option<usize>,
    /// Number of the later shape's first state.
    offset: usize,
    /// What the groups' numbers count for there: 0 for a group that is gone.
    pub(crate) strides: Vec<usize>,
    /// What the number of the group that the arm joins counts for there.
    joined_stride: usize,
}

impl Pull {
    pub(crate) fn all(shape: &Shape, arms: usize, later: &Layer) -> Vec<Self> {
        let tried: u32 = shape.groups.iter().map(|group| group.arms).sum();
        let untried = ((tried as usize) < arms).then_some(None);
        let groups = (0..shape.groups.len()).map(Some);
        let pulls = groups.chain(untried);
        pulls.map(|from| Self::of(shape, from, later)).collect()
    }

    fn of(shape: &Shape, from: Option<usize>, later: &Layer) -> Self {
        let pulled = from.map_or(0, |index| shape.groups[index].pulls) + 1;
        let joins = shape.groups.iter().position(|group| group.pulls == pulled);
        let mut groups = shape.groups.clone();
        if let Some(index) = from {
            groups[index].arms -= 1;
        }
        match joins {
            Some(index) => groups[index].arms += 1,
            None => groups.push(Group {
                pulls: pulled,
                arms: 1,
            }),
        }
        groups.retain(|group| group.arms > 0);
        groups.sort_unstable_by_key(|group| Reverse(group.pulls));
        let target = later.find(&groups);
        let stride = |pulls| {
            let index = target.groups.iter().position(|group| group.pulls == pulls);
            index.map_or(0, |index| target.strides[index])
        };
        Self {
            from,
            joins,
            offset: target.offset,
            strides: shape
                .groups
                .iter()
                .map(|group| stride(group.pulls))
                .collect(),
            joined_stride: stride(pulled),
        }
    }

    /// The part of the later state's number that comes from the groups that
    /// the pull does not touch.
    #[inline]
    pub(crate) fn others(&self, state: &State<'_>) -> usize {
        let mut base = self.offset;
        for (index, (rank, stride)) in state.ranks.iter().zip(&self.strides).enumerate() {
            if Some(index) != self.from && Some(index) != self.joins {
                base += rank * stride;
            }
        }
        base
    }

    /// The success counts of the group that the arm joins.
    #[inline]
    pub(crate) fn joined<'a>(&self, state: &'a State<'_>) -> &'a [u32] {
        let joins = self.joins;
        joins.map_or(&[][..], |index| &state.successes[state.span(index)])
    }

    /// The later state's number, given the part of all groups but the joined
    /// one, that group as it was, and what the arm brings to it.
    #[inline]
    pub(crate) fn target(&self, base: usize, joined: &[u32], success: u32, ranks: &Ranks) -> usize {
        base + ranks.rank_with(joined, success) * self.joined_stride
    }
}
