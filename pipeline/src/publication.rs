//! The publisher's gate: what may leave this machine, as values that packing and pushing take.
//!
//! A registry does not forget, and hosts refuse what was pushed with a signature that does not fit. So a
//! directory, an archive or a layout is judged before a byte of it goes anywhere, and what was judged is what
//! goes: a [`Publication`] holds the tree that was read, a [`crate::PublishableArtifact`] the digest.

use std::fmt::Display;
use std::path::Path;

use aisoc_files::shell_word;
use aisoc_manifests::dry_run::DryRun;
use aisoc_manifests::fault::{Fault, Reason, Result};
use aisoc_manifests::plugin::{Manifest, require_known_capabilities};
use aisoc_packaging::{Limits, PluginDir, Secrets, default_threads};
use aisoc_signing::{Appearance, Claim, Origin, Publishable, SIGNATURE_DIRECTORY, SIGNATURE_FILE};
use aisoc_trust::{Policy, TrustMode, changed_after_signing};

use crate::events::{Event, Reporter};
use crate::judge::{ForeseenKeys, TrustInputs};
use crate::proofs::Demands;
use crate::verify::judge;

/// How a directory is packed.
#[derive(Debug, Clone)]
pub struct PackageOptions {
    /// Compression threads. The bytes do not depend on it.
    pub threads: usize,
    /// Modification time of every entry, in seconds since 1970; 0 when absent.
    pub mtime: Option<u64>,
    /// What to do about files that look like secrets.
    pub secrets: Secrets,
    /// How much is read of the directory, and until when.
    pub limits: Limits,
    /// Whether anything is written.
    pub dry_run: DryRun,
}

/// What a signature has to be before anything is published.
#[derive(Debug)]
pub enum SignatureRule {
    /// There, and over the files that are here, as far as that can be known without a key: the tree is compared
    /// with what the signed manifest states. A signature that states no tree is refused, and keys are asked for.
    Compared,
    /// Verified by these keys, by the gate of an operator in strict mode.
    Verified {
        /// Whom to trust.
        trust: Box<TrustInputs>,
        /// Where it is going to be, which a key can be limited to.
        destination: Origin,
    },
    /// As `Compared`, but what has no signature at all may go: its publisher has said that it is meant. A
    /// signature that does not fit is refused all the same, for nobody means that.
    UnsignedMeant,
}

/// A plugin's directory that was read and may be published.
#[derive(Debug)]
pub struct Publication {
    pub(crate) plugin: PluginDir,
    pub(crate) manifest: Manifest,
    pub(crate) publishable: Publishable,
}

impl Publication {
    /// Reads a directory as it would be packed, and judges it.
    ///
    /// # Errors
    /// What cannot be packed: `forbidden_entry`, `manifest_*`, I/O reasons. What may not be published:
    /// `unsigned`, `signature_malformed`, `integrity_unknown`, `coverage_mismatch` with the file that was
    /// changed; `no_trusted_keys` where only a key can tell; with keys, every refusal of [`aisoc_trust::admit`].
    pub fn of(
        directory: &Path,
        options: &PackageOptions,
        rule: &SignatureRule,
        reporter: &dyn Reporter,
    ) -> Result<Self> {
        reporter.event(&Event::Packing { directory });
        let plugin = PluginDir::open_knowing(directory, &options.secrets, default_threads(), &options.limits)?;
        Self::judged(plugin, rule)
    }

    /// What the plugin's manifest states.
    pub fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    pub(crate) fn judged(plugin: PluginDir, rule: &SignatureRule) -> Result<Self> {
        let root = plugin.root();
        let manifest = read_manifest(&plugin)?;
        require_known_capabilities(&plugin.document()?).map_err(|fault| fault.below(root))?;
        let again = format!("`aisoc plugin sign --plugin-dir {} --private-key KEY`", shell_word(root));
        let publishable = publishable(&plugin.claim(), rule, &again).map_err(|fault| match fault.location() {
            Some(_) => fault.below(root),
            None => fault.about(root.display()),
        })?;
        Ok(Self { plugin, manifest, publishable })
    }
}

