//! The commands that make a key file of a key that is not read as it stands. They read it as leniently as aisoc
//! does, so that each that is printed works.

use crate::bare_key::{Bare, Encoding};
use crate::key_form::Form;
use crate::wrapping::BASE64_DECODED;

/// What precedes the 32 bytes in PKCS#8 and in `SubjectPublicKeyInfo` of Ed25519 (RFC 8410), in base64.
const PKCS8_HEAD: &str = "MC4CAQAwBQYDK2VwBCIEIA==";
const SPKI_HEAD: &str = "MCowBQYDK2VwAyEA";
/// The names of what the commands write: nobody has them, so that nothing is overwritten.
pub(crate) const NEW_PRIVATE: &str = "repaired-signing.key";
const NEW_PUBLIC: &str = "repaired-signing.pem";
const OPENSSL: &str = "openssl pkey -inform DER";

/// The command that makes a PEM file of what comes `from` a command, and what is said before and behind it.
pub(crate) fn private_command(from: &str, form: Form) -> Option<(&'static str, String, &'static str)> {
    let key_of = |seed: String| format!("{{ echo {PKCS8_HEAD} | base64 -d; {seed} | head -c 32; }} | {OPENSSL}");
    match form {
        Form::Encrypted => Some((
            "encrypt it again, with a method of today, with",
            format!("{from} | {} | {OPENSSL} -aes-256-cbc", body_of("ENCRYPTEDPRIVATEKEY")),
            "that with its passphrase",
        )),
        // Only the seed: OpenSSL 3.0 does not read the form that has the public key behind it.
        Form::Bare(Bare::Private, encoding) => {
            let command = key_of(format!("{from}{} | tail -c +17", encoding.decoded()));
            Some(("make a PEM file of it with", command, "that"))
        }
        Form::Bare(Bare::Bytes, encoding) => {
            let command = key_of(format!("{from}{}", encoding.decoded()));
            Some(("if they are the seed, make a PEM file of it with", command, "that"))
        }
        _ => None,
    }
}

/// A command writes elsewhere: beside the keys there is no place for drafts. What may be a private key is
/// made into nothing that could be trusted.
pub(crate) fn way_to_public(from: &str, form: Form) -> String {
    match form {
        Form::Bare(Bare::Public, encoding) => {
            into_new_public(&format!("{from}{} | openssl pkey -pubin -inform DER -out", encoding.decoded()))
        }
        Form::SshLine => into_new_public(&format!(
            "{{ echo {SPKI_HEAD} | base64 -d; {from} | awk '/ssh-ed25519/ {{ print $2; exit }}' | {BASE64_DECODED} | \
             tail -c 32; }} | openssl pkey -pubin -inform DER -out"
        )),
        Form::Certificate => {
            let body = body_of("[A-Z0-9]*CERTIFICATE");
            let command = format!("{from} | {body} | openssl x509 -inform DER -pubkey -noout >");
            format!("if its key is an Ed25519 one, {}", into_new_public(&command))
        }
        Form::CutOff | Form::Spoilt | Form::Empty => {
            "put the whole file there again, as its publisher gave it".to_owned()
        }
        _ => "a trusted key is the PREFIX.pem that `aisoc plugin keygen --out PREFIX` writes: \
              `-----BEGIN PUBLIC KEY-----`"
            .to_owned(),
    }
}

/// Ends `command` with the name of a new file.
pub(crate) fn into_new_public(command: &str) -> String {
    format!("make a PEM file of it with `{command} {NEW_PUBLIC}`, and put that in its place")
}

/// The command that prints the DER of the first block of that label, as leniently as aisoc reads one: OpenSSL wants
/// its lines as they were, and nothing before them.
fn body_of(label: &str) -> String {
    format!(
        "tr -d '[:space:]' | awk -F'-----BEGIN{label}-----' '{{ sub(/-----END.*/, \"\", $2); print $2 }}' | base64 -d"
    )
}

impl Encoding {
    /// What takes it off, in a pipe.
    fn decoded(self) -> String {
        match self {
            Self::Binary => String::new(),
            Self::Base64 => format!(" | {BASE64_DECODED}"),
            Self::Hexadecimal => " | LC_ALL=C tr -dc 0-9A-Fa-f | xxd -r -p".to_owned(),
        }
    }
}
