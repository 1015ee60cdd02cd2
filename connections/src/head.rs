//! `Heads`: the head of every request, looked at before the HTTP library reads it.
//!
//! The library forgives what other readers of the same bytes may read differently: a line that ends
//! with LF alone, a header that stands twice. A proxy in front and a server behind must see the same
//! requests (RFC 9112, 2.2 and 11.2), so what is not plain is refused.

/// Longest head. Ours has a `Location` at most; tokens of registries take a few KiB.
const MAX_HEAD_BYTES: usize = 16 << 10;
/// Headers that say who is asked, and where the body ends. Each stands once at most.
const ONCE: [&str; 3] = ["host", "content-length", "transfer-encoding"];
/// What the library answers with 400, and hangs up. Passed on in place of a head that is refused, so that one
/// place makes answers, and in the order of the requests before it.
const NO_REQUEST: &[u8] = b"\0\r\n\r\n";

/// The bytes of one connection, held back until a head is whole and plain.
#[derive(Debug, Default)]
pub(crate) struct Heads {
    /// What else stands once at most.
    once: &'static [&'static str],
    held: Vec<u8>,
    /// How many of the held bytes were found plain.
    plain: usize,
    next: Next,
}

/// What the next bytes are.
#[derive(Debug, Default, PartialEq, Eq)]
enum Next {
    #[default]
    Head,
    /// So many bytes of a body.
    Body(u64),
    /// A body in chunks. Nothing after it is answered: see `closes`.
    Chunks,
    /// Nothing that will be looked at.
    Nothing,
}

impl Heads {
    /// With these headers among those that stand once at most.
    pub(crate) fn once(once: &'static [&'static str]) -> Self {
        Self { once, ..Self::default() }
    }

    /// Takes what arrived and adds what may be read to `ready`. Says how many requests began.
    pub(crate) fn take(&mut self, mut bytes: &[u8], ready: &mut Vec<u8>) -> usize {
        let mut begun = 0;
        while !bytes.is_empty() {
            match &mut self.next {
                Next::Head => {
                    bytes = self.hold(bytes);
                    begun += usize::from(self.release(ready));
                }
                Next::Body(left) => {
                    let length = bytes.len().min(usize::try_from(*left).unwrap_or(usize::MAX));
                    let (body, rest) = bytes.split_at(length);
                    ready.extend_from_slice(body);
                    bytes = rest;
                    self.skip(length);
                }
                Next::Chunks => {
                    ready.extend_from_slice(bytes);
                    return begun;
                }
                Next::Nothing => return begun,
            }
        }
        begun
    }

    /// How many of the next bytes belong to a body, and may be read past this.
    pub(crate) fn body(&self) -> u64 {
        match self.next {
            Next::Body(left) => left,
            Next::Chunks => u64::MAX,
            Next::Head | Next::Nothing => 0,
        }
    }

    /// Notes that so many bytes of the body were read past this.
    pub(crate) fn skip(&mut self, bytes: usize) {
        if let Next::Body(left) = &mut self.next {
            *left = left.saturating_sub(bytes as u64);
            if *left == 0 {
                self.next = Next::Head;
            }
        }
    }

    /// Whether everything that may be read was read, for good.
    pub(crate) fn is_over(&self) -> bool {
        self.next == Next::Nothing
    }

    /// Holds the bytes up to the end of the head, and says which are left.
    // From three bytes back, because the end may have come in two parts; not from the beginning, which would
    // make a head that comes byte by byte cost the square of its length.
    fn hold<'a>(&mut self, bytes: &'a [u8]) -> &'a [u8] {
        let before = self.held.len().saturating_sub(3);
        self.held.extend_from_slice(bytes);
        let Some(end) = self.held[before..].windows(4).position(|four| four == b"\r\n\r\n") else {
            return &[];
        };
        let excess = self.held.len() - (before + end + 4);
        self.held.truncate(self.held.len() - excess);
        &bytes[bytes.len() - excess..]
    }

    /// Passes a whole head on, or what stands for a bad one.
    fn release(&mut self, ready: &mut Vec<u8>) -> bool {
        let is_whole = self.held.ends_with(b"\r\n\r\n");
        let is_plain = is_plain(&self.held, self.plain);
        // What the last byte may be depends on the one to come.
        self.plain = self.held.len().saturating_sub(1);
        // Refused as soon as it is too long or not plain: what cannot become a request is not collected.
        let next = match is_whole {
            _ if self.held.len() > MAX_HEAD_BYTES || !is_plain => None,
            true => what_follows(&self.held, self.once),
            false => return false,
        };
        self.plain = 0;
        match next {
            Some(next) => {
                ready.append(&mut self.held);
                self.next = next;
            }
            None => {
                ready.extend_from_slice(NO_REQUEST);
                self.held.clear();
                self.next = Next::Nothing;
            }
        }
        true
    }
}

/// Whether a response must end its connection: what follows a body in chunks was not looked at.
pub fn closes(headers: &hyper::HeaderMap) -> bool {
    headers.contains_key(hyper::header::TRANSFER_ENCODING)
}

/// From that byte on: CR and LF only together, no line that continues another, no other control
/// characters.
fn is_plain(head: &[u8], from: usize) -> bool {
    let begins_a_line = |at: usize| at == 0 || head[at - 1] == b'\n';
    head.iter().enumerate().skip(from).all(|(at, byte)| match byte {
        b'\n' => at > 0 && head[at - 1] == b'\r',
        b'\r' => at > 0 && head.get(at + 1).is_none_or(|next| *next == b'\n'),
        b' ' | b'\t' => !begins_a_line(at),
        byte => *byte >= 0x20 && *byte != 0x7f,
    })
}

