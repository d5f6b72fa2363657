//! Which ways to begin are tried on which tasks, as the data file says.

use crate::commands::table::Source;
use crate::tables::plan::{latest, position};
use lab::config::RunConfig;
use lab::failure::Failure;
use lab::presets;
use lab::registry::{Built, Registry};
use lab::transfer::{NewTask, Rules, Unit};
use rl_core::{Domain, EnvFactory, StreamKey, suggestion};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::sync::Arc;
use toml::{Table, Value};

/// The data file.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Data {
    title: String,
    caption: String,
    /// Of the way to what knowing the task earns.
    share: f64,
    tasks: u64,
    /// Tasks of a rough look.
    quick_tasks: u64,
    ways: Vec<Way>,
    families: Vec<FamilyData>,
}

/// A way to begin.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Way {
    pub(super) name: String,
    pub(super) title: String,
    /// Whether nothing was learned before: what the others are compared with.
    #[serde(default)]
    pub(super) scratch: bool,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct FamilyData {
    name: String,
    title: String,
    environment: Table,
    unit: Unit,
    rules: Sizes,
    quick: Sizes,
    #[serde(default)]
    trainings: Vec<Training>,
    ways: BTreeMap<String, Begins>,
    /// Why its tasks cannot be begun in all other ways.
    #[serde(default)]
    impossible: BTreeMap<String, String>,
}

/// The rules of a family that depend on how thorough a look is.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Sizes {
    trials: usize,
    window: u64,
    budget: u64,
}

/// What is trained on the distribution, before any new task.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Training {
    pub(super) name: String,
    preset: String,
    #[serde(default)]
    words: Vec<String>,
    /// What a rough look sets beside.
    #[serde(default)]
    quick: Vec<String>,
}

/// How an agent begins in a new task, and goes on there.
#[derive(Clone, Debug, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case", deny_unknown_fields)]
pub(super) enum Begins {
    /// It trains there, from nothing or from what a training learned.
    Learns {
        preset: String,
        #[serde(default)]
        words: Vec<String>,
        #[serde(default)]
        quick: Vec<String>,
        from: Option<String>,
    },
    /// The agent of a training lives one trial there.
    Remembers { training: String },
    /// The agent of a training takes gradient steps of its own.
    Adapts { training: String },
    /// A learner by hand lives one trial there.
    Plays { learner: Table },
}

impl Begins {
    /// The training that goes before.
    pub(super) fn training(&self) -> Option<&str> {
        match self {
            Self::Learns { from, .. } => from.as_deref(),
            Self::Remembers { training } | Self::Adapts { training } => Some(training),
            Self::Plays { .. } => None,
        }
    }
}

/// A set of tasks.
pub(super) struct Family {
    pub(super) name: String,
    pub(super) title: String,
    /// Its environment, where random acting is measured.
    pub(super) built: Built,
    pub(super) rules: Rules,
    pub(super) trainings: Vec<Training>,
    /// By the names of the ways.
    pub(super) ways: BTreeMap<String, Begins>,
    /// Reasons, by the names of all other ways.
    impossible: BTreeMap<String, String>,
}

/// The table to be made.
pub(super) struct Plan {
    pub(super) name: &'static str,
    pub(super) title: String,
    pub(super) caption: String,
    pub(super) share: f64,
    pub(super) tasks: u64,
    pub(super) quick: bool,
    pub(super) seed: u64,
    pub(super) ways: Vec<Way>,
    pub(super) families: Vec<Family>,
}

impl Plan {
    /// Reads the data file.
    ///
    /// # Errors
    /// Names the key at fault, its value and what is allowed.
    pub(super) fn read(
        registry: &Registry,
        source: Source,
        (quick, seed): (bool, u64),
    ) -> Result<Self, Failure> {
        let wrong = |message: String| source.wrong(message);
        let data: Data = source.read()?;
        let families = data.families.into_iter();
        let families = families.map(|family| family.build(registry, &data.ways, quick));
        let plan = Self {
            name: source.name,
            title: data.title,
            caption: data.caption,
            share: data.share,
            tasks: if quick { data.quick_tasks } else { data.tasks },
            quick,
            seed,
            families: families.collect::<Result<_, _>>().map_err(wrong)?,
            ways: data.ways,
        };
        if !(plan.share > 0.0 && plan.share < 1.0) {
            let share = plan.share;
            return Err(wrong(format!("share = {share}; allowed: inside 0 and 1")));
        }
        Ok(plan)
    }

    /// How a family's tasks are begun in a way, if they can be.
    pub(super) fn begins(&self, (family, way): (usize, usize)) -> Option<&Begins> {
        self.families[family].ways.get(&self.ways[way].name)
    }

