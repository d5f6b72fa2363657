//! The states of a Bernoulli bandit's dynamic program, numbered densely.
//!
//! Before pull t a state is the multiset of the arms' counts. Arms are
//! exchangeable under the prior, so their order does not matter. States are
//! numbered shape by shape: a shape says how many arms were pulled how often.
//! Within a shape, each group of equally often pulled arms is a multiset of
//! success counts, which has a closed-form number ([`Ranks`]), and the groups'
//! numbers are the digits of a mixed-radix number.

/// Arms that were pulled equally often, at least once.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Group {
    /// Pulls of each arm.
    pub(crate) pulls: u32,
    /// How many arms.
    pub(crate) arms: u32,
}

/// All states with the same groups.
#[derive(Clone, Debug)]
pub(crate) struct Shape {
    /// By falling number of pulls.
    pub(crate) groups: Vec<Group>,
    /// What one step of a group's number adds to the state's. `[groups]`
    pub(crate) strides: Vec<usize>,
    /// The number of the shape's first state.
    pub(crate) offset: usize,
    /// How many states it has.
    pub(crate) states: usize,
}

/// All states before one pull.
#[derive(Clone, Debug)]
pub(crate) struct Layer {
    /// Sorted by groups.
    shapes: Vec<Shape>,
    states: usize,
}

impl Layer {
    /// The states of up to `arms` arms after `pulls` pulls.
    pub(crate) fn new(arms: usize, pulls: usize, ranks: &Ranks) -> Self {
        let mut all = Vec::new();
        let most = pulls as u32;
        partitions(most, most, arms as u32, &mut Vec::new(), &mut all);
        all.sort_unstable();
        let mut states = 0;
        let shapes = all
            .into_iter()
            .map(|groups| {
                let offset = states;
                let mut size = 1;
                let mut strides = vec![0; groups.len()];
                for (stride, group) in strides.iter_mut().zip(&groups).rev() {
                    *stride = size;
                    size *= ranks.multisets(*group);
                }
                states += size;
                Shape {
                    groups,
                    strides,
                    offset,
                    states: size,
                }
            })
            .collect();
        Self { shapes, states }
    }

    pub(crate) fn shapes(&self) -> &[Shape] {
        &self.shapes
    }

    pub(crate) fn states(&self) -> usize {
        self.states
    }

    /// The shape of these groups, which must have the layer's number of pulls.
    pub(crate) fn find(&self, groups: &[Group]) -> &Shape {
        let order = |shape: &Shape| shape.groups.as_slice().cmp(groups);
        let index = self.shapes.binary_search_by(order);
        &self.shapes[index.expect("a layer has every way to spread its pulls")]
    }

    /// The number of the state with these groups and success counts, which
    /// are sorted within each group.
    pub(crate) fn number(&self, groups: &[Group], counts: &[u32], ranks: &Ranks) -> usize {
        let shape = self.find(groups);
        let mut number = shape.offset;
        let mut rest = counts;
        for (group, stride) in groups.iter().zip(&shape.strides) {
            let (own, others) = rest.split_at(group.arms as usize);
            number += ranks.rank(own) * stride;
            rest = others;
        }
        number
    }
}

/// Writes every way to spread `pulls` over at most `arms` arms, none with more
/// than `most`, behind the groups given so far.
fn partitions(
    pulls: u32,
    most: u32,
    arms: u32,
    groups: &mut Vec<Group>,
    all: &mut Vec<Vec<Group>>,
) {
    if pulls == 0 {
        all.push(groups.clone());
        return;
    }
    for each in (1..=most.min(pulls)).rev() {
        if u64::from(each) * u64::from(arms) < u64::from(pulls) {
            break;
        }
        for count in 1..=arms.min(pulls / each) {
            groups.push(Group {
                pulls: each,
                arms: count,
            });
            partitions(pulls - count * each, each - 1, arms - count, groups, all);
            groups.pop();
        }
    }
}

/// Numbers multisets s₁ ≤ … ≤ s_g of success counts by Σ C(s_i + i − 1, i),
/// which is dense: the multisets of g numbers up to m are 0..C(m + g, g).
#[derive(Clone, Debug)]
pub(crate) struct Ranks {
    columns: usize,
    binomials: Vec<usize>, // [arms + 2][columns], C(column, row)
}

