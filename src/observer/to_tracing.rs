//! Events of `tracing`.

use tracing::Level;

use super::{Event, Observer};

/// Emits one event of `tracing` for every operation: target `atrest`, level `WARN` for one that failed, else `DEBUG`.
///
/// | field | type | |
/// |---|---|---|
/// | `operation` | text | as [`Operation::name`](crate::Operation::name) has it |
/// | `provider` | text | the mechanism, if there is one |
/// | `provider_index` | number | its place in the list, from 0 |
/// | `key_name` | text | of a key that is configured |
/// | `key_id_hash` | text | `sha256:` and 64 hex digits |
/// | `bytes` | number | as [`Event::bytes`] has it |
/// | `stale` | bool | whether the value should be sealed again |
/// | `error` | text | of an operation that failed |
///
/// Whom `tracing` has no one to tell costs a check of one number for an operation.
#[derive(Clone, Copy, Debug, Default)]
pub struct TracingObserver;

/// The macro needs its level at compile time.
macro_rules! emit {
    ($level:expr, $event:ident) => {
        tracing::event!(
            target: "atrest",
            $level,
            operation = $event.operation().name(),
            provider = $event.provider().map(tracing::field::display),
            provider_index = $event.provider_index(),
            key_name = $event.key_name(),
            key_id_hash = key_id_hash($event).map(tracing::field::display),
            bytes = $event.bytes(),
            stale = $event.is_stale(),
            error = $event.error().map(tracing::field::display),
        )
    };
}

impl Observer for TracingObserver {
    fn observe(&self, event: &Event<'_>) {
        if event.is_ok() {
            emit!(Level::DEBUG, event);
        } else {
            emit!(Level::WARN, event);
        }
    }
}

#[cfg(feature = "envelope")]
fn key_id_hash(event: &Event<'_>) -> Option<super::HashedKeyId> {
    event.key_id_hash()
}

/// Without envelopes there are no key ids.
#[cfg(not(feature = "envelope"))]
fn key_id_hash(_: &Event<'_>) -> Option<&'static str> {
    None
}
