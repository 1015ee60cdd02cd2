//! The registry of warnings: one row per thing that a command says although it goes on.
//!
//! The same words stand in `warning[code]`, in `--json`, and in the generated page `docs/reasons.md`. A code
//! keeps its meaning for ever, and is none of the codes of a [`Reason`](crate::reason::Reason): whoever looks
//! one up finds one answer. A code that nothing says is a bug (there is a test).

use std::fmt;

macro_rules! warnings {
    ($($variant:ident $code:literal $meaning:literal $remedy:expr)*) => {
        /// What somebody should know although the command goes on. See `aisoc reasons CODE`.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        #[non_exhaustive]
        pub enum Warning {
            $(#[doc = $meaning] $variant,)*
        }

        impl Warning {
            /// Every warning, in the order of the documentation.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)*];

            /// The stable code.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $code,)* }
            }

            /// What it means, in one sentence.
            pub const fn meaning(self) -> &'static str {
                match self { $(Self::$variant => $meaning,)* }
            }

            /// What to do about it, where there is something to do.
            pub const fn remedy(self) -> Option<&'static str> {
                match self { $(Self::$variant => $remedy,)* }
            }
        }
    };
}

warnings! {
    // --- what is compiled into the command, and the policy over it
    PluginSkipped "plugin_skipped"
        "A plugin that is compiled into the command was left out, as it asks for where it cannot be installed."
        Some("whoever builds this command corrects the plugin: until then it sees nothing and stops nothing")
    PolicyNotApplied "policy_not_applied"
        "The policy file is there and cannot be used, so nothing is held against it."
        Some("correct what is named in policy.yml")
    HookPanicked "hook_panicked"
        "A plugin that looks on panicked; the command went on."
        Some("report it to whoever builds this command, with the command and its output")
    ShutdownUnfinished "shutdown_unfinished"
        "A plugin could not end what it does behind a command: it failed, or took longer than the two seconds that all have."
        Some("whoever builds this command looks at what the plugin does when it ends; the command itself has ended before")
    // --- what the user's own settings mean
    TrustDisabled "trust_disabled"
        "Nothing is verified, outside of a development environment."
        Some("unset PLUGIN_TRUST_MODE, which makes it strict")
    VariableInvalid "variable_invalid"
        "A variable holds a word that is none of its values; the strictest is taken."
        Some("correct the variable, or unset it")
    SettingLeftOut "setting_left_out"
        "A setting cannot be read that decides about plugins, and what was asked is done without it."
        Some("correct what is named: until then no plugin is let in by it")
    ConnectionUnencrypted "connection_unencrypted"
        "A registry on another machine is spoken to without TLS, as `--plain-http` or registries.toml says."
        Some("leave `--plain-http` out, and `plain_http` in registries.toml")
    SettingOverridden "setting_overridden"
        "What the command line says of a registry stands in place of what registries.toml, or a directory of certificates, says of it."
        Some("leave the option out, or correct the file: see `aisoc help registries`")
    MirrorPassedOver "mirror_passed_over"
        "A mirror that registries.toml names did not give what was asked of it: it is down, denies it, has not got it, or sent something else. Whoever comes behind it was asked."
        Some("see to the mirror, or take it out of registries.toml: `aisoc registry auth explain HOST` shows what is written of it")
    LoginUnverified "login_unverified"
        "The registry asks for no login, so nobody knows whether the one that is kept for it is good."
        Some("check the host; a registry that asks only for some of what it holds asks when that is read")
    LoginShadowed "login_shadowed"
        "Another login for the same registry comes first, or is left."
        Some("see `aisoc registry auth explain HOST`, and unset or remove what it names")
    SharedDirectory "shared_directory"
        "A plugins directory that others can write is used, as `--accept-shared-directory` says."
        None
    CoverageFloorLowered "coverage_floor_lowered"
        "The next install of the plugin accepts a signature that covers less than before, as `--lower-coverage` says."
        None
    GroupWritable "group_writable"
        "A group may change the plugins directory, the trusted keys or the way to them: everybody in it decides what is loaded, or who is trusted."
        Some("see all of it with `aisoc doctor`")
    // --- journals
    LockUnjournaled "lock_unjournaled"
        "plugins.lock was changed, and the journal beside it does not say so: nobody has answered for the change."
        Some("find out who changed it; then `aisoc plugins trust ID --reason TEXT` or `aisoc plugins untrust ID --reason TEXT` says so")
    NotLocked "not_locked"
        "Something that is here is not in the lock that was made of what is here, because a host would refuse it."
        Some("mend what is named, then accept it: `aisoc plugins trust ID --reason TEXT`")
    IdNotAsked "id_not_asked"
        "A plugin was accepted under the name of its entry point, because nobody could ask it what it calls itself."
        None
    JournalUnchained "journal_unchained"
        "Lines at the end of a journal were written by hand, or by a command that was killed: nothing holds them yet, and the next line of aisoc's will."
        None
    JournalUnread "journal_unread"
        "A line of a journal says nothing: it was written by hand and has not the form of one, or a killed command has left a part of it."
        Some("see \"A line\" in `aisoc help journal`")
    JournalEndUnknown "journal_end_unknown"
        "This site has kept no head of a journal that is carried from place to place, so nobody can tell whether lines were cut off its end."
        Some("compare the newest hash with one that was kept elsewhere: `--includes HASH`")
    ClockBehind "clock_behind"
        "The clock is more than a minute behind a time that was seen here before; keys are judged by that time."
        Some("set this machine's clock; `aisoc plugins clock` shows both times")
    ClockAhead "clock_ahead"
        "The clock is more than a year ahead of the time that was seen here last; keys are judged by it, and it is not written down."
        Some("set this machine's clock, or say that it is right: `aisoc plugins clock --reset --reason TEXT`")
    // --- what an install or a rollback has replaced
    VersionPassedOver "version_passed_over"
        "A newer version of a plugin is published than the one that it is upgraded to, and what an install asks would refuse it."
        Some("see why, and what would change that: `aisoc explain REF`")
    OlderVersion "older_version"
        "An older version is in the place of a newer one, as `--allow-downgrade` or a rollback says."
        None
    VersionRepeated "version_repeated"
        "Another artifact has replaced one of the same version; or nobody can tell, because no record says what was there."
        Some("ask the publisher to give every release a version of its own")
    VersionsUncompared "versions_uncompared"
        "Nobody can tell which of two versions is older, and `--allow-downgrade` or a rollback says that it may be either."
        None
    OtherSigner "other_signer"
        "A plugin comes from other signers than before, as `--allow-signer-change` or a rollback says; or nobody has looked, in mode `disabled`."
        None
    SignerAdded "signer_added"
        "A key that has not signed what was installed before has signed what has replaced it, beside one that has: from now on it may replace the plugin alone."
        Some("ask the publisher, on another way than this one, whether the new key is theirs")
    RepositoryChanged "repository_changed"
        "A plugin comes from another repository than before, and from the same signer."
        None
    NotLoadable "not_loadable"
        "What is installed is signed well, and no host loads it: its plugin manager refuses it for what is named."
        Some("ask its publisher for a build that passes `aisoc plugin validate --profile manager`")
    CapabilitiesGrown "capabilities_grown"
        "A plugin asks for more of the host than what it has replaced, or nobody can tell whether it does, as `--accept-capabilities` or a rollback says."
        Some("read what a capability permits: `aisoc capabilities`")
    CapabilityNotAsked "capability_not_asked"
        "`--accept-capabilities` names something that the plugin does not ask for: nothing was accepted by that, and it may be misspelt or of another version."
        Some("name what is asked for, and nothing else: `aisoc capabilities` lists what there is")
    LockSchemaRaised "lock_schema_raised"
        "plugins.lock was of an older schema version, and what is written down of an install needs a newer one: a reader that knows the older one alone refuses the lock now."
        Some("where such a reader has to go on, accept what was installed with `aisoc plugins trust ID --reason TEXT`, which leaves a lock the version that it has")
    PublisherOverridden "publisher_overridden"
        "A plugin is let in as an exception: its publisher is on AISOC_PLUGIN_TRUST_OVERRIDE_PUBLISHERS alone."
        Some("review the publisher, and name the key in AISOC_PLUGIN_TRUSTED_PUBLISHERS or in neither")
    // --- keys and signatures
    KeyNotUsed "key_not_used"
        "A file in the trusted keys directory is not used, and the message says why."
        Some("correct the file, or take it out of the directory")
    KeyEnds "key_ends"
        "A key that verified the signature will be revoked, or expires within 30 days, as its note says."
        Some("ask the publisher for a build that is signed with the new key as well, before then")
    KeysetStale "keyset_stale"
        "The set of keys that this site follows has expired, or nobody can tell whether it has: a newer one, with a revocation, may be withheld."
        Some("run `aisoc keys sync`; when it says the same, ask who signs the set for a newer version")
    KeyLeftAlone "key_left_alone"
        "A key is not here as the set of keys says, because it is this site's own, or was changed, removed or revoked here."
        Some("see which with `aisoc keys list`")
    SignerDoubtful "signer_doubtful"
        "A set of keys is signed by a key whose signature of a set does not count by the keys of the directory itself."
        Some("sign with a key that may sign sets there; sites that trust another key for that count that one")
    DependsOnKey "depends_on_key"
        "A plugin, or a version that is kept for a rollback, depends on a key that is taken away or is going to end."
        Some("have its publisher sign it with the key that stays, and install that")
    SinceDecidesNothing "since_decides_nothing"
        "A revocation says since when somebody else may have had the key, and what the key signed before is refused as well: no timestamp authority is named."
        None
    SuccessorStands "successor_stands"
        "A key is revoked, and another key that was accepted on its word goes on counting: whoever had the one may have named the other."
        Some("find out whether it is its owner's; if nobody can tell, revoke it as well: `aisoc keys revoke ID --reason TEXT`")
    EndorserNotCounted "endorser_not_counted"
        "A key has signed an endorsement and does not count for that here; enough others do, or the successor is trusted already."
        None
    AdmittedDespite "admitted_despite"
        "The trust mode lets in what strict mode refuses for the reason that is named."
        None
    FilesNotCovered "files_not_covered"
        "The signature is valid, and there are files that it does not cover."
        Some("have it signed whole by its author: `aisoc plugin sign DIR --private-key KEY`")
    SignaturesRemoved "signatures_removed"
        "The signatures of others, which fitted what is signed, were replaced by `sign` or are not in a release."
        Some("to sign beside them, have them sign again and sign with `--add`")
    AmbiguitySigned "ambiguity_signed"
        "A manifest is signed that readers of YAML may understand in different ways, as `--allow-ambiguous` says."
        Some("quote the values that `aisoc plugin validate` names")
    // --- what is packed and published
    SecretPublished "secret_published"
        "What looks like a secret is in what is signed, packed or pushed, as `--allow-secret` says."
        None
    SbomIncomplete "sbom_incomplete"
        "A list of what a plugin needs was not read, or not all of it, and the SBOM says so in place of it."
        Some("see `aisoc help attestations` for what is read; another list beside it, with the same in words that are, closes the gap")
    PackageUnsigned "package_unsigned"
        "What is packed or pushed has no signature, as `--unsigned` says; hosts in strict mode refuse it."
        Some("sign it with `aisoc plugin sign DIR --private-key KEY`")
    SignatureBroken "signature_broken"
        "What is packed or pushed has a signature that is not one of its content; hosts refuse it."
        Some("sign it again with `aisoc plugin sign DIR --private-key KEY`")
    NotPackable "not_packable"
        "The manifest is valid, and its directory cannot be packed as it is."
        None
    CachePacked "cache_packed"
        "Python files in caches and virtual environments are packed, because a signature covers every `*.py`."
        Some("list their directories in .aisocignore")
    TagNotVersion "tag_not_version"
        "What is packed or pushed gets a tag that is not its version; who asks for the version does not find it."
        Some("leave the tag out, and it is the version")
    ManifestNotStrict "manifest_not_strict"
        "A host takes the manifest, and other readers refuse it or read it in another way."
        None
    ManifestKeyStrange "manifest_key_strange"
        "A key of the manifest is none that anybody reads, and nearly one that everybody does."
        None
    PathTaken "path_taken"
        "A word is the name of a path here and the id of an installed plugin, and the path was taken."
        Some("to name the installed plugin, run the command in another directory; `./NAME` says that the path is meant")
    EmptyDirectoryLeftOut "empty_directory_left_out"
        "A directory without files was in the layer, and was not made: no list of files names it."
        None
    // --- what is found beside plugins
    DistributionNotRead "distribution_not_read"
        "A site-packages directory holds distributions of a form older than `*.dist-info`; a host may find plugins in them, and they are not listed."
        Some("install them as wheels")
    UserPluginLoaded "user_plugin_loaded"
        "A file in the data directory is a drop-in: a host that lets it pass runs it with all its own rights, and this is where it is and which bytes it has. Where nobody could read it the hash is empty."
        Some("read it; what nobody here has put there, take away")
    UserPluginDisabledSkip "user_plugin_disabled_skip"
        "A file in the data directory is not loaded, because the switch for drop-ins is off."
        None
    UserPluginAuditHashFailed "user_plugin_audit_hash_failed"
        "A file in the data directory cannot be read, so nobody can write down which bytes a host would run."
        Some("look at owner and mode of the file")
    UnverifiedListed "unverified_listed"
        "A host would load plugins that nobody who is trusted here has signed: which bytes they are is known, and not whose."
        Some("ask their publishers for signed ones; `aisoc plugins list --json` says of each what its signature is worth")
    ArchiveNotLoaded "archive_not_loaded"
        "An archive stands among the plugins or the drop-ins, and no host loads one."
        Some("read what is in it, then put the files that you mean beside it")
    PluginAlreadyRegistered "plugin_already_registered"
        "A drop-in has the id of a plugin that is built in, and takes its place."
        Some("take the file away, or give it another name")
    PathSettingsSuspiciousDataDir "path_settings_suspicious_data_dir"
        "The data directory is below a directory of the system's own."
        Some("keep data in a directory of its own, such as one below /srv or /var/lib")
    // --- what is left behind
    NotRemoved "not_removed"
        "The command has done its work, and could not remove what it no longer needs."
        Some("try again with `aisoc plugin gc`")
    ChangeUnfinished "change_unfinished"
        "A change that a killed command had begun could not be finished."
        Some("look at what stands in its way, then run `aisoc plugin gc` again")
    RegistryOpen "registry_open"
        "The registry that comes with aisoc can be reached from other machines, and it asks for no login."
        Some("leave `--listen` out, which makes it this machine only")
    ReferrersLeft "referrers_left"
        "A manifest was deleted, and others that are about it stay: signatures, attestations, bills of materials."
        Some("delete each by its digest, which `--json` lists; a collection of the registry's garbage may leave them")
    MoreDeleted "more_deleted"
        "A registry deleted a manifest with its tag, which was to go alone: whoever has it pinned by its digest does not find it any more."
        Some("push it again from where a copy of it is, if it is missed")
    AccessKept "access_kept"
        "A file that says who may ask a registry for what has changed and cannot be used: what it said before counts."
        Some("correct it where the message says; it is read again within a second")
    IndexBehind "index_behind"
        "A registry cannot write an `index.json`: its own clients see all that was pushed, and whoever reads the file does not."
        Some("free what the message names; it is written again within a second")
    // --- a host
    TokenWithoutOperator "token_without_operator"
        "A token that may change plugins was made, and nobody answers for it: what is done with it is nobody's."
        Some("say who answers for it: `--operator NAME`; a shared one is better given another scope, `--scope plugins:execute`")
    HostWithoutLogin "host_without_login"
        "A host asks nobody who they are: whoever reaches it on this machine may call, load and unload plugins."
        Some("run it where nobody else has an account")
    SandboxOff "sandbox_off"
        "Plugins are confined by nothing but limits of what they take, outside of a development environment, as AISOC_SANDBOX says."
        Some("unset AISOC_SANDBOX, which confines them by what the system gives")
    SandboxPartial "sandbox_partial"
        "This system does not give every layer that plugins are confined by; they run with the others."
        Some("see which, and why: `aisoc doctor`; with `AISOC_SANDBOX=require` none of them runs like that")
    VersionsNotPinned "versions_not_pinned"
        "A host could not say in the plugins directory which versions it runs, so other commands may remove them."
        Some("run the host as a user who may write the plugins directory")
    DiscoveryFailed "discovery_failed"
        "A host could not look for plugins when it began; it answers all the same, and is not ready."
        Some("do what the message says, then `aisoc api discover`")
    NobodyLetIn "nobody_let_in"
        "A host cannot read its tokens, or the keys of its issuer, and lets nobody in by them until it can."
        Some("see what is wrong with the file: `aisoc token list --tokens FILE`")
    CertificateKept "certificate_kept"
        "The certificate of a host has changed, and cannot be used: the one before is still shown."
        Some("put a certificate and its private key into the files that the host was started with")
    ServiceManagerNotTold "service_manager_not_told"
        "A host could not tell the service manager that has started it how it does."
        Some("see whether what `NOTIFY_SOCKET` names is there, or start the service again")
    FactsRefused "facts_refused"
        "The file with the facts of a plugin is damaged, of another form or another host's. It is left as it is, and the plugin has none."
        Some("put the file aside, or put back one that was whole: it stands in the directory beside the state file of the host")
    CertificatesRefused "certificates_refused"
        "A host cannot read the certificates by which it asks others for plugins; what it has read before counts meanwhile."
        Some("see what is wrong with the file that the message names: it is read again by itself")
    AuditRefused "audit_refused"
        "The audit log of a host cannot be written, or somebody has moved its file or put another into its place. What cannot be written down is not done."
        Some("see what is wrong with the file and the disk that it is on: it stands in the directory beside the state file of the host, which rotates it itself")
    FactsBegunAnew "facts_begun_anew"
        "A plugin is signed by other keys than those that have signed what kept facts under its id, so it begins without them. They stay."
        Some("where the keys have taken the others' place, or only sign what others publish, say so in the file of `--config`: `successors` and `countersigners` in `aisoc help handles`")
    FactsOfOthers "facts_of_others"
        "A plugin goes on with what another line of signers has kept under its id, and without what it has kept itself until now. That stays."
        Some("where that is not meant, take back what was said last of `countersigners` and `successors` in the file of `--config` (`aisoc help handles`), or load the version that was there before")
    NotJudgedAgain "not_judged_again"
        "A host could not judge again what it holds: keys or the lock cannot be read. What was admitted goes on."
        Some("see what is wrong with them: `aisoc plugins list`")
    EventNotWritten "event_not_written"
        "An event of a host could not be written into the file that `AISOC_LOG_FILE` names."
        Some("look at the file and at the disk that it is on")
}

