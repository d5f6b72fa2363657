//! Named parameters: an ordered list of tensors that is also one flat vector.

use std::ops::{Index, Range};
use std::sync::Arc;

use tch::{Device, Kind, Tensor, no_grad};

use crate::error::NetsError;

/// The place of one tensor in a [`Params`]; modules keep the slots that they
/// were given when they declared their parameters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Slot(usize);

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

    fn sizes(&self) -> Vec<i64> {
        self.shape.iter().map(|&size| size as i64).collect()
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
            expect_shape(entry, &array.shape)?;
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

fn expect_shape(entry: &Entry, found: &[usize]) -> Result<(), NetsError> {
    if found == entry.shape {
        return Ok(());
    }
    Err(NetsError::WrongShape {
        name: entry.name.clone(),
        found: found.to_vec(),
        expected: entry.shape.clone(),
    })
}

/// The parameters of a network, to be handed to its modules' functions.
///
/// Indexed by [`Slot`]. It can be sent to another thread but not shared: each
/// worker makes its own with [`Params::from_flat`] and [`Params::leaves`], and
/// refreshes it with [`Params::assign`].
#[derive(Debug)]
pub struct Params {
    layout: Arc<Layout>,
    tensors: Vec<Tensor>,
}

impl Index<Slot> for Params {
    type Output = Tensor;

    #[inline]
    fn index(&self, slot: Slot) -> &Tensor {
        &self.tensors[slot.0]
    }
}

impl Params {
    /// Parameters that are the given tensors themselves, graph and all:
    /// adapted parameters are made this way.
    ///
    /// # Errors
    /// If their number or a shape is not the layout's.
    pub fn from_tensors(layout: Arc<Layout>, tensors: Vec<Tensor>) -> Result<Self, NetsError> {
        if tensors.len() != layout.entries.len() {
            return Err(NetsError::WrongLength {
                what: "the list of tensors".into(),
                found: tensors.len(),
                expected: layout.entries.len(),
            });
        }
        for (entry, tensor) in layout.entries.iter().zip(&tensors) {
            let found: Vec<usize> = tensor.size().iter().map(|&size| size as usize).collect();
            expect_shape(entry, &found)?;
        }
        Ok(Self { layout, tensors })
    }

    /// Parameters from a flat vector: f32, on the CPU, without gradients.
    ///
    /// # Errors
    /// If its length is not the layout's.
    pub fn from_flat(layout: Arc<Layout>, flat: &[f32]) -> Result<Self, NetsError> {
        layout.expect_length("the flat vector", flat.len())?;
        let cut = |entry: &Entry| Tensor::from_slice(&flat[entry.range()]).view(&entry.sizes()[..]);
        let tensors = layout.entries.iter().map(cut).collect();
        Ok(Self { layout, tensors })
    }

    /// Parameters from named arrays in any order: f32, on the CPU, without
    /// gradients.
    ///
    /// # Errors
    /// As [`Layout::join`].
    pub fn from_arrays(layout: Arc<Layout>, arrays: &[NamedArray]) -> Result<Self, NetsError> {
        let flat = layout.join(arrays)?;
        Self::from_flat(layout, &flat)
    }

    /// Names, shapes and places.
    pub fn layout(&self) -> &Arc<Layout> {
        &self.layout
    }

    /// The tensors, in the layout's order.
    pub fn tensors(&self) -> &[Tensor] {
        &self.tensors
    }

    /// The tensor of a name.
    pub fn get(&self, name: &str) -> Option<&Tensor> {
        self.layout.find(name).map(|slot| &self[slot])
    }

    /// The kind of number that they hold; f32 if there are none.
    pub fn kind(&self) -> Kind {
        self.tensors.first().map_or(Kind::Float, Tensor::kind)
    }

    /// The device that they are on; the CPU if there are none.
    pub fn device(&self) -> Device {
        self.tensors.first().map_or(Device::Cpu, Tensor::device)
    }

    /// All values as one flat vector, rounded to f32.
    pub fn flatten(&self) -> Vec<f32> {
        flatten(&self.tensors)
    }

    /// All values as named arrays, rounded to f32.
    pub fn to_arrays(&self) -> Vec<NamedArray> {
        self.layout
            .split(&self.flatten())
            .expect("the layout is their own")
    }

    /// Overwrites all values in place; leaves stay leaves.
    ///
    /// # Errors
    /// If the length of the flat vector is not the layout's; then nothing is
    /// changed.
    pub fn assign(&mut self, flat: &[f32]) -> Result<(), NetsError> {
        self.layout.expect_length("the flat vector", flat.len())?;
        no_grad(|| {
            for (entry, tensor) in self.layout.entries.iter().zip(&mut self.tensors) {
                let values = Tensor::from_slice(&flat[entry.range()]).view(&entry.sizes()[..]);
                tensor.copy_(&values);
            }
        });
        Ok(())
    }

    /// Copies without history that gradients are taken with respect to.
    pub fn leaves(&self) -> Self {
        self.map(|tensor| tensor.detach().copy().set_requires_grad(true))
    }

    /// The same parameters as another kind of number.
    pub fn to_kind(&self, kind: Kind) -> Self {
        self.map(|tensor| tensor.to_kind(kind))
    }

    /// The same parameters on another device.
    ///
    /// # Errors
    /// If libtorch cannot place them there, for example for want of memory.
    pub fn to_device(&self, device: Device) -> Result<Self, NetsError> {
        let place = |tensor: &Tensor| tensor.f_to_device(device);
        let tensors = self.tensors.iter().map(place).collect::<Result<_, _>>();
        Ok(Self {
            layout: self.layout.clone(),
            tensors: tensors.map_err(NetsError::libtorch("move parameters to the device"))?,
        })
    }

    /// The same tensors once more; nothing is copied.
    pub fn shallow_clone(&self) -> Self {
        self.map(Tensor::shallow_clone)
    }

    /// The gradient of a scalar loss as one flat vector, zero where the loss
    /// does not depend on a parameter. The graph is freed.
    ///
    /// # Errors
    /// If the loss is not one number with a graph, or if these are not
    /// [`Params::leaves`] or made from such.
    pub fn gradient(&self, loss: &Tensor) -> Result<Vec<f32>, NetsError> {
        Ok(flatten(&self.run_backward(loss, Graph::Free)?))
    }

    /// The gradient of a scalar loss as tensors that can be differentiated
    /// again, zero where the loss does not depend on a parameter. The loss
    /// can be differentiated again too.
    ///
    /// # Errors
    /// As [`Params::gradient`].
    pub fn differentiable_gradient(&self, loss: &Tensor) -> Result<Self, NetsError> {
        Ok(Self {
            layout: self.layout.clone(),
            tensors: self.run_backward(loss, Graph::Keep)?,
        })
    }

    fn run_backward(&self, loss: &Tensor, graph: Graph) -> Result<Vec<Tensor>, NetsError> {
        let action = "take the gradient of the loss";
        if loss.numel() != 1 {
            return Err(NetsError::WrongLength {
                what: "the loss".into(),
                found: loss.numel(),
                expected: 1,
            });
        }
        let keep = matches!(graph, Graph::Keep);
        let found = Tensor::f_run_backward(&[loss], &self.tensors, keep, keep)
            .map_err(NetsError::libtorch(action))?;
        let defined = |(gradient, tensor): (Tensor, &Tensor)| {
            if gradient.defined() {
                gradient
            } else {
                tensor.zeros_like()
            }
        };
        Ok(found.into_iter().zip(&self.tensors).map(defined).collect())
    }

    fn map(&self, change: impl Fn(&Tensor) -> Tensor) -> Self {
        Self {
            layout: self.layout.clone(),
            tensors: self.tensors.iter().map(change).collect(),
        }
    }
}

/// What becomes of a graph that was walked backward.
enum Graph {
    Free,
    Keep,
}

/// All numbers in one vector, moved to the host in one go.
fn flatten(tensors: &[Tensor]) -> Vec<f32> {
    if tensors.is_empty() {
        return Vec::new();
    }
    let rows: Vec<Tensor> = tensors
        .iter()
        .map(|tensor| tensor.detach().flatten(0, -1))
        .collect();
    let joined = Tensor::cat(&rows, 0)
        .to_kind(Kind::Float)
        .to_device(Device::Cpu);
    let mut flat = vec![0.0; joined.numel()];
    joined.copy_data(&mut flat, joined.numel());
    flat
}
