//! What reading a configuration leaves of its secrets in freed blocks of the heap.
#![allow(clippy::unwrap_used, clippy::panic)]

#[path = "common/search.rs"]
mod search;

use core::hint::black_box;
use core::time::Duration;
use std::io::Write as _;
use std::time::Instant;

use atrest::{ConfigOptions, ConfigWatcher, EncryptionConfiguration, KeyEntry, SecretVec};
use search::{Searching, freed_with};

#[global_allocator]
static ALLOCATOR: Searching = Searching;

/// The base64 of `SECRET`, in two pieces for the forms that take it apart.
static TEXT: &[u8] = b"Rm9yRXllc09ubHlUaGlydHlUd29CeXRlc0xvbmchISE=";
static FIRST: &[u8] = b"Rm9yRXllc09ubHlUaGly";
static LAST: &[u8] = b"THlUd29CeXRlc0xvbmchISE=";
static SECRET: &[u8] = b"ForEyesOnlyThirtyTwoBytesLong!!!";

const YAML: &str = "apiVersion: apiserver.config.k8s.io/v1\nkind: EncryptionConfiguration\nresources:\n\
                    - resources: [secrets]\n  providers:\n  - aesgcm:\n      keys:\n      - name: k\n        secret: ";

/// In how many freed blocks the text or the secret lies once a configuration has been read and dropped.
fn left(text: &str) -> [usize; 3] {
    let read = || drop(black_box(EncryptionConfiguration::from_yaml(text, ConfigOptions::default()).unwrap()));
    [FIRST, &LAST[4..], &SECRET[..16]].map(|needle| {
        // The needles of a test are static.
        let needle: &'static [u8] = needle;
        freed_with(needle, read)
    })
}

fn secret() -> &'static str {
    core::str::from_utf8(TEXT).unwrap()
}

#[test]
fn the_needles_are_there() {
    let found = |needle: &[u8]| TEXT.windows(needle.len()).any(|window| window == needle);
    assert!(found(FIRST) && found(&LAST[4..]));
    assert_eq!(freed_with(FIRST, || drop(black_box(TEXT.to_vec()))), 1);
}

#[test]
fn a_secret_in_one_line_leaves_nothing() {
    for text in
        [format!("{YAML}{}\n", secret()), format!("{YAML}'{}'\n", secret()), format!("{YAML}\"{}\"\n", secret())]
    {
        assert_eq!(left(&text), [0; 3], "{text}");
    }
}

/// A secret that begins like a number is looked at as one.
#[test]
fn a_secret_that_begins_like_a_number_leaves_nothing() {
    for first in ["5", "+"] {
        let text = format!("{YAML}{first}{}\n", &secret()[1..]);
        assert_eq!(
            freed_with(&FIRST[1..], || {
                drop(black_box(EncryptionConfiguration::from_yaml(&text, ConfigOptions::default()).unwrap()));
            }),
            0,
            "{text}"
        );
        // With an underline it is no base64.
        let text = format!("{YAML}{first}_{}\n", &secret()[1..]);
        assert_eq!(
            freed_with(&FIRST[1..], || {
                EncryptionConfiguration::from_yaml(&text, ConfigOptions::default()).unwrap_err();
            }),
            0,
            "{text}"
        );
    }
}

#[test]
fn json_leaves_nothing() {
    let text = |secret: &str| {
        let keys = format!("[{{\"name\": \"k\", \"secret\": \"{secret}\"}}]");
        format!(
            "{{\"apiVersion\": \"apiserver.config.k8s.io/v1\", \"kind\": \"EncryptionConfiguration\", \"resources\": \
             [{{\"resources\": [\"secrets\"], \"providers\": [{{\"aesgcm\": {{\"keys\": {keys}}}}}]}}]}}"
        )
    };
    assert_eq!(left(&text(secret())), [0; 3]);
    assert_eq!(left(&text(&format!("\\u0052{}", &secret()[1..]))), [0; 3]);
    assert_eq!(left(&text(&format!("{}\\n", secret()))), [0; 3]);
}

/// The documentation of the module has these numbers.
#[test]
fn a_secret_over_several_lines_leaves_what_the_documentation_says() {
    let folded = format!("{YAML}\"{}\\\n          {}\"\n", &secret()[..24], &secret()[24..]);
    let block = format!("{YAML}|\n          {}\n", secret());
    for text in [folded, block] {
        let left = left(&text);
        assert!(left.iter().all(|&count| count <= 1), "{left:?}\n{text}");
        assert_eq!(left[2], 0);
    }
}

