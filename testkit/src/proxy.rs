//! A proxy that leads every host to one place, or gives one answer to all, and remembers what it saw.

use std::io::{self, Read as _, Write as _};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use crate::by_hand;

/// A proxy on this machine.
#[derive(Debug)]
pub struct Proxy {
    address: SocketAddr,
    seen: Arc<Mutex<Seen>>,
}

/// What passed through.
#[derive(Debug, Default)]
struct Seen {
    heads: Vec<String>,
    bytes: Vec<u8>,
}

impl Proxy {
    /// Leads to `server` (`host:port`), whichever host is asked for.
    pub fn to(server: &str) -> Self {
        let server = server.to_owned();
        Self::start(move |head, stream, seen| {
            let mut there = TcpStream::connect(&server)?;
            match head.starts_with("CONNECT ") {
                true => stream.write_all(b"HTTP/1.1 200 Connection established\r\n\r\n")?,
                // Our registry reads the absolute form too (RFC 9112, 3.2.2), so the head goes on as it came.
                false => there.write_all(head.as_bytes())?,
            }
            let (mut back, mut out) = (there.try_clone()?, stream.try_clone()?);
            let answers = thread::spawn(move || pump(&mut back, &mut out, |_| {}));
            pump(stream, &mut there, |bytes| lock(seen).bytes.extend_from_slice(bytes));
            drop(answers.join());
            Ok(())
        })
    }

    /// Gives that answer to everything.
    pub fn answering(answer: &'static str) -> Self {
        Self::start(move |_, stream, _| stream.write_all(answer.as_bytes()))
    }

    fn start(serve: impl Fn(&str, &mut TcpStream, &Mutex<Seen>) -> io::Result<()> + Send + Sync + 'static) -> Self {
        let seen = Arc::<Mutex<Seen>>::default();
        let noted = Arc::clone(&seen);
        let address = by_hand::serve("127.0.0.1:0", move |head, stream| {
            lock(&noted).heads.push(head.to_owned());
            serve(head, stream, &noted)
        });
        Self { address, seen }
    }

    /// `127.0.0.1:PORT`.
    pub fn host(&self) -> String {
        self.address.to_string()
    }

    /// The heads of the requests that it got, whole.
    pub fn heads(&self) -> Vec<String> {
        lock(&self.seen).heads.clone()
    }

    /// What clients sent through it after the first head of each connection.
    pub fn bytes(&self) -> Vec<u8> {
        lock(&self.seen).bytes.clone()
    }
}

fn lock(seen: &Mutex<Seen>) -> std::sync::MutexGuard<'_, Seen> {
    seen.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Hands bytes on until one side hangs up.
fn pump(from: &mut TcpStream, to: &mut TcpStream, note: impl Fn(&[u8])) {
    let mut buffer = [0; 16 << 10];
    while let Ok(count @ 1..) = from.read(&mut buffer) {
        note(&buffer[..count]);
        if to.write_all(&buffer[..count]).is_err() {
            break;
        }
    }
    // It is closed already where the other side did so.
    let _ = to.shutdown(Shutdown::Write);
}
