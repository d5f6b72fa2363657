//! The state of a learner as one tree of named arrays.

use std::collections::BTreeMap;

/// Between a branch and what is on it, as in `params/trunk.weight_ih`.
const SEPARATOR: char = '/';

/// Numbers of one kind, or bytes.
#[derive(Clone, Debug, PartialEq)]
pub enum Data {
    /// Such as parameters.
    F32(Vec<f32>),
    /// Such as what an adaptive penalty has come to.
    F64(Vec<f64>),
    /// Such as counts.
    U64(Vec<u64>),
    /// Anything else, such as text.
    Bytes(Vec<u8>),
}

impl Data {
    /// How many there are.
    pub fn len(&self) -> usize {
        match self {
            Self::F32(data) => data.len(),
            Self::F64(data) => data.len(),
            Self::U64(data) => data.len(),
            Self::Bytes(data) => data.len(),
        }
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// What they are, for messages.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::F32(_) => "32-bit floats",
            Self::F64(_) => "64-bit floats",
            Self::U64(_) => "whole numbers",
            Self::Bytes(_) => "bytes",
        }
    }
}

/// An array, row-major.
#[derive(Clone, Debug, PartialEq)]
pub struct Array {
    /// Its extents; empty for a single number.
    pub shape: Vec<usize>,
    /// As many as the product of the extents.
    pub data: Data,
}

impl Array {
    /// Parameters, or the like.
    pub fn floats(shape: Vec<usize>, data: Vec<f32>) -> Self {
        let data = Data::F32(data);
        Self { shape, data }
    }
}

/// Named arrays. What a learner consists of saves itself each on a branch of its
/// own, and finds itself there again.
#[derive(Clone, Debug, Default)]
pub struct Tree {
    /// Where it was on another tree, for messages; ends with a separator.
    at: String,
    arrays: BTreeMap<String, Array>,
}

impl PartialEq for Tree {
    fn eq(&self, other: &Self) -> bool {
        self.arrays == other.arrays
    }
}

/// Why a tree is not the state of what is to be restored from it.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum TreeError {
    /// Something that is needed is not there.
    #[error(
        "'{name}' is missing; the file belongs to another network or algorithm, or is \
         incomplete: use the one written with this configuration"
    )]
    Missing {
        /// What was looked for.
        name: String,
    },
    /// Something that nothing asks for.
    #[error(
        "'{name}' belongs to no part of this agent, which has {known}; use the file written \
         with this configuration"
    )]
    Unknown {
        /// What nothing asks for.
        name: String,
        /// What there may be.
        known: String,
    },
    /// Something of another kind or shape than its place.
    #[error(
        "'{name}' is {found}, and not {expected}; use the file written with this configuration"
    )]
    Unfit {
        /// Which array.
        name: String,
        /// What it is.
        found: String,
        /// What it must be.
        expected: String,
    },
    /// A number from which nothing could go on.
    #[error(
        "'{name}' is {value} at index {index}, and no checkpoint is made of that; go on from the \
         one before"
    )]
    NotFinite {
        /// Which array.
        name: String,
        /// Where in it, counted row by row.
        index: usize,
        /// What stands there.
        value: f64,
    },
}

impl Tree {
    /// Adds an array, in place of one of the same name.
    pub fn insert(&mut self, name: impl Into<String>, array: Array) {
        self.arrays.insert(name.into(), array);
    }

    /// The tree with one more whole number.
    #[must_use]
    pub fn with_count(self, name: &str, count: u64) -> Self {
        self.with(name, Data::U64(vec![count]))
    }

    /// The tree with one more number.
    #[must_use]
    pub fn with_number(self, name: &str, number: f64) -> Self {
        self.with(name, Data::F64(vec![number]))
    }

    fn with(mut self, name: &str, data: Data) -> Self {
        let shape = Vec::new();
        self.insert(name, Array { shape, data });
        self
    }

    /// The tree with all of another one on a branch.
    #[must_use]
    pub fn with_branch(mut self, branch: &str, tree: Self) -> Self {
        let grafted = |(name, array)| (format!("{branch}{SEPARATOR}{name}"), array);
        self.arrays.extend(tree.arrays.into_iter().map(grafted));
        self
    }

