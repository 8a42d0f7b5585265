//! Measures the library, its bare primitives and the same job put together by hand from other libraries.
//!
//! `measure [--quick] [--only PART]` prints one part of a run as JSON, and so does `growth`, which wants two cores; `report FOLDER DATE MACHINE PART...` joins parts and
//! writes the results. A cell that several parts hold counts by the median of them.

mod backends;
mod bare;
mod by_hand;
mod chart;
mod envelope;
mod growth;
mod keyed;
mod kms;
mod report;
mod rows;
mod sampler;
mod table;
mod targets;
mod texts;

/// What the sources in [`backends`] import.
#[allow(dead_code)]
#[path = "../../../src/declassified.rs"]
mod declassified;

/// The same.
mod error {
    pub type Error = atrest::Error;
    pub type Result<T, E = Error> = core::result::Result<T, E>;
}

/// The same.
mod secret {
    #[derive(Clone, Copy)]
    pub enum Spills {
        Nothing,
        Little,
        Much,
    }

    pub fn wipe(bytes: &mut [u8]) {
        bytes.fill(0);
        zeroize::optimization_barrier(bytes);
    }
}

use std::env;
use std::error::Error;

use rows::Part;
use sampler::Sampler;

/// What most values of an API server are like, and what shows the cost of a call and of a byte.
pub const SIZES: [usize; 6] = [64, 256, 1 << 10, 4 << 10, 16 << 10, 1 << 20];

pub const AAD: &[u8] = b"/registry/secrets/default/login1";

pub const KEY: [u8; 32] = *b"kkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkk";

/// Whether the library is built with its fast backends; the same job by hand is measured in the other build.
pub const FAST: bool = cfg!(feature = "fast");

/// Names of the library's rows: returning what it allocates, into the caller's buffer, and the primitive alone.
pub const OURS: [&str; 3] =
    if FAST { ["atrest-fast", "atrest-fast-into", "bare-fast"] } else { ["atrest", "atrest-into", "bare"] };

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = env::args().skip(1).collect();
    match arguments.first().map(String::as_str) {
        Some(what @ ("measure" | "growth")) => measure(what, &arguments[1..]),
        Some("report") => report::write(&arguments[1..]),
        _ => Err("measure or report?".into()),
    }
}

fn measure(what: &str, arguments: &[String]) -> Result<(), Box<dyn Error>> {
    let quick = arguments.iter().any(|argument| argument == "--quick");
    let only = arguments.iter().skip_while(|argument| *argument != "--only").nth(1);
    let mut sampler = Sampler::new(quick, only.cloned());
    if what == "growth" {
        growth::measure(&mut sampler, quick);
        return print(sampler);
    }
    if !FAST {
        growth::nonce(&mut sampler);
    }
    for size in SIZES {
        keyed::measure(&mut sampler, size);
        kms::measure(&mut sampler, size);
        envelope::measure(&mut sampler, size);
    }
    print(sampler)
}

fn print(sampler: Sampler) -> Result<(), Box<dyn Error>> {
    let part = Part { versions: versions(), rows: sampler.rows };
    println!("{}", serde_json::to_string(&part)?);
    Ok(())
}

/// The versions in the lock file.
fn versions() -> std::collections::BTreeMap<String, String> {
    let named = ["aes", "aes-gcm", "atrest", "aws-lc-rs", "cbc", "dryoc", "envelopers", "hkdf", "libsodium-sys-stable"];
    let more = ["poly1305", "ring", "salsa20", "sha2"];
    let mut versions = std::collections::BTreeMap::new();
    let mut name = None;
    for line in include_str!("../Cargo.lock").lines() {
        let value = |key: &str| line.strip_prefix(key).map(|value| value.trim_matches('"').to_owned());
        if let Some(found) = value("name = ") {
            name = named.iter().chain(&more).any(|wanted| found == *wanted).then_some(found);
        } else if let (Some(version), Some(name)) = (value("version = "), name.take()) {
            // Of two versions the newer one stands last; envelopers brings the older ones.
            versions.insert(name, version);
        }
    }
    versions
}
