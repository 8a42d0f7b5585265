//! Counters and histograms by way of the facade `metrics`. Kubernetes: `value/metrics.go`, `kmsv2/metrics`.

use alloc::borrow::ToOwned;
use alloc::string::String;
use alloc::sync::Arc;
use core::fmt;
use std::sync::{Mutex, PoisonError};

use hashbrown::HashSet;
use metrics::SharedString;

use super::{Event, Observer};
use crate::error::Error;
use crate::kind::ProviderKind;

/// Counts every operation with the recorder of `metrics` that is installed when it happens.
///
/// | name | type | labels | |
/// |---|---|---|---|
/// | `atrest_operations_total` | counter | `operation`, `provider`, `outcome` | every operation |
/// | `atrest_operation_bytes` | histogram | `operation`, `provider` | [`Event::bytes`] of those that succeeded |
/// | `atrest_stale_reads_total` | counter | `provider` | opened values that should be sealed again |
/// | `atrest_key_operations_total` | counter | `operation`, `provider`, `key` | those that succeeded with a key |
///
/// `provider` is the prefix of the mechanism as in Kubernetes' metrics, `identity` or `unknown`. `outcome` is `ok`,
/// `open`, `no_match`, `kek` (the KEK refused, or answered wrongly), `unavailable` (the same may succeed later) or
/// `other`. `key` is the name of the key, or the hash of the KEK's id.
///
/// # Security
/// A series lives as long as the recorder does, and the id of a KMS v2 value, or under some KEKs of an own envelope, is not
/// authenticated: whoever writes to the store could make series without end. So the first [`KEYS_MAX`](Self::KEYS_MAX) keys have one of their own, and
/// all others share the label `other`. The API server forgets the least recent of 100 instead, which this facade does
/// not offer. A name of more than [`KEY_LEN_MAX`](Self::KEY_LEN_MAX) bytes is `other` too.
pub struct MetricsObserver {
    keys: Mutex<HashSet<Arc<str>>>,
}

impl MetricsObserver {
    /// How many keys have a label of their own.
    pub const KEYS_MAX: usize = 100;

    /// The longest name of a key in bytes that is a label.
    pub const KEY_LEN_MAX: usize = 256;

    /// An observer that has seen no key, and describes its metrics to the recorder.
    #[must_use]
    pub fn new() -> Self {
        metrics::describe_counter!("atrest_operations_total", "Operations on values and keys");
        let bytes = metrics::Unit::Bytes;
        metrics::describe_histogram!("atrest_operation_bytes", bytes, "Bytes given to operations that succeeded");
        metrics::describe_counter!("atrest_stale_reads_total", "Values opened that should be sealed again");
        metrics::describe_counter!("atrest_key_operations_total", "Operations that succeeded, by key");
        Self { keys: Mutex::new(HashSet::new()) }
    }

    /// The label of a key: its own, or the one of all that are too many.
    fn label(&self, key: &str) -> SharedString {
        const OTHER: SharedString = SharedString::const_str("other");
        if key.len() > Self::KEY_LEN_MAX {
            return OTHER;
        }
        let mut keys = self.keys.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = keys.get(key) {
            return Arc::clone(known).into();
        }
        if keys.len() >= Self::KEYS_MAX {
            return OTHER;
        }
        let new: Arc<str> = key.into();
        keys.insert(Arc::clone(&new));
        new.into()
    }
}

impl Observer for MetricsObserver {
    fn observe(&self, event: &Event<'_>) {
        let operation = event.operation().name();
        let provider = provider(event.provider());
        let outcome = outcome(event.error());
        metrics::counter!("atrest_operations_total", "operation" => operation, "provider" => provider, "outcome" => outcome)
            .increment(1);
        if !event.is_ok() {
            return;
        }
        #[expect(clippy::cast_precision_loss, reason = "a histogram needs no more than 53 bits")]
        let bytes = event.bytes() as f64;
        metrics::histogram!("atrest_operation_bytes", "operation" => operation, "provider" => provider).record(bytes);
        if event.is_stale() {
            metrics::counter!("atrest_stale_reads_total", "provider" => provider).increment(1);
        }
        if let Some(key) = key(event) {
            let key = self.label(&key);
            metrics::counter!("atrest_key_operations_total", "operation" => operation, "provider" => provider, "key" => key)
                .increment(1);
        }
    }
}

fn provider(kind: Option<ProviderKind>) -> &'static str {
    match kind {
        None => "unknown",
        Some(ProviderKind::Identity) => "identity",
        Some(kind) => kind.prefix(),
    }
}

fn outcome(error: Option<Error>) -> &'static str {
    match error {
        None => "ok",
        Some(Error::Open) => "open",
        Some(Error::NoMatchingProvider | Error::NoMatchingKey | Error::Encrypted) => "no_match",
        Some(Error::KekNotMine | Error::KekGone | Error::KekDenied | Error::KekAnswer) => "kek",
        Some(error) if error.is_retryable() => "unavailable",
        Some(_) => "other",
    }
}

#[cfg(feature = "envelope")]
fn key(event: &Event<'_>) -> Option<String> {
    use alloc::string::ToString as _;

    event.key_name().map(ToOwned::to_owned).or_else(|| event.key_id_hash().map(|hash| hash.to_string()))
}

/// Without envelopes there are no key ids.
#[cfg(not(feature = "envelope"))]
fn key(event: &Event<'_>) -> Option<String> {
    event.key_name().map(ToOwned::to_owned)
}

impl Default for MetricsObserver {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for MetricsObserver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MetricsObserver").finish_non_exhaustive()
    }
}