    /// Why they cannot be, as a clause.
    pub(super) fn impossible(&self, (family, way): (usize, usize)) -> Option<&str> {
        let reason = self.families[family].impossible.get(&self.ways[way].name);
        reason.map(String::as_str)
    }

    /// All ways in all families, row by row.
    pub(super) fn places(&self) -> impl Iterator<Item = (usize, usize)> + use<> {
        let ways = self.ways.len();
        (0..self.families.len()).flat_map(move |family| (0..ways).map(move |way| (family, way)))
    }

    /// The configuration of a family's training.
    ///
    /// # Errors
    /// If the data file asks for what cannot be.
    pub(super) fn training(
        &self,
        registry: &Registry,
        (family, name): (&Family, &str),
    ) -> Result<RunConfig, Failure> {
        let names = family.trainings.iter().map(|training| &*training.name);
        let place = position(self.name, "training", name, names).map_err(Failure::internal)?;
        let Training {
            preset,
            words,
            quick,
            ..
        } = &family.trainings[place];
        self.config(registry, family, (preset, words, quick))
    }

    /// The configuration of a training in a new task.
    ///
    /// # Errors
    /// As [`Self::training`].
    pub(super) fn config(
        &self,
        registry: &Registry,
        family: &Family,
        (preset, words, quick): (&str, &[String], &[String]),
    ) -> Result<RunConfig, Failure> {
        let source = presets::Source::find(preset.as_ref())?;
        let quick = if self.quick { quick } else { &[] };
        let words = latest(words.iter().chain(quick).cloned());
        let config = RunConfig::resolve(registry, &source.place, &source.text, &words)?;
        let here = family.built.factory.spec();
        let there = config.built.factory.spec();
        if there.name != here.name || there.horizon != here.horizon {
            return Err(Failure::internal(format!(
                "table {}, {}: preset {preset} is of '{}' with episodes of {} steps; allowed: \
                 '{}' with {}",
                self.name, family.name, there.name, there.horizon, here.name, here.horizon
            )));
        }
        for number in 0..ALIKE {
            let worth = |env| worth(env, (family.rules.unit, self.seed, number));
            let (here, there) = (worth(&family.built.factory), worth(&config.built.factory));
            if !alike(here, there) {
                return Err(Failure::internal(format!(
                    "table {}, {}: preset {preset} as it is set has other tasks: number {number} \
                     is worth {there:?} there, and {here:?} as [families.environment] says; allowed: \
                     settings of the same tasks",
                    self.name, family.name
                )));
            }
        }
        Ok(config.with_seed(self.seed))
    }
}

/// Tasks that are looked at to tell whether two environments draw the same ones.
const ALIKE: u64 = 3;

/// What a unit of a new task is worth to whoever knows it, where the environment says so.
fn worth(env: &Arc<dyn EnvFactory>, (unit, seed, number): (Unit, u64, u64)) -> Option<f64> {
    let alone = NewTask::new(env, seed, number).alone();
    let mut lane = alone.make(1);
    let mut first = vec![0.0; alone.spec().observation.width()];
    lane.begin(&StreamKey::new(0, Domain::HeldOut, 0), 0, &mut first);
    let units = unit.of_trial(&alone).ok()? as f64;
    Some(lane.known_task_optimum(0)? / units)
}

/// Whether that is the same; trials of other lengths round otherwise.
fn alike(here: Option<f64>, there: Option<f64>) -> bool {
    match (here, there) {
        (Some(here), Some(there)) => (here - there).abs() <= 1e-6 * here.abs().max(1.0),
        (here, there) => here == there,
    }
}

impl FamilyData {
    fn build(self, registry: &Registry, ways: &[Way], quick: bool) -> Result<Family, String> {
        let place = format!("families.{}", self.name);
        self.expect_every_way(&place, ways)?;
        for (way, begins) in &self.ways {
            let trainings = || self.trainings.iter().map(|training| &*training.name);
            if let Some(name) = begins.training()
                && !trainings().any(|training| training == name)
            {
                let help = suggestion(name, trainings());
                return Err(format!("{place}.ways.{way}: no training '{name}'; {help}"));
            }
        }
        let mut set = self.environment;
        let Some(Value::String(environment)) = set.remove("name") else {
            return Err(format!("{place}.environment.name is missing or no text"));
        };
        let built = registry.environment(&environment);
        let built = built.and_then(|entry| Built::new(entry, &set));
        let built = built.map_err(|message| format!("{place}: {message}"))?;
        let allowed = self.unit.of_trial(built.factory.as_ref());
        allowed.map_err(|allowed| format!("{place}.unit: allowed: {allowed}"))?;
        let sizes = if quick { self.quick } else { self.rules };
        Ok(Family {
            rules: Rules {
                unit: self.unit,
                trials: sizes.trials,
                window: sizes.window,
                budget: sizes.budget,
            },
            name: self.name,
            title: self.title,
            built,
            trainings: self.trainings,
            ways: self.ways,
            impossible: self.impossible,
        })
    }

