//! The points of a host's work at which plugins are called: a closed list, with how answers are put together at each.

use std::fmt;
use std::str::FromStr;

use crate::capability::nearest;
use crate::fault::{Fault, Reason, Result};
use crate::text::shown;

/// Most characters that are shown of what is no hook's name.
const MAX_SHOWN: usize = 80;

/// A word that stands for each of a few things.
macro_rules! words {
    ($(#[$about:meta])* $name:ident { $($(#[$meaning:meta])* $variant:ident $word:literal)* }) => {
        $(#[$about])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum $name {
            $($(#[$meaning])* $variant,)*
        }

        impl $name {
            /// All of them.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)*];

            /// The word for it.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $word,)* }
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.as_str())
            }
        }
    };
}

words! {
    /// How the answers of handlers are put together.
    Semantic {
        /// The first that denies ends it; where nobody does, it is allowed.
        Voting "voting"
        /// Each is given what the one before has made of the value.
        FilterChain "filter_chain"
        /// What they give for one id is added up.
        ScoreDelta "score_delta"
        /// They are told, and nothing is asked of them.
        FireAndForget "fire_and_forget"
    }
}

words! {
    /// Who is called first.
    Ordering {
        /// The host itself, then plugins.
        CoreFirst "core_first"
        /// Plugins, then the host itself.
        PluginsFirst "plugins_first"
        /// The host itself, whose work it is; plugins look on behind it.
        CoreOnlyDefault "core_only_default"
        /// Plugins alone.
        PluginOnly "plugin_only"
    }
}

words! {
    /// Where in a host's work it is, the earliest first.
    Band {
        /// Who somebody is.
        Authn "AUTHN"
        /// What somebody may do.
        Authz "AUTHZ"
        /// Whether something may be taken.
        Validate "VALIDATE"
        /// What is made of it.
        Transform "TRANSFORM"
        /// What is left of it.
        Filter "FILTER"
        /// In which order.
        Rank "RANK"
        /// What is kept.
        Persist "PERSIST"
        /// What is written down.
        Audit "AUDIT"
        /// What is looked at.
        Observe "OBSERVE"
    }
}

impl Band {
    /// Its number: 10 to 90, as hosts have it.
    pub const fn number(self) -> u8 {
        (self as u8 + 1) * 10
    }
}

impl Semantic {
    /// What a handler is given first, behind its context: nothing, or one value.
    pub const fn value(self) -> Option<&'static str> {
        match self {
            Self::Voting | Self::FireAndForget => None,
            Self::FilterChain => Some("value"),
            Self::ScoreDelta => Some("scored_results"),
        }
    }

    /// How many arguments a handler has to take by their place: its context, and that value.
    pub const fn positional_count(self) -> usize {
        if self.value().is_some() { 2 } else { 1 }
    }
}

impl FromStr for Semantic {
    type Err = Fault;

    fn from_str(text: &str) -> Result<Self> {
        Self::ALL.iter().copied().find(|semantic| semantic.as_str() == text).ok_or_else(|| {
            let known: Vec<&str> = Self::ALL.iter().map(|semantic| semantic.as_str()).collect();
            Fault::new(Reason::Usage, format!("`{}` is no semantic of a hook", shown(text, MAX_SHOWN)))
                .expected(known.join(", "), shown(text, MAX_SHOWN))
        })
    }
}

macro_rules! hooks {
    ($($variant:ident $name:literal $semantic:ident $ordering:ident $band:ident $is_strict:literal $meaning:literal)*) => {
        /// A point at which plugins are called.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum Hook {
            $(#[doc = $meaning] $variant,)*
        }

        impl Hook {
            /// Every hook, in the order of the reference.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)*];

            /// Its name.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $name,)* }
            }

            /// How answers are put together.
            pub const fn semantic(self) -> Semantic {
                match self { $(Self::$variant => Semantic::$semantic,)* }
            }

            /// Who is called first.
            pub const fn ordering(self) -> Ordering {
                match self { $(Self::$variant => Ordering::$ordering,)* }
            }

            /// Where in a host's work it is.
            pub const fn band(self) -> Band {
                match self { $(Self::$variant => Band::$band,)* }
            }

            /// Whether a handler that fails ends it although nothing is asked of handlers: what is not written down did
            /// not happen.
            pub const fn is_strict(self) -> bool {
                match self { $(Self::$variant => $is_strict,)* }
            }

            /// When it is, in one sentence.
            pub const fn meaning(self) -> &'static str {
                match self { $(Self::$variant => $meaning,)* }
            }
        }
    };
}

