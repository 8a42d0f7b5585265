//! What a stored value is, from its bytes alone.

use core::fmt::{self, Write as _};

use crate::cipher::layout::{self, Layout};
use crate::provider::{KUBERNETES_PREFIX, ProviderKind};
use crate::wire::split_u16_prefixed;

/// Tells what a stored value is, without any key: which provider wrote it, under which key or provider
/// name, and whether its length is possible.
///
/// It says why a value cannot open where [`Error::Open`](crate::Error::Open) does not: a value that is cut
/// short, a key or provider that is not in the list.
///
/// # Security
/// Nothing here is authenticated: whoever can write to the store chooses what this returns. [`Display`]
/// escapes what it prints.
///
/// [`Display`]: fmt::Display
///
/// # Example
/// ```
/// use atrest::{ProviderKind, inspect};
///
/// let stored = [b"k8s:enc:aesgcm:v1:key1:", &[7; 48][..]].concat();
/// let inspection = inspect(&stored);
/// assert_eq!(inspection.provider(), Some(ProviderKind::AesGcm));
/// assert_eq!(inspection.candidates().next().map(|candidate| candidate.name()), Some("key1"));
/// assert_eq!(inspection.to_string(), "aesgcm, key name \"key1\", 20 bytes of plaintext");
/// ```
#[must_use]
pub fn inspect(stored: &[u8]) -> Inspection<'_> {
    let prefixed = ProviderKind::PREFIXED.into_iter().find(|kind| stored.starts_with(kind.prefix().as_bytes()));
    let provider = match prefixed {
        None if stored.starts_with(KUBERNETES_PREFIX) => None,
        kind => Some(kind.unwrap_or(ProviderKind::Identity)),
    };
    let rest = provider.and_then(|kind| stored.get(kind.prefix().len()..)).unwrap_or_default();
    Inspection { stored, provider, rest }
}

/// What [`inspect`] tells of a stored value.
#[derive(Clone, Copy)]
pub struct Inspection<'s> {
    stored: &'s [u8],
    provider: Option<ProviderKind>,
    /// What follows the provider's prefix.
    rest: &'s [u8],
}

impl<'s> Inspection<'s> {
    /// The mechanism that wrote the value; `None` for a value that begins with `k8s:enc:` and whose
    /// mechanism is unknown.
    #[must_use]
    pub const fn provider(&self) -> Option<ProviderKind> {
        self.provider
    }

    /// Length of the stored value in bytes.
    #[must_use]
    pub const fn stored_len(&self) -> usize {
        self.stored.len()
    }

    /// Every name under which the value can have been written, the shortest first: of a key, or for KMS
    /// of the provider.
    ///
    /// Names may contain the `:` that ends them and ciphertext may contain `:` too, so that there can be
    /// several. Identity has none.
    pub fn candidates(&self) -> impl Iterator<Item = Candidate<'s>> + use<'s> {
        let rest = self.rest;
        let provider = self.provider.filter(|&kind| kind != ProviderKind::Identity);
        let names = match core::str::from_utf8(rest) {
            Ok(names) => names,
            Err(error) => core::str::from_utf8(&rest[..error.valid_up_to()]).unwrap_or_default(),
        };
        let ends = names.match_indices(':').filter(|(end, _)| *end > 0);
        provider.into_iter().flat_map(move |kind| {
            let candidate =
                move |(end, _)| Some(Candidate { kind, name: names.get(..end)?, payload: rest.get(end + 1..)? });
            // A v2 provider name has no ':', so that the first one ends it.
            let most = if kind == ProviderKind::KmsV2 { 1 } else { usize::MAX };
            ends.clone().take(most).filter_map(candidate)
        })
    }

    /// Whether the value has a length and a frame that it can have been written with.
    #[must_use]
    pub fn is_possible(&self) -> bool {
        match self.provider {
            None => false,
            Some(ProviderKind::Identity) => true,
            Some(_) => self.candidates().any(|candidate| candidate.is_possible()),
        }
    }
}

/// A name under which a value can have been written, and what that makes of the rest of the value.
#[derive(Clone, Copy)]
pub struct Candidate<'s> {
    kind: ProviderKind,
    name: &'s str,
    payload: &'s [u8],
}

