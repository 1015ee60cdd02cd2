//! `NamedKey`: which key of several is meant, by its fingerprint.

use std::fmt;
use std::str::FromStr;

use aisoc_manifests::fault::{Fault, Reason, Result};
use aisoc_manifests::text::shown;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use sha2::{Digest as _, Sha256};

use super::agent_message::blob_of;
use crate::key::{Fingerprint, PublicKey};

/// A fingerprint, in one of the two forms that people have at hand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NamedKey {
    /// Ours: of the 32 bytes of the key, in hexadecimal.
    Ours(Fingerprint),
    /// OpenSSH's, as `ssh-add -l` prints it: of the key as SSH writes it, in base64 without padding.
    OpenSsh([u8; 32]),
}

impl NamedKey {
    /// Whether that is the key.
    pub fn names(&self, key: &PublicKey) -> bool {
        *self == self.of(key)
    }

    /// The fingerprint of another key in the same form.
    pub(crate) fn of(&self, key: &PublicKey) -> Self {
        match self {
            Self::Ours(_) => Self::Ours(key.fingerprint()),
            Self::OpenSsh(_) => Self::openssh(key),
        }
    }

    fn openssh(key: &PublicKey) -> Self {
        Self::OpenSsh(Sha256::digest(blob_of(key)).into())
    }
}

impl PublicKey {
    /// The fingerprint that OpenSSH prints of the key: to be compared with that, and with nothing else.
    pub fn openssh_fingerprint(&self) -> String {
        NamedKey::openssh(self).to_string()
    }
}

impl FromStr for NamedKey {
    type Err = Fault;

    fn from_str(text: &str) -> Result<Self> {
        let openssh = || {
            let bytes = STANDARD_NO_PAD.decode(text.strip_prefix("SHA256:")?).ok()?;
            Some(Self::OpenSsh(bytes.try_into().ok()?))
        };
        text.parse().ok().map(Self::Ours).or_else(openssh).ok_or_else(|| {
            Fault::new(Reason::Usage, format!("`{}` is no fingerprint of a key", shown(text, 80)))
                .expected("SHA256: and 64 hexadecimal digits, or 43 of base64 as `ssh-add -l` prints", "another text")
                .hint("`ssh-add -l` lists the keys of the agent; one of them ends in (ED25519)")
        })
    }
}

impl fmt::Display for NamedKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ours(fingerprint) => fingerprint.fmt(f),
            Self::OpenSsh(bytes) => write!(f, "SHA256:{}", STANDARD_NO_PAD.encode(bytes)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `ssh-keygen -lf` of this line prints that fingerprint.
    #[test]
    fn both_forms_name_the_same_key_and_no_other_text_does() {
        let key = PublicKey::from_pem(
            b"-----BEGIN PUBLIC KEY-----\nMCowBQYDK2VwAyEA11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=\n-----END PUBLIC KEY-----\n",
        )
        .expect("the first key of RFC 8032, section 7.1");
        for text in [key.fingerprint().to_string(), "SHA256:bbXpuKG6zhzdmnxq256TlqzFBzRl2f6OOg722cYNbU8".to_owned()] {
            let named: NamedKey = text.parse().expect("a fingerprint");
            assert_eq!(named.to_string(), text);
            assert_eq!(named.of(&key), named, "{}", named.of(&key));
            assert!(named.names(&key));
        }
        for text in ["", "SHA256:", "MD5:00:11", "SHA256:bbXp", "bbXpuKG6zhzdmnxq256TlqzFBzRl2f6OOg722cYNbU8", "work"] {
            assert_eq!(text.parse::<NamedKey>().expect_err(text).reason(), Reason::Usage, "{text}");
        }
    }
}
