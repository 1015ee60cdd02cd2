//! `EncryptedKey`: PKCS#8 with a passphrase, as `openssl pkcs8 -topk8` writes it (RFC 5958, section 3; PBES2 of RFC
//! 8018, with PBKDF2 or the scrypt of RFC 7914).
//!
//! What a passphrase costs to try is a number in the file, so a hostile file could ask for hours or for all memory:
//! it is looked at before anybody is asked for a passphrase. The encryption that OpenSSL writes has no check of its
//! own, so what a wrong passphrase gives is known by being no key.

use ed25519_dalek::pkcs8::DecodePrivateKey as _;
use pkcs8::der::asn1::OctetStringRef;
use pkcs8::der::{Decode as _, Encode as _};
use pkcs8::pkcs5::pbes2::{EncryptionScheme as Cipher, Kdf, Parameters, Pbkdf2Prf, Salt, ScryptParams};
use pkcs8::pkcs5::{EncryptionScheme, Error};
use pkcs8::{EncryptedPrivateKeyInfo, EncryptedPrivateKeyInfoRef};
use zeroize::Zeroizing;

use aisoc_manifests::fault::{Fault, Reason, Result};

use crate::key::{SigningKey, wipe_stack};
use crate::key_form::{Algorithm, Form};
use crate::key_source::KeySource;
use crate::pem;
use crate::wrapping::Wrapping;

/// Label of its PEM block.
pub(crate) const LABEL: &str = "ENCRYPTED PRIVATE KEY";
/// Most memory that scrypt may take: eight times what OWASP advises for passwords, and 16 times what OpenSSL writes.
const MAX_SCRYPT_BYTES: u64 = 256 << 20;
/// Most memory that scrypt may go through, which is what takes its time: some five seconds.
const MAX_SCRYPT_WORK: u64 = 1 << 30;
/// Most rounds of PBKDF2: some seconds, and 16 times what OWASP advises for passwords.
const MAX_PBKDF2_ROUNDS: u32 = 10_000_000;
/// What OpenSSL 3 reads without being told to spend more: it takes at most 32 MiB for scrypt, and this takes 16.
const SCRYPT_COST: u64 = 1 << 14;

/// A private key that needs a passphrase. Without `Debug`, as the key itself.
pub struct EncryptedKey {
    parameters: Parameters,
    content: Zeroizing<Vec<u8>>,
    source: KeySource,
}

impl EncryptedKey {
    pub(crate) fn read(der: &[u8], layers: &[Wrapping], source: &KeySource) -> Result<Self> {
        let unread = || source.no_signing_key(layers, Form::Encrypted);
        let info = EncryptedPrivateKeyInfoRef::from_der(der).map_err(|_| unread())?;
        let EncryptionScheme::Pbes2(parameters) = info.encryption_algorithm else { return Err(unread()) };
        if matches!(&parameters.kdf, Kdf::Pbkdf2(pbkdf2) if pbkdf2.prf == Pbkdf2Prf::HmacWithSha1) {
            return Err(unread());
        }
        require_bounded(&parameters.kdf, source)?;
        let content = Zeroizing::new(info.encrypted_data.as_bytes().to_vec());
        Ok(Self { parameters, content, source: source.clone() })
    }

    /// Where it is from.
    pub fn source(&self) -> &KeySource {
        &self.source
    }

    /// The key, opened with a passphrase.
    ///
    /// # Errors
    /// `passphrase_invalid` when that is not its passphrase; `key_invalid` when what it opens is a key of another
    /// algorithm.
    pub fn open(&self, passphrase: &[u8]) -> Result<SigningKey> {
        let mut buffer = self.content.clone();
        let opened = self.parameters.decrypt_in_place(passphrase, &mut buffer);
        // The derived key stood there.
        wipe_stack();
        let der = match opened {
            Ok(der) => der,
            Err(Error::DecryptFailed) => return Err(self.wrong()),
            Err(_) => return Err(self.source.no_signing_key(&[], Form::Encrypted)),
        };
        match ed25519_dalek::SigningKey::from_pkcs8_der(der) {
            Ok(key) => Ok(SigningKey::of(key)),
            Err(_) => Err(self.opens_no_key(der)),
        }
    }

