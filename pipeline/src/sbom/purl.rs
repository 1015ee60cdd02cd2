//! `Purl`: a package URL, by which scanners know a component.

use std::fmt::{self, Display};

/// What kind of package.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum PurlType {
    /// A Python distribution.
    PyPi,
    /// One that no index has: the plugin.
    Generic,
}

/// `pkg:pypi/requests@2.32.3`.
#[derive(Debug, Clone, Copy)]
pub(super) struct Purl<'a> {
    pub(super) kind: PurlType,
    pub(super) name: &'a str,
    pub(super) version: Option<&'a str>,
}

impl Display for Purl<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = match self.kind {
            PurlType::PyPi => "pypi",
            PurlType::Generic => "generic",
        };
        write!(f, "pkg:{kind}/{}", Encoded(self.name))?;
        match self.version {
            Some(version) => write!(f, "@{}", Encoded(version)),
            None => Ok(()),
        }
    }
}

/// With everything as `%NN` that a package URL does not hold as it is.
struct Encoded<'a>(&'a str);

impl Display for Encoded<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for byte in self.0.bytes() {
            match byte {
                b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'.' | b'-' | b'_' | b'~' | b':' => {
                    write!(f, "{}", char::from(byte))?;
                }
                _ => write!(f, "%{byte:02X}")?,
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_package_url_cannot_hold_is_encoded() {
        let text = |kind, name, version| Purl { kind, name, version }.to_string();
        assert_eq!(text(PurlType::PyPi, "requests", Some("2.32.3")), "pkg:pypi/requests@2.32.3");
        assert_eq!(text(PurlType::PyPi, "requests", None), "pkg:pypi/requests");
        assert_eq!(text(PurlType::PyPi, "a", Some("1!2+x")), "pkg:pypi/a@1%212%2Bx");
        assert_eq!(text(PurlType::Generic, "ä/b@c", Some("1 2")), "pkg:generic/%C3%A4%2Fb%40c@1%202");
    }
}
