//! Runs tests with one mutant on.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use crate::Result;

/// One test of one program.
#[derive(Clone, Debug)]
pub struct Test {
    program: PathBuf,
    name: String,
    took: Duration,
}

/// How a test ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended {
    Passed,
    Failed,
    TimedOut,
}

impl Test {
    /// For reports.
    pub fn label(&self) -> String {
        let program = self.program.file_name().unwrap_or_default().to_string_lossy();
        format!("{}::{}", program.rsplit_once('-').map_or(&*program, |(name, _)| name), self.name)
    }

    /// Runs it with this variable set.
    pub fn run(&self, root: &Path, variable: &str, value: &str) -> Result<Ended> {
        let mut command = Command::new(&self.program);
        command.current_dir(root).args(["--exact", &self.name, "--test-threads=1"]).env(variable, value);
        let null = Stdio::null;
        let mut child = command.stdin(null()).stdout(null()).stderr(null()).process_group(0).spawn()?;
        let begun = Instant::now();
        let limit = Duration::from_secs(20) + 20 * self.took;
        loop {
            if let Some(status) = child.try_wait()? {
                return Ok(if status.success() { Ended::Passed } else { Ended::Failed });
            }
            if begun.elapsed() > limit {
                // With all that it started.
                Command::new("kill").args(["-9", &format!("-{}", child.id())]).status()?;
                child.wait()?;
                return Ok(Ended::TimedOut);
            }
            std::thread::sleep((begun.elapsed() / 8).clamp(Duration::from_micros(500), Duration::from_millis(50)));
        }
    }
}

/// The tests that pass without any mutant, by the mutants that they reach, the fastest first.
pub fn trace(root: &Path, programs: &[PathBuf]) -> Result<(BTreeMap<usize, Vec<Test>>, Vec<Test>)> {
    let reached = root.join("reached");
    let mut tests: Vec<(Test, Vec<usize>)> = Vec::new();
    for program in programs {
        let listed = Command::new(program).current_dir(root).args(["--list", "--format", "terse"]).output()?;
        for name in String::from_utf8(listed.stdout)?.lines().filter_map(|line| line.strip_suffix(": test")) {
            let took = Duration::from_secs(300);
            let mut test = Test { program: program.clone(), name: name.to_owned(), took };
            fs::write(&reached, [])?;
            let begun = Instant::now();
            let ended = test.run(root, "ATREST_MUTANT_TRACE", &reached.to_string_lossy())?;
            test.took = begun.elapsed();
            if ended != Ended::Passed {
                println!("not used, as it fails without a mutant: {}", test.label());
                continue;
            }
            let told = fs::read(&reached)?;
            let (numbers, _) = told.as_chunks();
            let mut numbers: Vec<_> = numbers.iter().map(|bytes| u32::from_ne_bytes(*bytes) as usize).collect();
            // A test that starts processes tells some twice.
            numbers.sort_unstable();
            numbers.dedup();
            tests.push((test, numbers));
        }
    }
    tests.sort_by_key(|(test, _)| test.took);
    let mut by_mutant: BTreeMap<usize, Vec<Test>> = BTreeMap::new();
    for (test, numbers) in &tests {
        for &number in numbers {
            by_mutant.entry(number).or_default().push(test.clone());
        }
    }
    Ok((by_mutant, tests.into_iter().map(|(test, _)| test).collect()))
}
