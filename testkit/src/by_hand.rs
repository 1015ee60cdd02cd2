//! An HTTP server that knows no HTTP: the answer is written byte by byte, right or wrong.

use std::io::{self, Read as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::thread;

/// Listens at `place` (`127.0.0.1:0`) and hands the head of each connection's first request to
/// `answer`, on a thread for each connection. Nobody stops it: it ends with the test.
pub fn serve(
    place: &str,
    answer: impl Fn(&str, &mut TcpStream) -> io::Result<()> + Send + Sync + 'static,
) -> SocketAddr {
    accept(place, move |mut stream| answer(&head(&mut stream)?, &mut stream))
}

/// The same with each connection as it comes, before anything was said.
pub fn accept(place: &str, talk: impl Fn(TcpStream) -> io::Result<()> + Send + Sync + 'static) -> SocketAddr {
    let listener = TcpListener::bind(place).expect("a port");
    let address = listener.local_addr().expect("an address");
    let talk = Arc::new(talk);
    thread::spawn(move || {
        for stream in listener.incoming() {
            let (stream, talk) = (stream.expect("a connection"), Arc::clone(&talk));
            // A client that hangs up ends the talk.
            thread::spawn(move || drop(talk(stream)));
        }
    });
    address
}

/// The head of a request, to the empty line behind it.
pub(crate) fn head(stream: &mut TcpStream) -> io::Result<String> {
    let (mut head, mut byte) = (Vec::new(), [0]);
    while !head.ends_with(b"\r\n\r\n") {
        stream.read_exact(&mut byte)?;
        head.push(byte[0]);
    }
    Ok(String::from_utf8_lossy(&head).into_owned())
}
