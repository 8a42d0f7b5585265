//! The cache of DEKs: what it finds, for how long, what it drops and in which order, and that what it drops is wiped.
#![allow(clippy::unwrap_used, clippy::panic)]

#[path = "common/search.rs"]
mod search;

use core::num::NonZeroUsize;
use core::time::Duration;

use atrest::{
    AesGcm, AesGcmKey, CacheLimits, DekCache, DekCacheKey, DekScheme, Evicted, OpenDek, OsRandom, Provider,
    RecoveredDek, Time, WrappedDek,
};
use search::{Searching, block_of, freed_with, keylike, largest_of};

#[global_allocator]
static ALLOCATOR: Searching = Searching;

/// Static, so that the tests themselves put no copy into the heap.
static DEK: [u8; 32] = *b"\x03The-quick[brown]fox|jumps=over!";

const DAY: Duration = Duration::from_secs(24 * 60 * 60);
const TICK: Duration = Duration::from_nanos(1);

fn cache(entries: usize, ttl: Duration) -> DekCache {
    DekCache::new(CacheLimits::new(NonZeroUsize::new(entries).unwrap(), ttl))
}

fn key(index: u32) -> DekCacheKey {
    DekCacheKey::of(DekScheme::AesGcm, &WrappedDek::new("id", &index.to_be_bytes(), b""))
}

fn dek_bytes(index: u32) -> [u8; 32] {
    let mut bytes = [9; 32];
    bytes[..4].copy_from_slice(&index.to_be_bytes());
    bytes
}

fn dek(index: u32) -> RecoveredDek {
    RecoveredDek::from_bytes(DekScheme::AesGcm, &dek_bytes(index)).unwrap()
}

fn at(seconds: u64) -> Time {
    Time::new(Duration::from_secs(seconds))
}

/// Whether this is the DEK of that number: it opens what the provider aesgcm seals under the same bytes.
fn is_dek(found: &RecoveredDek, index: u32) -> bool {
    let provider = AesGcm::new([("k", AesGcmKey::from_bytes(&dek_bytes(index)).unwrap())]).unwrap();
    let mut stored = vec![0; provider.sealed_len(5).unwrap()];
    provider.seal_into(&mut OsRandom, b"aad", b"12345", &mut stored).unwrap();
    let mut out = [0; 5];
    found.open_into(b"aad", &stored["k8s:enc:aesgcm:v1:k:".len()..], &mut out) == Ok(5) && &out == b"12345"
}

/// Which of the first ten are held, without any of them being used.
fn held(cache: &DekCache) -> Vec<u32> {
    let removed = (0..10).filter(|&index| cache.remove(&key(index))).collect();
    assert!(cache.is_empty());
    removed
}

fn evicted(by_size: usize, by_age: usize) -> Evicted {
    let mut evicted = Evicted::default();
    (evicted.by_size, evicted.by_age) = (by_size, by_age);
    evicted
}

#[test]
fn what_was_inserted_is_found() {
    let cache = cache(10, DAY);
    assert!(cache.get(&key(1), at(0)).is_none());
    for index in 0..5 {
        assert_eq!(cache.insert(key(index), dek(index), at(0)), Evicted::default());
    }
    for index in 0..5 {
        assert!(is_dek(&cache.get(&key(index), at(1)).unwrap(), index));
    }
    assert!(!is_dek(&cache.get(&key(0), at(1)).unwrap(), 1));
    assert_eq!(cache.insert(key(1), dek(7), at(1)), Evicted::default());
    assert!(is_dek(&cache.get(&key(1), at(1)).unwrap(), 7), "the later DEK takes the place of the earlier one");
    assert_eq!(cache.len(), 5);
}

