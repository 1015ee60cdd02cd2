//! `Rule`: what is looked for on a site beside its keys. One table, of which the documents, the page and the tests are
//! made; the ids keep their meaning for ever. What is looked for among keys is in [`crate::keys::lint`].

use crate::keys::lint::Level;

macro_rules! rules {
    ($($variant:ident $id:literal $level:ident $title:literal $meaning:literal)*) => {
        /// What a finding is about.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        #[non_exhaustive]
        pub enum Rule {
            $(#[doc = $meaning] $variant,)*
        }

        impl Rule {
            /// Every rule, in the order of the documentation: what weighs most comes first.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)*];

            /// The stable id.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $id,)* }
            }

            /// How much each of its findings weighs.
            pub const fn level(self) -> Level {
                match self { $(Self::$variant => Level::$level,)* }
            }

            /// What was found, in a few words.
            pub const fn title(self) -> &'static str {
                match self { $(Self::$variant => $title,)* }
            }

            /// Why it matters.
            pub const fn meaning(self) -> &'static str {
                match self { $(Self::$variant => $meaning,)* }
            }
        }
    };
}

rules! {
    PlaceWritable "place_writable" Error "a place that others can change"
        "Whoever may change the plugins directory, the data directory, the program of Python, or a directory on the way decides what a host loads."
    PlaceUnreadable "place_unreadable" Error "a place that cannot be looked at"
        "What stands there is not known, so nothing can be said of it."
    KeysMissing "keys_missing" Error "no trusted keys"
        "There is nothing where keys should be, so a strict host loads no plugin."
    PluginRefused "plugin_refused" Error "a plugin that is refused"
        "A host would not load it, for the reason that is named."
    PluginsUnjudged "plugins_unjudged" Error "no plugin could be judged"
        "What stands in the way is named; until it is gone a host loads none."
    CapabilityUnknown "capability_unknown" Error "a capability that no host can grant"
        "The plugin asks for something that there is not: what it needs it will not get."
    LockUnreadable "lock_unreadable" Error "a lock that cannot be read"
        "Nobody can tell what this site has accepted."
    LockAbsent "lock_absent" Error "production without a lock"
        "In production only what the lock accepts is loaded, and there is none."
    LockDiffers "lock_differs" Error "not what the lock accepts"
        "What is here is another version or content than was accepted, or was not accepted at all."
    LockJournalBroken "lock_journal_broken" Error "the journal of a site or of its lock does not hold"
        "A line was removed, changed, moved or cut off, or cannot be read."
    SettingInvalid "setting_invalid" Error "a setting that is not understood"
        "Somebody wanted something, and gets the strictest or a refusal."
    TrustOff "trust_off" Error "nothing is verified"
        "The trust mode is `disabled` outside of development: plugins load without a look at their signatures."
    SandboxUnavailable "sandbox_unavailable" Error "plugins cannot be confined as they have to be"
        "Every layer is required, and this system does not give them all: nothing of a plugin runs here."
    ClockRecordBroken "clock_record_broken" Error "the time that was seen last cannot be read"
        "Keys are judged by it: whoever takes it away can set the clock back."
    DropinsAllowed "dropins_allowed" Error "drop-ins on a shared host"
        "Every file in the data directory runs, whoever of its users put it there; in a host that imports it with full process privileges."
    AsRoot "as_root" Warning "it runs as root"
        "Plugins run with the rights of their host: a user of its own limits what a bad one can do."
    GroupWritable "group_writable" Warning "a group may write"
        "Everybody in the group decides what is loaded, or who is trusted."
    KeyOwner "key_owner" Warning "a key that is not root's"
        "Its owner can exchange it: keys belong to root, and the host reads them."
    KeyMode "key_mode" Warning "a key that can be written or run"
        "Nobody has to write a trusted key where it is used: mode 0444."
    NetworkMount "network_mount" Warning "on another host's file system"
        "Locks of other hosts may not be seen there, and whoever serves it decides what is read."
    LeftOver "left_over" Warning "left by a killed process"
        "A change was begun and is not finished, or takes up space that nobody needs."
    LockUnexplained "lock_unexplained" Warning "a change of the lock that nobody has answered for"
        "The lock was edited by hand, and its journal has no line that says why."
    LockEntryUnused "lock_entry_unused" Warning "accepted and not here"
        "The lock accepts a plugin that is not here."
    TrustLenient "trust_lenient" Warning "refusals are warnings"
        "The trust mode is `warn`: what is not verified loads all the same."
    CoverageLenient "coverage_lenient" Warning "code is enough everywhere"
        "Files that a signature does not cover load from every publisher; a note on one key would do for one."
    KillSwitchMisread "kill_switch_misread" Warning "a kill switch that does not switch"
        "Only `0` turns drop-ins off: every other text leaves them on."
    TokenWithoutOperator "token_without_operator" Warning "a token of an administrator that is nobody's"
        "Whoever has it changes plugins, and nobody answers for it: shared tokens should not hold plugins:admin."
    SandboxPartial "sandbox_partial" Warning "plugins are not confined whole"
        "A layer is missing: what it would keep a plugin from, only the others do, or nothing."
    SandboxOff "sandbox_off" Warning "plugins are not confined"
        "A plugin reads and writes what the user of its host may, and reaches every network."
    ClockStrange "clock_strange" Warning "a clock that does not go on"
        "It is behind the time that was seen here last, or far ahead of it: keys are judged by the later of the two."
    DataDirectorySuspicious "data_directory_suspicious" Warning "a data directory among the system's"
        "Drop-ins would stand beside files of the system: it is a mistake in most cases."
    WritesWithoutAudit "writes_without_audit" Warning "writes without audit.emit"
        "The plugin asks to change something, and not to report that it did."
    DropinToMove "dropin_to_move" Warning "a drop-in that could be an entry point"
        "On a shared host plugins come as distributions, which are installed by whoever answers for them."
    UnsignedSource "unsigned_source" Warning "plugins without signatures"
        "Nobody can tell who made them: prefer sources whose plugins are signed."
    PythonMissing "python_missing" Warning "there is no Python"
        "Entry points are asked for their names by it: without it they are refused."
    PluginsMissing "plugins_missing" Note "no plugins directory"
        "Nothing is installed there yet; the first install makes it."
    KeysWritableMount "keys_writable_mount" Note "keys on a mount that can be written"
        "On a read-only mount nobody can add a key from within the host."
    NoexecMount "noexec_mount" Note "a mount on which nothing runs"
        "Native modules of a plugin cannot be loaded from it."
    ReadOnlyMount "read_only_mount" Note "a mount that cannot be written"
        "Nothing can be installed there from this host."
    HighImpact "high_impact" Note "a capability of high impact"
        "The plugin asks for something that changes what others rely on, or reaches other machines."
    Noticed "noticed" Note "worth knowing"
        "Something was passed over while plugins were looked for."
}
