//! The index of a publisher: what each plugin says of itself, once a trusted key was found to have signed it.

use aisoc_files::shell_word;
use aisoc_manifests::capability::is_grant;
use aisoc_manifests::fault::{Fault, Reason, Result};
use aisoc_manifests::plugin::Manifest;
use aisoc_manifests::reference::Reference;
use aisoc_packaging::{Limits, PluginDir, Secrets, Staging, default_threads};
use aisoc_registry_client::ClientOptions;
use aisoc_signing::{Claim, Origin};
use aisoc_trust::Verdict;

use crate::documents::{IndexedPlugin, PublishingIndex, Signer};
use crate::events::Reporter;
use crate::fetch::fetch;
use crate::judge::TrustInputs;
use crate::source::Source;
use crate::verify::judge;

/// Most plugins of one index: each is read whole, and more would be fetched than anybody waits for.
const MAX_INDEXED: usize = 1_000;

/// An index of those plugins. What one of them says stands in it only when a trusted key has signed that; so the first that is
/// refused refuses the index.
///
/// # Errors
/// `usage` for more than fit, and for two that have one id and one version; those of `verify_shipped` and of `verify_artifact`,
/// and the refusal of the first that is refused.
pub async fn publishing_index(
    sources: &[Source],
    trust: &TrustInputs,
    options: &ClientOptions,
    reporter: &dyn Reporter,
) -> Result<PublishingIndex> {
    if sources.len() > MAX_INDEXED {
        return Err(Fault::new(Reason::Usage, "these are more plugins than an index has")
            .expected(format!("{MAX_INDEXED} at most"), sources.len().to_string())
            .hint("make several indexes, each of a part of them"));
    }
    let mut plugins = Vec::with_capacity(sources.len());
    for source in sources {
        options.cancellation.check()?;
        plugins.push(indexed(source, trust, options, reporter).await?);
    }
    plugins.sort_by(|one, other| key(one).cmp(&key(other)));
    if let Some(pair) = plugins.windows(2).find(|pair| key(&pair[0]) == key(&pair[1])) {
        return Err(twice(&pair[0], &pair[1]));
    }
    Ok(PublishingIndex { plugins })
}

fn key(plugin: &IndexedPlugin) -> (&str, &str) {
    (&plugin.id, &plugin.version)
}

fn twice(one: &IndexedPlugin, other: &IndexedPlugin) -> Fault {
    let place = |plugin: &IndexedPlugin| {
        plugin.reference.clone().unwrap_or_else(|| format!("the content {}", plugin.canonical_digest))
    };
    let message = format!("{} {} is there twice: {} and {}", one.id, one.version, place(one), place(other));
    Fault::new(Reason::Usage, message).hint("name one of the two, or give one of them another version")
}

async fn indexed(
    source: &Source,
    trust: &TrustInputs,
    options: &ClientOptions,
    reporter: &dyn Reporter,
) -> Result<IndexedPlugin> {
    let limits = Limits::until(&options.cancellation);
    match source {
        Source::Directory(directory) => {
            let shipped = PluginDir::open_knowing(directory, &Secrets::Unsearched, default_threads(), &limits)?;
            let plugin = entry(&shipped.claim(), &Origin::unknown(), trust);
            plugin.map_err(|refusal| match refusal.location() {
                Some(_) => refusal.below(directory),
                None => refusal.about(directory.display()),
            })
        }
        Source::Artifact(reference) => {
            trust.require_keys_for(reference)?;
            let fetched = fetch(reference, None, options, reporter).await?;
            let staged = fetched.stage(Staging::hash_only(limits), reporter).await?;
            let claim = fetched.claim(&staged)?;
            let plugin = entry(&claim, &Origin::of(reference), trust).map_err(|refusal| refusal.about(reference))?;
            let digest = fetched.artifact.digest();
            // A path on this machine is nobody else's.
            let pinned = match reference {
                Reference::Registry(_) => Some(reference.pinned(digest).to_string()),
                Reference::Layout(_) => None,
            };
            let install = pinned.as_ref().map(|pinned| format!("aisoc plugin install {}", shell_word(pinned)));
            Ok(IndexedPlugin { install, reference: pinned, artifact_digest: Some(digest.to_string()), ..plugin })
        }
    }
}

/// What a plugin says of itself, where a trusted key has signed it.
fn entry(claim: &Claim, origin: &Origin, trust: &TrustInputs) -> Result<IndexedPlugin> {
    let verdict = judge(claim, origin.clone(), trust)?.verdict?;
    let (key_id, fingerprint, digest) = signed(&verdict)?;
    let manifest = Manifest::from_document(claim.document()?)?;
    let signers = verdict.signers().iter().map(|signer| Signer {
        signing_key_id: Some(signer.key_id.to_string()),
        signing_key_fingerprint: signer.fingerprint.to_string(),
    });
    Ok(IndexedPlugin {
        id: manifest.id.to_string(),
        plugin_type: manifest.plugin_type.as_str(),
        name: manifest.name,
        description: manifest.description,
        author: manifest.author,
        version: manifest.version,
        tags: manifest.tags,
        url: manifest.homepage,
        install: None,
        reference: None,
        artifact_digest: None,
        canonical_digest: digest,
        coverage: verdict.coverage().as_str(),
        signing_key_id: key_id,
        signing_key_fingerprint: fingerprint,
        signers: signers.collect(),
        capabilities: manifest.capabilities.into_iter().filter(|entry| is_grant(entry)).collect(),
    })
}

/// By whom, and over which content. What was let in by anything but a signature has none.
fn signed(verdict: &Verdict) -> Result<(String, String, String)> {
    let nobody = || Fault::new(Reason::Unsigned, "no trusted key has signed it, and an index has nothing else");
    let (key, fingerprint) = verdict.key_id().zip(verdict.fingerprint()).ok_or_else(nobody)?;
    let digest = verdict.digest().ok_or_else(nobody)?;
    Ok((key.to_string(), fingerprint.to_string(), format!("sha256:{}", digest.hex())))
}
