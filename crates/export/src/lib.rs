//! Trained networks as files of other programs: NumPy's arrays with a function beside
//! them, a module of PyTorch, a model of ONNX.
//!
//! A [`Network`] says what is told, what remembers and what is chosen, with all arrays. Its
//! step is written down once, line by line, and every format is that, printed: the
//! batch is free, and the state goes in and comes out. This crate must not know any other,
//! nor touch files: it gives names and bytes.

mod graph;
mod numpy;
mod onnx;
mod part;
pub mod protobuf;
mod python;
mod zip;

pub use part::{Actions, Array, Join, Network, Part, Scan, Trace, Trunk};

/// What a network is written as.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// Arrays, and a function in Python that needs NumPy alone.
    Numpy,
    /// Arrays, and a module that needs PyTorch.
    Torch,
    /// One file that any runtime of ONNX reads.
    Onnx,
}

/// The files of a network: names and contents. `about` says whose it is.
///
/// With them goes `check.npz`: some steps that were lived, with what the network gave
/// there, which the files' readers can be checked by.
pub fn files(network: &Network, about: &str, trace: &Trace, format: Format) -> Files {
    let graph = graph::Graph::of(network);
    let check = ("check.npz", numpy::archive(&trace.arrays(network)));
    let arrays = || ("agent.npz", numpy::archive(&network.arrays));
    match format {
        Format::Numpy => {
            let text = python::numpy(network, &graph, about);
            vec![arrays(), ("agent.py", text.into_bytes()), check]
        }
        Format::Torch => {
            let text = python::torch(network, &graph, about);
            vec![arrays(), ("agent.py", text.into_bytes()), check]
        }
        Format::Onnx => vec![("agent.onnx", onnx::model(network, &graph, about)), check],
    }
}

/// Names and contents of files.
pub type Files = Vec<(&'static str, Vec<u8>)>;
