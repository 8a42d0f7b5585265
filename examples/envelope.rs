//! Seals values under the embedded KEK, opens them, shows what is refused, rotates the KEK and destroys a key.
//!
//! `cargo run --release --example envelope`

use atrest::{Algorithm, CallError, DekLimits, Envelope, LocalKek, Secret, inspect};

fn main() -> Result<(), CallError> {
    println!("1. Seal and open; the context says whose the value is, and is not stored");
    // A real service loads its keys from where it keeps them; what it seals outlives the process.
    let (old, new) = (Secret::<32>::generate()?, Secret::<32>::generate()?);
    let mut envelope = Envelope::new(LocalKek::new([("2025-08", &old)])?);
    let sealed = envelope.seal(b"tenant 7", b"hunter2")?;
    println!("   {} bytes: {}", sealed.len(), inspect(&sealed));
    show(&envelope, "tenant 7", &sealed);
    show(&envelope, "tenant 8", &sealed);
    let mut damaged = sealed.clone();
    damaged.iter_mut().last().into_iter().for_each(|byte| *byte ^= 1);
    println!("   one bit flipped:");
    show(&envelope, "tenant 7", &damaged);

    println!("\n2. The KEK is rotated: the old key stays to read, the payload stays as it is");
    envelope.kek_mut().add_first("2026-11", &new)?;
    println!("   stale: {}", envelope.is_stale(&sealed)?);
    let rewrapped = envelope.rewrap(b"tenant 7", &sealed)?;
    println!("   rewrapped: {}, stale: {}", inspect(&rewrapped), envelope.is_stale(&rewrapped)?);

    println!("\n3. The old key is destroyed: what it wrapped is gone, and not damaged");
    envelope.kek_mut().destroy("2025-08");
    show(&envelope, "tenant 7", &sealed);
    show(&envelope, "tenant 7", &rewrapped);

    println!("\n4. Many values of one context: one DEK, wrapped once, another when its budget is used up");
    let envelope = envelope.with_algorithm(Algorithm::Aes256Gcm).with_limits(DekLimits::new(1_000, 1 << 30));
    let sealer = envelope.sealer(b"tenant 7");
    let values = (0..2_500_u32).map(|i| sealer.seal(&i.to_be_bytes())).collect::<Result<Vec<_>, _>>()?;
    let mut deks: Vec<_> =
        values.iter().filter_map(|value| inspect(value).candidates().next()?.wrapped_dek()).collect();
    deks.dedup();
    println!("   {} values under {} DEKs", values.len(), deks.len());
    Ok(())
}

/// Opens a value and prints what comes of it.
fn show(envelope: &Envelope<LocalKek>, context: &str, sealed: &[u8]) {
    match envelope.open(context.as_bytes(), sealed) {
        Ok(plaintext) => println!("   {context}: {}", String::from_utf8_lossy(plaintext.expose())),
        Err(error) => println!("   {context}: {error} (worth another try: {})", error.is_retryable()),
    }
}
