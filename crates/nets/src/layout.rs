//! Names, shapes and places of parameters.

use std::ops::Range;

use crate::error::NetsError;
use rl_core::{Array, Tree};

/// The place of one tensor in a [`Layout`]; modules keep the slots that they were
/// given when they declared their parameters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Slot(pub(crate) usize);

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
    pub fn split(&self, flat: &[f32]) -> Result<Tree, NetsError> {
        self.expect_length("the flat vector", flat.len())?;
        let mut tree = Tree::default();
        for entry in &self.entries {
            let data = flat[entry.range()].to_vec();
            tree.insert(&entry.name, Array::floats(entry.shape.clone(), data));
        }
        Ok(tree)
    }

    /// Joins named arrays into a flat vector.
    ///
    /// # Errors
    /// Names the first array that is missing, of another kind or shape, or
    /// unknown.
    pub fn join(&self, arrays: &Tree) -> Result<Vec<f32>, NetsError> {
        let mut flat = vec![0.0; self.numel()];
        for entry in &self.entries {
            let data = arrays.floats(&entry.name, &entry.shape)?;
            flat[entry.range()].copy_from_slice(data);
        }
        let names: Vec<_> = self.entries.iter().map(|entry| &entry.name[..]).collect();
        arrays.expect_only(&names)?;
        Ok(flat)
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
}
