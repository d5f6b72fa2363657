//! `doctor`: whether this machine has what is needed.

use crate::cli::DoctorArgs;
use crate::console::{Console, Event};
use crate::failure::Failure;
use crate::host;
use nets::tch::{Kind, Tensor};
use serde_json::json;
use std::fs;
use std::path::Path;

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
    let findings = [
        Finding::new("metarl", Ok(env!("CARGO_PKG_VERSION").to_owned())),
        Finding::new("libtorch", libtorch()),
        Finding::new("arithmetic", arithmetic()),
        Finding::new("threads", threads()),
        // No GPU is no fault: everything works without.
        Finding::new("CUDA", Ok(nets::load_cuda().to_string())),
        Finding::new("CPU", Ok(host::cpu())),
        Finding::new("CPU features", Ok(host::cpu_features().join(" "))),
        Finding::new(
            "cores",
            Ok(format!("{}, so as many workers by default", host::cores())),
        ),
        Finding::new("system", Ok(host::system())),
        Finding::new("runs folder", runs_folder(&args.runs)),
        Finding::new("cache folder", cache_folder()),
    ];
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

fn libtorch() -> Result<String, String> {
    let libtorch = nets::Libtorch::in_use().map_err(|error| error.to_string())?;
    Ok(format!(
        "{} in {}",
        libtorch.version,
        libtorch.folder.display()
    ))
}

/// libtorch answers, and is not only there.
fn arithmetic() -> Result<String, String> {
    let ones = Tensor::ones([64, 64], (Kind::Float, nets::tch::Device::Cpu));
    let sum = ones.matmul(&ones).sum(Kind::Float).double_value(&[]);
    match sum == 64.0_f64.powi(3) {
        true => Ok("libtorch multiplies matrices correctly".to_owned()),
        false => Err(format!(
            "libtorch's product of matrices sums up to {sum}, not 262144"
        )),
    }
}

fn threads() -> Result<String, String> {
    match nets::tch::get_num_threads() {
        1 => Ok("libtorch keeps to the thread that calls it".to_owned()),
        threads => Err(format!(
            "libtorch uses {threads} threads; its results would depend on them"
        )),
    }
}

fn runs_folder(runs: &Path) -> Result<String, String> {
    let place = runs.display();
    // The deepest folder that exists decides: what is missing would be made.
    let there = runs
        .ancestors()
        .find(|folder| folder.exists())
        .unwrap_or(Path::new("."));
    let there = if there.as_os_str().is_empty() {
        Path::new(".")
    } else {
        there
    };
    let probe = there.join(format!(".metarl-doctor-{}", std::process::id()));
    let written = fs::write(&probe, b"x").and_then(|()| fs::remove_file(&probe));
    match written {
        Ok(()) => Ok(format!("{place} is writable")),
        Err(error) => Err(format!(
            "{place}: cannot write there: {error}; choose another with --runs"
        )),
    }
}

fn cache_folder() -> Result<String, String> {
    match host::cache_folder() {
        Some(folder) if folder.is_dir() => Ok(folder.display().to_string()),
        Some(folder) => Ok(format!("{} (not made yet)", folder.display())),
        None => Err("neither XDG_CACHE_HOME nor HOME is set to an absolute path".to_owned()),
    }
}