impl Warning {
    /// The warning of that code.
    pub fn from_code(code: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|warning| warning.as_str() == code)
    }
}

impl fmt::Display for Warning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::reason::Reason;

    #[test]
    fn codes_are_lower_snake_case_documented_and_those_of_no_reason() {
        let codes: BTreeSet<_> = Warning::ALL.iter().map(|warning| warning.as_str()).collect();
        assert_eq!(codes.len(), Warning::ALL.len());
        for warning in Warning::ALL {
            assert!(warning.as_str().bytes().all(|b| b.is_ascii_lowercase() || b == b'_'), "{warning}");
            assert!(warning.meaning().ends_with('.'), "{warning}");
            assert!(!warning.remedy().is_some_and(|remedy| remedy.is_empty() || remedy.ends_with('.')), "{warning}");
            assert_eq!(Warning::from_code(warning.as_str()), Some(*warning));
            assert_eq!(Reason::from_code(warning.as_str()), None, "{warning} is a reason too");
        }
    }

    #[test]
    fn no_remedy_says_to_trust_less() {
        for remedy in Warning::ALL.iter().filter_map(|warning| warning.remedy()) {
            for word in ["disabled", "--insecure", "warn mode", "trust-mode"] {
                assert!(!remedy.contains(word), "{remedy}");
            }
        }
    }
}
