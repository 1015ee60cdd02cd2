//! Where a passphrase is from. Never the passphrase: everybody on the machine can read a command line.

use std::path::PathBuf;
use std::str::FromStr;

use aisoc_manifests::fault::{Fault, Reason, Result};
use clap::Args;

/// A place that holds a passphrase.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum PassphraseSource {
    /// An environment variable.
    Variable(String),
    /// A descriptor that this process was started with.
    Descriptor(u16),
    /// A file.
    File(PathBuf),
}

impl FromStr for PassphraseSource {
    type Err = Fault;

    fn from_str(text: &str) -> Result<Self> {
        let read = match text.split_once(':') {
            Some(("env", name)) if !name.is_empty() => Some(Self::Variable(name.to_owned())),
            Some(("fd", number)) => number.parse().ok().map(Self::Descriptor),
            Some(("file", path)) if !path.is_empty() => Some(Self::File(path.into())),
            _ => None,
        };
        // It may be the passphrase itself.
        read.ok_or_else(|| {
            Fault::new(Reason::Usage, "the value of `--passphrase` names no place of a passphrase").hint(
                "write `env:VARIABLE`, `fd:N` or `file:PATH`; if it was the passphrase, every user of this machine can \
                 read arguments: encrypt the key with another one",
            )
        })
    }
}

/// What opens keys that are encrypted.
#[derive(Debug, Args)]
pub(crate) struct PassphraseArgs {
    /// Where the passphrase of an encrypted key is: `env:VARIABLE`, `fd:N` (a descriptor) or `file:PATH`. Once for all
    /// keys, or once for each that is encrypted, in their order [default: it is asked for at the terminal]
    #[arg(long, value_name = "SOURCE")]
    pub(crate) passphrase: Vec<PassphraseSource>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_read_and_what_may_be_a_passphrase_is_not_quoted() {
        for (text, place) in [
            ("env:KEY_PASS", PassphraseSource::Variable("KEY_PASS".to_owned())),
            ("fd:3", PassphraseSource::Descriptor(3)),
            ("file:a:b", PassphraseSource::File("a:b".into())),
        ] {
            assert_eq!(text.parse::<PassphraseSource>().expect(text), place);
        }
        for text in ["hunter2", "", "env:", "file:", "fd:", "fd:-1", "fd:hunter2", "pass:hunter2", "fd:99999999"] {
            let fault = text.parse::<PassphraseSource>().expect_err(text);
            assert_eq!(fault.reason(), Reason::Usage);
            assert!(!format!("{fault:?}").contains("hunter2"), "{fault:?}");
        }
    }
}
