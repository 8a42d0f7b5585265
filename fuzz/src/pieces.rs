//! A stream that comes in pieces, and what is read of it through a filter.

use core::pin::Pin;
use core::task::{Context, Poll, Waker};
use std::cell::Cell;
use std::io;
use std::rc::Rc;

use tokio::io::{AsyncRead, ReadBuf};

/// Bytes that come in pieces of these lengths, over and over; a length of 0 is a wait.
pub struct Pieces<'a> {
    rest: &'a [u8],
    lens: std::iter::Cycle<std::slice::Iter<'a, u8>>,
    given: Rc<Cell<usize>>,
}

impl<'a> Pieces<'a> {
    /// Without lengths, all comes at once.
    #[must_use]
    pub fn new(bytes: &'a [u8], lens: &'a [u8]) -> Self {
        Self { rest: bytes, lens: lens.iter().cycle(), given: Rc::default() }
    }

    /// How many bytes were read, to be looked at while the stream is in use.
    #[must_use]
    pub fn given(&self) -> Rc<Cell<usize>> {
        Rc::clone(&self.given)
    }
}

impl AsyncRead for Pieces<'_> {
    fn poll_read(self: Pin<&mut Self>, context: &mut Context<'_>, out: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let len = this.lens.next().map_or(usize::MAX, |&len| usize::from(len));
        if len == 0 {
            context.waker().wake_by_ref();
            return Poll::Pending;
        }
        let (piece, rest) = this.rest.split_at(len.min(this.rest.len()).min(out.remaining()));
        out.put_slice(piece);
        this.rest = rest;
        this.given.set(this.given.get() + piece.len());
        Poll::Ready(Ok(()))
    }
}

/// Reads to the end, so many bytes at once; `held` is told after each read how many were handed on so far.
///
/// # Panics
/// If a read fails, or if nothing comes of very many.
pub fn read_all(mut stream: impl AsyncRead + Unpin, at_once: usize, mut held: impl FnMut(usize)) -> Vec<u8> {
    let (mut all, mut waits) = (Vec::new(), 0);
    let mut context = Context::from_waker(Waker::noop());
    let mut space = vec![0; at_once];
    loop {
        let mut read = ReadBuf::new(&mut space);
        match Pin::new(&mut stream).poll_read(&mut context, &mut read) {
            Poll::Pending => waits += 1,
            Poll::Ready(result) => {
                result.expect("no piece is an error");
                if read.filled().is_empty() {
                    return all;
                }
                all.extend_from_slice(read.filled());
                waits = 0;
            }
        }
        assert!(waits < 100_000, "it waits for ever");
        held(all.len());
    }
}
