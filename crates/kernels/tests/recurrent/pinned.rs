//! What all instruction sets compute that fuse, on whatever processor: the numbers here
//! are of AVX-512, and NEON has the same (`tests/sanitize.sh neon`). A change of a kernel
//! that means to move them writes them anew.

use crate::common::digest;
use crate::{blocks, gaussian, gradients, index, layers, math};
use kernels::Isa;

const PINNED: [(&str, u64); 6] = [
    ("elementary functions", 0x101a_2c73_a870_6874),
    ("recurrent networks", 0x5cbd_7b47_4bc1_1b18),
    ("blocks", 0x7c45_00cc_cc2b_f90c),
    ("indices", 0x6688_40fc_8fdb_068b),
    ("layers", 0x1317_055f_a242_6cf3),
    ("normal distributions", 0x9b8e_f05d_4e19_ffec),
];

#[test]
fn fused_instruction_sets_compute_what_they_always_did() {
    for isa in Isa::available() {
        let found = [
            math::everything(isa),
            gradients::everything(isa),
            blocks::everything(isa),
            index::everything(isa),
            layers::everything(isa),
            gaussian::everything(isa),
        ];
        if isa.is_fused() && !cfg!(miri) {
            let names = PINNED.map(|(name, _)| name);
            let found: Vec<_> = names.into_iter().zip(found.map(digest)).collect();
            assert_eq!(found, PINNED, "{isa:?}");
        }
    }
}
