//! Entries in two orders, by use and by age, each change at constant cost: a table of places, and two lists through them.

use alloc::vec::Vec;

use hashbrown::HashMap;

use super::DekCacheKey;
use super::Time;
use crate::dek::RecoveredDek;

#[derive(Default)]
pub(super) struct Entries {
    places: HashMap<DekCacheKey, usize>,
    /// A DEK is a handle, so that growing leaves no key behind. Places that were given up are used again.
    slots: Vec<Option<Slot>>,
    free: Vec<usize>,
    by_use: Order,
    by_age: Order,
}

struct Slot {
    key: DekCacheKey,
    dek: RecoveredDek,
    inserted: Time,
    by_use: Links,
    by_age: Links,
}

/// The neighbours of an entry in one order.
#[derive(Clone, Copy, Default)]
struct Links {
    before: Option<usize>,
    after: Option<usize>,
}

/// The ends of one order.
#[derive(Default)]
struct Order {
    first: Option<usize>,
    last: Option<usize>,
}

/// Which links of a slot belong to an order.
type Side = fn(&mut Slot) -> &mut Links;

const BY_USE: Side = |slot| &mut slot.by_use;
const BY_AGE: Side = |slot| &mut slot.by_age;

impl Entries {
    pub(super) fn len(&self) -> usize {
        self.places.len()
    }

    pub(super) fn inserted(&self, key: &DekCacheKey) -> Option<Time> {
        self.time_at(*self.places.get(key)?)
    }

    /// When the oldest was inserted.
    pub(super) fn oldest(&self) -> Option<Time> {
        self.time_at(self.by_age.first?)
    }

    fn time_at(&self, place: usize) -> Option<Time> {
        self.slots.get(place)?.as_ref().map(|slot| slot.inserted)
    }

    /// The DEK, which is the one used last from now on.
    pub(super) fn touch(&mut self, key: &DekCacheKey) -> Option<&RecoveredDek> {
        let place = *self.places.get(key)?;
        if self.by_use.last != Some(place) {
            self.by_use.unlink(&mut self.slots, place, BY_USE);
            self.by_use.append(&mut self.slots, place, BY_USE);
        }
        self.slots.get(place)?.as_ref().map(|slot| &slot.dek)
    }

    /// Appends to both orders; the key must not be there.
    pub(super) fn insert(&mut self, key: DekCacheKey, dek: RecoveredDek, inserted: Time) {
        let slot = Some(Slot { key, dek, inserted, by_use: Links::default(), by_age: Links::default() });
        let place = self.free.pop().unwrap_or(self.slots.len());
        match self.slots.get_mut(place) {
            Some(free) => *free = slot,
            None => self.slots.push(slot),
        }
        self.by_use.append(&mut self.slots, place, BY_USE);
        self.by_age.append(&mut self.slots, place, BY_AGE);
        self.places.insert(key, place);
    }

    pub(super) fn remove(&mut self, key: &DekCacheKey) -> bool {
        self.places.get(key).copied().is_some_and(|place| self.remove_at(place))
    }

    pub(super) fn remove_least_used(&mut self) -> bool {
        self.by_use.first.is_some_and(|place| self.remove_at(place))
    }

    pub(super) fn remove_oldest(&mut self) -> bool {
        self.by_age.first.is_some_and(|place| self.remove_at(place))
    }

    fn remove_at(&mut self, place: usize) -> bool {
        self.by_use.unlink(&mut self.slots, place, BY_USE);
        self.by_age.unlink(&mut self.slots, place, BY_AGE);
        let Some(slot) = self.slots.get_mut(place).and_then(Option::take) else { return false };
        self.free.push(place);
        self.places.remove(&slot.key).is_some()
    }
}

impl Order {
    fn append(&mut self, slots: &mut [Option<Slot>], place: usize, side: Side) {
        if let Some(links) = links(slots, Some(place), side) {
            *links = Links { before: self.last, after: None };
        }
        match links(slots, self.last, side) {
            Some(last) => last.after = Some(place),
            None => self.first = Some(place),
        }
        self.last = Some(place);
    }

    fn unlink(&mut self, slots: &mut [Option<Slot>], place: usize, side: Side) {
        let Some(&mut Links { before, after }) = links(slots, Some(place), side) else { return };
        match links(slots, before, side) {
            Some(before) => before.after = after,
            None => self.first = after,
        }
        match links(slots, after, side) {
            Some(after) => after.before = before,
            None => self.last = before,
        }
    }
}

fn links(slots: &mut [Option<Slot>], place: Option<usize>, side: Side) -> Option<&mut Links> {
    slots.get_mut(place?)?.as_mut().map(side)
}
