//! Keys and values of lanes that attend.

use crate::buffer::Buffer;

/// The sizes of attention: how many heads, how wide one is, and how many places a
/// lane's cache has, a multiple of 16.
#[derive(Clone, Copy)]
pub(super) struct Sizes {
    pub(super) heads: usize,
    pub(super) width: usize,
    pub(super) room: usize,
}

impl Sizes {
    pub(super) fn units(self) -> usize {
        self.heads * self.width
    }

    pub(super) fn scale(self) -> f32 {
        1.0 / (self.width as f32).sqrt()
    }
}

/// Keys and values of some lanes, in the orders in which they are read.
#[derive(Default)]
pub(super) struct Cache {
    /// `[lane][unit][place]`
    pub(super) keys_t: Buffer,
    /// `[lane][place][unit]`
    pub(super) values: Buffer,
    /// The same the other way round, to go backward, and the gradients of both,
    /// `[lane][place][unit]`.
    pub(super) keys: Buffer,
    pub(super) values_t: Buffer,
    pub(super) d_keys: Buffer,
    pub(super) d_values: Buffer,
}

impl Cache {
    /// Floats for so many lanes.
    pub(super) fn floats(sizes: Sizes, lanes: usize, learning: bool) -> usize {
        let of_each = lanes * sizes.room * sizes.units();
        of_each * if learning { 6 } else { 2 }
    }

    pub(super) fn grow(&mut self, sizes: Sizes, lanes: usize, learning: bool) {
        let len = lanes * sizes.room * sizes.units();
        self.keys_t.grow(len);
        self.values.grow(len);
        if learning {
            let more = [
                &mut self.keys,
                &mut self.values_t,
                &mut self.d_keys,
                &mut self.d_values,
            ];
            more.into_iter().for_each(|buffer| buffer.grow(len));
        }
    }

    /// Zeroes the gradients.
    pub(super) fn clear(&mut self, sizes: Sizes, lanes: usize) {
        let len = lanes * sizes.room * sizes.units();
        self.d_keys[..len].fill(0.0);
        self.d_values[..len].fill(0.0);
    }

    /// Puts the keys and values of a row `[q k v]` at a place of a lane.
    #[inline(always)]
    pub(super) fn put(
        &mut self,
        sizes: Sizes,
        (lane, place): (usize, usize),
        row: &[f32],
        learning: bool,
    ) {
        let (units, room) = (sizes.units(), sizes.room);
        let (keys, values) = row[units..3 * units].split_at(units);
        let first = lane * room * units;
        let wide = first + place * units;
        self.values[wide..wide + units].copy_from_slice(values);
        for (unit, key) in keys.iter().enumerate() {
            self.keys_t[first + unit * room + place] = *key;
        }
        if learning {
            self.keys[wide..wide + units].copy_from_slice(keys);
            for (unit, value) in values.iter().enumerate() {
                self.values_t[first + unit * room + place] = *value;
            }
        }
    }

    /// Takes the gradients of the keys and values of a place to a row `[q k v]`.
    #[inline(always)]
    pub(super) fn take(&self, sizes: Sizes, (lane, place): (usize, usize), row: &mut [f32]) {
        let units = sizes.units();
        let at = (lane * sizes.room + place) * units;
        row[units..2 * units].copy_from_slice(&self.d_keys[at..at + units]);
        row[2 * units..3 * units].copy_from_slice(&self.d_values[at..at + units]);
    }
}
