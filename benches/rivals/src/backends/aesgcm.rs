//! AES-GCM.

#[cfg(not(target_arch = "x86_64"))]
mod rustcrypto;
#[cfg(target_arch = "x86_64")]
mod x86;

#[cfg(not(target_arch = "x86_64"))]
use rustcrypto::Schedule;
#[cfg(target_arch = "x86_64")]
use x86::Schedule;

/// From which length on the fast build takes the other library: as in `src/cipher/aesgcm/awslc.rs`.
const LONG: usize = 1536;

pub fn is_of_aws_lc(len: usize) -> bool {
    crate::FAST && !takes_quads() && !(takes_pairs() && len < LONG)
}

fn takes_pairs() -> bool {
    #[cfg(target_arch = "x86_64")]
    return super::aesni::takes_pairs();
    #[cfg(not(target_arch = "x86_64"))]
    false
}

fn takes_quads() -> bool {
    #[cfg(target_arch = "x86_64")]
    return super::aesni::takes_quads();
    #[cfg(not(target_arch = "x86_64"))]
    false
}

/// As the library has it: on the heap, and settled there.
pub struct Key(Box<Schedule>);

impl Key {
    pub fn new(key: &[u8]) -> Self {
        let mut schedule = Box::new(Schedule::expand(key).unwrap());
        schedule.settle();
        Self(schedule)
    }

    pub fn seal(&self, nonce: &[u8; 12], aad: &[u8], text: &[u8], out: &mut [u8], tag: &mut [u8; 16]) {
        self.0.seal(nonce, aad, text, out, tag).unwrap();
    }

    pub fn open(&self, nonce: &[u8; 12], aad: &[u8], text: &[u8], out: &mut [u8], tag: &[u8; 16]) {
        self.0.open(nonce, aad, text, out, tag).unwrap();
    }
}
