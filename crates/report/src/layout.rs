//! Where things go: scales, ticks, cuts, and labels that do not overlap.

use crate::canvas::Point;

/// Maps values of an axis to pixels.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Scale {
    pub(crate) low: f64,
    pub(crate) high: f64,
    /// The pixels of `low` and `high`.
    pub(crate) pixels: (f64, f64),
}

impl Scale {
    pub(crate) fn at(&self, value: f64) -> f64 {
        let (from, to) = self.pixels;
        from + (value - self.low) / (self.high - self.low) * (to - from)
    }

    pub(crate) fn holds(&self, value: f64) -> bool {
        (self.low..=self.high).contains(&value)
    }
}

/// Moves labels apart: places with at least `gap` between them, in the order
/// given, within `low..=high`, and with the smallest sum of squared moves.
/// `wanted` must ascend. Where there is no room for all, the gap shrinks.
pub(crate) fn spread(wanted: &[f64], gap: f64, (low, high): (f64, f64)) -> Vec<f64> {
    let Some(rooms) = wanted.len().checked_sub(1) else {
        return Vec::new();
    };
    let gap = match rooms {
        0 => gap,
        rooms => gap.min((high - low) / rooms as f64),
    };
    // With the gaps taken out, places must only ascend: isotonic regression by
    // pooling adjacent violators (Barlow et al. 1972). Clamping its solution
    // solves the bounded problem too.
    let mut blocks: Vec<(f64, usize)> = Vec::new(); // mean, count
    for (index, place) in wanted.iter().enumerate() {
        let mut block = (place - gap * index as f64, 1);
        while let Some(&(mean, count)) = blocks.last()
            && mean > block.0
        {
            let total = count + block.1;
            let sum = mean * count as f64 + block.0 * block.1 as f64;
            block = (sum / total as f64, total);
            blocks.pop();
        }
        blocks.push(block);
    }
    let top = high - gap * rooms as f64;
    blocks
        .into_iter()
        .flat_map(|(mean, count)| std::iter::repeat_n(mean.clamp(low, top.max(low)), count))
        .enumerate()
        .map(|(index, place)| place + gap * index as f64)
        .collect()
}

/// The parts of a line of values that lie within `low..=high`.
pub(crate) fn clip(points: &[Point], low: f64, high: f64) -> Vec<Vec<Point>> {
    let mut parts: Vec<Vec<Point>> = Vec::new();
    for pair in points.windows(2) {
        let Some((from, to)) = clip_segment(pair[0], pair[1], low, high) else {
            continue;
        };
        match parts.last_mut() {
            Some(part) if part.last() == Some(&from) => part.push(to),
            _ => parts.push(vec![from, to]),
        }
    }
    parts
}

fn clip_segment(a: Point, b: Point, low: f64, high: f64) -> Option<(Point, Point)> {
    let at = |y: f64| (a.0 + (y - a.1) / (b.1 - a.1) * (b.0 - a.0), y);
    let inside = |(x, y): Point| match y {
        y if y < low => at(low),
        y if y > high => at(high),
        _ => (x, y),
    };
    let apart = a.1.max(b.1) < low || a.1.min(b.1) > high;
    (!apart).then(|| (inside(a), inside(b)))
}

/// A range of values on an axis.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Range {
    pub(crate) low: f64,
    pub(crate) high: f64,
}

impl Range {
    /// From the smallest to the largest of the finite values, 0 to 1 if there
    /// is none.
    pub(crate) fn of(values: impl IntoIterator<Item = f64>) -> Self {
        let finite = values.into_iter().filter(|value| value.is_finite());
        let (low, high) = finite.fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), x| {
            (low.min(x), high.max(x))
        });
        match low <= high {
            true => Self { low, high },
            false => Self {
                low: 0.0,
                high: 1.0,
            },
        }
    }

    /// Made to hold a value, but not extended by more than `most` of its span.
    pub(crate) fn reach(self, value: f64, most: f64) -> Self {
        let room = most * (self.high - self.low);
        match value.is_finite() {
            true => Self {
                low: self.low.min(value.max(self.low - room)),
                high: self.high.max(value.min(self.high + room)),
            },
            false => self,
        }
    }

    /// Made to hold other values, as far as [`Range::reach`] goes on each side.
    pub(crate) fn reach_all(self, values: impl IntoIterator<Item = f64>, most: f64) -> Self {
        let values = values.into_iter().filter(|value| value.is_finite());
        let (low, high) = values.fold((self.low, self.high), |(low, high), x| {
            (low.min(x), high.max(x))
        });
        let (below, above) = (self.reach(low, most), self.reach(high, most));
        Self {
            low: below.low,
            high: above.high,
        }
    }

    /// Widened by a part of its span on either side; never empty.
    pub(crate) fn padded(self, part: f64) -> Self {
        let span = self.high - self.low;
        let smallest = 1e-6 * self.low.abs().max(self.high.abs()).max(1e-6);
        let margin = match span > smallest {
            true => part * span,
            // A flat line belongs in the middle.
            false => 0.05 * self.high.abs().max(1.0),
        };
        Self {
            low: self.low - margin,
            high: self.high + margin,
        }
    }
}

