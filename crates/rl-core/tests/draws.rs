//! Draws of every distribution in use, pinned: a change of them changes every published
//! seed. They must pass in this crate's own build and in the whole workspace's, where
//! other crates switch on other features of what they are computed with.

use rl_core::rand::RngExt as _;
use rl_core::rand_distr::{Beta, Distribution, Exp, Exp1, Gamma, Normal, StandardNormal};
use rl_core::{Domain, Purpose, StreamKey};

const DRAWS: usize = 100_000;

/// FNV-1a of the bits of so many draws, a lane for each distribution.
fn hash(lane: u64, distribution: impl Distribution<f64>) -> u64 {
    let mut stream = StreamKey::new(7, Domain::Training, 0).lane(Purpose::Dynamics, lane);
    let mut hash = 0xcbf2_9ce4_8422_2325_u64;
    for _ in 0..DRAWS {
        let draw: f64 = stream.sample(&distribution);
        for byte in draw.to_le_bytes() {
            hash = (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
        }
    }
    hash
}

#[test]
fn draws_are_pinned() {
    let found = [
        ("standard normal", hash(0, StandardNormal)),
        ("normal", hash(1, Normal::new(-1.5, 0.3).unwrap())),
        ("beta(1, 1)", hash(2, Beta::new(1.0, 1.0).unwrap())),
        ("beta(0.3, 0.7)", hash(3, Beta::new(0.3, 0.7).unwrap())),
        ("beta(7, 4)", hash(4, Beta::new(7.0, 4.0).unwrap())),
        ("gamma(0.4)", hash(5, Gamma::new(0.4, 1.0).unwrap())),
        ("gamma(5.5)", hash(6, Gamma::new(5.5, 2.0).unwrap())),
        ("exponential(1)", hash(7, Exp1)),
        ("exponential(0.2)", hash(8, Exp::new(0.2).unwrap())),
    ];
    let pinned: Vec<_> = found.iter().map(|(name, _)| *name).zip(PINNED).collect();
    assert_eq!(found[..], pinned[..], "{found:#x?}");
}

const PINNED: [u64; 9] = [
    0x445f969f33766466,
    0x71de03205e3bb876,
    0x37ceffbb7b7327b1,
    0xd6b04487208b85db,
    0x7b63c45ea46f123a,
    0x463a06f14656dfaa,
    0x463595c44ca193d1,
    0x3c1c95eabace0726,
    0x0f272bf7ecbc3c7f,
];
