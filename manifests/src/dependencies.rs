//! What a plugin of Stigmem says of itself and of others: its name, its version, which host it asks for, and which
//! plugins have to be loaded before it.

use std::collections::{BTreeMap, BTreeSet};

use crate::fault::{Fault, Reason, Result};
use crate::text::shown;

/// Longest name, and shortest.
const NAME_CHARACTERS: std::ops::RangeInclusive<usize> = 3..=64;
/// What a plugin that names no host asks for.
pub const DEFAULT_REQUIRES: &str = ">=0.9.0a10";
/// What is said of a plugin that names itself.
pub const DEPENDS_ON_ITSELF: &str = "plugin cannot depend on itself";
/// Most characters that are shown of a name.
const MAX_SHOWN: usize = 80;
/// Most names in a sentence about plugins that need each other, and most such sentences.
const MAX_NAMES: usize = 20;
/// Longest version, and longest list of versions, that is looked at.
const MAX_SPECIFIER_BYTES: usize = 256;
/// How a list says which versions it means; the longer ones first, because a shorter one begins them.
const OPERATORS: [&str; 8] = ["===", "==", "!=", ">=", "<=", "~=", ">", "<"];

/// Holds a name to `^[a-z][a-z0-9-]{2,63}$`.
///
/// # Errors
/// `invalid_plugin_id`, which names the field.
pub fn require_name(name: &str) -> Result<()> {
    let is_plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    let begins = name.as_bytes().first().is_some_and(u8::is_ascii_lowercase);
    if begins && name.bytes().all(is_plain) && NAME_CHARACTERS.contains(&name.len()) {
        return Ok(());
    }
    Err(Fault::new(Reason::InvalidPluginId, format!("`name` is `{}`", shown(name, MAX_SHOWN))).expected(
        "3 to 64 lower-case letters, digits and `-`, beginning with a letter",
        format!("`{}`", shown(name, MAX_SHOWN)),
    ))
}

/// Holds a version to three numbers, with `aN`, `bN` or `rcN` behind them, or `-` or `+` and more.
///
/// # Errors
/// `invalid_version`, which names the field.
pub fn require_version(version: &str) -> Result<()> {
    if is_version(version) {
        return Ok(());
    }
    Err(Fault::new(Reason::InvalidVersion, format!("`version` is `{}`", shown(version, MAX_SHOWN))).expected(
        "MAJOR.MINOR.PATCH, or with `a1`, `b1`, `rc1`, `-TEXT` or `+TEXT` behind it",
        format!("`{}`", shown(version, MAX_SHOWN)),
    ))
}

fn is_version(version: &str) -> bool {
    let mut rest = version;
    for at in 0..3 {
        let digits = rest.len() - rest.trim_start_matches(|c: char| c.is_ascii_digit()).len();
        if digits == 0 {
            return false;
        }
        rest = &rest[digits..];
        rest = match (at, rest.strip_prefix('.')) {
            (0 | 1, Some(behind)) => behind,
            (0 | 1, None) => return false,
            _ => rest,
        };
    }
    let is_number = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let is_text = |text: &str| {
        !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'+'))
    };
    let is_early = ["rc", "a", "b"].iter().any(|mark| rest.strip_prefix(mark).is_some_and(is_number));
    version.len() <= MAX_SPECIFIER_BYTES
        && (rest.is_empty() || is_early || rest.strip_prefix(['-', '+']).is_some_and(is_text))
}

/// Holds what a plugin asks of its host to a list of versions: an operator and numbers each, with commas between them. An
/// empty list asks for nothing.
///
/// # Errors
/// `field_type`, which names the field.
pub fn require_requires(requires: &str) -> Result<()> {
    let is_list = || requires.trim().is_empty() || requires.split(',').map(str::trim).all(is_specifier);
    let fits = requires.len() <= MAX_SPECIFIER_BYTES && is_list();
    if fits {
        return Ok(());
    }
    let found = format!("`{}`", shown(requires, MAX_SHOWN));
    Err(Fault::new(Reason::FieldType, format!("`requires_stigmem` is {found}"))
        .expected(format!("versions such as `{DEFAULT_REQUIRES}` or `>=0.9,<2`"), found)
        .hint("write an operator before each version, and a comma between two"))
}

