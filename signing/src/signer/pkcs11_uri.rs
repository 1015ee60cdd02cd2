//! `Pkcs11Uri`: which key on which token, by RFC 7512. Strict where the RFC leaves a choice: an attribute that is not
//! known, is repeated or cannot be read may be the one that tells two keys apart, so it refuses the whole.

use std::fmt;
use std::str::FromStr;

use aisoc_manifests::fault::{Fault, Reason, Result};
use aisoc_manifests::text::shown;

/// How it begins.
const SCHEME: &str = "pkcs11:";
/// Attributes of the path (RFC 7512, section 2.3) that are understood.
const PATH: [&str; 8] = ["token", "manufacturer", "serial", "model", "object", "id", "slot-id", "type"];
/// Attributes of the query (section 2.4).
const QUERY: [&str; 3] = ["pin-source", "module-path", "module-name"];

/// A key on a token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pkcs11Uri {
    text: String,
    attributes: Vec<(&'static str, Vec<u8>)>,
}

impl Pkcs11Uri {
    /// An attribute of that name that is a text: everything but `id`.
    pub fn text(&self, name: &str) -> Option<&str> {
        self.bytes(name).and_then(|value| std::str::from_utf8(value).ok())
    }

    /// Without a name of the key or the token any one would do, and which that is nobody could say.
    fn require_key(&self) -> Result<()> {
        if self.bytes("object").or_else(|| self.bytes("id")).is_none() {
            return Err(wrong("names no key: neither `object` nor `id`"));
        }
        if self.bytes("module-path").or_else(|| self.bytes("module-name")).is_none() {
            return Err(wrong("names no module: neither `module-path` nor `module-name`"));
        }
        match self.text("type") {
            None | Some("private") => Ok(()),
            Some(other) => Err(wrong("is not about a private key").expected("type=private", shown(other, 40))),
        }
    }

    /// An attribute as it is, without the escapes.
    pub fn bytes(&self, name: &str) -> Option<&[u8]> {
        self.attributes.iter().find(|(known, _)| *known == name).map(|(_, value)| value.as_slice())
    }
}

impl fmt::Display for Pkcs11Uri {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl FromStr for Pkcs11Uri {
    type Err = Fault;

