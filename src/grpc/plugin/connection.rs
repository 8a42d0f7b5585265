//! Accepting connections and closing them.

use alloc::sync::Arc;
use core::convert::Infallible;
use core::pin::pin;
use core::time::Duration;

use futures_util::future::{Either, select};
use hyper::server::conn::http2;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use tokio::net::UnixStream;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};
use tonic::body::Body;

use super::super::codec::HEADERS_LEN_MAX;
use super::answers::Answers;
use super::authority::Authorities;
use super::socket::Socket;

const CONNECTIONS_MAX: usize = 64;
/// Calls under way of one connection.
const STREAMS_MAX: u32 = 256;

/// After the system could not accept a connection, for want of a descriptor perhaps.
const PAUSE: Duration = Duration::from_millis(50);

pub(super) async fn serve(socket: Socket, answers: Answers, shutdown: impl Future<Output = ()>, grace: Duration) {
    let (closing, closed) = watch::channel(false);
    let room = Arc::new(Semaphore::new(CONNECTIONS_MAX));
    // All end when this is dropped.
    let mut connections = JoinSet::new();
    let mut shutdown = pin!(shutdown);
    loop {
        let accepted = pin!(accept(&socket, &room));
        match select(accepted, shutdown.as_mut()).await {
            Either::Left(((stream, place), _)) => {
                connections.spawn(answer(stream, place, answers.clone(), closed.clone()));
                while connections.try_join_next().is_some() {}
            }
            Either::Right(_) => break,
        }
    }
    drop(socket);
    let _ = closing.send(true);
    let _ = timeout(grace, async { while connections.join_next().await.is_some() {} }).await;
}

async fn accept(socket: &Socket, room: &Arc<Semaphore>) -> (UnixStream, Option<OwnedSemaphorePermit>) {
    let place = Arc::clone(room).acquire_owned().await.ok();
    loop {
        match socket.accept().await {
            Ok(stream) => return (stream, place),
            Err(_) => sleep(PAUSE).await,
        }
    }
}

/// Answers the calls of one connection until it is closed by either side.
async fn answer(
    stream: UnixStream,
    _place: Option<OwnedSemaphorePermit>,
    answers: Answers,
    mut closed: watch::Receiver<bool>,
) {
    let service = service_fn(move |request: http::Request<hyper::body::Incoming>| {
        let answers = answers.clone();
        async move { Ok::<_, Infallible>(answers.answer(request.map(Body::new)).await) }
    });
    let connection = http2::Builder::new(TokioExecutor::new())
        .timer(TokioTimer::new())
        .max_concurrent_streams(STREAMS_MAX)
        .max_header_list_size(HEADERS_LEN_MAX)
        .serve_connection(TokioIo::new(Authorities::new(stream)), service);
    let mut connection = pin!(connection);
    let closing = pin!(async {
        let _ = closed.wait_for(|closed| *closed).await;
    });
    if let Either::Right(_) = select(connection.as_mut(), closing).await {
        connection.as_mut().graceful_shutdown();
        let _ = connection.await;
    }
}