#[test]
fn the_one_used_longest_ago_makes_room() {
    let full = || {
        let cache = cache(3, DAY);
        (0..3).for_each(|index| assert_eq!(cache.insert(key(index), dek(index), at(0)), Evicted::default()));
        cache
    };
    let uses: [(&[u32], [u32; 3]); 6] = [
        (&[], [1, 2, 9]),
        (&[0], [0, 2, 9]),
        (&[1], [1, 2, 9]),
        (&[0, 1], [0, 1, 9]),
        (&[2, 1, 0], [0, 1, 9]),
        (&[0, 0, 2, 2], [0, 2, 9]),
    ];
    for (used, left) in uses {
        let cache = full();
        used.iter().for_each(|&index| assert!(cache.get(&key(index), at(0)).is_some()));
        assert_eq!(cache.insert(key(9), dek(9), at(0)), evicted(1, 0));
        assert_eq!(held(&cache), left, "after use of {used:?}");
    }
    // Inserting is a use too, and takes no room from others.
    let cache = full();
    assert_eq!(cache.insert(key(0), dek(0), at(0)), Evicted::default());
    cache.insert(key(9), dek(9), at(0));
    assert_eq!(held(&cache), [0, 2, 9]);
    // Asking in vain is none.
    let cache = full();
    assert!(cache.get(&key(8), at(0)).is_none());
    cache.insert(key(9), dek(9), at(0));
    assert_eq!(held(&cache), [1, 2, 9]);
}

#[test]
fn the_order_is_that_of_a_list() {
    // The model: keys in a list, the last used at its end.
    let cache = cache(5, DAY);
    let (mut model, mut state) = (Vec::new(), 1_u32);
    for _ in 0..5000 {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        let index = (state >> 16) % 10;
        let known = model.iter().position(|&held| held == index);
        match (state >> 28) % 3 {
            0 => assert_eq!(cache.remove(&key(index)), known.map(|place| model.remove(place)).is_some()),
            1 => {
                assert_eq!(cache.get(&key(index), at(0)).is_some(), known.is_some());
                let used = known.map(|place| model.remove(place));
                model.extend(used);
            }
            _ => {
                let full = known.is_none() && model.len() == 5;
                known.or(full.then_some(0)).map(|place| model.remove(place));
                model.push(index);
                assert_eq!(cache.insert(key(index), dek(index), at(0)), evicted(usize::from(full), 0));
            }
        }
        assert_eq!(cache.len(), model.len());
    }
    model.sort_unstable();
    assert_eq!(held(&cache), model);
}

#[test]
fn a_dek_is_served_up_to_its_time_and_then_dropped() {
    for ttl in [Duration::ZERO, Duration::from_secs(5), DAY] {
        let cache = cache(3, ttl);
        cache.insert(key(0), dek(0), at(7));
        let last = at(7).after(ttl);
        assert!(cache.get(&key(0), at(0)).is_some(), "a time before the insertion is none that passed");
        assert!(cache.get(&key(0), last).is_some());
        assert!(cache.get(&key(0), last.after(TICK)).is_none());
        assert_eq!((cache.len(), cache.stats().evicted_by_age), (0, 1), "it was dropped");
        assert!(cache.get(&key(0), at(7)).is_none(), "it does not come back");
    }
    let forever = cache(3, Duration::MAX);
    forever.insert(key(0), dek(0), at(0));
    assert!(forever.get(&key(0), Time::new(Duration::MAX)).is_some());
}

#[test]
fn inserting_again_extends_the_time_and_asking_does_not() {
    let (again, asked) = (cache(3, DAY), cache(3, DAY));
    for cache in [&again, &asked] {
        cache.insert(key(0), dek(0), at(0));
    }
    let (half, over) = (at(0).after(DAY / 2), at(0).after(DAY).after(TICK));
    assert!(asked.get(&key(0), half).is_some());
    assert!(asked.get(&key(0), over).is_none());
    again.insert(key(0), dek(0), half);
    assert!(again.get(&key(0), over).is_some());
    assert!(again.get(&key(0), half.after(DAY)).is_some());
    assert!(again.get(&key(0), half.after(DAY).after(TICK)).is_none());
}

#[test]
fn expired_deks_do_not_linger() {
    let cache = cache(1000, Duration::from_secs(60));
    (0..40).for_each(|index| assert_eq!(cache.insert(key(index), dek(index), at(0)), Evicted::default()));
    cache.insert(key(0), dek(0), at(30));
    // By insertions, in portions, without anyone asking for them.
    assert_eq!(cache.insert(key(100), dek(100), at(61)), evicted(0, 16));
    assert_eq!(cache.insert(key(101), dek(101), at(61)), evicted(0, 16));
    assert_eq!(cache.insert(key(102), dek(102), at(61)), evicted(0, 7));
    assert_eq!(cache.insert(key(103), dek(103), at(61)), Evicted::default());
    assert_eq!(cache.len(), 5, "the extended one and the new ones");
    // By the owner, all at once.
    (200..300).for_each(|index| assert_eq!(cache.insert(key(index), dek(index), at(62)), Evicted::default()));
    assert_eq!(cache.purge(at(90)), 0);
    assert_eq!(cache.purge(at(91)), 1);
    assert_eq!(cache.purge(at(122)), 4);
    assert_eq!(cache.purge(at(123)), 100);
    assert_eq!((cache.purge(at(999)), cache.len()), (0, 0));
    assert_eq!(cache.stats().evicted_by_age, 39 + 105);
    assert_eq!(cache.stats().evicted_by_size, 0);
}

