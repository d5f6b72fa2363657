//! `render`: pictures of a task and of a learner, or of a trained agent, in it.

use crate::cli::RenderArgs;
use crate::commands::baseline::Request;
use crate::console::{Console, Event};
use crate::progress::Waiting;
use agent::Fresh;
use lab::comparison::held_out;
use lab::failure::Failure;
use lab::folders::runs_in;
use lab::launch::{agent, config_of};
use lab::learners::LearnerSpec;
use lab::oracles::Oracles;
use lab::panics::caught;
use lab::registry::{Built, Registry, completed};
use lab::room::Room;
use lab::runner::params_blake3;
use lab::scenes;
use lab::session::Session;
use lab::stop::Stop;
use record::{Reader, read_text, write_atomically};
use rl_core::{EnvFactory, Picture, PolicyFactory};
use rl_core::{EnvironmentEntry, Trial};
use rollout::{Batch, Pool};
use serde::Serialize;
use serde_json::json;
use std::ffi::OsStr;
use std::fs;
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use toml::{Table, Value};

/// Who plays unless somebody else is named.
const DEFAULT_LEARNER: &str = "random";
/// Of more episodes than this, half as many are drawn from either end.
const MOST_EPISODES: usize = 10;

/// Of what pictures are of, no more characters than this are shown.
const MOST_CHARACTERS: usize = 500;

/// The agent of a run, as pictures call it.
const RUN: &str = "run";

pub(crate) fn run(registry: &Registry, args: &RenderArgs) -> Result<(), Failure> {
    let console = Console::new(args.output.json);
    let acting = match is_path(registry, &args.subject) {
        true => Acting::of_run(registry, &console, args)?,
        false => Acting::by_hand(registry, &console, args)?,
    };
    let entry = registry.environment(&acting.environment);
    let entry = entry.map_err(Failure::internal)?;
    let env = acting.built.factory.as_ref();
    let what = format!("render {}", entry.name());
    let needed = Batch::footprint(env, 1, env.spec().trial_steps());
    Room::now().check(&what, &needed)?;
    let _playing = Waiting::on(what);
    let pictures = pictures(env, &acting, args.seed)?;
    let subject = Subject {
        environment: entry.name(),
        settings: &acting.built.settings,
        learner: &acting.learner,
        parameters: &acting.parameters,
        seed: args.seed,
    };
    let folder = match &args.out {
        Some(out) => out.clone(),
        None => Path::new("runs/pictures").join(subject.folder(entry, &acting.named)?),
    };
    subject.claim(&folder, &pictures)?;
    for (stem, picture) in &pictures {
        let [svg, png] = write(&folder, stem, picture)?;
        console.say(format!("{}  {}", svg.display(), png.display()))?;
        console.emit(
            Event::Picture,
            &json!({
                "environment": entry.name(),
                "settings": acting.built.settings,
                "learner": acting.title,
                "parameters": acting.parameters,
                "seed": args.seed,
                "picture": stem,
                "svg": svg.to_string_lossy(),
                "png": png.to_string_lossy(),
            }),
        )?;
    }
    Ok(())
}

/// Whether a word is the path of a run. Environments go first, of whatever name there is a
/// folder.
fn is_path(registry: &Registry, word: &OsStr) -> bool {
    let is_name = |name: &str| registry.environment(name).is_ok();
    let path = Path::new(word);
    !word.to_str().is_some_and(is_name) && (path.exists() || path.components().count() > 1)
}

/// Who acts, and where.
struct Acting {
    built: Built,
    environment: String,
    /// A learner's name, or [`RUN`].
    learner: String,
    /// Everything that it is set to.
    parameters: Table,
    /// What of that the name of a folder says.
    named: Table,
    policy: Arc<dyn PolicyFactory>,
    /// What titles call it.
    title: String,
    /// Whether it acts so in every task, and not only in the first one, which it adapted to.
    anywhere: bool,
}

