//! Ordered providers of every kind as one, step by step: where a KEK has to be asked, the walk of a value suspends and
//! its caller asks. Nothing here does I/O.

mod builder;
mod open;
mod seal;
mod watch;

pub use builder::EnvelopeTransformerBuilder;
pub use open::{Pending, Step};
pub use seal::{PendingSeal, SealPlan, SealStep};

use alloc::sync::Arc;
use alloc::vec::Vec;
use core::fmt;

use crate::kind::ProviderKind;
use crate::kms::Time;
use crate::observer::Observer;
use crate::provider::{Provider, WrappedProvider};

/// An ordered list of providers, KMS and the crate's own envelope among them: the first one seals, all are tried to open.
///
/// It routes as a [`Transformer`](crate::Transformer) does. Where a DEK is not at hand, opening returns
/// [`Step::Unwrap`] with what has to be unwrapped; the caller has it unwrapped by any means (a call that blocks, an await, a
/// batch) and answers, or refuses, and the walk goes on. Sealing that needs a DEK wrapped works the same way.
/// [`BlockingTransformer`](crate::BlockingTransformer) and [`AsyncTransformer`](crate::AsyncTransformer) do that
/// with a KEK.
///
/// Once a provider with a prefix matched and failed, identity is not tried. Of several failures one is reported: what
/// may pass before all others, so that a KEK that cannot be reached is never reported as corrupt data.
///
/// # Example
/// ```
/// use atrest::{EnvelopeTransformer, Kek, KmsV1, LocalKek, OsRandom, SealStep, Step, Time};
///
/// let kek = LocalKek::generate()?;
/// let transformer = EnvelopeTransformer::builder().wrapped(KmsV1::new("vault")?).build()?;
/// let (now, aad) = (Time::default(), b"/registry/secrets/default/login1");
///
/// let plan = match transformer.seal(&mut OsRandom, now, aad, 7)? {
///     SealStep::Ready(plan) => plan,
///     SealStep::Wrap(pending) => {
///         let answer = kek.wrap_dek(pending.expose_dek(), pending.context())?;
///         pending.answer(now, answer)?
///     }
/// };
/// let mut stored = vec![0; plan.sealed_len(7)?];
/// plan.seal_into(&mut OsRandom, b"hunter2", &mut stored)?;
///
/// let mut out = vec![0; transformer.open_len_max(aad, &stored)];
/// let mut step = transformer.open_into(now, aad, &stored, &mut out)?;
/// let opened = loop {
///     match step {
///         Step::Ready(opened) => break opened,
///         Step::Unwrap(pending) => {
///             step = match kek.unwrap_dek(&pending.request()) {
///                 Ok(dek) => pending.answer(now, &dek, &mut out)?,
///                 Err(error) => pending.refuse(now, error.refusal(), &mut out)?,
///             };
///         }
///     }
/// };
/// assert_eq!(opened.plaintext_in(&out), b"hunter2");
/// # Ok::<(), atrest::CallError>(())
/// ```
pub struct EnvelopeTransformer<'p> {
    entries: Vec<Entry<'p>>,
    /// Whether identity's errors are reported.
    is_bare: bool,
    observer: Option<Arc<dyn Observer + 'p>>,
}

impl EnvelopeTransformer<'_> {
    /// Drops every recovered DEK: after a KEK was destroyed, or its use was taken back, so that its values need it again.
    /// The seed that a [`KmsV2`](crate::KmsV2) writes with stays; a check that brings another makes it one of these DEKs,
    /// so that they are to be dropped after that. What a KEK answers to a call that is under way opens the values that wait for it,
    /// and is not kept.
    pub fn clear_caches(&self) {
        for entry in &self.entries {
            if let Entry::Wrapped(provider) = entry {
                provider.cache().clear();
            }
        }
    }

    /// Drops the recovered DEKs whose time in a provider's cache is over; to be called now and then.
    pub fn purge(&self, now: Time) {
        for entry in &self.entries {
            if let Entry::Wrapped(provider) = entry {
                provider.cache().purge(now);
            }
        }
    }
}

/// One provider of the list.
#[derive(Clone)]
enum Entry<'p> {
    Static(Arc<dyn Provider + 'p>),
    Wrapped(Arc<dyn WrappedProvider + 'p>),
}

impl Entry<'_> {
    fn kind(&self) -> ProviderKind {
        match self {
            Self::Static(provider) => provider.kind(),
            Self::Wrapped(provider) => provider.kind(),
        }
    }

    fn sealing_key_name(&self) -> Option<&str> {
        match self {
            Self::Static(provider) => provider.sealing_key_name(),
            Self::Wrapped(_) => None,
        }
    }

    fn prefix(&self) -> &str {
        match self {
            Self::Static(provider) => provider.kind().prefix(),
            Self::Wrapped(provider) => provider.prefix(),
        }
    }
}

impl fmt::Debug for Entry<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Static(provider) => provider.fmt(f),
            Self::Wrapped(provider) => provider.fmt(f),
        }
    }
}

impl fmt::Debug for EnvelopeTransformer<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("EnvelopeTransformer ")?;
        f.debug_list().entries(&self.entries).finish()
    }
}
