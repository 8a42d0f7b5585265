//! The mutants, as cargo-mutants lists them by its own rules and by `.cargo/mutants.toml`.

use std::path::Path;
use std::process::Command;

use serde_json::Value;

use crate::Result;

/// How a mutant changes its file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Genre {
    FnValue,
    Operator,
    MatchArm,
    Guard,
    StructField,
}

/// One change of one file.
#[derive(Clone, Debug)]
pub struct Mutant {
    pub name: String,
    pub file: String,
    pub genre: Genre,
    /// Line and column of the first character and of the one behind the last, from 1.
    pub from: (usize, usize),
    pub to: (usize, usize),
    pub replacement: String,
}

/// All mutants of these files; a file is given as a glob, as `cargo mutants --file` takes it.
pub fn list(root: &Path, globs: &[&str]) -> Result<Vec<Mutant>> {
    let mut command = Command::new("cargo");
    command.current_dir(root).args(["mutants", "--list", "--json", "--all-features"]);
    for glob in globs {
        command.args(["--file", glob]);
    }
    let output = command.output()?;
    if !output.status.success() {
        return Err(format!("cargo mutants: {}", String::from_utf8_lossy(&output.stderr)).into());
    }
    let listed: Vec<Value> = serde_json::from_slice(&output.stdout)?;
    listed.iter().map(|mutant| parse(mutant).ok_or_else(|| format!("not understood: {mutant}").into())).collect()
}

fn parse(mutant: &Value) -> Option<Mutant> {
    let text = |name: &str| Some(mutant.get(name)?.as_str()?.to_owned());
    let place = |end: &str| {
        let place = mutant.get("span")?.get(end)?;
        let number = |name: &str| usize::try_from(place.get(name)?.as_u64()?).ok();
        Some((number("line")?, number("column")?))
    };
    let genre = match mutant.get("genre")?.as_str()? {
        "FnValue" => Genre::FnValue,
        "BinaryOperator" | "UnaryOperator" => Genre::Operator,
        "MatchArm" => Genre::MatchArm,
        "MatchArmGuard" => Genre::Guard,
        "StructField" => Genre::StructField,
        _ => return None,
    };
    Some(Mutant {
        name: text("name")?,
        file: text("file")?,
        genre,
        from: place("start")?,
        to: place("end")?,
        replacement: with_paths(&text("replacement")?),
    })
}

/// The crate has no prelude of the standard library, without which values of these types would not compile.
fn with_paths(replacement: &str) -> String {
    let mut replaced = replacement.replace("vec![", "::std::vec![");
    for (name, path) in [("Vec", "::std::vec::Vec"), ("Box", "::std::boxed::Box"), ("String", "::std::string::String")]
    {
        for call in ["new(", "leak("] {
            replaced = replaced.replace(&format!("{name}::{call}"), &format!("{path}::{call}"));
        }
    }
    replaced
}