impl Acting {
    /// A learner that is written by hand.
    fn by_hand(registry: &Registry, console: &Console, args: &RenderArgs) -> Result<Self, Failure> {
        let entry = registry
            .environment(&args.subject.to_string_lossy())
            .map_err(Failure::usage)?;
        let mut words = args.words.clone();
        if words.iter().all(|word| word.contains('=')) {
            words.push(DEFAULT_LEARNER.to_owned());
        }
        let request = Request::read(entry, &words)?;
        let [(about, params)] = &request.learners[..] else {
            let message = "render draws one learner at a time; name one";
            return Err(Failure::usage(message));
        };
        let name = &about.name;
        let built = Built::new(entry, &request.settings).map_err(Failure::config)?;
        let env = built.factory.as_ref();
        let spec = LearnerSpec::new_in(name, name, params, env).map_err(Failure::config)?;
        let oracles = Oracles::new(console, Room::now(), Stop::default());
        let policy = spec.make(&built, &oracles).map_err(Failure::config)?.policy;
        Ok(Self {
            environment: entry.name().to_owned(),
            learner: name.to_string(),
            parameters: spec.to_table(),
            named: params.clone(),
            title: policy.name(),
            policy,
            anywhere: true,
            built,
        })
    }

    /// The agent of a run as its newest checkpoint left it, in the environment of the run; one
    /// that adapts, after its last gradient step on the task that is drawn.
    fn of_run(registry: &Registry, console: &Console, args: &RenderArgs) -> Result<Self, Failure> {
        let path: PathBuf = Path::new(&args.subject).components().collect();
        let place = path.display();
        if let Some(word) = args.words.first() {
            return Err(Failure::usage(format!(
                "{word}: the agent of {place} plays in the environment that it was trained in; \
                 allowed beside a run: --seed, --out and --json"
            )));
        }
        let run = match &runs_in(&path)?[..] {
            [run] => Reader::open(run)?,
            runs => {
                return Err(Failure::usage(format!(
                    "{place} holds the runs of {} seeds; give one of them, as in {}",
                    runs.len(),
                    runs[0].display()
                )));
            }
        };
        let place = run.path().display();
        // Wherever it learned, its numbers are the same here.
        let session = Session::new(registry, console, 1, "cpu")?;
        let config = config_of(&session, &run)?;
        let training = agent(&session, &run, &config.told)?;
        let fresh = Fresh {
            env: &config.built.factory,
            held: held_out(config.evaluation.tasks.get(), args.seed),
            actions: config.evaluation.actions,
        };
        let by = format!("algorithm '{}'", config.algorithm);
        let mut policies = caught(&by, || Ok(training.policies(&fresh, 0)?))?;
        let steps = policies.len().saturating_sub(1);
        let policy = policies.pop();
        let policy = policy.ok_or_else(|| Failure::internal(format!("{by} has no policy")))?;
        let title = match steps {
            0 => policy.name(),
            1 => format!("{} after 1 gradient step", policy.name()),
            steps => format!("{} after {steps} gradient steps", policy.name()),
        };
        let update = training.updates_done() as i64;
        let mut parameters = Table::new();
        parameters.insert("path".to_owned(), Value::String(place.to_string()));
        parameters.insert("update".to_owned(), Value::Integer(update));
        let named = parameters.clone();
        // Another training may have taken the run's place.
        let hash = params_blake3(&training.checkpoint()?);
        parameters.insert("params_blake3".to_owned(), Value::String(hash));
        Ok(Self {
            environment: config.environment,
            learner: RUN.to_owned(),
            named,
            parameters,
            policy,
            title,
            anywhere: steps == 0,
            built: config.built,
        })
    }
}

/// The file beside pictures that says what they are of.
const SUBJECT: &str = "pictures.json";

/// What pictures are of. All that lie in one folder are of the same.
#[derive(Serialize)]
struct Subject<'a> {
    environment: &'a str,
    settings: &'a Table,
    learner: &'a str,
    parameters: &'a Table,
    seed: u64,
}

