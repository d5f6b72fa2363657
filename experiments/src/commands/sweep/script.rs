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

/// What a cluster is told.
pub(super) struct Script {
    /// Itself, which ends with what is to be done afterwards.
    pub(super) text: String,
    /// What takes it, and what is to be done afterwards.
    pub(super) then: String,
}

/// The script for an engine. The program and the plan are named by their whole paths.
///
/// # Errors
/// If these are not known.
pub(super) fn of(plan: &Plan, path: &Path, engine: Engine) -> Result<Script, Failure> {
    let path = path.canonicalize().map_err(|error| {
        Failure::file(format!("cannot use {}: {error}", path.display()), &error)
    })?;
    let program = std::env::current_exe().map_err(Failure::internal)?;
    let paths = (&*program, &*path);
    let jobs = jobs(plan, paths, engine)?;
    let halved = plan.head.halving.is_some();
    Ok(Script::new(
        &jobs,
        (engine, halved),
        &afterwards(plan, paths, engine),
    ))
}

impl Script {
    fn new(jobs: &str, (engine, halved): (Engine, bool), afterwards: &str) -> Self {
        let taker = match engine {
            // With halving it submits one array after the other.
            Engine::Slurm if halved => "bash, on a machine that may submit jobs",
            Engine::Slurm => "sbatch",
            Engine::Hq => "bash, on a machine that may submit jobs",
            Engine::K8s => "kubectl apply -f, once IMAGE, MOUNT and CLAIM are yours",
        };
        let comment = afterwards.lines().map(|line| format!("# {line}\n"));
        Self {
            text: format!("{jobs}{}", comment.collect::<String>()),
            then: format!("The script is for {taker}. {}", afterwards.trim_end()),
        }
    }
}

/// What is to be done when all jobs are.
fn afterwards(plan: &Plan, (program, path): (&Path, &Path), engine: Engine) -> String {
    let confirm = match &plan.head.confirm[..] {
        [] => String::new(),
        seeds => format!(", and trains the best one with the seeds {seeds:?}"),
    };
    let place = match engine {
        Engine::K8s => ", in a pod with the same image and volume",
        Engine::Slurm | Engine::Hq => "",
    };
    let (program, path) = (quoted(program), quoted(path));
    format!(
        "When all of its jobs are done{place}, this tells the settings apart{confirm}:\n    \
         {program} sweep run {path}\n"
    )
}

