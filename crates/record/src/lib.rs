//! The run directory: resolved configuration, metrics, evaluations and
//! checkpoints of one training of one seed.
//!
//! This crate must not know of algorithms, environments, libtorch or the clock,
//! and it never prints. It moves text, rows and arrays to disk and back, so that a
//! run killed at any instant can go on to the identical result; [`schema`] declares
//! what they are, for who writes and who reads them:
//!
//! ```text
//! config.toml            the resolved configuration, opaque text
//! environment.json       versions, CPU, seed         } written whole, and sealed:
//! comparison.json        learners side by side       } a reader sees the old or the
//! pictures.json          the agent at work           } new, and whether it was changed
//! deviations.json        beside the best policy      }
//! indices.json           beside the Gittins index    }
//! beliefs.json           beside the exact posterior  }
//! metrics.jsonl          one row per update          }
//! timing.jsonl           one row per update          } appended, one write a row
//! eval.jsonl             one row per evaluation      }
//! checkpoints/00000012/  arrays.safetensors, state.json, timing.json
//! lock                   held by the process that writes the run
//! ```
//!
//! A checkpoint knows the configuration that it is of, how many rows each file
//! had, and their BLAKE3. It is used only where the files still begin like that;
//! later rows are taken off then, because the updates after it make them again.
//!
//! [`RunDir`] writes a run and holds its lock; [`Reader`] only reads, also while
//! another process writes.
//!
//! # What survives what
//! A row survives the end of the process as soon as [`RunDir::append`] returns.
//! It survives a power cut from the next checkpoint on: saving one first forces
//! the rows to disk, so that no checkpoint is ever ahead of its rows.
//!
//! # Numbers that are not finite
//! JSON has no NaN and no infinity. serde_json writes `null` for each of them,
//! so a row with a NaN loss is still a row. Give fields that can be affected the
//! attribute `#[serde(deserialize_with = "record::null_as_nan")]`, and they read
//! back as NaN; lists have [`nulls_as_nan`].

mod checkpoint;
mod claim;
#[cfg(test)]
mod crash_tests;
mod disk;
mod error;
mod files;
mod fingerprint;
mod lock;
mod reader;
mod rows;
mod run_dir;
pub mod schema;
mod seal;

pub use checkpoint::Checkpoint;
pub use claim::{Claim, Existing};
pub use error::{RecordError, is_full};
pub use files::{
    make_folder, open_to_read, read_bytes, read_long_text, read_text, sync_folder, write_atomically,
};
pub use fingerprint::fingerprint;
pub use lock::{Held, Lock};
pub use reader::{Latest, Reader};
pub use rows::{Stream, null_as_nan, nulls_as_nan, optional_nulls_as_nan};
pub use run_dir::{Document, RunDir};
pub use seal::{read_sealed, write_sealed};

/// What every fallible function of this crate returns.
pub type Result<T> = std::result::Result<T, RecordError>;
