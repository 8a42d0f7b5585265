//! Runs tests with one mutant on.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
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
        let limit = Duration::from_secs(10) + 4 * self.took;
        loop {
            if let Some(status) = child.try_wait()? {
                return Ok(if status.success() { Ended::Passed } else { Ended::Failed });
            }
            if begun.elapsed() > limit {
                // With all that it started.
                Command::new("kill").args(["-9", "--", &format!("-{}", child.id())]).status()?;
                child.wait()?;
                return Ok(Ended::TimedOut);
            }
            std::thread::sleep((begun.elapsed() / 8).clamp(Duration::from_micros(500), Duration::from_millis(50)));
        }
    }
}

/// All tests of these programs.
fn list(root: &Path, programs: &[PathBuf]) -> Result<Vec<Test>> {
    let mut tests = Vec::new();
    for program in programs {
        let listed = Command::new(program).current_dir(root).args(["--list", "--format", "terse"]).output()?;
        for name in String::from_utf8(listed.stdout)?.lines().filter_map(|line| line.strip_suffix(": test")) {
            let took = Duration::from_secs(300);
            tests.push(Test { program: program.clone(), name: name.to_owned(), took });
        }
    }
    Ok(tests)
}

/// The test with the time it took and the mutants that it reaches, if it passes without any.
fn trace_one(root: &Path, index: usize, mut test: Test) -> Result<Option<(Test, Vec<usize>)>> {
    let reached = root.join(format!("reached-{index}"));
    fs::write(&reached, [])?;
    let begun = Instant::now();
    let ended = test.run(root, "ATREST_MUTANT_TRACE", &reached.to_string_lossy())?;
    test.took = begun.elapsed();
    if ended != Ended::Passed {
        println!("not used, as it fails without a mutant: {}", test.label());
        return Ok(None);
    }
    let told = fs::read(&reached)?;
    fs::remove_file(&reached)?;
    let (numbers, _) = told.as_chunks();
    let mut numbers: Vec<_> = numbers.iter().map(|bytes| u32::from_ne_bytes(*bytes) as usize).collect();
    // A test that starts processes tells some twice.
    numbers.sort_unstable();
    numbers.dedup();
    Ok(Some((test, numbers)))
}

/// Tests by the mutants that they reach.
pub type Reaching = BTreeMap<usize, Vec<Test>>;

/// The tests that pass without any mutant, all of them and by the mutants that they reach, the fastest first.
pub fn trace(root: &Path, programs: &[PathBuf]) -> Result<(Reaching, Vec<Test>)> {
    let tests = list(root, programs)?;
    let mut traced: Vec<_> = in_parallel(tests.len(), |index| trace_one(root, index, tests[index].clone()))?;
    traced.sort_by_key(|(test, _)| test.took);
    let mut by_mutant = Reaching::new();
    for (test, numbers) in &traced {
        for &number in numbers {
            by_mutant.entry(number).or_default().push(test.clone());
        }
    }
    Ok((by_mutant, traced.into_iter().map(|(test, _)| test).collect()))
}

/// What the work gives for each number below `count`, in any order.
pub fn in_parallel<T: Send>(count: usize, work: impl Fn(usize) -> Result<Option<T>> + Sync) -> Result<Vec<T>> {
    let (next, results) = (AtomicUsize::new(0), Mutex::new(Vec::new()));
    let worker = || -> Result<()> {
        loop {
            let index = next.fetch_add(1, Ordering::Relaxed);
            if index >= count {
                return Ok(());
            }
            if let Some(result) = work(index)? {
                results.lock().map_err(|_| "poisoned")?.push(result);
            }
        }
    };
    std::thread::scope(|scope| {
        // Half of a test's time is spent on starting it and on waiting.
        let workers = 2 * std::thread::available_parallelism().map_or(1, usize::from);
        let threads: Vec<_> = (0..workers).map(|_| scope.spawn(worker)).collect();
        threads.into_iter().try_for_each(|thread| thread.join().map_err(|_| "a worker panicked")?)
    })?;
    Ok(results.into_inner().map_err(|_| "poisoned")?)
}
