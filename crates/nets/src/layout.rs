//! Names, shapes and places of parameters.

use std::ops::Range;

use crate::error::NetsError;

/// The place of one tensor in a [`Params`](crate::Params); modules keep the
/// slots that they were given when they declared their parameters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Slot(pub(crate) usize);

/// A tensor as plain data, for checkpoints.
#[derive(Clone, Debug, PartialEq)]
pub struct NamedArray {
    /// The tensor's name, such as `trunk.weight_ih`.
    pub name: String,
    /// Its shape.
    pub shape: Vec<usize>,
    /// Its numbers, row by row.
    pub data: Vec<f32>,
}

/// Refuses arrays that hold anything infinite or not a number.
///
/// # Errors
/// Names the first such number.
pub fn expect_finite(arrays: &[NamedArray]) -> Result<(), NetsError> {
    for array in arrays {
        if let Some(index) = array.data.iter().position(|x| !x.is_finite()) {
            return Err(NetsError::NonFiniteArray {
                name: array.name.clone(),
                index,
                value: array.data[index],
            });
        }
    }
    Ok(())
}

/// Name, shape and place of one tensor.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// The tensor's name, such as `trunk.weight_ih`.
    pub name: String,
    /// Its shape.
    pub shape: Vec<usize>,
    /// Where it starts in the flat vector.
    pub offset: usize,
}

impl Entry {
    /// How many numbers the tensor holds.
    pub fn numel(&self) -> usize {
        self.shape.iter().product()
    }

    /// Its part of the flat vector.
    pub fn range(&self) -> Range<usize> {
        self.offset..self.offset + self.numel()
    }

    /// The shape as libtorch wants it.
    pub(crate) fn sizes(&self) -> Vec<i64> {
        self.shape.iter().map(|&size| size as i64).collect()
    }

    /// Refuses a shape that is not the tensor's.
    pub(crate) fn expect_shape(&self, found: &[usize]) -> Result<(), NetsError> {
        if found == self.shape {
            return Ok(());
        }
        Err(NetsError::WrongShape {
            name: self.name.clone(),
            found: found.to_vec(),
            expected: self.shape.clone(),
        })
    }
}

/// Names, shapes and places of a network's tensors, in a fixed order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Layout {
    entries: Vec<Entry>,
}

impl Layout {
    pub(crate) fn push(&mut self, name: String, shape: &[usize]) -> Slot {
        assert!(
            self.find(&name).is_none(),
            "parameter '{name}' is declared twice"
        );
        let offset = self.numel();
        self.entries.push(Entry {
            name,
            shape: shape.to_vec(),
            offset,
        });
        Slot(self.entries.len() - 1)
    }

    /// The tensors, in order.
    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// How many numbers all tensors hold together.
    pub fn numel(&self) -> usize {
        self.entries.last().map_or(0, |entry| entry.range().end)
    }

    /// The slot of a name.
    pub fn find(&self, name: &str) -> Option<Slot> {
        self.entries
            .iter()
            .position(|entry| entry.name == name)
            .map(Slot)
    }

    /// A slot's part of the flat vector.
    ///
    /// # Panics
    /// If the slot belongs to another layout with more tensors.
    pub fn range(&self, slot: Slot) -> Range<usize> {
        self.entries[slot.0].range()
    }

    /// The tensor that holds an index of the flat vector.
    ///
    /// # Panics
    /// If the index is not below [`Layout::numel`].
    pub fn owner(&self, index: usize) -> &Entry {
        assert!(
            index < self.numel(),
            "index {index} of {} numbers",
            self.numel()
        );
        &self.entries[self
            .entries
            .partition_point(|entry| entry.range().end <= index)]
    }

    /// Cuts a flat vector into named arrays.
    ///
    /// # Errors
    /// If its length is not [`Layout::numel`].
    pub fn split(&self, flat: &[f32]) -> Result<Vec<NamedArray>, NetsError> {
        self.expect_length("the flat vector", flat.len())?;
        let cut = |entry: &Entry| NamedArray {
            name: entry.name.clone(),
            shape: entry.shape.clone(),
            data: flat[entry.range()].to_vec(),
        };
        Ok(self.entries.iter().map(cut).collect())
    }

    /// Joins named arrays, given in any order, into a flat vector.
    ///
    /// # Errors
    /// Names the first array that is unknown, repeated, of another shape, of a
    /// length that does not fit its shape, or missing.
    pub fn join(&self, arrays: &[NamedArray]) -> Result<Vec<f32>, NetsError> {
        let mut flat = vec![0.0; self.numel()];
        let mut seen = vec![false; self.entries.len()];
        for array in arrays {
            let Some(Slot(slot)) = self.find(&array.name) else {
                return Err(NetsError::UnknownTensor {
                    name: array.name.clone(),
                    shape: array.shape.clone(),
                    known: self.names(),
                });
            };
            let entry = &self.entries[slot];
            if std::mem::replace(&mut seen[slot], true) {
                return Err(NetsError::RepeatedTensor {
                    name: array.name.clone(),
                });
            }
            entry.expect_shape(&array.shape)?;
            if array.data.len() != entry.numel() {
                return Err(NetsError::WrongLength {
                    what: format!("tensor '{}' of shape {:?}", array.name, array.shape),
                    found: array.data.len(),
                    expected: entry.numel(),
                });
            }
            flat[entry.range()].copy_from_slice(&array.data);
        }
        match seen.iter().position(|seen| !seen) {
            None => Ok(flat),
            Some(slot) => Err(NetsError::MissingTensor {
                name: self.entries[slot].name.clone(),
                expected: self.entries[slot].shape.clone(),
            }),
        }
    }

    pub(crate) fn expect_length(&self, what: &str, found: usize) -> Result<(), NetsError> {
        if found == self.numel() {
            return Ok(());
        }
        Err(NetsError::WrongLength {
            what: what.to_owned(),
            found,
            expected: self.numel(),
        })
    }

    fn names(&self) -> String {
        let names: Vec<_> = self
            .entries
            .iter()
            .map(|entry| format!("'{}'", entry.name))
            .collect();
        names.join(", ")
    }
}