hooks! {
    PreAssertAuthorize "pre_assert_authorize" Voting CoreFirst Authz false
        "Whether somebody may assert a fact, before it is looked at."
    PreAssertValidate "pre_assert_validate" Voting CoreFirst Validate false
        "Whether a fact that is asserted may be taken, before anything is made of it."
    PreAssertTransform "pre_assert_transform" FilterChain PluginsFirst Transform false
        "What is made of a fact that is asserted."
    PostAssertPersist "post_assert_persist" FireAndForget PluginOnly Persist false
        "A fact was kept."
    PostAssertPropagate "post_assert_propagate" FireAndForget PluginOnly Persist false
        "A fact is going to be sent to others."
    PostAssertAudit "post_assert_audit" FireAndForget CoreOnlyDefault Audit true
        "A fact that was asserted is written down."
    PreRecallAuthorize "pre_recall_authorize" Voting CoreFirst Authz false
        "Whether somebody may recall."
    PreRecallRewrite "pre_recall_rewrite" FilterChain PluginsFirst Transform false
        "What is made of what is asked for."
    RecallFilter "recall_filter" FilterChain PluginsFirst Filter false
        "What is left of what was found."
    RecallRank "recall_rank" ScoreDelta PluginsFirst Rank false
        "How what was found is ranked: what is added to each score."
    PostRecallAudit "post_recall_audit" FireAndForget CoreOnlyDefault Audit true
        "That something was recalled is written down."
    FederationPeerAuthenticate "federation_peer_authenticate" Voting CoreFirst Authn false
        "Whether a peer is who it says."
    FederationInboundValidate "federation_inbound_validate" Voting CoreFirst Validate false
        "Whether what a peer sends may be taken."
    FederationInboundFilter "federation_inbound_filter" FilterChain PluginsFirst Filter false
        "What is left of what a peer sends."
    FederationOutboundFilter "federation_outbound_filter" FilterChain PluginsFirst Filter false
        "What is left of what is sent to a peer."
    FederationOutboundSign "federation_outbound_sign" FilterChain PluginsFirst Transform false
        "With what it is signed that is sent to a peer."
    IdentityResolve "identity_resolve" FilterChain CoreFirst Authn false
        "Who somebody is."
    TenantResolve "tenant_resolve" FilterChain CoreFirst Authn false
        "Which tenant somebody acts for."
    CapabilityCheck "capability_check" Voting CoreFirst Authz false
        "Whether a capability may be used."
    MigrationRegister "migration_register" FilterChain CoreOnlyDefault Transform false
        "Which migrations there are."
    AuditEmit "audit_emit" FireAndForget CoreOnlyDefault Audit true
        "An audit event is written down."
    ConfigValidate "config_validate" Voting CoreFirst Validate false
        "Whether a plugin may be registered, or a configuration taken."
}

impl Hook {
    /// The hook that was meant, perhaps, by a name that nobody knows.
    pub fn nearest(name: &str) -> Option<Self> {
        nearest(name, Self::ALL.iter().map(|hook| (*hook, hook.as_str())))
    }
}

impl fmt::Display for Hook {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Hook {
    type Err = Fault;

    fn from_str(text: &str) -> Result<Self> {
        if let Some(hook) = Self::ALL.iter().copied().find(|hook| hook.as_str() == text) {
            return Ok(hook);
        }
        let fault = Fault::new(Reason::HookNotFound, format!("unknown hook '{}'", shown(text, MAX_SHOWN)));
        Err(match Self::nearest(text) {
            Some(nearest) => fault.hint(format!("did you mean {nearest}?")),
            None => fault,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_leads_back_to_its_hook_and_what_is_near_to_it_as_well() {
        for hook in Hook::ALL {
            assert_eq!(hook.as_str().parse::<Hook>().expect("its own"), *hook);
        }
        for text in ["", "health_check", "Recall_rank", "recall_rank "] {
            assert_eq!(text.parse::<Hook>().expect_err(text).reason(), Reason::HookNotFound, "{text:?}");
        }
        let near = "recall_ranks".parse::<Hook>().expect_err("unknown");
        assert_eq!((near.message(), near.next_step()), ("unknown hook 'recall_ranks'", "did you mean recall_rank?"));
        let far = "x".repeat(10_000).parse::<Hook>().expect_err("unknown");
        assert!(far.message().len() < 200 && !far.next_step().contains("did you mean"), "{far:?}");
    }

    #[test]
    fn bands_are_numbered_in_their_order_and_three_hooks_are_strict() {
        let numbers: Vec<u8> = Band::ALL.iter().map(|band| band.number()).collect();
        assert_eq!(numbers, [10, 20, 30, 40, 50, 60, 70, 80, 90]);
        let strict: Vec<&str> = Hook::ALL.iter().filter(|hook| hook.is_strict()).map(|hook| hook.as_str()).collect();
        assert_eq!(strict, ["post_assert_audit", "post_recall_audit", "audit_emit"]);
        // Only where nothing is asked of handlers a failure could be passed over at all.
        let is_quiet = |hook: &&Hook| hook.semantic() == Semantic::FireAndForget;
        assert!(Hook::ALL.iter().filter(|hook| hook.is_strict()).all(|hook| is_quiet(&hook)));
    }

    #[test]
    fn a_value_is_given_where_one_is_made_of_it() {
        let given: Vec<_> =
            Semantic::ALL.iter().map(|semantic| (semantic.value(), semantic.positional_count())).collect();
        assert_eq!(given, [(None, 1), (Some("value"), 2), (Some("scored_results"), 2), (None, 1)]);
        assert_eq!("voting".parse::<Semantic>().expect("known"), Semantic::Voting);
        assert_eq!("vote".parse::<Semantic>().expect_err("unknown").reason(), Reason::Usage);
    }
}
