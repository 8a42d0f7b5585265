//! What an envelope tells its observer.

use alloc::sync::Arc;

use crate::error::{Error, Result};
use crate::kek::CallError;
use crate::kind::ProviderKind;
use crate::observer::{Event, Observer, Operation};

/// Tells whoever listens; without an observer it costs a branch.
#[derive(Default)]
pub(super) struct Watch(pub(super) Option<Arc<dyn Observer>>);

impl Watch {
    /// Tells how an operation on that many bytes went, and hands the result on.
    pub(super) fn told<'k, T>(
        &self,
        operation: Operation,
        key_id: impl FnOnce() -> Option<&'k str>,
        bytes: usize,
        result: Result<T, CallError>,
    ) -> Result<T, CallError> {
        if self.0.is_some() {
            self.tell(operation, key_id(), bytes, result.as_ref().map(|_| ()).map_err(CallError::error));
        }
        result
    }

    pub(super) fn tell(&self, operation: Operation, key_id: Option<&str>, bytes: usize, outcome: Result<(), Error>) {
        if let Some(observer) = &self.0 {
            let event = Event::new(operation, outcome, bytes).by_provider(0, ProviderKind::Envelope);
            observer.observe(&key_id.map_or(event, |id| event.with_key_id(id)));
        }
    }
}
