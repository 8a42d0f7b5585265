//! What a stored value is, from its bytes alone.

use core::fmt::{self, Write as _};

use crate::cipher::Algorithm;
use crate::cipher::layout::{self, Layout};
use crate::envelope::format::{ENVELOPE_PREFIX, Header};
use crate::kind::{KUBERNETES_PREFIX, ProviderKind};
#[cfg(feature = "kms")]
use crate::kms::{EncryptedObject, ObjectError};
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
        None if unknown_prefix(stored).is_some() => None,
        kind => Some(kind.unwrap_or(ProviderKind::Identity)),
    };
    let rest = provider.and_then(|kind| stored.get(kind.prefix().len()..)).unwrap_or_default();
    Inspection { stored, provider, rest }
}

/// The beginning that says that a value is encrypted, if it has one.
fn unknown_prefix(stored: &[u8]) -> Option<&'static str> {
    [KUBERNETES_PREFIX, ENVELOPE_PREFIX]
        .into_iter()
        .find(|prefix| stored.starts_with(prefix))
        .and_then(|prefix| core::str::from_utf8(prefix).ok())
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
    /// The mechanism that wrote the value; `None` for a value that begins with `k8s:enc:` or `atrest:env:` and whose
    /// mechanism or version is unknown.
    #[must_use]
    pub const fn provider(&self) -> Option<ProviderKind> {
        self.provider
    }

    /// Length of the stored value in bytes.
    #[must_use]
    pub const fn stored_len(&self) -> usize {
        self.stored.len()
    }

    /// Every name under which the value can have been written, the shortest first: of a key, for KMS of the provider,
    /// and for the crate's own envelope the id of the KEK's key.
    ///
    /// Names may contain the `:` that ends them and ciphertext may contain `:` too, so that there can be
    /// several. The crate's own envelope has at most one, the key id, and identity has none.
    pub fn candidates(&self) -> impl Iterator<Item = Candidate<'s>> + use<'s> {
        let rest = self.rest;
        let envelope = self.provider.filter(|&kind| kind == ProviderKind::Envelope);
        let named = self.provider.filter(|kind| !matches!(kind, ProviderKind::Identity | ProviderKind::Envelope));
        let names = match core::str::from_utf8(rest) {
            Ok(names) => names,
            Err(error) => core::str::from_utf8(&rest[..error.valid_up_to()]).unwrap_or_default(),
        };
        let ends = names.match_indices(':').filter(|(end, _)| *end > 0);
        let named = named.into_iter().flat_map(move |kind| {
            let candidate = move |(end, _)| {
                Some(Candidate { kind, envelope: None, name: names.get(..end)?, payload: rest.get(end + 1..)? })
            };
            // A v2 provider name has no ':', so that the first one ends it.
            let most = if kind == ProviderKind::KmsV2 { 1 } else { usize::MAX };
            ends.clone().take(most).filter_map(candidate)
        });
        envelope.and_then(|_| Candidate::of_envelope(rest)).into_iter().chain(named)
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
    /// The crate's own envelope, taken apart.
    envelope: Option<Header<'s>>,
    name: &'s str,
    payload: &'s [u8],
}

impl<'s> Candidate<'s> {
    /// The only candidate of the crate's own envelope; `rest` is what follows the prefix.
    fn of_envelope(rest: &'s [u8]) -> Option<Self> {
        let header = Header::parse_fields(rest)?;
        let (_, payload) = split_u16_prefixed(rest.get(1..)?)?;
        Some(Self { kind: ProviderKind::Envelope, envelope: Some(header), name: header.key_id, payload })
    }

