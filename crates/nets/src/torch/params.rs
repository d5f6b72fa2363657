//! Named parameters: an ordered list of tensors that is also one flat vector.

use std::ops::Index;
use std::sync::Arc;

use tch::{Device, Kind, Tensor, no_grad};

use crate::error::NetsError;
use crate::layout::{Entry, Layout, Slot};

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
    /// Parameters that are the given tensors themselves, graph and all.
    ///
    /// # Errors
    /// If their number or a shape is not the layout's.
    pub fn from_tensors(layout: Arc<Layout>, tensors: Vec<Tensor>) -> Result<Self, NetsError> {
        if tensors.len() != layout.entries().len() {
            return Err(NetsError::WrongLength {
                what: "the list of tensors".into(),
                found: tensors.len(),
                expected: layout.entries().len(),
            });
        }
        for (entry, tensor) in layout.entries().iter().zip(&tensors) {
            let found: Vec<usize> = tensor.size().iter().map(|&size| size as usize).collect();
            if found != entry.shape {
                return Err(NetsError::WrongShape {
                    name: entry.name.clone(),
                    found,
                    expected: entry.shape.clone(),
                });
            }
        }
        Ok(Self { layout, tensors })
    }

    /// Parameters from a flat vector: f32, on the CPU, without gradients.
    ///
    /// # Errors
    /// If its length is not the layout's.
    pub fn from_flat(layout: Arc<Layout>, flat: &[f32]) -> Result<Self, NetsError> {
        layout.expect_length("the flat vector", flat.len())?;
        let cut = |entry: &Entry| Tensor::from_slice(&flat[entry.range()]).view(&sizes(entry)[..]);
        let tensors = layout.entries().iter().map(cut).collect();
        Ok(Self { layout, tensors })
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

    /// Overwrites all values in place; leaves stay leaves.
    ///
    /// # Errors
    /// If the length of the flat vector is not the layout's; then nothing is
    /// changed.
    pub fn assign(&mut self, flat: &[f32]) -> Result<(), NetsError> {
        self.layout.expect_length("the flat vector", flat.len())?;
        no_grad(|| {
            for (entry, tensor) in self.layout.entries().iter().zip(&mut self.tensors) {
                let values = Tensor::from_slice(&flat[entry.range()]).view(&sizes(entry)[..]);
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

/// A tensor's shape as libtorch wants it.
fn sizes(entry: &Entry) -> Vec<i64> {
    entry.shape.iter().map(|&size| size as i64).collect()
}
