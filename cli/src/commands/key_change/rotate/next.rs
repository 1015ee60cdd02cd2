//! What changes that something depends on the old key alone, as commands that can be copied.

use std::path::Path;

use aisoc_files::shell_argument;
use aisoc_installation::escaped;
use aisoc_manifests::reference::{Reference, Tag};
use aisoc_pipeline::keys::{Dependent, Place};
use aisoc_pipeline::{Naming, Source};

use super::new::NewKey;
use crate::context::Context;

/// The words that the commands share.
pub(super) struct Next<'a> {
    new: &'a NewKey,
    keys: String,
    context: &'a Context,
}

/// How something gets the signature of the new key, and by which name it is installed then.
struct Signing {
    words: Vec<String>,
    result: String,
}

impl<'a> Next<'a> {
    pub(super) fn of(new: &'a NewKey, keys_dir: &Path, context: &'a Context) -> Self {
        Self { new, keys: escaped(keys_dir.as_os_str()), context }
    }

    /// First what the publisher runs, who has the new private key, then what is run here. A kept version cannot be
    /// signed where it is: it is given up.
    pub(super) fn commands(&self, dependent: &Dependent) -> Vec<String> {
        // What the new key has signed already waits for a list, which is nothing that a command changes.
        if dependent.unlisted().is_some() {
            return Vec::new();
        }
        if dependent.place == Place::Kept {
            return vec![self.here(&["plugin", "gc", "--keep", "0"])];
        }
        let source = dependent.reference.as_deref().unwrap_or(&dependent.source);
        let signing = match Source::parse(source) {
            Ok(Source::Artifact(reference)) => self.resign(&reference, dependent),
            // A directory, and what is not there any more under its name, which the publisher has.
            Ok(Source::Directory(_)) | Err(_) => self.sign(source),
        };
        let is_installed = dependent.place == Place::Installed && dependent.reference.is_some();
        let install = is_installed.then(|| self.here(&["plugin", "install", &signing.result]));
        [Some(line(&signing.words)), install].into_iter().flatten().collect()
    }

    fn sign(&self, directory: &str) -> Signing {
        let words = ["plugin", "sign", directory, "--add", "--private-key", &self.new.private_key];
        Signing { words: words.map(str::to_owned).to_vec(), result: directory.to_owned() }
    }

    /// Whatever has no tag gets one.
    fn resign(&self, reference: &Reference, dependent: &Dependent) -> Signing {
        let version = dependent.version.as_deref().unwrap_or("resigned").replace('+', "_");
        let tag = format!("{version}-{}", self.new.id).parse::<Tag>().ok().filter(|_| reference.tag().is_none());
        let (naming, named) = match tag {
            Some(tag) => (Naming::Tag(tag.clone()), vec!["--tag".to_owned(), tag.to_string()]),
            None => (Naming::Replaced, vec!["--replace-tag".to_owned()]),
        };
        let source = reference.to_string();
        let result = naming.place(reference).unwrap_or_else(|_| source.clone());
        let words = ["plugin", "resign", &source, "--add", "--private-key", &self.new.private_key];
        let trust = ["--trusted-keys", &self.keys];
        let words = words.into_iter().chain(trust).map(str::to_owned).chain(named).collect();
        Signing { words, result }
    }

    /// With what was typed of the places here.
    fn here(&self, words: &[&str]) -> String {
        let words: Vec<String> = words.iter().map(ToString::to_string).collect();
        let hint = self.context.output.hint(&format!("`{}`", line(&words)));
        hint.trim_matches('`').to_owned()
    }
}

/// The words as a shell reads them.
fn line(words: &[String]) -> String {
    std::iter::once("aisoc".to_owned()).chain(words.iter().map(shell_argument)).collect::<Vec<_>>().join(" ")
}
