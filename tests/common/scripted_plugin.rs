//! A gRPC server that knows no message: it answers with the bytes, or the status, of a script.
#![allow(dead_code, reason = "each test crate uses a part")]

use core::convert::Infallible;
use core::sync::atomic::{AtomicUsize, Ordering};
use std::path::Path;
use std::sync::{Arc, Mutex};

use bytes::{Buf, BufMut};
use http::{Request, Response};
use hyper::body::Incoming;
use hyper::server::conn::http2;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::net::UnixListener;
use tokio::task::JoinSet;
use tonic::body::Body;
use tonic::codec::{Codec, DecodeBuf, Decoder, EncodeBuf, Encoder};
use tonic::server::Grpc;
use tonic::{Code, Status};

/// What is answered to a method and a message.
pub(crate) type Script = dyn Fn(&str, &[u8]) -> Answer + Send + Sync;

pub(crate) enum Answer {
    Bytes(Vec<u8>),
    Status(Code, String),
    /// None at all.
    Silence,
}

/// One call as it was seen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Call {
    pub(crate) authority: String,
    pub(crate) method: String,
    pub(crate) message: Vec<u8>,
}

#[derive(Default)]
struct Seen {
    calls: Mutex<Vec<Call>>,
    connections: AtomicUsize,
}

/// The server; it and all its connections end when this is dropped.
pub(crate) struct ScriptedPlugin {
    seen: Arc<Seen>,
    _tasks: JoinSet<()>,
}

impl ScriptedPlugin {
    pub(crate) fn start(path: &Path, script: impl Fn(&str, &[u8]) -> Answer + Send + Sync + 'static) -> Self {
        let listener = UnixListener::bind(path).unwrap();
        let (seen, script): (Arc<Seen>, Arc<Script>) = (Arc::default(), Arc::new(script));
        let mut tasks = JoinSet::new();
        let shared = Arc::clone(&seen);
        tasks.spawn(async move {
            let mut connections = JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                shared.connections.fetch_add(1, Ordering::SeqCst);
                let (seen, script) = (Arc::clone(&shared), Arc::clone(&script));
                let service = service_fn(move |request: Request<Incoming>| {
                    let (seen, script) = (Arc::clone(&seen), Arc::clone(&script));
                    async move { Ok::<_, Infallible>(answer(request, &seen, script).await) }
                });
                let builder = http2::Builder::new(TokioExecutor::new());
                let connection = builder.serve_connection(TokioIo::new(stream), service);
                connections.spawn(async move { drop(connection.await) });
            }
        });
        Self { seen, _tasks: tasks }
    }

    pub(crate) fn calls(&self) -> Vec<Call> {
        self.seen.calls.lock().unwrap().clone()
    }

    pub(crate) fn count(&self, method: &str) -> usize {
        self.calls().iter().filter(|call| call.method.ends_with(method)).count()
    }

    pub(crate) fn connections(&self) -> usize {
        self.seen.connections.load(Ordering::SeqCst)
    }
}

async fn answer(request: Request<Incoming>, seen: &Seen, script: Arc<Script>) -> Response<Body> {
    let method = request.uri().path().to_owned();
    let authority = request.uri().authority().map(ToString::to_string).unwrap_or_default();
    let service = tower::service_fn(|request: tonic::Request<Vec<u8>>| {
        let (message, method, script) = (request.into_inner(), method.clone(), Arc::clone(&script));
        let call = Call { authority: authority.clone(), method: method.clone(), message: message.clone() };
        seen.calls.lock().unwrap().push(call);
        async move {
            let answer = script(&method, &message);
            match answer {
                Answer::Bytes(bytes) => Ok(tonic::Response::new(bytes)),
                Answer::Status(code, text) => Err(Status::new(code, text)),
                Answer::Silence => core::future::pending().await,
            }
        }
    });
    Grpc::new(Raw).unary(service, request.map(Body::new)).await
}

/// Messages as bytes.
struct Raw;

impl Codec for Raw {
    type Encode = Vec<u8>;
    type Decode = Vec<u8>;
    type Encoder = Self;
    type Decoder = Self;

    fn encoder(&mut self) -> Self {
        Self
    }

    fn decoder(&mut self) -> Self {
        Self
    }
}

impl Encoder for Raw {
    type Item = Vec<u8>;
    type Error = Status;

    fn encode(&mut self, message: Vec<u8>, out: &mut EncodeBuf<'_>) -> Result<(), Status> {
        out.put_slice(&message);
        Ok(())
    }
}

impl Decoder for Raw {
    type Item = Vec<u8>;
    type Error = Status;

    fn decode(&mut self, bytes: &mut DecodeBuf<'_>) -> Result<Option<Vec<u8>>, Status> {
        let mut message = vec![0; bytes.remaining()];
        bytes.copy_to_slice(&mut message);
        Ok(Some(message))
    }
}