    /// Refuses names of no way, and gaps: of every way it is said either how these tasks are
    /// begun so or why they cannot be.
    fn expect_every_way(&self, place: &str, ways: &[Way]) -> Result<(), String> {
        let names = || ways.iter().map(|way| way.name.as_str());
        let begun = self.ways.keys().map(|name| ("ways", name));
        let others = self.impossible.keys().map(|name| ("impossible", name));
        for (key, name) in begun.chain(others) {
            if !names().any(|way| way == name) {
                let help = suggestion(name, names());
                return Err(format!("{place}.{key}: no way '{name}'; {help}"));
            }
        }
        let said = |way: &str| {
            let keys = [
                self.ways.contains_key(way),
                self.impossible.contains_key(way),
            ];
            keys.into_iter().filter(|said| *said).count()
        };
        match names().find(|way| said(way) != 1) {
            None => Ok(()),
            Some(way) => Err(format!(
                "{place}: way '{way}' is in {} of 'ways' and 'impossible'; allowed: one, which \
                 says how such a task is begun so or why it cannot be",
                said(way)
            )),
        }
    }
}

/// What a cell is worth keeping under: all that its results depend on, but for the task.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Depends {
    pub(super) share: f64,
    pub(super) unit: Unit,
    pub(super) trials: usize,
    pub(super) window: u64,
    pub(super) budget: u64,
    pub(super) environment: String,
    /// Configurations of what is trained, before and there.
    pub(super) configs: Vec<String>,
    /// The learner by hand.
    pub(super) learner: Option<String>,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::commands::table::TABLES;

    fn source() -> Source {
        let mut tables = TABLES.iter();
        tables
            .find(|entry| entry.name == "transfer")
            .unwrap()
            .source()
    }

    #[test]
    fn of_every_way_it_is_said_how_or_why_not() {
        let refused = |from: &str, to: &str| {
            let data = source().data;
            assert!(data.contains(from), "{from}");
            let data = data.replacen(from, to, 1).leak();
            let source = Source { data, ..source() };
            let plan = Plan::read(&Registry::standard(), source, (false, 0));
            plan.err().unwrap().message
        };
        let gap = refused("\nby-hand = ", "\n# by-hand = ");
        assert!(
            gap.contains("families.point-navigation: way 'by-hand' is in 0 of"),
            "{gap}"
        );
        let [twice, none] = ["rl2", "rl3"].map(|way| {
            let said = "[families.impossible]\n";
            refused(said, &format!("{said}{way} = \"of that\"\n"))
        });
        assert!(twice.contains("way 'rl2' is in 2 of"), "{twice}");
        assert!(none.contains("impossible: no way 'rl3'"), "{none}");
        let none = refused("[families.ways.by-hand]", "[families.ways.by-hands]");
        assert!(none.contains("ways: no way 'by-hands'"), "{none}");
    }

    #[test]
    fn everything_that_the_data_file_names_can_be() {
        let registry = Registry::standard();
        for quick in [false, true] {
            let plan = Plan::read(&registry, source(), (quick, 0)).unwrap();
            assert!(plan.ways.iter().any(|way| way.scratch));
            for family in &plan.families {
                let env = &family.built.factory;
                let mut lane = env.make(1);
                let mut first = vec![0.0; env.spec().observation.width()];
                lane.begin(&StreamKey::new(0, Domain::HeldOut, 0), 0, &mut first);
                assert!(lane.known_task_optimum(0).is_some(), "{}", family.name);
                for training in &family.trainings {
                    plan.training(&registry, (family, &training.name)).unwrap();
                }
                for (way, begins) in &family.ways {
                    let Begins::Learns {
                        preset,
                        words,
                        quick,
                        from,
                    } = begins
                    else {
                        continue;
                    };
                    let there = (preset.as_str(), &words[..], &quick[..]);
                    let config = plan.config(&registry, family, there).unwrap();
                    let scratch = plan.ways.iter().find(|other| other.name == *way).unwrap();
                    assert_eq!(scratch.scratch, from.is_none(), "{way}");
                    // What is learned there is of the same network as what was before.
                    if let Some(from) = from {
                        let before = plan.training(&registry, (family, from)).unwrap();
                        assert_eq!(before.told, config.told, "{way}");
                    }
                }
            }
        }
    }
}
