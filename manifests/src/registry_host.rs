//! `RegistryHost`: a registry alone, `host[:port]`, as a login and a list of repositories name it.

use std::fmt;
use std::str::FromStr;

use crate::address::is_this_machine;
use crate::fault::{Fault, Reason, Result};
use crate::reference::{Reference, RegistryReference};
use crate::text::shown;

/// Any repository: what is before it is read as a reference reads it.
const ANY: &str = "any";
/// How much of another text is shown.
const MAX_SHOWN: usize = 120;

/// A registry: host and port, in the one spelling that references have.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct RegistryHost(String);

impl RegistryHost {
    /// `host[:port]`, as it stands in the URL and in a credential store.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether it is this machine, where plain HTTP has nobody in between.
    pub fn is_loopback(&self) -> bool {
        let host = match self.0.rsplit_once(':') {
            Some((host, port)) if !port.ends_with(']') => host,
            _ => &self.0,
        };
        is_this_machine(host)
    }
}

impl From<&RegistryReference> for RegistryHost {
    fn from(reference: &RegistryReference) -> Self {
        Self(reference.registry())
    }
}

impl FromStr for RegistryHost {
    type Err = Fault;

    /// # Errors
    /// `forbidden_registry` for where no registry is, `invalid_ref` for everything else that is no host and port.
    fn from_str(text: &str) -> Result<Self> {
        // In logins and in variables a name may end with the dot of the root.
        let bare = text.strip_suffix('.').unwrap_or(text);
        match format!("{bare}/{ANY}").parse() {
            Ok(Reference::Registry(reference)) if reference.repository() == ANY && is_bare(&reference) => {
                Ok(Self(reference.registry()))
            }
            Err(fault) if fault.reason() == Reason::ForbiddenRegistry => Err(fault),
            _ => Err(no_host(text)),
        }
    }
}

fn is_bare(reference: &RegistryReference) -> bool {
    reference.tag().is_none() && reference.digest().is_none()
}

/// What stands before an `@` may be a password, and is not repeated.
fn no_host(text: &str) -> Fault {
    let what = match text.contains('@') {
        true => "what was named is not a registry: user names have no place here".to_owned(),
        false => format!("`{}` is not a registry", shown(text, MAX_SHOWN)),
    };
    let host = text.split_once("://").map_or(text, |(_, rest)| rest).split('/').next().unwrap_or_default();
    // Not the same text again, which is none.
    let meant = Some(host).filter(|host| *host != text).and_then(|host| host.parse::<RegistryHost>().ok());
    let hint = match meant {
        Some(host) => format!("name the host alone: `{host}`"),
        None => "name the host alone, with its port if it has one: `ghcr.io` or `localhost:5000`".to_owned(),
    };
    Fault::new(Reason::InvalidReference, what).expected("host[:port]", "something else").hint(hint)
}

impl fmt::Display for RegistryHost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_registry_is_a_host_and_a_port_in_one_spelling() {
        for (text, expected) in [
            ("ghcr.io", "ghcr.io"),
            ("GHCR.io", "ghcr.io"),
            ("ghcr.io.", "ghcr.io"),
            ("localhost:5000", "localhost:5000"),
            ("localhost", "localhost"),
            ("registry:5000", "registry:5000"),
            ("[::1]:5000", "[::1]:5000"),
            ("127.0.0.1", "127.0.0.1"),
        ] {
            assert_eq!(text.parse::<RegistryHost>().expect(text).as_str(), expected);
        }
        let is_loopback = |text: &str| text.parse::<RegistryHost>().expect(text).is_loopback();
        for text in ["localhost", "localhost:5000", "127.0.0.1:1", "[::1]:5000", "[::1]"] {
            assert!(is_loopback(text), "{text}");
        }
        assert!(!is_loopback("ghcr.io") && !is_loopback("localhost.example:5000"));
    }

    #[test]
    fn what_is_more_than_a_host_or_less_is_told_what_to_name() {
        for (text, hint) in [
            ("", "name the host alone, with its port"),
            ("ghcr", "name the host alone, with its port"),
            ("ghcr.io/", "name the host alone: `ghcr.io`"),
            ("ghcr.io/team", "name the host alone: `ghcr.io`"),
            ("https://ghcr.io", "name the host alone: `ghcr.io`"),
            ("https://localhost:5000/v2/", "name the host alone: `localhost:5000`"),
            ("ghcr.io:0", "name the host alone, with its port"),
            ("ghcr.io:65536", "name the host alone, with its port"),
            ("me:hunter2@ghcr.io", "name the host alone, with its port"),
            ("oci:dir", "name the host alone, with its port"),
            ("a b", "name the host alone, with its port"),
        ] {
            let fault = text.parse::<RegistryHost>().expect_err(text);
            assert_eq!(fault.reason(), Reason::InvalidReference, "{text}");
            assert!(fault.next_step().starts_with(hint), "{text}: {}", fault.next_step());
            assert!(!format!("{fault:?}").contains("hunter2"), "{fault:?}");
        }
        let fault = "169.254.169.254".parse::<RegistryHost>().expect_err("metadata");
        assert_eq!(fault.reason(), Reason::ForbiddenRegistry);
    }
}
