//! The ranks that this process is one of, where `mpirun` or `srun` started several that
//! share the work of one command.

use crate::cli::{Cli, Command, What, Work};
use crate::interrupt;
use crate::output::{remark, speak_as};
use lab::failure::{Exit, Failure};
use lab::observer::Observer;
use lab::ranks::{self as together, Lead, expect_same_words, follow};
use lab::registry::Registry;
use lab::session::Session;
use ranks::{Launched, Mpi};
use rollout::{Alone, Ranks};
use std::env;
use std::ffi::OsString;
use std::iter;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

static MPI: OnceLock<Arc<Mpi>> = OnceLock::new();
/// How many ranks have the cores of this one.
static SHARING: OnceLock<usize> = OnceLock::new();

/// Seconds that a rank may say nothing, beside ten times the longest that anything took.
const PATIENCE: &str = "METARL_PATIENCE";
const USUAL_PATIENCE: Duration = Duration::from_secs(60);

/// What whoever started this process says of it, if it is one of several.
fn found() -> Result<Option<Launched>, String> {
    let text = |said: OsString| said.to_string_lossy().into_owned();
    Launched::find(|name| env::var_os(name).map(text))
}

/// The same, where what is said makes sense; [`join`] refuses what does not.
pub(crate) fn launched() -> Option<Launched> {
    found().ok().flatten()
}

/// Joins the other ranks, if there are any and the command is theirs together; of any
/// other command each does its own.
pub(crate) fn join(cli: &Cli) -> Result<(), Failure> {
    if !is_shared(cli) {
        return Ok(());
    }
    let Some(launched) = found().map_err(Failure::usage)? else {
        return Ok(());
    };
    interrupt::wait_for_usr1();
    let lost = |error: &_| {
        remark(format!(
            "error: {error}; all ranks end. What was done since the last checkpoint is done anew \
             when the run is resumed"
        ));
    };
    // What all ranks find alike the first of them says.
    let refused = |why: String| {
        Failure::usage(match launched.rank {
            0 => format!("started as one of {} ranks: {why}", launched.size),
            _ => String::new(),
        })
    };
    let least = patience().map_err(refused)?;
    let mpi = Mpi::connect(lost, least).map_err(refused)?;
    let sharing = agree(&mpi, launched).map_err(|why| {
        mpi.finalize();
        refused(why)
    })?;
    if mpi.rank() > 0 {
        speak_as(format!("rank {}", mpi.rank()));
    }
    // Nobody joins twice.
    let _ = SHARING.set(sharing);
    let _ = MPI.set(Arc::new(mpi));
    Ok(())
}

/// Refuses ranks that are not one command together; how many have the cores of this one.
fn agree(mpi: &Mpi, launched: Launched) -> Result<usize, String> {
    if mpi.size() != launched.size {
        return Err(format!(
            "MPI finds {} of them: this program's MPI is another one than that of what started \
             it; start it with the mpirun of that MPI",
            mpi.size()
        ));
    }
    let version = format!("metarl {}", env!("CARGO_PKG_VERSION"));
    let words = env::args_os().skip(1);
    let words = words.map(|word| word.to_string_lossy().into_owned());
    let words: Vec<String> = iter::once(version).chain(words).collect();
    let said = |failure: Failure| failure.message;
    expect_same_words(mpi, &words).map_err(said)?;
    let sharing = together::sharing_cores(mpi).map_err(said)?;
    Ok(sharing.unwrap_or(launched.neighbours))
}

fn patience() -> Result<Duration, String> {
    match env::var(PATIENCE) {
        Err(_) => Ok(USUAL_PATIENCE),
        Ok(said) => match said.trim().parse::<u32>() {
            Ok(seconds) if seconds > 0 => Ok(Duration::from_secs(seconds.into())),
            _ => Err(format!(
                "the variable {PATIENCE} is {said:?}; allowed: whole seconds from 1 on; unset it \
                 for {} s",
                USUAL_PATIENCE.as_secs()
            )),
        },
    }
}

fn is_shared(cli: &Cli) -> bool {
    match &cli.command {
        Some(Command::Train(_) | Command::Resume(_)) => true,
        Some(Command::Bench(args)) => args.what == What::Ranks,
        _ => false,
    }
}

/// All ranks that share the command.
pub(crate) fn all() -> Arc<dyn Ranks> {
    match MPI.get() {
        Some(mpi) => Arc::<Mpi>::clone(mpi),
        None => Arc::new(Alone),
    }
}

/// How many ranks there are on this machine.
pub(crate) fn neighbours() -> usize {
    match (MPI.get(), launched()) {
        (Some(_), Some(launched)) => launched.neighbours,
        _ => 1,
    }
}

/// How many of them have the cores of this one.
pub(crate) fn sharing_cores() -> usize {
    SHARING.get().copied().unwrap_or(1)
}

/// A session that shares its work with the other ranks.
pub(crate) fn session<'a>(
    registry: &'a Registry,
    observer: &'a dyn Observer,
    work: &Work,
    device: &str,
) -> Result<Session<'a>, Failure> {
    among(registry, observer, (work, all()), device)
}

/// The same, where the caller brings the ranks.
pub(crate) fn among<'a>(
    registry: &'a Registry,
    observer: &'a dyn Observer,
    (work, ranks): (&Work, Arc<dyn Ranks>),
    device: &str,
) -> Result<Session<'a>, Failure> {
    let mut session = Session::among(registry, observer, (work.workers(), ranks), device)?;
    session.share(neighbours());
    Ok(session)
}

/// Whether another rank leads this one.
pub(crate) fn follows() -> bool {
    all().rank() > 0
}

/// Does what rank 0 says. It alone writes files and has something to say, and the end of
/// the program is that of its command.
pub(crate) fn follow_with(registry: &Registry, cli: &Cli) -> Result<(), Failure> {
    let (work, device) = match &cli.command {
        Some(Command::Train(args)) => (&args.work, Some(&args.device)),
        Some(Command::Resume(args)) => (&args.work, args.device.as_ref()),
        Some(Command::Bench(args)) => (&args.work, Some(&args.device)),
        _ => return Err(Failure::internal("a command that is not shared")),
    };
    // What ranks share is computed on the CPU; rank 0 refuses anything else.
    let device = device.map_or("cpu", |device| device);
    let session = || {
        let session = session(registry, &(), work, device)?;
        interrupt::ask(&session.stop);
        Ok(session)
    };
    match follow(all().as_ref(), session)? {
        Exit::Done => Ok(()),
        // Rank 0 has said why.
        exit => Err(Failure::new(exit, "")),
    }
}

/// Ends the other ranks too: at once where this one failed, else when all of them have
/// come to their ends.
pub(crate) fn conclude(exit: Exit) {
    let Some(mpi) = MPI.get() else {
        return;
    };
    if exit == Exit::Internal {
        mpi.abort(exit as i32);
    }
    if mpi.rank() == 0 && Lead::end(mpi.as_ref(), exit).is_err() {
        mpi.abort(exit as i32);
    }
    mpi.finalize();
}
