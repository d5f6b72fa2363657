//! NumPy's format of arrays: `numpy.lib.format`, version 1.0, in an archive.

use crate::part::Array;
use crate::zip;

/// A `.npz` of arrays.
pub(crate) fn archive(arrays: &[Array]) -> Vec<u8> {
    let file = |array: &Array| (format!("{}.npy", array.name), npy(array));
    zip::archive(&arrays.iter().map(file).collect::<Vec<_>>())
}

/// A `.npy`: a header of whole 64 bytes, then the numbers.
fn npy(array: &Array) -> Vec<u8> {
    let sides: String = array.shape.iter().map(|side| format!("{side}, ")).collect();
    let mut header = format!("{{'descr': '<f4', 'fortran_order': False, 'shape': ({sides}), }}");
    let whole = (10 + header.len() + 1).next_multiple_of(64);
    while 10 + header.len() + 1 < whole {
        header.push(' ');
    }
    header.push('\n');
    let mut file = b"\x93NUMPY\x01\x00".to_vec();
    file.extend((header.len() as u16).to_le_bytes());
    file.extend(header.as_bytes());
    array
        .values
        .iter()
        .for_each(|x| file.extend(x.to_le_bytes()));
    file
}
