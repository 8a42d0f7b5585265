//! The copy of the project that the mutants are planted in.

use std::collections::{BTreeMap, HashSet};
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::Value;

use crate::Result;
use crate::catalog::Mutant;
use crate::plant::{Planted, plant};

/// What stands between the mutants is fast.
const PROFILE: &str = "
[profile.dev.package.atrest]
opt-level = 1
debug = false
";

pub struct Tree {
    root: PathBuf,
    /// Where the project's own builds are, so that dependencies are built once.
    target: PathBuf,
    features: String,
    /// Which tests, as `cargo test` takes it.
    tests: Vec<String>,
    planted: BTreeMap<String, Planted>,
}

impl Tree {
    /// A copy of every file that git knows or would add, without the lints.
    pub fn copy(from: &Path, root: PathBuf, features: &str, tests: Vec<String>) -> Result<Self> {
        drop(fs::remove_dir_all(&root));
        let output = Command::new("git")
            .current_dir(from)
            .args(["ls-files", "-z", "--cached", "--others", "--exclude-standard"])
            .output()?;
        for file in String::from_utf8(output.stdout)?.split_terminator('\0') {
            if file.starts_with("fuzz/") || !from.join(file).is_file() {
                continue;
            }
            let to = root.join(file);
            fs::create_dir_all(to.parent().ok_or("no folder")?)?;
            fs::copy(from.join(file), to)?;
        }
        let manifest = fs::read_to_string(from.join("Cargo.toml"))?;
        let lints = manifest.find("[lints.rust]").ok_or("no lints")?;
        let behind = manifest[lints..].find("\n[profile").ok_or("no profile")?;
        let manifest = [&manifest[..lints], &manifest[lints + behind..], PROFILE].concat();
        fs::write(root.join("Cargo.toml"), manifest)?;
        let lib = fs::read_to_string(root.join("src/lib.rs"))?;
        let features_used = "#![feature(core_intrinsics, const_eval_select)]\n#![allow(warnings, internal_features, \
                             arithmetic_overflow, unconditional_panic, unconditional_recursion, clippy::all)]\n";
        fs::write(root.join("src/lib.rs"), format!("{features_used}{lib}\nmod planted;\n"))?;
        // The intrinsic that tells constants apart is unstable, which the stable compiler takes with this set.
        let wrapper = root.join("rustc");
        let has_mold = Command::new("mold").arg("--version").output().is_ok();
        let linker = if has_mold { "-Clink-arg=-fuse-ld=mold" } else { "" };
        fs::write(&wrapper, format!("#!/bin/sh\nRUSTC_BOOTSTRAP=1 exec \"$@\" {linker}\n"))?;
        fs::set_permissions(wrapper, fs::Permissions::from_mode(0o755))?;
        Ok(Self { root, target: from.join("target"), features: features.to_owned(), tests, planted: BTreeMap::new() })
    }

    pub fn root(&self) -> &Path {
        &self.root
    }

    /// Plants the mutants but for those that do not compile; returns the numbers of these and of those without a switch.
    pub fn plant(&mut self, from: &Path, mutants: &[Mutant]) -> Result<(HashSet<usize>, HashSet<usize>)> {
        let switch =
            include_str!("planted.rs").to_owned() + &format!("\nconst COUNT: usize = {};\n", mutants.len() + 1);
        fs::write(self.root.join("src/planted.rs"), switch)?;
        let mut unviable = HashSet::new();
        let mut files: HashSet<&str> = mutants.iter().map(|mutant| mutant.file.as_str()).collect();
        loop {
            for file in files.drain() {
                let here = |&(number, mutant): &(usize, &Mutant)| mutant.file == file && !unviable.contains(&number);
                let here: Vec<_> = (1..).zip(mutants).filter(here).collect();
                let planted = plant(&fs::read_to_string(from.join(file))?, &here)?;
                // The crate's own file was changed already, and no mutant stands in it.
                fs::write(self.root.join(file), &planted.text)?;
                self.planted.insert(file.to_owned(), planted);
            }
            let broken = self.check()?;
            if broken.is_empty() {
                break;
            }
            eprintln!("{} mutants do not compile", broken.len());
            files = broken.iter().map(|number| mutants[number - 1].file.as_str()).collect();
            unviable.extend(broken);
        }
        let left_out = self.planted.values().flat_map(|planted| planted.left_out.iter().copied()).collect();
        Ok((unviable, left_out))
    }

    fn cargo(&self, arguments: &[&str]) -> Result<Vec<Value>> {
        let mut command = Command::new("cargo");
        command.current_dir(&self.root).args(arguments);
        command.args(["--message-format=json", "--features", &self.features]);
        command.env("CARGO_TARGET_DIR", &self.target);
        command.env("RUSTC_WORKSPACE_WRAPPER", self.root.join("rustc")).stderr(Stdio::inherit());
        let output = command.output()?;
        let messages = String::from_utf8(output.stdout)?;
        messages.lines().filter(|line| line.starts_with('{')).map(|line| Ok(serde_json::from_str(line)?)).collect()
    }

    /// The mutants that an error of the compiler points at.
    fn check(&self) -> Result<HashSet<usize>> {
        let mut broken = HashSet::new();
        let mut elsewhere = None;
        for message in self.cargo(&["test", "--no-run", "--lib"])? {
            let Some(error) = message.get("message").filter(|error| error["level"] == "error") else { continue };
            let spans = error["spans"].as_array().map_or(&[][..], Vec::as_slice);
            let (primary, others): (Vec<_>, Vec<_>) = spans.iter().partition(|span| span["is_primary"] == true);
            let pointed = |spans: &[&Value]| -> Vec<usize> { spans.iter().flat_map(|span| self.at(span)).collect() };
            let mut found = pointed(&primary);
            if found.is_empty() {
                found = pointed(&others);
            }
            if found.is_empty() && !spans.is_empty() {
                elsewhere.get_or_insert_with(|| error["rendered"].as_str().unwrap_or_default().to_owned());
            }
            broken.extend(found);
        }
        // It may be a consequence of the others.
        match elsewhere {
            Some(error) if broken.is_empty() => Err(format!("no mutant stands at: {error}").into()),
            _ => Ok(broken),
        }
    }

    fn at(&self, span: &Value) -> Option<usize> {
        let planted = self.planted.get(span["file_name"].as_str()?)?;
        let number = |name: &str| usize::try_from(span[name].as_u64()?).ok();
        let (from, to) = (number("byte_start")?, number("byte_end")?);
        let inside = planted.places.iter().find(|(place, _)| place.start <= from && to <= place.end);
        let overlapping = || planted.places.iter().find(|(place, _)| place.start < to && from < place.end);
        inside.or_else(overlapping).map(|&(_, number)| number)
    }

    /// Builds the tests and returns their programs, or `None` if something does not compile.
    pub fn build(&self) -> Result<Option<Vec<PathBuf>>> {
        let tests: Vec<_> = self.tests.iter().map(String::as_str).collect();
        let messages = self.cargo(&[&["test", "--no-run"][..], &tests].concat())?;
        let mut programs = Vec::new();
        for message in &messages {
            if message["reason"] == "build-finished" && message["success"] != true {
                return Ok(None);
            }
            if let Some(program) = message["executable"].as_str() {
                programs.push(PathBuf::from(program));
            }
        }
        Ok(Some(programs))
    }
}
