//! Settings that change over a training.

use crate::common::{Numbers, config, trainer};
use multi_task::{MultiTaskConfig, Sharing, Trainer};
use nets::{Schedule, Shape};

/// From the first of four updates to the last one, whose rate of 0 moves nothing.
#[test]
fn rates_and_bonuses_fall_as_they_are_scheduled() {
    let falling = |from| Schedule {
        from,
        to: 0.0,
        shape: Shape::Linear,
    };
    let config = MultiTaskConfig {
        updates: 4,
        learning_rate: falling(0.03),
        entropy_coefficient: falling(0.3),
        ..config(Sharing::Film {})
    };
    let mut trainer = trainer(&Numbers::default(), config);
    let params = |trainer: &Trainer| trainer.checkpoint().unwrap().branch("params");
    for share in [1.0, 2.0 / 3.0, 1.0 / 3.0, 0.0] {
        let before = params(&trainer);
        let metrics = trainer.update().unwrap();
        assert!((metrics.learning_rate - 0.03 * share).abs() < 1e-12);
        assert!((metrics.entropy_coefficient - 0.3 * share).abs() < 1e-12);
        assert_eq!(before == params(&trainer), share == 0.0, "{metrics:?}");
    }
}