#[test]
fn everything_that_decides_the_dek_decides_the_key() {
    let annotated = |annotations| WrappedDek::new("ab", b"cd", b"ef").with_annotations(annotations);
    let of = |wrapped: WrappedDek<'_>| DekCacheKey::of(DekScheme::AesGcm, &wrapped);
    let mut keys = vec![
        DekCacheKey::of(DekScheme::AesGcmXNonce, &WrappedDek::new("ab", b"cd", b"ef")),
        of(WrappedDek::new("ab", b"cd", b"ef")),
        // Changed.
        of(WrappedDek::new("ax", b"cd", b"ef")),
        of(WrappedDek::new("ab", b"cx", b"ef")),
        of(WrappedDek::new("ab", b"cd", b"ex")),
        // Exchanged.
        of(WrappedDek::new("cd", b"ab", b"ef")),
        of(WrappedDek::new("ab", b"ef", b"cd")),
        of(WrappedDek::new("ef", b"cd", b"ab")),
        // Shifted from one field to the next.
        of(WrappedDek::new("b", b"cda", b"ef")),
        of(WrappedDek::new("abc", b"d", b"ef")),
        of(WrappedDek::new("abcd", b"", b"ef")),
        of(WrappedDek::new("", b"cd", b"abef")),
        of(WrappedDek::new("abe", b"cd", b"f")),
        of(WrappedDek::new("ab", b"cdef", b"")),
        of(WrappedDek::new("ab", b"", b"cdef")),
        of(WrappedDek::new("", b"", b"")),
        // Annotations.
        of(annotated(&[("g.h", b"i")])),
        of(annotated(&[("g.x", b"i")])),
        of(annotated(&[("g.h", b"x")])),
        of(annotated(&[("g.h", b"")])),
        of(annotated(&[("g.hi", b"")])),
        of(annotated(&[("g.", b"hi")])),
        of(annotated(&[("", b"")])),
        of(annotated(&[("", b""), ("", b"")])),
        of(annotated(&[("g.h", b"i"), ("j.k", b"l")])),
        of(annotated(&[("g.h", b"l"), ("j.k", b"i")])),
        of(annotated(&[("g.h", b"ij.k"), ("", b"l")])),
        of(annotated(&[("g.h", b"ij.kl")])),
    ];
    let count = keys.len();
    keys.sort_unstable();
    keys.dedup();
    assert_eq!(keys.len(), count);
    assert_eq!(of(WrappedDek::new("ab", b"cd", b"ef")), of(annotated(&[])));
}

#[test]
fn what_happened_is_counted() {
    let cache = cache(2, DAY);
    assert_eq!(cache.stats().hit_rate(), None);
    assert!(cache.get(&key(0), at(0)).is_none());
    assert_eq!(cache.stats().hit_rate(), Some(0.0));
    for index in 0..3 {
        cache.insert(key(index), dek(index), at(0));
    }
    for index in 0..3 {
        assert_eq!(cache.get(&key(index), at(1)).is_some(), index > 0);
    }
    assert!(cache.get(&key(2), at(2)).is_some());
    assert!(cache.get(&key(2), at(0).after(DAY * 2)).is_none());
    assert!(cache.remove(&key(1)) && !cache.remove(&key(1)));
    let stats = cache.stats();
    assert_eq!((stats.hits, stats.misses), (3, 3));
    assert_eq!((stats.evicted_by_size, stats.evicted_by_age, stats.entries), (1, 1, 0));
    assert_eq!(stats.hit_rate(), Some(0.5));
    cache.insert(key(5), dek(5), at(0));
    assert_eq!(cache.stats().entries, 1);
    assert!(!cache.is_empty());
    cache.clear();
    assert!(cache.is_empty());
    assert_eq!((cache.stats().entries, cache.stats().hits), (0, 3));

    let cache = self::cache(2, DAY);
    cache.insert(key(5), dek(5), at(0));
    assert!(cache.get(&key(5), at(0)).is_some());
    assert_eq!(cache.stats().hit_rate(), Some(1.0));
}

