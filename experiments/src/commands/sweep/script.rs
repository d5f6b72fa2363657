//! What a cluster is told to do the runs of a plan: every run a job of its own, which may
//! be stopped and started again anywhere.

use crate::cli::Engine;
use lab::failure::{Exit, Failure};
use lab::invocation::quoted;
use lab::sweep::Plan;
use serde_json::Value;
use std::path::Path;

/// Letters of a job's name at most: names of Kubernetes are labels of 63.
const NAME: usize = 50;
/// Jobs of an array that Slurm takes where nobody has told it another number.
const SLURM_ARRAY: usize = 1000;

/// The script for an engine. The program and the plan are named by their whole paths.
///
/// # Errors
/// If these are not known.
pub(super) fn of(plan: &Plan, path: &Path, engine: Engine) -> Result<String, Failure> {
    let path = path.canonicalize().map_err(|error| {
        Failure::file(format!("cannot use {}: {error}", path.display()), &error)
    })?;
    let program = std::env::current_exe().map_err(Failure::internal)?;
    let (name, runs) = (name_of(&path), plan.lines.len());
    Ok(match engine {
        Engine::Slurm => slurm(&name, runs, (&program, &path)),
        Engine::Hq => hyper_queue(&name, runs, (&program, &path)),
        Engine::K8s => kubernetes(&name, runs, (&program, &path)),
    })
}

/// The name of a job, which every engine takes.
fn name_of(plan: &Path) -> String {
    let stem = plan.file_stem().unwrap_or_default().to_string_lossy();
    let plain = stem.chars().map(|c| match c.is_ascii_alphanumeric() {
        true => c.to_ascii_lowercase(),
        false => '-',
    });
    let name: String = "sweep-".chars().chain(plain).take(NAME).collect();
    name.trim_end_matches('-').to_owned()
}

/// The command of a run, but for its number.
fn command((program, plan): (&Path, &Path)) -> String {
    let (program, plan) = (quoted(program), quoted(plan));
    format!("{program} sweep run {plan} --workers 1 --index")
}

fn slurm(name: &str, runs: usize, paths: (&Path, &Path)) -> String {
    let last = runs.saturating_sub(1);
    let log = quoted(&paths.1.with_extension("%a.log"));
    let (run, saved) = (command(paths), Exit::Stopped as i32);
    let large = match runs > SLURM_ARRAY {
        true => format!(
            "# An array of {runs} jobs needs a MaxArraySize above that (scontrol show config).\n"
        ),
        false => String::new(),
    };
    format!(
        r#"#!/usr/bin/env bash
#SBATCH --job-name={name}
#SBATCH --array=0-{last}
#SBATCH --ntasks=1
#SBATCH --cpus-per-task=1
#SBATCH --output={log}
#SBATCH --open-mode=append
#SBATCH --requeue
#SBATCH --signal=B:USR1@30
{large}# Half a minute before its time is over, a run is asked to save itself, and put back into
# the queue; it goes on to the same result. What is cancelled is not put back.
over=
trap 'over=1; kill -TERM "$training"' USR1
# Slurm itself tells the run when the job is to end.
trap : TERM
{run} "$SLURM_ARRAY_TASK_ID" &
training=$!
# A signal ends a wait, and not what is waited for.
wait "$training"
status=$?
while kill -0 "$training" 2>/dev/null; do
    wait "$training"
    status=$?
done
if [ "$status" -gt 128 ]; then
    # It may have ended between the two.
    wait "$training"
    ended=$?
    [ "$ended" = 127 ] || status=$ended
fi
if [ "$over" ] && [ "$status" = {saved} ]; then
    scontrol requeue "${{SLURM_ARRAY_JOB_ID}}_$SLURM_ARRAY_TASK_ID"
fi
exit "$status"
"#
    )
}

fn hyper_queue(name: &str, runs: usize, paths: (&Path, &Path)) -> String {
    let last = runs.saturating_sub(1);
    let run = format!("{} \"$HQ_TASK_ID\"", command(paths));
    let run = quoted(Path::new(&run));
    format!(
        "#!/usr/bin/env bash\n\
         # A worker that is lost loses nothing: its runs are begun again where they were saved.\n\
         hq submit --name {name} --array 0-{last} --cpus 1 --crash-limit 100 -- bash -c {run}\n"
    )
}

/// An indexed job. Whoever uses it says which image and which volume.
fn kubernetes(name: &str, runs: usize, (program, plan): (&Path, &Path)) -> String {
    let text = |path: &Path| Value::from(path.to_string_lossy()).to_string();
    let (program, plan) = (text(program), text(plan));
    let config = Exit::Config as i32;
    format!(
        r#"# The image must hold the program, and the volume the plan, under these paths.
apiVersion: batch/v1
kind: Job
metadata:
  name: {name}
spec:
  completionMode: Indexed
  completions: {runs}
  parallelism: {runs}
  # Saved or lost: once more.
  backoffLimitPerIndex: 100
  podFailurePolicy:
    rules:
    # A node that is taken away is no failure.
    - action: Ignore
      onPodConditions:
      - type: DisruptionTarget
    # What cannot work does not work the next time.
    - action: FailIndex
      onExitCodes:
        containerName: run
        operator: In
        values: [2, {config}]
  template:
    spec:
      restartPolicy: Never
      terminationGracePeriodSeconds: 30
      containers:
      - name: run
        image: IMAGE
        command: [{program}, sweep, run, {plan}, --workers, "1", --index, $(JOB_COMPLETION_INDEX)]
        resources:
          requests:
            cpu: 1
        volumeMounts:
        - name: work
          mountPath: /MOUNT
      volumes:
      - name: work
        persistentVolumeClaim:
          claimName: CLAIM
"#
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    const PLAIN: (&str, &str) = ("/bin/experiments", "/data/grid.jsonl");

    fn paths((program, plan): (&'static str, &'static str)) -> (&'static Path, &'static Path) {
        (Path::new(program), Path::new(plan))
    }

    #[test]
    fn names_are_taken_by_every_engine() {
        let name = |stem: &str| name_of(Path::new(stem));
        assert_eq!(name("/a/Grid_2.jsonl"), "sweep-grid-2");
        assert_eq!(name("/a/2024.jsonl"), "sweep-2024");
        assert_eq!(name("/a/网格.jsonl"), "sweep");
        assert_eq!(name(&format!("/a/{}.jsonl", "x".repeat(99))).len(), NAME);
    }

    #[test]
    fn paths_with_spaces_stay_one_word() {
        let odd = paths(("/my bin/experiments", "/my runs/grid.jsonl"));
        let script = slurm("sweep-grid", 4, odd);
        let run = "'/my bin/experiments' sweep run '/my runs/grid.jsonl' --workers 1 --index";
        assert!(script.contains(run), "{script}");
        assert!(
            script.contains("--output='/my runs/grid.%a.log'"),
            "{script}"
        );
        let script = hyper_queue("sweep-grid", 4, odd);
        let inner = r"bash -c ''\''/my bin/experiments'\'' sweep run";
        assert!(script.contains(inner), "{script}");
        let script = kubernetes("sweep-grid", 4, odd);
        assert!(script.contains(r#"["/my bin/experiments", sweep, run, "/my runs/grid.jsonl""#));
    }

    #[test]
    fn slurm_is_told_where_an_array_is_large() {
        assert!(!slurm("n", SLURM_ARRAY, paths(PLAIN)).contains("MaxArraySize"));
        assert!(slurm("n", SLURM_ARRAY + 1, paths(PLAIN)).contains("needs a MaxArraySize"));
    }
}
