//! Answers of a plugin that no plugin gives: each is a plugin that cannot be reached, within the call's time, and what it
//! claims to send is not made room for.
#![allow(clippy::unwrap_used, clippy::std_instead_of_alloc, unsafe_code, reason = "an allocator that notes lengths")]

#[path = "common/sockets.rs"]
mod sockets;

use core::alloc::{GlobalAlloc, Layout};
use core::convert::Infallible;
use core::error::Error as _;
use core::sync::atomic::{AtomicUsize, Ordering};
use core::time::Duration;
use std::alloc::System;
use std::sync::{Arc, Mutex};
use std::time::Instant;

use atrest::{AsyncKek, GrpcError, KmsClient, KmsEndpoint, KmsV1Client, Refusal, WrappedDek};
use http::{Request, Response};
use hyper::body::Incoming;
use hyper::server::conn::http2;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::net::UnixListener;
use tokio::task::JoinHandle;
use tonic::Code;
use tonic::body::Body;

use sockets::Folder;

const TIMEOUT: Duration = Duration::from_secs(5);

/// Bytes of the largest block since it was last looked at.
static LARGEST: AtomicUsize = AtomicUsize::new(0);

struct Noting;

// SAFETY: every call is handed on as it came.
unsafe impl GlobalAlloc for Noting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        LARGEST.fetch_max(layout.size(), Ordering::Relaxed);
        // SAFETY: the caller keeps the contract of `alloc`.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        // SAFETY: the block comes from `alloc` above.
        unsafe { System.dealloc(block, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Noting = Noting;

/// Twice the longest message that is read.
const BLOCK_LEN_MAX: usize = 256 * 1024;

/// Status, headers, and the body as it is.
#[derive(Clone)]
struct Raw(u16, Vec<(&'static str, String)>, String);

/// A message that is one, of a field 1.
fn message(text: &str) -> String {
    let field = format!("\x0a{}{text}", char::from(u8::try_from(text.len()).unwrap()));
    format!("\0\0\0\0{}{field}", char::from(u8::try_from(field.len()).unwrap()))
}

fn grpc(body: impl Into<String>) -> Raw {
    Raw(200, vec![("content-type", "application/grpc".to_owned())], body.into())
}

/// Answers every request with what is said then.
fn serve(folder: &Folder, says: Arc<Mutex<Raw>>) -> JoinHandle<()> {
    let listener = UnixListener::bind(folder.socket()).unwrap();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let says = Arc::clone(&says);
            let service = service_fn(move |_: Request<Incoming>| {
                let Raw(status, headers, body) = says.lock().unwrap().clone();
                let mut response = Response::builder().status(status);
                for (name, value) in headers {
                    response = response.header(name, value);
                }
                async move { Ok::<_, Infallible>(response.body(Body::new(body)).unwrap()) }
            });
            let builder = http2::Builder::new(TokioExecutor::new());
            let connection = builder.serve_connection(TokioIo::new(stream), service);
            tokio::spawn(async move { drop(connection.await) });
        }
    })
}

#[tokio::test]
async fn each_is_a_plugin_that_cannot_be_reached() {
    let (folder, says) = (Folder::new(), Arc::new(Mutex::new(grpc(message("v1beta1")))));
    let _server = serve(&folder, Arc::clone(&says));
    let endpoint = || KmsEndpoint::from_path(folder.socket());
    let v2 = KmsClient::new(endpoint()).with_timeout(TIMEOUT);
    let v1 = KmsV1Client::new(endpoint()).with_timeout(TIMEOUT);
    let wrapped = || WrappedDek::new("", b"wrapped", b"");
    // The version is right from here on.
    v1.unwrap_dek(wrapped()).await.unwrap();
    for (what, raw) in [
        ("a message that claims to have two gigabytes", grpc("\0\x7f\x7f\x7f\x7fab")),
        ("one that claims to have a byte more than is read", grpc("\0\0\x02\0\x01ab")),
        ("one behind its status", Raw(200, vec![("grpc-status", "0".into())], message("dek"))),
        ("one that claims to be compressed", grpc("\x01\0\0\0\x02\x0a\0")),
        ("a flag that is none", grpc("\x02\0\0\0\x02\x0a\0")),
        ("a message that is cut off", grpc("\0\0\0\0\x05\x0a\x03a")),
        ("no message", grpc("")),
        ("groups in groups", grpc(format!("\0\0\0\x7f\x7f{}", "\x0b".repeat(0x7f7f)))),
        ("a field longer than its message", grpc("\0\0\0\0\x04\x0a\x7f\x7f\x7f")),
        ("headers without end", Raw(200, vec![("x", "y".repeat(20_000))], message("dek"))),
        ("no gRPC", Raw(404, vec![("content-type", "text/html".into())], "<html>".into())),
        ("a server that is full", Raw(503, vec![], String::new())),
        ("a status that is none", Raw(200, vec![("grpc-status", "x".into())], message("dek"))),
    ] {
        let started = Instant::now();
        LARGEST.store(0, Ordering::Relaxed);
        *says.lock().unwrap() = raw;
        let of_status = v2.status().await.map(|_| ()).unwrap_err();
        assert_eq!(of_status.refusal(), Refusal::Unreachable, "{what}");
        // Refused for what it claims, not for want of what it claims.
        let error = of_status.source().unwrap().downcast_ref::<GrpcError>().unwrap();
        let code = error.code();
        assert_eq!(code == Code::OutOfRange as i32, what.contains("claims to have"), "{what}: {code}");
        let clients: [&dyn AsyncKek; 2] = [&v2, &v1];
        for client in clients {
            assert_eq!(client.wrap_dek(&[7; 32], b"").await.unwrap_err().refusal(), Refusal::Unreachable, "{what}");
            assert_eq!(client.unwrap_dek(wrapped()).await.unwrap_err().refusal(), Refusal::Unreachable, "{what}");
        }
        assert!(started.elapsed() < TIMEOUT, "{what}: an answer is not waited for any longer");
        let largest = LARGEST.load(Ordering::Relaxed);
        assert!((1..=BLOCK_LEN_MAX).contains(&largest), "{what}: a block of {largest} bytes");
        // Nothing stays behind.
        *says.lock().unwrap() = grpc(message("dek"));
        assert_eq!(v2.unwrap_dek(wrapped()).await.unwrap().expose(), b"dek", "{what}");
    }
}