/// The manifest with what a package has to state; what is wrong with it is named where the author sees it.
pub(crate) fn read_manifest(plugin: &PluginDir) -> Result<Manifest> {
    let manifest = plugin.document().and_then(|document| Manifest::from_document(&document));
    manifest.map_err(|fault| fault.below(plugin.root()))
}

/// The decision. `again` names the commands that make a signature that fits, in backquotes: what is wrong here is the publisher's to mend,
/// whereas an operator would be told to fetch the plugin again.
pub(crate) fn publishable(claim: &Claim, rule: &SignatureRule, again: &str) -> Result<Publishable> {
    if let SignatureRule::Verified { trust, destination } = rule {
        return verified(claim, trust, destination).map_err(|refusal| mended(refusal, again));
    }
    match Appearance::of(claim)? {
        Appearance::Fits(statement) => Ok(statement.into()),
        Appearance::Unsigned(statement) if matches!(rule, SignatureRule::UnsignedMeant) => {
            refuse_remains(claim, again).map(|()| Publishable::meant_unsigned(statement))
        }
        Appearance::Unsigned(_) => {
            Err(Fault::new(Reason::Unsigned, format!("the plugin has no `{SIGNATURE_FILE}`")).hint(sign(again)))
        }
        Appearance::Malformed(fault) => Err(mended(fault, again)),
        Appearance::OtherTree(difference) => Err(changed_after_signing(&difference).hint(sign(again))),
        Appearance::OnlyAKeyCanTell => Err(only_a_key_can_tell(again)),
    }
}

/// What is left of a signature names a signer who has not signed this: it is not what "unsigned" means.
fn refuse_remains(claim: &Claim, again: &str) -> Result<()> {
    match claim.tree().signature_files.keys().next() {
        None => Ok(()),
        Some(file) => Err(Fault::new(
            Reason::SignatureMalformed,
            format!("there is no `{SIGNATURE_FILE}`, and `{file}` is left of a signature"),
        )
        .expected("a signature, or nothing of one", format!("`{file}` without `{SIGNATURE_FILE}`"))
        .hint(format!("remove the plugin's directory `{SIGNATURE_DIRECTORY}` as well, or {}", sign(again)))),
    }
}

fn sign(again: impl Display) -> String {
    format!("sign it with {again}")
}

fn only_a_key_can_tell(again: &str) -> Fault {
    Fault::new(
        Reason::NoTrustedKeys,
        "only a key can tell whether the signature fits, for it covers a part of the files",
    )
    .expected("a manifest that states every file (coverage full), or a key", "coverage code, and no key")
    .hint(format!("name the signer's public key with `--trusted-keys PATH`, or sign every file with {again}"))
}

/// As strict as an operator's host: a mode of the publisher's own would let through what no host takes.
fn verified(claim: &Claim, trust: &TrustInputs, destination: &Origin) -> Result<Publishable> {
    let policy = Policy { mode: TrustMode::Strict, ..trust.policy.clone() };
    let strict =
        TrustInputs { policy, foreseen: ForeseenKeys::default(), demands: Demands::default(), ..trust.clone() };
    let admitted = judge(claim, destination.clone(), &strict)?.verdict?;
    let statement = admitted.signed_statement();
    let statement = statement.ok_or_else(|| Fault::new(Reason::Internal, "strict mode admitted what it objects to"))?;
    Ok(statement.into())
}

/// A refusal of the gate, with what its publisher can do. What is wrong with keys keeps its own hint.
fn mended(refusal: Fault, again: &str) -> Fault {
    match refusal.reason() {
        Reason::Unsigned
        | Reason::SignatureMalformed
        | Reason::TimestampInvalid
        | Reason::SignatureInvalid
        | Reason::CoverageMismatch
        | Reason::CoveragePartial => refusal.hint(sign(again)),
        // Signing replaces no statement that it cannot read.
        Reason::IntegrityUnknown => {
            refusal.hint(format!("remove the key `integrity` from the manifest, then {}", sign(again)))
        }
        _ => refusal,
    }
}
