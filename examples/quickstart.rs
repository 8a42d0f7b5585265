//! Opens values that the API server wrote, seals a Secret, rotates the key and seals it again.
//!
//! `cargo run --release --example quickstart`
#![allow(clippy::panic)]

use core::error::Error;

use atrest::{AesCbc, AesCbcKey, AesGcm, AesGcmKey, Identity, Secret, Secretbox, SecretboxKey, Transformer, inspect};
use base64::prelude::{BASE64_STANDARD, Engine as _};
use serde_json::Value;

/// Values recorded from the API server's own code, with the keys they were written under.
const RECORDED: &str = include_str!("../tests/vectors/k8s-storage.json");

/// A Secret in the form in which the API server hands it to encryption: Protocol Buffers behind `k8s\0`.
const SECRET: &[u8] =
    b"k8s\x00\x0a\x0c\x0a\x02v1\x12\x06Secret\x12h\x0aI\x0a\x06login1\x12\x00\x1a\x07default\x22\x00*$6c1b\
      0f4e-5d0f-4b57-9a53-0c4f0f6f2a112\x008\x00B\x08\x08\xb0\xc8\xf2\xd7\x06\x10\x00\x12\x13\x0a\x08passw\
      ord\x12\x07hunter2\x1a\x06Opaque\x1a\x00\x22\x00";
const ETCD_KEY: &[u8] = b"/registry/secrets/default/login1";

fn main() -> Result<(), Box<dyn Error>> {
    println!("1. Values that the API server wrote");
    for id in ["aescbc-256-len64", "aesgcm-256-len100", "secretbox-256-len16"] {
        open_recorded(id)?;
    }

    println!("\n2. A Secret, sealed as the API server would");
    let old = Secret::<32>::generate()?;
    let before = Transformer::builder()
        .provider(AesGcm::new([("2025-08", AesGcmKey::try_from(&old)?)])?)
        .provider(Identity::new())
        .build()?;
    let stored = before.seal(ETCD_KEY, SECRET)?;
    report(&before, &stored)?;
    println!("   stored before encryption was switched on:");
    report(&before, SECRET)?;

    println!("\n3. The key is rotated: a new one in first place, the old one stays to read what is there");
    let new = Secret::<32>::generate()?;
    let aesgcm = || AesGcm::new([("2026-11", AesGcmKey::try_from(&new)?), ("2025-08", AesGcmKey::try_from(&old)?)]);
    let rotated = Transformer::builder().provider(aesgcm()?).build()?;
    report(&rotated, &stored)?;
    println!("   it opens and is stale, so seal it again:");
    let stored = rotated.seal(ETCD_KEY, rotated.open(ETCD_KEY, &stored)?.plaintext())?;
    report(&rotated, &stored)?;

    println!("\n4. So is the provider: secretbox in first place");
    let key = Secret::<32>::generate()?;
    let after = Transformer::builder()
        .provider(Secretbox::new([("2027-01", SecretboxKey::try_from(&key)?)])?)
        .provider(aesgcm()?)
        .build()?;
    report(&after, &stored)?;
    let stored = after.seal(ETCD_KEY, after.open(ETCD_KEY, &stored)?.plaintext())?;
    report(&after, &stored)?;

    println!("\n5. What does not open says no more than that");
    let mut damaged = stored;
    if let Some(byte) = damaged.last_mut() {
        *byte ^= 1;
    }
    println!("   one bit flipped: {:?}", after.open(ETCD_KEY, &damaged).map(|_| ()));
    println!("   plaintext where identity is not listed: {:?}", after.open(ETCD_KEY, SECRET).map(|_| ()));
    Ok(())
}

/// Prints what a stored value is, and what opening it tells.
fn report(transformer: &Transformer<'_>, stored: &[u8]) -> Result<(), Box<dyn Error>> {
    let opened = transformer.open(ETCD_KEY, stored)?;
    println!("   {} bytes: {}", stored.len(), inspect(stored));
    println!(
        "   opened by {}, key name {:?}, stale: {}, was encrypted: {}, plaintext as sealed: {}",
        opened.provider(),
        opened.key_name().unwrap_or("-"),
        opened.is_stale(),
        opened.was_encrypted(),
        opened.plaintext() == SECRET
    );
    Ok(())
}

/// Opens one recorded value under its recorded key and compares the plaintext with the recorded one.
fn open_recorded(id: &str) -> Result<(), Box<dyn Error>> {
    let recorded: Value = serde_json::from_str(RECORDED)?;
    let cases = recorded["vectors"].as_array().ok_or("no vectors")?;
    let case = cases.iter().find(|case| case["id"] == id).ok_or("no such case")?;
    let bytes = |field: &Value| BASE64_STANDARD.decode(field.as_str().unwrap_or_default());
    let (provider, keys) = case["providers"][0].as_object().and_then(|p| p.iter().next()).ok_or("no provider")?;
    let name = keys["keys"][0]["name"].as_str().ok_or("no name")?;
    let secret = keys["keys"][0]["secret"].as_str().ok_or("no secret")?;

    let builder = match provider.as_str() {
        "aescbc" => Transformer::builder().provider(AesCbc::new([(name, AesCbcKey::from_base64(secret)?)])?),
        "aesgcm" => Transformer::builder().provider(AesGcm::new([(name, AesGcmKey::from_base64(secret)?)])?),
        _ => Transformer::builder().provider(Secretbox::new([(name, SecretboxKey::from_base64(secret)?)])?),
    };
    let (transformer, stored) = (builder.build()?, bytes(&case["stored_b64"])?);
    let opened = transformer.open(&bytes(&case["aad_b64"])?, &stored)?;
    let expected = bytes(&case["expect"]["plaintext"]["b64"])?;
    if opened.plaintext() != expected {
        return Err("the plaintext differs from the recorded one".into());
    }
    println!("   {}: {} bytes of plaintext as recorded", inspect(&stored), expected.len());
    Ok(())
}
