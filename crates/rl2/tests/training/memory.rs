//! What an agent remembers, and where it can act.

use crate::common::{BACKENDS, config, seen_as, switches, trainer};
use agent::Training as _;
use agent::{ActMode, BackendKind};
use rl_core::{
    ActRow, Actions, ActionsMut, Domain, ObservationSpace, Outcome, Purpose, Row, StreamKey,
};

#[test]
fn lived_again_the_log_probabilities_are_the_rollouts() {
    for backend in BACKENDS {
        let mut trainer = trainer(config(backend), 2, 2);
        // Some updates first, so that the policy is far from uniform.
        for _ in 0..8 {
            trainer.update().unwrap();
        }
        trainer.collect().unwrap();
        check_lived_again(&trainer);
    }
}

/// Asserts that trials lived again have the log-probabilities that they had.
pub(crate) fn check_lived_again(trainer: &rl2::Trainer) {
    let samples = trainer.learner().samples();
    for (tile, collected) in samples.batch.tiles().iter().enumerate() {
        let values = trainer.learner().parameters();
        let again = trainer
            .learner()
            .backend()
            .log_probs(values, samples, tile)
            .unwrap();
        let first = collected.trajectory().log_probs();
        assert_eq!(again.len(), first.len());
        for (again, first) in again.iter().zip(first) {
            assert!((again - first).abs() < 1e-5, "{again} and {first}");
        }
    }
}

#[test]
fn an_agent_refuses_another_environment() {
    let other = seen_as(ObservationSpace::Vector { size: 3 }, false);
    for backend in BACKENDS {
        let trainer = trainer(config(backend), 0, 1);
        let policy = trainer.policy(ActMode::Sample);
        let error = policy.make(other.spec(), 4).err().unwrap();
        assert!(error.contains("trained on observations"), "{error}");
    }
}

/// What a lane is told: start, previous action, previous reward, boundary.
type Told = (bool, u32, f32, Outcome);

/// Values of two lanes after a history each, from one policy of an untrained
/// network.
fn values_after(backend: BackendKind, history: &[[Told; 2]]) -> [f32; 2] {
    let trainer = trainer(config(backend), 0, 1);
    let policy = trainer.policy(ActMode::Sample);
    let mut policy = policy.make(switches().spec(), 2).unwrap();
    let key = StreamKey::new(0, Domain::HeldOut, 0);
    let mut streams = [0, 1].map(|lane| key.lane(Purpose::Action, lane));
    let mut values = [0.0; 2];
    for told in history {
        let row = Row {
            lanes: 2,
            observation: &[0.0; 2],
            start: &told.map(|t| t.0),
            previous_action: Actions::Discrete(&told.map(|t| t.1)),
            previous_reward: &told.map(|t| t.2),
            previous_outcome: &told.map(|t| t.3),
            told: &[],
            final_observation: None,
        };
        let out = ActRow {
            action: ActionsMut::Discrete(&mut [0; 2]),
            log_prob: &mut [0.0; 2],
            value: &mut values,
            label: &mut [],
        };
        policy.act(&row, &mut streams, out);
    }
    values
}

#[test]
fn memory_is_lost_between_trials_and_nowhere_else() {
    use Outcome::{Continue, Truncated};
    let first: Told = (true, 0, 0.0, Continue);
    let paid: Told = (false, 1, 1.0, Continue);
    let unpaid: Told = (false, 1, 0.0, Continue);
    let episode: Told = (false, 0, 0.0, Truncated);
    // What a trial's start says of the life before must not matter either.
    let trials: [Told; 2] = [(true, 1, 1.0, Truncated), (true, 0, 0.0, Continue)];
    for backend in BACKENDS {
        let lives = [[first; 2], [paid, unpaid]];
        let [rich, poor] = values_after(backend, &lives);
        assert_ne!(rich, poor);
        let [rich, poor] = values_after(backend, &[lives[0], lives[1], [episode; 2]]);
        assert_ne!(
            rich, poor,
            "{backend:?}: an episode's end is remembered over"
        );
        let [rich, poor] = values_after(backend, &[lives[0], lives[1], trials]);
        assert_eq!(rich, poor, "{backend:?}: a trial's end is not");
        let [fresh, _] = values_after(backend, &[[first; 2]]);
        assert_eq!(
            rich, fresh,
            "{backend:?}: a new trial begins as the first did"
        );
    }
}
