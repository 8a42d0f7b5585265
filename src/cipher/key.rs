//! The ways to make a key, the same for every cipher.

/// Gives a key type its constructors from bytes, base64, [`Secret`](crate::Secret) and `secrecy`.
///
/// The type supplies `fn expand(bytes: &[u8]) -> Result<Self>` and names the longest key it takes.
macro_rules! key_constructors {
    ($key:ident, longest $longest:literal, lengths [$($len:literal),+], doc $lengths:literal) => {
        impl $key {
            #[doc = concat!("Expands a key of ", $lengths, " bytes. The bytes are not kept.")]
            ///
            /// # Errors
            /// [`Error::KeyLength`](crate::Error::KeyLength) for any other length.
            pub fn from_bytes(bytes: &[u8]) -> $crate::error::Result<Self> {
                Self::expand(bytes)
            }

            #[doc = concat!("Decodes a key of ", $lengths, " bytes from the base64 of a Kubernetes configuration,")]
            /// in constant time, and expands it. The decoded bytes are wiped.
            ///
            /// # Errors
            /// [`Error::Base64`](crate::Error::Base64) or [`Error::KeyLength`](crate::Error::KeyLength).
            pub fn from_base64(text: impl AsRef<[u8]>) -> $crate::error::Result<Self> {
                // The decoded bytes may be moved about on the stack.
                $crate::secret::stack_wiped::<{ $crate::secret::KEY_STACK }, _>(|| {
                    let mut len = 0;
                    let bytes = $crate::secret::Secret::<$longest>::build(|bytes| {
                        len = $crate::base64::decode_into(text.as_ref(), bytes)?;
                        Ok::<(), $crate::Error>(())
                    })?;
                    Self::expand(&bytes.expose()[..len])
                })
            }
        }

        $(
            impl TryFrom<&$crate::secret::Secret<$len>> for $key {
                type Error = $crate::Error;

                fn try_from(secret: &$crate::secret::Secret<$len>) -> $crate::error::Result<Self> {
                    Self::expand(secret.expose())
                }
            }
        )+

        #[cfg(feature = "secrecy")]
        impl TryFrom<&secrecy::SecretSlice<u8>> for $key {
            type Error = $crate::Error;

            fn try_from(secret: &secrecy::SecretSlice<u8>) -> $crate::error::Result<Self> {
                Self::expand(secrecy::ExposeSecret::expose_secret(secret))
            }
        }

        #[cfg(feature = "secrecy")]
        impl TryFrom<&secrecy::SecretString> for $key {
            type Error = $crate::Error;

            /// Decodes base64.
            fn try_from(secret: &secrecy::SecretString) -> $crate::error::Result<Self> {
                Self::from_base64(secrecy::ExposeSecret::expose_secret(secret))
            }
        }

        impl core::fmt::Debug for $key {
            fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
                f.debug_struct(stringify!($key)).finish_non_exhaustive()
            }
        }

        impl zeroize::ZeroizeOnDrop for $key {}
    };
}

pub(super) use key_constructors;
