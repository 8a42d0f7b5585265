//! Every committed input through its target, without a fuzzer.

use std::fs;
use std::path::Path;

use atrest_fuzz::targets;

fn corpora() -> Vec<String> {
    let entries = fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus")).unwrap();
    let mut names: Vec<_> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    // The library shows this part only where it is built with `--cfg fuzzing`.
    if cfg!(not(fuzzing)) {
        names.retain(|name| name != "authority");
    }
    names
}

#[test]
fn every_corpus_has_a_target_and_every_target_a_corpus() {
    let targets: Vec<_> = targets::ALL.iter().map(|(name, _)| (*name).to_owned()).collect();
    assert_eq!(corpora(), targets);
}

#[test]
fn every_target_is_one_of_the_fuzzer() {
    let manifest = include_str!("../Cargo.toml");
    for (name, _) in targets::ALL {
        assert!(manifest.contains(&format!("name = \"{name}\"\npath = \"fuzz_targets/{name}.rs\"")), "{name}");
    }
}

#[test]
fn every_input_passes() {
    for (name, run) in targets::ALL {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus").join(name);
        let mut inputs = 0;
        for entry in fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            // Shown only if the input fails.
            println!("{}", path.display());
            run(&fs::read(&path).unwrap());
            inputs += 1;
        }
        // Streams of real clients are few; the others were made, or found by the fuzzer.
        let least = if *name == "authority" { 7 } else { 20 };
        assert!(inputs >= least, "{name} has {inputs} inputs");
        println!("{name}: {inputs} inputs");
    }
}