    fn from_str(text: &str) -> Result<Self> {
        // Before anything is quoted.
        if text.contains("pin-value") {
            return Err(Fault::new(Reason::Usage, "a PKCS#11 URI with `pin-value` shows the PIN to every user of this machine")
                .hint("change the PIN, and give it with `--passphrase env:VARIABLE`, or in the URI with `pin-source=file:PATH`"));
        }
        let body = text.strip_prefix(SCHEME).unwrap_or(text);
        let (path, query) = body.split_once('?').unwrap_or((body, ""));
        let path = path.split(';').map(|part| (part, &PATH[..]));
        let query = query.split('&').map(|part| (part, &QUERY[..]));
        let mut attributes = Vec::new();
        for (part, known) in path.chain(query).filter(|(part, _)| !part.is_empty()) {
            let (name, value) = attribute(part, known)?;
            if attributes.iter().any(|(present, _)| *present == name) {
                return Err(wrong(&format!("names `{name}` twice")));
            }
            attributes.push((name, value));
        }
        let uri = Self { text: text.to_owned(), attributes };
        uri.require_key().map(|()| uri)
    }
}

fn attribute(part: &str, known: &[&'static str]) -> Result<(&'static str, Vec<u8>)> {
    let (name, value) = part.split_once('=').ok_or_else(|| wrong("holds an attribute without a value"))?;
    let name = known.iter().find(|known| **known == name).ok_or_else(|| {
        wrong(&format!("holds the attribute `{}`, which is not known here", shown(name, 40)))
            .expected(known.join(", "), shown(name, 40))
    })?;
    let value = unescaped(value).filter(|value| !value.is_empty());
    let value = value.ok_or_else(|| wrong(&format!("holds a value of `{name}` that cannot be read")))?;
    match *name == "id" || std::str::from_utf8(&value).is_ok() {
        true => Ok((name, value)),
        false => Err(wrong(&format!("holds a value of `{name}` that is no text"))),
    }
}

/// RFC 3986, section 2.1.
fn unescaped(value: &str) -> Option<Vec<u8>> {
    let (mut bytes, mut rest) = (Vec::new(), value.as_bytes());
    while let Some((first, behind)) = rest.split_first() {
        rest = behind;
        let byte = match first {
            b'%' => {
                let (digits, behind) = rest.split_first_chunk::<2>()?;
                rest = behind;
                let digit = |byte: u8| char::from(byte).to_digit(16);
                u8::try_from(digit(digits[0])? * 16 + digit(digits[1])?).ok()?
            }
            byte => *byte,
        };
        bytes.push(byte);
    }
    Some(bytes)
}

fn wrong(how: &str) -> Fault {
    Fault::new(Reason::Usage, format!("the PKCS#11 URI {how}")).hint(
        "write `pkcs11:token=NAME;object=NAME?module-path=/usr/lib/MODULE.so`; `pkcs11-tool --module MODULE.so -L` lists \
         the tokens, and `-O` the objects of one",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_named_by_what_tells_it_apart() {
        let text = "pkcs11:token=My%20Token;object=signing;id=%00%FFa?module-path=/usr/lib/m.so&pin-source=env:PIN";
        let uri: Pkcs11Uri = text.parse().expect("a URI");
        assert_eq!((uri.text("token"), uri.text("object")), (Some("My Token"), Some("signing")));
        assert_eq!((uri.bytes("id"), uri.text("serial")), (Some(&[0, 0xff, b'a'][..]), None));
        assert_eq!((uri.text("module-path"), uri.text("pin-source")), (Some("/usr/lib/m.so"), Some("env:PIN")));
        assert_eq!(uri.to_string(), text);
        assert!("pkcs11:id=%01;type=private?module-name=softhsm2".parse::<Pkcs11Uri>().is_ok());
    }

    /// Every byte is read back from its escape, in either case of letters; a byte by itself is what it is.
    #[test]
    fn each_byte_of_an_id_is_read_back() {
        let all: Vec<u8> = (0..=255).collect();
        for escaped in [
            all.iter().map(|byte| format!("%{byte:02x}")).collect::<String>(),
            all.iter().map(|byte| format!("%{byte:02X}")).collect::<String>(),
        ] {
            let uri: Pkcs11Uri = format!("pkcs11:id={escaped}?module-name=m").parse().expect("a URI");
            assert_eq!(uri.bytes("id"), Some(all.as_slice()));
        }
        let uri: Pkcs11Uri = "pkcs11:object=a%3Bb%3Dc%3Fd?module-name=m".parse().expect("a URI");
        assert_eq!(uri.text("object"), Some("a;b=c?d"), "what is escaped separates nothing");
        let uri: Pkcs11Uri = "pkcs11:object=a+b;;token=t;?module-name=m&".parse().expect("a URI");
        assert_eq!((uri.text("object"), uri.text("token")), (Some("a+b"), Some("t")), "a plus sign is one here");
        for cut in ["pkcs11:id=%", "pkcs11:id=%1", "pkcs11:id=%01%", "pkcs11:id=%+1", "pkcs11:id=% 1"] {
            assert!(format!("{cut}?module-name=m").parse::<Pkcs11Uri>().is_err(), "{cut}");
        }
    }

    #[test]
    fn what_could_be_another_key_is_refused_and_a_pin_is_not_quoted() {
        let module = "?module-path=/m.so";
        for (text, words) in [
            (format!("pkcs11:{module}"), "names no key"),
            ("pkcs11:object=a".to_owned(), "names no module"),
            (format!("pkcs11:object=a;object=b{module}"), "twice"),
            (format!("pkcs11:object=a;type=cert{module}"), "not about a private key"),
            (format!("pkcs11:object=a;labl=b{module}"), "is not known here"),
            (format!("pkcs11:object=a;module-path=/m.so{module}"), "is not known here"),
            (format!("pkcs11:object{module}"), "without a value"),
            (format!("pkcs11:object={module}"), "cannot be read"),
            (format!("pkcs11:object=%4{module}"), "cannot be read"),
            (format!("pkcs11:object=%zz{module}"), "cannot be read"),
            (format!("pkcs11:object=%ff{module}"), "is no text"),
            (format!("pkcs11:object=a{module}&pin-value=hunter2"), "shows the PIN"),
        ] {
            let fault = text.parse::<Pkcs11Uri>().expect_err(&text);
            assert_eq!(fault.reason(), Reason::Usage);
            assert!(fault.message().contains(words) && !format!("{fault:?}").contains("hunter2"), "{text}: {fault:?}");
        }
    }
}