    /// Name of the key, for KMS of the provider, for the crate's own envelope the key id. It can hold any character:
    /// escape it before printing.
    #[must_use]
    pub const fn name(&self) -> &'s str {
        self.name
    }

    /// Number of bytes behind the name: nonce, ciphertext and tag, or for KMS and the crate's own envelope the wrapped
    /// DEK and more.
    #[must_use]
    pub const fn payload_len(&self) -> usize {
        self.payload.len()
    }

    /// The wrapped DEK of a KMS v1 value or of the crate's own envelope.
    #[must_use]
    pub fn wrapped_dek(&self) -> Option<&'s [u8]> {
        match self.kind {
            ProviderKind::KmsV1 => split_u16_prefixed(self.payload).map(|(dek, _)| dek),
            _ => self.envelope.map(|header| header.wrapped),
        }
    }

    /// The algorithm that a value of the crate's own envelope names; `None` for other values, whose provider tells.
    #[must_use]
    pub fn algorithm(&self) -> Option<Algorithm> {
        self.envelope.map(|header| header.algorithm)
    }

    /// What a KMS v2 value holds, or what is wrong with it; `None` for other values.
    #[cfg(feature = "kms")]
    #[must_use]
    pub fn object(&self) -> Option<Result<EncryptedObject<'s>, ObjectError>> {
        (self.kind == ProviderKind::KmsV2).then(|| EncryptedObject::parse(self.payload))
    }

    /// Id of the KEK that wrapped the DEK, of a KMS v2 value (feature `kms`) and of the crate's own envelope. It can hold
    /// any character: escape it before printing.
    #[must_use]
    pub fn key_id(&self) -> Option<&'s str> {
        #[cfg(feature = "kms")]
        if let Some(object) = self.object() {
            return object.ok().map(|object| object.key_id());
        }
        self.envelope.map(|header| header.key_id)
    }

    /// The shortest and the longest plaintext in bytes that is sealed to this length under this name; they
    /// differ for aescbc only, whose padding the key's owner alone knows. `None` for a length that no value has, and,
    /// without the feature `kms`, for KMS v2.
    #[must_use]
    pub fn plaintext_len(&self) -> Option<(usize, usize)> {
        let sealed = |layout: Layout, bytes: &[u8]| layout.plaintext_len(bytes.len().checked_sub(layout.nonce_len)?);
        match self.kind {
            ProviderKind::AesCbc => sealed(layout::AES_CBC, self.payload),
            ProviderKind::AesGcm => sealed(layout::AES_GCM, self.payload),
            ProviderKind::Secretbox => sealed(layout::SECRETBOX, self.payload),
            ProviderKind::KmsV1 => sealed(layout::AES_GCM, split_u16_prefixed(self.payload)?.1),
            ProviderKind::Envelope => self.envelope?.plaintext_len().map(|len| (len, len)),
            #[cfg(feature = "kms")]
            ProviderKind::KmsV2 => {
                let object = EncryptedObject::parse(self.payload).ok()?;
                object.kind().scheme().plaintext_len(object.encrypted_data().len()).map(|len| (len, len))
            }
            #[cfg(not(feature = "kms"))]
            ProviderKind::KmsV2 => None,
            ProviderKind::Identity => None,
        }
    }

    /// Whether the value can have been written under this name, as far as its length and frame tell.
    #[must_use]
    pub fn is_possible(&self) -> bool {
        match self.kind {
            #[cfg(not(feature = "kms"))]
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
            let prefix = unknown_prefix(self.stored).unwrap_or_default();
            return write!(f, "unknown provider, {} bytes behind {prefix}", self.stored.len() - prefix.len());
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
        f.write_str(match self.kind {
            ProviderKind::KmsV1 | ProviderKind::KmsV2 => "provider name ",
            ProviderKind::Envelope => "key id ",
            _ => "key name ",
        })?;
        f.write_char('"')?;
        write!(f, "{}", self.name.escape_debug())?;
        f.write_char('"')?;
        #[cfg(feature = "kms")]
        match self.object() {
            Some(Ok(object)) => write!(f, ", key id \"{}\"", object.key_id().escape_debug())?,
            Some(Err(error)) => return write!(f, ", {} bytes behind it: {error}", self.payload.len()),
            None => {}
        }
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