/// The value below which a part of the values lies; `None` without values.
pub(crate) fn quantile(values: impl IntoIterator<Item = f64>, part: f64) -> Option<f64> {
    let mut sorted: Vec<f64> = values
        .into_iter()
        .filter(|value| value.is_finite())
        .collect();
    sorted.sort_by(f64::total_cmp);
    let place = part * (sorted.len().checked_sub(1)?) as f64;
    let (below, above) = (place.floor() as usize, place.ceil() as usize);
    Some(sorted[below] + (place - place.floor()) * (sorted[above] - sorted[below]))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn labels_move_as_little_as_they_must() {
        assert_eq!(spread(&[], 10.0, (0.0, 100.0)), [0.0; 0]);
        assert_eq!(spread(&[20.0, 50.0], 10.0, (0.0, 100.0)), [20.0, 50.0]);
        assert_eq!(spread(&[50.0, 50.0], 10.0, (0.0, 100.0)), [45.0, 55.0]);
        assert_eq!(spread(&[0.0, 1.0], 10.0, (0.0, 100.0)), [0.0, 10.0]);
        assert_eq!(spread(&[99.0, 100.0], 10.0, (0.0, 100.0)), [90.0, 100.0]);
        // No room: as far apart as they can be.
        assert_eq!(
            spread(&[5.0, 5.0, 5.0], 10.0, (0.0, 10.0)),
            [0.0, 5.0, 10.0]
        );
    }

    proptest! {
        #[test]
        fn labels_never_overlap(mut wanted in prop::collection::vec(-50.0..150.0, 1..12), gap in 1.0..9.0) {
            wanted.sort_by(f64::total_cmp);
            let places = spread(&wanted, gap, (0.0, 100.0));
            prop_assert_eq!(places.len(), wanted.len());
            prop_assert!(places[0] >= -1e-9 && places[places.len() - 1] <= 100.0 + 1e-9);
            let apart = gap.min(100.0 / (wanted.len().max(2) - 1) as f64);
            prop_assert!(places.windows(2).all(|pair| pair[1] - pair[0] >= apart - 1e-9));
        }
    }

    #[test]
    fn lines_are_cut_at_the_edges() {
        let line = [(0.0, 0.0), (1.0, 2.0), (2.0, 0.0), (3.0, 0.5)];
        let parts = clip(&line, -1.0, 1.0);
        assert_eq!(
            parts,
            [
                vec![(0.0, 0.0), (0.5, 1.0)],
                vec![(1.5, 1.0), (2.0, 0.0), (3.0, 0.5)]
            ]
        );
        assert!(clip(&line, 5.0, 6.0).is_empty());
        assert_eq!(clip(&line, -1.0, 3.0), [line.to_vec()]);
    }

    #[test]
    fn ranges_reach_only_so_far() {
        let range = Range::of([1.0, f64::NAN, 3.0]);
        assert_eq!(
            range,
            Range {
                low: 1.0,
                high: 3.0
            }
        );
        assert_eq!(range.reach(3.5, 0.5).high, 3.5);
        assert_eq!(range.reach(9.0, 0.5).high, 4.0);
        assert_eq!(range.reach(-9.0, 0.5).low, 0.0);
        let both = range.reach_all([-9.0, 9.0, f64::NAN], 0.5);
        assert_eq!(
            both,
            Range {
                low: 0.0,
                high: 4.0
            }
        );
        let flat = Range::of([2.0, 2.0]).padded(0.1);
        assert!(flat.low < 2.0 && flat.high > 2.0);
    }

    #[test]
    fn quantiles_interpolate() {
        assert_eq!(quantile([4.0, 1.0, 3.0, 2.0], 0.5), Some(2.5));
        assert_eq!(quantile([1.0, f64::NAN, 5.0], 1.0), Some(5.0));
        assert_eq!(quantile([], 0.5), None);
    }
}
