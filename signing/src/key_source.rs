//! `KeySource`: where the text of a key is from, and what to do about one that is not read.

use std::ffi::OsStr;
use std::fmt;
use std::path::{Path, PathBuf};

use aisoc_files::shell_word;
use aisoc_manifests::fault::{Fault, Reason};

use crate::bare_key::Bare;
use crate::key_form::{Algorithm, Form};
use crate::key_repair::{NEW_PRIVATE, into_new_public, private_command, way_to_public};
use crate::wrapping::{Wrapping, taken_off};

/// Where the text of a key is from. Never the text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum KeySource {
    /// A file.
    File(PathBuf),
    /// An environment variable of that name, which is set.
    Variable(String),
    /// Standard input.
    Input,
    /// The caller knows.
    Unnamed,
}

/// Where the keys of one file go. `mkdir` refuses one that is there, so that no key of that name is lost.
const NEW_DIRECTORY: &str = "split-keys";
/// Writes each block to a file there, also of several that stand on one line.
const SPLIT: &str = "awk '{ gsub(/-----BEGIN /, \"\\n&\") } 1' | \
     awk '/^-----BEGIN / { n++ } n { print > (\"split-keys/key-\" n \".pem\") }'";
const KEYGEN: &str = "make a key with `aisoc plugin keygen --out PREFIX`, and pass PREFIX.key";

impl KeySource {
    /// The file at `path`.
    pub fn file(path: impl AsRef<OsStr>) -> Self {
        Self::File(Path::new(path.as_ref()).to_owned())
    }

    /// Why what is here, which `layers` are around, does not sign, and how to get at what does.
    pub(crate) fn no_signing_key(&self, layers: &[Wrapping], form: Form) -> Fault {
        let found = form.found();
        let expected = match form {
            Form::Encrypted => "PBES2 with AES, and PBKDF2 over SHA-2 or scrypt",
            _ => "-----BEGIN PRIVATE KEY----- of an Ed25519 key",
        };
        let what =
            if form == Form::Empty { "is empty".to_owned() } else { format!("holds no signing key, but {found}") };
        Fault::new(Reason::KeyInvalid, format!("{self} {what}"))
            .expected(expected, found)
            .hint(self.way_to_private(layers, form))
    }

    /// Why what is here, which `layers` are around, verifies nothing, and how to get at what does.
    pub(crate) fn no_public_key(&self, layers: &[Wrapping], form: Form) -> Fault {
        let found = form.found();
        let what =
            if form == Form::Empty { "is empty".to_owned() } else { format!("holds no public key, but {found}") };
        Fault::new(Reason::KeyInvalid, format!("{self} {what}"))
            .expected("-----BEGIN PUBLIC KEY-----, of an Ed25519 key", found)
            .hint(way_to_public(&taken_off(layers, self.command()), form))
    }

    /// Why the public key here, which `layers` are around, is not read, and how to take them off.
    pub(crate) fn wrapped_public_key(&self, layers: &[Wrapping]) -> Fault {
        let found = layers.first().map_or("a PEM text", |outermost| outermost.found());
        Fault::new(Reason::KeyInvalid, format!("{self} holds no public key, but {found}"))
            .expected("-----BEGIN PUBLIC KEY-----, of an Ed25519 key", found)
            .hint(into_new_public(&format!("{} >", taken_off(layers, self.command()))))
    }

    fn way_to_private(&self, layers: &[Wrapping], form: Form) -> String {
        match private_command(&taken_off(layers, self.command()), form) {
            Some((before, command, after)) => format!("{before} `{command} -out {NEW_PRIVATE}`, and pass {after}"),
            None => self.words_to_private(form),
        }
    }

    fn words_to_private(&self, form: Form) -> String {
        let words = match form {
            Form::Empty => "restore it, or make a key with `aisoc plugin keygen --out PREFIX`",
            Form::CutOff | Form::Spoilt => {
                "put the whole file there again, from its first line to its last; for a variable that holds one line \
                 store what `base64 < PREFIX.key | tr -d '\\n'` prints"
            }
            Form::Public(Algorithm::Ed25519) | Form::SshLine | Form::Bare(Bare::Public, _) => {
                "pass the private half, PREFIX.key"
            }
            Form::Certificate => {
                "pass the key that the certificate is about, if it is an Ed25519 one; a certificate holds none"
            }
            Form::Several => "keep each key in a file of its own, and pass the one that is to sign",
            Form::Unexpanded => "correct how the job sets it, so that it holds the key and not a name for it",
            Form::Place { is_path } => return format!("pass what is at that place: {}", self.at_that_place(is_path)),
            _ => KEYGEN,
        };
        words.to_owned()
    }

    /// Why the key of that fingerprint, which stands there behind another one, is not used.
    pub(crate) fn behind_another(&self, fingerprint: impl fmt::Display) -> Fault {
        let message = format!("{self} holds {fingerprint} behind its first key, and hosts read the first alone");
        let from = self.command();
        Fault::new(Reason::KeyInvalid, message).expected("one public key", "several").hint(format!(
            "give each key a file of its own: `mkdir {NEW_DIRECTORY} && {from} | {SPLIT}` writes \
             {NEW_DIRECTORY}/key-1.pem and so on; name them after their owners, and put them in its place"
        ))
    }

    /// The command that prints it.
    pub(crate) fn command(&self) -> String {
        match self {
            Self::File(path) => format!("cat {}", shell_word(path)),
            Self::Variable(name) => format!("printenv {}", shell_word(name)),
            Self::Input | Self::Unnamed => "cat KEY".to_owned(),
        }
    }

    fn at_that_place(&self, is_path: bool) -> String {
        match self {
            Self::Variable(name) if is_path => {
                format!("for a file `--private-key \"$(printenv {})\"`", shell_word(name))
            }
            _ => "for a file its path, written out from `/` on".to_owned(),
        }
    }
}

impl fmt::Display for KeySource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => write!(f, "`{}`", path.display()),
            Self::Variable(name) => write!(f, "the variable `{name}`"),
            Self::Input => f.write_str("standard input"),
            Self::Unnamed => f.write_str("the key file"),
        }
    }
}
