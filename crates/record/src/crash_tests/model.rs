//! What is on a disk, and what is not yet.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use super::recorder::Call;

/// What a name in a folder leads to.
#[derive(Clone, Copy, Debug)]
enum Node {
    File(usize),
    Folder(usize),
}

type Names = BTreeMap<String, Node>;

/// What happened to a file's bytes since they were flushed.
#[derive(Clone, Debug)]
enum Edit {
    Write(Vec<u8>),
    Cut(u64),
}

/// Bytes on the disk, and what has not been flushed.
#[derive(Clone, Debug, Default)]
struct Bytes {
    durable: Vec<u8>,
    pending: Vec<Edit>,
}

/// What a power cut does to bytes that were not flushed.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Data {
    Kept,
    Dropped,
    /// Of what was written last there is the first half.
    Torn,
    /// The file is as long as it was, but what was written last reads as zeros.
    Zeros,
}

impl Bytes {
    fn after(&self, data: Data) -> Vec<u8> {
        let mut bytes = self.durable.clone();
        if data == Data::Dropped {
            return bytes;
        }
        let last = self.pending.len().saturating_sub(1);
        for (index, edit) in self.pending.iter().enumerate() {
            match (edit, data) {
                (Edit::Cut(length), _) => bytes.truncate(*length as usize),
                (Edit::Write(more), Data::Torn) if index == last => {
                    bytes.extend(&more[..more.len() / 2]);
                }
                (Edit::Write(more), Data::Zeros) if index == last => {
                    bytes.resize(bytes.len() + more.len(), 0);
                }
                (Edit::Write(more), _) => bytes.extend(more),
            }
        }
        bytes
    }
}

/// A change of the names in a folder: each name with what it leads to from then on.
#[derive(Clone, Debug)]
pub(super) struct Renaming {
    folder: usize,
    names: Vec<(String, Option<Node>)>,
}

/// A disk below a folder. Folder 0 is that.
pub(super) struct Model {
    root: PathBuf,
    files: Vec<Bytes>,
    /// As it is while the power is on.
    now: Vec<Names>,
    /// As it is on the disk.
    durable: Vec<Names>,
    /// What is not on the disk, oldest first.
    pub(super) pending: Vec<Renaming>,
}

impl Model {
    pub(super) fn new(root: &Path) -> Self {
        Self {
            root: root.into(),
            files: Vec::new(),
            now: vec![Names::new()],
            durable: vec![Names::new()],
            pending: Vec::new(),
        }
    }

    fn node(&self, path: &Path) -> Node {
        let parts = path.strip_prefix(&self.root).expect("below the root");
        parts.iter().fold(Node::Folder(0), |node, part| match node {
            Node::Folder(folder) => self.now[folder][&part.to_string_lossy().into_owned()],
            Node::File(_) => panic!("{path:?} leads through a file"),
        })
    }

    fn folder(&self, path: &Path) -> usize {
        match self.node(path) {
            Node::Folder(folder) => folder,
            Node::File(_) => panic!("{path:?} is a file"),
        }
    }

    fn file(&mut self, path: &Path) -> &mut Bytes {
        match self.node(path) {
            Node::File(file) => &mut self.files[file],
            Node::Folder(_) => panic!("{path:?} is a folder"),
        }
    }

    fn change(&mut self, path: &Path, nodes: &[(&Path, Option<Node>)]) {
        let folder = self.folder(path.parent().expect("below the root"));
        let name = |path: &Path| path.file_name().unwrap().to_string_lossy().into_owned();
        let names = nodes.iter().map(|(path, node)| (name(path), *node));
        let renaming = Renaming {
            folder,
            names: names.collect(),
        };
        apply(&mut self.now, &renaming);
        self.pending.push(renaming);
    }

    pub(super) fn does(&mut self, call: &Call) {
        match call {
            Call::MakeFolder(path) => {
                let folder = Node::Folder(self.now.len());
                self.now.push(Names::new());
                self.durable.push(Names::new());
                self.change(path, &[(path, Some(folder))]);
            }
            Call::Create(path) => {
                let file = Node::File(self.files.len());
                self.files.push(Bytes::default());
                self.change(path, &[(path, Some(file))]);
            }
            Call::Write(path, bytes) => {
                let edit = Edit::Write(bytes.clone());
                self.file(path).pending.push(edit);
            }
            Call::Cut(path, length) => self.file(path).pending.push(Edit::Cut(*length)),
            Call::Sync(path) => {
                let file = self.file(path);
                file.durable = file.after(Data::Kept);
                file.pending.clear();
            }
            Call::SyncFolder(path) => {
                let folder = self.folder(path);
                let pending = std::mem::take(&mut self.pending);
                let (done, left): (Vec<_>, _) =
                    pending.into_iter().partition(|one| one.folder == folder);
                done.iter().for_each(|one| apply(&mut self.durable, one));
                self.pending = left;
            }
            Call::Rename(from, to) => {
                let node = self.node(from);
                self.change(from, &[(from, None), (to, Some(node))]);
            }
            Call::Remove(path) => self.change(path, &[(path, None)]),
        }
    }

    /// The files and folders (`None`) after a power cut that leaves those changes
    /// of names.
    pub(super) fn after(&self, kept: impl Fn(usize) -> bool, data: Data) -> Files {
        let mut folders = self.durable.clone();
        for (index, renaming) in self.pending.iter().enumerate() {
            if kept(index) {
                apply(&mut folders, renaming);
            }
        }
        let mut files = Files::new();
        self.collect(&folders, (Path::new(""), 0), data, &mut files);
        files
    }

    fn collect(&self, all: &[Names], (at, folder): (&Path, usize), data: Data, into: &mut Files) {
        for (name, node) in &all[folder] {
            let path = at.join(name);
            match node {
                Node::File(file) => {
                    into.insert(path, Some(self.files[*file].after(data)));
                }
                Node::Folder(folder) => {
                    into.insert(path.clone(), None);
                    self.collect(all, (&path, *folder), data, into);
                }
            }
        }
    }
}

fn apply(folders: &mut [Names], renaming: &Renaming) {
    let names = &mut folders[renaming.folder];
    for (name, node) in &renaming.names {
        match node {
            Some(node) => names.insert(name.clone(), *node),
            None => names.remove(name),
        };
    }
}

pub(super) type Files = BTreeMap<PathBuf, Option<Vec<u8>>>;

pub(super) fn put(files: &Files, root: &Path) {
    for (path, bytes) in files {
        match bytes {
            Some(bytes) => fs::write(root.join(path), bytes).unwrap(),
            None => fs::create_dir(root.join(path)).unwrap(),
        }
    }
}
