//! An algorithm with a flaw of choice.

use agent::{ActMode, Adaptation, Algorithm, Fresh, LearnError, Setup, Training, Update, Watch};
use rl_core::{ActRow, ActionsMut, Array, EnvSpec, Footprint, Policy, PolicyFactory};
use rl_core::{Row, Stream, Tree};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::json;
use serde_json::value::RawValue;
use std::sync::Arc;

/// What its panics say.
pub(crate) const SAID: &str = "what a pity";
/// The update at which something goes wrong.
const THIRD: u64 = 3;

pub(crate) const FAULTY: Algorithm = Algorithm {
    name: "faulty",
    title: "Faulty",
    summary: "breaks",
    metrics: &[],
    learners: &[],
    inputs: None,
    settings: agent::schema_of::<Config>,
    check: |setup| Config::read(setup).map(drop),
    footprint: |setup| {
        may_panic("footprint", &Config::read(setup)?.flaw);
        Ok(Footprint::new())
    },
    start: |setup| {
        let Config { flaw } = Config::read(&setup)?;
        may_panic("start", &flaw);
        let done = if flaw == "ahead" { 7 } else { 0 };
        Ok(Box::new(Faulty { flaw, done }))
    },
};

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Config {
    flaw: String,
}

impl Config {
    fn read(setup: &Setup<'_>) -> Result<Self, LearnError> {
        setup.config(FAULTY.name)
    }
}

fn may_panic(method: &str, flaw: &str) {
    assert!(method != flaw, "{SAID}");
}

struct Faulty {
    flaw: String,
    done: u64,
}

impl Faulty {
    /// Whether a flaw shows now.
    fn has(&self, flaw: &str) -> bool {
        self.flaw == flaw && self.done >= THIRD
    }
}

impl Training for Faulty {
    fn updates(&self) -> u64 {
        6
    }

    fn updates_done(&self) -> u64 {
        self.done
    }

    fn env_steps(&self) -> u64 {
        10 * self.done
    }

    fn update(&mut self) -> Result<Update, LearnError> {
        if self.has("stuck") {
            return Update::new(0.0, &json!({}));
        }
        self.done += 1;
        if self.has("update") {
            panic!("{SAID}");
        }
        if self.has("diverged") {
            return Err(LearnError::Diverged("it is all infinite".to_owned()));
        }
        let mut row = json!({ "update": self.done, "env_steps": self.env_steps() });
        row["x"] = match self.has("number") {
            true => f64::NAN.into(),
            false => 0.5.into(),
        };
        if self.has("row") {
            row = json!([self.done]);
        }
        if self.has("lines") {
            let text = serde_json::to_string_pretty(&row).unwrap_or_default();
            let row = RawValue::from_string(text).map_err(|e| LearnError::Bug(e.to_string()))?;
            let mean_return = 0.0;
            return Ok(Update { mean_return, row });
        }
        Update::new(f64::NAN, &row)
    }

    fn policy(&self, _: ActMode) -> Arc<dyn PolicyFactory> {
        assert!(!self.has("policy"), "{SAID}");
        Arc::new(First)
    }

    fn adaptation(&self, _: &Fresh<'_>, _: &Watch) -> Result<Option<Adaptation>, LearnError> {
        let (trajectories, returns) = (1, Vec::new());
        let silent = Adaptation {
            trajectories,
            returns,
        };
        Ok((self.flaw == "silent").then_some(silent))
    }

    fn checkpoint(&self) -> Result<Tree, LearnError> {
        assert!(!self.has("checkpoint"), "{SAID}");
        let mut tree = Tree::default().with_count("done", self.done);
        if self.has("nan") {
            tree.insert("params/w", Array::floats(vec![2], vec![0.0, f32::NAN]));
        }
        if self.has("shape") {
            tree.insert("params/w", Array::floats(vec![3], vec![0.0; 2]));
        }
        Ok(tree)
    }

    fn restore(&mut self, checkpoint: &Tree) -> Result<(), LearnError> {
        may_panic("restore", &self.flaw);
        match &self.flaw[..] {
            "unfit" => checkpoint.expect_only(&["params"])?,
            "forgetful" => {}
            _ => self.done = checkpoint.count("done")?,
        }
        Ok(())
    }
}

/// Always the first action.
struct First;

impl PolicyFactory for First {
    fn name(&self) -> String {
        "faulty".to_owned()
    }

    fn make(&self, _: &EnvSpec, _: usize) -> Result<Box<dyn Policy>, String> {
        Ok(Box::new(Self))
    }
}

impl Policy for First {
    fn act(&mut self, _: &Row<'_>, _: &mut [Stream], out: ActRow<'_>) {
        if let ActionsMut::Discrete(actions) = out.action {
            actions.fill(0);
        }
    }
}
