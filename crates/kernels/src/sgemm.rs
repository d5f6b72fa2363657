//! Dense matrix products of a general library, to compare rates with.

/// Square single-precision matrix products by the `matrixmultiply` crate: what
/// this machine does with a well-made general kernel. The caller times
/// [`Sgemm::run`], on as many threads as it likes with one `Sgemm` each.
pub struct Sgemm {
    size: usize,
    a: Vec<f32>,
    b: Vec<f32>,
    c: Vec<f32>,
}

impl Sgemm {
    /// Matrices of `size` by `size`; 512 is large enough for the full rate and
    /// small enough for the cache.
    pub fn new(size: usize) -> Sgemm {
        let fill = |scale: f32| (0..size * size).map(|i| scale * (i % 7) as f32).collect();
        Sgemm {
            size,
            a: fill(0.25),
            b: fill(0.5),
            c: vec![0.0; size * size],
        }
    }

    /// Multiplies `times` times; returns the number of floating-point operations.
    pub fn run(&mut self, times: usize) -> u64 {
        let n = self.size;
        let stride = n as isize;
        for _ in 0..times {
            // SAFETY: all three matrices have n rows of n contiguous floats, and
            // `c` is borrowed exclusively.
            unsafe {
                matrixmultiply::sgemm(
                    n,
                    n,
                    n,
                    1.0,
                    self.a.as_ptr(),
                    stride,
                    1,
                    self.b.as_ptr(),
                    stride,
                    1,
                    0.0,
                    self.c.as_mut_ptr(),
                    stride,
                    1,
                );
            }
        }
        2 * (n as u64).pow(3) * times as u64
    }

    /// The product of the last run, row-major.
    pub fn product(&self) -> &[f32] {
        &self.c
    }
}
