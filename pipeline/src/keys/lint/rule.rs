//! `Rule`: what is looked for in a directory of keys. One table, of which the documents, the page and the tests are
//! made; the ids keep their meaning for ever.

/// How much a finding weighs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// Something is wrong, and keys count that should not, or the other way round.
    Error,
    /// Somebody should do something about it.
    Warning,
    /// Somebody should know.
    Note,
}

impl Level {
    /// The word, which is that of SARIF 2.1.0 (section 3.27.10) as well.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warning => "warning",
            Self::Note => "note",
        }
    }
}

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
    PrivateKey "private_key" Error "a private key"
        "A private key has no place on a host: whoever reads the directory can sign."
    WritableByOthers "writable_by_others" Error "others can change it"
        "Whoever may change the directory, a file of it or a directory on the way says who is trusted, so no key of it counts."
    PlaceUnlisted "place_unlisted" Error "a place that cannot be listed"
        "What is staged, retired or revoked is not known, so no key of the directory counts."
    NoteInvalid "note_invalid" Error "a note that is not understood"
        "Nobody can tell what it limits or revokes, so no key of the directory counts."
    OrphanNote "orphan_note" Error "a note without its key"
        "What may be a note on a key belongs to none that is there: it may revoke a key under another name, so no key of the directory counts."
    NotedKeyUnusable "noted_key_unusable" Error "a note about a key that cannot be used"
        "The key may be here again under another name, without its limits, so no key of the directory counts."
    RevokedKeyUnusable "revoked_key_unusable" Error "a revoked key that cannot be read"
        "A key is revoked by its bytes, and these are not known, so no key of the directory counts."
    WeakKey "weak_key" Error "a weak key"
        "The key is a point for which anybody can sign, or a second spelling of another key. Here it is not used; other hosts may trust it."
    RevokedAtTop "revoked_at_top" Error "a revoked key among the trusted"
        "The key is revoked by a note or in another place, and hosts that know only PEM files still trust it."
    NoKeyCounts "no_key_counts" Error "no key counts"
        "No trusted key verifies a plugin today, so a strict host loads none."
    JournalBroken "journal_broken" Error "a journal that does not hold"
        "A line of the journal of keys was removed, changed, moved or cut off, or cannot be read."
    ChangeUnknown "change_unknown" Error "a change that nobody understands"
        "A change of the keys was begun, and what was begun cannot be read: it stands in the way of every other one."
    OtherAlgorithm "other_algorithm" Warning "a key of another algorithm"
        "Only Ed25519 keys verify plugins: the file is passed over."
    NoKey "no_key" Warning "a file that holds no key"
        "It is named as a key is, and nothing in it is read as one."
    Unreadable "unreadable" Warning "a file that cannot be read"
        "It is named as a key is, and cannot be opened, is no regular file, or is larger than any key."
    SeveralBlocks "several_blocks" Warning "several PEM blocks in one file"
        "Hosts read the first block alone, and people take the others for trusted."
    DuplicateKey "duplicate_key" Warning "one key under several names"
        "It is one signer, however often it stands there, and taking one file away takes nothing from it."
    AmbiguousId "ambiguous_id" Warning "one name for several keys"
        "Verdicts name a key by its file without the suffix, and so does its note: nobody can tell which one is meant."
    UnreadKey "unread_key" Warning "a public key that nobody reads"
        "It holds a public key, and no host reads a file of that name."
    LinkOutside "link_outside" Warning "a link that leads out of the directory"
        "Whoever may write where it leads to says who is trusted."
    OddName "odd_name" Warning "a name that is easily overlooked"
        "Hosts trust hidden files as well, which a plain listing does not show; and a name with other characters than letters, digits, `.`, `_` and `-` is no id for the commands that change keys."
    Expired "expired" Warning "an expired key among the trusted"
        "It verifies nothing here, and hosts that know only PEM files still trust it."
    Expiring "expiring" Warning "a key that ends soon"
        "What only it has signed is refused from then on."
    NeverCounts "never_counts" Warning "a key that never counts"
        "Its notes leave no time at which it would count."
    NoteInFlight "note_in_flight" Warning "a note whose key stands elsewhere"
        "A key was moved without its note. The note limits it all the same, wherever it stands."
    ScopeMatchesNothing "scope_matches_nothing" Warning "a scope that matches nothing"
        "No plugin that is installed is within its scope: it may be misspelt."
    ScopeExcludes "scope_excludes" Warning "a scope that excludes what the key has signed"
        "A plugin is installed that the key has signed, and that it may not sign any more."
    EndorserRevoked "endorser_revoked" Warning "an endorser that was revoked"
        "The key was accepted on the word of a key that is revoked now."
    ChangeUnfinished "change_unfinished" Warning "a change that is not finished"
        "A command is changing the keys now, or was stopped; the next one that changes keys finishes it."
    JournalLine "journal_line" Warning "a line of the journal that cannot be read"
        "It was written by hand, and is bound by the next change as it stands."
    RetiredAtTop "retired_at_top" Warning "a retired key among the trusted"
        "The key stands in `retired/` and at the top as well, where it is trusted."
    NotYetValid "not_yet_valid" Note "a key that does not count yet"
        "Hosts that know only PEM files trust it already."
    PlannedRevocation "planned_revocation" Note "a revocation that is still to come"
        "The key counts until then. Hosts that know only PEM files go on after it."
    SinceWithoutEffect "since_without_effect" Note "a `since` without effect"
        "What a revoked key has signed is refused, but for signatures that a timestamp authority of the site (`PLUGIN_TIMESTAMP_ROOT`) says are older."
    CoverageCode "coverage_code" Note "a key for which code is enough"
        "Its signatures count although they cover the manifest and `*.py` alone. Its note is the one kind that gives something, so it is always shown."
    Ignored "ignored" Note "a file that is not read"
        "It is neither a key nor a note on one."
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn ids_are_unique_and_what_weighs_most_comes_first() {
        let ids: BTreeSet<&str> = Rule::ALL.iter().map(|rule| rule.as_str()).collect();
        assert_eq!(ids.len(), Rule::ALL.len());
        assert!(Rule::ALL.is_sorted_by_key(|rule| rule.level()));
        for rule in Rule::ALL {
            assert!(rule.as_str().bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_'), "{rule:?}");
            assert!(rule.meaning().ends_with('.') && !rule.title().ends_with('.'), "{rule:?}");
        }
    }
}
