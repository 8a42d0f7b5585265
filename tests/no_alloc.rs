//! What is promised to work without an allocator asks none for memory, and the calls that return what they
//! allocate do so once.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, unsafe_code)]

use core::alloc::{GlobalAlloc, Layout};
use core::cell::Cell;
use core::fmt::{self, Write as _};
use std::alloc::System;

use atrest::{
    AesCbc, AesCbcKey, AesGcm, AesGcmKey, Identity, NamedKey, OsRandom, PooledRandom, Provider, Random, Secret,
    Secretbox, SecretboxKey, Transformer, inspect,
};

thread_local! {
    /// Calls of the allocator by this thread: the other threads of the test harness do not count.
    static ALLOCATIONS: Cell<usize> = const { Cell::new(0) };
    /// Whether a call of the allocator by this thread aborts the process.
    static ARMED: Cell<bool> = const { Cell::new(false) };
}

struct Counting;

// SAFETY: every call is handed on to the system's allocator; counting in a constant thread local without a
// destructor neither allocates nor unwinds. `realloc` is the default, which calls `alloc`.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        if ARMED.get() {
            std::process::abort();
        }
        ALLOCATIONS.set(ALLOCATIONS.get() + 1);
        // SAFETY: the caller keeps the contract of `alloc`.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        // SAFETY: the block comes from `alloc` above and so from the system's allocator.
        unsafe { System.dealloc(block, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// Runs what must not ask the allocator for memory: the process aborts if it does.
fn without_allocator(run: impl FnOnce()) {
    ARMED.set(true);
    run();
    ARMED.set(false);
}

/// How often `run` asks the allocator for memory.
fn allocations(run: impl FnOnce()) -> usize {
    let before = ALLOCATIONS.get();
    run();
    ALLOCATIONS.get() - before
}

const AAD: &[u8] = b"/registry/secrets/default/login1";
const PLAINTEXT: &[u8] = b"hunter2, and enough of it for some blocks";

/// Runs `check` for each cipher, over borrowed lists and an identity behind them.
fn for_each_cipher(mut check: impl FnMut(&Transformer<'_>)) {
    let aescbc = AesCbcKey::from_bytes(&[1; 32]).unwrap();
    let aesgcm = AesGcmKey::from_bytes(&[2; 32]).unwrap();
    let secretbox = SecretboxKey::from_bytes(&[3; 32]).unwrap();
    let aescbc = [NamedKey::new("new", &aescbc).unwrap(), NamedKey::new("old", &aescbc).unwrap()];
    let aesgcm = [NamedKey::new("new", &aesgcm).unwrap(), NamedKey::new("old", &aesgcm).unwrap()];
    let secretbox = [NamedKey::new("new", &secretbox).unwrap(), NamedKey::new("old", &secretbox).unwrap()];
    let aescbc = AesCbc::borrowed(&aescbc).unwrap();
    let aesgcm = AesGcm::borrowed(&aesgcm).unwrap();
    let secretbox = Secretbox::borrowed(&secretbox).unwrap();
    let identity = Identity::new();
    let providers: [&dyn Provider; 3] = [&aescbc, &aesgcm, &secretbox];
    for provider in providers {
        let list: [&dyn Provider; 2] = [provider, &identity];
        check(&Transformer::borrowed(&list).unwrap());
    }
}

#[test]
fn the_counter_counts() {
    assert_eq!(allocations(|| drop(core::hint::black_box(vec![1_u8]))), 1);
    assert_eq!(allocations(|| drop(core::hint::black_box(String::from("x") + "and so long that it grows"))), 2);
    assert_eq!(allocations(|| ()), 0);
}

#[test]
fn sealing_and_opening_into_a_buffer_allocates_nothing() {
    PooledRandom.fill(&mut [0; 12]).unwrap();
    for_each_cipher(|transformer| {
        let sources: [&mut dyn Random; 2] = [&mut OsRandom, &mut PooledRandom];
        for rng in sources {
            let (mut stored, mut out) = ([0; 200], [0; 200]);
            let mut len = 0;
            without_allocator(|| len = transformer.seal_into(rng, AAD, PLAINTEXT, &mut stored).unwrap());
            let mut opened = 0;
            without_allocator(|| {
                opened = transformer.open_into(AAD, &stored[..len], &mut out).unwrap().plaintext().len();
            });
            assert_eq!(&out[..opened], PLAINTEXT, "{transformer:?}");
        }
    });
}

#[test]
fn sealing_and_opening_in_place_allocates_nothing() {
    PooledRandom.fill(&mut [0; 12]).unwrap();
    for_each_cipher(|transformer| {
        let sources: [&mut dyn Random; 2] = [&mut OsRandom, &mut PooledRandom];
        for rng in sources {
            let mut buffer = [0; 200];
            buffer[..PLAINTEXT.len()].copy_from_slice(PLAINTEXT);
            let mut len = 0;
            without_allocator(|| len = transformer.seal_in_place(rng, AAD, PLAINTEXT.len(), &mut buffer).unwrap());
            let mut opened: &[u8] = &[];
            without_allocator(|| {
                opened = transformer.open_in_place(AAD, &mut buffer[..len]).unwrap().plaintext();
            });
            assert_eq!(opened, PLAINTEXT, "{transformer:?}");
        }
    });
}

#[test]
fn failing_allocates_nothing() {
    for_each_cipher(|transformer| {
        let mut stored = [0; 200];
        let len = transformer.seal_into(&mut OsRandom, AAD, PLAINTEXT, &mut stored).unwrap();
        let mut out = [0; 200];
        without_allocator(|| {
            assert!(transformer.seal_into(&mut OsRandom, AAD, PLAINTEXT, &mut out[..9]).is_err());
            assert!(transformer.open_into(AAD, &stored[..len - 1], &mut out).is_err());
            assert!(transformer.open_into(AAD, &stored[..len], &mut out[..9]).is_err());
            assert!(transformer.open_into(AAD, b"k8s:enc:kms:v2:x:", &mut out).is_err());
            assert!(transformer.open_in_place(AAD, &mut stored[..len - 1]).is_err());
        });
    });
}

#[test]
fn borrowed_lists_are_built_without_allocation() {
    let key = AesGcmKey::from_bytes(&[2; 32]).unwrap();
    let mut needed = 0;
    without_allocator(|| {
        let keys = [NamedKey::new("new", &key).unwrap(), NamedKey::new(&[b'o'][..], &key).unwrap()];
        let aesgcm = AesGcm::borrowed(&keys).unwrap();
        let providers: [&dyn Provider; 2] = [&aesgcm, &Identity::new()];
        let transformer = Transformer::borrowed(&providers).unwrap();
        needed = transformer.sealed_len(9).unwrap() + transformer.open_len_max(b"k8s:enc:aesgcm:v1:new:");
        assert_eq!(transformer.providers().count(), 2);
    });
    assert_eq!(needed, "k8s:enc:aesgcm:v1:new:".len() + 12 + 9 + 16);
}

#[test]
fn the_pool_reseeds_without_allocation() {
    PooledRandom.fill(&mut [0; 24]).unwrap();
    // Twice the 64 KiB after which it takes a new seed.
    assert_eq!(allocations(|| (0..6000).for_each(|_| PooledRandom.fill(&mut [0; 24]).unwrap())), 0);
}

#[test]
fn secrets_are_made_without_allocation() {
    let count = allocations(|| {
        let secret = Secret::<32>::generate_with(&mut OsRandom).unwrap();
        let other = Secret::<32>::from_slice(secret.expose()).unwrap();
        assert!(bool::from(subtle::ConstantTimeEq::ct_eq(&secret, &other)));
        assert!(Secret::<3>::from_base64("Zm9v").is_ok());
        assert!(Secret::<3>::from_base64("Zm9").is_err());
    });
    assert_eq!(count, 0);
}

/// Text in a fixed buffer.
struct Line {
    bytes: [u8; 1000],
    len: usize,
}

impl fmt::Write for Line {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let end = self.len + text.len();
        self.bytes.get_mut(self.len..end).ok_or(fmt::Error)?.copy_from_slice(text.as_bytes());
        self.len = end;
        Ok(())
    }
}

#[test]
fn inspecting_allocates_nothing() {
    let stored = [b"k8s:enc:aesgcm:v1:a\n:b:", &[b':'; 48][..]].concat();
    let mut line = Line { bytes: [0; 1000], len: 0 };
    let count = allocations(|| {
        let inspection = inspect(&stored);
        assert!(inspection.is_possible());
        assert!(inspection.candidates().count() > 4);
        assert!(inspection.candidates().all(|candidate| candidate.wrapped_dek().is_none()));
        write!(line, "{inspection}; {inspection:?}; {}", inspect(b"plain")).unwrap();
    });
    assert_eq!(count, 0);
    assert!(line.bytes.starts_with(b"aesgcm, key name \"a\\n\", "));
}

#[test]
fn the_calls_that_return_memory_allocate_once() {
    PooledRandom.fill(&mut [0; 12]).unwrap();
    for_each_cipher(|transformer| {
        let mut stored = Vec::new();
        assert_eq!(allocations(|| stored = transformer.seal(AAD, PLAINTEXT).unwrap()), 1, "{transformer:?}");
        let mut opened = None;
        assert_eq!(allocations(|| opened = transformer.open(AAD, &stored).ok()), 1, "{transformer:?}");
        assert_eq!(opened.unwrap().plaintext(), PLAINTEXT);
        // A nonce from another source, an opened value that is kept.
        assert_eq!(allocations(|| stored = transformer.seal_with(&mut OsRandom, AAD, PLAINTEXT).unwrap()), 1);
        let mut kept = Vec::new();
        let count = allocations(|| {
            kept = transformer.open(AAD, &stored).unwrap().into_plaintext().expose_into_vec();
        });
        assert_eq!((count, &kept[..]), (1, PLAINTEXT), "{transformer:?}");
    });
}