#[test]
fn a_disabled_cache_holds_nothing() {
    let cache = DekCache::disabled();
    assert_eq!(cache.insert(key(0), dek(0), at(0)), Evicted::default());
    assert!(cache.get(&key(0), at(0)).is_none());
    assert_eq!((cache.len(), cache.purge(at(9)), cache.remove(&key(0))), (0, 0, false));
    assert_eq!((cache.stats().misses, cache.stats().entries), (0, 0));
}

#[test]
fn the_bound_holds_under_threads() {
    const THREADS: u32 = 8;
    const CALLS: u32 = 4000;
    let cache = cache(64, Duration::from_secs(1000));
    std::thread::scope(|scope| {
        for thread in 0..THREADS {
            let cache = &cache;
            scope.spawn(move || {
                for call in 0..CALLS {
                    let index = (call * 7 + thread * 13) % 200;
                    if let Some(found) = cache.get(&key(index), at(call.into())) {
                        assert!(call % 100 != 0 || is_dek(&found, index));
                    }
                    cache.insert(key(index), dek(index), at(call.into()));
                    assert!(cache.len() <= 64);
                }
            });
        }
    });
    let stats = cache.stats();
    assert_eq!(stats.hits + stats.misses, u64::from(THREADS * CALLS));
    assert_eq!(stats.entries, 64);
    (0..200).for_each(|index| _ = cache.remove(&key(index)));
    assert_eq!(cache.len(), 0, "every entry is found by its key");
}

#[test]
fn one_dek_for_many_threads_comes_and_goes() {
    const THREADS: u64 = 6;
    const CALLS: u64 = 20_000;
    let cache = cache(3, DAY);
    std::thread::scope(|scope| {
        for _ in 0..THREADS {
            scope.spawn(|| {
                for call in 0..CALLS {
                    let found = cache.get(&key(0), at(0));
                    assert!(call % 500 != 0 || found.is_none_or(|found| is_dek(&found, 0)));
                }
            });
        }
        for turn in 0..2000 {
            cache.insert(key(0), dek(0), at(0));
            std::thread::yield_now();
            match turn % 3 {
                0 => assert!(cache.remove(&key(0))),
                1 => cache.clear(),
                _ => assert_eq!(cache.purge(at(0).after(DAY * 2)), 1),
            }
            assert!(!cache.contains(&key(0), at(0)), "no call of another thread brings it back");
        }
    });
    assert!(cache.get(&key(0), at(0)).is_none());
    let stats = cache.stats();
    assert_eq!(stats.hits + stats.misses, THREADS * CALLS + 1);
    assert!(stats.hits > 0 && stats.entries == 0);
}

#[test]
fn getting_allocates_nothing() {
    let cache = cache(10, DAY);
    cache.insert(key(0), dek(0), at(0));
    let (there, missing) = (key(0), key(1));
    assert!(largest_of(|| drop(vec![0; 9])) >= 9, "an allocation is seen");
    assert_eq!(largest_of(|| assert!(cache.get(&there, at(0)).is_some())), 0);
    assert_eq!(largest_of(|| assert!(cache.get(&missing, at(0)).is_none())), 0);
}

#[test]
fn the_one_used_last_goes_like_any_other() {
    let late = at(0).after(DAY).after(TICK);
    let ways: [(&str, Way); 5] = [
        ("replaced", |cache, _| _ = cache.insert(key(0), dek(7), at(0))),
        ("removed", |cache, _| assert!(cache.remove(&key(0)))),
        ("cleared", |cache, _| cache.clear()),
        ("purged", |cache, late| assert_eq!(cache.purge(late), 2)),
        ("expired", |_, _| {}),
    ];
    for (way, drop_it) in ways {
        for uses in 0..4 {
            let cache = cache(2, DAY);
            cache.insert(key(1), dek(1), at(0));
            cache.insert(key(0), dek(0), at(0));
            (0..uses).for_each(|_| assert!(is_dek(&cache.get(&key(0), at(1)).unwrap(), 0)));
            drop_it(&cache, late);
            let now = if way == "expired" { late } else { at(1) };
            let found = cache.get(&key(0), now);
            assert_eq!(found.is_some_and(|found| is_dek(&found, 7)), way == "replaced", "{way} after {uses} uses");
            assert_eq!(cache.stats().hits, uses + u64::from(way == "replaced"), "{way} after {uses} uses");
        }
    }
    // Used last, and then not any more: it makes room.
    let cache = cache(2, DAY);
    cache.insert(key(0), dek(0), at(0));
    cache.insert(key(1), dek(1), at(0));
    for index in [0, 0, 0, 1, 1, 0, 1] {
        assert!(is_dek(&cache.get(&key(index), at(0)).unwrap(), index));
    }
    assert_eq!(cache.insert(key(2), dek(2), at(0)), evicted(1, 0));
    assert_eq!(held(&cache), [1, 2]);
}