/// What comes after a plain head, if it says so once. `Host` must be there (RFC 9112, 3.2). A length beside
/// a coding is refused and not overruled (6.1): which of the two counts is what smuggling is made of. So is a
/// coding other than `chunked` alone, after which the end of the body is not known.
fn what_follows(head: &[u8], once: &[&str]) -> Option<Next> {
    let mut values: [Option<&str>; ONCE.len()] = [None; ONCE.len()];
    let mut seen = vec![false; once.len()];
    let text = std::str::from_utf8(head).ok()?;
    // The first line is the request's own and has no name; the last one is empty.
    for line in text.split("\r\n").skip(1).filter(|line| !line.is_empty()) {
        let (name, value) = line.split_once(':')?;
        if let Some(at) = ONCE.iter().position(|once| name.eq_ignore_ascii_case(once))
            && values[at].replace(value.trim_matches([' ', '\t'])).is_some()
        {
            return None;
        }
        if let Some(at) = once.iter().position(|once| name.eq_ignore_ascii_case(once))
            && std::mem::replace(&mut seen[at], true)
        {
            return None;
        }
    }
    match values {
        [None, ..] => None,
        [_, None, None] => Some(Next::Head),
        [_, Some(length), None] => {
            // Digits alone (RFC 9110, 8.6): `+1` and `1, 1` are numbers to some readers.
            let is_number = !length.is_empty() && length.bytes().all(|byte| byte.is_ascii_digit());
            let length = length.parse().ok().filter(|_| is_number)?;
            Some(if length == 0 { Next::Head } else { Next::Body(length) })
        }
        [_, None, Some(coding)] => coding.eq_ignore_ascii_case("chunked").then_some(Next::Chunks),
        [_, Some(_), Some(_)] => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is passed on when the bytes arrive `step` at a time.
    fn passed(bytes: &[u8], step: usize) -> Vec<u8> {
        let (mut heads, mut ready) = (Heads::once(&["authorization"]), Vec::new());
        for part in bytes.chunks(step) {
            heads.take(part, &mut ready);
        }
        ready
    }

    #[test]
    fn plain_requests_pass_as_they_are_however_they_arrive() {
        let long = format!("GET / HTTP/1.1\r\nHost: a\r\nx: {}\r\n\r\n", "y".repeat(MAX_HEAD_BYTES - 32));
        assert_eq!(long.len(), MAX_HEAD_BYTES);
        for text in [
            "GET /v2/ HTTP/1.1\r\nHost: a\r\n\r\nGET /v2/ HTTP/1.1\r\nHost: a\r\n\r\n",
            "PUT /x HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\na\nb\n\nGET / HTTP/1.1\r\nHost: a\r\n\r\n",
            "POST /x HTTP/1.1\r\ncontent-length:0\r\nhost:\ta \r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n",
            "PUT /x HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\n\r\n",
            &long,
        ] {
            for step in [1, 2, 3, 5, text.len()] {
                assert_eq!(String::from_utf8_lossy(&passed(text.as_bytes(), step)), text, "{step}");
            }
        }
    }

    #[test]
    fn what_two_readers_could_read_differently_is_no_request() {
        let long = format!("GET / HTTP/1.1\r\nHost: a\r\nx: {}\r\n\r\n", "y".repeat(MAX_HEAD_BYTES - 31));
        for text in [
            "GET / HTTP/1.1\nHost: a\n\n",
            "GET / HTTP/1.1\r\nHost: a\n\r\n",
            "GET / HTTP/1.1\r\nHost: a\r\nx: y\rz: a\r\n\r\n",
            "\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n",
            "GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n",
            "GET / HTTP/1.1\r\nHost: a\r\nhost: b\r\n\r\n",
            "GET / HTTP/1.1\r\n\r\n",
            "GET / HTTP/1.1\r\nHost: a\r\n x: continued\r\n\r\n",
            "GET / HTTP/1.1\r\nHost: a\r\nno colon\r\n\r\n",
            "GET / HTTP/1.1\r\nHost: a\r\nx: \0\r\n\r\n",
            "GET / HTTP/1.1\r\nHost: a\r\nAuthorization: a\r\nauthorization: b\r\n\r\n",
            "PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\nx",
            "PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: +1\r\n\r\nx",
            "PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 1,1\r\n\r\nx",
            "PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 99999999999999999999\r\n\r\nx",
            "PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\nx",
            "PUT / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip, chunked\r\n\r\nx",
            "PUT / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\nx",
            &long,
        ] {
            for step in [1, 2, 3, 5, text.len()] {
                assert_eq!(passed(text.as_bytes(), step), NO_REQUEST, "{text:?} in steps of {step}");
            }
        }
    }

    #[test]
    fn nothing_after_a_bad_head_is_read() {
        let text = "GET / HTTP/1.1\r\nHost: a\r\n\r\nGET / HTTP/1.1\nHost: a\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n";
        let passed = passed(text.as_bytes(), 7);
        assert_eq!(passed, [b"GET / HTTP/1.1\r\nHost: a\r\n\r\n", NO_REQUEST].concat());
    }

    #[test]
    fn a_head_without_an_end_is_not_collected_for_ever() {
        let (mut heads, mut ready) = (Heads::default(), Vec::new());
        for _ in 0..1000 {
            heads.take(&[b'x'; 1000], &mut ready);
        }
        assert_eq!((ready.as_slice(), heads.held.len(), heads.is_over()), (NO_REQUEST, 0, true));
    }
}
