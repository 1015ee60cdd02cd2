//! The reason codes of everything that is refused here. A code stays what it is; the words beside it may change.

use std::fmt;

macro_rules! codes {
    ($($variant:ident $code:literal $meaning:literal)*) => {
        /// Why a plugin was not installed, or a command did not run.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Code {
            $(#[doc = $meaning] $variant,)*
        }

        impl Code {
            /// Every code: those of installing, in the order in which they are found; then those of commands.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)*];

            /// The stable code.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $code,)* }
            }

            /// What it means, in one sentence.
            pub const fn meaning(self) -> &'static str {
                match self { $(Self::$variant => $meaning,)* }
            }
        }
    };
}

codes! {
    DuplicatePluginName "duplicate_plugin_name" "Two plugins have one name."
    PluginNamePanic "plugin_name_panic" "A plugin panicked when it was asked for its name."
    InvalidPluginName "invalid_plugin_name" "The name of a plugin is none."
    CapabilitiesPanic "capabilities_panic" "A plugin panicked when it was asked what it can do."
    InvalidCapability "invalid_capability" "What a plugin says of itself cannot be understood."
    RestrictsMismatch "restricts_mismatch" "A plugin that restricts says otherwise, or would let commands run without it."
    CapabilityUnmet "capability_unmet" "A plugin asks for another version of the command."
    InstallPanic "install_panic" "A plugin panicked while it was installed."
    InstallFailed "install_failed" "A plugin could not be installed."
    InvalidHookName "invalid_hook_name" "The name of a hook is none."
    DuplicateHookName "duplicate_hook_name" "Two hooks of a plugin have one name."
    InvalidHookRegistration "invalid_hook_registration" "A hook does not say for which commands it is."
    InvalidRule "invalid_rule" "The rule of a plugin is none."
    DoubleRestrict "double_restrict" "A plugin has handed over two rules."
    MultipleRestrictPlugins "multiple_restrict_plugins" "More than one plugin has handed over a rule."
    LifecycleFailed "lifecycle_failed" "A plugin could not start."
    LifecyclePanic "lifecycle_panic" "A plugin panicked when it was to start."
    RiskInvalid "risk_invalid" "The risk of the command is no level."
    RiskNotAnnotated "risk_not_annotated" "The command does not say what harm it can do."
    CommandDenylisted "command_denylisted" "A pattern denies the command."
    DomainNotAllowed "domain_not_allowed" "No pattern allows the command."
    WriteNotAllowed "write_not_allowed" "The command changes more than may be changed."
    RiskTooHigh "risk_too_high" "The command can do more harm than it may."
    IdentityMismatch "identity_mismatch" "The command is for none of those whom the policy lets through."
    IdentityNotSupported "identity_not_supported" "The command is not for the identity of this site."
    AggregateAllDenied "aggregate_all_denied" "Every command below this one is denied."
    Aborted "aborted" "A wrapper stopped the command."
    Panic "panic" "A wrapper panicked."
}

impl fmt::Display for Code {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(self.as_str())
    }
}
