//! Which tasks there are, by how they are described.

use crate::config::NAME;
use agent::LearnError;
use rl_core::{Domain, EnvFactory, StreamKey};
use std::collections::BTreeSet;

/// The most tasks that are told apart.
const MOST: u64 = 1000;
/// Tasks that are drawn at once to find all of them, few, since nobody has asked yet whether
/// memory holds more; and how often: of a thousand that are drawn alike one is missed with a
/// chance of e^−2000.
const LANES: usize = 1 << 4;
const DRAWS: u64 = 1 << 17;

/// A finite set of tasks, told apart by the descriptions that observations end with.
#[derive(Clone, Debug, PartialEq)]
pub struct TaskSet {
    /// Bits of the descriptions, sorted.
    descriptions: Vec<Vec<u32>>,
    /// Numbers of an observation before the description.
    own: usize,
}

impl TaskSet {
    /// Meets all tasks of an environment that shows them.
    ///
    /// # Errors
    /// If it does not show them, they are more than are told apart, they cannot be counted,
    /// or two of them are described alike.
    pub fn find(env: &dyn EnvFactory) -> Result<Self, LearnError> {
        let width = env.spec().observation.width();
        let refuse = |set: String, allowed: &str| {
            Err(LearnError::config("environment", set, allowed.to_owned()))
        };
        let name = &env.spec().name;
        let count = match env.tasks() {
            Some(count) if count <= MOST => count as usize,
            Some(count) => {
                let allowed = "one of at most 1000 tasks, as gridnavi has";
                return refuse(format!("{name} with {count} tasks"), allowed);
            }
            None => {
                let allowed = "one whose tasks can be counted, as those of gridnavi can";
                return refuse(name.clone(), allowed);
            }
        };
        let mut batch = env.make(LANES);
        let mut rows = vec![0.0; LANES * width];
        let mut found = BTreeSet::new();
        let mut size = 0;
        for draw in 0..DRAWS {
            batch.begin(&StreamKey::new(0, Domain::Training, draw), 0, &mut rows);
            for lane in 0..LANES {
                // Of no numbers where nothing is observed.
                let row = &rows[lane * width..(lane + 1) * width];
                let description = batch.description(lane);
                size = description.len();
                let shown = width.checked_sub(size).map(|own| &row[own..]);
                if size == 0 || shown != Some(&description[..]) {
                    let allowed = format!(
                        "one that shows its tasks: set environment.task=shown ({NAME} is told \
                         which task it is in)"
                    );
                    return refuse(format!("{name} with tasks hidden"), &allowed);
                }
                found.insert(bits(&description));
            }
            if found.len() == count {
                break;
            }
        }
        if found.len() != count {
            let set = format!("{name} with {count} tasks of {} descriptions", found.len());
            let allowed = "one whose tasks all occur and have a description each, no two of them \
                           alike, since tasks are told apart by it";
            return refuse(set, allowed);
        }
        Ok(Self {
            descriptions: found.into_iter().collect(),
            own: width - size,
        })
    }

    /// How many there are.
    pub fn count(&self) -> usize {
        self.descriptions.len()
    }

    /// Numbers of an observation before the description.
    pub fn own(&self) -> usize {
        self.own
    }

    /// The description of a task.
    pub fn description(&self, task: usize) -> Vec<f32> {
        let bits = self.descriptions[task].iter();
        bits.map(|bits| f32::from_bits(*bits)).collect()
    }

    /// The task that an observation shows; `None` for one that is not in the set.
    pub fn of(&self, observation: &[f32]) -> Option<usize> {
        let shown = bits(&observation[self.own..]);
        self.descriptions.binary_search(&shown).ok()
    }
}

fn bits(description: &[f32]) -> Vec<u32> {
    description.iter().map(|x| x.to_bits()).collect()
}
