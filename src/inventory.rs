//! What many stored values are, from their bytes alone: which old keys nothing needs any more.

mod names;
mod table;

use core::fmt;

use crate::inspect::{Candidate, inspect};
use crate::kind::ProviderKind;
use names::Names;

/// The longest name or key id in bytes that is held; longer ones count as others.
const TEXT_LEN_MAX: usize = 1024;

/// Counts stored values by the provider and the key that they can have been written with, without any key.
///
/// Feed it every value of the store, once a rotation should be through. Where the bytes of a value allow several key
/// names, it counts under each of them.
///
/// It holds at most [`ROWS_MAX`](Self::ROWS_MAX) names and key ids of at most 1,024 bytes, in some MiB. What goes beyond
/// is counted as [`others`](Self::others). Of a million values some thousand have ciphertext that reads like a further
/// name, so for large stores say first which names matter, with [`expecting`](Self::expecting): these are always held.
///
/// # Security
/// Names and key ids are hints that nobody authenticates. Whoever writes to the store can make a key look needed that
/// is not, but no value that opens with a key is missing from that key's count. What is displayed is escaped.
///
/// # Example
/// ```
/// use atrest::{Inventory, ProviderKind};
///
/// let mut inventory = Inventory::new().expecting(ProviderKind::AesGcm, "2025-08");
/// inventory.add(&[b"k8s:enc:aesgcm:v1:2026-11:", &[7; 48][..]].concat());
/// assert!(inventory.can_retire(ProviderKind::AesGcm, "2025-08"));
/// inventory.add(&[b"k8s:enc:aesgcm:v1:2025-08:", &[7; 48][..]].concat());
/// assert!(!inventory.can_retire(ProviderKind::AesGcm, "2025-08"));
/// assert_eq!(inventory.count(ProviderKind::AesGcm, "2025-08").values, 1);
/// ```
#[derive(Clone, Default)]
pub struct Inventory {
    total: Count,
    unencrypted: Count,
    unreadable: Count,
    others: Count,
    names: Names,
}

/// How many values, and how many bytes they are stored in. Both stay at the last number there is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Count {
    /// How many values.
    pub values: u64,
    /// How many bytes they are stored in.
    pub bytes: u64,
}

impl Count {
    fn add(&mut self, len: usize) {
        self.values = self.values.saturating_add(1);
        self.bytes = self.bytes.saturating_add(len.try_into().unwrap_or(u64::MAX));
    }

    const fn is_zero(self) -> bool {
        self.values == 0
    }
}

/// Values that were written under one name and, where it can be told, one key id.
#[derive(Clone, Copy)]
pub struct InventoryRow<'i> {
    provider: ProviderKind,
    name: &'i str,
    key_id: Option<&'i str>,
    count: Count,
    ambiguous: u64,
}

impl<'i> InventoryRow<'i> {
    /// The mechanism.
    #[must_use]
    pub const fn provider(&self) -> ProviderKind {
        self.provider
    }

    /// Name of the key, or for KMS of the provider. It can hold any character: escape it before printing.
    #[must_use]
    pub const fn name(&self) -> &'i str {
        self.name
    }

    /// Id of the KEK; `None` for values that have none, whose id cannot be told, or whose id is not held. It can hold any
    /// character.
    #[must_use]
    pub const fn key_id(&self) -> Option<&'i str> {
        match self.provider {
            ProviderKind::Envelope => Some(self.name),
            _ => self.key_id,
        }
    }

    /// How many values there are.
    #[must_use]
    pub const fn count(&self) -> Count {
        self.count
    }

    /// How many values of this name can have been written under another name too, whatever their key ids.
    #[must_use]
    pub const fn ambiguous(&self) -> u64 {
        self.ambiguous
    }
}

impl Inventory {
    /// How many names and key ids are held at most, expected names aside.
    pub const ROWS_MAX: usize = 4096;

    /// An inventory of nothing.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The same, with a name that is always held and shown, at zero too. To be called before values are added.
    #[must_use]
    pub fn expecting(mut self, provider: ProviderKind, name: &str) -> Self {
        // Values that went to the others may have been of this name.
        let complete = self.others.is_zero();
        self.names.expect(provider, name, complete);
        self
    }

    /// Counts a stored value.
    pub fn add(&mut self, stored: &[u8]) {
        let (inspection, len) = (inspect(stored), stored.len());
        self.total.add(len);
        let Some(provider) = inspection.provider().filter(|_| inspection.is_possible()) else {
            return self.unreadable.add(len);
        };
        if provider == ProviderKind::Identity {
            return self.unencrypted.add(len);
        }
        let candidates = || inspection.candidates().filter(Candidate::is_possible);
        let ambiguous = candidates().nth(1).is_some();
        let mut held = true;
        for candidate in candidates() {
            // The shortest come first: all that follow are too long as well.
            if candidate.name().len() > self.names.longest() {
                held = false;
                break;
            }
            let key_id = if provider == ProviderKind::KmsV2 { candidate.key_id() } else { None };
            held &= self.names.add(provider, candidate.name(), key_id, len, ambiguous);
        }
        if !held {
            self.others.add(len);
        }
    }

    /// All values that were added.
    #[must_use]
    pub const fn total(&self) -> Count {
        self.total
    }

    /// Values that are stored as plaintext.
    #[must_use]
    pub const fn unencrypted(&self) -> Count {
        self.unencrypted
    }

