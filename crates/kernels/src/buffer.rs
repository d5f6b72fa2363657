//! Buffers of floats aligned to cache lines.

/// One cache line. The whole line is what a vector load or store may touch at
/// once; unaligned buffers would make every second access cross two lines.
#[derive(Clone, Copy)]
#[repr(C, align(64))]
struct Line([f32; 16]);

/// A growable, zero-initialized buffer of floats aligned to 64 bytes.
#[derive(Clone, Default)]
pub(crate) struct Buffer {
    lines: Vec<Line>,
    len: usize,
}

impl Buffer {
    pub(crate) fn zeroed(len: usize) -> Buffer {
        let mut buffer = Buffer::default();
        buffer.grow(len);
        buffer
    }

    /// Makes the buffer at least `len` floats long. What grows is zero; what
    /// was there stays. Allocates only where it was never that long.
    pub(crate) fn grow(&mut self, len: usize) {
        let lines = len.div_ceil(16);
        if lines > self.lines.len() {
            self.lines.resize(lines, Line([0.0; 16]));
        }
        self.len = self.len.max(len);
    }
}

impl std::ops::Deref for Buffer {
    type Target = [f32];
    fn deref(&self) -> &[f32] {
        // SAFETY: `Line` is an array of 16 floats without padding, `lines` are
        // contiguous and initialized, and `len` is at most 16 times their
        // number.
        unsafe { std::slice::from_raw_parts(self.lines.as_ptr().cast(), self.len) }
    }
}

impl std::ops::DerefMut for Buffer {
    fn deref_mut(&mut self) -> &mut [f32] {
        // SAFETY: as in `deref`, and `self` is borrowed exclusively.
        unsafe { std::slice::from_raw_parts_mut(self.lines.as_mut_ptr().cast(), self.len) }
    }
}
