//! `Glob`: which paths of commands a pattern names, exactly as doublestar 4 does for Go.
//!
//! Policies are written once and read by both, so this follows doublestar in its corners as well, each of which
//! says so where it stands. No crate for Rust agrees with it on `docs/**`, which names `docs` too.

mod class;
mod error;
mod letters;
mod matching;
mod syntax;

pub use error::GlobError;
use error::{MAX_ALTERNATIVES, MAX_PATTERN_BYTES};
use letters::Letters;

/// A pattern over paths of commands, such as `plugin/**`.
///
/// `*` and `?` stop at `/`; `**` as a whole component crosses it; then `[a-c]`, `[^a]`, `[!a]`, `{a,b}`, and `\`
/// before what is meant as it stands. Letters are compared as they are.
///
/// ```
/// use aisoc_platform::Glob;
///
/// let glob = Glob::new("plugin/**").expect("a pattern");
/// assert!(glob.is_match("plugin/sign") && glob.is_match("plugin") && !glob.is_match("plugins/list"));
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Glob {
    pattern: Box<str>,
    /// How many bytes a path begins with, or it does not match: most paths are told apart by that alone,
    beginning: usize,
    /// or by how many it ends with,
    ending: usize,
    /// or by what has to stand somewhere in it.
    required: Letters,
}

impl Glob {
    /// Reads a pattern.
    ///
    /// # Errors
    /// A pattern that is empty, that is none, or that is beyond the bounds.
    ///
    /// ```
    /// use aisoc_platform::{Glob, GlobError};
    ///
    /// assert_eq!(Glob::new("").unwrap_err(), GlobError::Empty);
    /// assert_eq!(Glob::new("plugin/[abc").unwrap_err(), GlobError::Malformed);
    /// ```
    pub fn new(pattern: &str) -> Result<Self, GlobError> {
        if pattern.is_empty() {
            return Err(GlobError::Empty);
        }
        if pattern.len() > MAX_PATTERN_BYTES {
            return Err(GlobError::TooLong);
        }
        if syntax::alternatives(pattern) > MAX_ALTERNATIVES {
            return Err(GlobError::TooManyAlternatives);
        }
        // Like doublestar's callers, which ask whether it matches nothing.
        matching::matches(pattern, "")?;
        let (beginning, ending, required) = match syntax::is_well_formed(pattern) {
            true => {
                (syntax::literal_beginning(pattern), syntax::literal_ending(pattern), syntax::required_letters(pattern))
            }
            false => (0, 0, Letters::default()),
        };
        Ok(Self { pattern: pattern.into(), beginning, ending, required })
    }

    /// Whether a path is among those that the pattern names.
    ///
    /// # Errors
    /// A fault of the pattern that only this path leads to. Some are found no earlier, as in doublestar.
    ///
    /// ```
    /// let glob = aisoc_platform::Glob::new("*/show").expect("a pattern");
    /// assert_eq!(glob.matches("config/show"), Ok(true));
    /// assert_eq!(glob.matches("config/policy/show"), Ok(false));
    /// ```
    pub fn matches(&self, path: &str) -> Result<bool, GlobError> {
        self.matches_with(path, || Letters::of(path.as_bytes()))
    }

