//! When two names are one, and what a name means elsewhere: one rule for plugin ids, for the directories
//! they become, and for every file inside a plugin.

use unicase::UniCase;
use unicode_normalization::UnicodeNormalization as _;

use crate::text::is_ignorable;

/// One spelling for all names that some file system, host or reader takes for equal: full case folding,
/// compatibility forms, and nothing that is not seen. For comparing only, never for making a path.
///
/// Two names are the same name somewhere exactly when their folded forms are equal.
pub fn folded(name: &str) -> String {
    if name.is_ascii() {
        return name.to_ascii_lowercase();
    }
    // Folding can denormalise and normalising can unfold, hence each twice (Unicode, definition D146).
    let once = fold_case(&name.nfd().collect::<String>());
    let visible: String = once.nfkd().filter(|c| !is_ignorable(*c)).map(dotted).collect();
    fold_case(&visible).nfkc().collect()
}

fn fold_case(text: &str) -> String {
    UniCase::unicode(text).to_folded_case()
}

/// A dotless i is no i by folding, and is one where names are compared in capitals.
fn dotted(c: char) -> char {
    if c == 'ı' { 'i' } else { c }
}

/// Why a name cannot stand in a directory of every system, if it cannot. Windows takes some names for a
/// device, for a stream of another file, or for the name without its end (RUSTSEC-2024-0353).
pub fn unportable(component: &str) -> Option<&'static str> {
    if component.contains(':') {
        Some("holds a colon")
    } else if component.ends_with(|c: char| c == '.' || c.is_whitespace()) {
        Some("ends in a blank or dot")
    } else if is_device(&folded(component)) {
        Some("is a device on Windows")
    } else {
        None
    }
}

/// Device names of Windows count with any suffix, and with superscript digits, which folding makes plain.
fn is_device(folded: &str) -> bool {
    let stem = folded.split(['.', ':']).next().unwrap_or(folded).trim_end();
    let is_numbered = ["com", "lpt"]
        .iter()
        .any(|port| stem.strip_prefix(port).is_some_and(|number| matches!(number.as_bytes(), [b'0'..=b'9'])));
    is_numbered || ["con", "prn", "aux", "nul", "conin$", "conout$", "clock$"].contains(&stem)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_names_fold_to_one_spelling() {
        for (one, other) in [
            ("plugin.py", "Plugin.PY"),
            ("s", "ſ"),
            ("σ", "ς"),
            ("Σ", "ς"),
            ("straße", "STRASSE"),
            ("ẞ", "ss"),
            ("ﬁle", "FILE"),
            ("é", "e\u{301}"),
            ("É", "e\u{301}"),
            ("K", "\u{212a}"),
            ("ÅNGSTRÖM", "\u{212b}ngstro\u{308}m"),
            ("a", "a\u{200b}"),
            ("a", "\u{e0041}a\u{ad}\u{fe0f}\u{3164}"),
            ("ＡＢ", "ab"),
            ("x²", "x2"),
            ("ǅ", "ǆ"),
            ("i", "ı"),
            ("I", "ı"),
            ("Ϊ\u{301}", "ΐ"),
            ("ᾳ", "αι"),
            ("가", "\u{1100}\u{1161}"),
            ("a b", "a\u{a0}b"),
        ] {
            assert_eq!(folded(one), folded(other), "{one} {other}");
        }
        for (one, other) in [("a", "b"), ("é", "e"), ("ss", "s"), ("日", "月"), ("a-b", "a_b")] {
            assert_ne!(folded(one), folded(other), "{one} {other}");
        }
    }

    #[test]
    fn every_letter_folds_like_its_capital_and_its_parts() {
        for c in '\u{80}'..='\u{1ffff}' {
            let text = format!("x{c}y");
            for other in [text.to_uppercase(), text.to_lowercase(), text.nfd().collect(), text.nfkc().collect()] {
                assert_eq!(folded(&text), folded(&other), "{text} {other}");
            }
        }
    }

    #[test]
    fn folding_again_changes_nothing() {
        // Planes 2 and 3 are ideographs, and what is above has no case: tags and selectors go in whole.
        for c in ('\u{80}'..='\u{1ffff}').chain('\u{2f800}'..='\u{2fa1f}').chain('\u{e0000}'..='\u{e0fff}') {
            for text in [c.to_string(), format!("a{c}\u{345}\u{301}")] {
                let once = folded(&text);
                assert_eq!(folded(&once), once, "{text:?}");
            }
        }
    }

    #[test]
    fn knows_the_names_that_windows_reads_otherwise() {
        for bad in [
            "CON",
            "con",
            "con.py",
            "aux.",
            "aux.py",
            "NUL",
            "NUL.tar.gz",
            "COM1",
            "com0",
            "com\u{b9}.py",
            "lpt9 .x",
            "conin$",
            "CONOUT$.txt",
            "prn.txt",
            "clock$",
            "ＣＯＮ",
            "c\u{200b}on",
            "a:b",
            "x.py:s",
            "x ",
            "s.",
            "a..",
            "x\u{a0}",
        ] {
            assert!(unportable(bad).is_some(), "{bad}");
        }
        for good in
            ["console.py", "com.py", "COM10", "auxiliary", "a.b.c", ".env", "nul_", "com\u{e9}", "con-1", "my.con"]
        {
            assert_eq!(unportable(good), None, "{good}");
        }
    }
}
