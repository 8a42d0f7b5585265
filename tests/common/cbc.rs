//! AES-CBC straight from its definition (NIST SP 800-38A, 6.2), one block at a time, and the padding rule.

use aes::cipher::{Array, BlockCipherDecrypt, BlockCipherEncrypt, KeyInit};
use aes::{Aes128, Aes192, Aes256};

pub(crate) fn cbc_encrypt(key: &[u8; 32], iv: &[u8; 16], plaintext: &[u8]) -> Vec<u8> {
    let aes = Aes256::new(key.into());
    let mut previous = *iv;
    let mut ciphertext = Vec::new();
    for plaintext in plaintext.chunks_exact(16) {
        let mut block = Array::try_from(plaintext).unwrap();
        block.iter_mut().zip(previous).for_each(|(byte, previous)| *byte ^= previous);
        aes.encrypt_block(&mut block);
        previous = block.into();
        ciphertext.extend(previous);
    }
    ciphertext
}

pub(crate) fn cbc_decrypt(key: &[u8], iv: &[u8], ciphertext: &[u8]) -> Vec<u8> {
    fn blocks<A: BlockCipherDecrypt + KeyInit>(key: &[u8], iv: &[u8], ciphertext: &[u8]) -> Vec<u8> {
        let aes = A::new_from_slice(key).unwrap();
        let mut plaintext = Vec::new();
        let mut previous = iv;
        for ciphertext in ciphertext.chunks_exact(16) {
            let mut block = Array::try_from(ciphertext).unwrap();
            aes.decrypt_block(&mut block);
            plaintext.extend(block.iter().zip(previous).map(|(byte, previous)| byte ^ previous));
            previous = ciphertext;
        }
        plaintext
    }
    match key.len() {
        16 => blocks::<Aes128>(key, iv, ciphertext),
        24 => blocks::<Aes192>(key, iv, ciphertext),
        32 => blocks::<Aes256>(key, iv, ciphertext),
        len => unreachable!("a key of {len} bytes"),
    }
}

/// The padding rule of Kubernetes, laxer than PKCS#7: the last byte, from 1 to the whole length and not
/// only to 16, is how many bytes are padding, and all of them have its value.
pub(crate) fn without_padding(mut decrypted: Vec<u8>) -> Option<Vec<u8>> {
    let padding = *decrypted.last()?;
    let len = decrypted.len().checked_sub(padding.into())?;
    let is_padded = padding != 0 && decrypted.drain(len..).all(|byte| byte == padding);
    is_padded.then_some(decrypted)
}
