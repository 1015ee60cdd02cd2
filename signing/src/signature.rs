//! The signature file, in the spellings that the host accepts.

use aisoc_manifests::digest::hex;
use aisoc_manifests::fault::{Fault, Reason, Result};

use crate::content::Content;

/// Name of the signature file in a plugin's directory.
pub const SIGNATURE_FILE: &str = "plugin.sig";
/// Name of the directory that holds one signature per signer, `<fingerprint>.sig`.
pub const SIGNATURE_DIRECTORY: &str = "plugin.sig.d";

/// Most bytes of a signature file: 64 pairs of digits, each on a line of its own with an indent, take less.
/// What is larger holds something else than a signature.
pub const MAX_SIGNATURE_FILE_BYTES: u64 = 1 << 10;

/// An Ed25519 signature: 64 bytes, not yet checked against anything.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Signature(pub(crate) [u8; 64]);

impl Signature {
    /// Reads the content of a signature file.
    ///
    /// First as hexadecimal of exactly 64 bytes, in either case, with ASCII white space around it and
    /// between bytes but not inside a pair; else, if the file is exactly 64 bytes long, as those bytes.
    /// The order matters: 64 hexadecimal digits are taken as a raw signature, which then verifies
    /// nothing.
    ///
    /// # Errors
    /// `signature_malformed`.
    pub fn read(content: &[u8]) -> Result<Self> {
        Self::of_bytes(SIGNATURE_FILE, content)
    }

    /// As [`Signature::read`], from the file of that name. The host's reader knows no bound and strips any
    /// amount of white space; that is where a payload would hide, so a file above
    /// [`MAX_SIGNATURE_FILE_BYTES`] is no signature here.
    pub(crate) fn read_file(file: &str, content: &Content) -> Result<Self> {
        match content {
            Content::Whole(bytes) => Self::of_bytes(file, bytes),
            Content::TooLarge { max_bytes } => {
                Err(malformed(file).expected(format!("at most {max_bytes} bytes"), "more"))
            }
            Content::NotAFile => Err(malformed(file).expected("a regular file", "something else")),
        }
    }

    fn of_bytes(file: &str, content: &[u8]) -> Result<Self> {
        if let Some(bytes) = from_hex(content) {
            return Ok(Self(bytes));
        }
        content.try_into().map(Self).map_err(|_| {
            malformed(file).expected("64 raw bytes or 128 hexadecimal digits", format!("{} other bytes", content.len()))
        })
    }

    /// Whether `content` is the one form that has no free byte: what [`Signature::to_hex`] gives.
    pub(crate) fn is_written_plainly(content: &Content) -> bool {
        let digits = |bytes: &[u8]| bytes.iter().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
        content.whole().is_some_and(|bytes| bytes.len() == 128 && digits(bytes))
    }

    /// Lower-case hexadecimal without a newline: what is written to a signature file.
    pub fn to_hex(&self) -> String {
        hex(&self.0)
    }
}

fn malformed(file: &str) -> Fault {
    Fault::new(Reason::SignatureMalformed, format!("`{file}` does not hold a signature"))
}

fn from_hex(content: &[u8]) -> Option<[u8; 64]> {
    let mut bytes = [0; 64];
    let mut filled = 0;
    let mut rest = content.iter().copied();
    while let Some(first) = rest.next() {
        if is_python_space(first) {
            continue;
        }
        let high = nibble(first)?;
        let low = nibble(rest.next()?)?;
        *bytes.get_mut(filled)? = high << 4 | low;
        filled += 1;
    }
    (filled == bytes.len()).then_some(bytes)
}

/// What `bytes.strip` and `bytes.fromhex` skip: as `is_ascii_whitespace`, and vertical tab.
fn is_python_space(byte: u8) -> bool {
    byte.is_ascii_whitespace() || byte == 0x0b
}

fn nibble(digit: u8) -> Option<u8> {
    char::from(digit).to_digit(16).and_then(|value| u8::try_from(value).ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_the_host_reads() {
        let text = hex(&[0xab; 64]);
        let wrapped = format!("  {}\r\n{}\n", &text[..64].to_uppercase(), &text[64..]);
        for good in [text.as_bytes(), wrapped.as_bytes(), &[0xab; 64]] {
            assert_eq!(Signature::read(good).expect("a signature"), Signature([0xab; 64]));
        }
        let raw_hex = Signature::read(&text.as_bytes()[..64]).expect("raw");
        assert_eq!(raw_hex.0.as_slice(), &text.as_bytes()[..64]);
    }

    #[test]
    fn refuses_split_pairs_prefixes_and_other_lengths() {
        let text = hex(&[0xab; 64]);
        for bad in [
            String::new(),
            format!("0x{text}"),
            text[..126].to_owned(),
            format!("{text}ab"),
            format!("{}\n{}", &text[..63], &text[63..]),
            format!("{text}{text}"),
        ] {
            let fault = Signature::read(bad.as_bytes()).expect_err(&bad);
            assert_eq!(fault.reason(), Reason::SignatureMalformed);
        }
    }
}
