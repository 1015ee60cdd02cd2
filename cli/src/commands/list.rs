//! `aisoc plugin list`

use std::fmt::Write as _;

use aisoc_manifests::fault::Result;
use aisoc_packaging::{InstalledPlugin, installed, while_in_place};
use aisoc_pipeline::{TrustInputs, verify_installed};
use aisoc_signing::Coverage;
use aisoc_trust::SignatureStatus;
use serde::Serialize;

use super::versions::{self, Version};
use crate::args::plugin::ListArgs;
use crate::context::Context;
use crate::output::{Answer, printable};

#[derive(Serialize)]
struct List {
    plugins_dir: String,
    plugins: Vec<Row>,
}

#[derive(Serialize)]
struct Row {
    id: String,
    version: Option<String>,
    signature_status: &'static str,
    signing_key_id: Option<String>,
    coverage: &'static str,
    reference: Option<String>,
    digest: Option<String>,
    installed_at: Option<String>,
    directory: String,
    error: Option<String>,
    /// What an operator should know although it is no refusal.
    note: Option<&'static str>,
    /// With `--versions`: the installed version and those that can be rolled back to.
    #[serde(skip_serializing_if = "Option::is_none")]
    versions: Option<Vec<Version>>,
}

pub(crate) fn run(args: ListArgs, context: &Context) -> Result<u8> {
    let inputs = context.trust(args.trust);
    let plugins_dir = context.plugins_dir(args.plugins_dir);
    let mut plugins = Vec::new();
    for InstalledPlugin { directory, path, .. } in installed(&plugins_dir)? {
        // Found again, so that record and tree are of one moment; no row when it was uninstalled meanwhile.
        let found = while_in_place(&path, || {
            let plugin = InstalledPlugin::find(&plugins_dir, directory.clone())?;
            let record = plugin.record.as_ref().ok().and_then(Option::as_ref);
            let versions = args
                .versions
                .then(|| versions::of_plugin(&plugins_dir, &plugin.path, record, &plugin.directory))
                .transpose();
            Some(versions.map(|versions| Row { versions, ..row(plugin, &inputs) }))
        });
        plugins.extend(found.transpose()?);
    }
    context.output.answer(&List { plugins_dir: plugins_dir.display().to_string(), plugins })
}

/// One plugin, judged by today's keys. A plugin that is refused is listed with the reason.
fn row(plugin: InstalledPlugin, inputs: &TrustInputs) -> Row {
    let InstalledPlugin { directory, path, record, .. } = plugin;
    let (record, admitted) = match record {
        Ok(record) => {
            let admitted = verify_installed(&path, record.as_ref(), inputs);
            (record, admitted)
        }
        Err(fault) => (None, Err(fault)),
    };
    let mut row = Row {
        id: directory,
        version: record.as_ref().map(|record| record.version.clone()),
        signature_status: SignatureStatus::Invalid.as_str(),
        signing_key_id: None,
        coverage: Coverage::None.as_str(),
        reference: record.as_ref().map(|record| record.reference.clone()),
        digest: record.as_ref().map(|record| record.digest.to_string()),
        note: record.is_none().then_some("no install record: judged by its signature alone"),
        installed_at: record.map(|record| record.installed_at),
        directory: path.display().to_string(),
        error: None,
        versions: None,
    };
    match admitted {
        Ok(admitted) => {
            row.signature_status = admitted.status().as_str();
            row.signing_key_id = admitted.key_id().map(ToString::to_string);
            row.coverage = admitted.coverage().as_str();
            row.error = admitted.objection().map(|objection| format!("{}: {objection}", objection.reason()));
        }
        Err(fault) => {
            if fault.reason() == aisoc_manifests::fault::Reason::Unsigned {
                row.signature_status = SignatureStatus::Unsigned.as_str();
            }
            row.error = Some(format!("{}: {fault}", fault.reason()));
        }
    }
    row
}

impl Answer for List {
    fn text(&self) -> String {
        if self.plugins.is_empty() {
            return format!("no plugins in {}\n", self.plugins_dir);
        }
        let width = self.plugins.iter().map(|row| row.id.chars().count()).max().unwrap_or(2).max(2);
        let mut text = format!(
            "{:<width$}  {:<10}  {:<9}  {:<8}  {:<16}  DIGEST\n",
            "ID", "VERSION", "SIGNATURE", "COVERAGE", "KEY"
        );
        for row in &self.plugins {
            let or_dash = |value: &Option<String>| value.clone().unwrap_or_else(|| "-".to_owned());
            let digest = row.digest.as_deref().map_or("-", |digest| &digest[..19]);
            let _ = writeln!(
                text,
                "{:<width$}  {:<10}  {:<9}  {:<8}  {:<16}  {digest}",
                printable(&row.id),
                printable(&or_dash(&row.version)),
                row.signature_status,
                row.coverage,
                printable(&or_dash(&row.signing_key_id)),
            );
            versions::write(&mut text, row.versions.as_deref().unwrap_or_default());
            for line in row.error.as_deref().into_iter().chain(row.note) {
                let _ = writeln!(text, "  {}", printable(line));
            }
        }
        text
    }
}
