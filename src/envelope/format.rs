//! The bytes of the crate's own envelope; integers are big-endian.
//!
//! | Bytes     | Field         | Content                                                     |
//! |-----------|---------------|-------------------------------------------------------------|
//! | 14        | prefix        | `atrest:env:v1:`                                            |
//! | 1         | algorithm     | 1 XChaCha20-Poly1305, 2 AES-256-GCM                         |
//! | 2         | length        | of the key id, 1 to 1,024                                   |
//! | 1 to 1024 | key id        | of the KEK, UTF-8                                           |
//! | 2         | length        | of the wrapped DEK, 1 to 65,535                             |
//! | 1 to 65535| wrapped DEK   | what the KEK answered; the KEK authenticates the context on it |
//! | 32        | salt          | random, of this value                                       |
//! | 32        | commitment    | to the DEK, the algorithm and the salt                      |
//! | any       | ciphertext    | as long as the plaintext                                    |
//! | 16        | tag           | of the ciphertext and the AAD                               |
//!
//! The AAD is three fields, each behind its length as a `u64`: the prefix, the algorithm, the context. Key id and wrapped
//! DEK are not in it, so that another KEK can wrap the DEK and the payload stays as it is; who puts the wrapped DEK of
//! another value there meets the commitment. How the payload's key is made of DEK and salt, `cipher/committing.rs` says.

use crate::cipher::Algorithm;
#[cfg(any(feature = "envelope", test))]
use crate::error::{Error, Result};
#[cfg(any(feature = "envelope", test))]
use crate::kind::ProviderKind;
use crate::wire::split_u16_prefixed;

/// What an envelope of any version begins with.
pub(crate) const ENVELOPE_PREFIX: &[u8] = b"atrest:env:";

/// What an envelope of this version begins with.
#[cfg(any(feature = "envelope", test))]
pub(crate) const ENVELOPE_V1_PREFIX: &str = ProviderKind::Envelope.prefix();

/// The longest key id in bytes.
pub(crate) const KEY_ID_LEN_MAX: usize = 1024;

/// A value, taken apart.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Header<'s> {
    pub(crate) algorithm: Algorithm,
    pub(crate) key_id: &'s str,
    pub(crate) wrapped: &'s [u8],
    /// The payload: `salt ++ commitment ++ ciphertext ++ tag`, of any length here.
    pub(crate) sealed: &'s [u8],
}

impl<'s> Header<'s> {
    /// Takes a value apart.
    ///
    /// # Errors
    /// [`Error::NoMatchingProvider`] for another prefix, [`Error::Open`] for whatever else is not of this format.
    #[cfg(any(feature = "envelope", test))]
    pub(crate) fn parse(stored: &'s [u8]) -> Result<Self> {
        let rest = stored.strip_prefix(ENVELOPE_V1_PREFIX.as_bytes()).ok_or(Error::NoMatchingProvider)?;
        Self::parse_fields(rest).ok_or(Error::Open)
    }

    /// Takes what follows the prefix apart.
    pub(crate) fn parse_fields(rest: &'s [u8]) -> Option<Self> {
        let (code, rest) = rest.split_first()?;
        let algorithm = Algorithm::from_code(*code)?;
        let (key_id, rest) = split_u16_prefixed(rest)?;
        let key_id = core::str::from_utf8(key_id).ok().filter(|id| is_key_id(id))?;
        let (wrapped, sealed) = split_u16_prefixed(rest).filter(|(wrapped, _)| !wrapped.is_empty())?;
        Some(Self { algorithm, key_id, wrapped, sealed })
    }

    /// Length of the plaintext; `None` if none has a payload of this length.
    pub(crate) fn plaintext_len(&self) -> Option<usize> {
        self.algorithm.committing_layout().plaintext_len_of_sealed(self.sealed.len()).map(|(len, _)| len)
    }
}

fn is_key_id(id: &str) -> bool {
    !id.is_empty() && id.len() <= KEY_ID_LEN_MAX
}

/// Everything in front of the payload; `None` for a key id or a wrapped DEK that the format does not hold.
#[cfg(feature = "envelope")]
pub(crate) fn write_header(algorithm: Algorithm, key_id: &str, wrapped: &[u8]) -> Option<Result<alloc::vec::Vec<u8>>> {
    if !is_key_id(key_id) || wrapped.is_empty() {
        return None;
    }
    let key_id_len = u16::try_from(key_id.len()).ok()?.to_be_bytes();
    let wrapped_len = u16::try_from(wrapped.len()).ok()?.to_be_bytes();
    let code = [algorithm.code()];
    let parts = [ENVELOPE_V1_PREFIX.as_bytes(), &code, &key_id_len, key_id.as_bytes(), &wrapped_len, wrapped];
    let mut header = alloc::vec::Vec::new();
    if header.try_reserve_exact(parts.iter().map(|part| part.len()).sum()).is_err() {
        return Some(Err(Error::OutOfMemory));
    }
    parts.iter().for_each(|part| header.extend_from_slice(part));
    Some(Ok(header))
}

/// The payload's AAD.
#[cfg(feature = "envelope")]
pub(crate) fn payload_aad(algorithm: Algorithm, context: &[u8]) -> Result<alloc::vec::Vec<u8>> {
    let fields = [ENVELOPE_V1_PREFIX.as_bytes(), &[algorithm.code()], context];
    crate::wire::join_u64_prefixed(&fields).ok_or(Error::OutOfMemory)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn a_header_is_whole_or_none() {
        let stored = b"atrest:env:v1:\x02\0\x03k-1\0\x02wdrest";
        let header = Header::parse(stored).unwrap();
        assert_eq!((header.algorithm, header.key_id), (Algorithm::Aes256Gcm, "k-1"));
        assert_eq!((header.wrapped, header.sealed), (&b"wd"[..], &b"rest"[..]));
        for len in 0..stored.len() - 4 {
            let expected = if len < 14 { Error::NoMatchingProvider } else { Error::Open };
            assert_eq!(Header::parse(&stored[..len]).unwrap_err(), expected, "{len}");
        }
    }

    #[test]
    fn fields_out_of_bounds_are_refused() {
        for fields in [
            &b"\x00\0\x01k\0\x01w"[..],
            b"\x03\0\x01k\0\x01w",
            b"\x01\0\0\0\x01w",
            b"\x01\0\x01k\0\0",
            b"\x01\0\x01\xff\0\x01w",
            b"\x01\xff\xffk\0\x01w",
            b"\x01\0\x01k\0\x02w",
        ] {
            assert!(Header::parse_fields(fields).is_none(), "{fields:?}");
        }
        for (len, fits) in [(1024, true), (1025, false)] {
            let mut fields = [b'k'; 1031];
            fields[0] = 1;
            fields[1..3].copy_from_slice(&u16::try_from(len).unwrap().to_be_bytes());
            fields[3 + len..3 + len + 3].copy_from_slice(b"\0\x01w");
            assert_eq!(Header::parse_fields(&fields).is_some(), fits, "{len}");
        }
    }
}
