//! No encryption. Kubernetes: `identity.go`.

use core::ops::Range;

use super::{Buffers, Found, Plaintext, Provider, Walk};
use crate::envelope::format::ENVELOPE_PREFIX;
use crate::error::{Error, Result};
use crate::kind::{KUBERNETES_PREFIX, ProviderKind};
use crate::random::Random;

/// Stores plaintext as it is: to read what was written before encryption was switched on, or, in first
/// place, to switch it off.
///
/// It reads nothing that begins with `k8s:enc:` and, but for [`as_apiserver`](Self::as_apiserver), nothing that begins
/// with `atrest:env:`, whatever the version.
///
/// # Security
/// While it is in a list, whoever can write to the store can put plaintext there, and the list opens it:
/// see [`Opened::was_encrypted`](crate::Opened::was_encrypted). Remove it once everything is encrypted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Identity {
    verbatim: bool,
}

impl Identity {
    /// The safe identity: it refuses to store a plaintext that begins with `k8s:enc:` or `atrest:env:`, which no one
    /// could read again.
    #[must_use]
    pub const fn new() -> Self {
        Self { verbatim: false }
    }

    /// Identity exactly as the API server has it: it stores a plaintext that begins with `k8s:enc:` too, and what
    /// begins with `atrest:env:` is plaintext like any other.
    ///
    /// # Security
    /// A plaintext that begins with `k8s:enc:` cannot be read again, or is taken for ciphertext. Beside a provider of the
    /// crate's own envelope this identity would hand out a damaged value as it is stored.
    #[must_use]
    pub const fn as_apiserver() -> Self {
        Self { verbatim: true }
    }

    /// Whether this begins like an encrypted value.
    fn refuses(self, stored: &[u8]) -> bool {
        stored.starts_with(KUBERNETES_PREFIX) || (!self.verbatim && stored.starts_with(ENVELOPE_PREFIX))
    }
}

impl Provider for Identity {
    fn kind(&self) -> ProviderKind {
        ProviderKind::Identity
    }

    fn binds_aad(&self) -> bool {
        false
    }

    fn sealed_len(&self, plaintext_len: usize) -> Result<usize> {
        Ok(plaintext_len)
    }

    fn open_len_max(&self, stored: &[u8]) -> usize {
        if self.refuses(stored) { 0 } else { stored.len() }
    }
}

impl Walk for Identity {
    fn seal_value(&self, _: &mut dyn Random, _aad: &[u8], plaintext: Plaintext<'_>, out: &mut [u8]) -> Result<usize> {
        let len = plaintext.len();
        let out = out.get_mut(..len).ok_or(Error::BufferTooSmall { needed: len })?;
        let refused = match plaintext {
            Plaintext::Separate(plaintext) => self.refuses(plaintext),
            Plaintext::InPlace(_) => self.refuses(out),
        };
        if refused && !self.verbatim {
            return Err(Error::LooksEncrypted);
        }
        if let Plaintext::Separate(plaintext) = plaintext {
            out.copy_from_slice(plaintext);
        }
        Ok(len)
    }

    fn kind_of(&self, _stored: &[u8]) -> Option<ProviderKind> {
        Some(ProviderKind::Identity)
    }

    fn open_value<'t>(&'t self, _aad: &[u8], buffers: &mut Buffers<'_>, _: &mut Found<'t>) -> Result<Range<usize>> {
        if self.refuses(buffers.stored()) {
            return Err(Error::Encrypted);
        }
        let needed = buffers.stored().len();
        if let Buffers::Separate { stored, out } = buffers {
            out.get_mut(..needed).ok_or(Error::BufferTooSmall { needed })?.copy_from_slice(stored);
        }
        Ok(0..needed)
    }
}
