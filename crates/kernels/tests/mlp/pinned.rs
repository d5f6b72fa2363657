//! What all instruction sets compute that fuse, on whatever processor, as in the other
//! tests of that name.

use crate::common::digest;
use crate::{gates, interface};
use kernels::Isa;

const PINNED: [(&str, u64); 2] = [
    ("policies", 11161102099593011203),
    ("gates", 7426904435026950804),
];

#[test]
fn fused_instruction_sets_compute_what_they_always_did() {
    for isa in Isa::available() {
        let found = [
            interface::of_all_cases::<f32>(isa),
            gates::of_all_cases::<f32>(isa),
        ];
        // In f64 plain Rust is all there is.
        let double = [
            interface::of_all_cases::<f64>(isa),
            gates::of_all_cases::<f64>(isa),
        ];
        assert_eq!(double.map(|all| all.len()), [0, 1].map(|i| found[i].len()));
        if isa.is_fused() && !cfg!(miri) {
            let names = PINNED.map(|(name, _)| name);
            let found: Vec<_> = names.into_iter().zip(found.map(digest)).collect();
            assert_eq!(found, PINNED, "{isa:?}");
        }
    }
}
