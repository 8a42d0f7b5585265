//! XSalsa20-Poly1305, in NaCl's layout.

#[cfg(target_arch = "x86_64")]
mod quads;
mod rustcrypto;
#[cfg(target_arch = "x86_64")]
mod x86;

use inout::InOutBuf;

/// From which length on the fast build takes the other library: as in `src/cipher/secretbox/dryoc.rs`.
const LONG_TO_SEAL: usize = if crate::FAST { 64 } else { usize::MAX };
const LONG_TO_OPEN: usize = if crate::FAST { 512 } else { usize::MAX };

pub fn seal(key: &[u8; 32], nonce: &[u8; 24], text: &[u8], out: &mut [u8]) -> [u8; 16] {
    #[cfg(target_arch = "x86_64")]
    if let Some(cpu) = quads::Quads::detect(text.len()) {
        let mut tag = [0; 16];
        quads::seal(cpu, key, nonce, InOutBuf::new(text, out).unwrap(), &mut tag);
        return tag;
    }
    if text.len() >= LONG_TO_SEAL {
        let mut tag = [0; 16];
        dryoc::classic::crypto_secretbox::crypto_secretbox_detached(out, &mut tag, text, nonce, key).unwrap();
        return tag;
    }
    #[cfg(target_arch = "x86_64")]
    if let Some(cpu) = x86::Avx2::detect() {
        return x86::seal(cpu, key, nonce, InOutBuf::new(text, out).unwrap());
    }
    rustcrypto::seal(key, nonce, InOutBuf::new(text, out).unwrap())
}

pub fn open(key: &[u8; 32], nonce: &[u8; 24], text: &[u8], out: &mut [u8], tag: &[u8; 16]) {
    #[cfg(target_arch = "x86_64")]
    if let Some(cpu) = quads::Quads::detect(text.len()) {
        return quads::open(cpu, key, nonce, InOutBuf::new(text, out).unwrap(), tag).unwrap();
    }
    if text.len() >= LONG_TO_OPEN {
        return dryoc::classic::crypto_secretbox::crypto_secretbox_open_detached(out, text, tag, nonce, key).unwrap();
    }
    #[cfg(target_arch = "x86_64")]
    if let Some(cpu) = x86::Avx2::detect() {
        return x86::open(cpu, key, nonce, text, out, tag).unwrap();
    }
    rustcrypto::open(key, nonce, InOutBuf::new(text, out).unwrap(), tag).unwrap();
}
