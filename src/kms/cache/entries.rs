//! Entries in two orders, by use and by age, each change at constant cost: a table of places, and two lists through them.
//!
//! Main memory is what getting one of many entries waits for. So what is looked at besides the entry itself, the table and its
//! neighbours in the order of use, is kept apart and small.

use alloc::sync::Arc;
use alloc::vec::Vec;
use core::hash::BuildHasher;

use hashbrown::{DefaultHashBuilder, HashTable};

use super::{DekCacheKey, Entry, Time};

#[derive(Default)]
pub(super) struct Entries {
    /// Places by the hash of their keys.
    places: HashTable<Place>,
    hasher: DefaultHashBuilder,
    /// An entry is a handle, so that growing leaves no key behind. Places that were given up are used again.
    slots: Vec<Option<Slot>>,
    free: Vec<Place>,
    by_use: Order,
    by_age: Order,
}

/// Where in the slots an entry is; no more are needed than this counts.
type Place = u32;

/// What is looked at without the DEK, beside its entry.
struct Slot {
    key: DekCacheKey,
    inserted: Time,
    entry: Arc<Entry>,
}

/// The neighbours of an entry in one order; its own place where it has none.
#[derive(Clone, Copy)]
struct Links {
    before: Place,
    after: Place,
}

/// One order: its ends, and the neighbours of each place.
#[derive(Default)]
struct Order {
    ends: Option<(Place, Place)>,
    links: Vec<Links>,
}

impl Entries {
    pub(super) fn len(&self) -> usize {
        self.places.len()
    }

    fn slot(&self, place: Place) -> Option<&Slot> {
        self.slots.get(index(place))?.as_ref()
    }

    fn place(&self, key: &DekCacheKey) -> Option<Place> {
        let is_it = |place: &Place| self.slot(*place).is_some_and(|slot| slot.key == *key);
        self.places.find(self.hasher.hash_one(key), is_it).copied()
    }

    pub(super) fn inserted(&self, key: &DekCacheKey) -> Option<Time> {
        self.slot(self.place(key)?).map(|slot| slot.inserted)
    }

    /// When the oldest was inserted.
    pub(super) fn oldest(&self) -> Option<Time> {
        self.slot(self.by_age.first()?).map(|slot| slot.inserted)
    }

    /// The entry, which is the one used last from now on, and whether it was so before.
    pub(super) fn touch(&mut self, key: &DekCacheKey) -> Option<(&Arc<Entry>, bool)> {
        let place = self.place(key)?;
        let was_last = self.by_use.ends.is_some_and(|(_, last)| last == place);
        if !was_last {
            self.by_use.unlink(place);
            self.by_use.append(place);
        }
        self.slot(place).map(|slot| (&slot.entry, was_last))
    }

    /// Appends to both orders, and tells whether it did; the key must not be there. Beyond 2^32 places nothing is held.
    pub(super) fn insert(&mut self, entry: Arc<Entry>) -> bool {
        let Some(place) = self.free.pop().or_else(|| Place::try_from(self.slots.len()).ok()) else { return false };
        let (key, inserted) = (entry.key, entry.inserted);
        let hash = self.hasher.hash_one(key);
        let slot = Some(Slot { key, inserted, entry });
        match self.slots.get_mut(index(place)) {
            Some(free) => *free = slot,
            None => self.slots.push(slot),
        }
        self.by_use.append(place);
        self.by_age.append(place);
        let (slots, hasher) = (&self.slots, &self.hasher);
        let hash_of = |place: &Place| {
            let slot = slots.get(index(*place)).and_then(Option::as_ref);
            slot.map_or(0, |slot| hasher.hash_one(slot.key))
        };
        self.places.insert_unique(hash, place, hash_of);
        true
    }

    pub(super) fn remove(&mut self, key: &DekCacheKey) -> bool {
        self.place(key).is_some_and(|place| self.remove_at(place))
    }

    pub(super) fn remove_least_used(&mut self) -> bool {
        self.by_use.first().is_some_and(|place| self.remove_at(place))
    }

    pub(super) fn remove_oldest(&mut self) -> bool {
        self.by_age.first().is_some_and(|place| self.remove_at(place))
    }

    fn remove_at(&mut self, place: Place) -> bool {
        let Some(slot) = self.slots.get_mut(index(place)).and_then(Option::take) else { return false };
        self.by_use.unlink(place);
        self.by_age.unlink(place);
        self.free.push(place);
        let found = self.places.find_entry(self.hasher.hash_one(slot.key), |other| *other == place);
        found.map(|entry| entry.remove()).is_ok()
    }
}

impl Order {
    fn first(&self) -> Option<Place> {
        self.ends.map(|(first, _)| first)
    }

    fn links(&mut self, place: Place) -> Option<&mut Links> {
        self.links.get_mut(index(place))
    }

    fn append(&mut self, place: Place) {
        let (first, last) = self.ends.unwrap_or((place, place));
        let links = Links { before: last, after: place };
        match self.links(place) {
            Some(known) => *known = links,
            None => self.links.push(links),
        }
        if let Some(links) = self.links(last).filter(|_| last != place) {
            links.after = place;
        }
        self.ends = Some((first, place));
    }

    fn unlink(&mut self, place: Place) {
        let (Some((first, last)), Some(&mut Links { before, after })) = (self.ends, self.links(place)) else { return };
        self.ends = match (place == first, place == last) {
            (true, true) => None,
            (true, false) => Some((after, last)),
            (false, true) => Some((first, before)),
            (false, false) => Some((first, last)),
        };
        if let Some(links) = self.links(before).filter(|_| before != place) {
            links.after = if after == place { before } else { after };
        }
        if let Some(links) = self.links(after).filter(|_| after != place) {
            links.before = if before == place { after } else { before };
        }
    }
}

fn index(place: Place) -> usize {
    // Every platform with an allocator that this builds for has at least 32 bits.
    usize::try_from(place).unwrap_or(usize::MAX)
}