    /// Those of many patterns that name a path, in their order, and those that have a fault with it, which path and pattern
    /// may mean all the same. The path is looked at once for all of them.
    ///
    /// ```
    /// use aisoc_platform::Glob;
    ///
    /// let globs = ["keys/*", "plugin/*", "**"].map(|pattern| Glob::new(pattern).expect("a pattern"));
    /// let naming: Vec<&str> = Glob::naming(&globs, "plugin/sign").map(|(glob, _)| glob.as_str()).collect();
    /// assert_eq!(naming, ["plugin/*", "**"]);
    /// ```
    pub fn naming<'a>(
        globs: &'a [Self],
        path: &'a str,
    ) -> impl Iterator<Item = (&'a Self, Result<(), GlobError>)> + use<'a> {
        let letters = Letters::of(path.as_bytes());
        globs.iter().filter_map(move |glob| match glob.matches_with(path, || letters) {
            Ok(true) => Some((glob, Ok(()))),
            Ok(false) => None,
            Err(fault) => Some((glob, Err(fault))),
        })
    }

    fn matches_with(&self, path: &str, letters: impl FnOnce() -> Letters) -> Result<bool, GlobError> {
        let (pattern, bytes) = (self.pattern.as_bytes(), path.as_bytes());
        let (beginning, ending) = (&pattern[..self.beginning], &pattern[pattern.len() - self.ending..]);
        let may_match = (self.required.are_none() || letters().hold(self.required))
            && bytes.starts_with(beginning)
            && bytes.ends_with(ending);
        if may_match { matching::matches(&self.pattern, path) } else { Ok(false) }
    }

    /// Whether a path is among those that the pattern names; a pattern that has a fault names none.
    ///
    /// ```
    /// assert!(aisoc_platform::Glob::new("keys/{add,revoke}").expect("a pattern").is_match("keys/add"));
    /// ```
    pub fn is_match(&self, path: &str) -> bool {
        self.matches(path) == Ok(true)
    }

    /// The pattern as it was written.
    ///
    /// ```
    /// assert_eq!(aisoc_platform::Glob::new("keys/**").expect("a pattern").as_str(), "keys/**");
    /// ```
    pub fn as_str(&self) -> &str {
        &self.pattern
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_is_bounded_in_length() {
        assert!(Glob::new(&"a".repeat(MAX_PATTERN_BYTES)).is_ok());
        assert_eq!(Glob::new(&"a".repeat(MAX_PATTERN_BYTES + 1)), Err(GlobError::TooLong));
    }

    #[test]
    fn a_pattern_is_bounded_in_what_its_braces_stand_for() {
        let of = |groups: usize| "{a,b}".repeat(groups);
        assert!(Glob::new(&of(10)).is_ok()); // 1,024
        assert_eq!(Glob::new(&of(11)), Err(GlobError::TooManyAlternatives));
        // Beyond every number as well, and before anything is expanded.
        assert_eq!(Glob::new(&of(200)), Err(GlobError::TooManyAlternatives));
        assert_eq!(Glob::new(&"{".repeat(MAX_PATTERN_BYTES)), Err(GlobError::Malformed));
    }

    #[test]
    fn the_hardest_patterns_have_an_end() {
        let path = "a".repeat(200);
        let mut stars = "*a".repeat(300);
        stars.push('b');
        assert!(!Glob::new(&stars).expect("a pattern").is_match(&path));
        let deep = "a/".repeat(200);
        let mut crossing = "**/a/".repeat(150);
        crossing.push('b');
        assert!(!Glob::new(&crossing).expect("a pattern").is_match(&deep));
        let braces = format!("{}b", "{a,*a}".repeat(10));
        assert!(!Glob::new(&braces).expect("a pattern").is_match(&path));
    }

    #[test]
    fn what_a_path_begins_and_ends_with_is_only_a_short_cut() {
        let patterns = [
            "docs/**",
            "docs/**/",
            "docs/*",
            "docs",
            "docs/",
            "do\\cs",
            "docs**",
            "docs/**/x",
            "docs/{a,**}",
            "**/x",
            "*/x",
            "docs**/",
            "[^x{]/x",
            "{docs,d}/x",
            "do*s\\/",
            "{docs/,}",
        ];
        let paths = ["docs", "docs/", "docs/a", "docs/x", "docs/a/x", "do", "docsx", "", "d", "docs//"];
        for pattern in patterns {
            let glob = Glob::new(pattern).expect("a pattern");
            for path in paths {
                assert_eq!(glob.matches(path), matching::matches(pattern, path), "{pattern} {path}");
            }
        }
        let required = |pattern: &str| Glob::new(pattern).map(|glob| glob.required).expect("a pattern");
        assert_eq!(required("{a,b}-7/*"), Letters::of(b"-7"));
        assert_eq!(required("*/d\\*\\/{x\\},y}o?c[z]s"), Letters::of(b"d*oc"));
        let bounds = |pattern: &str| Glob::new(pattern).map(|glob| (glob.beginning, glob.ending)).expect("a pattern");
        assert_eq!(bounds("docs/**"), (4, 0));
        assert_eq!(bounds("docs/**/x"), (4, 1));
        assert_eq!(bounds("**/docs/x"), (0, 6));
        assert_eq!(bounds("docs/**/"), (4, 0));
        assert_eq!(bounds("[a]/x"), (0, 0));
    }

    /// Numbers that look like chance, and are the same each time.
    struct Numbers(u64);

    impl Numbers {
        fn below(&mut self, bound: usize) -> usize {
            self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            usize::try_from(self.0 >> 33).expect("31 bits") % bound
        }

        fn text(&mut self, of: &[&str], most: usize) -> String {
            (0..=self.below(most)).map(|_| of[self.below(of.len())]).collect()
        }
    }

    #[test]
    fn short_cuts_never_change_an_answer() {
        let special =
            ["*", "**", "**/", "/**", "?", "{", "}", "{a,b}", ",", "[", "]", "[a]", "[^b-", "[ä", "[b", "\\", "a\\]"];
        let plain = ["a", "b", "-", "/", "1", "A", "ä", "docs", "x.y"];
        let both = [&special[..], &plain[..], &plain[..]].concat();
        let mut numbers = Numbers(15);
        let (mut asked, mut matched, mut faults) = (0, 0, 0);
        while asked < 200_000 {
            let pattern = numbers.text(&both, 6);
            let Ok(glob) = Glob::new(&pattern) else { continue };
            for _ in 0..4 {
                // Half of the paths are made of the pattern: others would hardly ever match.
                let of_it =
                    pattern.replace("**", "a/b").replace('*', "b").replace('?', "ä").replace(['[', ']', '\\'], "");
                let path = match numbers.below(2) {
                    0 => numbers.text(&plain, 5),
                    _ => of_it.replace("{a,b}", ["a", "b", ""][numbers.below(3)]),
                };
                let found = glob.matches(&path);
                assert_eq!(found, matching::matches(&pattern, &path), "{pattern} {path}");
                let named = Glob::naming(std::slice::from_ref(&glob), &path).next().map(|(_, named)| named);
                assert_eq!(found.map(|is| is.then_some(())).transpose(), named, "{pattern} {path}");
                asked += 1;
                matched += usize::from(found == Ok(true));
                faults += usize::from(found.is_err());
            }
        }
        assert!(matched > 20_000 && faults > 10, "{matched} match, {faults} have a fault");
    }
}