fn is_specifier(text: &str) -> bool {
    let Some((operator, version)) =
        OPERATORS.iter().find_map(|operator| Some((*operator, text.strip_prefix(operator)?)))
    else {
        return false;
    };
    let version = version.trim();
    // A `.*` stands for all that begin so, which is said of what is the same or is not.
    let version = if matches!(operator, "==" | "!=") { version.strip_suffix(".*").unwrap_or(version) } else { version };
    let begins = version.as_bytes().first().is_some_and(u8::is_ascii_digit);
    begins && version.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'+' | b'!'))
}

/// What each plugin depends on, by their names.
pub type Needs = BTreeMap<String, BTreeSet<String>>;

/// The plugins, each behind those that it depends on, and else in the order of their names.
///
/// # Errors
/// `field_type` for one that depends on itself, `dependency_missing` and `dependency_cycle`.
pub fn in_order(plugins: &Needs) -> Result<Vec<&str>> {
    if let Some((name, _)) = plugins.iter().find(|(name, needs)| needs.contains(*name)) {
        let message = format!("{}: {DEPENDS_ON_ITSELF}", shown(name, MAX_SHOWN));
        return Err(Fault::new(Reason::FieldType, message).hint("remove its own name from `depends_on`"));
    }
    match missing(plugins) {
        Some(refused) => Err(refused.fault),
        None => ordered(plugins).map_err(|refused| refused.fault),
    }
}

/// The plugins that cannot be loaded with the others, each with its refusal: one that needs a plugin that is not there, or
/// one that needs it in turn. What they leave behind may lack them then, and is refused as well.
///
/// The refusals are `dependency_missing` and `dependency_cycle`.
pub fn unmet(plugins: Needs) -> Vec<(String, Fault)> {
    let (mut left, mut all) = (plugins, Vec::new());
    // A circle is looked for where everything that is needed is there.
    while let Some(Refused { names, fault }) = missing(&left).or_else(|| ordered(&left).err()) {
        for name in names {
            left.remove(&name);
            all.push((name, fault.clone()));
        }
    }
    all
}

/// Plugins that are refused for one thing.
struct Refused {
    names: BTreeSet<String>,
    fault: Fault,
}

/// `a missing b, c; d missing e`.
fn missing(plugins: &Needs) -> Option<Refused> {
    let (mut names, mut sentences) = (BTreeSet::new(), Vec::new());
    for (name, needs) in plugins {
        let absent: Vec<&String> = needs.iter().filter(|need| !plugins.contains_key(*need)).collect();
        if !absent.is_empty() {
            let listed: Vec<String> = absent.iter().take(MAX_NAMES).map(|need| shown(need, MAX_SHOWN)).collect();
            sentences.push(format!("{} missing {}", shown(name, MAX_SHOWN), listed.join(", ")));
            names.insert(name.clone());
        }
    }
    sentences.truncate(MAX_NAMES);
    let fault =
        || Fault::new(Reason::DependencyMissing, format!("missing plugin dependencies: {}", sentences.join("; ")));
    (!names.is_empty()).then(|| Refused { fault: fault(), names })
}

/// Each behind what it needs; the first circle, from its first name on, where there is one.
fn ordered(plugins: &Needs) -> Result<Vec<&str>, Refused> {
    let (mut ordered, mut done) = (Vec::new(), BTreeSet::new());
    for name in plugins.keys() {
        visit(name, plugins, &mut done, &mut ordered)?;
    }
    Ok(ordered)
}

