//! A scripted KEK: what it wraps it keeps in a table, and gives out a handle that looks random.
#![allow(dead_code, reason = "each test crate uses a part")]

use core::pin::Pin;
use core::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use core::task::{Context, Poll};
use core::time::Duration;
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use atrest::{AsyncKek, Clock, Kek, KekError, KekFuture, Refusal, SecretVec, Time, Wrapped, WrappedDek};
use sha2::{Digest, Sha256};

/// What every refusal gives as its cause.
pub(crate) const CAUSE: &str = "the scripted cause";

/// Clones are one KEK.
#[derive(Clone)]
pub(crate) struct TableKek(Arc<Shared>);

#[derive(Default)]
struct Shared {
    script: Mutex<Script>,
    table: Mutex<Vec<Entry>>,
    wraps: AtomicUsize,
    unwraps: AtomicUsize,
}

/// A DEK is never freed: whoever searches freed memory for it finds no copy of this table.
struct Entry {
    answer: Wrapped,
    /// What it is bound to.
    context: Vec<u8>,
    dek: &'static [u8],
}

type Hook = Arc<dyn Fn(&'static [u8]) + Send + Sync>;

/// What the KEK does from now on.
#[derive(Clone, Default)]
pub(crate) struct Script {
    /// The key that it says it wraps with.
    pub(crate) key_id: String,
    /// The key that it wraps with, if that is another.
    pub(crate) wraps_as: Option<String>,
    /// Every call is refused.
    pub(crate) refuses: Option<Refusal>,
    /// Wrapping is refused.
    pub(crate) refuses_to_wrap: Option<Refusal>,
    /// Unwrapping gives another DEK of the right length.
    pub(crate) wrong_dek: bool,
    /// Unwrapping gives so many bytes.
    pub(crate) dek_len: Option<usize>,
    /// Wrapping answers with so many bytes.
    pub(crate) wrapped_len: Option<usize>,
    /// Wrapping answers with these.
    pub(crate) annotations: BTreeMap<String, Vec<u8>>,
    /// Whether key id and annotations of a request have to be those that were answered.
    pub(crate) strict: bool,
    /// Every call to wrap and unwrap panics.
    pub(crate) panics: bool,
    /// Every call for the key id panics.
    pub(crate) panics_naming: bool,
    /// By how much every call lets the time go on.
    pub(crate) takes: Option<(TestClock, u64)>,
    /// How often the future of a call is not ready.
    pub(crate) polls: usize,
    /// Is given every DEK that is wrapped.
    pub(crate) on_wrap: Option<Hook>,
}

impl TableKek {
    pub(crate) fn new(key_id: &str) -> Self {
        let kek = Self(Arc::default());
        kek.set(|script| script.key_id = key_id.into());
        kek
    }

    pub(crate) fn set(&self, change: impl FnOnce(&mut Script)) {
        change(&mut lock(&self.0.script));
    }

    /// Refuses every call from now on, or none.
    pub(crate) fn refuse(&self, refusal: impl Into<Option<Refusal>>) {
        self.set(|script| script.refuses = refusal.into());
    }

    /// A KEK that has unwrapped this all along.
    pub(crate) fn knowing(self, key_id: &str, wrapped: &[u8], annotations: &[(&str, &[u8])], dek: &[u8]) -> Self {
        let annotations = annotations.iter().map(|(name, value)| ((*name).to_owned(), value.to_vec()));
        let answer = Wrapped::new(key_id, wrapped).with_annotations(annotations.collect());
        lock(&self.0.table).push(Entry { answer, context: Vec::new(), dek: leaked(dek) });
        self
    }

    pub(crate) fn wraps(&self) -> usize {
        self.0.wraps.load(Ordering::Relaxed)
    }

    pub(crate) fn unwraps(&self) -> usize {
        self.0.unwraps.load(Ordering::Relaxed)
    }

    /// The DEKs that were wrapped, in order.
    pub(crate) fn deks(&self) -> Vec<&'static [u8]> {
        lock(&self.0.table).iter().map(|entry| entry.dek).collect()
    }

    fn script(&self) -> Result<Script, KekError> {
        let script = lock(&self.0.script).clone();
        if let Some((clock, seconds)) = &script.takes {
            clock.pass(*seconds);
        }
        match script.refuses {
            Some(refusal) => Err(KekError::new(refusal, CAUSE)),
            None => Ok(script),
        }
    }

    fn named(&self) -> Result<String, KekError> {
        let script = self.script()?;
        assert!(!script.panics_naming, "the scripted panic");
        Ok(script.key_id)
    }

    fn wrapped(&self, dek: &[u8], context: &[u8]) -> Result<Wrapped, KekError> {
        self.0.wraps.fetch_add(1, Ordering::Relaxed);
        let script = self.script()?;
        let dek = leaked(dek);
        if let Some(hook) = &script.on_wrap {
            hook(dek);
        }
        assert!(!script.panics, "the scripted panic");
        if let Some(refusal) = script.refuses_to_wrap {
            return Err(KekError::new(refusal, CAUSE));
        }
        let mut table = lock(&self.0.table);
        let handle = Sha256::digest(table.len().to_le_bytes());
        let len = script.wrapped_len.unwrap_or(handle.len());
        let handle: Vec<u8> = handle.iter().copied().cycle().take(len).collect();
        let key_id = script.wraps_as.unwrap_or(script.key_id);
        let answer = Wrapped::new(key_id, handle).with_annotations(script.annotations);
        table.push(Entry { answer: answer.clone(), context: context.to_vec(), dek });
        Ok(answer)
    }

    fn unwrapped(&self, wrapped: &WrappedDek<'_>) -> Result<SecretVec, KekError> {
        self.0.unwraps.fetch_add(1, Ordering::Relaxed);
        let script = self.script()?;
        assert!(!script.panics, "the scripted panic");
        let table = lock(&self.0.table);
        let is_of = |entry: &&Entry| {
            let annotations = entry.answer.annotations().iter().map(|(name, value)| (name.as_str(), value.as_slice()));
            let same = entry.answer.key_id() == wrapped.key_id() || wrapped.key_id().is_empty();
            entry.answer.bytes() == wrapped.bytes()
                && entry.context == wrapped.context()
                && (!script.strict || (same && annotations.eq(wrapped.annotations().iter().copied())))
        };
        let dek = table.iter().find(is_of).ok_or(Refusal::NotMine)?.dek;
        let len = script.dek_len.unwrap_or(dek.len());
        let mut bytes = Vec::with_capacity(len);
        bytes.extend(dek.iter().copied().cycle().take(len));
        if script.wrong_dek {
            bytes[0] ^= 1;
        }
        Ok(SecretVec::from_vec(bytes))
    }

    fn waits(&self) -> Waits {
        Waits(lock(&self.0.script).polls)
    }
}

