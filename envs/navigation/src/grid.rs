//! Cells of a square grid, and the five moves on it.

/// Moves: stay, up, right, down, left.
pub(crate) const MOVES: usize = 5;

/// A cell of a square grid, at first the lower left corner; `x` grows to the
/// right and `y` upwards.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Cell {
    pub(crate) x: u32,
    pub(crate) y: u32,
}

impl Cell {
    /// The cell of an index in a grid of `size` by `size`.
    #[inline]
    pub(crate) fn of(index: u32, size: u32) -> Self {
        Self {
            x: index % size,
            y: index / size,
        }
    }

    /// Index of the cell, row by row from the bottom.
    #[inline]
    pub(crate) fn index(self, size: u32) -> u32 {
        self.y * size + self.x
    }

    /// The cell as two numbers from 0 to 1, from which [`Self::of_shares`] gets
    /// it back exactly.
    pub(crate) fn shares(self, size: u32) -> [f32; 2] {
        let last = (size - 1) as f32;
        [self.x as f32 / last, self.y as f32 / last]
    }

    /// The counterpart of [`Self::shares`].
    pub(crate) fn of_shares(shares: &[f32], size: u32) -> Self {
        let last = (size - 1) as f32;
        Self {
            x: (shares[0] * last).round() as u32,
            y: (shares[1] * last).round() as u32,
        }
    }

    /// The first move of a shortest path to another cell, across before along;
    /// staying where there is none.
    pub(crate) fn move_to(self, other: Self) -> u32 {
        let [across, along] = self.moves_to(other);
        across.or(along).unwrap_or(0)
    }

    /// How probable each move is on a shortest way to another cell, those that begin one
    /// alike; at the end staying. `[MOVES]`
    pub(crate) fn shortest_ways<P: Copy + From<f32>>(self, other: Self, probabilities: &mut [P]) {
        probabilities.fill(0.0.into());
        match self.moves_to(other) {
            [Some(across), Some(along)] => {
                probabilities[across as usize] = 0.5.into();
                probabilities[along as usize] = 0.5.into();
            }
            [across, along] => {
                probabilities[across.or(along).unwrap_or(0) as usize] = 1.0.into();
            }
        }
    }

    /// Moves on the way to another cell.
    #[inline]
    pub(crate) fn distance(self, other: Self) -> u32 {
        self.x.abs_diff(other.x) + self.y.abs_diff(other.y)
    }

    /// Where a move leads; against the border of the grid, nowhere.
    #[inline]
    pub(crate) fn moved(self, action: u32, size: u32) -> Self {
        let Self { x, y } = self;
        match action {
            1 => Self {
                x,
                y: (y + 1).min(size - 1),
            },
            2 => Self {
                x: (x + 1).min(size - 1),
                y,
            },
            3 => Self {
                x,
                y: y.saturating_sub(1),
            },
            4 => Self {
                x: x.saturating_sub(1),
                y,
            },
            _ => self,
        }
    }

    /// The horizontal and the vertical move towards another cell, where there
    /// is one.
    pub(crate) fn moves_to(self, other: Self) -> [Option<u32>; 2] {
        let toward = |from: u32, to: u32, more, less| match from.cmp(&to) {
            std::cmp::Ordering::Less => Some(more),
            std::cmp::Ordering::Greater => Some(less),
            std::cmp::Ordering::Equal => None,
        };
        [toward(self.x, other.x, 2, 4), toward(self.y, other.y, 1, 3)]
    }
}

/// For each cell the mean of `values` over where the five moves lead. As many
/// moves lead from one cell to another as back, so that the same mean takes
/// the chances of being in each cell before a uniformly random move to those
/// after it. Both `[size * size]`.
pub(crate) fn average_over_moves(values: &[f64], means: &mut [f64], size: u32) {
    for (index, mean) in means.iter_mut().enumerate() {
        let cell = Cell::of(index as u32, size);
        let moved = (0..MOVES as u32).map(|action| cell.moved(action, size).index(size));
        let sum: f64 = moved.map(|to| values[to as usize]).sum();
        *mean = sum / MOVES as f64;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moves_stop_at_the_border() {
        let corner = Cell { x: 0, y: 0 };
        let moved: Vec<_> = (0..5).map(|action| corner.moved(action, 2)).collect();
        let cell = |x, y| Cell { x, y };
        let wanted = [cell(0, 0), cell(0, 1), cell(1, 0), cell(0, 0), cell(0, 0)];
        assert_eq!(moved, wanted);
        let far = cell(1, 1);
        let moved: Vec<_> = (0..5).map(|action| far.moved(action, 2)).collect();
        let wanted = [cell(1, 1), cell(1, 1), cell(1, 1), cell(1, 0), cell(0, 1)];
        assert_eq!(moved, wanted);
    }

    #[test]
    fn moves_to_a_cell_lead_there() {
        for from in 0..16 {
            for to in 0..16 {
                let (mut at, goal) = (Cell::of(from, 4), Cell::of(to, 4));
                let distance = at.distance(goal);
                for left in (0..distance).rev() {
                    at = at.moved(at.move_to(goal), 4);
                    assert_eq!(at.distance(goal), left);
                }
                assert_eq!(at, goal);
                assert_eq!(at.moves_to(goal), [None, None]);
                assert_eq!(at.index(4), to);
            }
        }
    }

    #[test]
    fn cells_are_read_off_their_shares() {
        for size in [2, 3, 5, 97, 1_000] {
            for index in 0..size * size {
                let cell = Cell::of(index, size);
                let shares = cell.shares(size);
                assert!(shares.iter().all(|share| (0.0..=1.0).contains(share)));
                assert_eq!(Cell::of_shares(&shares, size), cell);
            }
        }
    }

    #[test]
    fn one_random_move_by_hand() {
        let mut after = [0.0; 4];
        average_over_moves(&[1.0, 0.0, 0.0, 0.0], &mut after, 2);
        assert_eq!(after, [0.6, 0.2, 0.2, 0.0]);
    }
}