impl Ranks {
    /// For up to `arms` arms and `pulls` pulls.
    pub(crate) fn new(arms: usize, pulls: usize) -> Self {
        let (rows, columns) = (arms + 2, arms + pulls + 2);
        let mut binomials = vec![0_usize; rows * columns];
        binomials[..columns].fill(1);
        for row in 1..rows {
            for column in 1..columns {
                // Those too large for a number are never looked up.
                binomials[row * columns + column] = binomials[row * columns + column - 1]
                    .saturating_add(binomials[(row - 1) * columns + column - 1]);
            }
        }
        Self { columns, binomials }
    }

    /// What the element at an index, from 0, adds to its multiset's number.
    #[inline]
    fn term(&self, index: usize, element: u32) -> usize {
        self.binomials[(index + 1) * self.columns + element as usize + index]
    }

    /// How many multisets of success counts a group has.
    fn multisets(&self, group: Group) -> usize {
        self.binomials[group.arms as usize * self.columns + (group.pulls + group.arms) as usize]
    }

    /// The number of a sorted multiset.
    #[inline]
    pub(crate) fn rank(&self, sorted: &[u32]) -> usize {
        let terms = sorted.iter().enumerate();
        terms
            .map(|(index, &element)| self.term(index, element))
            .sum()
    }

    /// The number of what is left without the element at `index`.
    #[inline]
    pub(crate) fn rank_without(&self, sorted: &[u32], index: usize) -> usize {
        let (below, above) = (&sorted[..index], &sorted[index + 1..]);
        let shifted = above.iter().enumerate();
        let above: usize = shifted.map(|(i, &e)| self.term(index + i, e)).sum();
        self.rank(below) + above
    }

    /// The number of the multiset with one more element.
    #[inline]
    pub(crate) fn rank_with(&self, sorted: &[u32], element: u32) -> usize {
        let mut rank = 0;
        let mut shift = 0;
        for (index, &other) in sorted.iter().enumerate() {
            if shift == 0 && element < other {
                rank += self.term(index, element);
                shift = 1;
            }
            rank += self.term(index + shift, other);
        }
        if shift == 0 {
            rank += self.term(sorted.len(), element);
        }
        rank
    }
}

/// Makes the multiset of the next number, of elements up to `most`; after the
/// last one it starts over and says so.
pub(crate) fn advance(sorted: &mut [u32], most: u32) -> bool {
    for index in 0..sorted.len() {
        let limit = sorted.get(index + 1).copied().unwrap_or(most);
        if sorted[index] < limit {
            sorted[index] += 1;
            sorted[..index].fill(0);
            return true;
        }
    }
    sorted.fill(0);
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn multisets_are_numbered_in_the_order_in_which_they_advance() {
        let ranks = Ranks::new(4, 5);
        for arms in 1..=4 {
            for pulls in 0..=5 {
                let mut sorted = vec![0; arms];
                let mut number = 0;
                loop {
                    assert!(sorted.is_sorted());
                    assert_eq!(ranks.rank(&sorted), number);
                    number += 1;
                    if !advance(&mut sorted, pulls) {
                        break;
                    }
                }
                let arms = arms as u32;
                assert_eq!(number, ranks.multisets(Group { pulls, arms }));
            }
        }
    }

    #[test]
    fn an_element_less_and_an_element_more() {
        let ranks = Ranks::new(4, 5);
        let sorted = [1, 1, 4];
        assert_eq!(ranks.rank_without(&sorted, 0), ranks.rank(&[1, 4]));
        assert_eq!(ranks.rank_without(&sorted, 2), ranks.rank(&[1, 1]));
        assert_eq!(ranks.rank_with(&sorted, 0), ranks.rank(&[0, 1, 1, 4]));
        assert_eq!(ranks.rank_with(&sorted, 1), ranks.rank(&[1, 1, 1, 4]));
        assert_eq!(ranks.rank_with(&sorted, 3), ranks.rank(&[1, 1, 3, 4]));
        assert_eq!(ranks.rank_with(&sorted, 5), ranks.rank(&[1, 1, 4, 5]));
        assert_eq!(ranks.rank_with(&[], 5), ranks.rank(&[5]));
    }

    #[test]
    fn shapes_fill_their_layer() {
        // The partitions of 5 into at most 3 parts: 5, 41, 32, 311, 221.
        let ranks = Ranks::new(3, 5);
        let layer = Layer::new(3, 5, &ranks);
        assert_eq!(layer.shapes().len(), 5);
        let mut next = 0;
        for shape in layer.shapes() {
            assert_eq!(shape.offset, next);
            next += shape.states;
            let pulls: u32 = shape.groups.iter().map(|g| g.pulls * g.arms).sum();
            assert_eq!(pulls, 5);
            assert_eq!(layer.find(&shape.groups).offset, shape.offset);
        }
        assert_eq!(next, layer.states());
    }
}
