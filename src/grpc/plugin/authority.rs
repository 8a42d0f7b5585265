//! Lets in Go's clients of the older API, which name a host that is none.
//!
//! Kubernetes' client of v1beta1 dials a path, and `grpc-go` makes an `:authority` of it: `%2Frun%2Fkms.sock`. No URL
//! has a host with escapes of that kind, so that `h2` refuses the request. Nobody here reads the authority: each `%`
//! in it becomes a `-` before `h2` sees it. Both have 6 bits in the code of HPACK, so that neither a length nor what
//! either side keeps in its table of headers changes.
//!
//! Sources: RFC 9113, section 6.2; RFC 7541, section 6 and appendix B.
#![warn(clippy::indexing_slicing, clippy::arithmetic_side_effects)]

mod hpack;

use alloc::vec::Vec;
use core::mem;
use core::pin::Pin;
use core::task::{Context, Poll, ready};
use std::io;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use crate::secret::wipe;

/// Bytes that each client of HTTP/2 sends first.
const PREFACE_LEN: usize = 24;

const FRAME_HEAD_LEN: usize = 9;
/// The longest frame unless the server allows longer ones, which it does not.
const FRAME_LEN_MAX: usize = 1 << 14;

/// Bytes that are read at once.
const READ_LEN_MAX: usize = 4096;

/// Bytes that wait at most: of one read, and of the frame of headers that it completes.
const READY_LEN_MAX: usize = READ_LEN_MAX + FRAME_HEAD_LEN + FRAME_LEN_MAX;

const HEADERS: u8 = 1;
const PADDED: u8 = 0x08;
const PRIORITY: u8 = 0x20;

/// A stream whose reader gets authorities that are URLs' hosts.
#[derive(Debug)]
pub(super) struct Authorities<S> {
    stream: S,
    frames: Frames,
    /// Read and not yet handed on, from `handed` on.
    ready: Vec<u8>,
    handed: usize,
}

impl<S> Authorities<S> {
    pub(super) fn new(stream: S) -> Self {
        let ready = Vec::with_capacity(READY_LEN_MAX);
        Self { stream, frames: Frames::Passing(PREFACE_LEN), ready, handed: 0 }
    }
}

/// Where in the stream of frames the next byte stands.
#[derive(Debug)]
enum Frames {
    /// So many bytes that are not looked at.
    Passing(usize),
    /// In the head of a frame.
    Head(Vec<u8>),
    /// In a frame of headers: what there is of it, the head included, and how long it is as a whole.
    Headers(Vec<u8>, usize),
}

impl Frames {
    /// Takes the next bytes and appends to `out` what can be handed on.
    fn take(&mut self, mut bytes: &[u8], out: &mut Vec<u8>) {
        while !bytes.is_empty() {
            let wanted = match self {
                Self::Passing(left) => *left,
                Self::Head(head) => FRAME_HEAD_LEN.saturating_sub(head.len()),
                Self::Headers(frame, len) => len.saturating_sub(frame.len()),
            };
            let (taken, rest) = bytes.split_at_checked(wanted).unwrap_or((bytes, &[]));
            bytes = rest;
            let is_whole = taken.len() == wanted;
            match self {
                Self::Passing(left) => {
                    out.extend_from_slice(taken);
                    *left = left.saturating_sub(taken.len());
                }
                Self::Head(part) | Self::Headers(part, _) => part.extend_from_slice(taken),
            }
            if is_whole {
                self.next(out);
            }
        }
    }

    /// One part is whole; what comes behind it.
    fn next(&mut self, out: &mut Vec<u8>) {
        *self = match mem::replace(self, Self::Passing(0)) {
            Self::Passing(_) => Self::Head(Vec::new()),
            Self::Headers(mut frame, _) => {
                if let Some(block) = block_of(&mut frame) {
                    hpack::make_authority_a_host(block);
                }
                out.append(&mut frame);
                Self::Head(Vec::new())
            }
            Self::Head(head) => {
                let &[a, b, c, kind, ..] = head.as_slice() else { return };
                let len = usize::from(a) << 16 | usize::from(b) << 8 | usize::from(c);
                if kind == HEADERS && len > 0 && len <= FRAME_LEN_MAX {
                    Self::Headers(head, FRAME_HEAD_LEN.saturating_add(len))
                } else {
                    out.extend_from_slice(&head);
                    if len == 0 { Self::Head(Vec::new()) } else { Self::Passing(len) }
                }
            }
        };
    }
}

/// The headers themselves in a frame of headers, without padding and priority.
fn block_of(frame: &mut [u8]) -> Option<&mut [u8]> {
    let (head, payload) = frame.split_at_mut_checked(FRAME_HEAD_LEN)?;
    let flags = *head.get(4)?;
    let padding_head = usize::from(flags & PADDED != 0);
    let padding = if padding_head == 0 { 0 } else { usize::from(*payload.first()?) };
    let start = padding_head.checked_add(if flags & PRIORITY == 0 { 0 } else { 5 })?;
    let end = payload.len().checked_sub(padding)?;
    payload.get_mut(start..end)
}

impl<S: AsyncRead + Unpin> AsyncRead for Authorities<S> {
    fn poll_read(self: Pin<&mut Self>, context: &mut Context<'_>, out: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let Self { stream, frames, ready, handed } = self.get_mut();
        while *handed == ready.len() {
            // A DEK may have been among them.
            wipe(ready);
            ready.clear();
            *handed = 0;
            let mut space = [0; READ_LEN_MAX];
            let mut read = ReadBuf::new(&mut space);
            ready!(Pin::new(&mut *stream).poll_read(context, &mut read))?;
            if read.filled().is_empty() {
                return Poll::Ready(Ok(()));
            }
            frames.take(read.filled(), ready);
            wipe(&mut space);
        }
        let rest = ready.get(*handed..).unwrap_or_default();
        let len = rest.len().min(out.remaining());
        out.put_slice(rest.get(..len).unwrap_or_default());
        *handed = handed.saturating_add(len);
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Authorities<S> {
    fn poll_write(self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.get_mut().stream).poll_write(context, bytes)
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_flush(context)
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_shutdown(context)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.get_mut().stream).poll_write_vectored(context, bytes)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }
}

impl<S> Drop for Authorities<S> {
    fn drop(&mut self) {
        wipe(&mut self.ready);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A frame of headers with an authority in plain text, padded and with a priority.
    const FRAME: &[u8] = b"\0\0\x10\x01\x2c\0\0\0\x01\x02\0\0\0\0\x10\x82\x41\x05a%2Fb\0\0";

    #[test]
    fn however_it_is_cut_the_bytes_are_the_same_but_for_the_authority() {
        let preface = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
        let settings = b"\0\0\0\x04\0\0\0\0\0";
        let data = b"\0\0\x08\x00\x01\0\0\0\x01\x82\x41\x05a%2Fb";
        let sent = [&preface[..], settings, FRAME, data, FRAME].concat();
        let changed = FRAME.iter().map(|&byte| if byte == b'%' { b'-' } else { byte }).collect::<Vec<_>>();
        let expected = [&preface[..], settings, &changed, data, &changed].concat();
        for piece in 1..sent.len() {
            let (mut frames, mut out) = (Frames::Passing(PREFACE_LEN), Vec::new());
            for bytes in sent.chunks(piece) {
                frames.take(bytes, &mut out);
            }
            assert_eq!(out, expected, "{piece}");
        }
    }
}
