//! Hostile files end soon, in little memory and with a fault: bombs of aliases, deep nesting, ten megabytes.
#![allow(clippy::unwrap_used, clippy::panic)]
#![allow(unsafe_code, reason = "memory is counted as it is allocated")]

use core::alloc::{GlobalAlloc, Layout};
use core::cell::Cell;
use core::time::Duration;
use std::alloc::System;

use atrest::{ConfigError, ConfigOptions, EncryptionConfiguration};

/// The most that reading a file may have allocated at once, beyond the file.
const HEAP_MAX: isize = 128 << 20;

thread_local! {
    static NOW: Cell<isize> = const { Cell::new(0) };
    static PEAK: Cell<isize> = const { Cell::new(0) };
}

/// Counts what each thread has allocated at once.
struct Counting;

impl Counting {
    fn count(more: usize, less: usize) {
        let now = NOW.get() + signed(more) - signed(less);
        NOW.set(now);
        PEAK.set(PEAK.get().max(now));
    }
}

fn signed(len: usize) -> isize {
    isize::try_from(len).unwrap_or(isize::MAX)
}

// SAFETY: every call goes to the system's allocator as it came.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        Self::count(layout.size(), 0);
        // SAFETY: the caller keeps the contract of `alloc`.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        Self::count(0, layout.size());
        // SAFETY: the caller keeps the contract of `dealloc`.
        unsafe { System.dealloc(block, layout) }
    }

    unsafe fn realloc(&self, block: *mut u8, layout: Layout, new_len: usize) -> *mut u8 {
        // While it is moved there are both.
        Self::count(new_len, 0);
        Self::count(0, layout.size());
        // SAFETY: the caller keeps the contract of `realloc`.
        unsafe { System.realloc(block, layout, new_len) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

const HEADER: &str = "apiVersion: apiserver.config.k8s.io/v1\nkind: EncryptionConfiguration\nresources:\n";

/// What this thread took of a processor so far, however many others want it; elsewhere the time that passed.
#[cfg(target_os = "linux")]
fn now() -> Duration {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: the time is written to a valid place.
    assert_eq!(unsafe { libc::clock_gettime(libc::CLOCK_THREAD_CPUTIME_ID, &raw mut time) }, 0);
    Duration::new(time.tv_sec.try_into().unwrap(), time.tv_nsec.try_into().unwrap())
}

#[cfg(not(target_os = "linux"))]
fn now() -> Duration {
    std::time::SystemTime::UNIX_EPOCH.elapsed().unwrap()
}

fn read(text: &str) -> Result<EncryptionConfiguration, ConfigError> {
    let started = now();
    let before = NOW.get();
    PEAK.set(before);
    let read = EncryptionConfiguration::from_yaml(text, ConfigOptions::default());
    let took = now() - started;
    assert!(took < Duration::from_secs(20), "{took:?} for {} bytes", text.len());
    let used = PEAK.get() - before;
    assert!(used < HEAP_MAX, "{} MiB for {} bytes", used >> 20, text.len());
    read
}

fn problem(text: &str) -> String {
    read(text).unwrap_err().faults()[0].problem().to_owned()
}

#[test]
fn a_nested_bomb_of_aliases_is_refused() {
    let mut text = String::from("a0: &a0 [x,x,x,x,x,x,x,x,x]\n");
    for i in 1..12 {
        let aliases = vec![format!("*a{}", i - 1); 9].join(",");
        text += &format!("a{i}: &a{i} [{aliases}]\n");
    }
    assert_eq!(problem(&text), "aliases and merges repeat too much");
}

#[test]
fn a_flat_bomb_of_aliases_is_refused() {
    let strings = vec!["'secrets'"; 3000].join(",");
    let mut text = format!("{HEADER}- resources: &a [{strings}]\n  providers: [identity: {{}}]\n");
    for _ in 0..3000 {
        text += "- {resources: *a}\n";
    }
    assert_eq!(problem(&text), "aliases and merges repeat too much");
    // A chain that no single alias makes deep or large.
    let mut text = String::from("a0: &a0 [x]\n");
    for i in 1..2000 {
        text += &format!("a{i}: &a{i} [*a{}]\n", i - 1);
    }
    assert_eq!(problem(&text), "lists and maps are nested too deep");
    assert_eq!(problem("a: &a [*a]\n"), "the alias stands within what it repeats");
    let merged = format!("a: &a {{{}}}\nb: [{}]", fields(1000), vec!["{<<: *a}"; 1000].join(","));
    assert_eq!(problem(&merged), "aliases and merges repeat too much");
}

#[test]
fn nested_merges_are_refused() {
    let nested = |map: String, depth| "{<<: ".repeat(depth) + &map + &"}".repeat(depth);
    let refusal = "aliases and merges repeat too much";
    assert_eq!(problem(&format!("a: {}", nested(format!("{{{}}}", fields(240_000)), 90))), refusal);
    // Names count with their length.
    assert_eq!(
        problem(&format!(
            "a: {}",
            nested(
                format!(
                    "{{? {}
: 1}}",
                    "x".repeat(200_000)
                ),
                60
            )
        )),
        refusal
    );
    assert_ne!(problem(&format!("a: {}", nested(format!("{{{}}}", fields(1000)), 60))), refusal);
}