    /// What is on a branch, by its names there; nothing where there is no such
    /// branch.
    #[must_use]
    pub fn branch(&self, branch: &str) -> Self {
        let start = format!("{branch}{SEPARATOR}");
        let cut = |(name, array): (&String, &Array)| {
            let name = name.strip_prefix(&start)?;
            Some((name.to_owned(), array.clone()))
        };
        let arrays = self.arrays.iter().filter_map(cut).collect();
        let at = format!("{}{start}", self.at);
        Self { at, arrays }
    }

    /// An array.
    pub fn get(&self, name: &str) -> Option<&Array> {
        self.arrays.get(name)
    }

    /// An array, to be changed.
    pub fn get_mut(&mut self, name: &str) -> Option<&mut Array> {
        self.arrays.get_mut(name)
    }

    /// The numbers of an array of 32-bit floats, to be changed.
    pub fn floats_mut(&mut self, name: &str) -> Option<&mut [f32]> {
        match &mut self.get_mut(name)?.data {
            Data::F32(data) => Some(data),
            _ => None,
        }
    }

    /// All arrays, in the order of their names.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Array)> {
        self.arrays
            .iter()
            .map(|(name, array)| (name.as_str(), array))
    }

    /// How many arrays there are.
    pub fn len(&self) -> usize {
        self.arrays.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.arrays.is_empty()
    }

    /// A whole number.
    ///
    /// # Errors
    /// If it is missing, or something else.
    pub fn count(&self, name: &str) -> Result<u64, TreeError> {
        let array = self.needed(name)?;
        match array.data {
            Data::U64(ref data) if data.len() == 1 => Ok(data[0]),
            _ => Err(self.unfit(name, array, "a whole number")),
        }
    }

    /// A number.
    ///
    /// # Errors
    /// If it is missing, or something else.
    pub fn number(&self, name: &str) -> Result<f64, TreeError> {
        let array = self.needed(name)?;
        match array.data {
            Data::F64(ref data) if data.len() == 1 => Ok(data[0]),
            _ => Err(self.unfit(name, array, "a 64-bit float")),
        }
    }

    /// The numbers of an array of 32-bit floats of a shape.
    ///
    /// # Errors
    /// If it is missing, or of another kind or shape.
    pub fn floats(&self, name: &str, shape: &[usize]) -> Result<&[f32], TreeError> {
        let array = self.needed(name)?;
        match &array.data {
            Data::F32(data)
                if array.shape == shape && data.len() == shape.iter().product::<usize>() =>
            {
                Ok(data)
            }
            _ => {
                let expected = format!("32-bit floats of shape {shape:?}");
                Err(self.unfit(name, array, &expected))
            }
        }
    }

    fn needed(&self, name: &str) -> Result<&Array, TreeError> {
        let missing = || TreeError::Missing {
            name: self.whole(name),
        };
        self.get(name).ok_or_else(missing)
    }

    /// A name as on the tree that this is a branch of.
    fn whole(&self, name: &str) -> String {
        format!("{}{name}", self.at)
    }

    fn unfit(&self, name: &str, array: &Array, expected: &str) -> TreeError {
        TreeError::Unfit {
            name: self.whole(name),
            found: format!("{} of shape {:?}", array.data.kind(), array.shape),
            expected: expected.to_owned(),
        }
    }

    /// Refuses arrays and branches that none of `parts` is the name of.
    ///
    /// # Errors
    /// Names the first.
    pub fn expect_only(&self, parts: &[&str]) -> Result<(), TreeError> {
        let is_known = |name: &str| match name.split_once(SEPARATOR) {
            None => parts.contains(&name),
            // Nothing is on what is an array itself.
            Some((part, _)) => parts.contains(&part) && !self.arrays.contains_key(part),
        };
        match self.arrays.keys().find(|name| !is_known(name)) {
            None => Ok(()),
            Some(name) => Err(TreeError::Unknown {
                name: self.whole(name),
                known: parts.join(", "),
            }),
        }
    }

    /// Refuses what no checkpoint can be made of: numbers that are infinite or not a
    /// number, and arrays that are not of their shape.
    ///
    /// # Errors
    /// Names the first.
    pub fn expect_storable(&self) -> Result<(), TreeError> {
        for (name, array) in &self.arrays {
            let mut extents = array.shape.iter();
            let room = extents.try_fold(1_usize, |room, extent| room.checked_mul(*extent));
            if room != Some(array.data.len()) {
                let expected = format!("as many, of which there are {}", array.data.len());
                return Err(self.unfit(name, array, &expected));
            }
            let found = match &array.data {
                Data::F32(data) => position(data, |x| f64::from(*x)),
                Data::F64(data) => position(data, |x| *x),
                Data::U64(_) | Data::Bytes(_) => None,
            };
            if let Some((index, value)) = found {
                let name = self.whole(name);
                return Err(TreeError::NotFinite { name, index, value });
            }
        }
        Ok(())
    }
}

