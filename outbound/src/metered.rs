//! `Metered`: a connection of which so much is read, and no more: below the library that takes it apart, whatever the server makes
//! of it.
//!
//! Interim answers (1xx), chunks of a byte each, the length of a chunk behind zeros without end: none of these is a head or a
//! body for whoever asks, and all of them keep a thread at work. So it is bytes that are counted, and after so many of them it is
//! the turn of others. Over TLS those are counted as well that it is made of: records may hold nothing, or what TLS keeps for
//! itself.

use std::future::{Future, poll_fn};
use std::io;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// So much is read until it is the turn of others.
const TURN_BYTES: usize = 16 << 10;

/// How much may still be read.
#[derive(Debug, Default)]
pub(crate) struct Meter {
    left: AtomicUsize,
    is_spent: AtomicBool,
    /// That of the connection that this one is made of, by TLS.
    below: Option<Arc<Self>>,
}

impl Meter {
    pub(crate) fn of(bytes: usize) -> Arc<Self> {
        Arc::new(Self { left: AtomicUsize::new(bytes), ..Self::default() })
    }

    /// One of so much above that of its connection, where that has one: of what TLS makes of it as much again may be read there.
    pub(crate) fn above(below: Option<Arc<Self>>, bytes: usize) -> Arc<Self> {
        let meter = Self { below, ..Self::default() };
        meter.allow(bytes);
        Arc::new(meter)
    }

    /// So much more. Whoever waits for the connection has to ask it again.
    pub(crate) fn allow(&self, bytes: usize) {
        self.left.fetch_add(bytes, Ordering::SeqCst);
        self.is_spent.store(false, Ordering::SeqCst);
        if let Some(below) = &self.below {
            below.allow(2 * bytes);
        }
    }

    /// Whether there was more to be read than may be.
    pub(crate) fn is_spent(&self) -> bool {
        self.is_spent.load(Ordering::SeqCst) || self.below.as_ref().is_some_and(|below| below.is_spent())
    }

    /// What is waited for on a connection of which no more is read than may be.
    ///
    /// # Errors
    /// [`Spent`] where that does not come before more is there.
    pub(crate) async fn unless_spent<T>(&self, work: impl Future<Output = T>) -> Result<T, Spent> {
        let mut work = pin!(work);
        poll_fn(|context| match work.as_mut().poll(context) {
            Poll::Ready(done) => Poll::Ready(Ok(done)),
            Poll::Pending if self.is_spent() => Poll::Ready(Err(Spent)),
            Poll::Pending => Poll::Pending,
        })
        .await
    }
}

/// A server has sent more than is read of it.
#[derive(Debug)]
pub(crate) struct Spent;

/// A connection with its meter.
#[derive(Debug)]
pub(crate) struct Metered<T> {
    connection: T,
    meter: Arc<Meter>,
    /// Read since it was the turn of others.
    turn: usize,
}

impl<T> Metered<T> {
    pub(crate) fn new(connection: T, meter: Arc<Meter>) -> Self {
        Self { connection, meter, turn: 0 }
    }
}

impl<T: AsyncRead + Unpin> AsyncRead for Metered<T> {
    fn poll_read(mut self: Pin<&mut Self>, context: &mut Context<'_>, into: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let left = self.meter.left.load(Ordering::SeqCst);
        if left == 0 {
            // Nobody is woken: whoever has asked looks at the meter next.
            self.meter.is_spent.store(true, Ordering::SeqCst);
            return Poll::Pending;
        }
        if self.turn >= TURN_BYTES {
            self.turn = 0;
            context.waker().wake_by_ref();
            return Poll::Pending;
        }
        let most = left.min(TURN_BYTES - self.turn).min(into.remaining());
        let mut part = ReadBuf::new(into.initialize_unfilled_to(most));
        ready!(Pin::new(&mut self.connection).poll_read(context, &mut part))?;
        let count = part.filled().len();
        into.advance(count);
        self.turn += count;
        self.meter.left.fetch_sub(count, Ordering::SeqCst);
        Poll::Ready(Ok(()))
    }
}

impl<T: AsyncWrite + Unpin> AsyncWrite for Metered<T> {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.connection).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.connection).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.connection).poll_shutdown(context)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_tls_makes_of_it_is_counted_as_well() {
        let below = Meter::of(100);
        let meter = Meter::above(Some(Arc::clone(&below)), 10);
        assert_eq!(below.left.load(Ordering::SeqCst), 120);
        // Records that hold nothing come to nothing above.
        let bytes = vec![b'x'; 1_000];
        let mut metered = Metered::new(bytes.as_slice(), Arc::clone(&below));
        let nothing = poll_fn(|context| {
            let (mut buffer, mut read) = (vec![0; 64], 0);
            loop {
                let mut into = ReadBuf::new(&mut buffer);
                if Pin::new(&mut metered).poll_read(context, &mut into).is_pending() {
                    assert_eq!(read, 120);
                    return Poll::<()>::Pending;
                }
                read += into.filled().len();
            }
        });
        meter.unless_spent(nothing).await.expect_err("it would be waited for without end");
        meter.allow(1);
        assert!(!meter.is_spent() && below.left.load(Ordering::SeqCst) == 2, "and what it may be of more");
        meter.unless_spent(async {}).await.expect("it is there");
    }

    #[tokio::test]
    async fn so_much_is_read_and_others_have_their_turn_meanwhile() {
        let bytes = vec![b'x'; 100_000];
        let meter = Meter::of(50_000);
        let mut metered = Metered::new(bytes.as_slice(), Arc::clone(&meter));
        let (mut buffer, mut read, mut turns) = (vec![0; 100_000], 0, 0);
        while !meter.is_spent() {
            poll_fn(|context| {
                let mut into = ReadBuf::new(&mut buffer);
                if Pin::new(&mut metered).poll_read(context, &mut into).is_pending() {
                    turns += 1;
                }
                read += into.filled().len();
                Poll::Ready(())
            })
            .await;
        }
        assert_eq!((read, turns), (50_000, 50_000 / TURN_BYTES + 1), "after each turn, and at the end");
        meter.allow(1);
        let mut into = ReadBuf::new(&mut buffer);
        poll_fn(|context| Pin::new(&mut metered).poll_read(context, &mut into)).await.expect("read");
        assert_eq!(into.filled().len(), 1);
    }
}
