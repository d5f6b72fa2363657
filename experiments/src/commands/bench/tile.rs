//! The lanes that `bench rl2` works on together.

/// Lanes of a tile at most: more save nothing, and leave the cache sooner.
const LARGEST_TILE: usize = 32;
/// Lanes are worked on in blocks of so many; a block that is not full costs as
/// much as a full one.
const BLOCK: usize = 8;

/// Lanes of a tile for `lanes` lanes in `minibatches` parts: the number that
/// leaves the fewest lanes of blocks empty and still gives four workers alike to
/// do; of those that are equal the largest. It must not depend on how many
/// workers there are, since results do not; for fewer than four, smaller tiles
/// also share the work better where another program takes some of the time.
///
/// # Errors
/// If the lanes do not split into as many equal parts.
pub(super) fn tile(lanes: usize, minibatches: usize) -> Result<usize, String> {
    if minibatches == 0 || lanes == 0 || !lanes.is_multiple_of(minibatches) {
        return Err(format!(
            "rl2.outer.minibatches = {minibatches}; allowed: a divisor of rl2.lanes = {lanes}"
        ));
    }
    let part = lanes / minibatches;
    let cost = |tile: usize| {
        let rounds = (part / tile).div_ceil(4);
        rounds * tile.next_multiple_of(BLOCK)
    };
    let tiles = (1..=LARGEST_TILE.min(part)).filter(|tile| part.is_multiple_of(*tile));
    let best = tiles.rev().min_by_key(|tile| cost(*tile));
    Ok(best.unwrap_or(1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tiles_fill_blocks_and_occupy_four_workers() {
        assert_eq!(tile(1024, 4), Ok(32));
        assert_eq!(tile(64, 1), Ok(16));
        assert_eq!(tile(16, 1), Ok(8));
        assert_eq!(tile(96, 1), Ok(24));
        assert_eq!(tile(1, 1), Ok(1));
        // 25 lanes of a minibatch in one tile would leave a worker idle.
        assert_eq!(tile(100, 4), Ok(5));
        let error = tile(100, 3).unwrap_err();
        assert!(
            error.contains("allowed: a divisor of rl2.lanes = 100"),
            "{error}"
        );
    }
}
