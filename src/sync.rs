//! Atomics and locks. The tests under `cfg(atrest_loom)` get those of the model checker loom, which runs a closure once
//! for every order in which its threads can meet.

#![allow(unused_imports, reason = "each set of features needs a part")]

#[cfg(not(all(test, atrest_loom)))]
pub(crate) use core::sync::atomic::{AtomicBool, AtomicU32, AtomicUsize, Ordering};
#[cfg(all(feature = "std", not(all(test, atrest_loom))))]
pub(crate) use std::sync::{Mutex, MutexGuard, RwLock};

#[cfg(all(test, atrest_loom))]
pub(crate) use loom::sync::atomic::{AtomicBool, AtomicU32, AtomicUsize, Ordering};
#[cfg(all(test, atrest_loom))]
pub(crate) use loom::sync::{Mutex, MutexGuard, RwLock};

/// Checks a closure in every order of its threads that differs, on a stack that takes the ciphers.
#[cfg(all(test, atrest_loom))]
pub(crate) fn in_every_order(model: fn()) {
    let mut builder = loom::model::Builder::new();
    // Changes of thread that nothing forces: with more of them there are too many orders.
    builder.preemption_bound = builder.preemption_bound.or(Some(3));
    builder.check(move || spawn(model).join().expect("a thread of the model panicked"));
}

/// A thread of a model.
#[cfg(all(test, atrest_loom))]
pub(crate) fn spawn<T: Send + 'static>(run: impl FnOnce() -> T + Send + 'static) -> loom::thread::JoinHandle<T> {
    loom::thread::Builder::new().stack_size(1 << 18).spawn(run).expect("a thread")
}
