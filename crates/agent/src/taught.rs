//! A student that acts beside its teacher.

use rl_core::rand::RngExt as _;
use rl_core::{ActRow, ActionsMut, EnvSpec, Policy, PolicyFactory, Row, Stream};
use std::sync::Arc;

/// Students that are taught: the teacher labels every row ([`ActRow::label`]), and in a
/// share of the trials acts too (DAgger: Ross, Gordon and Bagnell 2011, algorithm 3.1,
/// whose mixture is drawn once a trial here, so that histories are either's whole ones).
pub(crate) struct Taught {
    pub(crate) student: Arc<dyn PolicyFactory>,
    pub(crate) teacher: Arc<dyn PolicyFactory>,
    /// Of the trials, in which the teacher acts; 0 to 1.
    pub(crate) share: f64,
}

impl PolicyFactory for Taught {
    fn name(&self) -> String {
        format!("{} taught by {}", self.student.name(), self.teacher.name())
    }

    fn make(&self, spec: &EnvSpec, lanes: usize) -> Result<Box<dyn Policy>, String> {
        Ok(Box::new(TaughtPolicy {
            student: self.student.make(spec, lanes)?,
            teacher: self.teacher.make(spec, lanes)?,
            share: self.share,
            led: vec![false; lanes],
            actions: vec![0; lanes],
            scratch: vec![0.0; 2 * lanes],
        }))
    }

    fn bytes(&self, spec: &EnvSpec, lanes: usize) -> f64 {
        self.student.bytes(spec, lanes) + self.teacher.bytes(spec, lanes) + 13.0 * lanes as f64
    }
}

struct TaughtPolicy {
    student: Box<dyn Policy>,
    teacher: Box<dyn Policy>,
    share: f64,
    led: Vec<bool>,    // [lanes], whether the teacher acts in the trial
    actions: Vec<u32>, // [lanes], what the teacher would do
    scratch: Vec<f32>, // [2][lanes], what nobody needs of the teacher
}

impl Policy for TaughtPolicy {
    fn act(&mut self, row: &Row<'_>, streams: &mut [Stream], out: ActRow<'_>) {
        let lanes = self.led.iter_mut().zip(row.start).zip(&mut *streams);
        for ((led, start), stream) in lanes {
            if *start {
                *led = stream.random::<f64>() < self.share;
            }
        }
        let ActRow {
            action: ActionsMut::Discrete(actions),
            log_prob,
            value,
            label,
        } = out
        else {
            panic!("continuous actions given to a student");
        };
        let (unused, unread) = self.scratch.split_at_mut(row.lanes);
        let taught = ActRow {
            action: ActionsMut::Discrete(&mut self.actions),
            log_prob: unused,
            value: unread,
            label,
        };
        self.teacher.advise(row, streams, taught);
        let own = ActRow {
            action: ActionsMut::Discrete(&mut *actions),
            log_prob,
            value,
            label: &mut [],
        };
        self.student.act(row, streams, own);
        for ((action, taught), led) in actions.iter_mut().zip(&self.actions).zip(&self.led) {
            if *led {
                *action = *taught;
            }
        }
    }
}
