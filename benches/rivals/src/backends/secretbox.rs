//! XSalsa20-Poly1305, in NaCl's layout.

mod rustcrypto;
#[cfg(target_arch = "x86_64")]
mod x86;

use inout::InOutBuf;

/// From which length on the fast build takes the other library, to seal and to open.
const LONG: [usize; 2] = if crate::FAST { [64, 512] } else { [usize::MAX; 2] };

pub fn seal(key: &[u8; 32], nonce: &[u8; 24], text: &[u8], out: &mut [u8]) -> [u8; 16] {
    if text.len() >= LONG[0] {
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
    if text.len() >= LONG[1] {
        return dryoc::classic::crypto_secretbox::crypto_secretbox_open_detached(out, text, tag, nonce, key).unwrap();
    }
    #[cfg(target_arch = "x86_64")]
    if let Some(cpu) = x86::Avx2::detect() {
        return x86::open(cpu, key, nonce, text, out, tag).unwrap();
    }
    rustcrypto::open(key, nonce, InOutBuf::new(text, out).unwrap(), tag).unwrap();
}
