//! `Judged`: what policies judge, by its name: a command, or the call of a plugin that a host holds.

use std::collections::BTreeSet;

use aisoc_dispatch::{CommandId, CommandTree, PluginCall};
use aisoc_manifests::capability::Capability;
use aisoc_manifests::fault::{Fault, Reason, Result};
use aisoc_manifests::id::PluginId;
use aisoc_manifests::text::shown;
use aisoc_platform::Identity;

use crate::commands::host_rules;

/// How much of what names no command is shown.
const MAX_SHOWN: usize = 80;

/// What policies judge.
#[derive(Debug)]
pub(super) enum Judged {
    /// A command.
    Command(CommandId),
    /// The call of a plugin, `plugin/ID/run`.
    Call(PluginId),
}

impl Judged {
    /// What is meant by words as they are typed, or by a path.
    ///
    /// # Errors
    /// `usage` where there is no such command; what is wrong with the id in the place of one.
    pub(super) fn named(tree: &CommandTree, typed: &[impl AsRef<str>]) -> Result<Self> {
        let words: Vec<&str> = typed.iter().flat_map(|word| word.as_ref().split(['/', ' '])).collect();
        match (tree.typed(&words), words.as_slice()) {
            ((id, own), _) if own == words.len() && id != tree.root() => Ok(Self::Command(id)),
            (_, ["plugin", id, "run"]) => id.parse().map(Self::Call),
            _ => {
                Err(Fault::new(Reason::Usage, format!("there is no command `{}`", shown(&words.join(" "), MAX_SHOWN)))
                    .hint("see which there are: `aisoc commands`"))
            }
        }
    }
}

/// The call of a plugin that declares this, by that identity, as a host judges it.
pub(super) fn call(id: &PluginId, declares: &BTreeSet<Capability>, identity: Identity) -> PluginCall {
    PluginCall { id: id.as_str().to_owned(), risk: host_rules::risk(declares), identity }
}
