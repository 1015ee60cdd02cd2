//! Private keys and credentials in what is about to become public.
//!
//! A package is public for ever, and a key that was in it once is everybody's. Two rules find them: the
//! names under which tools keep them, and every byte of every file. Both are about accidents: who wants
//! to hide a key in a plugin can, by encrypting it.

mod forms;
mod found;
mod names;
mod pem_form;
mod scan;
mod tokens;

use std::collections::BTreeSet;
use std::ops::Range;

use aisoc_files::shell_word;
use aisoc_manifests::fault::{Fault, Reason, Result};
use aisoc_manifests::path::RelPath;

pub use found::{FoundSecret, Kind, Place};
pub(crate) use names::is_draft_name;
use names::{is_key_file, secret_name};
use scan::Armour;
pub(crate) use scan::Scanner;

/// What to do about files that look like secrets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Secrets {
    /// They refuse the directory, but for these paths, each of which has to be there and look like one.
    Refused {
        /// What is meant to be public.
        allowed: BTreeSet<RelPath>,
    },
    /// Nothing is searched, because nothing is published.
    Unsearched,
}

impl Secrets {
    /// What looks through that file, unless nothing is searched.
    pub(crate) fn searcher(&self, path: &RelPath) -> Option<Scanner> {
        let armour = if is_key_file(path) { Armour::Suffices } else { Armour::NeedsBody };
        matches!(self, Self::Refused { .. }).then(|| Scanner::new(armour))
    }

    /// Gives what was allowed, or refuses all the rest at once. Of each file is told what was found in it.
    pub(crate) fn judge<'a>(
        &self,
        files: impl Iterator<Item = (&'a RelPath, Option<(Kind, Place)>)>,
    ) -> Result<Vec<FoundSecret>> {
        let Self::Refused { allowed } = self else { return Ok(Vec::new()) };
        let secret = |(path, content): (&RelPath, Option<(Kind, Place)>)| {
            let (kind, place) = match (content, secret_name(path)) {
                (Some((kind, place)), _) => (kind, Some(place)),
                (None, name) => (name?, None),
            };
            Some(FoundSecret { path: path.clone(), kind, place })
        };
        let (found, refused): (Vec<_>, Vec<_>) =
            files.filter_map(secret).partition(|secret| allowed.contains(&secret.path));
        if let Some((first, others)) = refused.split_first() {
            return Err(refusal(first, others));
        }
        match allowed.iter().find(|path| found.iter().all(|secret| secret.path != **path)) {
            Some(path) => Err(nothing_to_allow(path)),
            None => Ok(found),
        }
    }
}

/// An author's own signing key, packed by accident, is published for ever.
fn refusal(first: &FoundSecret, others: &[FoundSecret]) -> Fault {
    let mut message = format!("{first}, and everything in a package is public");
    if !others.is_empty() {
        let shown: Vec<String> = others.iter().take(MAX_SHOWN).map(|other| format!("`{}`", other.path)).collect();
        let more = if others.len() > MAX_SHOWN { ", …" } else { "" };
        message += &format!("; so do {} more: {}{more}", others.len(), shown.join(", "));
    }
    let path = &first.path;
    Fault::new(Reason::ForbiddenEntry, message).hint(format!(
        "move it out of the plugin directory, or list `{path}` in .aisocignore; if it is made to be public, \
         repeat with `--allow-secret {} --reason TEXT`",
        shell_word(path.as_str())
    ))
}

fn nothing_to_allow(path: &RelPath) -> Fault {
    Fault::new(
        Reason::Usage,
        format!("`--allow-secret {path}` allows nothing: no file of that path looks like a secret"),
    )
    .hint("name the file as the refusal does, relative to the plugin's directory")
}

/// How many further files a refusal names.
const MAX_SHOWN: usize = 5;

impl Default for Secrets {
    fn default() -> Self {
        Self::Refused { allowed: BTreeSet::new() }
    }
}

/// Where a text holds private keys or credentials, for whoever has to keep them out of a message.
pub fn secrets_in(text: &str) -> Vec<Range<usize>> {
    scan::all(text.as_bytes())
}

/// What looks like a private key or a credential in a document that is going to be public and is no file of a plugin.
pub fn secret_in(document: &[u8]) -> Option<(Kind, Place)> {
    let mut scanner = Scanner::default();
    scanner.see(document);
    scanner.finish()
}

#[cfg(test)]
mod tests;
