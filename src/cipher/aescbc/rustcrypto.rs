//! The portable backend: the `aes` and `cbc` crates. The mode borrows the expanded key, so that no call
//! expands or copies it.

use aes::cipher::array::Array;
use aes::cipher::consts::U16;
use aes::cipher::{BlockCipherDecrypt, BlockCipherEncrypt, BlockModeDecrypt, BlockModeEncrypt, InnerIvInit, KeyInit};
use aes::{Aes128, Aes192, Aes256};
use inout::InOutBuf;
use zeroize::ZeroizeOnDrop;

#[cfg(feature = "alloc")]
use super::Batched;
use crate::error::{Error, Result};
#[cfg(not(target_arch = "x86_64"))]
use crate::secret::Spills;

/// The round keys of both directions.
///
/// Zeros fill each variant up to the largest: what lies in room that a variant leaves unused is moved along
/// with it and not wiped on drop, and is what the expansion left on the stack.
#[expect(dead_code, reason = "the zeros are there to be moved, not read")]
pub(super) enum Schedule {
    Aes128(Aes128, [u8; room_beside::<Aes128>()]),
    Aes192(Aes192, [u8; room_beside::<Aes192>()]),
    Aes256(Aes256),
}

const fn room_beside<T>() -> usize {
    size_of::<Aes256>() - size_of::<T>()
}

// The room is filled, or this does not compile.
const _: [(); size_of::<Aes256>()] = [(); size_of::<(Aes128, [u8; room_beside::<Aes128>()])>()];
const _: [(); size_of::<Aes256>()] = [(); size_of::<(Aes192, [u8; room_beside::<Aes192>()])>()];

const _: () = {
    const fn wiped_on_drop<T: ZeroizeOnDrop>() {}
    wiped_on_drop::<Aes128>();
    wiped_on_drop::<Aes192>();
    wiped_on_drop::<Aes256>();
};

impl Schedule {
    /// What decryption and the check of the padding leave on the stack.
    #[cfg(not(target_arch = "x86_64"))]
    pub(super) const fn spills(&self) -> Spills {
        Spills::Much
    }

    pub(super) fn expand(key: &[u8]) -> Result<Self> {
        let invalid = |_| Error::KeyLength { len: key.len() };
        match key.len() {
            16 => {
                Aes128::new_from_slice(key).map(|aes| Self::Aes128(aes, [0; room_beside::<Aes128>()])).map_err(invalid)
            }
            24 => {
                Aes192::new_from_slice(key).map(|aes| Self::Aes192(aes, [0; room_beside::<Aes192>()])).map_err(invalid)
            }
            _ => Aes256::new_from_slice(key).map(Self::Aes256).map_err(invalid),
        }
    }

    /// Encrypts the whole blocks of `text`, and `last` behind them in place.
    pub(super) fn encrypt(&self, iv: &[u8; 16], text: InOutBuf<'_, '_, u8>, last: &mut [u8; 16]) {
        match self {
            Self::Aes128(aes, _) => encrypt(aes, iv, text, last),
            Self::Aes192(aes, _) => encrypt(aes, iv, text, last),
            Self::Aes256(aes) => encrypt(aes, iv, text, last),
        }
    }

    /// Encrypts the whole blocks of every text in place.
    #[cfg(feature = "alloc")]
    pub(super) fn encrypt_batch(&self, batch: &mut [Batched<'_>]) {
        for (iv, text) in batch {
            if let Some((text, last)) = text.split_last_chunk_mut() {
                self.encrypt(iv, text.into(), last);
            }
        }
    }

    /// Decrypts the whole blocks of `text`.
    pub(super) fn decrypt(&self, iv: &[u8; 16], text: InOutBuf<'_, '_, u8>) {
        match self {
            Self::Aes128(aes, _) => decrypt(aes, iv, text),
            Self::Aes192(aes, _) => decrypt(aes, iv, text),
            Self::Aes256(aes) => decrypt(aes, iv, text),
        }
    }
}

fn encrypt<A>(aes: &A, iv: &[u8; 16], text: InOutBuf<'_, '_, u8>, last: &mut [u8; 16])
where
    A: BlockCipherEncrypt<BlockSize = U16>,
{
    let mut cbc = cbc::Encryptor::inner_iv_init(aes, &(*iv).into());
    let (blocks, _) = text.into_chunks();
    cbc.encrypt_blocks_inout(blocks);
    cbc.encrypt_block(<&mut Array<u8, U16>>::from(last));
}

fn decrypt<A>(aes: &A, iv: &[u8; 16], text: InOutBuf<'_, '_, u8>)
where
    A: BlockCipherDecrypt<BlockSize = U16>,
{
    let mut cbc = cbc::Decryptor::inner_iv_init(aes, &(*iv).into());
    let (blocks, _) = text.into_chunks();
    cbc.decrypt_blocks_inout(blocks);
}
