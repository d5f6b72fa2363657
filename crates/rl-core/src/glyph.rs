//! Small pictures of a few strokes, for environments that need many kinds of things to
//! see.

use crate::streams::Stream;
use rand::RngExt as _;

/// How far from the middle strokes end at most, in half-widths of the picture.
const RADIUS: f32 = 0.75;
/// The least length of a stroke.
const SHORTEST: f32 = 0.6;
/// How far from the middle of a stroke ink reaches, in pixels; it fades within one.
const REACH: f32 = 1.2;

/// A straight stroke: from where, and to where.
pub type Stroke = [[f32; 2]; 2];

/// How a glyph is turned and moved.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Placement {
    cosine: f32,
    sine: f32,
    by: [f32; 2],
}

impl Placement {
    /// As it was made.
    pub const STILL: Self = Self {
        cosine: 1.0,
        sine: 0.0,
        by: [0.0; 2],
    };

    /// Turned by an angle whose tangent is at most `turn` either way, and moved by at most
    /// `shift` half-widths along both axes.
    pub fn draw(turn: f32, shift: f32, rng: &mut Stream) -> Self {
        let mut either = |most: f32| most * (2.0 * rng.random::<f32>() - 1.0);
        let tangent = either(turn);
        let cosine = 1.0 / (1.0 + tangent * tangent).sqrt();
        Self {
            cosine,
            sine: tangent * cosine,
            by: [either(shift), either(shift)],
        }
    }

    fn place(&self, [x, y]: [f32; 2]) -> [f32; 2] {
        let turned = [
            self.cosine * x - self.sine * y,
            self.sine * x + self.cosine * y,
        ];
        [turned[0] + self.by[0], turned[1] + self.by[1]]
    }
}

/// Draws a stroke between two points of the disc that are not too close.
pub fn stroke(rng: &mut Stream) -> Stroke {
    let mut coordinate = || RADIUS * (2.0 * rng.random::<f32>() - 1.0);
    loop {
        let stroke = [[coordinate(), coordinate()], [coordinate(), coordinate()]];
        let [from, to] = stroke;
        let inside = [from, to]
            .iter()
            .all(|[x, y]| x * x + y * y <= RADIUS * RADIUS);
        let along = [to[0] - from[0], to[1] - from[1]];
        if inside && dot(along, along) >= SHORTEST * SHORTEST {
            return stroke;
        }
    }
}

/// How dark each pixel is, from 0 to 1, row by row from the lowest. `[side × side]`
pub fn rasterize(strokes: &[Stroke], placed: Placement, pixels: &mut [f32]) {
    let side = pixels.len().isqrt();
    let pitch = 2.0 / side as f32;
    let centre = |place: usize| (place as f32 + 0.5) * pitch - 1.0;
    // At first the square of how far the nearest stroke is.
    pixels.fill(f32::INFINITY);
    for [from, to] in strokes {
        let (from, to) = (placed.place(*from), placed.place(*to));
        let along = [to[0] - from[0], to[1] - from[1]];
        let scale = 1.0 / dot(along, along);
        for (row, pixels) in pixels.chunks_exact_mut(side).enumerate() {
            let y = centre(row) - from[1];
            for (column, pixel) in pixels.iter_mut().enumerate() {
                let x = centre(column) - from[0];
                // How far along the stroke its nearest point is. In two steps, that compile
                // to one instruction each.
                let share = (scale * dot([x, y], along)).max(0.0);
                let share = share.min(1.0);
                let off = [x - share * along[0], y - share * along[1]];
                *pixel = pixel.min(dot(off, off));
            }
        }
    }
    for pixel in pixels {
        *pixel = (REACH - pixel.sqrt() / pitch).clamp(0.0, 1.0);
    }
}

#[inline]
fn dot(a: [f32; 2], b: [f32; 2]) -> f32 {
    a[0] * b[0] + a[1] * b[1]
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::SeedableRng as _;

    #[test]
    fn ink_lies_along_the_strokes() {
        // From the left to the right, through the middle row of five.
        let strokes = [[[-0.7, 0.0], [0.7, 0.0]]];
        let mut pixels = [f32::NAN; 25];
        rasterize(&strokes, Placement::STILL, &mut pixels);
        for (row, pixels) in pixels.chunks(5).enumerate() {
            let wanted = [0.0, 0.2, 1.0, 0.2, 0.0][row];
            let near = |pixel: &f32| (pixel - wanted).abs() < 1e-6;
            assert!(pixels[1..4].iter().all(near), "row {row}: {pixels:?}");
        }
        // Moved up by a pixel.
        let up = Placement {
            by: [0.0, 0.4],
            ..Placement::STILL
        };
        let mut moved = [f32::NAN; 25];
        rasterize(&strokes, up, &mut moved);
        for (above, below) in moved[5..].iter().zip(&pixels) {
            assert!((above - below).abs() < 1e-6);
        }
        // A quarter turn makes a column of the row.
        let quarter = Placement {
            cosine: 0.0,
            sine: 1.0,
            by: [0.0; 2],
        };
        let mut turned = [f32::NAN; 25];
        rasterize(&strokes, quarter, &mut turned);
        for index in 0..25 {
            assert!((turned[index] - pixels[index % 5 * 5 + index / 5]).abs() < 1e-6);
        }
    }

    #[test]
    fn strokes_are_long_and_inside_and_turns_keep_lengths() {
        let mut rng = Stream::seed_from_u64(3);
        for _ in 0..1_000 {
            let [from, to] = stroke(&mut rng);
            let along = [to[0] - from[0], to[1] - from[1]];
            assert!(dot(along, along) >= SHORTEST * SHORTEST);
            let placed = Placement::draw(0.2, 0.1, &mut rng);
            let (moved, apart) = (placed.place(from), placed.place(to));
            let moved_along = [apart[0] - moved[0], apart[1] - moved[1]];
            assert!((dot(moved_along, moved_along) - dot(along, along)).abs() < 1e-5);
            for [x, y] in [moved, apart] {
                assert!(x * x + y * y < (RADIUS + 0.15) * (RADIUS + 0.15));
            }
        }
    }
}
