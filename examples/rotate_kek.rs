//! Rewraps 10,000 values under a new KEK: the payloads stay as they are. Shows the inventory before and after.
//!
//! `cargo run --release --example rotate_kek`
#![allow(clippy::std_instead_of_alloc)]

use std::io::{IsTerminal, Write};
use std::time::Instant;

use atrest::{Envelope, Inventory, LocalKek, ProviderKind, Secret};

const VALUES: usize = 10_000;

fn main() -> Result<(), Box<dyn core::error::Error>> {
    let (old, new) = (Secret::<32>::generate()?, Secret::<32>::generate()?);
    let mut envelope = Envelope::new(LocalKek::new([("2025-08", &old)])?);
    let context = |row: usize| format!("table secrets, row {row}");
    let mut store = (0..VALUES)
        .map(|row| envelope.seal(context(row).as_bytes(), &vec![0x5a; 100 + row % 4000]))
        .collect::<Result<Vec<_>, _>>()?;
    println!("before:\n{}", inventory_of(&store));

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
    let after = inventory_of(&store);
    println!("after:\n{after}");

    if !after.can_retire(ProviderKind::Envelope, "2025-08") {
        return Err("the old key is still needed".into());
    }
    envelope.kek_mut().destroy("2025-08");
    for (row, value) in store.iter().enumerate() {
        envelope.open(context(row).as_bytes(), value)?;
    }
    println!("all {VALUES} open without the old key");
    Ok(())
}

fn inventory_of(store: &[Vec<u8>]) -> Inventory {
    let mut inventory = Inventory::new().expecting(ProviderKind::Envelope, "2025-08");
    store.iter().for_each(|value| inventory.add(value));
    inventory
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
