//! Agents that say what they believe of their task, and learn to say it beside acting.
//!
//! A recurrent encoder reads the trial, and a layer on its memory gives a belief of the
//! task at every step. What the belief learns from is one of two things:
//!
//! - the task itself, which a training knows: its number by cross-entropy, or its
//!   description by squared errors, at every step (Humplik et al. 2019,
//!   arXiv 1905.06424);
//! - what can be predicted with it: a sample of a Gaussian belief has to decode into all
//!   rewards of the trial, past and to come, and where tasks differ in them into what is
//!   observed next, and the belief after a step stays near the one before it (VariBAD: Zintgraf et al. 2020, arXiv 1910.08348).
//!
//! The policy reads the observation with the encoder's memory, with the belief or with what
//! that is decoded into, and learns by proximal policy optimization; how far its gradient goes
//! back is a setting.
//! An agent that draws from its belief once an episode, holds what it drew, and is told
//! nothing else, is PEARL on policy (Rakelly et al. 2019, arXiv 1903.08254), which comes
//! to posterior sampling.
//!
//! One update reads top to bottom in [`Trainer`]. What it shares with other learners is
//! in the crate `agent`. This crate must not know any particular environment, files, or
//! the clock.

mod algorithm;
mod autoencoder;
mod config;
mod elbo;
mod encoder;
mod past;
mod predictor;
mod supervised;
mod trainer;
mod trunk;

pub use algorithm::ALGORITHM;
pub use config::{
    Belief, BeliefConfig, Decodes, Prior, Queries, Reads, Repeats, Rewards, Sampling, Target,
    Transitions, Variational,
};
pub use elbo::{Asked, Decoder, Lived, Losses, Part, Predicts, Query};
pub use supervised::{Labels, loss as supervised_loss};
pub use trainer::{Metrics, Trainer};
