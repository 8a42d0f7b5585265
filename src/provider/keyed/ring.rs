//! An owned key list in which finding a key costs the same however many there are.

use alloc::boxed::Box;
use alloc::vec::Vec;

use hashbrown::HashMap;
use memchr::memchr_iter;

/// Keys in order, and where in the order each name stands.
///
/// Names may contain the `:` that ends them, so that several names can match one value: each `:` is tried that
/// follows as many bytes as some name has.
pub(super) struct KeyRing<C> {
    keys: Vec<(Box<str>, C)>,
    indices: HashMap<Box<[u8]>, Vec<usize>>,
    /// Whether any name has as many bytes as the index says.
    has_len: Vec<bool>,
    /// What lies in front of the nonce in a value of the first key.
    header: Vec<u8>,
}

impl<C> KeyRing<C> {
    /// Appends a key of a provider whose values begin with `prefix`.
    pub(super) fn push(&mut self, prefix: &str, name: &str, key: C) {
        if self.keys.is_empty() {
            self.header = [prefix, name, ":"].concat().into_bytes();
        }
        self.indices.entry(name.as_bytes().into()).or_default().push(self.keys.len());
        self.has_len.resize(self.has_len.len().max(name.len() + 1), false);
        self.has_len[name.len()] = true;
        self.keys.push((name.into(), key));
    }

    pub(super) fn get(&self, index: usize) -> Option<(&str, &C)> {
        self.keys.get(index).map(|(name, key)| (&**name, key))
    }

    /// Prefix, name and `:` of the key that seals.
    pub(super) fn header(&self) -> &[u8] {
        &self.header
    }

    /// Index of the first key from `from` on whose name and a `:` the rest of a value begins with.
    pub(super) fn next_match(&self, rest: &[u8], from: usize) -> Option<usize> {
        // Most values are of the key that seals, and none comes before it.
        let (first, _) = self.keys.first()?;
        let is_first = |rest: &[u8]| rest.strip_prefix(first.as_bytes()).and_then(<[u8]>::first) == Some(&b':');
        if from == 0 && is_first(rest) {
            return Some(0);
        }
        self.next_of_any(rest, from)
    }

    /// The same, apart from it, so that what most values take stays short.
    #[inline(never)]
    fn next_of_any(&self, rest: &[u8], from: usize) -> Option<usize> {
        let within = &rest[..rest.len().min(self.has_len.len())];
        let names = memchr_iter(b':', within).filter(|&len| self.has_len[len]).map(|len| &rest[..len]);
        let first_of = |name: &[u8]| {
            let indices = self.indices.get(name)?;
            indices.get(indices.partition_point(|&index| index < from)).copied()
        };
        names.filter_map(first_of).min()
    }
}

impl<C> Default for KeyRing<C> {
    fn default() -> Self {
        Self { keys: Vec::new(), indices: HashMap::new(), has_len: Vec::new(), header: Vec::new() }
    }
}
