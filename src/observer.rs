//! Who is told of what happens to values and keys: for audit and metrics. Nothing here reads a clock or does I/O.

#[cfg(feature = "envelope")]
mod key_id;
#[cfg(feature = "metrics")]
mod to_metrics;
#[cfg(feature = "tracing")]
mod to_tracing;

#[cfg(feature = "envelope")]
pub use key_id::HashedKeyId;
#[cfg(feature = "metrics")]
pub use to_metrics::MetricsObserver;
#[cfg(feature = "tracing")]
pub use to_tracing::TracingObserver;

use core::fmt;

use crate::error::{Error, Result};
use crate::kind::ProviderKind;

/// Is told of every operation after it succeeded or failed, on the thread that asked for it.
///
/// It is not told of a driver's open, nor of a plan's `seal_to_vec`, that there is no memory for, nor of a check whose KEK named no
/// key, or that had no randomness for a seed.
///
/// # Security
/// The caller waits for it, so that it should be quick. Should it panic, the plaintext of the call is wiped on the way
/// out. It is told no plaintext, no AAD and no key; the names of keys are those of the configuration.
///
/// # Example
/// ```
/// use core::sync::atomic::{AtomicUsize, Ordering};
/// use atrest::{Event, Observer};
///
/// #[derive(Default)]
/// struct StaleReads(AtomicUsize);
///
/// impl Observer for StaleReads {
///     fn observe(&self, event: &Event<'_>) {
///         if event.is_stale() {
///             self.0.fetch_add(1, Ordering::Relaxed);
///         }
///     }
/// }
/// ```
pub trait Observer: Send + Sync {
    /// Takes note of an event.
    fn observe(&self, event: &Event<'_>);
}

impl<O: Observer + ?Sized> Observer for &O {
    fn observe(&self, event: &Event<'_>) {
        (**self).observe(event);
    }
}

/// One observer of several transformers.
#[cfg(feature = "alloc")]
impl<O: Observer + ?Sized> Observer for alloc::sync::Arc<O> {
    fn observe(&self, event: &Event<'_>) {
        (**self).observe(event);
    }
}

/// What was done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Operation {
    /// A plaintext became a stored value.
    Seal,
    /// A stored value became a plaintext.
    Open,
    /// A KEK wrapped a DEK.
    Wrap,
    /// A KEK unwrapped a DEK.
    Unwrap,
    /// A new DEK took the place of the one that sealed so far, or the DEK of a value was wrapped anew.
    Rotate,
}

impl Operation {
    /// The name in lower case, as in a label.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Seal => "seal",
            Self::Open => "open",
            Self::Wrap => "wrap",
            Self::Unwrap => "unwrap",
            Self::Rotate => "rotate",
        }
    }
}

impl fmt::Display for Operation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// One operation and how it ended. It holds nothing secret.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Event<'a> {
    operation: Operation,
    outcome: Result<()>,
    bytes: usize,
    provider: Option<(usize, ProviderKind)>,
    key_name: Option<&'a str>,
    #[cfg(feature = "envelope")]
    key_id: Option<&'a str>,
    stale: bool,
}

impl<'a> Event<'a> {
    /// An operation on that many bytes that ended so.
    #[must_use]
    pub const fn new(operation: Operation, outcome: Result<()>, bytes: usize) -> Self {
        Self {
            operation,
            outcome,
            bytes,
            provider: None,
            key_name: None,
            #[cfg(feature = "envelope")]
            key_id: None,
            stale: false,
        }
    }

    /// The same, by the provider at this place of the list.
    #[must_use]
    pub const fn by_provider(mut self, index: usize, kind: ProviderKind) -> Self {
        self.provider = Some((index, kind));
        self
    }

    /// The same, with the key of this name.
    #[must_use]
    pub const fn with_key_name(mut self, name: &'a str) -> Self {
        self.key_name = Some(name);
        self
    }

    /// The same, with the KEK of this id, of which only a hash is told.
    #[cfg(feature = "envelope")]
    #[must_use]
    pub const fn with_key_id(mut self, id: &'a str) -> Self {
        self.key_id = Some(id);
        self
    }

    /// The same, on a value that should be sealed again.
    #[must_use]
    pub const fn as_stale(mut self, stale: bool) -> Self {
        self.stale = stale;
        self
    }

    /// What was done.
    #[must_use]
    pub const fn operation(&self) -> Operation {
        self.operation
    }

    /// Whether it succeeded.
    #[must_use]
    pub const fn is_ok(&self) -> bool {
        self.outcome.is_ok()
    }

    /// Why it failed, if it did. A KEK's refusal is the error that stands for it.
    #[must_use]
    pub fn error(&self) -> Option<Error> {
        self.outcome.err()
    }

    /// How many bytes were given: of the plaintext to seal, of the stored value to open or, by an `Envelope`, to rewrap; else 0.
    #[must_use]
    pub const fn bytes(&self) -> usize {
        self.bytes
    }

    /// The mechanism; of an open that failed, the first whose prefix the value has. `None` if no provider has it.
    #[must_use]
    pub fn provider(&self) -> Option<ProviderKind> {
        self.provider.map(|(_, kind)| kind)
    }

    /// Index in the list of that provider, from 0.
    #[must_use]
    pub fn provider_index(&self) -> Option<usize> {
        self.provider.map(|(index, _)| index)
    }

    /// Name of the key that sealed or opened; `None` where no key of a list did.
    #[must_use]
    pub const fn key_name(&self) -> Option<&'a str> {
        self.key_name
    }

    /// Hash of the id of the KEK, where there is one; hashed by this call.
    ///
    /// # Security
    /// The id of a value that was read is not authenticated for KMS v2, nor for an own envelope under a KEK that does not do so itself:
    /// its writer chooses it.
    #[cfg(feature = "envelope")]
    #[must_use]
    pub fn key_id_hash(&self) -> Option<HashedKeyId> {
        self.key_id.map(HashedKeyId::of)
    }

    /// Whether a value was opened that should be sealed again.
    #[must_use]
    pub const fn is_stale(&self) -> bool {
        self.stale
    }
}

impl fmt::Debug for Event<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_struct("Event");
        shown.field("operation", &self.operation).field("outcome", &self.outcome).field("bytes", &self.bytes);
        shown.field("provider", &self.provider()).field("provider_index", &self.provider_index());
        shown.field("key_name", &self.key_name);
        #[cfg(feature = "envelope")]
        shown.field("key_id_hash", &self.key_id_hash());
        shown.field("stale", &self.stale).finish()
    }
}
