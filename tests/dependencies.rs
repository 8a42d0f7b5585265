//! DEPENDENCIES.md lists every dependency, why it is there, its features and its unsafe code, and the trees of the main
//! sets of features. With `ATREST_DEPENDENCIES=write` in the environment the lists are written; the reasons are kept.
#![cfg(not(miri))]
#![allow(clippy::unwrap_used, clippy::std_instead_of_alloc)]

#[allow(dead_code, reason = "only the rest of it looks at imports")]
#[path = "common/imports.rs"]
mod imports;

use core::fmt::Write as _;
use std::collections::{BTreeMap, BTreeSet};
use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

use imports::code_of;

const TARGET: &str = "x86_64-unknown-linux-gnu";

/// The sets of features whose trees are printed.
const TREES: [&str; 6] = [
    "--no-default-features",
    "--no-default-features --features aescbc,aesgcm,secretbox",
    "--no-default-features --features std,envelope",
    "",
    "--features config",
    "--features kms-client,kms-plugin",
];

fn cargo(args: &[&str]) -> String {
    let mut cargo = Command::new(env!("CARGO"));
    let output = cargo.current_dir(env!("CARGO_MANIFEST_DIR")).args(args).arg("--locked").output().unwrap();
    assert!(output.status.success(), "cargo {args:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

#[derive(Debug)]
struct Package {
    features: String,
    unsafe_lines: usize,
    needed_by: BTreeSet<String>,
}

type Packages = BTreeMap<(String, String), Package>;

/// Lines of code with the word in it, comments left out, in all files below; what other targets build is counted too.
fn unsafe_lines(folder: &Path) -> usize {
    fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .map(|path| {
            if path.is_dir() {
                return unsafe_lines(&path);
            }
            if path.extension().is_none_or(|extension| extension != "rs") {
                return 0;
            }
            code_of(&fs::read_to_string(&path).unwrap())
                .lines()
                .filter(|line| line.split(|c: char| !c.is_alphanumeric() && c != '_').any(|word| word == "unsafe"))
                .count()
        })
        .sum()
}

/// What the library is built from with all features; nothing that only its tests need.
fn packages(metadata: &Value) -> Packages {
    let list = metadata["packages"].as_array().unwrap();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let id_of = |package: &Value| (text(&package["name"]), text(&package["version"]));
    let by_id: BTreeMap<_, _> = list.iter().map(|package| (text(&package["id"]), id_of(package))).collect();
    let source_of = |package: &Value| {
        let is_library = |target: &&Value| target["kind"][0] == "lib" || target["kind"][0] == "proc-macro";
        let library = package["targets"].as_array().unwrap().iter().find(is_library).unwrap_or(&package["targets"][0]);
        PathBuf::from(text(&library["src_path"])).parent().unwrap().to_owned()
    };
    let sources: BTreeMap<_, _> = list.iter().map(|package| (id_of(package), source_of(package))).collect();
    let tree = cargo(&[
        "tree",
        "-e",
        "no-dev",
        "--all-features",
        "--target",
        TARGET,
        "--prefix",
        "none",
        "--no-dedupe",
        "--format",
        "{p}|{f}",
    ]);
    let mut found = Packages::new();
    for line in tree.lines().filter(|line| !line.starts_with("atrest ")) {
        let (package, features) = line.split_once('|').unwrap();
        let mut words = package.split(' ');
        let id = (words.next().unwrap().to_owned(), words.next().unwrap().trim_start_matches('v').to_owned());
        // One that is built for both the library and its build scripts can have two sets of features.
        let unsafe_lines = || unsafe_lines(&sources[&id]);
        let package = found.entry(id.clone()).or_insert_with(|| Package {
            features: String::new(),
            unsafe_lines: unsafe_lines(),
            needed_by: BTreeSet::new(),
        });
        let both: BTreeSet<_> =
            package.features.split(", ").chain(features.split(',')).filter(|f| !f.is_empty()).collect();
        package.features = both.into_iter().collect::<Vec<_>>().join(", ");
    }
    for node in metadata["resolve"]["nodes"].as_array().unwrap() {
        let parent = &by_id[&text(&node["id"])];
        if parent.0 != "atrest" && !found.contains_key(parent) {
            continue;
        }
        for needed in node["deps"].as_array().unwrap() {
            let kinds = needed["dep_kinds"].as_array().unwrap();
            let package = found.get_mut(&by_id[&text(&needed["pkg"])]);
            if let Some(package) = package.filter(|_| kinds.iter().any(|kind| kind["kind"] != "dev")) {
                package.needed_by.insert(parent.0.clone());
            }
        }
    }
    found
}

/// The names that Cargo.toml lists, those for tests or the others.
fn listed(metadata: &Value, for_tests: bool) -> BTreeSet<String> {
    let packages = metadata["packages"].as_array().unwrap();
    let own = packages.iter().find(|package| package["name"] == "atrest" && package["source"].is_null()).unwrap();
    let asked_for =
        own["dependencies"].as_array().unwrap().iter().filter(|asked| (asked["kind"] == "dev") == for_tests);
    asked_for.map(|asked| asked["name"].as_str().unwrap().to_owned()).collect()
}

/// The reasons that stand in the document, by name: the last column.
fn reasons(document: &str) -> BTreeMap<String, String> {
    let rows = document.lines().filter(|line| line.starts_with("| `"));
    rows.filter_map(|row| {
        let mut cells = row.trim_matches('|').split('|').map(str::trim);
        Some((cells.next()?.trim_matches('`').to_owned(), cells.next_back()?.to_owned()))
    })
    .collect()
}

fn asked_for(packages: &Packages, direct: &BTreeSet<String>, reasons: &BTreeMap<String, String>) -> String {
    let mut table = String::from("| crate | version | features | lines with `unsafe` | why |\n|---|---|---|---|---|\n");
    for ((name, version), Package { features, unsafe_lines, .. }) in packages.iter().filter(|p| direct.contains(&p.0.0))
    {
        let reason = reasons.get(name).map_or("", String::as_str);
        assert!(env::var_os("ATREST_DEPENDENCIES").is_some() || !reason.is_empty(), "why is {name} there?");
        writeln!(table, "| `{name}` | {version} | {features} | {unsafe_lines} | {reason} |").unwrap();
    }
    table
}

fn brought(packages: &Packages, direct: &BTreeSet<String>) -> String {
    let mut table =
        String::from("| crate | version | features | lines with `unsafe` | needed by |\n|---|---|---|---|---|\n");
    for ((name, version), Package { features, unsafe_lines, needed_by }) in
        packages.iter().filter(|p| !direct.contains(&p.0.0))
    {
        let needed_by: Vec<_> = needed_by.iter().map(String::as_str).collect();
        writeln!(table, "| {name} | {version} | {features} | {unsafe_lines} | {} |", needed_by.join(", ")).unwrap();
    }
    table
}

fn for_tests(metadata: &Value, reasons: &BTreeMap<String, String>) -> String {
    let mut table = String::from("| crate | why |\n|---|---|\n");
    for name in listed(metadata, true).difference(&listed(metadata, false)) {
        let reason = reasons.get(name).map_or("", String::as_str);
        assert!(env::var_os("ATREST_DEPENDENCIES").is_some() || !reason.is_empty(), "why is {name} there?");
        writeln!(table, "| `{name}` | {reason} |").unwrap();
    }
    table
}

fn trees() -> String {
    let mut text = String::new();
    for features in TREES {
        let mut args = vec!["tree", "-e", "normal", "--target", TARGET];
        args.extend(features.split_whitespace());
        let tree = cargo(&args);
        // The first line names the folder.
        let (_, tree) = tree.split_once('\n').unwrap();
        writeln!(
            text,
            "`cargo tree -e normal{}{features}`\n\n```text\natrest\n{tree}```\n",
            if features.is_empty() { "" } else { " " }
        )
        .unwrap();
    }
    text
}

/// The document with its parts between `<!-- NAME -->` and `<!-- end -->` replaced.
fn with_parts(document: &str, parts: &[(&str, String)]) -> String {
    let mut document = document.to_owned();
    for (name, part) in parts {
        let mark = format!("<!-- {name} -->\n");
        let start = document.find(&mark).unwrap_or_else(|| unreachable!("no part {name}")) + mark.len();
        let end = start + document[start..].find("<!-- end -->").unwrap();
        document.replace_range(start..end, &format!("\n{}\n", part.trim_end().to_owned() + "\n"));
    }
    document
}

#[test]
fn the_document_lists_every_dependency() {
    let metadata = cargo(&["metadata", "--format-version", "1", "--all-features", "--filter-platform", TARGET]);
    let metadata: Value = serde_json::from_str(&metadata).unwrap();
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("DEPENDENCIES.md");
    let document = fs::read_to_string(&path).unwrap();
    let (packages, direct, reasons) = (packages(&metadata), listed(&metadata, false), reasons(&document));
    assert!(direct.len() > 20 && packages.len() > direct.len());
    for name in &direct {
        assert!(packages.keys().any(|(found, _)| found == name), "{name} is in no tree");
    }
    let count = packages.values().map(|package| package.unsafe_lines).sum::<usize>();
    let figures = format!("{} crates, {count} lines with `unsafe` in them.", packages.len());
    let expected = with_parts(
        &document,
        &[
            ("figures", figures),
            ("asked for", asked_for(&packages, &direct, &reasons)),
            ("brought", brought(&packages, &direct)),
            ("tests", for_tests(&metadata, &reasons)),
            ("trees", trees()),
        ],
    );
    if env::var_os("ATREST_DEPENDENCIES").is_some_and(|value| value == "write") {
        fs::write(&path, &expected).unwrap();
        return;
    }
    for (line, (is, should)) in document.lines().zip(expected.lines()).enumerate() {
        assert_eq!(is, should, "line {} of DEPENDENCIES.md; see the head of this test", line + 1);
    }
    assert_eq!(document.lines().count(), expected.lines().count());
}
