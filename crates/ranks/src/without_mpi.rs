//! In place of MPI, where it is not built in.

use rollout::{RankError, Ranks};
use std::time::Duration;

/// There is none.
#[derive(Clone, Copy, Debug)]
pub enum Mpi {}

impl Mpi {
    /// Says that there is none.
    ///
    /// # Errors
    /// Always.
    pub fn connect(_lost: fn(&RankError), _least: Duration) -> Result<Self, String> {
        let how =
            "this build has no MPI; build it with `--features mpi`, or start it without mpirun";
        Err(how.to_owned())
    }

    /// See the feature `mpi`.
    pub fn finalize(&self) {
        match *self {}
    }

    /// See the feature `mpi`.
    pub fn abort(&self, _exit: i32) -> ! {
        match *self {}
    }
}

impl Ranks for Mpi {
    fn rank(&self) -> usize {
        match *self {}
    }

    fn size(&self) -> usize {
        match *self {}
    }

    fn exchange(&self, _: &[&[u8]]) -> Result<Vec<Vec<u8>>, RankError> {
        match *self {}
    }

    fn hear(&self, _: Duration) -> Result<Option<Vec<u8>>, RankError> {
        match *self {}
    }

    fn broadcast(&self, _: &[u8]) -> Result<Vec<u8>, RankError> {
        match *self {}
    }
}
