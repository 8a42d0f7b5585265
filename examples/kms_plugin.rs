//! A KMS plugin for an API server, over a KEK of one's own. Here that is an embedded one, kept in memory: put what
//! talks to your HSM or Vault in its place.
//!
//! `cargo run --release --features kms-plugin --example kms_plugin -- /run/kms.sock [SECONDS]`
#![allow(clippy::std_instead_of_alloc)]

use core::time::Duration;
use std::sync::{Arc, RwLock};
use std::{env, io};

use atrest::{Kek, LocalKek, Plugin};

#[tokio::main]
async fn main() -> Result<(), Box<dyn core::error::Error>> {
    let mut arguments = env::args().skip(1);
    let path = arguments.next().ok_or("usage: kms_plugin SOCKET [SECONDS]")?;
    let seconds: Option<u64> = arguments.next().map(|seconds| seconds.parse()).transpose()?;

    let kek = Arc::new(RwLock::new(LocalKek::generate()?));
    let plugin = Plugin::new(Arc::clone(&kek)).listen(&path).await?;
    println!("listening on {path}, wrapping with {}", kek.key_id()?);

    // Rotates at each line: API servers follow within a minute. The plugin goes on when there are no more lines.
    let rotate = move || -> Result<(), Box<dyn core::error::Error + Send + Sync>> {
        for line in io::stdin().lines() {
            line?;
            kek.write().map_err(|_| "a rotation panicked")?.rotate()?;
            println!("wrapping with {}", kek.key_id()?);
        }
        Ok(())
    };
    std::thread::spawn(rotate);

    let end = async {
        match seconds {
            Some(seconds) => tokio::time::sleep(Duration::from_secs(seconds)).await,
            // A service awaits its signal to end here.
            None => core::future::pending().await,
        }
    };
    plugin.serve_until(end).await;
    println!("ended, and {path} is gone");
    Ok(())
}
