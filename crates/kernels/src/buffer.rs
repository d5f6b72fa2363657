//! Buffers of floats aligned to cache lines.

/// One cache line of `f32`, two of `f64`. A whole line is what a vector load or
/// store may touch at once; unaligned buffers would make every second access
/// cross two lines.
#[derive(Clone, Copy)]
#[repr(C, align(64))]
struct Line<R>([R; 16]);

/// A growable, zero-initialized buffer of floats aligned to 64 bytes.
#[derive(Clone, Default)]
pub(crate) struct Buffer<R = f32> {
    lines: Vec<Line<R>>,
    len: usize,
}

impl<R: Copy + Default> Buffer<R> {
    pub(crate) fn zeroed(len: usize) -> Buffer<R> {
        let mut buffer = Buffer::default();
        buffer.grow(len);
        buffer
    }

    /// Makes the buffer at least `len` floats long. What grows is zero; what
    /// was there stays. Allocates only where it was never that long.
    pub(crate) fn grow(&mut self, len: usize) {
        let lines = len.div_ceil(16);
        if lines > self.lines.len() {
            self.lines.resize(lines, Line([R::default(); 16]));
        }
        self.len = self.len.max(len);
    }
}

impl<R> std::ops::Deref for Buffer<R> {
    type Target = [R];
    fn deref(&self) -> &[R] {
        // SAFETY: `Line` is an array of 16 floats without padding, `lines` are
        // contiguous and initialized, and `len` is at most 16 times their
        // number.
        unsafe { std::slice::from_raw_parts(self.lines.as_ptr().cast(), self.len) }
    }
}

impl<R> std::ops::DerefMut for Buffer<R> {
    fn deref_mut(&mut self) -> &mut [R] {
        // SAFETY: as in `deref`, and `self` is borrowed exclusively.
        unsafe { std::slice::from_raw_parts_mut(self.lines.as_mut_ptr().cast(), self.len) }
    }
}
