//! A run as TensorBoard reads it: scalars in a file of events.
//!
//! The file is a sequence of records (length, data, and a masked CRC-32C of each), every
//! one of them an `Event` of TensorFlow's protocol buffers (`event.proto`,
//! `summary.proto`). Tags are those that users of other programs know where a number is
//! the same thing: `charts/episodic_return` is the return of a trial, the episode of an
//! agent that learns within it. Steps are environment steps. Wall clock counts from the
//! beginning of the run, which is not when.

use crate::read::Run;
use export::protobuf::Message;
use record::schema::EvalRow;

/// What other programs call a number of `metrics.jsonl`.
const TAGS: [(&str, &str); 8] = [
    ("mean_return", "charts/episodic_return"),
    ("learning_rate", "charts/learning_rate"),
    ("policy_loss", "losses/policy_loss"),
    ("value_loss", "losses/value_loss"),
    ("entropy", "losses/entropy"),
    ("approx_kl", "losses/approx_kl"),
    ("clip_fraction", "losses/clipfrac"),
    ("gradient_norm", "losses/gradient_norm"),
];

/// A number at a step.
#[derive(Clone, Debug, PartialEq)]
struct Scalar<'a> {
    tag: &'a str,
    step: u64,
    seconds: f64,
    value: f64,
}

/// The whole file of a run: everything in its rows that is a finite number, in the order
/// of their updates.
pub fn tensorboard(run: &Run) -> Vec<u8> {
    Events::default().of(run)
}

/// The file of a run that goes on: of each look at it, what is new. Put together it is what
/// [`tensorboard`] makes of the whole.
#[derive(Debug, Default)]
pub struct Events {
    begun: bool,
    /// The newest update that was given, and the newest evaluation; there is one before all
    /// updates.
    update: u64,
    evaluated: Option<u64>,
    /// Environment steps and wall clock of that update.
    before: (u64, f64),
}

impl Events {
    /// What is new in a run that may go on: an update once the time that it took is known.
    pub fn so_far(&mut self, run: &Run) -> Vec<u8> {
        self.until(run, run.timing.last().map_or(0, |row| row.update))
    }

    /// What is new in a run that has ended.
    pub fn of(&mut self, run: &Run) -> Vec<u8> {
        self.until(run, u64::MAX)
    }

    fn until(&mut self, run: &Run, last: u64) -> Vec<u8> {
        let mut file = Vec::new();
        if !std::mem::replace(&mut self.begun, true) {
            record(&mut file, &header());
        }
        let first = run
            .evaluations
            .partition_point(|row| Some(row.update) <= self.evaluated);
        let evaluations = run.evaluations[first..].iter();
        let mut evaluations = evaluations.take_while(|row| row.update <= last).peekable();
        let tag = |name: &str| {
            let known = TAGS.iter().find(|(own, _)| *own == name);
            known.map_or_else(|| format!("train/{name}"), |(_, tag)| (*tag).to_owned())
        };
        let tags: Vec<String> = run.metrics.names().map(tag).collect();
        for (index, stamp) in run.metrics.stamps().iter().enumerate() {
            if stamp.update <= self.update || stamp.update > last {
                continue;
            }
            while let Some(row) = evaluations.next_if(|row| row.update < stamp.update) {
                self.evaluated = Some(row.update);
                write(&mut file, &evaluated(run, row));
            }
            let numbers = tags.iter().zip(run.metrics.row(index));
            let now = (stamp.env_steps, seconds(run, stamp.update));
            write(&mut file, &self.updated(now, numbers));
            self.update = stamp.update;
            self.before = now;
        }
        for row in evaluations {
            self.evaluated = Some(row.update);
            write(&mut file, &evaluated(run, row));
        }
        file
    }

    /// The scalars of an update that ended at so many environment steps and seconds.
    fn updated<'a>(
        &self,
        (step, seconds): (u64, f64),
        numbers: impl Iterator<Item = (&'a String, Option<f64>)>,
    ) -> Vec<Scalar<'a>> {
        let scalar = |tag, value| Scalar {
            tag,
            step,
            seconds,
            value,
        };
        let numbers = numbers.filter_map(|(tag, value)| Some(scalar(tag.as_str(), value?)));
        let mut scalars: Vec<Scalar<'a>> = numbers.collect();
        let (steps, spent) = (step.saturating_sub(self.before.0), seconds - self.before.1);
        if spent > 0.0 {
            scalars.push(scalar("charts/SPS", steps as f64 / spent));
        }
        scalars
    }
}