    /// Values of an unknown mechanism, or whose length or frame nothing was ever written with. They can be of any key.
    #[must_use]
    pub const fn unreadable(&self) -> Count {
        self.unreadable
    }

    /// Values that have a name beyond the bounds. They can be of any key whose name is not held.
    #[must_use]
    pub const fn others(&self) -> Count {
        self.others
    }

    /// Values that can have been written under this name of a key or, for KMS, of a provider.
    #[must_use]
    pub fn count(&self, provider: ProviderKind, name: &str) -> Count {
        self.names.get(provider, name).map_or(Count::default(), |named| named.count)
    }

    /// Names and key ids with their counts, sorted. A value with several names is in several rows.
    pub fn rows(&self) -> impl Iterator<Item = InventoryRow<'_>> {
        self.names.rows()
    }

    /// Whether no value that was added needs the key, or KMS provider, of this name: all counts that could be its own
    /// are zero, and there was nothing unreadable. For identity, whose name is empty, whether nothing is unencrypted.
    #[must_use]
    pub fn can_retire(&self, provider: ProviderKind, name: &str) -> bool {
        let unneeded = match self.names.get(provider, name) {
            _ if provider == ProviderKind::Identity => self.unencrypted.is_zero(),
            Some(named) => named.complete && named.count.is_zero(),
            None => self.others.is_zero(),
        };
        unneeded && self.unreadable.is_zero()
    }

    /// Whether no value that was added needs the KEK of this id behind the KMS provider of this name. The same as for the
    /// whole provider as long as there is a value of it whose key id cannot be told, as of KMS v1 none can. The crate's own
    /// envelope has no name beside the key id. False for providers without a KEK.
    #[must_use]
    pub fn can_retire_key_id(&self, provider: ProviderKind, name: &str, key_id: &str) -> bool {
        match provider {
            ProviderKind::Envelope => return self.can_retire(provider, key_id),
            ProviderKind::KmsV1 | ProviderKind::KmsV2 => {}
            _ => return false,
        }
        let unneeded = match self.names.get(provider, name) {
            Some(named) => named.complete && named.no_id.is_zero() && !named.ids.contains_key(key_id),
            None => self.others.is_zero(),
        };
        unneeded && self.unreadable.is_zero()
    }
}

impl fmt::Debug for Inventory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_struct("Inventory");
        shown.field("total", &self.total).field("unencrypted", &self.unencrypted);
        shown.field("unreadable", &self.unreadable).field("others", &self.others).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const V2: ProviderKind = ProviderKind::KmsV2;

    #[test]
    fn a_key_id_is_needed_by_its_own_values_and_by_those_without_one() {
        let mut inventory = Inventory::new().expecting(V2, "expected");
        assert!(inventory.names.add(V2, "vault", Some("id-1"), 10, false));
        assert!(inventory.names.add(V2, "vault", Some("id-1"), 20, false));
        assert!(inventory.names.add(V2, "vault", Some("id-2"), 40, false));
        let can_retire =
            |inventory: &Inventory| ["id-1", "id-2", "id-3"].map(|id| inventory.can_retire_key_id(V2, "vault", id));
        assert_eq!(can_retire(&inventory), [false, false, true]);
        assert!(inventory.can_retire_key_id(V2, "expected", "id-1") && inventory.can_retire_key_id(V2, "foo", "id-1"));
        assert!(!inventory.can_retire(V2, "vault") && inventory.can_retire(V2, "expected"));
        assert_eq!(inventory.count(V2, "vault"), Count { values: 3, bytes: 70 });

        let mut unreadable = inventory.clone();
        unreadable.add(b"k8s:enc:rot13:");
        assert_eq!(can_retire(&unreadable), [false; 3]);
        let mut without = inventory.clone();
        assert!(without.names.add(V2, "vault", None, 5, false));
        assert_eq!(can_retire(&without), [false; 3]);
        let mut long = inventory.clone();
        assert!(long.names.add(V2, "vault", Some(&"x".repeat(TEXT_LEN_MAX + 1)), 5, false));
        assert_eq!(can_retire(&long), [false; 3]);
        assert!(inventory.names.add(V2, "vault", Some(&"x".repeat(TEXT_LEN_MAX)), 5, false));
        assert_eq!(can_retire(&inventory), [false, false, true]);
    }

    #[test]
    fn key_ids_are_bounded_together_with_names() {
        let mut inventory = Inventory::new();
        for index in 0..Inventory::ROWS_MAX * 2 {
            assert!(inventory.names.add(V2, "vault", Some(&alloc::format!("{index}")), 10, false));
        }
        assert_eq!(inventory.rows().count(), Inventory::ROWS_MAX);
        let without = inventory.rows().find(|row| row.key_id().is_none()).map(|row| row.count().values);
        assert_eq!(without, Some(Inventory::ROWS_MAX as u64 + 1));
        assert!(!inventory.can_retire_key_id(V2, "vault", "never seen"));
        assert!(!inventory.names.add(V2, "another", None, 10, false));
    }

    #[test]
    fn rows_show_key_ids_escaped() {
        let mut inventory = Inventory::new();
        assert!(inventory.names.add(V2, "vault", Some("id\n\"1"), 10, false));
        assert!(inventory.names.add(V2, "vault", None, 5, false));
        let rows: alloc::vec::Vec<_> = inventory.rows().map(|row| alloc::format!("{row}")).collect();
        assert_eq!(rows, ["kms v2, provider name \"vault\", key id \"id\\n\\\"1\"", "kms v2, provider name \"vault\""]);
    }
}
