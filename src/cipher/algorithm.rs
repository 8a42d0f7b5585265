//! The ciphers that the crate's own formats may choose from.

use core::fmt;

use super::layout::{COMMITTING_AES_GCM, COMMITTING_XCHACHA, Layout};

/// A cipher of the crate's own envelope and of the embedded KEK.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
#[repr(u8)]
pub enum Algorithm {
    /// XChaCha20-Poly1305: 192-bit nonces, fast without hardware for AES.
    #[default]
    XChaCha20Poly1305 = 1,
    /// AES-256-GCM, for those who must.
    Aes256Gcm = 2,
}

impl Algorithm {
    /// The byte that stands for it in stored values.
    #[must_use]
    pub const fn code(self) -> u8 {
        self as u8
    }

    /// The algorithm that a byte of a stored value stands for.
    pub(crate) const fn from_code(code: u8) -> Option<Self> {
        match code {
            1 => Some(Self::XChaCha20Poly1305),
            2 => Some(Self::Aes256Gcm),
            _ => None,
        }
    }

    /// The shape of a committing value.
    pub(crate) const fn committing_layout(self) -> Layout {
        match self {
            Self::XChaCha20Poly1305 => COMMITTING_XCHACHA,
            Self::Aes256Gcm => COMMITTING_AES_GCM,
        }
    }
}

impl fmt::Display for Algorithm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::XChaCha20Poly1305 => "XChaCha20-Poly1305",
            Self::Aes256Gcm => "AES-256-GCM",
        })
    }
}
