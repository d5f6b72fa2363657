//! `doctor`: whether this machine has what is needed.

#[cfg(feature = "torch")]
mod torch;
#[cfg(not(feature = "torch"))]
#[path = "doctor/without_torch.rs"]
mod torch;

use crate::cli::DoctorArgs;
use crate::console::{Console, Event};
use lab::failure::Failure;
use lab::host;
use serde_json::json;
use std::env;
use std::fs;
use std::path::{Path, PathBuf};

/// One finding.
struct Finding {
    topic: &'static str,
    text: String,
    /// Whether nothing has to be done about it.
    fine: bool,
}

impl Finding {
    fn new(topic: &'static str, found: Result<String, String>) -> Self {
        let fine = found.is_ok();
        let text = found.unwrap_or_else(|text| text);
        Self { topic, text, fine }
    }
}

pub(crate) fn run(args: &DoctorArgs) -> Result<(), Failure> {
    let console = Console::new(args.output.json);
    let mut findings = vec![Finding::new(
        "metarl",
        Ok(env!("CARGO_PKG_VERSION").to_owned()),
    )];
    findings.extend(torch::findings());
    findings.extend([
        // No GPU is no fault: everything works without.
        Finding::new("CUDA", Ok(nets::load_cuda().to_string())),
        Finding::new("CPU", Ok(host::cpu())),
        Finding::new("CPU features", Ok(host::cpu_features().join(" "))),
        Finding::new("C library", Ok(host::libc())),
        Finding::new(
            "cores",
            Ok(format!("{}, so as many workers by default", host::cores())),
        ),
        Finding::new("system", Ok(host::system())),
        Finding::new(
            "runs folder",
            writable(&args.runs, "choose another with --runs"),
        ),
    ]);
    if cfg!(feature = "torch") {
        findings.push(Finding::new("cache folder", cache_folder()));
    }
    for finding in &findings {
        let mark = match finding.fine {
            true => console.good("ok    "),
            false => console.bad("FAILED"),
        };
        console.say(format!("{mark}  {:<14}{}", finding.topic, finding.text))?;
        console.emit(
            Event::Check,
            &json!({
                "topic": finding.topic,
                "ok": finding.fine,
                "text": finding.text,
            }),
        )?;
    }
    match findings.iter().filter(|finding| !finding.fine).count() {
        0 => Ok(()),
        faults => Err(Failure::config(format!(
            "{faults} of these must be put right"
        ))),
    }
}

/// Whether files can be made in a folder, which may have to be made as well.
fn writable(folder: &Path, otherwise: &str) -> Result<String, String> {
    let place = folder.display();
    // The deepest that exists decides: what is missing would be made in it.
    let there = folder.ancestors().find(|folder| folder.exists());
    let there = there.unwrap_or(Path::new("."));
    let probe = there.join(format!(".metarl-doctor-{}", std::process::id()));
    let written = fs::create_dir(&probe)
        .and_then(|()| fs::write(probe.join("probe"), b"x"))
        .and_then(|()| fs::remove_dir_all(&probe));
    match written {
        Ok(()) => Ok(format!("{place} is writable")),
        Err(error) => {
            // Whatever was made of it.
            let _ = fs::remove_dir_all(&probe);
            Err(format!("{place}: cannot write there: {error}; {otherwise}"))
        }
    }
}

fn cache_folder() -> Result<String, String> {
    let otherwise = "a build that fetches libtorch needs it: set XDG_CACHE_HOME to the absolute \
                     path of a folder that you can write to";
    match downloads() {
        Some(folder) => writable(&folder, otherwise),
        None => Err(format!("no home folder is known; {otherwise}")),
    }
}

/// Where downloads are kept for the user; `None` if no home is known.
#[allow(clippy::disallowed_methods, reason = "it asks for the user's folders")]
fn downloads() -> Option<PathBuf> {
    let cache = env::var_os("XDG_CACHE_HOME").map(PathBuf::from);
    let cache = cache.filter(|path| path.is_absolute());
    // Without HOME the system's list of users tells.
    let home = || env::home_dir().filter(|home| home.is_absolute());
    let base = cache.or_else(|| Some(home()?.join(".cache")));
    Some(base?.join("metarl"))
}
