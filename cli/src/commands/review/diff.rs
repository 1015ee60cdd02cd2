//! `aisoc plugins diff`

use std::ffi::OsString;
use std::fmt::Write as _;

use aisoc_installation::Site;
use aisoc_manifests::fault::{Fault, Reason, Result};
use aisoc_pipeline::documents::{ComparedPlugin, ExplainedDecision};
use aisoc_pipeline::review::{Edition, LookOptions, Looked, accepted, compare};
use aisoc_trust::lockfile::Lockfile;
use serde::Serialize;

use super::changes::write_changes;
use super::{beside, looked, options};
use crate::args::accepted::DiffArgs;
use crate::commands::subject::subject;
use crate::commands::verify::as_text;
use crate::context::Context;
use crate::output::{Answer, printable};

/// What differs, and what it makes of the command.
#[derive(Serialize)]
struct Outcome {
    #[serde(flatten)]
    document: ComparedPlugin,
    #[serde(skip)]
    exit_code: u8,
}

/// Where two versions differ, and somebody asked for it.
const DIFFERENT: u8 = 1;

pub(crate) fn run(args: DiffArgs, context: &Context) -> Result<u8> {
    let DiffArgs { source, to, exit_code, review } = args;
    let (site, _, lock) = beside(&review, context)?;
    let named: Vec<_> = [Some(&source), to.as_ref()].into_iter().flatten().map(OsString::as_os_str).collect();
    let options = options(review, &site, None, &named, context)?;
    let before = subject(&source, &site, context)?;
    let (before, after) = match &to {
        None => {
            let after = looked(before, &options, context)?;
            (accepted_of(&after, lock.as_ref(), &site, &options)?, after)
        }
        Some(to) => {
            let before = looked(before, &options, context)?;
            let after = looked(subject(to, &site, context)?, &options, context)?;
            require_one_plugin(&before, &after)?;
            match before.is_installed() {
                true => (accepted_of(&after, lock.as_ref(), &site, &options)?, after),
                false => (Edition::of_looked(&before), after),
            }
        }
    };
    let changes = compare(&before, &Edition::of_looked(&after));
    let is_known = !changes.not_compared.contains(&"hash");
    let (source, to) = (as_text(source), to.map(as_text));
    let decision = ExplainedDecision::of(source, after.is_installed(), &after.verification);
    let exit_code = if exit_code && (changes.differs || !is_known) { DIFFERENT } else { 0 };
    let ExplainedDecision { source, id, verdict, objection, .. } = decision;
    let document = ComparedPlugin { source, id, compared_with: to, verdict, objection, changes };
    context.output.answer(&Outcome { document, exit_code })
}

/// What this site has accepted of it.
fn accepted_of(after: &Looked, lock: Option<&Lockfile>, site: &Site, options: &LookOptions) -> Result<Edition> {
    accepted(after, lock, site, &options.limits)?.ok_or_else(|| {
        let id = after.verification.id.as_deref().unwrap_or("a plugin whose id cannot be read");
        let message = format!("no version of `{}` was accepted here: there is nothing to compare with", printable(id));
        Fault::new(Reason::PluginNotFound, message)
            .expected("an entry of plugins.lock, or an installed plugin", "neither")
            .hint("look at all of it with `aisoc plugins describe`, or name another version with `--to`")
    })
}

fn require_one_plugin(before: &Looked, after: &Looked) -> Result<()> {
    let [one, other] = [before, after].map(|looked| looked.verification.id.as_deref().unwrap_or("no id"));
    match one == other {
        true => Ok(()),
        false => Err(Fault::new(Reason::Usage, "these are two plugins, and versions of one are compared")
            .expected(one, other)
            .hint("name two versions of one plugin")),
    }
}

impl Answer for Outcome {
    fn text(&self) -> String {
        let ComparedPlugin { id, verdict, objection, changes, .. } = &self.document;
        let id = id.as_deref().unwrap_or("a plugin whose id cannot be read");
        let mut text = format!("{}: {}\n", printable(id), verdict.replace('_', " "));
        if let Some(objection) = objection {
            let _ = writeln!(text, "  because {}", printable(&objection.to_string()));
        }
        write_changes(&mut text, changes);
        text
    }

    fn exit_code(&self) -> u8 {
        self.exit_code
    }
}
