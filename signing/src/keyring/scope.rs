//! `Scope`: what a key may be used for, as its note says: which plugins, and from which repositories.

use std::fmt;

use aisoc_manifests::fault::{Fault, Reason, Result};
use aisoc_manifests::reference::Reference;
use aisoc_manifests::text::shown;
use serde::{Deserialize, Serialize};

use super::member::given;

/// Most patterns of one list. A publisher has a handful; each costs a comparison at every verification.
const MAX_PATTERNS: usize = 256;
/// Longest pattern: an id and a repository are shorter.
const MAX_PATTERN_BYTES: usize = 512;
/// Most `**` of one pattern: each multiplies the ways in which it can match.
const MAX_ANY_SEGMENTS: usize = 4;

/// What a key is limited to. A list that is absent limits nothing; one that is there has something in it.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Scope {
    /// Plugin ids as globs: `*` stands for anything between two dots, `**` for any number of such segments.
    #[serde(default, deserialize_with = "given", skip_serializing_if = "Option::is_none")]
    pub plugins: Option<Vec<String>>,
    /// Registries and repositories, by whole steps of the path: `ghcr.io/acme` holds `ghcr.io/acme/tools/shodan` and
    /// not `ghcr.io/acme-evil/shodan`.
    #[serde(default, deserialize_with = "given", skip_serializing_if = "Option::is_none")]
    pub repositories: Option<Vec<String>>,
}

/// What stands before the names of some repositories of Docker Hub in one of their spellings, and not in the one by which
/// repositories are compared: it would be about none of them.
const HUB_LIBRARY: &str = "docker.io/library";

/// Where a plugin comes from, as far as anybody knows.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Origin(Option<String>);

impl Origin {
    /// Nobody knows: a directory that somebody has put there, an archive, a layout that was carried here.
    pub fn unknown() -> Self {
        Self::default()
    }

    /// The repository that a reference names; unknown for what is in no registry.
    pub fn of(reference: &Reference) -> Self {
        Self(reference.repository())
    }

    /// Whether somebody knows.
    pub fn is_known(&self) -> bool {
        self.0.is_some()
    }

    /// As [`Origin::of`], of a reference as it was written down.
    pub fn recorded(reference: &str) -> Self {
        Self(reference.parse::<Reference>().ok().and_then(|reference| reference.repository()))
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0.as_deref().unwrap_or("no registry that is known"))
    }
}

/// Its lists, in words.
impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let listed = |what: &str, patterns: &Option<Vec<String>>| {
            patterns.as_ref().map(|patterns| format!("{what} {}", patterns.join(", ")))
        };
        let lists = [listed("plugins", &self.plugins), listed("from", &self.repositories)];
        f.write_str(&lists.into_iter().flatten().collect::<Vec<_>>().join(" "))
    }
}

impl Scope {
    /// Whether it holds the plugin of that id. Without an id only a scope that asks for none does.
    pub fn holds_plugin(&self, id: Option<&str>) -> bool {
        let Some(globs) = &self.plugins else { return true };
        id.is_some_and(|id| globs.iter().any(|glob| matches_glob(glob, id)))
    }

    /// Whether it holds what comes from there.
    pub fn holds_origin(&self, origin: &Origin) -> bool {
        let Some(prefixes) = &self.repositories else { return true };
        origin.0.as_ref().is_some_and(|repository| prefixes.iter().any(|prefix| is_below(repository, prefix)))
    }

    /// Whether whatever `self` holds `other` holds as well, as far as that can be read off the patterns: each of
    /// `self` is within one of `other`.
    pub(super) fn is_within(&self, other: &Self) -> bool {
        let within = |own: &Option<Vec<String>>, others: &Option<Vec<String>>, is_within: fn(&str, &str) -> bool| {
            let Some(others) = others else { return true };
            own.as_ref().is_some_and(|own| own.iter().all(|one| others.iter().any(|other| is_within(one, other))))
        };
        within(&self.plugins, &other.plugins, is_glob_within)
            && within(&self.repositories, &other.repositories, is_below)
    }

    /// What both hold, as far as patterns can say it: of two the one that is within the other. Two globs that overlap
    /// otherwise give nothing. `None` when nothing is left of a list.
    pub(super) fn intersection(&self, other: &Self) -> Option<Self> {
        Some(Self {
            plugins: common(self.plugins.as_deref(), other.plugins.as_deref(), is_glob_within)?,
            repositories: common(self.repositories.as_deref(), other.repositories.as_deref(), is_below)?,
        })
    }