impl<'s> Candidate<'s> {
    /// Name of the key, or for KMS of the provider. It can hold any character: escape it before printing.
    #[must_use]
    pub const fn name(&self) -> &'s str {
        self.name
    }

    /// Number of bytes behind the name: nonce, ciphertext and tag, or for KMS the wrapped DEK and more.
    #[must_use]
    pub const fn payload_len(&self) -> usize {
        self.payload.len()
    }

    /// The bytes behind the name.
    #[cfg(feature = "alloc")]
    pub(crate) const fn payload(&self) -> &'s [u8] {
        self.payload
    }

    /// The wrapped DEK of a KMS v1 value.
    #[must_use]
    pub fn wrapped_dek(&self) -> Option<&'s [u8]> {
        (self.kind == ProviderKind::KmsV1).then(|| split_u16_prefixed(self.payload)).flatten().map(|(dek, _)| dek)
    }

    /// The shortest and the longest plaintext in bytes that is sealed to this length under this name; they
    /// differ for aescbc only, whose padding the key's owner alone knows. `None` for KMS v2, and for a length
    /// that no value has.
    #[must_use]
    pub fn plaintext_len(&self) -> Option<(usize, usize)> {
        let sealed = |layout: Layout, bytes: &[u8]| layout.plaintext_len(bytes.len().checked_sub(layout.nonce_len)?);
        match self.kind {
            ProviderKind::AesCbc => sealed(layout::AES_CBC, self.payload),
            ProviderKind::AesGcm => sealed(layout::AES_GCM, self.payload),
            ProviderKind::Secretbox => sealed(layout::SECRETBOX, self.payload),
            ProviderKind::KmsV1 => sealed(layout::AES_GCM, split_u16_prefixed(self.payload)?.1),
            ProviderKind::KmsV2 | ProviderKind::Identity => None,
        }
    }

    /// Whether the value can have been written under this name, as far as its length and frame tell.
    #[must_use]
    pub fn is_possible(&self) -> bool {
        match self.kind {
            ProviderKind::KmsV2 => !self.payload.is_empty(),
            _ => self.plaintext_len().is_some(),
        }
    }
}

/// One line: the candidates whose length is possible or, if there are none, the others; at most four. Names are
/// escaped.
impl fmt::Display for Inspection<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some(kind) = self.provider else {
            return write!(
                f,
                "unknown provider, {} bytes behind k8s:enc:",
                self.stored.len() - KUBERNETES_PREFIX.len()
            );
        };
        if kind == ProviderKind::Identity {
            return write!(f, "identity, {} bytes of plaintext", self.stored.len());
        }
        write!(f, "{kind}")?;
        if self.candidates().next().is_none() {
            return write!(f, ", no name, {} bytes behind the prefix", self.rest.len());
        }
        let possible = self.is_possible();
        list(f, self.candidates().filter(|candidate| candidate.is_possible() == possible))
    }
}

/// Writes the first four candidates and how many more there are.
fn list<'s>(f: &mut fmt::Formatter<'_>, mut candidates: impl Iterator<Item = Candidate<'s>>) -> fmt::Result {
    const LISTED: usize = 4;
    for (i, candidate) in candidates.by_ref().take(LISTED).enumerate() {
        f.write_str(if i == 0 { ", " } else { "; or " })?;
        write!(f, "{candidate}")?;
    }
    match candidates.count() {
        0 => Ok(()),
        more => write!(f, "; or {more} more names"),
    }
}

impl fmt::Display for Candidate<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kms = matches!(self.kind, ProviderKind::KmsV1 | ProviderKind::KmsV2);
        write!(f, "{} name ", if kms { "provider" } else { "key" })?;
        f.write_char('"')?;
        write!(f, "{}", self.name.escape_debug())?;
        f.write_char('"')?;
        match self.plaintext_len() {
            Some((shortest, longest)) if shortest == longest => write!(f, ", {longest} bytes of plaintext"),
            Some((shortest, longest)) => write!(f, ", {shortest} to {longest} bytes of plaintext"),
            None if self.is_possible() => write!(f, ", {} bytes behind it", self.payload.len()),
            None => write!(f, ", {} bytes behind it, which is no possible length", self.payload.len()),
        }
    }
}

impl fmt::Debug for Inspection<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Inspection({self})")
    }
}

impl fmt::Debug for Candidate<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Candidate({self})")
    }
}
