//! An owned key list in which finding a key costs the same however many there are.

use alloc::boxed::Box;
use alloc::vec::Vec;

use hashbrown::HashMap;

/// Keys in order, and where in the order each name stands.
///
/// Names may contain the `:` that ends them, so that several names can match one value: each length that
/// any name has is tried, if a `:` follows there.
pub(super) struct KeyRing<C> {
    keys: Vec<(Box<str>, C)>,
    indices: HashMap<Box<[u8]>, Vec<usize>>,
    /// Sorted, each once.
    name_lens: Vec<usize>,
}

impl<C> KeyRing<C> {
    pub(super) fn push(&mut self, name: &str, key: C) {
        self.indices.entry(name.as_bytes().into()).or_default().push(self.keys.len());
        if let Err(place) = self.name_lens.binary_search(&name.len()) {
            self.name_lens.insert(place, name.len());
        }
        self.keys.push((name.into(), key));
    }

    pub(super) fn get(&self, index: usize) -> Option<(&str, &C)> {
        self.keys.get(index).map(|(name, key)| (&**name, key))
    }

    pub(super) fn next_match(&self, rest: &[u8], from: usize) -> Option<usize> {
        let names = self.name_lens.iter().take_while(|&&len| len < rest.len()).filter(|&&len| rest[len] == b':');
        let first_of = |name: &[u8]| {
            let indices = self.indices.get(name)?;
            indices.get(indices.partition_point(|&index| index < from)).copied()
        };
        names.filter_map(|&len| first_of(&rest[..len])).min()
    }
}

impl<C> Default for KeyRing<C> {
    fn default() -> Self {
        Self { keys: Vec::new(), indices: HashMap::new(), name_lens: Vec::new() }
    }
}
