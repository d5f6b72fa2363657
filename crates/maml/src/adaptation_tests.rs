//! What an adaptation prepares for products with its Jacobians.

use super::{Adaptation, Rule};
use crate::config::{Order, Surrogate};
use crate::meta::Meta;
use crate::samples::{ActionRows, Samples};
use kernels::mlp::{Activation, Head, Mlp};

/// Whether the first step of an adaptation is prepared after it was asked to be.
fn prepared(order: Order, surrogate: Surrogate) -> bool {
    let network = Mlp::new(1, &[2], 2, Activation::Tanh, Head::Categorical).unwrap();
    let rule = Rule {
        floor: (network.log_std(), 0.0),
        network,
        order,
        surrogate,
        gated: None,
    };
    let samples = [Samples {
        observations: vec![1.0; 3],
        actions: ActionRows::Index(vec![0, 1, 0]),
        log_probs: vec![-0.7; 3],
        advantages: vec![1.0, -1.0, 0.5],
        loss: 0.0,
        decay: 1.0,
        episodes: vec![0..2, 2..3],
    }];
    let parameters = rule.network.parameters();
    let meta = Meta {
        theta: vec![0.3; parameters],
        rates: vec![vec![0.1_f64; parameters]],
        gates: Vec::new(),
    };
    let mut adaptation = Adaptation::new(&rule.network);
    adaptation.begin(&rule, &meta.theta);
    adaptation.step(&rule, &meta, &samples[0]);
    adaptation.prepare(&rule, &samples);
    adaptation.levels()[0].prepared.1
}

#[test]
fn nothing_is_prepared_that_no_product_reads() {
    assert!(prepared(Order::Second, Surrogate::LogProb));
    assert!(prepared(Order::Second, Surrogate::Ratio));
    assert!(!prepared(Order::Second, Surrogate::Dice));
    assert!(!prepared(Order::First, Surrogate::LogProb));
}
