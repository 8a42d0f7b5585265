//! Rewraps 10,000 values under a new KEK: the payloads stay as they are. Counts values by key id before and after.
//!
//! `cargo run --release --example rotate_kek`
#![allow(clippy::std_instead_of_alloc)]

use std::collections::BTreeMap;
use std::io::{IsTerminal, Write};
use std::time::Instant;

use atrest::{Envelope, LocalKek, Secret, inspect};

const VALUES: usize = 10_000;

fn main() -> Result<(), Box<dyn core::error::Error>> {
    let (old, new) = (Secret::<32>::generate()?, Secret::<32>::generate()?);
    let mut envelope = Envelope::new(LocalKek::new([("2025-08", &old)])?);
    let context = |row: usize| format!("table secrets, row {row}");
    let mut store = (0..VALUES)
        .map(|row| envelope.seal(context(row).as_bytes(), &vec![0x5a; 100 + row % 4000]))
        .collect::<Result<Vec<_>, _>>()?;
    print_counts("before", &store);

    envelope.kek_mut().add_first("2026-11", &new)?;
    let started = Instant::now();
    let mut rewrapped = 0;
    for (row, value) in store.iter_mut().enumerate() {
        if envelope.is_stale(value)? {
            *value = envelope.rewrap(context(row).as_bytes(), value)?;
            rewrapped += 1;
        }
        progress(row + 1)?;
    }
    println!("rewrapped {rewrapped} values in {} ms", started.elapsed().as_millis());
    print_counts("after", &store);

    // No value names the old key any more.
    envelope.kek_mut().destroy("2025-08");
    for (row, value) in store.iter().enumerate() {
        envelope.open(context(row).as_bytes(), value)?;
    }
    println!("all {VALUES} open without the old key");
    Ok(())
}

/// How many values, and bytes, there are of each key id. Ids are escaped: whoever writes to the store chooses them.
fn print_counts(when: &str, store: &[Vec<u8>]) {
    let mut counts = BTreeMap::<String, (usize, usize)>::new();
    for value in store {
        let id =
            inspect(value).candidates().next().map_or("unreadable".into(), |id| id.name().escape_debug().to_string());
        let count = counts.entry(id).or_default();
        *count = (count.0 + 1, count.1 + value.len());
    }
    println!("{when}:");
    for (id, (values, bytes)) in counts {
        println!("  key id {id}: {values} values, {bytes} bytes");
    }
}

/// A bar of forty steps, drawn again at each; on what is no terminal only its end.
fn progress(done: usize) -> std::io::Result<()> {
    let mut out = std::io::stdout();
    let step = VALUES / 40;
    if done % step != 0 || (done < VALUES && !out.is_terminal()) {
        return Ok(());
    }
    let full = done / step;
    write!(out, "\r[{}{}] {done}/{VALUES}", "#".repeat(full), " ".repeat(40 - full))?;
    if done == VALUES {
        writeln!(out)?;
    }
    out.flush()
}
