//! Mutation testing of the whole crate at the cost of one build: which mutants there are, cargo-mutants says; all are planted at once,
//! each behind a switch; every test is run once to see which mutants it reaches; and then those tests are run against
//! each mutant, the fastest first, until one fails. What survives is named, and the exit status is 1.

mod catalog;
mod plant;
mod tree;
mod trial;

use std::fs;
use std::path::Path;
use std::process::ExitCode;

use catalog::Mutant;
use tree::Tree;
use trial::{Ended, Test, in_parallel, trace};

type Result<T> = std::result::Result<T, Box<dyn std::error::Error + Send + Sync>>;

/// The modules that have no surviving mutant, and their files.
const MODULES: &[(&str, &[&str])] = &[
    ("wire", &["src/wire.rs", "src/wire/**/*.rs"]),
    ("base64", &["src/base64.rs"]),
    ("declassified", &["src/declassified.rs"]),
    ("secret", &["src/secret.rs", "src/secret/**/*.rs"]),
    ("cipher", &["src/cipher.rs", "src/cipher/**/*.rs"]),
    // Of the ciphers, what only the second build has.
    ("backends", &["src/cipher/aesgcm/awslc.rs", "src/cipher/secretbox/dryoc.rs"]),
    ("provider", &["src/provider.rs", "src/provider/**/*.rs"]),
    ("transformer", &["src/transformer.rs", "src/transformer/**/*.rs"]),
    ("steps", &["src/steps.rs", "src/steps/**/*.rs"]),
    ("object", &["src/kms/object.rs", "src/kms/object/**/*.rs"]),
    ("envelope", &["src/envelope.rs", "src/envelope/**/*.rs"]),
    ("cache", &["src/kms/cache.rs", "src/kms/cache/**/*.rs"]),
    ("validate", &["src/config/validate.rs", "src/config/validate/**/*.rs"]),
];

/// The features of each build. The backends exclude each other: what only the second has is judged there.
const BUILDS: [&str; 2] = [WITHOUT_C, "aws-lc-rs,dryoc"];

const WITHOUT_C: &str = "kms-client,kms-plugin,config,tracing,metrics,rand_core,secrecy";

/// Which build has this file.
fn build_of(file: &str) -> &'static str {
    BUILDS[usize::from(file.ends_with("/awslc.rs") || file.ends_with("/dryoc.rs"))]
}

fn main() -> ExitCode {
    match run() {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("mutants: {error}");
            ExitCode::from(2)
        }
    }
}

/// What became of a mutant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Outcome {
    Caught,
    TimedOut,
    Missed,
    Unreached,
    Unviable,
}

fn run() -> Result<bool> {
    let mut wanted: Vec<String> = std::env::args().skip(1).collect();
    let tests = match wanted.iter().position(|argument| argument == "--") {
        Some(at) => wanted.split_off(at).split_off(1),
        None => ["--lib", "--tests"].map(String::from).to_vec(),
    };
    if let Some(unknown) = wanted.iter().find(|name| MODULES.iter().all(|(module, _)| module != name)) {
        return Err(
            format!("{unknown} is none of {:?}", MODULES.iter().map(|(name, _)| *name).collect::<Vec<_>>()).into()
        );
    }
    let modules = MODULES.iter().filter(|(name, _)| wanted.is_empty() || wanted.iter().any(|wanted| wanted == name));
    let globs: Vec<&str> = modules.flat_map(|(_, globs)| globs.iter().copied()).collect();
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().ok_or("no root")?;
    let mutants = catalog::list(root, &globs)?;
    println!("{} mutants", mutants.len());
    let results = root.join("target/mutants");
    let mut outcomes = Vec::new();
    for features in BUILDS {
        let of_build: Vec<_> = mutants.iter().filter(|mutant| build_of(&mutant.file) == features).cloned().collect();
        if !of_build.is_empty() {
            let tree = Tree::copy(root, results.join("tree"), features, tests.clone())?;
            outcomes.extend(judge_all(root, tree, of_build)?);
        }
    }
    report(&results, &outcomes)
}

/// What became of a mutant, and the test that caught it.
type Judged = (Mutant, Outcome, Option<String>);

fn judge_all(root: &Path, mut tree: Tree, mutants: Vec<Mutant>) -> Result<Vec<Judged>> {
    let (unviable, left_out) = tree.plant(root, &mutants)?;
    println!("{} do not compile, {} cannot be switched", unviable.len(), left_out.len());
    let programs = tree.build()?.ok_or("the tests do not build")?;
    let (reaching, tests) = trace(tree.root(), &programs)?;
    println!("{} tests, {} mutants reached", tests.len(), reaching.len());
    in_parallel(mutants.len(), |index| {
        let number = index + 1;
        let (outcome, by) = if unviable.contains(&number) {
            (Outcome::Unviable, None)
        } else {
            judge(tree.root(), number, reaching.get(&number).map_or(&[], Vec::as_slice))?
        };
        tell(outcome, &mutants[index]);
        Ok(Some((mutants[index].clone(), outcome, by)))
    })
}

fn tell(outcome: Outcome, mutant: &Mutant) {
    if matches!(outcome, Outcome::Missed | Outcome::Unreached | Outcome::TimedOut) {
        println!("{outcome:?}: {}", mutant.name);
    }
}

/// Runs tests against a mutant until one fails.
fn judge(root: &Path, number: usize, tests: &[Test]) -> Result<(Outcome, Option<String>)> {
    if tests.is_empty() {
        return Ok((Outcome::Unreached, None));
    }
    for test in tests {
        let outcome = match test.run(root, "ATREST_MUTANT", &number.to_string())? {
            Ended::Passed => continue,
            Ended::Failed => Outcome::Caught,
            Ended::TimedOut => Outcome::TimedOut,
        };
        // A test that fails by chance catches nothing.
        if test.run(root, "ATREST_MUTANT", "0")? == Ended::Passed {
            return Ok((outcome, Some(test.label())));
        }
    }
    Ok((Outcome::Missed, None))
}

fn report(folder: &Path, outcomes: &[Judged]) -> Result<bool> {
    let line = |(mutant, outcome, by): &Judged| {
        format!("{outcome:?}: {} {}\n", mutant.name, by.as_deref().unwrap_or_default())
    };
    let mut lines: Vec<_> = outcomes.iter().map(line).collect();
    lines.sort_unstable();
    let file = folder.join("outcomes.txt");
    fs::write(&file, lines.concat())?;
    let count = |wanted| outcomes.iter().filter(|(_, outcome, _)| *outcome == wanted).count();
    let missed = count(Outcome::Missed) + count(Outcome::Unreached);
    println!("every outcome is in {}", file.display());
    println!(
        "{} caught, {missed} missed, {} timed out, {} unviable",
        count(Outcome::Caught),
        count(Outcome::TimedOut),
        count(Outcome::Unviable)
    );
    Ok(missed == 0)
}
