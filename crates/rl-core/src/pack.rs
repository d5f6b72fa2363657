//! Values as bytes, on their way from one process to another.

use crate::env::Outcome;
use crate::tree::{Array, Data, Tree};

/// A value as bytes, and back to the same bits, whatever they mean.
pub trait Pack: Sized {
    /// Appends it.
    fn pack(&self, bytes: &mut Vec<u8>);

    /// Takes it off the front; `None` if it is not there.
    fn unpack(bytes: &mut &[u8]) -> Option<Self>;

    /// Appends some, without their number.
    fn pack_all(all: &[Self], bytes: &mut Vec<u8>) {
        all.iter().for_each(|one| one.pack(bytes));
    }

    /// Takes so many off the front.
    fn unpack_all(count: usize, bytes: &mut &[u8]) -> Option<Vec<Self>> {
        (0..count).map(|_| Self::unpack(bytes)).collect()
    }
}

/// So many bytes off the front.
fn take<'a>(count: usize, bytes: &mut &'a [u8]) -> Option<&'a [u8]> {
    let (front, rest) = bytes.split_at_checked(count)?;
    *bytes = rest;
    Some(front)
}

macro_rules! pack_numbers {
    ($($number:ty),*) => {$(
        impl Pack for $number {
            fn pack(&self, bytes: &mut Vec<u8>) {
                bytes.extend_from_slice(&self.to_le_bytes());
            }

            fn unpack(bytes: &mut &[u8]) -> Option<Self> {
                let own = take(size_of::<Self>(), bytes)?;
                Some(Self::from_le_bytes(own.try_into().ok()?))
            }

            fn pack_all(all: &[Self], bytes: &mut Vec<u8>) {
                let start = bytes.len();
                bytes.resize(start + size_of_val(all), 0);
                let room = bytes[start..].as_chunks_mut().0;
                for (room, number) in room.iter_mut().zip(all) {
                    *room = number.to_le_bytes();
                }
            }

            fn unpack_all(count: usize, bytes: &mut &[u8]) -> Option<Vec<Self>> {
                let own = take(count.checked_mul(size_of::<Self>())?, bytes)?;
                let own = own.as_chunks().0.iter();
                Some(own.map(|number| Self::from_le_bytes(*number)).collect())
            }
        }
    )*};
}

pack_numbers!(u8, u32, u64, f32, f64);

impl Pack for usize {
    fn pack(&self, bytes: &mut Vec<u8>) {
        (*self as u64).pack(bytes);
    }

    fn unpack(bytes: &mut &[u8]) -> Option<Self> {
        u64::unpack(bytes)?.try_into().ok()
    }
}

impl Pack for bool {
    fn pack(&self, bytes: &mut Vec<u8>) {
        u8::from(*self).pack(bytes);
    }

    fn unpack(bytes: &mut &[u8]) -> Option<Self> {
        match u8::unpack(bytes)? {
            0 => Some(false),
            1 => Some(true),
            _ => None,
        }
    }
}

impl Pack for Outcome {
    fn pack(&self, bytes: &mut Vec<u8>) {
        (*self as u8).pack(bytes);
    }

    fn unpack(bytes: &mut &[u8]) -> Option<Self> {
        let all = [Self::Continue, Self::Terminated, Self::Truncated];
        all.get(usize::from(u8::unpack(bytes)?)).copied()
    }
}

impl Pack for () {
    fn pack(&self, _: &mut Vec<u8>) {}

    fn unpack(_: &mut &[u8]) -> Option<Self> {
        Some(())
    }
}

impl<A: Pack, B: Pack> Pack for (A, B) {
    fn pack(&self, bytes: &mut Vec<u8>) {
        self.0.pack(bytes);
        self.1.pack(bytes);
    }

    fn unpack(bytes: &mut &[u8]) -> Option<Self> {
        Some((A::unpack(bytes)?, B::unpack(bytes)?))
    }
}

impl<T: Pack, const N: usize> Pack for [T; N] {
    fn pack(&self, bytes: &mut Vec<u8>) {
        T::pack_all(self, bytes);
    }

    fn unpack(bytes: &mut &[u8]) -> Option<Self> {
        T::unpack_all(N, bytes)?.try_into().ok()
    }
}

impl<T: Pack> Pack for Option<T> {
    fn pack(&self, bytes: &mut Vec<u8>) {
        self.is_some().pack(bytes);
        if let Some(value) = self {
            value.pack(bytes);
        }
    }

    fn unpack(bytes: &mut &[u8]) -> Option<Self> {
        match bool::unpack(bytes)? {
            true => Some(Some(T::unpack(bytes)?)),
            false => Some(None),
        }
    }
}

