//! `Counted`: a body whose bytes are counted on their way, and whose end is told.

use std::error::Error;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use hyper::body::{Body as HttpBody, Frame, SizeHint};

/// Bytes of a body that have moved so far.
#[derive(Debug, Default, Clone)]
pub(crate) struct Count(Arc<AtomicU64>);

impl Count {
    pub(crate) fn bytes(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }

    fn add(&self, bytes: usize) {
        self.0.fetch_add(bytes as u64, Ordering::Relaxed);
    }
}

/// A body under count. What is told of its end is told when it is dropped, which is when nobody wants more of it.
pub(crate) struct Counted<B, E> {
    body: B,
    count: Count,
    end: E,
}

/// Is told how a body ended.
pub(crate) trait End {
    /// Notes that all of it was taken.
    fn whole(&mut self);
}

/// Nobody wants to know.
pub(crate) struct Untold;

impl End for Untold {
    fn whole(&mut self) {}
}

impl<B, E> Counted<B, E> {
    pub(crate) fn new(body: B, count: Count, end: E) -> Self {
        Self { body, count, end }
    }
}

impl<B, E> HttpBody for Counted<B, E>
where
    B: HttpBody<Data = Bytes, Error: Into<Box<dyn Error + Send + Sync>>> + Unpin,
    E: End + Unpin,
{
    type Data = Bytes;
    type Error = B::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        let this = &mut *self;
        let frame = ready!(Pin::new(&mut this.body).poll_frame(context));
        match &frame {
            Some(Ok(frame)) => this.count.add(frame.data_ref().map_or(0, Bytes::len)),
            Some(Err(_)) => return Poll::Ready(frame),
            None => {}
        }
        // The library asks no further once it has what was promised.
        if frame.is_none() || this.body.is_end_stream() {
            this.end.whole();
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
