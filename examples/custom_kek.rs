//! A KEK of one's own: here a key that never leaves its "device", as a KMS or an HSM would have it.
//!
//! `cargo run --release --example custom_kek`
#![allow(clippy::std_instead_of_alloc)]

use core::error::Error;
use std::borrow::Cow;

use aes_gcm::aead::consts::U12;
use aes_gcm::{AeadInOut, KeyInit};
use atrest::{Envelope, Kek, KekError, OsRandom, Random, Refusal, Secret, SecretVec, Wrapped, WrappedDek};

struct Device {
    cipher: aes_gcm::AesGcm<aes::Aes256, U12>,
    plugged_in: bool,
}

impl Kek for Device {
    fn key_id(&self) -> Result<Cow<'_, str>, KekError> {
        Ok(Cow::Borrowed("device 1"))
    }

    /// `nonce ++ tag ++ ciphertext`; the context is authenticated with it.
    fn wrap_dek(&self, dek: &[u8], context: &[u8]) -> Result<Wrapped, KekError> {
        let mut nonce = [0; 12];
        OsRandom.fill(&mut nonce).map_err(|error| KekError::new(Refusal::Unreachable, error))?;
        let mut sealed = dek.to_vec();
        let tag = self
            .cipher
            .encrypt_inout_detached(&nonce.into(), context, sealed[..].as_mut().into())
            .map_err(|_| Refusal::Denied)?;
        Ok(Wrapped::new("device 1", [&nonce[..], &tag[..], &sealed].concat()))
    }

    fn unwrap_dek(&self, wrapped: &WrappedDek<'_>) -> Result<SecretVec, KekError> {
        if !self.plugged_in {
            return Err(KekError::new(Refusal::Unreachable, "the device is not plugged in"));
        }
        let (nonce, rest) = wrapped.bytes().split_first_chunk::<12>().ok_or(Refusal::NotMine)?;
        let (tag, sealed) = rest.split_first_chunk::<16>().ok_or(Refusal::NotMine)?;
        let mut dek = sealed.to_vec();
        let opened =
            self.cipher.decrypt_inout_detached(nonce.into(), wrapped.context(), dek[..].as_mut().into(), tag.into());
        opened.map(|()| SecretVec::from_vec(dek)).map_err(|_| Refusal::NotMine.into())
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    let key = Secret::<32>::generate()?;
    let mut envelope = Envelope::new(Device { cipher: KeyInit::new(key.expose().into()), plugged_in: true });
    let sealed = envelope.seal(b"tenant 7", b"hunter2")?;
    println!("{}", String::from_utf8_lossy(envelope.open(b"tenant 7", &sealed)?.expose()));
    envelope.kek_mut().plugged_in = false;
    let error = envelope.open(b"tenant 7", &sealed).map(|_| ()).err().ok_or("opened without the device")?;
    let cause = error.cause().and_then(Error::source).ok_or("no cause")?;
    println!("{error}: {cause}");
    Ok(())
}