    /// What is wrong with its form.
    ///
    /// # Errors
    /// `key_note_invalid` for an empty list, which would hold nothing and reads like none, and for a pattern that can
    /// match nothing.
    pub fn require_sound(&self) -> Result<()> {
        if self.plugins.is_none() && self.repositories.is_none() {
            return Err(invalid("the scope of a key limits nothing").expected("plugins, or repositories", "neither"));
        }
        for glob in bounded(self.plugins.as_deref())? {
            if !is_glob(glob) {
                return Err(invalid("a scope names plugins that cannot be")
                    .expected("the id of a plugin, with `*` within it or `**` between dots", shown(glob, 80)));
            }
        }
        for prefix in bounded(self.repositories.as_deref())? {
            require_repository_prefix(prefix)?;
        }
        Ok(())
    }
}

fn invalid(message: &str) -> Fault {
    Fault::new(Reason::KeyNoteInvalid, message)
}

fn bounded(patterns: Option<&[String]>) -> Result<&[String]> {
    let Some(patterns) = patterns else { return Ok(&[]) };
    let is_bounded = patterns.len() <= MAX_PATTERNS && patterns.iter().all(|one| one.len() <= MAX_PATTERN_BYTES);
    match patterns {
        [] => {
            Err(invalid("a scope has a list with nothing in it").expected("at least one pattern, or no list", "none"))
        }
        _ if is_bounded => Ok(patterns),
        _ => Err(invalid("a scope is larger than a scope is")
            .expected(format!("at most {MAX_PATTERNS} patterns of {MAX_PATTERN_BYTES} bytes"), "more")),
    }
}

/// Segments between dots, each of the characters of an id and `*`, or `**` alone.
fn is_glob(glob: &str) -> bool {
    let is_bounded = glob.split('.').filter(|segment| *segment == "**").count() <= MAX_ANY_SEGMENTS;
    let is_char = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '*');
    is_bounded
        && glob.split('.').all(|segment| {
            !segment.is_empty() && segment.chars().all(is_char) && (segment == "**" || !segment.contains("**"))
        })
}

/// # Errors
/// `key_note_invalid` for what no repository begins with, and for another spelling than the one in which repositories are
/// compared: it would be about none.
fn require_repository_prefix(prefix: &str) -> Result<()> {
    let expected = match compared_as(prefix) {
        Some(counting) if counting == prefix => return Ok(()),
        Some(counting) if prefix == HUB_LIBRARY => {
            format!(
                "`{counting}` for everything there, or `{counting}/NAME` for one repository, the spelling that counts"
            )
        }
        Some(counting) => format!("`{counting}`, the spelling that counts"),
        None => "HOST[:PORT][/REPOSITORY], without a tag".to_owned(),
    };
    Err(invalid("a scope names repositories that cannot be").expected(expected, shown(prefix, 80)))
}

/// What a reference without tag and digest begins with, in the one spelling in which repositories are compared.
fn compared_as(prefix: &str) -> Option<String> {
    let is_whole = prefix.contains('/') && prefix != HUB_LIBRARY;
    let whole = if is_whole { prefix.to_owned() } else { format!("{prefix}/x") };
    let read = whole.parse::<Reference>().ok().filter(|read| read.tag().is_none() && read.digest().is_none())?;
    let compared = read.repository()?;
    if is_whole { Some(compared) } else { compared.strip_suffix("/x").map(str::to_owned) }
}

