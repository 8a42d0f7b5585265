//! Checks a file of cases that the genuine implementation recorded.

mod case;
#[cfg(feature = "config")]
mod configuration;
mod judge;
#[cfg(feature = "kms")]
mod kms;
mod lists;
mod observe;
#[cfg(feature = "kms")]
mod plugin;
#[path = "../scripted_nonce.rs"]
mod scripted_nonce;

use core::fmt;
use core::panic::AssertUnwindSafe;
use std::panic::catch_unwind;

use atrest::Identity;
use serde_json::Value;

use case::Case;
use judge::judge;
use lists::{Configured, NotConfigured};

/// How the cases of a file went.
#[derive(Default)]
pub(crate) struct Report {
    pub(crate) passed: usize,
    /// Each failed case: its id and what differed.
    pub(crate) failures: Vec<(String, String)>,
    /// Cases whose configuration needs what is not built.
    pub(crate) skipped: usize,
}

enum Outcome {
    Passed,
    Skipped,
    Failed(String),
}

impl Report {
    fn count(&mut self, id: impl FnOnce() -> String, outcome: Outcome) {
        match outcome {
            Outcome::Passed => self.passed += 1,
            Outcome::Skipped => self.skipped += 1,
            Outcome::Failed(difference) => self.failures.push((id(), difference)),
        }
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} passed, {} failed, {} skipped", self.passed, self.failures.len(), self.skipped)
    }
}

/// Checks every case of a file, whatever is wrong with another; `Err` if the text is no file of cases.
pub(crate) fn check_text(text: &str) -> Result<Report, String> {
    let file: Value = serde_json::from_str(text).map_err(|error| format!("not JSON: {error}"))?;
    let cases = file.get("vectors").and_then(Value::as_array).ok_or("no list `vectors`")?;
    let mut report = Report::default();
    for (index, case) in cases.iter().enumerate() {
        let id = || case.get("id").and_then(Value::as_str).map_or(format!("case {index}"), Into::into);
        let outcome = catch_unwind(AssertUnwindSafe(|| check_case(case)));
        report.count(id, outcome.unwrap_or_else(|_| Outcome::Failed("panic".into())));
    }
    Ok(report)
}

fn check_case(json: &Value) -> Outcome {
    let providers = match json.get("providers") {
        Some(providers) => providers,
        // A case about a whole configuration file.
        #[cfg(feature = "config")]
        None if json.get("config").is_some_and(Value::is_string) => {
            return configuration::check(json).map_or_else(Outcome::Failed, |()| Outcome::Passed);
        }
        #[cfg(not(feature = "config"))]
        None if json.get("config").is_some_and(Value::is_string) => return Outcome::Skipped,
        None => return Outcome::Failed("malformed: missing field `providers`".into()),
    };
    #[cfg(feature = "kms")]
    if lists::names_kms(providers) {
        return kms::check(json).map_or_else(Outcome::Failed, |()| Outcome::Passed);
    }
    let result = match Configured::from_json(providers) {
        Ok(configured) => Case::from_json(json)
            .map_err(|error| format!("malformed: {error}"))
            .and_then(|case| run_case(&configured, &case)),
        Err(NotConfigured::NotBuilt) => return Outcome::Skipped,
        Err(NotConfigured::Malformed(error)) => Err(format!("malformed: {error}")),
    };
    result.map_or_else(Outcome::Failed, |()| Outcome::Passed)
}

fn run_case(configured: &Configured, case: &Case) -> Result<(), String> {
    let both = configured.with_both(|owned, borrowed| {
        if case.is_unconfigured {
            return judge(&Identity::as_apiserver(), case, None).map(|_| ());
        }
        let by_owned = judge(owned, case, configured.nonce_place())?;
        let by_borrowed = judge(borrowed, case, configured.nonce_place())?;
        if by_owned == by_borrowed { Ok(()) } else { Err("owned and borrowed keys differ".into()) }
    });
    both.map_err(|error| format!("malformed: {error}"))?
}