/// Never freed, and in reach for good, or LeakSanitizer would report it.
pub(crate) fn leaked(dek: &[u8]) -> &'static [u8] {
    static LEAKED: Mutex<Vec<&'static [u8]>> = Mutex::new(Vec::new());
    let dek = Box::leak(dek.into());
    lock(&LEAKED).push(dek);
    dek
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Kek for TableKek {
    fn key_id(&self) -> Result<Cow<'_, str>, KekError> {
        self.named().map(Cow::Owned)
    }

    fn wrap_dek(&self, dek: &[u8], context: &[u8]) -> Result<Wrapped, KekError> {
        self.wrapped(dek, context)
    }

    fn unwrap_dek(&self, wrapped: &WrappedDek<'_>) -> Result<SecretVec, KekError> {
        self.unwrapped(wrapped)
    }
}

impl AsyncKek for TableKek {
    fn key_id(&self) -> KekFuture<'_, String> {
        Box::pin(async {
            self.waits().await;
            self.named()
        })
    }

    /// It has heard of the DEK before its future waits.
    fn wrap_dek<'a>(&'a self, dek: &'a [u8], context: &'a [u8]) -> KekFuture<'a, Wrapped> {
        let answer = self.wrapped(dek, context);
        Box::pin(async move {
            self.waits().await;
            answer
        })
    }

    fn unwrap_dek<'a>(&'a self, wrapped: WrappedDek<'a>) -> KekFuture<'a, SecretVec> {
        let answer = self.unwrapped(&wrapped);
        Box::pin(async move {
            self.waits().await;
            answer
        })
    }
}

/// Is not ready so many times.
struct Waits(usize);

impl Future for Waits {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        let Some(left) = self.0.checked_sub(1) else { return Poll::Ready(()) };
        self.0 = left;
        context.waker().wake_by_ref();
        Poll::Pending
    }
}

/// A clock that only the test moves; clones are one clock.
#[derive(Clone, Default)]
pub(crate) struct TestClock(Arc<AtomicU64>);

impl TestClock {
    pub(crate) fn pass(&self, seconds: u64) {
        self.0.fetch_add(seconds, Ordering::Relaxed);
    }
}

impl Clock for TestClock {
    fn now(&self) -> Time {
        Time::new(Duration::from_secs(self.0.load(Ordering::Relaxed)))
    }
}
