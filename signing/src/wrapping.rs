//! `Wrapping`: what variables, forms and shells make of a PEM text on its way, and the text without it.
//!
//! A CI system keeps a secret of one line, so people store the key with `\n` for its line breaks, or in base64;
//! `>` in PowerShell writes UTF-16. Each of them is told apart from a PEM text and from the others with no
//! guess, and taking it off gives the key or nothing.

use base64::Engine as _;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use zeroize::Zeroizing;

use crate::pem::{blocks, contains, has_armor, without_blanks};

/// How often a text is wrapped at most: UTF-16 of base64 of a text with escapes.
pub(crate) const MAX_LAYERS: usize = 3;

const LENIENT: GeneralPurposeConfig =
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent);
const ENGINES: [GeneralPurpose; 2] =
    [GeneralPurpose::new(&alphabet::STANDARD, LENIENT), GeneralPurpose::new(&alphabet::URL_SAFE, LENIENT)];

/// What a PEM text is wrapped in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Wrapping {
    /// The two characters `\n` where a line ends.
    EscapedLines,
    /// The whole text in base64.
    Base64,
    /// Two bytes for each character.
    Utf16(ByteOrder),
}

/// Which of the two bytes of a UTF-16 character comes first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ByteOrder {
    /// A mark at the beginning says it.
    Marked,
    LittleEndian,
    BigEndian,
}

/// Takes base64 off as [`base64`] does: `base64 -d` alone stops at a quote, at the alphabet for URLs, at a mark and
/// where the padding is missing.
pub(crate) const BASE64_DECODED: &str = "LC_ALL=C tr -dc A-Za-z0-9+/_- | tr _- /+ | \
     awk '{ while (length($0) % 4) $0 = $0 \"=\"; print }' | base64 -d";

impl Wrapping {
    /// The command that takes it off what is piped into it, as [`unwrapped`] does.
    const fn taken_off(self) -> &'static str {
        match self {
            Self::EscapedLines => r#"awk '{ gsub(/\\+[nr]/, "\n"); gsub(/\\/, ""); print }'"#,
            Self::Base64 => BASE64_DECODED,
            Self::Utf16(ByteOrder::Marked) => "iconv -f UTF-16 -t UTF-8",
            Self::Utf16(ByteOrder::LittleEndian) => "iconv -f UTF-16LE -t UTF-8",
            Self::Utf16(ByteOrder::BigEndian) => "iconv -f UTF-16BE -t UTF-8",
        }
    }

    /// What a PEM text in it is called.
    pub(crate) const fn found(self) -> &'static str {
        match self {
            Self::EscapedLines => r"a PEM text with `\n` in place of its line breaks",
            Self::Base64 => "a PEM text in base64",
            Self::Utf16(_) => "a PEM text in UTF-16",
        }
    }
}

/// The PEM text that was wrapped.
pub(crate) struct Unwrapped {
    /// What was around it, the outermost first.
    pub(crate) layers: Vec<Wrapping>,
    pub(crate) text: Zeroizing<Vec<u8>>,
}

/// The command that takes `layers` off what comes from the command `source`.
pub(crate) fn taken_off(layers: &[Wrapping], source: String) -> String {
    layers.iter().fold(source, |command, layer| format!("{command} | {}", layer.taken_off()))
}

/// `content` as a PEM text, and what was around it; `None` when it is one already, or is none in any wrapping.
pub(crate) fn unwrapped(content: &[u8]) -> Option<Unwrapped> {
    let (outermost, text) = without_one(content)?;
    let mut found = Unwrapped { layers: vec![outermost], text };
    while found.layers.len() < MAX_LAYERS {
        let Some((layer, text)) = without_one(&found.text) else { break };
        found.layers.push(layer);
        found.text = text;
    }
    has_armor(&found.text).then_some(found)
}

fn without_one(content: &[u8]) -> Option<(Wrapping, Zeroizing<Vec<u8>>)> {
    if let Some((order, text)) = utf16(content) {
        return Some((Wrapping::Utf16(order), text));
    }
    // A PEM text is base64 too, in the alphabet that has a dash.
    if has_armor(content) {
        return Some((Wrapping::EscapedLines, escaped(content)?));
    }
    base64(content).map(|text| (Wrapping::Base64, text))
}

/// Without a mark only when every character is ASCII. Of other characters a key has none.
fn utf16(content: &[u8]) -> Option<(ByteOrder, Zeroizing<Vec<u8>>)> {
    let (order, read, units): (_, fn([u8; 2]) -> u16, _) = match content {
        [0xff, 0xfe, units @ ..] => (ByteOrder::Marked, u16::from_le_bytes, units),
        [0xfe, 0xff, units @ ..] => (ByteOrder::Marked, u16::from_be_bytes, units),
        [first, 0, ..] if *first != 0 => (ByteOrder::LittleEndian, u16::from_le_bytes, content),
        [0, first, ..] if *first != 0 => (ByteOrder::BigEndian, u16::from_be_bytes, content),
        _ => return None,
    };
    let (units, rest) = units.as_chunks::<2>();
    let mut text = Zeroizing::new(Vec::with_capacity(units.len()));
    for unit in units {
        match u8::try_from(read(*unit)) {
            Ok(byte) if byte.is_ascii() => text.push(byte),
            _ if order == ByteOrder::Marked => text.push(b'?'),
            _ => return None,
        }
    }
    (rest.is_empty() && !text.is_empty()).then_some((order, text))
}

/// Base64 has no backslash, so that one in a block is never the key's own.
fn escaped(content: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
    let is_escaped = blocks(content).next().is_some_and(|block| contains(block.body, b"\\"));
    if !is_escaped {
        return None;
    }
    let mut text = Zeroizing::new(Vec::with_capacity(content.len()));
    let mut after_backslash = false;
    for byte in content {
        match byte {
            b'\\' => after_backslash = true,
            b'n' | b'r' if after_backslash => {
                text.push(b'\n');
                after_backslash = false;
            }
            byte => {
                text.push(*byte);
                after_backslash = false;
            }
        }
    }
    Some(text)
}

/// What `content` is in base64 of either alphabet, with its padding or without, in quotes or not.
pub(crate) fn base64(content: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
    let compact = without_blanks(content);
    let digits = compact.strip_prefix(b"\xef\xbb\xbf").unwrap_or(&compact);
    let digits = unquoted(digits);
    let mut decoded = Zeroizing::new(vec![0; digits.len()]);
    let length = ENGINES.iter().find_map(|engine| engine.decode_slice(digits, &mut decoded).ok())?;
    decoded.truncate(length);
    (length > 0).then_some(decoded)
}

/// Without the quotes that a configuration file or a shell leaves around a value.
pub(crate) fn unquoted(text: &[u8]) -> &[u8] {
    match text {
        [b'"', inner @ .., b'"'] | [b'\'', inner @ .., b'\''] => inner,
        text => text,
    }
}