fn is_below(repository: &str, prefix: &str) -> bool {
    repository.strip_prefix(prefix).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// The patterns of two lists that are within one of the other. A list that is absent limits nothing; `None` when
/// nothing is left.
fn common(
    one: Option<&[String]>,
    other: Option<&[String]>,
    is_within: fn(&str, &str) -> bool,
) -> Option<Option<Vec<String>>> {
    let (Some(one), Some(other)) = (one, other) else { return Some(one.or(other).map(<[String]>::to_vec)) };
    let within = |inner: &[String], outer: &[String]| -> Vec<String> {
        inner.iter().filter(|own| outer.iter().any(|pattern| is_within(own, pattern))).cloned().collect()
    };
    let mut both = within(one, other);
    for pattern in within(other, one) {
        if !both.contains(&pattern) {
            both.push(pattern);
        }
    }
    (!both.is_empty()).then_some(Some(both))
}

/// Whether whatever `inner` matches `outer` matches as well: read as an id, with its stars for characters that nothing
/// but a star matches. `**` stands for any number of segments, so nothing but `**` takes it in.
fn is_glob_within(inner: &str, outer: &str) -> bool {
    fn all(outer: &[&str], inner: &[&str]) -> bool {
        match (outer.split_first(), inner.split_first()) {
            (None, None) => true,
            (Some((&"**", rest)), _) => (0..=inner.len()).any(|taken| all(rest, &inner[taken..])),
            (Some(_), Some((&"**", _))) => false,
            (Some((glob, outer)), Some((segment, inner))) => matches_segment(glob, segment) && all(outer, inner),
            (None, Some(_)) | (Some(_), None) => false,
        }
    }
    let (outer, inner): (Vec<&str>, Vec<&str>) = (outer.split('.').collect(), inner.split('.').collect());
    all(&outer, &inner)
}

fn matches_glob(glob: &str, id: &str) -> bool {
    let (globs, segments): (Vec<&str>, Vec<&str>) = (glob.split('.').collect(), id.split('.').collect());
    matches_segments(&globs, &segments)
}

/// Each step drops a segment of one of the two, and an id has few; `**` alone tries several ways.
fn matches_segments(globs: &[&str], segments: &[&str]) -> bool {
    match (globs.split_first(), segments.split_first()) {
        (None, None) => true,
        (Some((&"**", rest)), _) => (0..=segments.len()).any(|skipped| matches_segments(rest, &segments[skipped..])),
        (Some((glob, globs)), Some((segment, segments))) => {
            matches_segment(glob, segment) && matches_segments(globs, segments)
        }
        (None, Some(_)) | (Some(_), None) => false,
    }
}

/// The parts between stars in their order: the first at the beginning, the last at the end.
fn matches_segment(glob: &str, segment: &str) -> bool {
    let Some((first, rest)) = glob.split_once('*') else { return glob == segment };
    let (middle, last) = rest.rsplit_once('*').unwrap_or(("", rest));
    let inner = segment.strip_prefix(first).and_then(|rest| rest.strip_suffix(last));
    inner.is_some_and(|inner| middle.split('*').try_fold(inner, |rest, part| Some(rest.split_once(part)?.1)).is_some())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scope(plugins: &[&str], repositories: &[&str]) -> Scope {
        let list = |words: &[&str]| (!words.is_empty()).then(|| words.iter().map(ToString::to_string).collect());
        Scope { plugins: list(plugins), repositories: list(repositories) }
    }

    #[test]
    fn a_star_stands_for_anything_between_two_dots_and_two_for_any_segments() {
        for (glob, id, is_held) in [
            ("shodan", "shodan", true),
            ("shodan", "shodan2", false),
            ("acme-*", "acme-", true),
            ("acme-*", "acme-shodan", true),
            ("acme-*", "acmeshodan", false),
            ("*-acme", "x-acme", true),
            ("*-acme", "x-acme2", false),
            ("a*c*e", "abcde", true),
            ("a*c*e", "ace", true),
            ("a*c*e", "aec", false),
            ("a*b*b", "ab", false),
            ("a*a", "a", false),
            ("*", "shodan", true),
            ("*", "acme.shodan", false),
            ("acme.*", "acme.shodan", true),
            ("acme.*", "acme.a.b", false),
            ("acme.*", "acme", false),
            ("**", "acme.a.b", true),
            ("acme.**", "acme.a.b", true),
            ("acme.**", "acme", true),
            ("acme.**", "acmex.a", false),
            ("**.shodan", "a.b.shodan", true),
            ("a.**.z", "a.z", true),
            ("a.**.z", "a.b.c.z", true),
            ("a.**.z", "a.b.c", false),
            ("Acme", "acme", false),
        ] {
            let held = scope(&[glob], &[]).holds_plugin(Some(id));
            assert_eq!(held, is_held, "{glob} {id}");
        }
        assert!(!scope(&["**"], &[]).holds_plugin(None), "an id that nobody knows is in no list");
        assert!(scope(&[], &["ghcr.io"]).holds_plugin(None));
        assert!(scope(&["x", "shodan"], &[]).holds_plugin(Some("shodan")), "any of them");
    }

    #[test]
    fn a_repository_is_held_by_whole_steps() {
        for (prefix, repository, is_held) in [
            ("ghcr.io", "ghcr.io/acme/shodan", true),
            ("ghcr.io/acme", "ghcr.io/acme", true),
            ("ghcr.io/acme", "ghcr.io/acme/shodan", true),
            ("ghcr.io/acme", "ghcr.io/acme-evil/shodan", false),
            ("ghcr.io/acme/shodan", "ghcr.io/acme", false),
            ("ghcr.io", "ghcr.io.evil.example/acme", false),
            ("localhost:5000", "localhost:5000/x", true),
            ("localhost:5000", "localhost:50001/x", false),
        ] {
            let origin = Origin::of(&format!("{repository}:1.0").parse().expect("a reference"));
            assert_eq!(scope(&[], &[prefix]).holds_origin(&origin), is_held, "{prefix} {repository}");
            assert_eq!(scope(&[], &[prefix]).holds_origin(&Origin::recorded(&format!("{repository}:1.0"))), is_held);
        }
        for unknown in [Origin::unknown(), Origin::recorded("oci:/tmp/x:1.0"), Origin::recorded("no reference at all")]
        {
            assert!(!scope(&[], &["ghcr.io"]).holds_origin(&unknown), "{unknown}");
            assert!(scope(&["x"], &[]).holds_origin(&unknown), "a scope that does not ask");
        }
    }

    #[test]
    fn another_spelling_than_the_one_that_counts_is_refused_with_that_one() {
        for (spelling, counting) in [
            ("docker.io/library", "`docker.io` for everything there, or `docker.io/NAME`"),
            ("docker.io/library/nginx", "`docker.io/nginx`"),
            ("index.docker.io/library/nginx", "`docker.io/nginx`"),
            ("index.docker.io", "`docker.io`"),
            ("ghcr.io:443/acme", "`ghcr.io/acme`"),
            ("GHCR.io", "`ghcr.io`"),
            ("docker.io/", "HOST[:PORT]"),
            ("docker.io/library/", "HOST[:PORT]"),
        ] {
            let refused = scope(&[], &[spelling]).require_sound().expect_err(spelling);
            let expected = &refused.difference().expect("both").expected;
            assert!(expected.starts_with(counting), "{spelling}: {expected}");
        }
        let sound = scope(&[], &["docker.io/nginx"]);
        sound.require_sound().expect("the one that counts");
        for reference in ["docker.io/library/nginx:1", "index.docker.io/nginx:1", "docker.io/nginx:1"] {
            assert!(sound.holds_origin(&Origin::recorded(reference)), "{reference}");
        }
    }

    #[test]
    fn a_scope_that_reads_like_one_and_holds_nothing_is_refused() {
        let long = "a".repeat(MAX_PATTERN_BYTES + 1);
        let just = "a".repeat(MAX_PATTERN_BYTES);
        for (sound, bad) in [
            (scope(&["a"], &[]), Scope { plugins: None, repositories: None }),
            (scope(&["a.b-c_D9"], &[]), Scope { plugins: Some(Vec::new()), repositories: None }),
            (scope(&["**.a"], &[]), scope(&["a**"], &[])),
            (scope(&["a.*"], &[]), scope(&["a..b"], &[])),
            (scope(&["a*"], &[]), scope(&["a/b"], &[])),
            (scope(&["**.a.**.b.**.c.**"], &[]), scope(&["**.a.**.b.**.c.**.d.**"], &[])),
            (scope(&[just.as_str()], &[]), scope(&[long.as_str()], &[])),
            (scope(&[], &["ghcr.io"]), scope(&[], &["ghcr.io/"])),
            (scope(&[], &["ghcr.io/acme"]), scope(&[], &["ghcr.io/acme:1.0"])),
            (scope(&[], &["localhost:5000/x"]), scope(&[], &["https://ghcr.io"])),
            (scope(&[], &["ghcr.io/a/b"]), scope(&[], &["ghcr.io/Acme"])),
            (scope(&[], &["ghcr.io"]), scope(&[], &[""])),
            (scope(&[], &["docker.io/acme"]), scope(&[], &["index.docker.io/acme"])),
            (scope(&[], &["docker.io/x"]), scope(&[], &["docker.io/library/x"])),
            (scope(&[], &["ghcr.io/library"]), scope(&[], &["docker.io/library"])),
            (scope(&[], &["ghcr.io"]), scope(&[], &["ghcr.io:443"])),
        ] {
            sound.require_sound().unwrap_or_else(|fault| panic!("{sound:?}: {fault:?}"));
            assert_eq!(bad.require_sound().expect_err("no scope").reason(), Reason::KeyNoteInvalid, "{bad:?}");
        }
        let many = |count: usize| Scope { plugins: Some(vec!["a".to_owned(); count]), repositories: None };
        assert!(many(MAX_PATTERNS).require_sound().is_ok() && many(MAX_PATTERNS + 1).require_sound().is_err());
    }

    /// Every id of a small world that a glob within another matches, the other matches; and each row is as it is written.
    #[test]
    fn a_glob_is_within_another_only_when_it_matches_nothing_else() {
        let globs =
            ["a", "a*", "*", "*a", "a*b", "**", "a.**", "**.a", "a.*", "*.a", "a.b", "*b*", "a.**.b", "**.*", "*.**"];
        let parts = ["a", "b", "ab", "ba", "aab"];
        let mut ids: Vec<String> = parts.map(str::to_owned).to_vec();
        for depth in [2, 3] {
            let before: Vec<String> = ids.iter().filter(|id| id.split('.').count() == depth - 1).cloned().collect();
            ids.extend(before.iter().flat_map(|id| parts.map(|part| format!("{id}.{part}"))));
        }
        let mut count = 0;
        for (inner, outer) in globs.iter().flat_map(|inner| globs.iter().map(move |outer| (inner, outer))) {
            if is_glob_within(inner, outer) {
                count += 1;
                let wrong = ids.iter().find(|id| matches_glob(inner, id) && !matches_glob(outer, id));
                assert_eq!(wrong, None, "{inner} is not within {outer}");
            }
        }
        assert!(count > globs.len() * 2, "{count} pairs");
        for (inner, outer, is_within) in [
            ("acme-x*", "acme-*", true),
            ("acme-*", "acme-x*", false),
            ("a", "**", true),
            ("**", "*", false),
            ("**", "*.**", false),
            ("a.**.b", "a.**", true),
            ("a.**", "a.*", false),
            ("*", "**", true),
        ] {
            assert_eq!(is_glob_within(inner, outer), is_within, "{inner} {outer}");
        }
    }

    #[test]
    fn two_scopes_have_in_common_what_is_within_both() {
        for (one, other, both) in [
            (scope(&["acme-*"], &[]), scope(&["acme-x*", "other"], &[]), Some(scope(&["acme-x*"], &[]))),
            (scope(&["a", "b"], &[]), scope(&["b", "c"], &[]), Some(scope(&["b"], &[]))),
            (scope(&["a*"], &[]), scope(&["*b"], &[]), None),
            (scope(&["a"], &[]), scope(&["b"], &[]), None),
            (scope(&["a"], &[]), scope(&[], &["ghcr.io"]), Some(scope(&["a"], &["ghcr.io"]))),
            (
                scope(&[], &["ghcr.io", "quay.io/x"]),
                scope(&[], &["ghcr.io/acme", "quay.io"]),
                Some(scope(&[], &["quay.io/x", "ghcr.io/acme"])),
            ),
            (scope(&[], &["ghcr.io/acme"]), scope(&[], &["ghcr.io/acme-evil"]), None),
        ] {
            assert_eq!(one.intersection(&other), both, "{one:?} {other:?}");
        }
    }

    #[test]
    fn a_scope_is_within_another_when_it_holds_no_more() {
        for (inner, outer, is_within) in [
            (scope(&["a"], &[]), scope(&["a"], &[]), true),
            (scope(&["acme-x"], &[]), scope(&["acme-*"], &[]), true),
            (scope(&["acme-*"], &[]), scope(&["acme-*"], &[]), true),
            (scope(&["acme-x*"], &[]), scope(&["acme-*"], &[]), true),
            (scope(&["acme-*"], &[]), scope(&["acme-x*"], &[]), false),
            (scope(&["acme-x", "other"], &[]), scope(&["acme-*"], &[]), false),
            (scope(&["acme-x"], &[]), scope(&["acme-*", "other"], &[]), true),
            (scope(&["**"], &[]), scope(&["acme-*"], &[]), false),
            (scope(&[], &["ghcr.io/acme/x"]), scope(&[], &["ghcr.io/acme"]), true),
            (scope(&[], &["ghcr.io"]), scope(&[], &["ghcr.io/acme"]), false),
            (scope(&["a"], &[]), scope(&[], &["ghcr.io"]), false),
            (scope(&["a"], &["ghcr.io"]), scope(&[], &["ghcr.io"]), true),
        ] {
            assert_eq!(inner.is_within(&outer), is_within, "{inner:?} {outer:?}");
        }
    }
}
