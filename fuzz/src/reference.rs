//! The three ciphers put together from their libraries in the plainest way, to compare the crate's backends with.

use aes::cipher::block_padding::{NoPadding, Pkcs7};
use aes::cipher::consts::U12;
use aes::cipher::{BlockCipherDecrypt, BlockCipherEncrypt, BlockModeDecrypt, BlockModeEncrypt, KeyInit, KeyIvInit};
use aes::cipher::{BlockSizeUser, StreamCipher, consts::U16};
use aes::{Aes128, Aes192, Aes256};
use aes_gcm::aead::{Aead, Payload};
use aes_gcm::{AesGcm, Key};
use poly1305::Poly1305;
use salsa20::XSalsa20;

/// The ciphers of the static providers.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Cipher {
    /// With a tag behind the ciphertext.
    AesGcm,
    /// With PKCS#7.
    AesCbc,
    /// With the tag in front of the ciphertext.
    Secretbox,
}

impl Cipher {
    /// The bytes behind the nonce. Keys have 16, 24 or 32 bytes, for secretbox 32.
    pub fn seal(self, key: &[u8], nonce: &[u8], aad: &[u8], plaintext: &[u8]) -> Vec<u8> {
        match (self, key.len()) {
            (Self::AesGcm, 16) => gcm_seal::<Aes128>(key, nonce, aad, plaintext),
            (Self::AesGcm, 24) => gcm_seal::<Aes192>(key, nonce, aad, plaintext),
            (Self::AesGcm, _) => gcm_seal::<Aes256>(key, nonce, aad, plaintext),
            (Self::AesCbc, 16) => cbc_seal::<Aes128>(key, nonce, plaintext),
            (Self::AesCbc, 24) => cbc_seal::<Aes192>(key, nonce, plaintext),
            (Self::AesCbc, _) => cbc_seal::<Aes256>(key, nonce, plaintext),
            (Self::Secretbox, _) => secretbox_seal(key, nonce, plaintext),
        }
    }

    /// What was sealed, unless it was changed as far as the cipher can tell.
    pub fn open(self, key: &[u8], nonce: &[u8], aad: &[u8], sealed: &[u8]) -> Option<Vec<u8>> {
        match (self, key.len()) {
            (Self::AesGcm, 16) => gcm_open::<Aes128>(key, nonce, aad, sealed),
            (Self::AesGcm, 24) => gcm_open::<Aes192>(key, nonce, aad, sealed),
            (Self::AesGcm, _) => gcm_open::<Aes256>(key, nonce, aad, sealed),
            (Self::AesCbc, 16) => cbc_open::<Aes128>(key, nonce, sealed),
            (Self::AesCbc, 24) => cbc_open::<Aes192>(key, nonce, sealed),
            (Self::AesCbc, _) => cbc_open::<Aes256>(key, nonce, sealed),
            (Self::Secretbox, _) => secretbox_open(key, nonce, sealed),
        }
    }
}

fn gcm_seal<C>(key: &[u8], nonce: &[u8], aad: &[u8], plaintext: &[u8]) -> Vec<u8>
where
    C: BlockCipherEncrypt + BlockSizeUser<BlockSize = U16> + KeyInit,
{
    let key = AesGcm::<C, U12>::new(Key::<C>::try_from(key).unwrap().as_ref());
    key.encrypt(nonce.try_into().unwrap(), Payload { msg: plaintext, aad }).unwrap()
}

fn gcm_open<C>(key: &[u8], nonce: &[u8], aad: &[u8], sealed: &[u8]) -> Option<Vec<u8>>
where
    C: BlockCipherEncrypt + BlockSizeUser<BlockSize = U16> + KeyInit,
{
    let key = AesGcm::<C, U12>::new(Key::<C>::try_from(key).unwrap().as_ref());
    key.decrypt(nonce.try_into().unwrap(), Payload { msg: sealed, aad }).ok()
}

fn cbc_seal<C: BlockCipherEncrypt + KeyInit>(key: &[u8], iv: &[u8], plaintext: &[u8]) -> Vec<u8> {
    cbc::Encryptor::<C>::new_from_slices(key, iv).unwrap().encrypt_padded_vec::<Pkcs7>(plaintext)
}

/// The padding is looked at as Kubernetes does: it may be of up to 255 bytes.
fn cbc_open<C: BlockCipherDecrypt + KeyInit>(key: &[u8], iv: &[u8], sealed: &[u8]) -> Option<Vec<u8>> {
    let mut padded =
        cbc::Decryptor::<C>::new_from_slices(key, iv).unwrap().decrypt_padded_vec::<NoPadding>(sealed).ok()?;
    let last = *padded.last()?;
    let rest = padded.len().checked_sub(usize::from(last))?;
    if last == 0 || padded[rest..].iter().any(|&byte| byte != last) {
        return None;
    }
    padded.truncate(rest);
    Some(padded)
}

fn secretbox_parts(key: &[u8], nonce: &[u8]) -> (XSalsa20, Poly1305) {
    let mut stream = XSalsa20::new_from_slices(key, nonce).unwrap();
    let mut mac_key = [0; 32];
    stream.apply_keystream(&mut mac_key);
    (stream, Poly1305::new(&mac_key.into()))
}

fn secretbox_seal(key: &[u8], nonce: &[u8], plaintext: &[u8]) -> Vec<u8> {
    let (mut stream, mac) = secretbox_parts(key, nonce);
    let mut text = plaintext.to_vec();
    stream.apply_keystream(&mut text);
    [mac.compute_unpadded(&text).as_slice(), &text].concat()
}

fn secretbox_open(key: &[u8], nonce: &[u8], sealed: &[u8]) -> Option<Vec<u8>> {
    let (tag, text) = sealed.split_at_checked(16)?;
    let (mut stream, mac) = secretbox_parts(key, nonce);
    if mac.compute_unpadded(text).as_slice() != tag {
        return None;
    }
    let mut plaintext = text.to_vec();
    stream.apply_keystream(&mut plaintext);
    Some(plaintext)
}