fn fields(count: usize) -> String {
    (0..count).map(|i| format!("f{i}: 1")).collect::<Vec<_>>().join(",")
}

#[test]
fn resources_times_providers_are_bounded() {
    let list = |count: usize| (0..count).map(|i| format!("r{i}")).collect::<Vec<_>>().join(",");
    let text = |resources: usize, providers: usize| {
        let providers = "identity: {},".repeat(providers);
        format!("{HEADER}- {{resources: [{}], providers: [{providers}]}}\n", list(resources))
    };
    assert_eq!(problem(&text(10_000, 10_000)), "the resources have too many providers");
    assert_eq!(read(&text(1000, 1000)).unwrap().resources().len(), 1000);
}

#[test]
fn honest_aliases_are_read() {
    let keys = "{keys: [{name: a, secret: a2tra2tra2tra2tra2tra2tra2tra2tra2tra2tra2s=}]}";
    let mut text = format!("{HEADER}- resources: [r]\n  providers: &p\n  - aescbc: &k {keys}\n  - aesgcm: *k\n");
    for i in 0..2000 {
        text += &format!("- {{resources: [r{i}], providers: *p}}\n");
    }
    assert_eq!(read(&text).unwrap().resources().len(), 2001);
    let merged = format!("{HEADER}- &e {{resources: [a]}}\n- <<: {{providers: [identity: {{}}]}}\n  resources: [b]\n");
    assert_eq!(read(&merged).unwrap_err().faults()[0].path(), "resources[0].providers");
}

#[test]
fn deep_nesting_is_refused() {
    for opening in ["[", "{\"a\":", "{a: ", "- ", "? ", "{\"a\":["] {
        for depth in [90, 101, 1000, 20_000, 200_000] {
            let text = opening.repeat(depth);
            read(&text).unwrap_err();
            read(&format!("a: {text}")).unwrap_err();
        }
    }
    assert_eq!(problem(&"[".repeat(20_000)), "lists and maps are nested too deep");
    assert_eq!(problem(&"{\"a\":".repeat(20_000)), "lists and maps are nested too deep");
}

#[test]
fn ten_megabytes_are_read_or_refused() {
    const LEN: usize = 10 << 20;
    let key = "{name: a, secret: a2tra2tra2tra2tra2tra2tra2tra2tra2tra2tra2s=},\n    ";
    let honest =
        format!("{HEADER}- resources: [secrets]\n  providers: [aesgcm: {{keys: [\n    {}]}}]\n", key.repeat(120_000));
    assert!(honest.len() < LEN);
    read(&honest).unwrap();
    let comment = format!("{HEADER}- resources: [secrets]\n  providers: [identity: {{}}]\n# {}", "x".repeat(LEN));
    read(&comment).unwrap();
    for piece in [
        "a", "[", "a: ", "\n", "- \n", "[],", "'", "&a ", "!a ", "{", "\"\\n", "? a\n", "| \n", "%A\n", "\u{e9}",
        "{}\n", "a: b\n",
    ] {
        // In whole at the start, and shorter elsewhere.
        read(&piece.repeat(LEN / piece.len())).unwrap_err();
        let shorter = piece.repeat(LEN / 10 / piece.len());
        read(&format!("{HEADER}{shorter}")).unwrap_err();
        read(&format!("{{\"a\": [{shorter}")).unwrap_err();
    }
    assert_eq!(problem(&"x".repeat(17 << 20)), "the file is too long");
    let values = format!("{HEADER}  [{}]", "a,".repeat(600_000));
    assert_eq!(problem(&values), "the file has too many values");
}

#[test]
fn what_is_not_utf8_is_refused_with_its_line() {
    let error = EncryptionConfiguration::from_yaml(b"a: b\nc: \xff\n", ConfigOptions::default()).unwrap_err();
    assert_eq!(error.faults()[0].place().unwrap().line, 2);
}
