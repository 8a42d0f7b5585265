//! A bar on the terminal, and what a run cost.

use core::fmt;
use core::time::Duration;
use std::io::Write as _;
use std::time::Instant;

use indicatif::{ProgressBar, ProgressStyle};

pub(crate) struct Progress {
    bar: ProgressBar,
    started: Instant,
}

/// What a run cost.
pub(crate) struct Spent {
    values: u64,
    time: Duration,
    memory: Option<u64>,
}

impl Progress {
    /// Drawn to stderr, and only if that is a terminal.
    pub(crate) fn new(values: u64) -> Self {
        let style = ProgressStyle::with_template("{wide_bar} {pos}/{len}, {per_sec}, {eta} left");
        let bar = ProgressBar::new(values).with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
        Self { bar, started: Instant::now() }
    }

    pub(crate) fn advance(&self) {
        self.bar.inc(1);
    }

    /// A line on stdout, above the bar.
    pub(crate) fn print(&self, line: fmt::Arguments<'_>) {
        // A pipe that nobody reads any more is no reason to stop.
        self.bar.suspend(|| drop(writeln!(std::io::stdout(), "{line}")));
    }

    pub(crate) fn finish(self, values: u64) -> Spent {
        self.bar.finish_and_clear();
        Spent { values, time: self.started.elapsed(), memory: memory_peak() }
    }
}

impl fmt::Display for Spent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = self.time.as_secs_f64();
        #[expect(clippy::cast_precision_loss, reason = "a rate is rounded")]
        let rate = self.values as f64 / seconds.max(f64::MIN_POSITIVE);
        write!(f, "{} values in {seconds:.1} s, {rate:.0} values/s", self.values)?;
        match self.memory {
            Some(kib) => write!(f, ", {kib} KiB of memory at most"),
            None => Ok(()),
        }
    }
}

/// The most memory that this process has had resident, in KiB; Linux alone tells it.
fn memory_peak() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    peak.trim().strip_suffix("kB")?.trim().parse().ok()
}