impl<T: Pack> Pack for Vec<T> {
    fn pack(&self, bytes: &mut Vec<u8>) {
        self.len().pack(bytes);
        T::pack_all(self, bytes);
    }

    fn unpack(bytes: &mut &[u8]) -> Option<Self> {
        let count = usize::unpack(bytes)?;
        T::unpack_all(count, bytes)
    }
}

impl Pack for String {
    fn pack(&self, bytes: &mut Vec<u8>) {
        self.len().pack(bytes);
        bytes.extend_from_slice(self.as_bytes());
    }

    fn unpack(bytes: &mut &[u8]) -> Option<Self> {
        Self::from_utf8(Vec::unpack(bytes)?).ok()
    }
}

impl Pack for Data {
    fn pack(&self, bytes: &mut Vec<u8>) {
        match self {
            Self::F32(data) => (0_u8, data.len()).pack_before(data, bytes),
            Self::F64(data) => (1_u8, data.len()).pack_before(data, bytes),
            Self::U64(data) => (2_u8, data.len()).pack_before(data, bytes),
            Self::Bytes(data) => (3_u8, data.len()).pack_before(data, bytes),
        }
    }

    fn unpack(bytes: &mut &[u8]) -> Option<Self> {
        match u8::unpack(bytes)? {
            0 => Some(Self::F32(Vec::unpack(bytes)?)),
            1 => Some(Self::F64(Vec::unpack(bytes)?)),
            2 => Some(Self::U64(Vec::unpack(bytes)?)),
            3 => Some(Self::Bytes(Vec::unpack(bytes)?)),
            _ => None,
        }
    }
}

/// What is packed in front of an array's numbers.
trait PackBefore: Pack {
    fn pack_before<T: Pack>(self, data: &[T], bytes: &mut Vec<u8>) {
        self.pack(bytes);
        T::pack_all(data, bytes);
    }
}

impl PackBefore for (u8, usize) {}

/// By its names as they are here: where a branch was on another tree is forgotten.
impl Pack for Tree {
    fn pack(&self, bytes: &mut Vec<u8>) {
        self.len().pack(bytes);
        for (name, Array { shape, data }) in self.iter() {
            name.to_owned().pack(bytes);
            shape.pack(bytes);
            data.pack(bytes);
        }
    }

    fn unpack(bytes: &mut &[u8]) -> Option<Self> {
        let mut tree = Self::default();
        for _ in 0..usize::unpack(bytes)? {
            let name = String::unpack(bytes)?;
            let shape = Vec::unpack(bytes)?;
            let data = Data::unpack(bytes)?;
            tree.insert(name, Array { shape, data });
        }
        Some(tree)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn back<T: Pack>(value: &T) -> T {
        let mut bytes = Vec::new();
        value.pack(&mut bytes);
        for cut in 0..bytes.len() {
            assert!(T::unpack(&mut &bytes[..cut]).is_none(), "{cut} bytes");
        }
        let mut rest = &bytes[..];
        let value = T::unpack(&mut rest).unwrap();
        assert!(rest.is_empty());
        value
    }

    #[test]
    fn values_come_back_to_the_last_bit() {
        let odd = [0.0, -0.0, f32::NAN, f32::from_bits(0x7f80_0001), 1e-45];
        let bits = |all: &[f32]| all.iter().map(|x| x.to_bits()).collect::<Vec<_>>();
        assert_eq!(bits(&back(&odd.to_vec())), bits(&odd));
        assert_eq!(back(&vec![(1_u64, true), (u64::MAX, false)])[1].0, u64::MAX);
        assert_eq!(back(&[Some(1.5), None]), [Some(1.5), None]);
        assert_eq!(back(&"grüße".to_owned()), "grüße");
        let outcomes = vec![Outcome::Truncated, Outcome::Continue, Outcome::Terminated];
        assert_eq!(back(&outcomes), outcomes);
    }

    #[test]
    fn trees_come_back() {
        let mut params = Tree::default();
        params.insert("bias", Array::floats(vec![1, 2], vec![1.0, 2.0]));
        let tree = Tree::default()
            .with_branch("params", params)
            .with_count("update", 7)
            .with_number("penalty", 0.5);
        assert_eq!(back(&tree), tree);
    }

    #[test]
    fn what_nobody_packed_is_nothing() {
        assert_eq!(bool::unpack(&mut &[2][..]), None);
        assert!(Outcome::unpack(&mut &[3][..]).is_none());
        // More numbers than there are bytes in the world.
        let mut bytes = Vec::new();
        u64::MAX.pack(&mut bytes);
        assert!(Vec::<f32>::unpack(&mut &bytes[..]).is_none());
    }
}
