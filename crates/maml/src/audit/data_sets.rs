//! All data sets of a few episodes.

/// Every data set of `count` episodes up to their order, as ascending indices,
/// with its probability: n! Π p(τ)^c(τ) / c(τ)!.
#[derive(Clone, Debug)]
pub(super) struct DataSets<'a> {
    chances: &'a [f64],
    /// The next one; none where there are no more.
    next: Option<Vec<usize>>,
}

impl<'a> DataSets<'a> {
    /// Of episodes with these probabilities.
    pub(super) fn new(chances: &'a [f64], count: usize) -> Self {
        let next = (!chances.is_empty()).then(|| vec![0; count]);
        Self { chances, next }
    }

    /// How many there are, at most `usize::MAX`.
    pub(super) fn number(episodes: usize, count: usize) -> usize {
        // C(episodes + count − 1, count), exact at each step.
        let factor = |product: Option<usize>, k: usize| {
            let product = product?.checked_mul(episodes + k - 1)?;
            Some(product / k)
        };
        (1..=count).fold(Some(1), factor).unwrap_or(usize::MAX)
    }

    fn probability(&self, set: &[usize]) -> f64 {
        let mut probability = 1.0;
        let mut same = 0.0;
        for (index, episode) in set.iter().enumerate() {
            let again = index > 0 && set[index - 1] == *episode;
            same = if again { same + 1.0 } else { 1.0 };
            probability *= (index + 1) as f64 / same * self.chances[*episode];
        }
        probability
    }
}

impl Iterator for DataSets<'_> {
    type Item = (f64, Vec<usize>);

    fn next(&mut self) -> Option<(f64, Vec<usize>)> {
        let set = self.next.take()?;
        let last = self.chances.len() - 1;
        if let Some(place) = set.iter().rposition(|episode| *episode < last) {
            let mut following = set.clone();
            following[place..].fill(set[place] + 1);
            self.next = Some(following);
        }
        Some((self.probability(&set), set))
    }
}
