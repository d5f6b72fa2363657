//! A short name for many numbers, so that two machines can be compared.

use rl_core::{Array, Data, Tree};

/// Hexadecimal digits of a fingerprint. Two that are equal by chance are not to be
/// expected among fewer than billions.
const DIGITS: usize = 16;

/// The BLAKE3, cut to 16 hexadecimal digits, of all arrays of a tree: of their names,
/// shapes and bits. Equal bits have equal ones on every machine.
pub fn fingerprint(tree: &Tree) -> String {
    let mut hasher = blake3::Hasher::new();
    for (name, Array { shape, data }) in tree.iter() {
        // Lengths first, so that nothing can move from one part to the next.
        hasher.update(&(name.len() as u64).to_le_bytes());
        hasher.update(name.as_bytes());
        hasher.update(&(shape.len() as u64).to_le_bytes());
        for extent in shape {
            hasher.update(&(*extent as u64).to_le_bytes());
        }
        let kind = data.kind();
        hasher.update(&(kind.len() as u64).to_le_bytes());
        hasher.update(kind.as_bytes());
        hasher.update(&(data.len() as u64).to_le_bytes());
        match data {
            Data::F32(data) => update(&mut hasher, data, f32::to_le_bytes),
            Data::F64(data) => update(&mut hasher, data, f64::to_le_bytes),
            Data::U64(data) => update(&mut hasher, data, u64::to_le_bytes),
            Data::Bytes(data) => {
                hasher.update(data);
            }
        }
    }
    let mut text = hasher.finalize().to_hex().to_string();
    text.truncate(DIGITS);
    text
}

/// Adds numbers in blocks: one call for each number would take longer than the hash.
fn update<T: Copy, const N: usize>(
    hasher: &mut blake3::Hasher,
    numbers: &[T],
    bytes: fn(T) -> [u8; N],
) {
    let mut block = Vec::with_capacity(4096 * N);
    for some in numbers.chunks(4096) {
        block.clear();
        some.iter().for_each(|number| block.extend(bytes(*number)));
        hasher.update(&block);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tree(name: &str, shape: Vec<usize>, data: Vec<f32>) -> Tree {
        let mut tree = Tree::default();
        tree.insert(name, Array::floats(shape, data));
        tree
    }

    #[test]
    fn every_bit_and_name_and_shape_matters() {
        let long: Vec<f32> = (0..10_000).map(|i| i as f32 * 0.1).collect();
        let one = fingerprint(&tree("w", vec![10_000], long.clone()));
        assert_eq!(one.len(), DIGITS);
        assert_eq!(one, fingerprint(&tree("w", vec![10_000], long.clone())));
        for index in [0, 4095, 4096, 9_999] {
            let mut other = long.clone();
            other[index] = f32::from_bits(other[index].to_bits() ^ 1);
            assert_ne!(one, fingerprint(&tree("w", vec![10_000], other)), "{index}");
        }
        let swapped = long.iter().rev().copied().collect();
        assert_ne!(one, fingerprint(&tree("w", vec![10_000], swapped)));
        assert_ne!(one, fingerprint(&tree("v", vec![10_000], long.clone())));
        assert_ne!(one, fingerprint(&tree("w", vec![100, 100], long)));
        let zero = fingerprint(&tree("w", vec![1], vec![0.0]));
        assert_ne!(zero, fingerprint(&tree("w", vec![1], vec![-0.0])));
    }

    /// Or fingerprints of before could not be compared with those of now.
    #[test]
    fn it_is_pinned() {
        let tree = tree("w", vec![2], vec![0.5, -1.5]).with_count("update", 7);
        assert_eq!(fingerprint(&tree), PINNED);
    }

    const PINNED: &str = "0054f3d8eeba390d";
}
