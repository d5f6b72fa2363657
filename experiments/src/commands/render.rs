//! `render`: pictures of a task and of a learner in it.

use crate::cli::RenderArgs;
use crate::commands::baseline::Request;
use crate::console::{Console, Event};
use crate::progress::Waiting;
use lab::failure::Failure;
use lab::learners::LearnerSpec;
use lab::oracles::Oracles;
use lab::registry::{Built, Registry, completed};
use lab::room::Room;
use lab::scenes;
use lab::stop::Stop;
use record::write_atomically;
use rl_core::{EnvFactory, Picture, PolicyFactory};
use rl_core::{EnvironmentEntry, Trial};
use rollout::{Batch, Pool};
use serde::Serialize;
use serde_json::json;
use std::fs;
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};
use toml::{Table, Value};

/// Who plays unless somebody else is named.
const DEFAULT_LEARNER: &str = "random";
/// Of more episodes than this, half as many are drawn from either end.
const MOST_EPISODES: usize = 10;

pub(crate) fn run(registry: &Registry, args: &RenderArgs) -> Result<(), Failure> {
    let console = Console::new(args.output.json);
    let entry = registry
        .environment(&args.environment)
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
    let player = spec
        .make(
            &built,
            &Oracles::new(&console, Room::now(), Stop::default()),
        )
        .map_err(Failure::config)?;
    let policy = player.policy.as_ref();
    let needed = Batch::footprint(env, 1, env.spec().trial_steps());
    Room::now().check(&format!("render {}", entry.name()), &needed)?;
    let _playing = Waiting::on(format!("render {}", entry.name()));
    let pictures = pictures(env, policy, args.seed)?;
    let subject = Subject {
        environment: entry.name(),
        settings: &built.settings,
        learner: name,
        parameters: spec.to_table(),
        seed: args.seed,
    };
    let folder = match &args.out {
        Some(out) => out.clone(),
        None => Path::new("runs/pictures").join(subject.folder(entry, params)?),
    };
    subject.claim(&folder, &pictures)?;
    for (stem, picture) in &pictures {
        let [svg, png] = write(&folder, stem, picture)?;
        console.say(format!("{}  {}", svg.display(), png.display()))?;
        console.emit(
            Event::Picture,
            &json!({
                "environment": entry.name(),
                "settings": built.settings,
                "learner": policy.name(),
                "seed": args.seed,
                "picture": stem,
                "svg": svg.to_string_lossy(),
                "png": png.to_string_lossy(),
            }),
        )?;
    }
    Ok(())
}

/// The file beside pictures that says what they are of.
const SUBJECT: &str = "pictures.json";

/// What pictures are of. All that lie in one folder are of the same.
#[derive(Serialize)]
struct Subject<'a> {
    environment: &'a str,
    settings: &'a Table,
    learner: &'a str,
    parameters: Table,
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
        let other = match fs::read_to_string(&path) {
            Ok(text) if text.trim_end() == own => return Ok(()),
            Ok(text) => text,
            Err(error) if error.kind() == ErrorKind::NotFound => {
                let files = pictures.iter().map(|(stem, _)| format!("{stem}.svg"));
                match files.into_iter().find(|file| folder.join(file).exists()) {
                    None => return Ok(write_atomically(&path, (own + "\n").as_bytes())?),
                    Some(file) => file,
                }
            }
            Err(error) => return Err(cannot("use", error)),
        };
        Err(Failure::usage(format!(
            "{} holds pictures of something else ({}); move them away, or choose another folder: \
             --out",
            folder.display(),
            other.trim_end()
        )))
    }
}

/// All pictures, each with the name of its files.
fn pictures(
    env: &dyn EnvFactory,
    policy: &dyn PolicyFactory,
    seed: u64,
) -> Result<Vec<(String, Picture)>, Failure> {
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
        title: format!("{}: {}", policy.name(), picture.title),
        ..picture
    };
    let pool = Pool::new(1, || ()).map_err(Failure::internal)?;
    let mut pictures = vec![("task".to_owned(), drawn.task)];
    let of = drawn.episodes.last().map_or(0, |(number, _)| number + 1);
    let episodes = drawn.episodes.into_iter();
    let episodes = episodes.filter(|(number, _)| shown(*number, of));
    pictures.extend(episodes.map(|(number, it)| (format!("episode-{}", number + 1), by(it))));
    let shown = scenes::analyses(env, policy, seed, &pool).map_err(Failure::config)?;
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
