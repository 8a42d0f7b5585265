//! Counts by name and key id, bounded in number and length.

use alloc::boxed::Box;
use alloc::collections::BTreeMap;

use super::{Count, Inventory, InventoryRow, TEXT_LEN_MAX};
use crate::kind::ProviderKind;

/// Ordered, so that tables are, and so that no choice of names makes finding one slow.
#[derive(Clone, Default)]
pub(super) struct Names {
    by_provider: BTreeMap<ProviderKind, BTreeMap<Box<str>, Named>>,
    /// Names and key ids that values brought.
    held: usize,
    longest_expected: usize,
}

/// What is counted under one name.
#[derive(Clone, Default)]
pub(super) struct Named {
    pub(super) count: Count,
    /// Of these, what has no key id that is held.
    pub(super) no_id: Count,
    pub(super) ids: BTreeMap<Box<str>, Count>,
    pub(super) ambiguous: u64,
    /// Whether every value that can be of this name is counted here.
    pub(super) complete: bool,
}

impl Names {
    pub(super) fn expect(&mut self, provider: ProviderKind, name: &str, complete: bool) {
        let new = || Named { complete, ..Named::default() };
        self.by_provider.entry(provider).or_default().entry(name.into()).or_insert_with(new);
        self.longest_expected = self.longest_expected.max(name.len());
    }

    /// The most bytes that a held name can have.
    pub(super) fn longest(&self) -> usize {
        self.longest_expected.max(TEXT_LEN_MAX)
    }

    pub(super) fn get(&self, provider: ProviderKind, name: &str) -> Option<&Named> {
        self.by_provider.get(&provider)?.get(name)
    }

    /// Counts a value under a name, if that is held or there is room for it.
    pub(super) fn add(
        &mut self,
        provider: ProviderKind,
        name: &str,
        key_id: Option<&str>,
        len: usize,
        ambiguous: bool,
    ) -> bool {
        let names = self.by_provider.entry(provider).or_default();
        if !names.contains_key(name) {
            if !has_room(self.held, name) {
                return false;
            }
            self.held += 1;
            // As long as there is room, nothing was counted elsewhere that has a name so short.
            names.insert(name.into(), Named { complete: true, ..Named::default() });
        }
        let Some(named) = names.get_mut(name) else { return false };
        named.count.add(len);
        named.ambiguous = named.ambiguous.saturating_add(ambiguous.into());
        match key_id {
            Some(id) if named.ids.contains_key(id) || has_room(self.held, id) => {
                let count = named.ids.entry(id.into()).or_insert_with(|| {
                    self.held += 1;
                    Count::default()
                });
                count.add(len);
            }
            _ => named.no_id.add(len),
        }
        true
    }

    pub(super) fn rows(&self) -> impl Iterator<Item = InventoryRow<'_>> {
        let names = self.by_provider.iter().flat_map(|(&kind, names)| names.iter().map(move |named| (kind, named)));
        names.flat_map(|(provider, (name, named))| {
            let row = move |key_id, count| InventoryRow { provider, name, key_id, count, ambiguous: named.ambiguous };
            let ids = named.ids.iter().map(move |(id, &count)| row(Some(&**id), count));
            let has_rest = named.ids.is_empty() || !named.no_id.is_zero();
            ids.chain(has_rest.then(|| row(None, named.no_id)))
        })
    }
}

fn has_room(held: usize, text: &str) -> bool {
    held < Inventory::ROWS_MAX && text.len() <= TEXT_LEN_MAX
}
