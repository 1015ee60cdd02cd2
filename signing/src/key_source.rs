//! `KeySource`: where the text of a key is from, and what to do about one that is not read.

use std::ffi::OsStr;
use std::fmt;
use std::path::{Path, PathBuf};

use aisoc_files::shell_word;
use aisoc_manifests::fault::{Fault, Reason};

use crate::key_form::{Algorithm, Bare, Encoding, Form};

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

/// What precedes the 32 bytes in PKCS#8 and in `SubjectPublicKeyInfo` of Ed25519 (RFC 8410), in base64.
const PKCS8_HEAD: &str = "MC4CAQAwBQYDK2VwBCIEIA==";
const SPKI_HEAD: &str = "MCowBQYDK2VwAyEA";
/// The names of what the commands write: nobody has them, so that nothing is overwritten.
const NEW_PRIVATE: &str = "repaired-signing.key";
const NEW_PUBLIC: &str = "repaired-signing.pem";
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

    /// Why what is here does not sign, and how to get at what does.
    pub(crate) fn no_signing_key(&self, form: Form) -> Fault {
        let found = form.found();
        let what =
            if form == Form::Empty { "is empty".to_owned() } else { format!("holds no signing key, but {found}") };
        Fault::new(Reason::KeyInvalid, format!("{self} {what}"))
            .expected("-----BEGIN PRIVATE KEY-----, unencrypted, of an Ed25519 key", found)
            .hint(self.way_to_private(form))
    }

    /// Why what is here verifies nothing, and how to get at what does.
    pub(crate) fn no_public_key(&self, form: Form) -> Fault {
        let found = form.found();
        let what =
            if form == Form::Empty { "is empty".to_owned() } else { format!("holds no public key, but {found}") };
        Fault::new(Reason::KeyInvalid, format!("{self} {what}"))
            .expected("-----BEGIN PUBLIC KEY-----, of an Ed25519 key", found)
            .hint(self.way_to_public(form))
    }

    fn way_to_private(&self, form: Form) -> String {
        match self.private_command(form) {
            Some((before, command, after)) => format!("{before} `{command} -out {NEW_PRIVATE}`, and pass {after}"),
            None => self.words_to_private(form),
        }
    }

    /// The command that makes a PEM file of what is here, and what is said before and behind it.
    fn private_command(&self, form: Form) -> Option<(&'static str, String, &'static str)> {
        let from = self.command();
        match form {
            Form::Encrypted => Some((
                "a build must not stop to ask for a passphrase: decrypt it into a private place with",
                format!("{from} | openssl pkey"),
                "that or its text as `env:VARIABLE`",
            )),
            Form::Bare(Bare::Private, encoding) => {
                let command = format!("{from}{} | openssl pkey -inform DER", encoding.decoded());
                Some(("make a PEM file of it with", command, "that"))
            }
            Form::Bare(Bare::Bytes, encoding) => {
                let key = format!("{{ echo {PKCS8_HEAD} | base64 -d; {from}{} | head -c 32; }}", encoding.decoded());
                let command = format!("{key} | openssl pkey -inform DER");
                Some(("if they are the seed, make a PEM file of it with", command, "that"))
            }
            _ => None,
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
            Form::Place => return format!("pass what is at that place: {}", self.at_that_place()),
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

    /// A command writes elsewhere: beside the keys there is no place for drafts. What may be a private key is
    /// made into nothing that could be trusted.
    fn way_to_public(&self, form: Form) -> String {
        let command =
            |way: String| format!("make a PEM file of it with `{way} {NEW_PUBLIC}`, and put that in its place");
        let from = self.command();
        match form {
            Form::Wrapped(wrapping) => command(format!("{} >", wrapping.taken_off(&from))),
            Form::Bare(Bare::Public, encoding) => {
                command(format!("{from}{} | openssl pkey -pubin -inform DER -out", encoding.decoded()))
            }
            Form::SshLine => command(format!(
                "{{ echo {SPKI_HEAD} | base64 -d; {from} | cut -d' ' -f2 | base64 -d | tail -c 32; }} | openssl pkey \
                 -pubin -inform DER -out"
            )),
            Form::Certificate => {
                format!("if its key is an Ed25519 one, {}", command(format!("{from} | openssl x509 -pubkey -noout >")))
            }
            Form::CutOff | Form::Spoilt | Form::Empty => {
                "put the whole file there again, as its publisher gave it".to_owned()
            }
            _ => "a trusted key is the PREFIX.pem that `aisoc plugin keygen --out PREFIX` writes: \
                  `-----BEGIN PUBLIC KEY-----`"
                .to_owned(),
        }
    }

    /// The command that prints it.
    pub(crate) fn command(&self) -> String {
        match self {
            Self::File(path) => format!("cat {}", shell_word(path)),
            Self::Variable(name) => format!("printenv {}", shell_word(name)),
            Self::Input | Self::Unnamed => "cat KEY".to_owned(),
        }
    }

    fn at_that_place(&self) -> String {
        match self {
            Self::Variable(name) => format!("for a file `--private-key \"$(printenv {})\"`", shell_word(name)),
            _ => "for a file its path".to_owned(),
        }
    }
}

impl Encoding {
    /// What takes it off, in a pipe.
    const fn decoded(self) -> &'static str {
        match self {
            Self::Binary => "",
            Self::Base64 => " | base64 -d",
            Self::Hexadecimal => " | xxd -r -p",
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
