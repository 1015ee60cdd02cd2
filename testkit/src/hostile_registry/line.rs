//! `Line`: one connection of a client, and every byte that is said on it.

use std::io::{self, Read as _, Write as _};
use std::net::{Shutdown, TcpStream};
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use rustix::net::sockopt::{set_socket_linger, set_socket_send_buffer_size};

use crate::by_hand;

/// What the system keeps of what was said and not received, in bytes: little, so that what was said is what was read.
const SEND_BUFFER: usize = 16 << 10;
/// So much is said at a time, and then the client has a moment to read it.
const PIECE: usize = 64 << 10;
const MOMENT: Duration = Duration::from_millis(1);
/// The first byte of a client that speaks TLS (RFC 8446, 5.1).
const HANDSHAKE: u8 = 22;
/// Most bytes of a request's body that are read.
const MAX_BODY: usize = 64 << 20;
/// How long a client may take to hang up.
const PARTING: Duration = Duration::from_secs(2);

/// What happened at one listener.
#[derive(Debug, Default)]
pub(super) struct Record {
    pub(super) connections: AtomicUsize,
    /// How many of them have not ended.
    pub(super) open: AtomicUsize,
    pub(super) sent: AtomicU64,
    /// Heads and bodies of requests, as they came.
    heard: Mutex<Vec<u8>>,
}

impl Record {
    /// Everything that clients said.
    pub(super) fn heard(&self) -> String {
        String::from_utf8_lossy(&self.heard.lock().unwrap_or_else(PoisonError::into_inner)).into_owned()
    }

    /// Waits until every connection has ended, as they do soon after who made them.
    pub(super) fn settle(&self) {
        let end = Instant::now() + 2 * PARTING;
        while self.open.load(Ordering::SeqCst) > 0 && Instant::now() < end {
            thread::sleep(MOMENT);
        }
    }

    fn note(&self, bytes: &[u8]) {
        self.heard.lock().unwrap_or_else(PoisonError::into_inner).extend_from_slice(bytes);
    }
}

/// Where the three listeners are, for `{scheme}`, `{home}`, `{elsewhere}` and `{inside}` in what is said.
#[derive(Debug, Clone, Default)]
pub(super) struct Places {
    pub(super) home: String,
    pub(super) elsewhere: String,
    pub(super) inside: String,
    /// `http` or `https`, as it is spoken at home.
    pub(super) scheme: &'static str,
}

impl Places {
    pub(super) fn named_in(&self, text: &str) -> String {
        let names = [("{home}", self.home.as_str()), ("{elsewhere}", &self.elsewhere), ("{inside}", &self.inside)];
        let text = text.replace("{scheme}", self.scheme);
        names.iter().fold(text, |text, (name, place)| text.replace(name, place))
    }
}

/// A connection whose first request was read.
#[derive(Debug)]
pub struct Line {
    stream: TcpStream,
    record: Arc<Record>,
    places: Places,
    head: String,
    /// How often the deed was done before.
    pub(super) turn: usize,
}

impl Line {
    /// Reads the head of the first request.
    pub(super) fn open(mut stream: TcpStream, record: &Arc<Record>, places: Places) -> io::Result<Self> {
        set_socket_send_buffer_size(&stream, SEND_BUFFER)?;
        let mut first = [0];
        // TLS is spoken to who knows none, and answers it as servers do.
        if stream.peek(&mut first)? == 1 && first == [HANDSHAKE] {
            stream.write_all(b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n")?;
        }
        let head = by_hand::head(&mut stream)?;
        record.note(head.as_bytes());
        Ok(Self { stream, record: Arc::clone(record), places, head, turn: 0 })
    }

    /// `GET`, `HEAD`, …
    pub fn method(&self) -> &str {
        self.head.split(' ').next().unwrap_or_default()
    }

    /// Path and query.
    pub fn path(&self) -> &str {
        self.head.split(' ').nth(1).unwrap_or_default()
    }

    /// That header, if the client sent it.
    pub fn header(&self, name: &str) -> Option<&str> {
        let lines = self.head.lines().filter_map(|line| line.split_once(':'));
        lines.into_iter().find(|(found, _)| found.eq_ignore_ascii_case(name)).map(|(_, value)| value.trim())
    }

    /// The request's body, as long as its `Content-Length` says.
    pub fn body(&mut self) -> io::Result<Vec<u8>> {
        let length = self.header("content-length").and_then(|length| length.parse().ok()).unwrap_or(0).min(MAX_BODY);
        let mut body = vec![0; length];
        self.stream.read_exact(&mut body)?;
        self.record.note(&body);
        Ok(body)
    }

    /// Says those bytes, as they are.
    pub fn raw(&mut self, bytes: &[u8]) -> io::Result<()> {
        for piece in bytes.chunks(PIECE) {
            // Counted first: whoever has read it may look at once.
            self.record.sent.fetch_add(piece.len() as u64, Ordering::SeqCst);
            self.stream.write_all(piece)?;
            if piece.len() == PIECE {
                thread::sleep(MOMENT);
            }
        }
        Ok(())
    }

    /// Says the head of an answer: status and header lines, one a line, with the places that it names.
    pub fn head(&mut self, lines: &str) -> io::Result<()> {
        let lines = self.places.named_in(lines).replace('\n', "\r\n");
        self.raw(format!("HTTP/1.1 {lines}\r\nConnection: close\r\n\r\n").as_bytes())
    }

    /// An answer as it should be: after the request's body, with the length of its own.
    pub fn say(&mut self, lines: &str, body: &[u8]) -> io::Result<()> {
        self.body()?;
        self.head(&format!("{lines}\nContent-Length: {}", body.len()))?;
        match self.method() {
            "HEAD" => Ok(()),
            _ => self.raw(body),
        }
    }

    /// Says nothing until the client hangs up.
    pub fn wait(&mut self) -> io::Result<()> {
        let mut part = [0; 4096];
        loop {
            match self.stream.read(&mut part)? {
                0 => return Ok(()),
                read => self.record.note(&part[..read]),
            }
        }
    }

    /// Ends the connection so that what is on its way is lost, and the other side told (RST).
    pub fn reset(&mut self) -> io::Result<()> {
        // What was said so far is to arrive.
        thread::sleep(Duration::from_millis(50));
        set_socket_linger(&self.stream, Some(Duration::ZERO))?;
        Ok(())
    }

    /// Ends the connection in order, once the client has done so or has had its time.
    pub(super) fn part(mut self) {
        let is_reset = rustix::net::sockopt::socket_linger(&self.stream).is_ok_and(|linger| linger.is_some());
        if !is_reset {
            let _ = self.stream.shutdown(Shutdown::Write);
            let _ = self.stream.set_read_timeout(Some(PARTING));
            let _ = self.wait();
        }
    }
}
