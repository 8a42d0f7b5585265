//! Checks files of cases that the Kubernetes API server recorded:
//! `cargo run --release --example vectors -- FILE...`
//!
//! Each case that fails is named with what differed. A case is skipped if its configuration names a
//! provider that is not built.

#[path = "../tests/common/vectors/check.rs"]
mod check;

use std::env;
use std::ffi::OsString;
use std::fs;
use std::io::{self, Write};
use std::path::Path;
use std::process::ExitCode;

use check::{Report, check_text};

fn main() -> ExitCode {
    let files: Vec<OsString> = env::args_os().skip(1).collect();
    if files.is_empty() {
        eprintln!("usage: vectors FILE...");
        return ExitCode::from(2);
    }
    match check_files(&files, &mut io::stdout().lock()) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) | Err(_) => ExitCode::FAILURE,
    }
}

/// Whether nothing failed in any file. A file that cannot be read counts as one failure.
fn check_files(files: &[OsString], out: &mut dyn Write) -> io::Result<bool> {
    let mut total = Report::default();
    for file in files.iter().map(Path::new) {
        let report = fs::read_to_string(file).map_err(|error| error.to_string()).and_then(|text| check_text(&text));
        let report =
            report.unwrap_or_else(|error| Report { failures: vec![("the file".into(), error)], ..Report::default() });
        for (id, difference) in &report.failures {
            writeln!(out, "{}: {id}: {difference}", file.display())?;
        }
        total.passed += report.passed;
        total.skipped += report.skipped;
        total.failures.extend(report.failures);
    }
    writeln!(out, "{total}")?;
    Ok(total.failures.is_empty())
}
