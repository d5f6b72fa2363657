//! What parameters a network needs, collected before any of them exists.

use std::sync::Arc;

use rl_core::Stream;

use crate::init::Init;
use crate::layout::{Entry, Layout, Slot};

/// Collects the parameters that modules declare, in order, with how each is
/// drawn at first.
#[derive(Debug, Default)]
pub struct Blueprint {
    layout: Layout,
    inits: Vec<Init>,
}

impl Blueprint {
    /// An empty blueprint.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a tensor and returns its place.
    ///
    /// # Panics
    /// If the name is taken, or if `init` does not suit the shape.
    pub fn declare(&mut self, name: impl Into<String>, shape: &[usize], init: Init) -> Slot {
        let name = name.into();
        init.check(&name, shape);
        self.inits.push(init);
        self.layout.push(name, shape)
    }

    /// Names, shapes and places of everything declared so far.
    pub fn layout(&self) -> Arc<Layout> {
        Arc::new(self.layout.clone())
    }

    /// Draws the initial values, flat, in order of declaration.
    pub fn init(&self, stream: &mut Stream) -> Vec<f32> {
        let draw = |(init, entry): (&Init, &Entry)| init.draw(&entry.shape, stream);
        let declared = self.inits.iter().zip(self.layout.entries());
        declared.flat_map(draw).collect()
    }
}