    fn opens_no_key(&self, der: &[u8]) -> Fault {
        match Algorithm::of(der) {
            Algorithm::Unknown => self.wrong(),
            algorithm => self.source.no_signing_key(&[], Form::Private(algorithm).unread()),
        }
    }

    fn wrong(&self) -> Fault {
        Fault::new(
            Reason::PassphraseInvalid,
            format!("the passphrase does not open the private key of {}", self.source),
        )
        .hint("give the passphrase that the key was encrypted with: `--passphrase env:VARIABLE`, or at the terminal")
    }
}

fn require_bounded(kdf: &Kdf, source: &KeySource) -> Result<()> {
    let refuse = |most: String, found: String| {
        Err(Fault::new(Reason::KeyInvalid, format!("to open the private key of {source} would take too long"))
            .expected(most, found)
            .hint("encrypt it again at a lower cost: `openssl pkcs8 -topk8 -in KEY -out NEW.key`"))
    };
    match kdf {
        Kdf::Pbkdf2(pbkdf2) if pbkdf2.iteration_count > MAX_PBKDF2_ROUNDS => {
            refuse(format!("at most {MAX_PBKDF2_ROUNDS} rounds of PBKDF2"), pbkdf2.iteration_count.to_string())
        }
        Kdf::Scrypt(scrypt) => {
            // RFC 7914, section 2: 128 * N * r bytes, gone through p times.
            let bytes = scrypt.cost_parameter.saturating_mul(u64::from(scrypt.block_size)).saturating_mul(128);
            let work = bytes.saturating_mul(u64::from(scrypt.parallelization));
            match (bytes > MAX_SCRYPT_BYTES, work > MAX_SCRYPT_WORK) {
                (true, _) => {
                    refuse(format!("at most {MAX_SCRYPT_BYTES} bytes of memory for scrypt"), bytes.to_string())
                }
                (_, true) => refuse(format!("at most {MAX_SCRYPT_WORK} bytes that scrypt writes"), work.to_string()),
                _ => Ok(()),
            }
        }
        _ => Ok(()),
    }
}

/// `der`, PKCS#8 itself, encrypted with a passphrase: scrypt and AES-256-CBC, which OpenSSL reads from version 1.1 on.
pub(crate) fn encrypted_pem(der: &[u8], passphrase: &[u8]) -> Result<Zeroizing<String>> {
    let mut random = [0; 32];
    getrandom::fill(&mut random).map_err(|error| {
        Fault::new(Reason::IoError, "the operating system gave no random numbers").caused_by(error.to_string())
    })?;
    let (salt, iv) = random.split_at(16);
    let broken = |_| Fault::new(Reason::Internal, "a private key could not be encrypted");
    let scrypt = ScryptParams {
        salt: Salt::new(salt).expect("16 bytes are no more than 32"),
        cost_parameter: SCRYPT_COST,
        block_size: 8,
        parallelization: 1,
        key_length: None,
    };
    let iv = iv.try_into().expect("the other 16 bytes");
    let parameters = Parameters { kdf: Kdf::Scrypt(scrypt), encryption: Cipher::Aes256Cbc { iv } };
    let content = parameters.encrypt(passphrase, der);
    wipe_stack();
    let content = content.map_err(|_| broken(()))?;
    let encrypted_data = OctetStringRef::new(&content).map_err(|_| broken(()))?;
    let info = EncryptedPrivateKeyInfo { encryption_algorithm: EncryptionScheme::Pbes2(parameters), encrypted_data };
    Ok(pem::write_block(LABEL, &info.to_der().map_err(|_| broken(()))?))
}
