//! The text of a file as a tree, whatever notation it came in. Text in it is wiped on drop.
//!
//! What an alias repeats is shared and not copied; the tree is bounded in depth, in values, and in what
//! aliases repeat, so that walking it is bounded too.

use alloc::rc::Rc;
use alloc::string::String;
use alloc::vec::Vec;
use core::hash::{Hash, Hasher};
use core::mem;
use std::collections::{HashMap, HashSet};

use zeroize::Zeroizing;

use super::fault::{Faults, Path, Place};

/// Text that may be a secret.
pub(super) type Text = Zeroizing<String>;

/// Levels of lists and maps; a configuration has nine.
const DEPTH_MAX: usize = 100;

/// Values of a file, not counting what aliases repeat.
const NODES_MAX: usize = 500_000;

/// What aliases and merges may repeat in all: 32 for each value, and its bytes of text; for each field that is merged
/// 32 and the bytes of its name.
const REPEATED_MAX: usize = 8 << 20;

/// A value and where it begins.
pub(super) struct Node {
    pub(super) place: Place,
    pub(super) value: Value,
    /// What repeating this costs.
    weight: usize,
    /// Levels of lists and maps within, this one included.
    depth: usize,
}

pub(super) enum Value {
    Null,
    Bool,
    /// Its value if it is an integer of 64 bits.
    Number(Option<i64>),
    Text(Text),
    List(Vec<Rc<Node>>),
    Map(Vec<Field>),
}

/// A field of a map.
pub(super) struct Field {
    pub(super) name: Text,
    pub(super) place: Place,
    pub(super) node: Rc<Node>,
}

impl Node {
    fn scalar(place: Place, value: Value) -> Self {
        let text_len = if let Value::Text(text) = &value { text.len() } else { 0 };
        Self { place, value, weight: 32 + text_len, depth: 1 }
    }
}

/// The tree as far as it has been read.
#[derive(Default)]
pub(super) struct Builder {
    root: Option<Rc<Node>>,
    open: Vec<Open>,
    anchors: HashMap<usize, Rc<Node>>,
    nodes: usize,
    repeated: usize,
    pub(super) faults: Faults,
}

/// A list or a map that has not ended.
struct Open {
    place: Place,
    anchor: usize,
    content: Content,
    weight: usize,
    depth: usize,
}

enum Content {
    List(Vec<Rc<Node>>),
    Map { fields: Vec<Field>, names: HashSet<Name>, key: Option<(Text, Place, KeyKind)> },
}

/// A name in a map, which can be a misplaced secret too.
#[derive(PartialEq, Eq)]
struct Name(Text);

impl Hash for Name {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.0.as_str().hash(state);
    }
}

/// What a name in a map says of the value behind it.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum KeyKind {
    /// It is the value of a field.
    Field,
    /// It is a map whose fields become fields of this one.
    Merge,
}

/// The file cannot be read on; why is among the faults.
pub(super) struct Stopped;

impl Builder {
    /// Whether a name is due and not a value.
    pub(super) fn expects_key(&self) -> bool {
        matches!(self.open.last(), Some(Open { content: Content::Map { key: None, .. }, .. }))
    }

    pub(super) fn key(&mut self, name: Text, at: Place, kind: KeyKind) {
        let Some(Open { content: Content::Map { names, key, .. }, .. }) = self.open.last_mut() else { return };
        let is_new = kind == KeyKind::Merge || names.insert(Name(name.clone()));
        *key = Some((name, at, kind));
        if !is_new {
            self.fault(at, "the field is given twice", "give it once");
        }
    }

    pub(super) fn scalar(&mut self, place: Place, anchor: usize, value: Value) -> Result<(), Stopped> {
        self.count(place)?;
        self.place_node(anchor, Node::scalar(place, value))
    }

    pub(super) fn begin_list(&mut self, place: Place, anchor: usize) -> Result<(), Stopped> {
        self.begin(place, anchor, Content::List(Vec::new()))
    }

    pub(super) fn begin_map(&mut self, place: Place, anchor: usize) -> Result<(), Stopped> {
        self.begin(place, anchor, Content::Map { fields: Vec::new(), names: HashSet::new(), key: None })
    }

    fn begin(&mut self, place: Place, anchor: usize, content: Content) -> Result<(), Stopped> {
        self.count(place)?;
        if self.expects_key() {
            return self.stop(place, "a list or a map stands where a name should", "name the field");
        }
        if self.open.len() >= DEPTH_MAX {
            return self.too_deep(place);
        }
        self.open.push(Open { place, anchor, content, weight: 32, depth: 1 });
        Ok(())
    }

    pub(super) fn end(&mut self) -> Result<(), Stopped> {
        let Some(Open { place, anchor, content, weight, depth }) = self.open.pop() else { return Ok(()) };
        let value = match content {
            Content::List(nodes) => Value::List(nodes),
            Content::Map { fields, .. } => Value::Map(fields),
        };
        self.place_node(anchor, Node { place, value, weight, depth })
    }

