//! `render`: pictures of a task and of a learner in it.

use crate::cli::RenderArgs;
use crate::commands::baseline::Request;
use crate::console::{Console, Event};
use crate::failure::Failure;
use crate::learners::LearnerSpec;
use crate::oracles::Oracles;
use crate::registry::Registry;
use crate::scenes;
use record::write_atomically;
use rl_core::{EnvFactory, Picture, PolicyFactory};
use serde_json::json;
use std::fs;
use std::path::{Path, PathBuf};

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
    let built = entry.build(&request.settings).map_err(Failure::config)?;
    let env = built.factory.as_ref();
    let spec = LearnerSpec::new_in(name, name, params, env).map_err(Failure::config)?;
    let player = spec
        .make(&built, &Oracles::default())
        .map_err(Failure::config)?;
    let policy = player.policy.as_ref();
    let pictures = pictures(env, policy, args.seed)?;
    let folder = args.out.clone().unwrap_or_else(|| {
        let folder = format!("{}-{name}", entry.name());
        PathBuf::from("runs/pictures").join(folder)
    });
    fs::create_dir_all(&folder)
        .map_err(|error| Failure::usage(format!("cannot make {}: {error}", folder.display())))?;
    for (stem, picture) in &pictures {
        let [svg, png] = write(&folder, stem, picture)?;
        console.say(format!("{}  {}", svg.display(), png.display()))?;
        console.emit(
            Event::Picture,
            &json!({
                "environment": entry.name(),
                "settings": built.settings.table(),
                "learner": policy.name(),
                "seed": args.seed,
                "picture": stem,
                "svg": svg,
                "png": png,
            }),
        )?;
    }
    Ok(())
}

/// All pictures, each with the name of its files.
fn pictures(
    env: &dyn EnvFactory,
    policy: &dyn PolicyFactory,
    seed: u64,
) -> Result<Vec<(String, Picture)>, Failure> {
    let (episodes, half) = (env.spec().episodes, MOST_EPISODES / 2);
    let wanted =
        |number: usize| episodes <= MOST_EPISODES || number < half || number >= episodes - half;
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
    let mut pictures = vec![("task".to_owned(), drawn.task)];
    let episodes = drawn.episodes.into_iter();
    pictures.extend(episodes.map(|(number, it)| (format!("episode-{}", number + 1), by(it))));
    let shown = scenes::analyses(env, policy, seed).map_err(Failure::internal)?;
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