impl Subject<'_> {
    /// A folder of its own, by what is not as usual.
    fn folder(&self, entry: &EnvironmentEntry, params: &Table) -> Result<String, Failure> {
        let usual = completed(entry, &Table::new()).map_err(Failure::internal)?;
        let differs = |(key, value): &(&String, &Value)| usual.get(*key) != Some(*value);
        let seed = (self.seed != 0).then(|| format!(",seed={}", self.seed));
        let set = self.settings.iter().filter(differs).chain(params);
        let set = set.map(|(key, value)| match value {
            Value::String(word) => format!(",{key}={}", word.replace('/', "-")),
            value => format!(",{key}={value}"),
        });
        let name = format!("{}-{}", self.environment, self.learner);
        Ok(name + &set.chain(seed).collect::<String>())
    }

    /// Makes the folder, unless it holds pictures of something else.
    fn claim(&self, folder: &Path, pictures: &[(String, Picture)]) -> Result<(), Failure> {
        let cannot = |what: &str, error: io::Error| {
            let message = format!("cannot {what} {}: {error}", folder.display());
            Failure::file(format!("{message}; --out chooses another folder"), &error)
        };
        fs::create_dir_all(folder).map_err(|error| cannot("make", error))?;
        let own = serde_json::to_string(self).map_err(Failure::internal)?;
        let path = folder.join(SUBJECT);
        let other = match read_text(&path) {
            Ok(text) if text.trim_end() == own => return Ok(()),
            Ok(text) => text,
            Err(error) if error.kind() == ErrorKind::NotFound => {
                let files = pictures.iter().map(|(stem, _)| format!("{stem}.svg"));
                match files.into_iter().find(|file| folder.join(file).exists()) {
                    None => return Ok(write_atomically(&path, (own + "\n").as_bytes())?),
                    Some(file) => file,
                }
            }
            Err(error) => {
                let error = io::Error::new(error.kind(), format!("{SUBJECT}: {error}"));
                return Err(cannot("use", error));
            }
        };
        Err(Failure::usage(format!(
            "{} holds pictures of something else ({}); move them away, or choose another folder: \
             --out",
            folder.display(),
            beginning(other.trim_end())
        )))
    }
}

/// As much of a file as a message holds.
fn beginning(text: &str) -> String {
    let mut characters = text.chars();
    let start: String = characters.by_ref().take(MOST_CHARACTERS).collect();
    match characters.next() {
        None => start,
        Some(_) => start + "…",
    }
}

/// All pictures, each with the name of its files.
fn pictures(
    env: &dyn EnvFactory,
    acting: &Acting,
    seed: u64,
) -> Result<Vec<(String, Picture)>, Failure> {
    let policy = acting.policy.as_ref();
    let half = MOST_EPISODES / 2;
    let shown =
        |number: usize, of: usize| of <= MOST_EPISODES || number < half || number >= of - half;
    let wanted = |number| match env.spec().trial {
        Trial::Episodes(episodes) => shown(number, episodes),
        // How many fit is known once they were played.
        Trial::Steps(_) => true,
    };
    let drawn = scenes::of_trial(env, policy, seed, wanted).map_err(Failure::config)?;
    let Some(drawn) = drawn else {
        let name = &env.spec().name;
        return Err(Failure::config(format!(
            "environment '{name}' draws no pictures"
        )));
    };
    let by = |picture: Picture| Picture {
        title: format!("{}: {}", acting.title, picture.title),
        ..picture
    };
    let mut pictures = vec![("task".to_owned(), drawn.task)];
    let of = drawn.episodes.last().map_or(0, |(number, _)| number + 1);
    let episodes = drawn.episodes.into_iter();
    let episodes = episodes.filter(|(number, _)| shown(*number, of));
    pictures.extend(episodes.map(|(number, it)| (format!("episode-{}", number + 1), by(it))));
    let pool = Pool::new(1, || ()).map_err(Failure::internal)?;
    let shown = match acting.anywhere {
        true => scenes::analyses(env, policy, seed, &pool).map_err(Failure::config)?,
        false => Vec::new(),
    };
    pictures.extend(
        shown
            .into_iter()
            .map(|(name, it)| (name.to_owned(), by(it))),
    );
    Ok(pictures)
}

/// Writes a picture in both formats.
fn write(folder: &Path, stem: &str, picture: &Picture) -> Result<[PathBuf; 2], Failure> {
    let drawn = report::draw_picture(picture).map_err(Failure::internal)?;
    let [svg, png] = ["svg", "png"].map(|ending| folder.join(format!("{stem}.{ending}")));
    write_atomically(&svg, drawn.svg.as_bytes())?;
    write_atomically(&png, &drawn.png)?;
    Ok([svg, png])
}
