//! Ranks that are processes of MPI: what `mpirun` and `srun` start, on one machine or
//! many.
//!
//! It is all there is of MPI: whoever shares work knows [`Ranks`](rollout::Ranks) alone.
//! Without the feature `mpi` there is none, and nothing of it is needed. This crate must
//! not know what the messages are about, and must not print.

#[cfg(feature = "mpi")]
#[allow(
    clippy::disallowed_methods,
    reason = "it finds out how long another rank has said nothing"
)]
mod mpi;
#[cfg(not(feature = "mpi"))]
#[path = "without_mpi.rs"]
mod mpi;

#[cfg(any(test, feature = "mpi"))]
#[allow(
    clippy::disallowed_methods,
    reason = "it finds out how long ranks take"
)]
mod patience;

pub use self::mpi::Mpi;

/// What whoever started this process says of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Launched {
    /// Which rank it is to be.
    pub rank: usize,
    /// How many there are to be.
    pub size: usize,
    /// How many of them on this machine; all of them where nobody says.
    pub neighbours: usize,
}

impl Launched {
    /// Reads what Open MPI, the launchers of MPICH's kin, and Slurm where it speaks PMIx
    /// leave in the environment, which `variable` reads. `None` of a process that nobody
    /// started beside others.
    ///
    /// # Errors
    /// If a variable says what no launcher does: a process that took itself for the only
    /// one would do the work of all, and the others would wait for it.
    pub fn find(variable: impl Fn(&str) -> Option<String>) -> Result<Option<Self>, String> {
        let launchers = [
            ("OMPI_COMM_WORLD_RANK", "OMPI_COMM_WORLD_SIZE"),
            ("PMI_RANK", "PMI_SIZE"),
            // Slurm tells the size alone where each process is on its own.
            ("PMIX_RANK", "SLURM_STEP_NUM_TASKS"),
        ];
        for (index, (rank, size)) in launchers.into_iter().enumerate() {
            let (rank, size) = match ((rank, variable(rank)), (size, variable(size))) {
                ((_, None), (_, None)) => continue,
                (rank @ (_, Some(_)), size @ (_, Some(_))) => (rank, size),
                _ if index == 2 => continue,
                ((missing, None), (set, _)) | ((set, _), (missing, None)) => {
                    return Err(format!(
                        "the variable {set} is set and {missing} is not; {}",
                        Self::REMEDY
                    ));
                }
            };
            let size = number(size, 1, usize::MAX)?;
            let rank = number(rank, 0, size - 1)?;
            let beside = ["OMPI_COMM_WORLD_LOCAL_SIZE", "MPI_LOCALNRANKS"];
            let mut beside = beside.into_iter().map(|name| (name, variable(name)));
            let neighbours = match beside.find(|(_, said)| said.is_some()) {
                Some(said) => number(said, 1, size)?,
                None => size,
            };
            let several = Self {
                rank,
                size,
                neighbours,
            };
            return Ok((size > 1).then_some(several));
        }
        Ok(None)
    }

    /// What to do about a variable that says what it cannot.
    const REMEDY: &str = "`mpirun` and `srun` set them right; unset them to run a single process";
}

/// What a variable says, if it is a whole number in a range.
fn number(
    (name, said): (&str, Option<String>),
    least: usize,
    most: usize,
) -> Result<usize, String> {
    let said = said.unwrap_or_default();
    let found = said.trim().parse().ok();
    found
        .filter(|number| (least..=most).contains(number))
        .ok_or_else(|| {
            let allowed = match most {
                usize::MAX => format!("whole numbers from {least} on"),
                _ => format!("whole numbers, {least} to {most}"),
            };
            let remedy = Launched::REMEDY;
            format!("the variable {name} is {said:?}; allowed: {allowed}; {remedy}")
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(set: &[(&str, &str)]) -> Result<Option<Launched>, String> {
        Launched::find(|name| {
            let known = set.iter().find(|(known, _)| *known == name)?;
            Some(known.1.to_owned())
        })
    }

    fn found(set: &[(&str, &str)]) -> Option<(usize, usize, usize)> {
        let found = read(set).unwrap()?;
        Some((found.rank, found.size, found.neighbours))
    }

    #[test]
    fn launchers_say_who_they_started() {
        let open_mpi = [
            ("OMPI_COMM_WORLD_RANK", "3"),
            ("OMPI_COMM_WORLD_SIZE", "8"),
            ("OMPI_COMM_WORLD_LOCAL_SIZE", "2"),
            ("PMIX_RANK", "3"),
        ];
        assert_eq!(found(&open_mpi), Some((3, 8, 2)));
        assert_eq!(
            found(&[("PMI_RANK", "0"), ("PMI_SIZE", "4")]),
            Some((0, 4, 4))
        );
        let slurm = [("PMIX_RANK", "1"), ("SLURM_STEP_NUM_TASKS", "2")];
        assert_eq!(found(&slurm), Some((1, 2, 2)));
        assert_eq!(found(&[]), None);
        let alone = [("OMPI_COMM_WORLD_RANK", "0"), ("OMPI_COMM_WORLD_SIZE", "1")];
        assert_eq!(found(&alone), None);
        assert_eq!(found(&[("SLURM_STEP_NUM_TASKS", "8")]), None);
    }
    /// Or it would train alone, and so would each of the others.
    #[test]
    fn what_no_launcher_says_is_refused_with_its_name() {
        let open_mpi = |rank, size, beside| {
            [
                ("OMPI_COMM_WORLD_RANK", rank),
                ("OMPI_COMM_WORLD_SIZE", size),
                ("OMPI_COMM_WORLD_LOCAL_SIZE", beside),
            ]
        };
        for (set, said) in [
            (
                open_mpi("first", "8", "2"),
                "OMPI_COMM_WORLD_RANK is \"first\"; allowed: whole numbers, 0 to 7",
            ),
            (open_mpi("8", "8", "2"), "OMPI_COMM_WORLD_RANK is \"8\""),
            (open_mpi("-1", "8", "2"), "OMPI_COMM_WORLD_RANK is \"-1\""),
            (open_mpi("", "8", "2"), "OMPI_COMM_WORLD_RANK is \"\""),
            (
                open_mpi("0", "0", "2"),
                "OMPI_COMM_WORLD_SIZE is \"0\"; allowed: whole numbers from 1 on",
            ),
            (open_mpi("0", "1e3", "2"), "OMPI_COMM_WORLD_SIZE is \"1e3\""),
            (
                open_mpi("0", "8", "9"),
                "OMPI_COMM_WORLD_LOCAL_SIZE is \"9\"; allowed: whole numbers, 1 to 8",
            ),
        ] {
            let why = read(&set).unwrap_err();
            assert!(why.contains(said) && why.contains("unset them"), "{why}");
        }
        let half = read(&[("PMI_RANK", "1")]).unwrap_err();
        assert!(
            half.contains("PMI_RANK is set and PMI_SIZE is not"),
            "{half}"
        );
        let half = read(&[("OMPI_COMM_WORLD_SIZE", "4")]).unwrap_err();
        assert!(half.contains("OMPI_COMM_WORLD_RANK is not"), "{half}");
    }
}
