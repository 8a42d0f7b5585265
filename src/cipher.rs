//! The joint between the formats and the ciphers: one construction a file, each over a backend in a
//! folder below it. Nothing here knows a prefix or a name.

#[cfg(all(target_arch = "x86_64", any(feature = "aesgcm", feature = "secretbox")))]
#[macro_use]
mod zmm;

pub(crate) mod layout;

mod algorithm;

#[cfg(feature = "aescbc")]
mod aescbc;
#[cfg(feature = "aesgcm")]
mod aesgcm;
#[cfg(all(target_arch = "x86_64", any(feature = "aescbc", feature = "aesgcm")))]
mod aesni;
#[cfg(feature = "aesgcm")]
mod budget;
#[cfg(any(feature = "aescbc", feature = "aesgcm", feature = "secretbox"))]
mod key;
#[cfg(feature = "secretbox")]
mod secretbox;

#[cfg(feature = "envelope")]
pub(crate) mod committing;
#[cfg(feature = "envelope")]
pub(crate) mod xchacha;
#[cfg(feature = "envelope")]
pub(crate) mod xnonce_gcm;

#[cfg(feature = "aescbc")]
pub use aescbc::AesCbcKey;
#[cfg(feature = "aesgcm")]
pub use aesgcm::AesGcmKey;
pub use algorithm::Algorithm;
#[cfg(feature = "secretbox")]
pub use secretbox::SecretboxKey;

use core::ops::Range;

use crate::error::Result;
use construction::Construction;

/// A cipher with an expanded key. Sealed: the formats name their ciphers.
pub trait Cipher: Construction {}

/// What a cipher does to the part of a value that follows the key name: `nonce ++ body`.
pub(crate) mod construction {
    use super::{Range, Result, layout::Layout};

    /// The operations of a cipher; the nonce is an argument. Every length is checked by the caller: the
    /// body of a seal is exactly `LAYOUT.body_len` bytes, the output of an open at least
    /// `LAYOUT.open_len_max` of a body whose length is possible.
    pub trait Construction: Send + Sync {
        type Nonce: Default + AsRef<[u8]> + AsMut<[u8]>;

        const LAYOUT: Layout;
        const BINDS_AAD: bool;

        /// How many seals at once take less time than one after the other.
        #[cfg(feature = "alloc")]
        const BATCH: usize = 1;

        /// Takes one seal from the key's budget, before the nonce is drawn.
        fn take_seal(&self) -> Result<()> {
            Ok(())
        }

        /// Seals `plaintext` into `body`.
        fn seal_into(&self, nonce: &Self::Nonce, aad: &[u8], plaintext: &[u8], body: &mut [u8]) -> Result<()>;

        /// Seals many as [`seal_into`](Self::seal_into) seals one.
        #[cfg(feature = "alloc")]
        fn seal_batch(&self, batch: &mut [Sealing<'_, Self::Nonce>]) {
            for one in batch {
                one.sealed = self.seal_into(&one.nonce, one.aad, one.plaintext, one.body);
            }
        }

        /// Seals the `plaintext_len` bytes that lie at `LAYOUT.text_at` in `body`.
        fn seal_in_place(&self, nonce: &Self::Nonce, aad: &[u8], plaintext_len: usize, body: &mut [u8]) -> Result<()>;

        /// Opens `body` to the start of `out` and returns the length; on failure wipes what it wrote.
        fn open_into(&self, nonce: &Self::Nonce, aad: &[u8], body: &[u8], out: &mut [u8]) -> Result<usize>;

        /// Opens `body` where it is and returns where the plaintext lies; on failure leaves it as it was.
        fn open_in_place(&self, nonce: &Self::Nonce, aad: &[u8], body: &mut [u8]) -> Result<Range<usize>>;
    }

    /// One value of many, and what came of it.
    #[cfg(feature = "alloc")]
    #[expect(missing_debug_implementations, reason = "it holds a plaintext")]
    pub struct Sealing<'a, N> {
        pub(crate) nonce: N,
        pub(crate) aad: &'a [u8],
        pub(crate) plaintext: &'a [u8],
        pub(crate) body: &'a mut [u8],
        pub(crate) sealed: Result<()>,
    }
}
