//! Calling a glyph what the most similar one was called.

use crate::glyph_recall::GlyphSettings;
use rl_core::{ActRow, ActionSpace, EnvSpec, Policy, PolicyFactory, Row, Stream};

/// Remembers every glyph of a trial with its label, and says the label of the one whose
/// pixels differ least from those that are seen, in the sum of their squares. Whether a
/// glyph is new it does not ask itself.
#[derive(Clone, Copy, Debug)]
pub(crate) struct NearestGlyph {
    pub(crate) size: GlyphSettings,
}

impl PolicyFactory for NearestGlyph {
    fn name(&self) -> String {
        "nearest-glyph".into()
    }

    fn make(&self, spec: &EnvSpec, lanes: usize) -> Result<Box<dyn Policy>, String> {
        let (pixels, labels) = (self.size.pixels(), self.size.classes);
        let actions = ActionSpace::Discrete { size: labels };
        // Where the task is shown, observations are longer, and tell it without memory.
        if spec.observation.width() != pixels + labels || spec.action != actions {
            return Err(format!(
                "nearest-glyph acts where {pixels} pixels and {labels} labels are seen, and not in \
                 {spec:?}"
            ));
        }
        let steps = self.size.steps();
        let memory = || Memory {
            pixels: Vec::with_capacity(steps * pixels),
            labels: Vec::with_capacity(steps),
        };
        Ok(Box::new(Comparing {
            pixels,
            memories: std::iter::repeat_with(memory).take(lanes).collect(),
        }))
    }

    fn bytes(&self, _spec: &EnvSpec, lanes: usize) -> f64 {
        let glyph = 4 * (self.size.pixels() + 1);
        (lanes * (size_of::<Memory>() + self.size.steps() * glyph)) as f64
    }
}

/// What is remembered of a trial; the last glyph has no label yet.
struct Memory {
    pixels: Vec<f32>, // [glyphs][pixels]
    labels: Vec<u32>, // [glyphs but the last]
}

/// One of them at work.
struct Comparing {
    pixels: usize,
    memories: Vec<Memory>, // [lanes]
}

impl Policy for Comparing {
    fn act(&mut self, row: &Row<'_>, _streams: &mut [Stream], out: ActRow<'_>) {
        let Some(actions) = out.action.discrete() else {
            return; // `make` has refused continuous actions.
        };
        let width = row.observation.len() / row.lanes;
        for (lane, memory) in self.memories.iter_mut().enumerate() {
            let seen = &row.observation[lane * width..(lane + 1) * width];
            let (pixels, labels) = seen.split_at(self.pixels);
            if row.start[lane] {
                memory.pixels.clear();
                memory.labels.clear();
            } else {
                let label = labels.iter().position(|number| *number > 0.5);
                memory.labels.push(label.unwrap_or(0) as u32);
            }
            let known = memory.pixels.chunks_exact(self.pixels).zip(&memory.labels);
            let apart = |other: &[f32]| -> f32 {
                let pairs = other.iter().zip(pixels);
                pairs.map(|(a, b)| (a - b) * (a - b)).sum()
            };
            let nearest = known.min_by(|(a, _), (b, _)| apart(a).total_cmp(&apart(b)));
            actions[lane] = nearest.map_or(0, |(_, label)| *label);
            memory.pixels.extend_from_slice(pixels);
        }
    }
}
