//! AES-CBC.

mod rustcrypto;
#[cfg(target_arch = "x86_64")]
mod x86;

type Batched<'a> = ([u8; 16], &'a mut [u8]);

#[cfg(not(target_arch = "x86_64"))]
use rustcrypto::Schedule;
#[cfg(target_arch = "x86_64")]
use x86::Schedule;

pub struct Key(Schedule);

impl Key {
    pub fn new(key: &[u8]) -> Self {
        Self(Schedule::expand(key).unwrap())
    }

    /// Encrypts whole blocks.
    pub fn seal(&self, iv: &[u8; 16], text: &[u8], out: &mut [u8]) {
        let (text, end) = text.split_last_chunk::<16>().unwrap();
        let (out, last) = out.split_last_chunk_mut::<16>().unwrap();
        *last = *end;
        self.0.encrypt(iv, inout::InOutBuf::new(text, out).unwrap(), last);
    }

    pub fn open(&self, iv: &[u8; 16], text: &[u8], out: &mut [u8]) {
        self.0.decrypt(iv, inout::InOutBuf::new(text, out).unwrap());
    }
}