/// Puts a plugin behind what it needs. The way down is kept by hand: thousands of plugins may need each other in a row.
fn visit<'a>(
    name: &'a str,
    plugins: &'a Needs,
    done: &mut BTreeSet<&'a str>,
    ordered: &mut Vec<&'a str>,
) -> Result<(), Refused> {
    let needs_of = |name: &str| plugins.get(name).into_iter().flatten();
    if done.contains(name) {
        return Ok(());
    }
    let mut way = vec![(name, needs_of(name))];
    let mut on_the_way = BTreeSet::from([name]);
    while let Some((name, needs)) = way.last_mut() {
        match needs.next().map(String::as_str) {
            None => {
                done.insert(name);
                on_the_way.remove(name);
                ordered.push(name);
                way.pop();
            }
            Some(need) if done.contains(need) => {}
            Some(need) if on_the_way.contains(need) => {
                return Err(circle(way.iter().map(|(name, _)| *name).skip_while(|name| *name != need)));
            }
            Some(need) => {
                on_the_way.insert(need);
                way.push((need, needs_of(need)));
            }
        }
    }
    Ok(())
}

/// `a -> b -> a`.
fn circle<'a>(names: impl Iterator<Item = &'a str>) -> Refused {
    let names: Vec<&str> = names.collect();
    let again = names.first().copied();
    let named: Vec<String> =
        names.iter().copied().take(MAX_NAMES).chain(again).map(|name| shown(name, MAX_SHOWN)).collect();
    let message = format!("plugin dependency cycle detected: {}", named.join(" -> "));
    let fault = Fault::new(Reason::DependencyCycle, message);
    Refused { names: names.into_iter().map(str::to_owned).collect(), fault }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plugins(of: &[(&str, &[&str])]) -> BTreeMap<String, BTreeSet<String>> {
        of.iter()
            .map(|(name, needs)| ((*name).to_owned(), needs.iter().map(|need| (*need).to_owned()).collect()))
            .collect()
    }

    fn refused(of: &[(&str, &[&str])]) -> (Reason, String) {
        let plugins = plugins(of);
        let fault = in_order(&plugins).expect_err("refused");
        (fault.reason(), fault.message().to_owned())
    }

    #[test]
    fn each_is_behind_what_it_depends_on_and_else_they_are_sorted() {
        let of = plugins(&[("a", &["c", "b"]), ("b", &["d"]), ("c", &[]), ("d", &[]), ("e", &["a"])]);
        assert_eq!(in_order(&of).expect("ordered"), ["d", "b", "c", "a", "e"]);
        assert_eq!(in_order(&plugins(&[])).expect("nothing"), [""; 0]);
        // In a row that no recursion survives.
        let name = |number: usize| format!("p{number:06}");
        let row = (0..100_000).map(|number| (name(number), BTreeSet::from([name(number + 1)])));
        let row: BTreeMap<String, BTreeSet<String>> = row.chain([(name(100_000), BTreeSet::new())]).collect();
        let ordered = in_order(&row).expect("ordered");
        assert_eq!((ordered.len(), ordered[0]), (100_001, "p100000"));
    }

    #[test]
    fn what_is_missing_is_named_for_each_that_needs_it() {
        let said = refused(&[("a", &["c", "b"]), ("d", &["e", "a"])]);
        let text = "missing plugin dependencies: a missing b, c; d missing e";
        assert_eq!(said, (Reason::DependencyMissing, text.to_owned()));
    }

    #[test]
    fn a_circle_is_named_from_where_it_begins() {
        let said = |of: &[(&str, &[&str])], text: &str| {
            assert_eq!(refused(of), (Reason::DependencyCycle, format!("plugin dependency cycle detected: {text}")));
        };
        said(&[("a", &["b"]), ("b", &["a"])], "a -> b -> a");
        said(&[("a", &["b"]), ("b", &["c"]), ("c", &["d"]), ("d", &["b"])], "b -> c -> d -> b");
        assert_eq!(refused(&[("a", &["a"])]), (Reason::FieldType, "a: plugin cannot depend on itself".to_owned()));
    }

    fn unmet_of(of: &[(&str, &[&str])]) -> Vec<(String, String)> {
        unmet(plugins(of)).into_iter().map(|(name, fault)| (name, fault.message().to_owned())).collect()
    }

    fn named(names: &[&str], message: &str) -> Vec<(String, String)> {
        names.iter().map(|name| ((*name).to_owned(), message.to_owned())).collect()
    }

    #[test]
    fn what_needs_the_refused_is_refused_too_and_the_others_stay() {
        assert!(unmet_of(&[("a", &["b"]), ("b", &[]), ("c", &["a", "b"])]).is_empty());
        assert_eq!(
            unmet_of(&[("a", &["b", "c"]), ("d", &["e"]), ("f", &[])]),
            named(&["a", "d"], "missing plugin dependencies: a missing b, c; d missing e")
        );
        let mut expected = named(&["b"], "missing plugin dependencies: b missing c");
        expected.extend(named(&["a"], "missing plugin dependencies: a missing b"));
        assert_eq!(unmet_of(&[("a", &["b"]), ("b", &["c"])]), expected);
        let circle = "plugin dependency cycle detected: a -> b -> a";
        assert_eq!(unmet_of(&[("a", &["b"]), ("b", &["a"]), ("c", &["d"]), ("d", &[])]), named(&["a", "b"], circle));
        let inner = "plugin dependency cycle detected: b -> c -> b";
        let mut expected = named(&["b", "c"], inner);
        expected.extend(named(&["a"], "missing plugin dependencies: a missing b"));
        assert_eq!(unmet_of(&[("a", &["b"]), ("b", &["c"]), ("c", &["b"])]), expected);
    }

    #[test]
    fn a_sentence_names_no_more_than_a_person_reads() {
        let many: Vec<String> = (0..30).map(|number| format!("n{number:02}")).collect();
        let needs: Needs = [("a".to_owned(), many.iter().cloned().collect())].into();
        let (_, fault) = unmet(needs).pop().expect("refused");
        assert!(fault.message().ends_with("n19") && !fault.message().contains("n20"), "{fault}");
        let row = many.iter().zip(many.iter().cycle().skip(1));
        let circle: Needs = row.map(|(name, need)| (name.clone(), [need.clone()].into())).collect();
        let refused = unmet(circle);
        assert_eq!(refused.len(), 30);
        assert!(refused[0].1.message().ends_with("n19 -> n00"), "{}", refused[0].1);
    }

    #[test]
    fn names_versions_and_hosts_are_held_to_their_patterns() {
        let name = |length: usize| format!("a{}", "b".repeat(length - 1));
        for good in ["abc", "my-plugin-2", &name(63), &name(64)] {
            require_name(good).expect(good);
        }
        for bad in ["", "ab", "1abc", "-abc", "Abc", "a_c", "a.c", &name(65), "abc\n", "\u{e4}bc"] {
            assert_eq!(require_name(bad).expect_err(bad).reason(), Reason::InvalidPluginId, "{bad:?}");
        }
        for good in ["1.2.3", "0.0.0", "10.20.30a1", "1.0.0b12", "1.0.0rc1", "1.0.0-dev.1", "1.0.0+local"] {
            require_version(good).expect(good);
        }
        for bad in
            ["", "1", "1.2", "1.2.", "1.2.3.4", "v1.2.3", "1.2.3a", "1.2.3c1", "1.2.3-", "1.2.3+", "1.2.3 ", "1..3"]
        {
            assert_eq!(require_version(bad).expect_err(bad).reason(), Reason::InvalidVersion, "{bad:?}");
        }
        for good in ["", DEFAULT_REQUIRES, ">=0.9,<2", "==1.*", "~=1.4.2", "!=1.5", " >= 1.0 , < 2.0 ", "===1.0"] {
            require_requires(good).expect(good);
        }
        let long = |length: usize| format!(">={}", "1".repeat(length - 2));
        require_requires(&long(MAX_SPECIFIER_BYTES)).expect("as long as it may be");
        let long = long(MAX_SPECIFIER_BYTES + 1);
        for bad in ["1.0", ">=", ">=x", ">=1,", ">1.*", "=1.0", "=>1", ">=1,,<2", "^1.0", ">=1 <2", &long] {
            let fault = require_requires(bad).expect_err(bad);
            assert!(fault.reason() == Reason::FieldType && fault.message().contains("requires_stigmem"), "{bad:?}");
        }
    }
}
