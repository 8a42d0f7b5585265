//! A child never draws its parent's nonces from the pool, whether it was made by `fork` or by a bare
//! `clone`, over generations and before or after the first use; nor do two threads.
//!
//! That the harness sees a repetition is shown with a generator that nothing guards. The pool itself repeats
//! in children as soon as its page is not wiped, that is without the `madvise` of src/random/pool.rs.
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, clippy::panic, unsafe_code)]

#[path = "common/doubles.rs"]
mod doubles;

use std::collections::HashSet;
use std::fs::File;
use std::io::Read;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd, RawFd};
use std::thread;

use atrest::{AesGcm, AesGcmKey, PooledRandom, Random, Transformer};
use doubles::Counter;

type Nonce = [u8; 24];

/// How a child is made; returns its id, 0 in the child.
type MakeChild = fn() -> libc::pid_t;

fn fork() -> libc::pid_t {
    // SAFETY: the child calls nothing but what is safe after a fork of a threaded process: `write`, `waitpid`,
    // `fork`, `_exit` and the generator, whose first draw in a thread allocates, which glibc allows here.
    unsafe { libc::fork() }
}

/// A clone that runs no handler of the C library, so that a lock another thread holds stays held in the child.
fn bare_clone() -> libc::pid_t {
    const NONE: libc::c_long = 0;
    // SAFETY: as for `fork`, but that the child must not allocate unless there is one thread: its caller has drawn
    // before, is alone or draws from what does not allocate. Without flags and with no stack given, the child goes on
    // with a copy of this one.
    let id = unsafe { libc::syscall(libc::SYS_clone, libc::c_long::from(libc::SIGCHLD), NONE, NONE, NONE, NONE) };
    libc::pid_t::try_from(id).unwrap_or(-1)
}

/// Draws a nonce and writes it to the pipe; false if either fails.
fn report(rng: &mut dyn Random, pipe: RawFd) -> bool {
    let mut nonce: Nonce = [0; 24];
    // SAFETY: the buffer is live and of that length; a pipe takes so few bytes at once or not at all.
    rng.fill(&mut nonce).is_ok() && unsafe { libc::write(pipe, nonce.as_ptr().cast(), nonce.len()) } == 24
}

/// Whether `run` succeeds in a child of this process.
fn in_child(make_child: MakeChild, run: impl FnOnce() -> bool) -> bool {
    match make_child() {
        // SAFETY: ends the child at once, without destructors or handlers of its parent.
        0 => unsafe { libc::_exit(i32::from(!run())) },
        child => {
            let mut status = 0;
            // SAFETY: `status` is live; an id that is none makes the call fail.
            child > 0 && unsafe { libc::waitpid(child, &raw mut status, 0) } == child && status == 0
        }
    }
}

/// Reports two nonces, one before and one after two children of `generations` more did the same.
fn family(make_child: MakeChild, rng: &mut dyn Random, generations: u32, pipe: RawFd) -> bool {
    let mut good = report(rng, pipe);
    for _ in 0..if generations == 0 { 0 } else { 2 } {
        good &= in_child(make_child, || family(make_child, rng, generations - 1, pipe));
    }
    good & report(rng, pipe)
}

/// What `run` and its children write to a pipe.
fn reported(run: impl FnOnce(RawFd) -> bool) -> Vec<Nonce> {
    let mut ends = [0; 2];
    // SAFETY: the array has room for the two ends, each of which is then owned once.
    let (read, write) = unsafe {
        assert_eq!(libc::pipe(ends.as_mut_ptr()), 0);
        (OwnedFd::from_raw_fd(ends[0]), OwnedFd::from_raw_fd(ends[1]))
    };
    assert!(run(write.as_raw_fd()), "a process of the family failed");
    drop(write);
    let mut bytes = Vec::new();
    File::from(read).read_to_end(&mut bytes).unwrap();
    bytes.chunks(24).map(|nonce| nonce.try_into().unwrap()).collect()
}

/// The nonces of a process and its descendants.
fn nonces(make_child: MakeChild, rng: &mut dyn Random, generations: u32) -> Vec<Nonce> {
    reported(|pipe| family(make_child, rng, generations, pipe))
}

fn distinct(nonces: &[Nonce]) -> usize {
    nonces.iter().collect::<HashSet<_>>().len()
}

const GENERATIONS: u32 = 4;

/// A process, its 2 children, their 4, 8 and 16, with two nonces each.
const DRAWN: usize = 2 * (1 + 2 + 4 + 8 + 16);

#[test]
fn an_unguarded_generator_repeats_and_the_harness_sees_it() {
    for make_child in [fork, bare_clone] {
        let nonces = nonces(make_child, &mut Counter(0), GENERATIONS);
        assert_eq!(nonces.len(), DRAWN);
        assert!(distinct(&nonces) < DRAWN / 2);
    }
}

