//! `aisoc keys show`

use std::fmt::Write as _;

use aisoc_manifests::fault::Result;
use aisoc_pipeline::documents::{ShownKey, Signer, VerifiedPlugin};
use aisoc_pipeline::keys::KeysHere;
use aisoc_signing::{HeldKey, KeyCoverage, SignatureKind, Standing};
use jiff::Timestamp;

use super::list::said;
use super::{looked_at, row};
use crate::args::keys::ShowKeyArgs;
use crate::context::Context;
use crate::output::{Answer, path_text, printable};

pub(crate) fn run(args: ShowKeyArgs, context: &Context) -> Result<u8> {
    let (options, found) = looked_at(args.here, context)?;
    context.warn_of_sharing(found.installed.as_ref().and_then(|installed| installed.shared.as_deref()));
    let key = found.keyring.named(&args.key)?;
    let at = options.trust.at;
    context.output.answer(&ShownKey {
        keys_directory: path_text(found.keyring.directory()),
        plugins_directory: found.installed.as_ref().map(|_| path_text(options.site.path())),
        key: row::row(key, &found, at),
        openssh: key.key.openssh_fingerprint(),
        note_path: key.notes().map(|_| path_text(&found.keyring.note_path_of(key))),
        other_paths: others(key, &found).map(|other| path_text(&found.keyring.path_of(&other.file))).collect(),
        ends: key.planned_end().map(|end| end.to_string()),
        remarks: remarks(key, &found, at),
        verifies: row::verified_by(key, &found)
            .map(|plugins| plugins.map(|(plugin, judgement)| verified(key, plugin, judgement)).collect()),
    })
}

fn others<'a>(key: &'a HeldKey, here: &'a KeysHere) -> impl Iterator<Item = &'a HeldKey> {
    here.keyring.all_keys().iter().filter(|other| other.fingerprint == key.fingerprint && other.file != key.file)
}

fn verified(
    key: &HeldKey,
    plugin: &aisoc_pipeline::PluginAtRest,
    judgement: &aisoc_pipeline::Judgement,
) -> VerifiedPlugin {
    let others = judgement.signers.iter().filter(|signer| signer.fingerprint != key.fingerprint);
    VerifiedPlugin {
        id: plugin.id.clone(),
        version: plugin.version.clone(),
        directory: row::place(plugin),
        other_signers: others.map(row::signer).collect(),
    }
}

/// What a reader of the note could take for something else than it is.
fn remarks(key: &HeldKey, here: &KeysHere, at: Timestamp) -> Vec<String> {
    let since = key.notes().and_then(|notes| notes.revoked.as_ref()?.since);
    let since = since.map(|since| {
        format!("`since` {since} has no effect without an authenticated time: all that the key has signed is refused")
    });
    let is_limited_elsewhere = others(key, here).any(|other| other.notes().is_some());
    let elsewhere = is_limited_elsewhere.then(|| "the notes on its other files limit it as well".to_owned());
    let lenient = (key.coverage() == Some(KeyCoverage::Code)).then(|| {
        "its signatures count although they cover the manifest and `*.py` alone, unless the site asks for `full`"
            .to_owned()
    });
    let kind = key.standing_as(SignatureKind::Plugin, at);
    let kind = matches!(kind, Standing::OutOfScope(_)).then(|| kind.to_string());
    [said(key, at), kind, since, elsewhere, lenient].into_iter().flatten().collect()
}

fn named(signers: &[Signer]) -> String {
    let named: Vec<&str> = signers.iter().filter_map(|signer| signer.signing_key_id.as_deref()).collect();
    if named.is_empty() { "this key alone".to_owned() } else { format!("also {}", named.join(", ")) }
}

impl Answer for ShownKey {
    fn text(&self) -> String {
        let Self { key, verifies, .. } = self;
        let note = &key.note;
        let list = |list: &Option<Vec<String>>| list.as_ref().map(|list| list.join(", "));
        let joined = |list: &[String]| (!list.is_empty()).then(|| list.join(", "));
        let fields = [
            ("key", Some(key.key_id.clone())),
            ("state", Some(key.state.to_owned())),
            ("fingerprint", Some(key.fingerprint.clone())),
            ("openssh", Some(self.openssh.clone())),
            ("path", Some(key.path.clone())),
            ("also at", joined(&self.other_paths)),
            ("note", self.note_path.clone()),
            ("owner", note.owner.clone()),
            ("comment", note.comment.clone()),
            ("not before", note.not_before.clone()),
            ("not after", note.not_after.clone()),
            ("revoked at", note.revoked_at.clone()),
            ("reason", note.revoked_reason.clone()),
            ("since", note.revoked_since.clone()),
            ("plugins", list(&note.scope_plugins)),
            ("from", list(&note.scope_repositories)),
            ("coverage", key.coverage.map(str::to_owned)),
            ("may sign", Some(note.may_sign.join(", "))),
            ("endorsed by", joined(&note.endorsed_by)),
            ("verifies", Some(verifies.as_ref().map_or("—".to_owned(), |plugins| plugins.len().to_string()))),
        ];
        let mut text = String::new();
        for (name, value) in fields.iter().filter_map(|(name, value)| Some((name, value.as_ref()?))) {
            _ = writeln!(text, "{name:<12} {}", printable(value));
        }
        for VerifiedPlugin { id, version, other_signers, .. } in verifies.iter().flatten() {
            let version = version.as_deref().unwrap_or("-");
            _ = writeln!(text, "  {} {}: {}", printable(id), printable(version), printable(&named(other_signers)));
        }
        self.remarks.iter().for_each(|remark| _ = writeln!(text, "note: {}", printable(remark)));
        text
    }
}