/// The script but for its end.
fn jobs(plan: &Plan, paths: (&Path, &Path), engine: Engine) -> Result<String, Failure> {
    let path = paths.1;
    let (name, runs) = (name_of(path), plan.lines.len());
    let Some(halving) = &plan.head.halving else {
        return Ok(match engine {
            Engine::Slurm => slurm(&name, runs, paths),
            Engine::Hq => hyper_queue(&name, runs, paths),
            Engine::K8s => kubernetes(&name, runs, paths),
        });
    };
    let settings = plan.settings();
    let seeds = settings.first().map_or(0, Vec::len);
    let rungs = halving.sizes(settings.len()).into_iter();
    let rungs: Vec<usize> = rungs.map(|size| size * seeds).collect();
    match engine {
        Engine::Slurm => Ok(slurm_rungs(&name, &rungs, paths)),
        Engine::Hq => Ok(hyper_queue_rungs(&name, &rungs, paths)),
        Engine::K8s => Err(Failure::usage(format!(
            "--engine k8s: {} has halving, where a rung begins when the one before is over, and \
             jobs of Kubernetes do not wait for one another; use --engine slurm or hq, or one pod \
             that does all of it: sweep run PLAN --jobs J",
            path.display()
        ))),
    }
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

/// The same at a rung.
fn command_at(rung: &str, (program, plan): (&Path, &Path)) -> String {
    let (program, plan) = (quoted(program), quoted(plan));
    format!("{program} sweep run {plan} --workers 1 --rung {rung} --index")
}

/// What is told of an array that may be larger than Slurm takes.
fn large(runs: usize) -> String {
    match runs > SLURM_ARRAY {
        true => format!(
            "# An array of {runs} jobs needs a MaxArraySize above that (scontrol show config).\n"
        ),
        false => String::new(),
    }
}

fn slurm(name: &str, runs: usize, paths: (&Path, &Path)) -> String {
    let last = runs.saturating_sub(1);
    let log = quoted(&paths.1.with_extension("%a.log"));
    let (large, task) = (large(runs), slurm_task(&command(paths)));
    format!(
        "#!/usr/bin/env bash\n\
         #SBATCH --job-name={name}\n\
         #SBATCH --array=0-{last}\n\
         #SBATCH --output={log}\n\
         {SLURM_OPTIONS}{large}{task}"
    )
}

/// A job array for each rung, each of which waits for the one before: `bash` takes it.
fn slurm_rungs(name: &str, rungs: &[usize], paths: (&Path, &Path)) -> String {
    let arrays: Vec<String> = rungs.iter().map(usize::to_string).collect();
    let log = paths.1.with_extension("");
    let log = quoted(&log);
    let task = slurm_task(&command_at("\"$RUNG\"", paths));
    let large = large(rungs.iter().copied().max().unwrap_or_default());
    format!(
        r#"#!/usr/bin/env bash
# For bash, not for sbatch: submits a job array for each rung, which begins when all runs of
# the one before are done. What was lost is begun again by the same script.
set -euo pipefail
{large}rung=0
after=()
for runs in {arrays}; do
    job=$(RUNG=$rung sbatch --parsable ${{after[@]+"${{after[@]}}"}} --export=ALL --job-name={name}-rung-$rung \
        --array=0-$((runs - 1)) --output={log}.rung-$rung.%a.log <<'END'
#!/usr/bin/env bash
{SLURM_OPTIONS}{task}END
    )
    echo "rung $rung: $runs runs, job ${{job%%;*}}"
    after=("--dependency=afterok:${{job%%;*}}" --kill-on-invalid-dep=yes)
    rung=$((rung + 1))
done
"#,
        arrays = arrays.join(" ")
    )
}

/// What every job of an array is given.
const SLURM_OPTIONS: &str = "#SBATCH --ntasks=1
#SBATCH --cpus-per-task=1
#SBATCH --open-mode=append
#SBATCH --requeue
#SBATCH --signal=B:USR1@30
";

/// What a job of an array does.
fn slurm_task(run: &str) -> String {
    let saved = Exit::Stopped as i32;
    format!(
        r#"# Half a minute before its time is over, a run is asked to save itself, and put back into
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

/// A task array for each rung, one after the other.
fn hyper_queue_rungs(name: &str, rungs: &[usize], paths: (&Path, &Path)) -> String {
    let mut script = "#!/usr/bin/env bash\n\
        # A worker that is lost loses nothing: its runs are begun again where they were saved. A\n\
        # rung begins when the one before is over; what was lost is begun again by the same\n\
        # script.\n\
        set -euo pipefail\n"
        .to_owned();
    for (rung, runs) in rungs.iter().enumerate() {
        let run = format!("{} \"$HQ_TASK_ID\"", command_at(&rung.to_string(), paths));
        let (run, last) = (quoted(Path::new(&run)), runs.saturating_sub(1));
        script += &format!(
            "hq submit --wait --name {name}-rung-{rung} --array 0-{last} --cpus 1 \
             --crash-limit 100 -- bash -c {run}\n"
        );
    }
    script
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
    fn a_rung_waits_for_the_one_before() {
        let script = slurm_rungs("sweep-grid", &[18, 6, 2], paths(PLAIN));
        assert!(script.contains("for runs in 18 6 2; do"), "{script}");
        assert!(script.contains("--dependency=afterok:"), "{script}");
        let run = "/bin/experiments sweep run /data/grid.jsonl --workers 1 --rung \"$RUNG\" --index \
                   \"$SLURM_ARRAY_TASK_ID\" &";
        assert!(script.contains(run), "{script}");
        let script = hyper_queue_rungs("sweep-grid", &[18, 6], paths(PLAIN));
        let submitted = script
            .lines()
            .filter(|line| line.starts_with("hq submit --wait"));
        let submitted: Vec<&str> = submitted.collect();
        assert_eq!(submitted.len(), 2);
        assert!(
            submitted[0].contains("--array 0-17 ") && submitted[0].contains("--rung 0 --index")
        );
        assert!(submitted[1].contains("--array 0-5 ") && submitted[1].contains("--rung 1 --index"));
    }

    #[test]
    fn every_script_says_who_takes_it_and_what_comes_after() {
        for (engine, halved, taker) in [
            (Engine::Slurm, false, "sbatch"),
            (Engine::Slurm, true, "bash"),
            (Engine::Hq, false, "bash"),
            (Engine::K8s, false, "kubectl apply -f"),
        ] {
            let script = Script::new("jobs\n", (engine, halved), "When all:\n    run it\n");
            assert_eq!(script.text, "jobs\n# When all:\n#     run it\n");
            let begins = format!("The script is for {taker}");
            assert!(script.then.starts_with(&begins), "{}", script.then);
            assert!(
                script.then.ends_with("When all:\n    run it"),
                "{}",
                script.then
            );
        }
    }

    #[test]
    fn slurm_is_told_where_an_array_is_large() {
        assert!(!slurm("n", SLURM_ARRAY, paths(PLAIN)).contains("MaxArraySize"));
        assert!(slurm("n", SLURM_ARRAY + 1, paths(PLAIN)).contains("needs a MaxArraySize"));
    }
}
