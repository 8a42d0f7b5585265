//! Tells what a raw stored value is, without any key: one fact a line.
//!
//! `cargo run --release --example inspect -- FILE`, or `-` for the standard input, such as
//! `etcdctl get --print-value-only KEY | head -c -1 | cargo run --release --example inspect -- -`
//!
//! The exit status is 0 if the value can have been written like this, 1 if it cannot, 2 if there is none.

use std::io::{Read, Write};
use std::path::Path;
use std::process::ExitCode;

use atrest::{Candidate, Inspection, inspect};

/// Names listed; a hostile value can have one at every colon.
const LISTED: usize = 16;

fn main() -> ExitCode {
    let Some(path) = std::env::args_os().nth(1) else {
        eprintln!("usage: inspect FILE   (or - for the standard input)");
        return ExitCode::from(2);
    };
    let stored = if path == "-" {
        let mut stored = Vec::new();
        std::io::stdin().read_to_end(&mut stored).map(|_| stored)
    } else {
        std::fs::read(&path)
    };
    let stored = match stored {
        Ok(stored) => stored,
        Err(error) => {
            eprintln!("{}: {error}", Path::new(&path).display());
            return ExitCode::from(2);
        }
    };
    let inspection = inspect(&stored);
    match print(&inspection) {
        Ok(()) if inspection.is_possible() => ExitCode::SUCCESS,
        // A closed pipe is the reader's choice, not a verdict on the value.
        Ok(()) | Err(_) => ExitCode::FAILURE,
    }
}

fn print(inspection: &Inspection<'_>) -> std::io::Result<()> {
    let mut out = std::io::stdout().lock();
    match inspection.provider() {
        Some(provider) => writeln!(out, "provider: {provider}")?,
        None => writeln!(out, "provider: unknown, though the value begins like an encrypted one")?,
    }
    writeln!(out, "stored bytes: {}", inspection.stored_len())?;
    writeln!(out, "length possible: {}", if inspection.is_possible() { "yes" } else { "no" })?;
    for candidate in inspection.candidates().take(LISTED) {
        print_candidate(&mut out, &candidate)?;
    }
    let more = inspection.candidates().skip(LISTED).count();
    if more > 0 {
        writeln!(out, "further candidate names: {more}")?;
    }
    Ok(())
}

fn print_candidate(out: &mut impl Write, candidate: &Candidate<'_>) -> std::io::Result<()> {
    writeln!(out, "candidate name: \"{}\"", candidate.name().escape_debug())?;
    writeln!(out, "  bytes behind the name: {}", candidate.payload_len())?;
    if let Some(wrapped) = candidate.wrapped_dek() {
        writeln!(out, "  wrapped DEK bytes: {}", wrapped.len())?;
    }
    match candidate.plaintext_len() {
        Some((shortest, longest)) if shortest == longest => writeln!(out, "  plaintext bytes: {longest}"),
        Some((shortest, longest)) => writeln!(out, "  plaintext bytes: {shortest} to {longest}"),
        None => writeln!(out, "  possible: {}", if candidate.is_possible() { "yes" } else { "no" }),
    }
}