/// Appends the scalars that are finite numbers.
fn write(file: &mut Vec<u8>, scalars: &[Scalar<'_>]) {
    let finite = scalars.iter().filter(|scalar| scalar.value.is_finite());
    finite.for_each(|scalar| record(file, &event(scalar)));
}

/// Wall clock of a run at an update, in seconds.
fn seconds(run: &Run, update: u64) -> f64 {
    let until = run.timing.partition_point(|row| row.update <= update);
    let last = until.checked_sub(1).and_then(|index| run.timing.get(index));
    last.map_or(0.0, |row| row.seconds)
}

/// The scalars of an evaluation.
fn evaluated(run: &Run, row: &EvalRow) -> [Scalar<'static>; 2] {
    let numbers = [
        ("eval/mean_return", row.mean_return),
        ("eval/standard_error", row.standard_error),
    ];
    numbers.map(|(tag, value)| Scalar {
        tag,
        step: row.env_steps,
        seconds: seconds(run, row.update),
        value,
    })
}

/// Appends a record.
fn record(file: &mut Vec<u8>, data: &[u8]) {
    let length = (data.len() as u64).to_le_bytes();
    file.extend(length);
    file.extend(masked(&length).to_le_bytes());
    file.extend(data);
    file.extend(masked(data).to_le_bytes());
}

/// `Event { wall_time = 1, file_version = 3 }`, which every file begins with.
fn header() -> Vec<u8> {
    let event = Message::default().double(1, 0.0).bytes(3, "brain.Event:2");
    event.finish()
}

/// `Event { wall_time = 1, step = 2, summary = 5 }` of a
/// `Summary { value = 1: Value { tag = 1, simple_value = 2 } }`.
fn event(scalar: &Scalar<'_>) -> Vec<u8> {
    let value = Message::default()
        .bytes(1, scalar.tag)
        .float(2, scalar.value as f32);
    let event = Message::default()
        .double(1, scalar.seconds)
        .number(2, scalar.step)
        .message(5, Message::default().message(1, value));
    event.finish()
}

/// The CRC-32C of bytes (Castagnoli's polynomial, reflected), rotated and shifted as in
/// TensorFlow's record files, so that a sum over sums is not itself one.
fn masked(bytes: &[u8]) -> u32 {
    crc_32c(bytes).rotate_right(15).wrapping_add(0xa282_ead8)
}

fn crc_32c(bytes: &[u8]) -> u32 {
    let step = |sum: u32, byte: &u8| {
        let low = (sum ^ u32::from(*byte)) & 0xff;
        let mixed = (0..8).fold(low, |sum, _| {
            (sum >> 1) ^ (0x82f6_3b78 & (sum & 1).wrapping_neg())
        });
        (sum >> 8) ^ mixed
    };
    !bytes.iter().fold(!0, step)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 3720, appendix B.4.
    #[test]
    fn checksums_are_the_published_ones() {
        assert_eq!(crc_32c(b"123456789"), 0xe306_9283);
        assert_eq!(crc_32c(&[0; 32]), 0x8a91_36aa);
        assert_eq!(crc_32c(&[0xff; 32]), 0x62a8_ab43);
        let rising: Vec<u8> = (0..32).collect();
        assert_eq!(crc_32c(&rising), 0x46dd_794e);
    }

    /// As TensorBoard 2.21 wrote it: a scalar `eval/mean_return` of 1.5 at step 300.
    #[test]
    fn an_event_is_what_the_protocol_says() {
        let scalar = Scalar {
            tag: "eval/mean_return",
            step: 300,
            seconds: 2.0,
            value: 1.5,
        };
        let mut expected = vec![0x09];
        expected.extend(2.0_f64.to_le_bytes());
        expected.extend([0x10, 0xac, 0x02, 0x2a, 25, 0x0a, 23, 0x0a, 16]);
        expected.extend(b"eval/mean_return");
        expected.push(0x15);
        expected.extend(1.5_f32.to_le_bytes());
        assert_eq!(event(&scalar), expected);
    }

    #[test]
    fn records_hold_their_lengths_and_checksums() {
        let mut file = Vec::new();
        record(&mut file, &header());
        assert_eq!(file.len(), 8 + 4 + (9 + 2 + 13) + 4);
        assert_eq!(file[..8], 24_u64.to_le_bytes());
        assert_eq!(file[8..12], masked(&file[..8]).to_le_bytes());
        assert_eq!(file[36..], masked(&file[12..36]).to_le_bytes());
    }
}
