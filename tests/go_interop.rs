//! This crate against the genuine Go code, live: `.ci/interop [CASES] [SEED]`.
//!
//! Each case is drawn from a seed of its own, the next number for each next case. One case with the seed of what failed
//! has the same lists and keys, the same AADs and plaintexts, and is damaged at the same places. It has not the same
//! bytes: nonces, seeds and wrapped DEKs are new each time. Those that failed are printed. Go and, for the first time, its
//! module proxy have to be at hand.
#![allow(clippy::unwrap_used, clippy::std_instead_of_alloc)]

#[path = "interop/case.rs"]
mod case;
#[path = "interop/plan.rs"]
mod plan;
#[path = "common/sockets.rs"]
mod sockets;
#[path = "interop/upstream.rs"]
mod upstream;
#[path = "interop/wire.rs"]
mod wire;

use core::panic::AssertUnwindSafe;
use std::env;
use std::panic::catch_unwind;
use std::path::Path;
use std::process::ExitCode;
use std::sync::{Arc, RwLock};
use std::time::{SystemTime, UNIX_EPOCH};

use atrest::LocalKek;
use serde_json::json;
use tokio::runtime::Runtime;

use case::World;
use sockets::Folder;
use upstream::Upstream;

const CASES: u64 = 2000;

fn world(folder: &Folder) -> World {
    let mut upstream = Upstream::start(&Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/interop"));
    let runtime = Runtime::new().unwrap();
    let kek = Arc::new(RwLock::new(LocalKek::generate().unwrap()));
    let path = plan::socket(folder.path(), plan::Plugin::Ours, "v2");
    let listening = runtime.block_on(atrest::Plugin::new(Arc::clone(&kek)).listen(path)).unwrap();
    runtime.spawn(listening.serve_until(core::future::pending()));
    let mut serve = |api: &str| {
        let path = plan::socket(folder.path(), plan::Plugin::Upstream, api);
        upstream.ask(&json!({"op": "serve", "api": api, "text": path})).expect().handle
    };
    let (_, served) = (serve("v1"), serve("v2"));
    World { upstream, runtime, folder: folder.path().to_owned(), kek, served }
}

fn number(text: Option<String>) -> Option<u64> {
    text.map(|text| text.parse().unwrap())
}

fn main() -> ExitCode {
    let mut arguments = env::args().skip(1);
    let cases = number(arguments.next()).unwrap_or(CASES);
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
    let seed = number(arguments.next()).unwrap_or(now);
    println!("{cases} cases from seed {seed}");
    let folder = Folder::new();
    let mut world = world(&folder);
    let (mut passed, mut failed, mut opened, mut refused) = (0, 0, 0, 0);
    for (name, check) in wire::CHECKS {
        // What went wrong was printed by the panic.
        let is_right = catch_unwind(AssertUnwindSafe(|| check(&mut world))).is_ok();
        println!("{name}: {}", if is_right { "ok" } else { "FAILED" });
        if is_right { passed += 1 } else { failed += 1 }
    }
    for seed in (0..cases).map(|index| seed.wrapping_add(index)) {
        match world.case(seed) {
            Ok(counted) => {
                passed += 1;
                opened += counted.0;
                refused += counted.1;
            }
            Err(why) => {
                failed += 1;
                println!("FAILED, and again with `.ci/interop 1 {seed}`: {why}");
            }
        }
    }
    println!("{opened} values opened on both sides, {refused} on neither");
    println!("{passed} passed, {failed} failed");
    if failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
