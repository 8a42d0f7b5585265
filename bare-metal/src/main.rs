//! Firmware without an allocator that seals, inspects and opens with all three static providers.
//!
//! It proves that the library links where there is nothing but `core`. What it found stays in
//! [`VERDICT`], for a debugger to read; nothing else leaves the chip.

#![no_std]
#![no_main]

mod demo_random;

use core::panic::PanicInfo;
use core::sync::atomic::{AtomicU32, Ordering};

use atrest::{
    AesCbc, AesCbcKey, AesGcm, AesGcmKey, Error, Identity, NamedKey, Provider, Secretbox, SecretboxKey, Transformer,
    inspect,
};
use cortex_m_rt::entry;
use demo_random::DemoRandom;

/// Before the first value.
const RUNNING: u32 = 0;
/// Every value came back.
const PASSED: u32 = 0x600d;
/// A value did not come back, or a call failed.
const FAILED: u32 = 0xbad;

/// How far the firmware came.
#[unsafe(no_mangle)]
#[allow(unsafe_code, reason = "the name is for the debugger, and no other symbol has it")]
static VERDICT: AtomicU32 = AtomicU32::new(RUNNING);

const AAD: &[u8] = b"/registry/secrets/default/login1";
const PLAINTEXT: &[u8] = b"hunter2";

/// Prefix, key name, nonce, padding or tag of the longest value here, with room to spare.
const STORED_MAX: usize = 128;

#[entry]
fn main() -> ! {
    let verdict = if run() == Ok(true) { PASSED } else { FAILED };
    VERDICT.store(verdict, Ordering::SeqCst);
    loop {
        core::hint::spin_loop();
    }
}

/// Whether each provider, put first, seals a value that the same list opens again.
fn run() -> Result<bool, Error> {
    // Keys in the program text are for this demonstration only.
    let cbc_key = AesCbcKey::from_bytes(&[1; 32])?;
    let gcm_key = AesGcmKey::from_bytes(&[2; 32])?;
    let secretbox_key = SecretboxKey::from_bytes(&[3; 32])?;

    let cbc_keys = [NamedKey::new("2024-01", &cbc_key)?];
    let gcm_keys = [NamedKey::new("2025-08", &gcm_key)?];
    let secretbox_keys = [NamedKey::new("2026-11", &secretbox_key)?];

    let aescbc = AesCbc::borrowed(&cbc_keys)?;
    let aesgcm = AesGcm::borrowed(&gcm_keys)?;
    let secretbox = Secretbox::borrowed(&secretbox_keys)?;
    let identity = Identity::new();

    let mut rng = DemoRandom::new();
    let mut passed = true;
    for providers in [
        [&secretbox as &dyn Provider, &aesgcm, &aescbc, &identity],
        [&aesgcm, &aescbc, &secretbox, &identity],
        [&aescbc, &secretbox, &aesgcm, &identity],
    ] {
        passed &= comes_back(&Transformer::borrowed(&providers)?, &mut rng)?;
    }
    Ok(passed)
}

/// Seals into one buffer on the stack and opens into another, then both again in place.
fn comes_back(transformer: &Transformer<'_>, rng: &mut DemoRandom) -> Result<bool, Error> {
    let mut stored = [0; STORED_MAX];
    let mut plaintext = [0; STORED_MAX];

    let len = transformer.seal_into(rng, AAD, PLAINTEXT, &mut stored)?;
    let value = stored.get_mut(..len).ok_or(Error::BufferTooSmall { needed: len })?;
    let inspected = inspect(value);
    let described = inspected.is_possible() && inspected.candidates().next().is_some();
    let opened = transformer.open_into(AAD, value, &mut plaintext)?;
    let separate = opened.plaintext() == PLAINTEXT && !opened.is_stale() && opened.was_encrypted();

    let text = stored.get_mut(..PLAINTEXT.len()).ok_or(Error::BufferTooSmall { needed: PLAINTEXT.len() })?;
    text.copy_from_slice(PLAINTEXT);
    let len = transformer.seal_in_place(rng, AAD, PLAINTEXT.len(), &mut stored)?;
    let value = stored.get_mut(..len).ok_or(Error::BufferTooSmall { needed: len })?;
    let in_place = transformer.open_in_place(AAD, value)?.plaintext() == PLAINTEXT;

    Ok(described && separate && in_place)
}

#[panic_handler]
fn panic(_: &PanicInfo<'_>) -> ! {
    VERDICT.store(FAILED, Ordering::SeqCst);
    loop {
        core::hint::spin_loop();
    }
}
