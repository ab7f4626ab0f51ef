//! Paths as small numbers, and the plan of one pass over an event.

use crate::ir::{Arrays, Path};
use std::collections::HashMap;
use std::sync::Arc;

/// Number of a path within its [`Paths`].
pub(crate) type PathId = u32;

/// Attributes up to which an event is asked for each.
const FEW: usize = 4;
/// Names up to which a list is searched quicker than a table.
const LISTED: usize = 8;

/// Every path that somebody looks at.
#[derive(Debug, Clone, Default)]
pub(crate) struct Paths {
    ids: HashMap<Path, PathId, foldhash::fast::RandomState>,
    attributes: Names,
    nodes: Vec<Node>,
}

/// A place in `data` on the way to a path, or at its end.
#[derive(Debug, Clone, Default)]
pub(crate) struct Node {
    /// The paths that end here, by what they make of arrays.
    pub(crate) through: Option<PathId>,
    pub(crate) last: Option<PathId>,
    pub(crate) never: Option<PathId>,
    /// Whether anybody looks into an array here.
    pub(crate) enters: bool,
    /// Whether a child has children.
    deep: bool,
    children: Names,
}

/// Numbers by name.
#[derive(Debug, Clone, Default)]
struct Names {
    listed: Vec<(Arc<str>, u32)>,
    table: HashMap<Arc<str>, u32, foldhash::fast::RandomState>,
}

impl Names {
    #[inline]
    fn get(&self, key: &[u8]) -> Option<u32> {
        if self.table.is_empty() {
            let mut listed = self.listed.iter();
            let found = listed.find(|(name, _)| name.as_bytes() == key);
            return found.map(|(_, number)| *number);
        }
        self.in_table(key)
    }

    #[inline(never)]
    fn in_table(&self, key: &[u8]) -> Option<u32> {
        self.table.get(std::str::from_utf8(key).ok()?).copied()
    }

    fn insert(&mut self, key: &Arc<str>, number: u32) {
        if self.listed.len() < LISTED {
            return self.listed.push((Arc::clone(key), number));
        }
        if self.table.is_empty() {
            self.table.extend(self.listed.iter().cloned());
        }
        self.table.insert(Arc::clone(key), number);
    }
}

impl Node {
    /// The child of this name.
    #[inline]
    pub(crate) fn child(&self, key: &[u8]) -> Option<u32> {
        self.children.get(key)
    }

    pub(crate) fn is_leaf(&self) -> bool {
        self.children.listed.is_empty()
    }
}

impl Paths {
    /// The number of a path, which is kept from now on.
    pub(crate) fn intern(&mut self, path: &Path) -> PathId {
        if let Some(id) = self.ids.get(path) {
            return *id;
        }
        let id = self.ids.len() as PathId;
        self.ids.insert(path.clone(), id);
        match path {
            Path::Attribute(name) => {
                self.attributes.insert(name, id);
            }
            Path::Data { keys, arrays } => self.plant(keys, *arrays, id),
        }
        id
    }

    pub(crate) fn contains(&self, path: &Path) -> bool {
        self.ids.contains_key(path)
    }

    pub(crate) fn len(&self) -> usize {
        self.ids.len()
    }

    pub(crate) fn attribute(&self, name: &str) -> Option<PathId> {
        self.attributes.get(name.as_bytes())
    }

    /// The attributes, where they are so few that looking each up in an event is quicker than looking all
    /// of the event's up here.
    pub(crate) fn few_attributes(&self) -> Option<&[(Arc<str>, PathId)]> {
        let listed = &self.attributes.listed;
        (listed.len() <= FEW).then_some(listed)
    }

    /// Whether `data` has to be read at all.
    pub(crate) fn reads_data(&self) -> bool {
        !self.nodes.is_empty()
    }

    pub(crate) fn node(&self, node: u32) -> &Node {
        &self.nodes[node as usize]
    }

    /// The node that the parts of a name with dots lead to.
    #[inline]
    pub(crate) fn along(&self, node: u32, key: &[u8]) -> Option<u32> {
        match self.node(node).deep {
            true => self.along_parts(node, key),
            false => None,
        }
    }

    #[inline(never)]
    fn along_parts(&self, node: u32, key: &[u8]) -> Option<u32> {
        if !key.contains(&b'.') {
            return None;
        }
        key.split(|byte| *byte == b'.')
            .try_fold(node, |at, part| self.node(at).child(part))
    }

    fn plant(&mut self, keys: &[Arc<str>], arrays: Arrays, id: PathId) {
        if self.nodes.is_empty() {
            self.nodes.push(Node::default());
        }
        let mut at = 0;
        for (further, key) in (0..keys.len()).rev().zip(keys) {
            self.nodes[at as usize].enters |= arrays == Arrays::Through;
            self.nodes[at as usize].deep |= further > 0;
            at = match self.nodes[at as usize].child(key.as_bytes()) {
                Some(child) => child,
                None => self.add_child(at, key),
            };
        }
        let node = &mut self.nodes[at as usize];
        match arrays {
            Arrays::Through => node.through = Some(id),
            Arrays::Last => node.last = Some(id),
            Arrays::Never => node.never = Some(id),
        }
        node.enters |= arrays != Arrays::Never;
    }

    fn add_child(&mut self, at: u32, key: &Arc<str>) -> u32 {
        let child = self.nodes.len() as u32;
        self.nodes[at as usize].children.insert(key, child);
        self.nodes.push(Node::default());
        child
    }
}
