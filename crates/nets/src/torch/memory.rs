//! What a trunk remembers.

use std::ops::{Index, IndexMut};

use tch::{Device, Tensor};

/// A trunk's memory of some lanes: tensors by name, of any kind and shape, as long
/// as their first dimension is the lanes.
#[derive(Debug)]
pub struct Memory {
    device: Device,
    tensors: Vec<(&'static str, Tensor)>,
    layers: Vec<Memory>,
}

impl Memory {
    /// A memory on a device; without tensors, of nothing.
    pub fn new(device: Device, tensors: impl IntoIterator<Item = (&'static str, Tensor)>) -> Self {
        let tensors = tensors.into_iter().collect();
        Self {
            device,
            tensors,
            layers: Vec::new(),
        }
    }

    /// With the memories of trunks that it is of.
    #[must_use]
    pub fn with_layers(mut self, layers: impl IntoIterator<Item = Self>) -> Self {
        self.layers.extend(layers);
        self
    }

    /// Those.
    pub fn layers(&mut self) -> &mut [Self] {
        &mut self.layers
    }

    /// Adds a tensor.
    pub fn insert(&mut self, name: &'static str, tensor: Tensor) {
        self.tensors.push((name, tensor));
    }

    /// Where it is.
    pub fn device(&self) -> Device {
        self.device
    }

    /// Makes 0 of all that it holds of the lanes where `starts`, `[lanes]`, is not
    /// 0, even of what is not finite; no gradient flows through.
    pub fn clear(&mut self, starts: &Tensor) {
        let starts = starts.ne(0);
        for (_, tensor) in &mut self.tensors {
            let mut shape = vec![1; tensor.dim()];
            shape[0] = -1;
            *tensor = tensor.masked_fill(&starts.view(&shape[..]), 0.0);
        }
        for layer in &mut self.layers {
            layer.clear(&starts);
        }
    }

    /// Makes the one lane of `fresh` of all that it holds of the lanes where `starts`,
    /// `[lanes]`, is not 0; no gradient flows through.
    pub fn begin(&mut self, starts: &Tensor, fresh: &Self) {
        let starts = starts.ne(0);
        for ((_, tensor), (_, fresh)) in self.tensors.iter_mut().zip(&fresh.tensors) {
            let mut shape = vec![1; tensor.dim()];
            shape[0] = -1;
            *tensor = fresh.where_self(&starts.view(&shape[..]), tensor);
        }
    }

    fn position(&self, name: &str) -> usize {
        let mut names = self.tensors.iter().map(|(name, _)| *name);
        names
            .position(|known| known == name)
            .unwrap_or_else(|| panic!("no '{name}' in this memory: {:?}", self.names()))
    }

    fn names(&self) -> Vec<&str> {
        self.tensors.iter().map(|(name, _)| *name).collect()
    }
}

impl Index<&str> for Memory {
    type Output = Tensor;

    fn index(&self, name: &str) -> &Tensor {
        &self.tensors[self.position(name)].1
    }
}

impl IndexMut<&str> for Memory {
    fn index_mut(&mut self, name: &str) -> &mut Tensor {
        let position = self.position(name);
        &mut self.tensors[position].1
    }
}