#[test]
fn no_process_of_a_family_repeats_another() {
    for make_child in [fork, bare_clone] {
        // In a thread of its own the pool has not been used before.
        let fresh = thread::spawn(move || nonces(make_child, &mut PooledRandom, GENERATIONS)).join().unwrap();
        assert_eq!((fresh.len(), distinct(&fresh)), (DRAWN, DRAWN));
        PooledRandom.fill(&mut [0; 24]).unwrap();
        let warm = nonces(make_child, &mut PooledRandom, GENERATIONS);
        assert_eq!((warm.len(), distinct(&warm)), (DRAWN, DRAWN));
        assert_eq!(distinct(&[fresh, warm].concat()), 2 * DRAWN);
    }
}

#[test]
fn a_child_that_is_the_first_to_draw_repeats_no_sibling() {
    /// Leaves the first draw to the children.
    struct Late(u32);
    impl Random for Late {
        fn fill(&mut self, out: &mut [u8]) -> Result<(), atrest::RandomError> {
            self.0 += 1;
            if self.0 == 1 {
                return Ok(());
            }
            PooledRandom.fill(out)
        }
    }
    for make_child in [fork, bare_clone] {
        // The family begins with a process of one thread: a first draw allocates, and must find no lock held.
        let family = move |pipe| in_child(fork, || family(make_child, &mut Late(0), 2, pipe));
        let nonces = thread::spawn(move || reported(family)).join().unwrap();
        let drawn: Vec<Nonce> = nonces.into_iter().filter(|nonce| *nonce != [0; 24]).collect();
        assert_eq!((drawn.len(), distinct(&drawn)), (13, 13));
    }
}

/// Forks when it is asked for a nonce, so that parent and child go on with one and the same seal.
struct Forking {
    pipe: RawFd,
    is_child: bool,
}

impl Random for Forking {
    fn fill(&mut self, out: &mut [u8]) -> Result<(), atrest::RandomError> {
        // Warm, so that there is something to repeat.
        PooledRandom.fill(&mut [0; 12])?;
        self.is_child = fork() == 0;
        PooledRandom.fill(out)
    }
}

#[test]
fn a_seal_that_is_forked_seals_twice_under_two_nonces() {
    const TEXT: &[u8] = b"a plaintext of more than one block";
    let key = AesGcmKey::from_bytes(&[7; 32]).unwrap();
    let list = Transformer::builder().provider(AesGcm::new([("k", key.clone())]).unwrap()).build().unwrap();
    let mut ends = [0; 2];
    // SAFETY: the array has room for the two ends, each of which is then owned once.
    let (read, write) = unsafe {
        assert_eq!(libc::pipe(ends.as_mut_ptr()), 0);
        (OwnedFd::from_raw_fd(ends[0]), OwnedFd::from_raw_fd(ends[1]))
    };
    let mut out = [0; 128];
    let mut rng = Forking { pipe: write.as_raw_fd(), is_child: false };
    let sealed = list.seal_into(&mut rng, b"aad", TEXT, &mut out);
    if rng.is_child {
        let len = sealed.unwrap_or(0);
        // SAFETY: the buffer is live and of that length; the child ends at once, without destructors of its parent.
        unsafe {
            let written = libc::write(rng.pipe, out.as_ptr().cast(), len);
            libc::_exit(i32::from(usize::try_from(written).ok() != Some(len)));
        }
    }
    drop(write);
    let mut by_child = Vec::new();
    File::from(read).read_to_end(&mut by_child).unwrap();
    let by_parent = &out[..sealed.unwrap()];
    let nonce = "k8s:enc:aesgcm:v1:k:".len()..;
    assert_eq!(by_child.len(), by_parent.len());
    assert_ne!(by_child[nonce.clone()][..12], by_parent[nonce][..12]);
    for stored in [by_parent, &by_child] {
        assert_eq!(list.open(b"aad", stored).unwrap().plaintext(), TEXT);
    }
    assert_eq!(key.seals_left(), AesGcmKey::SEALS_MAX - 1, "the child counts for itself");
}

#[test]
fn children_of_several_threads_repeat_nothing() {
    let families = thread::scope(|scope| {
        let threads: Vec<_> = (0..4).map(|_| scope.spawn(|| nonces(bare_clone, &mut PooledRandom, 2))).collect();
        threads.into_iter().flat_map(|thread| thread.join().unwrap()).collect::<Vec<_>>()
    });
    assert_eq!((families.len(), distinct(&families)), (4 * 14, 4 * 14));
}

#[test]
fn threads_repeat_neither_each_other_nor_themselves() {
    let draw = || {
        let mut nonce: Nonce = [0; 24];
        PooledRandom.fill(&mut nonce).unwrap();
        nonce
    };
    let nonces = thread::scope(|scope| {
        let threads: Vec<_> = (0..8).map(|_| scope.spawn(|| (0..4000).map(|_| draw()).collect::<Vec<_>>())).collect();
        threads.into_iter().flat_map(|thread| thread.join().unwrap()).collect::<Vec<_>>()
    });
    // 4000 nonces are more than one seed yields.
    assert_eq!((nonces.len(), distinct(&nonces)), (32_000, 32_000));
}

#[test]
fn a_draw_longer_than_a_seed_yields_is_filled() {
    let mut out = vec![0; 200_000];
    PooledRandom.fill(&mut out).unwrap();
    let blocks: HashSet<&[u8]> = out.chunks(16).collect();
    assert_eq!(blocks.len(), 200_000 / 16);
}
