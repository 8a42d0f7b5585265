//! The thread that watches a file: it survives what its callbacks do, and can be stopped whatever they do.
#![allow(clippy::unwrap_used, clippy::panic, clippy::std_instead_of_alloc)]

use core::sync::atomic::{AtomicUsize, Ordering};
use core::time::Duration;
use std::fs;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, mpsc};
use std::thread;
use std::time::Instant;

use atrest::{CallError, ConfigWatcher, ConnectedConfiguration, EncryptionConfiguration, Error, ReloadEvent};

const MINUTE: Duration = Duration::from_secs(60);
const MS: Duration = Duration::from_millis(1);

/// A configuration for a resource of this name.
fn text(resource: &str) -> String {
    format!(
        "apiVersion: apiserver.config.k8s.io/v1\nkind: EncryptionConfiguration\nresources:\n- resources: [{resource}]\n  \
         providers: [identity: {{}}]\n"
    )
}

fn connect(config: &EncryptionConfiguration) -> Result<ConnectedConfiguration, CallError> {
    config.connect(|_| panic!("there is no plugin"))
}

struct File(PathBuf);

impl File {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("atrest-watching-{name}-{}.yaml", std::process::id()));
        fs::write(&path, text("first")).unwrap();
        Self(path)
    }
}

impl Drop for File {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.0);
    }
}

fn wait_for(what: &str, is_so: impl Fn() -> bool) {
    let patience = Instant::now() + Duration::from_secs(20);
    while !is_so() {
        assert!(Instant::now() < patience, "{what}");
        thread::sleep(5 * MS);
    }
}

#[test]
fn a_change_is_taken_and_a_stop_waits() {
    let file = File::new("thread");
    let (closed, told) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let (on_close, on_event) = (Arc::clone(&closed), Arc::clone(&told));
    let watcher = ConfigWatcher::open(&file.0)
        .unwrap()
        .on_close(move |_| _ = on_close.fetch_add(1, Ordering::SeqCst))
        .observe(move |_| _ = on_event.fetch_add(1, Ordering::SeqCst));
    let live = watcher.live();
    // Changed before the thread's first look, which is at once.
    fs::write(&file.0, text("second")).unwrap();
    let watching = watcher.spawn().unwrap();
    wait_for("the change is taken and the old one closed", || {
        told.load(Ordering::SeqCst) == 1 && closed.load(Ordering::SeqCst) == 1
    });
    assert_eq!(live.load().resources(), ["second"]);
    assert!(!watching.is_finished());
    watching.stop();
    assert_eq!(Arc::strong_count(&told), 1, "the thread is gone with all that it had");
}

#[test]
fn a_panic_of_a_callback_is_told_and_watching_goes_on() {
    let file = File::new("panic");
    let (events, calls) = (Arc::new(Mutex::new(Vec::new())), Arc::new(AtomicUsize::new(0)));
    let (seen, called) = (Arc::clone(&events), Arc::clone(&calls));
    let mut watcher = ConfigWatcher::open(&file.0)
        .unwrap()
        .with_kms(move |config| match called.fetch_add(1, Ordering::SeqCst) {
            // The second configuration makes it panic each time.
            1.. if config.is_configured("second") => panic!("scripted: connect"),
            _ => connect(config),
        })
        .unwrap()
        .on_close(|_| panic!("scripted: close"))
        .observe(move |event| {
            let told = match event {
                ReloadEvent::Unhealthy(_, error) => {
                    assert_eq!(error.error(), Error::KekUnreachable);
                    "unhealthy"
                }
                ReloadEvent::Applied(_) => "applied",
                ReloadEvent::Panicked => "panicked",
                other => panic!("{other:?}"),
            };
            seen.lock().unwrap().push(told);
            assert_ne!(told, "applied", "scripted: observe");
        });
    let live = watcher.live();
    fs::write(&file.0, text("second")).unwrap();
    let mut now = Instant::now();
    let until = now + Duration::from_secs(10);
    while now <= until {
        now = watcher.step(now).max(now + MS);
    }
    assert!(calls.load(Ordering::SeqCst) > 50, "asked again");
    assert!(events.lock().unwrap().iter().all(|told| *told == "unhealthy"));
    assert_eq!(live.load().resources(), ["first"]);
    fs::write(&file.0, text("third")).unwrap();
    let until = now + MINUTE;
    while now <= until {
        now = watcher.step(now).max(now + MS);
    }
    assert_eq!(live.load().resources(), ["third"]);
    // Of the observer, and of what closes the first configuration.
    let events = events.lock().unwrap();
    assert!(events.ends_with(&["applied", "panicked", "panicked"]), "{events:?}");
}

#[test]
fn a_thread_whose_observer_always_panics_goes_on() {
    let file = File::new("always");
    let watcher = ConfigWatcher::open(&file.0).unwrap().observe(|_| panic!("scripted"));
    let live = watcher.live();
    fs::write(&file.0, "half a fi").unwrap();
    let watching = watcher.spawn().unwrap();
    thread::sleep(50 * MS);
    assert!(!watching.is_finished());
    fs::write(&file.0, text("second")).unwrap();
    wait_for("the good file is taken", || live.load().resources() == ["second"]);
    assert!(!watching.is_finished());
    watching.stop();
}

#[test]
fn a_drop_does_not_wait_for_a_callback_that_hangs() {
    let file = File::new("hung");
    let (entered, has_entered) = mpsc::channel();
    let (release, released) = mpsc::channel::<()>();
    let mut is_first = true;
    let watcher = ConfigWatcher::open(&file.0)
        .unwrap()
        .with_kms(move |config| {
            if !core::mem::take(&mut is_first) {
                entered.send(()).unwrap();
                // Hangs until the test lets go.
                let _ = released.recv();
            }
            connect(config)
        })
        .unwrap();
    let live = watcher.live();
    fs::write(&file.0, text("second")).unwrap();
    let watching = watcher.spawn().unwrap();
    has_entered.recv().unwrap();
    // Does not return if it waits, for only then is the callback let go.
    drop(watching);
    assert_eq!(live.load().resources(), ["first"]);
    drop(release);
    wait_for("the thread ends", || Arc::strong_count(&live) == 1);
    assert_eq!(live.load().resources(), ["first"], "what was stopped takes nothing more into use");
}

#[cfg(unix)]
#[test]
fn a_changed_file_that_others_can_read_is_told_by_lint() {
    use atrest::LintRule;
    use std::os::unix::fs::PermissionsExt as _;
    let file = File::new("mode");
    let mut now = Instant::now();
    let mut watcher = None;
    for (resource, mode, expected) in [("a", 0o600, false), ("b", 0o666, true), ("c", 0o600, false)] {
        fs::write(&file.0, text(resource)).unwrap();
        fs::set_permissions(&file.0, fs::Permissions::from_mode(mode)).unwrap();
        let watcher = watcher.get_or_insert_with(|| ConfigWatcher::open(&file.0).unwrap());
        now += MINUTE + Duration::from_secs(1);
        watcher.step(now);
        let in_use = watcher.live().load();
        assert_eq!(in_use.resources(), [resource]);
        let found = in_use.lint().iter().any(|finding| finding.rule() == LintRule::ReadableFile);
        assert_eq!(found, expected, "{mode:o}");
    }
}
