//! `Action`: what a line of a journal says was done, in one word of a closed list.

use std::fmt;

/// Declares the actions: the word that stands in a line, and whether it takes a reason.
macro_rules! actions {
    ($($action:ident $word:literal $needs_reason:literal $meaning:literal)*) => {
        /// What was done. A word that is none of these is no action, and its line no line.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        #[non_exhaustive]
        pub enum Action {
            $(#[doc = $meaning] $action,)*
        }

        impl Action {
            /// Every action, in the order of the manual.
            pub const ALL: &'static [Self] = &[$(Self::$action,)*];

            /// The word that stands in a line.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$action => $word,)* }
            }

            /// What it says, in one sentence.
            pub const fn meaning(self) -> &'static str {
                match self { $(Self::$action => $meaning,)* }
            }

            /// Whether a line of it says why: what changes whom or what a site trusts does.
            pub const fn needs_reason(self) -> bool {
                match self { $(Self::$action => $needs_reason,)* }
            }
        }
    };
}

actions! {
    Trust "trust" true "A plugin's content is trusted from now on."
    Revoke "revoke" true "A plugin is trusted no more."
    Install "install" false "A plugin was installed."
    Sign "sign" false "A plugin was signed."
    Push "push" false "A plugin was pushed to a registry."
    Enable "enable" false "A plugin was enabled."
    Disable "disable" false "A plugin was disabled."
    Reload "reload" false "A plugin was loaded again."
    Unload "unload" false "A plugin was unloaded."
    Discover "discover" false "The sources of a host were looked at, and what is admitted was loaded."
    Rollback "rollback" false "A version that was replaced was put back."
    Admit "admit" false "A plugin that runs, and was refused meanwhile, is admitted again."
    RunDenied "run-denied" false "A plugin was denied what it asked for, or was not run, because that is not what was declared or accepted."
    Refuse "refuse" false "A plugin was refused."
    FloorLower "floor-lower" true "The coverage floor of a plugin was lowered."
    ClockReset "clock-reset" true "The time that was seen last was set back."
    KeyAdd "key-add" true "A key is trusted from now on."
    KeyStage "key-stage" true "A key was put beside the trusted ones, and is not trusted yet."
    KeyPromote "key-promote" true "A staged key is trusted from now on."
    KeyAnnotate "key-annotate" true "The note on a key was changed."
    KeyRetire "key-retire" true "A key is to be trusted until a date, or no more."
    KeyRevoke "key-revoke" true "A key is revoked: nothing that it signed counts."
    KeyRestore "key-restore" true "A key that was retired or revoked is trusted again."
    KeyRemove "key-remove" true "A key was removed."
    KeyAccept "key-accept" true "A key was accepted because another one has named it its successor."
    KeySync "key-sync" true "A signed set of keys was applied."
    LockSync "lock-sync" true "A signed set of plugins was applied to plugins.lock, or taken back."
}

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl Action {
    /// The action of that word.
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|action| action.as_str() == word)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn every_action_is_one_word_that_leads_back_to_it() {
        let words: BTreeSet<&str> = Action::ALL.iter().map(|action| action.as_str()).collect();
        assert_eq!(words.len(), Action::ALL.len());
        for action in Action::ALL {
            assert_eq!(Action::from_word(action.as_str()), Some(*action));
            assert!(action.as_str().chars().all(|c| c.is_ascii_lowercase() || c == '-'), "{action}");
            assert!(action.meaning().ends_with('.'), "{action}");
        }
        for none in ["", "-", "Trust", "trust ", "key", "key_add", "untrust"] {
            assert_eq!(Action::from_word(none), None, "{none:?}");
        }
    }

    #[test]
    fn whatever_changes_who_or_what_is_trusted_says_why() {
        for action in Action::ALL {
            let word = action.as_str();
            let expected = word.starts_with("key-")
                || ["trust", "revoke", "floor-lower", "clock-reset", "lock-sync"].contains(&word);
            assert_eq!(action.needs_reason(), expected, "{word}");
        }
    }
}