fn position<T>(data: &[T], number: impl Fn(&T) -> f64) -> Option<(usize, f64)> {
    let mut numbers = data.iter().map(number).enumerate();
    numbers.find(|(_, value)| !value.is_finite())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tree() -> Tree {
        let mut params = Tree::default();
        params.insert("bias", Array::floats(vec![2], vec![1.0, 2.0]));
        Tree::default()
            .with_branch("params", params)
            .with_count("update", 7)
            .with_number("penalty", 0.5)
    }

    #[test]
    fn what_is_put_on_a_branch_is_found_there() {
        let tree = tree();
        let params = tree.branch("params");
        assert_eq!(params.floats("bias", &[2]), Ok(&[1.0, 2.0][..]));
        assert_eq!(params.len(), 1);
        assert!(tree.branch("param").is_empty());
        assert_eq!(
            (tree.count("update"), tree.number("penalty")),
            (Ok(7), Ok(0.5))
        );
        assert_eq!(tree.expect_only(&["params", "update", "penalty"]), Ok(()));
    }

    #[test]
    fn what_does_not_fit_is_named() {
        let mut tree = tree();
        let said = |error: Result<(), TreeError>| error.unwrap_err().to_string();
        let missing = said(tree.count("env_steps").map(drop));
        assert!(missing.starts_with("'env_steps' is missing"), "{missing}");
        let kind = said(tree.count("penalty").map(drop));
        assert!(
            kind.starts_with("'penalty' is 64-bit floats of shape [], and not a whole number"),
            "{kind}"
        );
        let shape = said(tree.floats("params/bias", &[3]).map(drop));
        assert!(
            shape.contains("shape [2], and not 32-bit floats of shape [3]"),
            "{shape}"
        );
        let unknown = said(tree.expect_only(&["update", "penalty"]));
        assert!(
            unknown.starts_with("'params/bias' belongs to no part"),
            "{unknown}"
        );
        let below = said(tree.branch("params").floats("bias", &[3]).map(drop));
        assert!(below.starts_with("'params/bias' is"), "{below}");
        let none = said(tree.branch("params").count("steps").map(drop));
        assert!(none.starts_with("'params/steps' is missing"), "{none}");
        assert_eq!(tree.expect_storable(), Ok(()));
        tree.insert("params/x", Array::floats(vec![2], vec![0.0, f32::NAN]));
        let bad = said(tree.expect_storable());
        assert!(bad.starts_with("'params/x' is NaN at index 1"), "{bad}");
        for shape in [vec![3], vec![usize::MAX, 2]] {
            tree.insert("params/x", Array::floats(shape, vec![0.0; 2]));
            let bad = said(tree.expect_storable());
            assert!(
                bad.starts_with("'params/x' is 32-bit floats of shape"),
                "{bad}"
            );
            assert!(bad.contains("of which there are 2"), "{bad}");
        }
        tree.insert("params", Array::floats(vec![0], vec![]));
        let below = said(tree.expect_only(&["params", "update", "penalty"]));
        assert!(below.starts_with("'params/bias' belongs"), "{below}");
    }
}