#[test]
fn a_file_leaves_nothing() {
    let path = std::env::temp_dir().join(format!("atrest-scrub-{}.yaml", std::process::id()));
    let mut file = std::fs::File::create(&path).unwrap();
    writeln!(file, "{YAML}{}", secret()).unwrap();
    let read = || drop(black_box(EncryptionConfiguration::from_path(&path, ConfigOptions::default()).unwrap()));
    assert_eq!(freed_with(FIRST, read), 0);
    assert_eq!(freed_with(&SECRET[..16], read), 0);
    std::fs::remove_file(&path).unwrap();
}

#[test]
fn writing_leaves_nothing() {
    let text = format!("{YAML}{}\n", secret());
    let config = EncryptionConfiguration::from_yaml(text, ConfigOptions::default()).unwrap();
    let options = ConfigOptions::default();
    let path = std::env::temp_dir().join(format!("atrest-scrub-write-{}.yaml", std::process::id()));
    for needle in [FIRST, &LAST[4..], &SECRET[..16]] {
        assert_eq!(freed_with(needle, || drop(black_box(config.draft().to_yaml(options).unwrap()))), 0);
        assert_eq!(freed_with(needle, || drop(black_box(config.draft().write_to(&path, options).unwrap()))), 0);
        assert_eq!(freed_with(needle, || drop(config.lint())), 0);
    }
    let written = std::fs::read(&path).unwrap();
    assert!(written.windows(TEXT.len()).any(|window| window == TEXT));
    std::fs::remove_file(&path).unwrap();
}

#[test]
fn a_refused_file_leaves_nothing() {
    for text in
        [format!("{YAML}{}\n  x\n", secret()), format!("{YAML}x{}\n", secret()), format!("{YAML}[{}]\n", secret())]
    {
        let read = || assert!(EncryptionConfiguration::from_yaml(&text, ConfigOptions::default()).is_err());
        assert_eq!(freed_with(FIRST, read), 0, "{text}");
        assert_eq!(freed_with(&LAST[4..], read), 0, "{text}");
    }
}

/// What a file says is in use until another takes its place, and then until its last reader lets it go.
#[test]
fn a_configuration_that_another_replaces_leaves_nothing() {
    static KEY: &[u8] = b"ForEyesOnlyThirt";
    static OTHER: &[u8] = b"AnotherKeyOfThirtyTwoBytes-Long!";
    let path = std::env::temp_dir().join(format!("atrest-scrub-reload-{}.yaml", std::process::id()));
    let other = |name| KeyEntry::new(name, SecretVec::from_slice(OTHER).unwrap());
    let run = || {
        std::fs::write(&path, format!("{YAML}{}\n", secret())).unwrap();
        let mut watcher = ConfigWatcher::open(&path).unwrap();
        let live = watcher.live();
        let reader = live.load();
        let stored = reader.transformer("secrets").unwrap().seal(b"aad", b"text").unwrap();
        // A key is added in front, and then the old one is taken away; another file is refused.
        let mut draft = EncryptionConfiguration::from_path(&path, ConfigOptions::default()).unwrap().draft();
        draft.add_key_first(0, 0, other("2026")).unwrap();
        draft.write_to(&path, ConfigOptions::default()).unwrap();
        let mut now = Instant::now();
        let mut steps = |watcher: &mut ConfigWatcher| {
            for _ in 0..9 {
                now += Duration::from_secs(61);
                watcher.step(now);
            }
        };
        steps(&mut watcher);
        assert!(live.load().transformer("secrets").unwrap().open(b"aad", &stored).unwrap().is_stale());
        drop(draft.remove_key(0, 0, 1).unwrap());
        draft.write_to(&path, ConfigOptions::default()).unwrap();
        steps(&mut watcher);
        std::fs::write(&path, format!("{YAML}x{}\n", secret())).unwrap();
        steps(&mut watcher);
        assert!(live.load().transformer("secrets").unwrap().open(b"aad", &stored).is_err());
        assert!(!reader.transformer("secrets").unwrap().open(b"aad", &stored).unwrap().is_stale());
        drop((watcher, live, draft));
        drop(reader);
    };
    // The test itself puts the text into a block that it frees: the key is looked for as what it decodes to.
    for needle in [KEY, &OTHER[..16], &OTHER[16..]] {
        assert_eq!(freed_with(needle, run), 0);
    }
    std::fs::remove_file(&path).unwrap();
}
