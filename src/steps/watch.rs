//! What a transformer with a KEK tells its observer.

use super::{Entry, EnvelopeTransformer};
use crate::error::Result;
use crate::kind::ProviderKind;
use crate::observer::{Event, Observer, Operation};
use crate::provider::Opened;
use crate::secret::WipedUnlessKept;

/// Tells whoever listens; without an observer it costs a branch.
#[derive(Clone, Copy)]
pub(super) struct Watch<'t>(pub(super) Option<&'t dyn Observer>);

/// The provider of an event.
pub(super) type Place = (usize, ProviderKind);

impl Watch<'_> {
    pub(super) fn tell(self, operation: Operation, place: Option<Place>, outcome: Result<()>, bytes: usize) {
        if let Some(observer) = self.0 {
            observer.observe(&event(operation, place, outcome, bytes));
        }
    }

    /// Tells of a wrapped DEK, by the id of the key that wrapped it.
    pub(super) fn tell_key(self, operation: Operation, place: Place, outcome: Result<()>, key_id: &str) {
        if let Some(observer) = self.0 {
            observer.observe(&event(operation, Some(place), outcome, 0).with_key_id(key_id));
        }
    }

    pub(super) fn tell_seal(self, entry: Option<&Entry<'_>>, key_id: Option<&str>, outcome: Result<()>, bytes: usize) {
        if let Some(observer) = self.0 {
            let event = event(Operation::Seal, entry.map(|entry| (0, entry.kind())), outcome, bytes);
            let event = key_id.map_or(event, |id| event.with_key_id(id));
            let name = entry.and_then(Entry::sealing_key_name);
            observer.observe(&name.map_or(event, |name| event.with_key_name(name)));
        }
    }

    /// Tells of an opened value; should the observer panic, the plaintext in `out` is wiped on the way out.
    pub(super) fn tell_open<P>(self, opened: &Opened<'_, P>, key_id: Option<&str>, bytes: usize, out: &mut [u8]) {
        if let Some(observer) = self.0 {
            let plaintext = WipedUnlessKept::new(out);
            let place = (opened.provider_index(), opened.provider());
            let event = event(Operation::Open, Some(place), Ok(()), bytes).as_stale(opened.is_stale());
            let event = key_id.map_or(event, |id| event.with_key_id(id));
            observer.observe(&opened.key_name().map_or(event, |name| event.with_key_name(name)));
            plaintext.keep();
        }
    }
}

fn event(operation: Operation, place: Option<Place>, outcome: Result<()>, bytes: usize) -> Event<'static> {
    let event = Event::new(operation, outcome, bytes);
    place.map_or(event, |(index, kind)| event.by_provider(index, kind))
}

impl EnvelopeTransformer<'_> {
    pub(super) fn watch(&self) -> Watch<'_> {
        Watch(self.observer.as_deref())
    }

    /// Tells the observer that a provider of the list writes with another wrapped DEK from now on, or why it does not.
    /// Whoever takes the steps of a [`KmsV2`](crate::KmsV2) by hand tells it; the drivers do.
    pub fn tell_rotation(&self, provider_index: usize, outcome: Result<()>, key_id: &str) {
        self.tell_key(Operation::Rotate, provider_index, outcome, Some(key_id));
    }

    /// Tells the observer what came of a provider's wrapped DEK, where no step does.
    pub(crate) fn tell_key(
        &self,
        operation: Operation,
        provider_index: usize,
        outcome: Result<()>,
        key_id: Option<&str>,
    ) {
        let place = self.entries.get(provider_index).map(|entry| (provider_index, entry.kind()));
        match (place, key_id) {
            (Some(place), Some(key_id)) => self.watch().tell_key(operation, place, outcome, key_id),
            _ => self.watch().tell(operation, place, outcome, 0),
        }
    }
}
