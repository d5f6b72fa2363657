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
    pub fn find(variable: impl Fn(&str) -> Option<String>) -> Option<Self> {
        let number = |name: &str| variable(name)?.trim().parse::<usize>().ok();
        let both = |rank: &str, size: &str| Some((number(rank)?, number(size)?));
        let found = both("OMPI_COMM_WORLD_RANK", "OMPI_COMM_WORLD_SIZE");
        let found = found.or_else(|| both("PMI_RANK", "PMI_SIZE"));
        let (rank, size) = found.or_else(|| both("PMIX_RANK", "SLURM_STEP_NUM_TASKS"))?;
        let neighbours = number("OMPI_COMM_WORLD_LOCAL_SIZE").or_else(|| number("MPI_LOCALNRANKS"));
        let several = Self {
            rank,
            size,
            neighbours: neighbours.unwrap_or(size).max(1),
        };
        (size > 1).then_some(several)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(set: &[(&str, &str)]) -> Option<(usize, usize, usize)> {
        let value = |name: &str| {
            let known = set.iter().find(|(known, _)| *known == name)?;
            Some(known.1.to_owned())
        };
        let found = Launched::find(value)?;
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
}
