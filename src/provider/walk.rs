//! The walk of a value through a list, the same at both levels: providers in a transformer, keys in a
//! provider. Kubernetes: `value/transformer.go`, `prefixTransformers`.

use core::ops::Range;

use crate::error::{Error, Result};
use crate::kind::ProviderKind;
use crate::random::Random;

/// The half of a provider that only this crate calls: the trait cannot be named outside.
pub trait Walk {
    /// Writes the whole stored value, prefix and all, to the start of `out`.
    fn seal_value(&self, rng: &mut dyn Random, aad: &[u8], plaintext: Plaintext<'_>, out: &mut [u8]) -> Result<usize>;

    /// How many values at once take less time than one after the other.
    #[cfg(feature = "alloc")]
    fn batch(&self) -> usize {
        1
    }

    /// Writes many values as [`seal_value`](Self::seal_value) writes one.
    #[cfg(feature = "alloc")]
    fn seal_values(&self, rng: &mut dyn Random, values: &mut [ToSeal<'_>]) {
        for value in values {
            value.sealed = self.seal_value(rng, value.aad, Plaintext::Separate(value.plaintext), value.out);
        }
    }

    /// Name of the key that seals; `None` where keys have no names.
    fn sealing_key_name(&self) -> Option<&str> {
        None
    }

    /// The kind of this provider, if a stored value begins as those of that kind do. One that knows its kind when it is compiled
    /// compares with bytes that are known then, and calls nothing for it.
    fn kind_of(&self, stored: &[u8]) -> Option<ProviderKind>;

    /// Opens a stored value that begins with this provider's prefix, and returns where the plaintext lies in the output. On
    /// failure no plaintext is left in the buffers, and a value opened in place is as it was.
    ///
    /// What opens it is written to `found` before it is tried: copied right after it was written, it would be waited for.
    fn open_value<'t>(&'t self, aad: &[u8], buffers: &mut Buffers<'_>, found: &mut Found<'t>) -> Result<Range<usize>>;
}

/// Where a plaintext to be sealed lies.
#[expect(missing_debug_implementations, reason = "it holds a plaintext")]
#[derive(Clone, Copy)]
pub enum Plaintext<'a> {
    /// Outside the output.
    Separate(&'a [u8]),
    /// That many bytes at the start of the output.
    InPlace(usize),
}

impl Plaintext<'_> {
    pub(crate) const fn len(&self) -> usize {
        match self {
            Self::Separate(plaintext) => plaintext.len(),
            Self::InPlace(len) => *len,
        }
    }
}

/// One of many values, where it goes, and what came of it.
#[cfg(feature = "alloc")]
#[expect(missing_debug_implementations, reason = "it holds a plaintext")]
pub struct ToSeal<'a> {
    pub(crate) aad: &'a [u8],
    pub(crate) plaintext: &'a [u8],
    pub(crate) out: &'a mut [u8],
    pub(crate) sealed: Result<usize>,
}

/// A stored value to be opened and where its plaintext goes.
#[expect(missing_debug_implementations, reason = "it holds a plaintext")]
pub enum Buffers<'a> {
    /// To the start of another buffer.
    Separate { stored: &'a [u8], out: &'a mut [u8] },
    /// Over the stored value.
    InPlace(&'a mut [u8]),
}

impl Buffers<'_> {
    pub(crate) fn stored(&self) -> &[u8] {
        match self {
            Self::Separate { stored, .. } => stored,
            Self::InPlace(stored) => stored,
        }
    }
}

/// The entry that opened a value, or is tried.
#[derive(Debug)]
pub struct Found<'t> {
    pub(crate) kind: ProviderKind,
    pub(crate) provider_index: usize,
    pub(crate) key_name: Option<&'t str>,
    pub(crate) provider_name: Option<&'t str>,
    pub(crate) stale: bool,
}

impl Found<'_> {
    /// Before any entry is tried: it is written over by the first, and read only after one opened a value.
    pub(crate) const fn nothing() -> Self {
        Self::at(0, ProviderKind::Identity)
    }

    /// The first entry of the provider at this place of a list.
    pub(crate) const fn at(provider_index: usize, kind: ProviderKind) -> Self {
        Self { kind, provider_index, key_name: None, provider_name: None, stale: provider_index != 0 }
    }
}

/// The failures of the entries whose non-empty prefix matched; one of them is reported.
///
/// What may pass goes before everything, so that a KMS that is away is never taken for corrupt data; then a buffer that
/// is too small; then what a KEK said; then `Open`, before what only says that no key is known.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Failures(Option<Error>);

impl Failures {
    pub(crate) fn record(&mut self, error: Error) {
        if self.0.is_none_or(|worst| rank(error) < rank(worst)) {
            self.0 = Some(error);
        }
    }

    /// Whether an entry with a non-empty prefix matched and failed, after which no entry with the empty
    /// prefix is tried: what was meant to be encrypted is never handed out as plaintext.
    pub(crate) const fn any(&self) -> bool {
        self.0.is_some()
    }

    /// The error to report, `no_match` if no entry matched.
    pub(crate) fn verdict(self, no_match: Error) -> Error {
        self.0.unwrap_or(no_match)
    }
}

/// The lower, the sooner it is reported.
const fn rank(error: Error) -> u8 {
    match error {
        error if error.is_retryable() => 0,
        Error::BufferTooSmall { .. } => 1,
        Error::Open => 3,
        Error::NoMatchingKey | Error::KekNotMine => 4,
        _ => 2,
    }
}
