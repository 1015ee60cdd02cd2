//! `aisoc plugin keygen`, `aisoc keygen`

use std::path::{Path, PathBuf};

use aisoc_manifests::fault::{Fault, Reason, Result};
use aisoc_manifests::plugin::ManifestFile;
use aisoc_pipeline::documents::KeyPair;
use aisoc_signing::{
    Fingerprint, Overwrite, SigningKey, WrittenPair, pair_at, require_no_pair, write_encrypted_key_pair, write_key_pair,
};
use zeroize::Zeroizing;

use crate::args::plugin::KeygenArgs;
use crate::context::Context;
use crate::output::{self, Answer, path_text, printable};
use crate::passphrase;

impl Answer for KeyPair {
    fn text(&self) -> String {
        format!("{}\n{}\n", printable(&self.private_key_path), printable(&self.public_key_path))
    }
}

pub(crate) fn run(args: KeygenArgs, context: &Context) -> Result<u8> {
    require_prefix(&args.out, "--out")?;
    require_no_plugin(&args.out, "--out")?;
    let (overwrite, is_dry) =
        (if args.force { Overwrite::Replace } else { Overwrite::Refuse }, context.dry_run().is_on());
    if is_dry {
        require_place(&args.out, overwrite)?;
    }
    // Asked before there is a key, and not at all where it is known that none can be written.
    if overwrite == Overwrite::Refuse {
        require_no_pair(&args.out)?;
    }
    let passphrase = if args.encrypt { Some(new_passphrase(&args, context)?) } else { None };
    let key = SigningKey::generate()?;
    let pair = match passphrase {
        _ if is_dry => pair_at(&args.out),
        Some(passphrase) => write_encrypted_key_pair(&args.out, &key, &passphrase, overwrite)?,
        None => write_key_pair(&args.out, &key, overwrite)?,
    };
    let fingerprint = key.public_key().fingerprint();
    announce(&pair, &fingerprint, context);
    context.output.answer(&KeyPair {
        private_key_path: path_text(&pair.private),
        public_key_path: path_text(&pair.public),
        // One that nobody will ever have.
        signing_key_fingerprint: (!is_dry).then(|| fingerprint.to_string()),
    })
}

/// What the new key is to be encrypted with.
fn new_passphrase(args: &KeygenArgs, context: &Context) -> Result<Zeroizing<Vec<u8>>> {
    match &args.passphrase {
        Some(source) => passphrase::read(source, context),
        None => passphrase::ask_for_new(&format!("`{}`", pair_at(&args.out).private.display()), context),
    }
}

/// What writing would find out: a pair that is there, a directory that is not.
pub(super) fn require_place(prefix: &Path, overwrite: Overwrite) -> Result<()> {
    if overwrite == Overwrite::Refuse {
        require_no_pair(prefix)?;
    }
    let private = pair_at(prefix).private;
    let parent = aisoc_files::parent(&private);
    let found = parent.metadata().and_then(|_| aisoc_files::may_write_in(parent));
    found.map_err(|error| Fault::io("write the key", &private, error))
}

/// Refuses what is no beginning of the names of two files.
///
/// # Errors
/// `usage`.
pub(super) fn require_prefix(prefix: &Path, option: &str) -> Result<()> {
    let usage = |message: String, example: &Path| {
        let example = aisoc_files::shell_word(example);
        Err(Fault::new(Reason::Usage, message).hint(format!("name the key, for example `{option}={example}`")))
    };
    if output::resembles_key(&prefix.to_string_lossy()) {
        let message = format!("the value of `{option}` looks like a key, and names the files of a new one");
        return usage(message, Path::new("release"));
    }
    let bytes = prefix.as_os_str().as_encoded_bytes();
    if prefix.file_name().is_none() || bytes.ends_with(b"/") || bytes.ends_with(b"/.") {
        let message = format!("`{}` names a directory, not the beginning of a file name", prefix.display());
        return usage(message, &prefix.join("release"));
    }
    Ok(())
}

/// Refuses a place inside of a plugin's directory: what would be packed there is no private key, and what is packed
/// nowhere is forgotten there until somebody adds it to a repository.
///
/// # Errors
/// `usage`.
pub(super) fn require_no_plugin(prefix: &Path, option: &str) -> Result<()> {
    // A place that does not exist is refused later, by whoever writes there.
    let Ok(place) = aisoc_files::parent(prefix).canonicalize() else { return Ok(()) };
    let is_plugin = |above: &&Path| ManifestFile::ALL.iter().any(|file| above.join(file.name()).is_file());
    // The outermost, beside which is inside of none.
    let Some(plugin) = place.ancestors().filter(is_plugin).last() else { return Ok(()) };
    let name = prefix.file_name().map(PathBuf::from).unwrap_or_default();
    let elsewhere = aisoc_files::shell_word(plugin.with_file_name(name));
    Err(Fault::new(Reason::Usage, format!("`{}` is inside of the plugin `{}`", prefix.display(), plugin.display()))
        .expected("a place outside of every plugin", "a part of one")
        .hint(format!("name another place, for example `{option}={elsewhere}`")))
}

/// Says what was made, and which half of it is whose.
pub(super) fn announce(pair: &WrittenPair, fingerprint: &Fingerprint, context: &Context) {
    let (private, public) = (pair.private.display(), pair.public.display());
    if context.dry_run().is_on() {
        return context.output.status("Would make", format!("an Ed25519 key pair, {private} and {public}"));
    }
    context.output.status("Generated", format!("an Ed25519 key pair, fingerprint {fingerprint}"));
    context.output.status("Keep", format!("{private} secret; give {public} to operators"));
}
