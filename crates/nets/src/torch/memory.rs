//! What a trunk remembers.

use std::ops::{Index, IndexMut};

use tch::{Device, Tensor};

/// A trunk's memory of some lanes: tensors by name, of any kind and shape, as long
/// as their first dimension is the lanes.
#[derive(Debug)]
pub struct Memory {
    device: Device,
    tensors: Vec<(&'static str, Tensor)>,
}

impl Memory {
    /// A memory on a device; without tensors, of nothing.
    pub fn new(device: Device, tensors: impl IntoIterator<Item = (&'static str, Tensor)>) -> Self {
        let tensors = tensors.into_iter().collect();
        Self { device, tensors }
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
