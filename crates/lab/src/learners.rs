//! Learners without networks, by name: the classical ones, the policies that are best
//! in each of an environment's tasks as one, those that an environment brings along,
//! and its exact solution.

use crate::oracles::Oracles;
use crate::registry::{Built, Registry};
use crate::settings::{checked, table};
use classical::{Family, LearnerInfo};
use combination::{Combined, RuleInfo};
use record::schema::LearnerKind;
use rl_core::{
    EnvFactory, EnvironmentEntry, PolicyFactory, Setting, SettingError, Settings, suggestion,
};
use std::borrow::Cow;
use std::sync::Arc;
use toml::{Table, Value};

/// The exact solution, which the environment gives.
const BAYES_OPTIMAL: &str = "bayes-optimal";

/// What there is to know of a learner.
#[derive(Debug)]
pub struct About {
    /// What it is called.
    pub name: Cow<'static, str>,
    /// What it does, in one line.
    pub summary: Cow<'static, str>,
    /// What there is to set.
    pub keys: &'static [Setting],
    source: Source,
}

/// What makes a learner.
#[derive(Debug)]
enum Source {
    /// Nothing but its settings.
    Classical(&'static LearnerInfo),
    /// The experts of the environment's tasks.
    Combination(&'static RuleInfo),
    /// The environment, which brings it along.
    Environment,
    /// The environment's exact solution.
    Exact,
}

/// All learners that are not made for one environment.
pub fn all() -> Vec<About> {
    let classical = classical::learners().iter().map(|info| About {
        name: info.name.into(),
        summary: info.summary.into(),
        keys: info.settings,
        source: Source::Classical(info),
    });
    let combined = combination::rules().iter().map(|info| About {
        name: info.name.into(),
        summary: info.summary.into(),
        keys: info.settings,
        source: Source::Combination(info),
    });
    let exact = About {
        name: BAYES_OPTIMAL.into(),
        summary: "plays the exact solution, where the environment can give it".into(),
        keys: &[],
        source: Source::Exact,
    };
    classical.chain(combined).chain([exact]).collect()
}

/// The learners that an environment brings along, which have no parameters.
fn own(env: &dyn EnvFactory) -> Vec<About> {
    let about = |name: String| About {
        name: name.into(),
        summary: format!("made for {}", env.spec().name).into(),
        keys: &[],
        source: Source::Environment,
    };
    let learners = env.learners().into_iter();
    learners.map(|policy| about(policy.name())).collect()
}

/// The learners that environments bring along, each with all environments that
/// bring one of its name, by their usual settings.
pub fn of_environments(registry: &Registry) -> Vec<About> {
    let mut all: Vec<About> = Vec::new();
    let built = registry.environments().iter().filter_map(usual);
    for about in built.flat_map(|built| own(built.factory.as_ref())) {
        match all.iter_mut().find(|other| other.name == about.name) {
            Some(other) => {
                let more = about.summary.trim_start_matches("made for ");
                other.summary.to_mut().push_str(&format!(", {more}"));
            }
            None => all.push(about),
        }
    }
    all
}

/// The environment with its usual settings.
fn usual(entry: &EnvironmentEntry) -> Option<Built> {
    Built::new(entry, &Table::new()).ok()
}

/// The learners that can act in an environment and suit, by their names, with their usual
/// settings. Exact solutions, which may take minutes, are not tried.
pub fn fitting(
    built: &Built,
    oracles: &Oracles<'_>,
    suits: impl Fn(&dyn PolicyFactory) -> bool,
) -> Vec<String> {
    let mut about = own(built.factory.as_ref());
    about.extend(all());
    let fits = |about: About| {
        let spec = LearnerSpec::of("", about, &Table::new()).ok()?;
        let player = match spec.is_exact() {
            true => return None,
            false => spec.make(built, oracles).ok()?,
        };
        suits(player.policy.as_ref()).then(|| spec.about.name.into_owned())
    };
    about.into_iter().filter_map(fits).collect()
}

/// The learner of a name, for an environment: whatever its settings, it brings
/// the same learners along.
///
/// # Errors
/// Names the nearest one.
pub fn find(name: &str, entry: &EnvironmentEntry) -> Result<About, String> {
    let built = usual(entry);
    let mut about = built.map_or_else(Vec::new, |built| own(built.factory.as_ref()));
    about.extend(all());
    among(about, name)
}

fn among(all: Vec<About>, name: &str) -> Result<About, String> {
    let help = suggestion(name, all.iter().map(|about| about.name.as_ref()));
    let found = all.into_iter().find(|about| about.name == name);
    found.ok_or_else(|| format!("no learner '{name}'; {help}"))
}

/// A learner that is ready to play.
pub struct Player {
    /// What it is.
    pub kind: LearnerKind,
    /// How it acts.
    pub policy: Arc<dyn PolicyFactory>,
}

/// A learner as it was asked for, with all its parameters.
#[derive(Debug)]
pub struct LearnerSpec {
    about: About,
    params: Settings,
}

impl LearnerSpec {
    /// Checks a name and parameters; those not given have their defaults.
    ///
    /// # Errors
    /// Names the nearest learner or key, or what is allowed; parameters have
    /// `place` in front.
    pub fn new(place: &str, name: &str, params: &Table) -> Result<Self, String> {
        Self::of(place, among(all(), name)?, params)
    }

    /// The same, where the environment's own learners are known too.
    ///
    /// # Errors
    /// As [`Self::new`].
    pub fn new_in(
        place: &str,
        name: &str,
        params: &Table,
        env: &dyn EnvFactory,
    ) -> Result<Self, String> {
        let mut about = own(env);
        about.extend(all());
        Self::of(place, among(about, name)?, params)
    }

    fn of(place: &str, about: About, params: &Table) -> Result<Self, String> {
        let params = checked(place, about.keys, params)?;
        Ok(Self { about, params })
    }

    /// Reads `{ name = "ucb1", c = 0.2 }`, which stands at `place`, for an
    /// environment.
    ///
    /// # Errors
    /// As [`Self::new`].
    pub fn read(place: &str, table: &Table, env: &dyn EnvFactory) -> Result<Self, String> {
        let mut params = table.clone();
        match params.remove("name") {
            Some(Value::String(name)) => {
                let spec = Self::new_in(place, &name, &params, env);
                spec.map_err(|message| match message.starts_with(place) {
                    true => message,
                    false => format!("{place}.name: {message}"),
                })
            }
            Some(other) => {
                let fault = SettingError::refused("name", other, "text in quotes");
                Err(fault.below(place).into())
            }
            None => Err(format!(
                "{place}.name is missing, as in {{ name = \"thompson\" }}"
            )),
        }
    }

    /// The counterpart of [`Self::read`], complete.
    pub fn to_table(&self) -> Table {
        let name = Value::String(self.about.name.to_string());
        let named = Table::from_iter([("name".to_owned(), name)]);
        named.into_iter().chain(table(&self.params)).collect()
    }

    /// Whether it is the environment's exact solution.
    pub(crate) fn is_exact(&self) -> bool {
        matches!(self.about.source, Source::Exact)
    }

    /// Whether it reads gradients of a function.
    fn descends(&self) -> bool {
        matches!(self.about.source, Source::Classical(info) if info.family == Family::Descent)
    }

    /// The learner, for an environment.
    ///
    /// # Errors
    /// If it cannot act there: why.
    pub fn make(&self, built: &Built, oracles: &Oracles) -> Result<Player, String> {
        let (env, name) = (&built.factory, self.about.name.as_ref());
        let refuse = |why| format!("'{name}' cannot act in '{}': {why}", env.spec().name);
        let policy: Arc<dyn PolicyFactory> = match self.about.source {
            Source::Exact => {
                let policy = oracles.policy(built).map_err(refuse)?;
                let kind = LearnerKind::Oracle;
                return Ok(Player { kind, policy });
            }
            Source::Classical(info) => Arc::from(info.make(&self.params)),
            Source::Combination(info) => {
                let rule = info.rule(&self.params);
                Arc::new(Combined::of_experts(rule, env.as_ref()).map_err(refuse)?)
            }
            Source::Environment => {
                let mut own = env.learners().into_iter();
                let policy = own.find(|policy| policy.name() == name);
                let none = || refuse("it brings no such learner along".to_owned());
                Arc::from(policy.ok_or_else(none)?)
            }
        };
        let room = oracles.check_learner(built, policy.as_ref());
        room.map_err(|failure| failure.message)?;
        // So that what cannot act is found out before a long training.
        policy.make(env.spec(), 1).map_err(refuse)?;
        // Rows of numbers may look like a function's, and be none.
        if self.descends() && env.objectives().is_none() {
            let why = "its rows have the shape of a function's value and gradient, but its tasks \
                       are no functions that can be differentiated";
            return Err(refuse(why.to_owned()));
        }
        Ok(Player {
            kind: LearnerKind::Classical,
            policy,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::room::Room;
    use crate::stop::Stop;
    use rl_core::{
        ActionSpace, Continuous, EnvSpec, Environment, ObservationSpace, Step, Stream,
        TaskDistribution, Trial,
    };

    /// An angle's cosine and sine, a speed, and a torque: the shape of a function of one
    /// parameter, and none.
    #[derive(Clone, Default)]
    struct Pendulum;

    impl Environment for Pendulum {
        type State = ();
        type Action = Continuous;

        fn reset(&self, (): &mut (), _: &mut Stream) {}

        fn step(&self, (): &mut (), _: &[f32], _: &mut Stream) -> Step {
            Step::proceed(0.0)
        }

        fn observe(&self, (): &(), observation: &mut [f32]) {
            observation.copy_from_slice(&[1.0, 0.0, 0.0]);
        }
    }

    impl TaskDistribution for Pendulum {
        type Task = Self;

        fn spec(&self) -> EnvSpec {
            EnvSpec {
                name: "pendulum".into(),
                observation: ObservationSpace::Vector { size: 3 },
                action: ActionSpace::Box {
                    low: vec![-1.0],
                    high: vec![1.0],
                },
                horizon: 5,
                trial: Trial::Episodes(1),
            }
        }

        fn sample(&self, _: &mut Self, _: &mut Stream) {}
    }

    #[test]
    fn what_looks_like_a_function_and_is_none_is_not_descended() {
        let make = |built: &Built, name: &str| {
            let spec = LearnerSpec::new(name, name, &Table::new()).unwrap();
            let player = spec.make(built, &Oracles::new(&(), Room::now(), Stop::default()));
            player.map(|player| player.policy.name())
        };
        let entry = EnvironmentEntry::new("pendulum", "an example", |_| Ok(Pendulum));
        let pendulum = Built::new(&entry, &Table::new()).unwrap();
        let error = make(&pendulum, "adam").unwrap_err();
        assert!(error.contains("'adam' cannot act in 'pendulum'"), "{error}");
        assert!(error.contains("its tasks are no functions"), "{error}");
        assert!(make(&pendulum, "random").is_ok());
        let registry = Registry::standard();
        let entry = registry.environment("quadratics").unwrap();
        let quadratics = Built::new(entry, &Table::new()).unwrap();
        assert!(make(&quadratics, "adam").is_ok());
    }

    fn grid(task: &str) -> Built {
        let registry = Registry::standard();
        let entry = registry.environment("gridnavi").unwrap();
        let set = format!("task = \"{task}\"").parse().unwrap();
        Built::new(entry, &set).unwrap()
    }

    #[test]
    fn environments_bring_learners_along() {
        let make = |name: &str, task: &str| {
            let built = grid(task);
            let env = built.factory.as_ref();
            let spec = LearnerSpec::new_in(name, name, &Table::new(), env).unwrap();
            let player = spec.make(&built, &Oracles::new(&(), Room::now(), Stop::default()));
            player.map(|player| player.policy.name())
        };
        assert_eq!(make("known-goal", "shown"), Ok("known-goal".to_owned()));
        let error = make("known-goal", "hidden").unwrap_err();
        assert!(error.contains("set task=shown"), "{error}");
        assert!(make("posterior-sampling", "hidden").is_ok());
        let error = make("posterior-sampling", "shown").unwrap_err();
        assert!(error.contains("set task=hidden"), "{error}");
        let registry = Registry::standard();
        let bandit = registry.environment("bernoulli-bandit").unwrap();
        assert!(find("known-goal", bandit).is_err());
        let grid = registry.environment("gridnavi").unwrap();
        assert!(
            find("knwn-goal", grid)
                .unwrap_err()
                .contains("'known-goal'")
        );
        let listed = of_environments(&registry);
        let known = listed
            .iter()
            .find(|about| about.name == "known-goal")
            .unwrap();
        assert!(
            known.summary.contains("gridnavi, dark-key-door, maze"),
            "{}",
            known.summary
        );
    }

    fn read(text: &str) -> Result<Table, String> {
        let table: Table = text.parse().unwrap();
        let env = grid("hidden").factory;
        let spec = LearnerSpec::read("evaluation.learners.0", &table, env.as_ref());
        spec.map(|spec| spec.to_table())
    }

    #[test]
    fn parameters_are_completed_and_checked() {
        let table = read("name = \"ucb1\"").unwrap();
        assert!(table.contains_key("c"), "{table}");
        assert_eq!(
            read("name = \"ucb1\"\nc = 1").unwrap()["c"],
            Value::Float(1.0)
        );
        let message = |text: &str| read(text).unwrap_err();
        assert_eq!(
            message("name = \"tomson\""),
            "evaluation.learners.0.name: no learner 'tomson'; did you mean 'thompson'?"
        );
        assert!(message("name = \"ucb1\"\nk = 1").starts_with("evaluation.learners.0.k: no such"));
        assert!(message("name = \"ucb1\"\nc = -1").starts_with("evaluation.learners.0.c = -1"));
        assert!(message("c = 1").contains("name is missing"));
    }
}
