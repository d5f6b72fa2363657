//! What a cluster is told to do the runs of a plan: every run a job of its own, which may
//! be stopped and started again anywhere.

use crate::cli::Engine;
use lab::failure::{Exit, Failure};
use lab::invocation::quoted;
use lab::sweep::Plan;
use std::path::Path;

/// The script for an engine. The program and the plan are named by their whole paths.
///
/// # Errors
/// If these are not known.
pub(super) fn of(plan: &Plan, path: &Path, engine: Engine) -> Result<String, Failure> {
    let whole = |path: &Path| {
        path.canonicalize().map_err(|error| {
            Failure::file(format!("cannot use {}: {error}", path.display()), &error)
        })
    };
    let program = std::env::current_exe().map_err(Failure::internal)?;
    let (program, path) = (quoted(&program), whole(path)?);
    let name: String = (path
        .file_stem()
        .unwrap_or_default()
        .to_string_lossy()
        .chars())
    .map(|c| {
        if c.is_ascii_alphanumeric() {
            c.to_ascii_lowercase()
        } else {
            '-'
        }
    })
    .collect();
    let name = name.trim_matches('-').to_owned();
    let last = plan.lines.len().saturating_sub(1);
    let run = format!("{program} sweep run {} --workers 1 --index", quoted(&path));
    let log = quoted(&path.with_extension("%a.log"));
    let (saved, config) = (Exit::Stopped as i32, Exit::Config as i32);
    Ok(match engine {
        Engine::Slurm => format!(
            "#!/usr/bin/env bash\n\
             #SBATCH --job-name={name}\n\
             #SBATCH --array=0-{last}\n\
             #SBATCH --ntasks=1\n\
             #SBATCH --cpus-per-task=1\n\
             #SBATCH --output={log}\n\
             #SBATCH --open-mode=append\n\
             #SBATCH --requeue\n\
             #SBATCH --signal=B:TERM@30\n\
             # Stopped before its time is over, a run saves itself; put back into the queue, it\n\
             # goes on to the same result.\n\
             {run} \"$SLURM_ARRAY_TASK_ID\" &\n\
             training=$!\n\
             trap 'kill -TERM \"$training\"' TERM INT\n\
             # A signal ends a wait, and not what is waited for.\n\
             while wait \"$training\"; status=$?; kill -0 \"$training\" 2>/dev/null; do :; done\n\
             if [ \"$status\" = {saved} ]; then\n    \
                 scontrol requeue \"${{SLURM_ARRAY_JOB_ID}}_$SLURM_ARRAY_TASK_ID\"\n\
             fi\n\
             exit \"$status\"\n"
        ),
        Engine::Hq => format!(
            "#!/usr/bin/env bash\n\
             # A worker that is lost loses nothing: its runs are begun again where they were saved.\n\
             hq submit --name {name} --array 0-{last} --cpus 1 --crash-limit 100 \\\n    \
                 -- bash -c '{run} \"$HQ_TASK_ID\"'\n"
        ),
        Engine::K8s => kubernetes(&name, plan.lines.len(), &program, &path, (saved, config)),
    })
}

/// An indexed job. Whoever uses it says which image and which volume.
fn kubernetes(
    name: &str,
    runs: usize,
    program: &str,
    plan: &Path,
    (saved, config): (i32, i32),
) -> String {
    let plan = serde_json::Value::from(plan.to_string_lossy()).to_string();
    let program = serde_json::Value::from(program).to_string();
    format!(
        "# The image must hold the program, and the volume the plan, under these paths.\n\
         apiVersion: batch/v1\n\
         kind: Job\n\
         metadata:\n  name: {name}\n\
         spec:\n  completionMode: Indexed\n  completions: {runs}\n  parallelism: {runs}\n  \
         backoffLimitPerIndex: 100\n  podFailurePolicy:\n    rules:\n    \
         # A node that is taken away is no failure.\n    \
         - action: Ignore\n      onPodConditions:\n      - type: DisruptionTarget\n    \
         # A configuration that cannot work does not work the next time.\n    \
         - action: FailIndex\n      onExitCodes:\n        containerName: run\n        operator: In\n        \
         values: [2, {config}]\n    \
         # Saved ({saved}) or lost: once more.\n    \
         - action: Count\n      onExitCodes:\n        containerName: run\n        operator: In\n        \
         values: [{saved}, 70, 74, 137, 143]\n  \
         template:\n    spec:\n      restartPolicy: Never\n      terminationGracePeriodSeconds: 30\n      \
         containers:\n      - name: run\n        image: IMAGE\n        \
         command: [{program}, sweep, run, {plan}, --workers, \"1\", --index, $(JOB_COMPLETION_INDEX)]\n        \
         resources:\n          requests:\n            cpu: 1\n        \
         volumeMounts:\n        - name: work\n          mountPath: /MOUNT\n      \
         volumes:\n      - name: work\n        persistentVolumeClaim:\n          claimName: CLAIM\n"
    )
}