type Way = fn(&DekCache, Time);

/// Calls the function when it is dropped.
struct Dropping<F: FnMut()>(F);

impl<F: FnMut()> Drop for Dropping<F> {
    fn drop(&mut self) {
        self.0();
    }
}

#[test]
fn a_dek_is_wiped_however_it_is_dropped() {
    let late = at(0).after(DAY).after(TICK);
    let ways: [(&str, Way); 8] = [
        ("removed while used last", |cache, _| {
            assert!(cache.get(&key(0), at(0)).is_some() && cache.get(&key(0), at(0)).is_some());
            assert!(cache.remove(&key(0)));
        }),
        ("to make room", |cache, _| assert_eq!(cache.insert(key(2), dek(2), at(0)), evicted(1, 0))),
        ("replaced", |cache, _| assert_eq!(cache.insert(key(0), dek(2), at(0)), Evicted::default())),
        ("expired and asked for", |cache, late| assert!(cache.get(&key(0), late).is_none())),
        ("expired at an insertion", |cache, late| assert_eq!(cache.insert(key(2), dek(2), late), evicted(0, 2))),
        ("expired and purged", |cache, late| assert_eq!(cache.purge(late), 2)),
        ("removed", |cache, _| assert!(cache.remove(&key(0)))),
        ("cleared", |cache, _| cache.clear()),
    ];
    for scheme in [DekScheme::AesGcm, DekScheme::AesGcmXNonce] {
        for (way, drop_it) in &ways {
            let cache = cache(2, DAY);
            cache.insert(key(1), dek(1), at(0));
            let (alive, freed) = block_of(|| {
                cache.insert(key(0), RecoveredDek::from_bytes(scheme, &DEK).unwrap(), at(0));
                assert!(cache.get(&key(1), at(0)).is_some(), "the other one was used later");
                Dropping(|| drop_it(&cache, late))
            });
            assert!(keylike(&alive).len() >= 16, "{way}: the block of the key was found");
            assert!(keylike(&freed).is_empty(), "{way}: {} runs are left", keylike(&freed).len());
        }
        let cache = cache(2, DAY);
        cache.insert(key(1), dek(1), at(0));
        let (alive, freed) = block_of(move || {
            cache.insert(key(0), RecoveredDek::from_bytes(scheme, &DEK).unwrap(), at(0));
            cache
        });
        assert!(keylike(&alive).len() >= 16 && keylike(&freed).is_empty(), "with the cache");
    }
}

#[test]
fn growing_leaves_no_key_behind() {
    let deks: Vec<_> = (0..100).map(|_| RecoveredDek::from_bytes(DekScheme::AesGcm, &DEK).unwrap()).collect();
    let fill = || {
        let cache = cache(100, DAY);
        deks.iter().zip(0..).for_each(|(dek, index)| _ = cache.insert(key(index), dek.clone(), at(0)));
    };
    assert_eq!(freed_with(&DEK[..16], fill), 0);
    assert_eq!(freed_with(&DEK[..16], || drop(deks[0].clone())), 0);
    assert_eq!(freed_with(&DEK[..16], || drop(DEK.to_vec())), 1, "it would be found");
}

#[test]
fn a_cache_shows_its_limits_and_counts_alone() {
    let cache = cache(2, DAY);
    cache.insert(key(0), RecoveredDek::from_bytes(DekScheme::AesGcm, &DEK).unwrap(), at(0));
    let shown = format!("{cache:?}");
    assert!(shown.contains("entries: 1") && shown.contains("86400s"), "{shown}");
}
