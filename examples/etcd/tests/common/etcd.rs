//! An etcd of one test, on a free port of the loopback interface, gone with the test however that ends.
#![allow(dead_code, reason = "each test crate uses a part")]

use std::collections::BTreeMap;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use atrest_etcd::{MESSAGE_MAX, Pages, count_keys};
use etcd_client::{Certificate, Client, ConnectOptions, KeyValue, KvClient, TlsOptions};
use futures_util::stream::{self, StreamExt as _};
use tempfile::TempDir;

pub(crate) const PREFIX: &str = "/registry/secrets/";

pub(crate) struct Etcd {
    process: Process,
    folder: TempDir,
    pub(crate) url: String,
    pub(crate) client: Client,
    pub(crate) kv: KvClient,
}

impl Etcd {
    pub(crate) async fn start() -> Self {
        Self::start_as("http").await
    }

    /// With `https` etcd makes itself a certificate; see [`authority`](Self::authority).
    pub(crate) async fn start_as(scheme: &str) -> Self {
        // Another may take a port that was free a moment ago.
        for _ in 0..5 {
            if let Some(etcd) = Self::try_start(scheme).await {
                return etcd;
            }
        }
        panic!("etcd does not start");
    }

    async fn try_start(scheme: &str) -> Option<Self> {
        let folder = TempDir::new().unwrap();
        let [url, peer] = free_ports().map(|port| format!("127.0.0.1:{port}"));
        let (url, peer) = (format!("{scheme}://{url}"), format!("http://{peer}"));
        let child = Command::new("etcd")
            .arg("--data-dir")
            .arg(folder.path().join("data"))
            .args(["--listen-client-urls", &url, "--advertise-client-urls", &url])
            .args(["--listen-peer-urls", &peer, "--initial-advertise-peer-urls", &peer])
            .args(["--initial-cluster", &format!("default={peer}"), "--log-level", "panic"])
            .args((scheme == "https").then_some("--auto-tls"))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("etcd, of Debian's package etcd-server");
        let mut process = Process(child);
        let deadline = Instant::now() + Duration::from_secs(60);
        let mut options = ConnectOptions::new();
        if scheme == "https" {
            while !authority(&folder).with_file_name("key.pem").exists() {
                assert!(Instant::now() < deadline, "etcd makes no certificate");
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
            let certificate = Certificate::from_pem(std::fs::read(authority(&folder)).unwrap());
            options = options.with_tls(TlsOptions::new().ca_certificate(certificate));
        }
        let client = Client::connect([&url], Some(options)).await.unwrap();
        let mut kv = client.kv_client().max_decoding_message_size(MESSAGE_MAX);
        while let Err(stop) = count_keys(&mut kv, b"/").await {
            if process.0.try_wait().unwrap().is_some() || Instant::now() > deadline {
                println!("{stop}");
                return None;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        Some(Self { process, folder, url, client, kv })
    }

    /// The certificate that etcd made itself.
    pub(crate) fn authority(&self) -> PathBuf {
        authority(&self.folder)
    }

    /// Writes a file beside the data.
    pub(crate) fn file(&self, name: &str, content: impl AsRef<[u8]>) -> PathBuf {
        let path = self.folder.path().join(name);
        std::fs::write(&path, content).unwrap();
        path
    }

    pub(crate) async fn put(&self, key: &str, value: impl Into<Vec<u8>>) {
        self.kv.clone().put(key, value, None).await.unwrap();
    }

    pub(crate) async fn put_all(&self, values: impl IntoIterator<Item = (String, Vec<u8>)>) {
        let puts = values.into_iter().map(|(key, value)| async move { self.put(&key, value).await });
        stream::iter(puts).buffer_unordered(64).collect::<()>().await;
    }

    pub(crate) async fn get(&self, key: &str) -> Option<KeyValue> {
        self.kv.clone().get(key, None).await.unwrap().take_kvs().pop()
    }

    /// All that is stored under a prefix.
    pub(crate) async fn all(&self, prefix: &str) -> BTreeMap<String, KeyValue> {
        let mut pages = Pages::new(prefix.as_bytes(), 1000.try_into().unwrap());
        let mut all = BTreeMap::new();
        while let Some(page) = pages.next(&mut self.kv.clone()).await.unwrap() {
            all.extend(page.into_iter().map(|value| (value.key_str().unwrap().to_owned(), value)));
        }
        all
    }

    /// Of all keys the revision of their last write.
    pub(crate) async fn revisions(&self) -> BTreeMap<String, i64> {
        self.all("/").await.into_iter().map(|(key, value)| (key, value.mod_revision())).collect()
    }

    /// Ends it, and leaves its files.
    pub(crate) fn stop(&mut self) {
        self.process.stop();
    }

    /// The program, with what every call of it needs.
    pub(crate) fn program(&self, mode: &str, config: &Path) -> Command {
        let mut program = Command::new(env!("CARGO_BIN_EXE_atrest-etcd"));
        program.arg(mode).arg("--config").arg(config).args(["--endpoints", &self.url]);
        program
    }
}

/// Ends with whoever holds it, by a panic too.
struct Process(Child);

impl Process {
    fn stop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.stop();
    }
}

fn authority(folder: &TempDir) -> PathBuf {
    folder.path().join("data/fixtures/client/cert.pem")
}

fn free_ports() -> [u16; 2] {
    [(); 2].map(|()| TcpListener::bind("127.0.0.1:0").unwrap()).map(|listener| listener.local_addr().unwrap().port())
}

/// What a program printed and its exit status.
pub(crate) fn outcome(output: &Output) -> (String, Option<i32>) {
    let [stdout, stderr] = [&output.stdout, &output.stderr].map(|text| String::from_utf8(text.clone()).unwrap());
    print!("{stdout}{stderr}");
    (stdout, output.status.code())
}
