//! Who signs a release: keys that there are, or a new one that is asked for in words.

use std::path::{Path, PathBuf};

use aisoc_manifests::fault::{Fault, Reason, Result};
use aisoc_manifests::id::PluginId;
use aisoc_signing::{KeyHolder, Overwrite, SigningKey, WrittenPair, pair_at, require_no_pair, write_key_pair};

use super::package::require_outside;
use super::{keygen, uninstall};
use crate::args::passphrase::PassphraseArgs;
use crate::args::release::ReleaseKeyArgs;
use crate::context::Context;
use crate::signer;

/// How a release gets a key without a question.
const WAYS: &str = "name one with `--private-key KEY`, or have a new one made with `--new-key`";

/// Where the keys of a release are, or the new one goes.
pub(super) enum Keys {
    /// As they were named, the first signer's first, and what opens those that are encrypted.
    Named(Vec<String>, PassphraseArgs),
    /// The beginning of the names of a new pair.
    New(PathBuf),
}

/// The keys themselves.
pub(super) struct Signers {
    pub(super) first: Box<dyn KeyHolder>,
    pub(super) others: Vec<Box<dyn KeyHolder>>,
    /// The files of a new one.
    pub(super) made: Option<WrittenPair>,
}

impl Keys {
    /// What the options say. A key is never made by itself: without an option somebody is asked, or it is refused.
    ///
    /// # Errors
    /// `usage` for no key where nobody can be asked, for a new one inside the plugin, and for one that is named twice;
    /// `confirmation_required` for a no; `key_exists`.
    pub(super) fn of(args: ReleaseKeyArgs, directory: &Path, id: &PluginId, context: &Context) -> Result<Self> {
        let ReleaseKeyArgs { private_key, passphrase, new_key } = args;
        if !private_key.is_empty() {
            return match private_key.iter().filter(|source| *source == "-").count() {
                0 | 1 => Ok(Self::Named(private_key, passphrase)),
                _ => {
                    Err(Fault::new(Reason::Usage, "`--private-key -` is given twice, and standard input is read once"))
                }
            };
        }
        let (is_asked_for, named) = (new_key.is_some(), new_key.flatten());
        let prefix = named.unwrap_or_else(|| beside(directory).join(id.as_str()));
        keygen::require_prefix(&prefix, "--new-key")?;
        require_outside(&prefix, directory, "no part of it may be a private key")
            .map_err(|fault| fault.hint("name another place, for example `--new-key=../release`"))?;
        keygen::require_no_plugin(&prefix, "--new-key")?;
        let pair = pair_at(&prefix);
        if !is_asked_for && !uninstall::can_ask(context) {
            return Err(Fault::new(Reason::Usage, "there is no key to sign the release with").hint(WAYS));
        }
        require_no_pair(&prefix).map_err(|fault| match fault.reason() {
            Reason::KeyExists if pair.private.exists() && pair.public.exists() => {
                let private = aisoc_files::shell_word(&pair.private);
                fault.hint(format!("sign with it: `--private-key {private}`; or name another with `--new-key=PREFIX`"))
            }
            _ => fault,
        })?;
        if !is_asked_for {
            ask(&pair, context)?;
        }
        Ok(Self::New(prefix))
    }

    /// Reads the keys, or makes one, whose files are there from now on whatever comes after.
    ///
    /// # Errors
    /// As [`signer::all`]; `usage` for one key under two names; `key_exists`, I/O reasons.
    pub(super) fn read(self, context: &Context) -> Result<Signers> {
        match self {
            Self::Named(sources, passphrases) => {
                let mut signers = signer::all(&sources, &passphrases, context)?;
                require_distinct(&signers)?;
                let others = signers.split_off(1);
                Ok(Signers { first: signers.remove(0), others, made: None })
            }
            Self::New(prefix) => {
                let key = SigningKey::generate()?;
                let pair = match context.dry_run().is_on() {
                    true => keygen::require_place(&prefix, Overwrite::Refuse).map(|()| pair_at(&prefix))?,
                    false => write_key_pair(&prefix, &key, Overwrite::Refuse)?,
                };
                keygen::announce(&pair, &key.public_key().fingerprint(), context);
                Ok(Signers { first: Box::new(key), others: Vec::new(), made: Some(pair) })
            }
        }
    }

    /// The public half of the first key, where it lies beside the private one.
    pub(super) fn public_key(&self) -> Option<PathBuf> {
        let path = match self {
            Self::New(prefix) => return Some(pair_at(prefix).public),
            Self::Named(sources, _) => PathBuf::from(&sources[0]),
        };
        Some(path.with_extension("pem")).filter(|public| *public != path && public.is_file())
    }
}

/// A name below the directory's parent; what has no name of its own is left upwards.
fn beside(directory: &Path) -> PathBuf {
    match directory.file_name() {
        Some(_) => directory.parent().unwrap_or(Path::new("")).to_owned(),
        None if directory == Path::new(".") => PathBuf::from(".."),
        None => directory.join(".."),
    }
}

fn ask(pair: &WrittenPair, context: &Context) -> Result<()> {
    let files = format!("{} and {}", pair.private.display(), pair.public.display());
    let question = format!("Make a new signing key, {files}? [y/N] ");
    uninstall::confirm("making a key", &question, "nothing was released", context).map_err(|fault| {
        match fault.reason() {
            Reason::ConfirmationRequired => fault.hint(WAYS),
            _ => fault,
        }
    })
}

fn require_distinct(signers: &[Box<dyn KeyHolder>]) -> Result<()> {
    let fingerprints: Vec<_> = signers.iter().map(|signer| signer.public_key().fingerprint()).collect();
    match (1..fingerprints.len()).find(|at| fingerprints[..*at].contains(&fingerprints[*at])) {
        None => Ok(()),
        Some(at) => Err(Fault::new(Reason::Usage, "`--private-key` names the same key twice")
            .expected("keys that differ", format!("{} twice", fingerprints[at]))),
    }
}

/// A failure after a key was made, with what is there now and how it goes on without another one.
pub(super) fn with_made_key(fault: Fault, made: &WrittenPair) -> Fault {
    let private = aisoc_files::shell_word(&made.private);
    let hint = format!("{}; then repeat it with `--private-key {private}` for `--new-key`", fault.next_step());
    fault.although(format!("the key pair `{}` was made and stays", made.private.display())).hint(hint)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_new_key_lies_beside_the_plugin_whatever_it_is_called_by() {
        for (directory, expected) in
            [("shodan", "id"), ("a/shodan", "a/id"), ("/x/shodan/", "/x/id"), (".", "../id"), ("a/..", "a/../../id")]
        {
            assert_eq!(beside(Path::new(directory)).join("id"), Path::new(expected), "{directory}");
        }
    }
}