    /// Puts what an anchor names once more into the tree.
    pub(super) fn alias(&mut self, place: Place, anchor: usize) -> Result<(), Stopped> {
        self.count(place)?;
        let Some(node) = self.anchors.get(&anchor).cloned() else {
            return self.stop(place, "the alias stands within what it repeats", "write the values out");
        };
        self.repeat(node.weight, place)?;
        if self.open.len() + node.depth > DEPTH_MAX {
            return self.too_deep(place);
        }
        if !self.expects_key() {
            return self.attach(node);
        }
        match &node.value {
            Value::Text(name) => {
                self.key(name.clone(), place, KeyKind::Field);
                Ok(())
            }
            _ => self.stop(place, "an alias of what is no text stands where a name should", "name the field"),
        }
    }

    fn place_node(&mut self, anchor: usize, node: Node) -> Result<(), Stopped> {
        let node = Rc::new(node);
        if anchor != 0 {
            self.anchors.insert(anchor, Rc::clone(&node));
        }
        self.attach(node)
    }

    fn attach(&mut self, node: Rc<Node>) -> Result<(), Stopped> {
        let Some(open) = self.open.last_mut() else {
            self.root = Some(node);
            return Ok(());
        };
        open.weight = open.weight.saturating_add(node.weight);
        open.depth = open.depth.max(node.depth + 1);
        let (name, place) = match &mut open.content {
            Content::List(nodes) => {
                nodes.push(node);
                return Ok(());
            }
            Content::Map { fields, key, .. } => match key.take() {
                Some((name, place, KeyKind::Field)) => {
                    fields.push(Field { name, place, node });
                    return Ok(());
                }
                Some((name, place, KeyKind::Merge)) => (name, place),
                None => return Ok(()),
            },
        };
        self.merge(&node, name, place)
    }

    /// Gives the open map the fields of another, or of each map of a list.
    fn merge(&mut self, from: &Rc<Node>, name: Text, place: Place) -> Result<(), Stopped> {
        drop(name);
        let sources = match &from.value {
            Value::Map(_) => core::slice::from_ref(from),
            Value::List(nodes) => nodes,
            _ => return self.stop(place, "only maps can be merged", "give a map or a list of maps"),
        };
        for source in sources {
            let Value::Map(fields) = &source.value else {
                return self.stop(place, "only maps can be merged", "give a map or a list of maps");
            };
            for field in fields {
                // Maps within maps that merge each other give the same fields many times.
                self.repeat(32 + field.name.len(), place)?;
                self.key(field.name.clone(), place, KeyKind::Field);
                self.attach(Rc::clone(&field.node))?;
            }
        }
        Ok(())
    }

    fn repeat(&mut self, weight: usize, place: Place) -> Result<(), Stopped> {
        self.repeated = self.repeated.saturating_add(weight);
        if self.repeated > REPEATED_MAX {
            return self.stop(place, "aliases and merges repeat too much", "repeat less than 8 MiB in all");
        }
        Ok(())
    }

    fn count(&mut self, place: Place) -> Result<(), Stopped> {
        self.nodes += 1;
        if self.nodes > NODES_MAX {
            return self.stop(place, "the file has too many values", "use no more than 500,000");
        }
        Ok(())
    }

    pub(super) fn too_deep(&mut self, place: Place) -> Result<(), Stopped> {
        self.stop(place, "lists and maps are nested too deep", "use no more than 100 levels")
    }

    pub(super) fn stop<T>(&mut self, place: Place, problem: &str, advice: &str) -> Result<T, Stopped> {
        self.fault(place, problem, advice);
        Err(Stopped)
    }

    /// Records a fault of the value or the field that is being read.
    pub(super) fn fault(&mut self, place: Place, problem: &str, advice: &str) {
        let faults = &mut self.faults;
        with_path(&self.open, &Path::Root, &mut |path| faults.add(path, Some(place), problem, advice));
    }

    /// The whole tree, `None` for a file without a value.
    pub(super) fn finish(&mut self) -> Option<Rc<Node>> {
        mem::take(&mut self.open);
        self.root.take()
    }
}

/// Calls `run` with the path to where reading has come; as deep as the open lists and maps are.
fn with_path(open: &[Open], path: &Path<'_>, run: &mut dyn FnMut(&Path<'_>)) {
    match open.split_first() {
        None => run(path),
        Some((Open { content: Content::List(nodes), .. }, inner)) => with_path(inner, &path.element(nodes.len()), run),
        Some((Open { content: Content::Map { key: Some((name, ..)), .. }, .. }, inner)) => {
            with_path(inner, &path.field(name), run);
        }
        Some(_) => run(path),
    }
}
