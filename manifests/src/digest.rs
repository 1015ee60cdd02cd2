//! `Digest`, and the reader that proves one while bytes pass through.

use std::fmt;
use std::io::{self, Read};
use std::str::FromStr;

use sha2::{Digest as _, Sha256};

use crate::fault::{Fault, Reason, Result};
use crate::text::shown;

/// The SHA-256 of some bytes, written `sha256:` and 64 lower-case hexadecimal digits.
///
/// sha512 is registered by the OCI image specification too; no registry or tool that we know of
/// writes it for artifacts, so a reader that meets it refuses by name instead of half-supporting it.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Digest([u8; 32]);

impl Digest {
    /// The digest of `bytes`.
    pub fn of(bytes: &[u8]) -> Self {
        Self(Sha256::digest(bytes).into())
    }

    /// A digest whose 32 bytes some other hasher has computed.
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The digest of that hexadecimal text: 64 lower-case digits, and nothing else.
    pub fn from_hex(digits: &str) -> Option<Self> {
        let nibble = |digit: u8| match digit {
            b'0'..=b'9' => Some(digit - b'0'),
            b'a'..=b'f' => Some(digit - b'a' + 10),
            _ => None,
        };
        let digits = digits.as_bytes();
        let mut bytes = [0; 32];
        if digits.len() != 64 {
            return None;
        }
        for (byte, pair) in bytes.iter_mut().zip(digits.chunks_exact(2)) {
            *byte = nibble(pair[0])? << 4 | nibble(pair[1])?;
        }
        Some(Self(bytes))
    }

    /// The 32 bytes.
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// The 64 lower-case hexadecimal digits, without the algorithm.
    pub fn hex(&self) -> String {
        hex(&self.0)
    }
}

/// Lower-case hexadecimal text of `bytes`.
pub fn hex(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let mut text = String::with_capacity(bytes.len() * 2);
    for byte in bytes {
        text.push(char::from(DIGITS[usize::from(byte >> 4)]));
        text.push(char::from(DIGITS[usize::from(byte & 15)]));
    }
    text
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "sha256:{}", self.hex())
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for Digest {
    type Err = Fault;

    fn from_str(text: &str) -> Result<Self> {
        text.strip_prefix("sha256:").and_then(Self::from_hex).ok_or_else(|| {
            Fault::new(Reason::InvalidReference, format!("`{}` is not a digest", shown(text, 120)))
                .hint("a digest is `sha256:` followed by 64 lower-case hexadecimal digits")
        })
    }
}

impl serde::Serialize for Digest {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> serde::Deserialize<'de> for Digest {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> std::result::Result<Self, D::Error> {
        let text = <std::borrow::Cow<'de, str>>::deserialize(deserializer)?;
        text.parse().map_err(|_| serde::de::Error::custom("not a sha256 digest"))
    }
}

/// Passes bytes through, and refuses at the end unless they were exactly the promised ones.
///
/// Never hands out more than `size` bytes. The caller must read to the end and call
/// [`VerifyingReader::finish`], which consumes the reader: an early drop proves nothing, and says so
/// by not having returned anything.
pub struct VerifyingReader<R> {
    inner: R,
    hasher: Sha256,
    expected: Digest,
    remaining: u64,
}

impl<R: Read> VerifyingReader<R> {
    /// Expects exactly `size` bytes with digest `expected`.
    pub fn new(inner: R, expected: Digest, size: u64) -> Self {
        Self { inner, hasher: Sha256::new(), expected, remaining: size }
    }

    /// How many bytes are still to be read.
    pub fn remaining(&self) -> u64 {
        self.remaining
    }

    /// Reads what is left, then compares size and digest.
    ///
    /// # Errors
    /// `pull_failed` when the bytes are fewer, more, or others than promised.
    pub fn finish(mut self) -> Result<()> {
        io::copy(&mut self, &mut io::sink()).map_err(|source| {
            Fault::new(Reason::PullFailed, format!("cannot read all of {}", self.expected)).caused_by(source)
        })?;
        if self.remaining > 0 {
            return Err(Fault::new(
                Reason::PullFailed,
                format!("{} ended {} bytes early", self.expected, self.remaining),
            ));
        }
        let mut byte = [0];
        if !matches!(self.inner.read(&mut byte), Ok(0)) {
            return Err(Fault::new(Reason::PullFailed, format!("{} goes on after its end", self.expected)));
        }
        let found = Digest(self.hasher.finalize().into());
        if found != self.expected {
            return Err(Fault::new(Reason::PullFailed, "the content does not match its digest")
                .expected(self.expected.to_string(), found.to_string()));
        }
        Ok(())
    }
}

impl<R: Read> Read for VerifyingReader<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let wanted = buffer.len().min(usize::try_from(self.remaining).unwrap_or(usize::MAX));
        let read = self.inner.read(&mut buffer[..wanted])?;
        self.hasher.update(&buffer[..read]);
        self.remaining -= read as u64;
        Ok(read)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_only_lower_case_sha256() {
        let good = Digest::of(b"x").to_string();
        assert_eq!(good.parse::<Digest>().expect("valid"), Digest::of(b"x"));
        for bad in [
            "",
            "sha256:",
            "sha256:ab",
            "md5:d41d8cd98f00b204e9800998ecf8427e",
            "sha256:../../x",
            &good.to_uppercase(),
            &format!("{good}0"),
            &format!(" {good}"),
        ] {
            assert!(bad.parse::<Digest>().is_err(), "{bad}");
        }
    }

    #[test]
    fn refuses_short_long_and_other_bytes() {
        let check = |bytes: &[u8], digest: Digest, size: u64| VerifyingReader::new(bytes, digest, size).finish();
        assert!(check(b"hello", Digest::of(b"hello"), 5).is_ok());
        for (bytes, size) in [(&b"hell"[..], 5), (b"hello!", 5), (b"hellx", 5), (b"hello", 4)] {
            assert_eq!(check(bytes, Digest::of(b"hello"), size).expect_err("differs").reason(), Reason::PullFailed);
        }
    }
}
