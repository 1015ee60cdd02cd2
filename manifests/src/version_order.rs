//! Which of two versions is older, as far as anybody can tell: <https://semver.org>, section 11.

use std::cmp::Ordering;

/// Compares two versions as semver.org does, and what hosts take for versions besides: with a `v` before it, and of
/// any number of numeric parts, those that are missing being zero. What is no such version is neither older nor
/// newer.
pub fn compare(one: &str, other: &str) -> Option<Ordering> {
    let ((one, one_before), (other, other_before)) = (parse(one)?, parse(other)?);
    Some(compare_numbers(&one, &other).then_with(|| match (one_before, other_before) {
        (None, None) => Ordering::Equal,
        // A pre-release comes before its release.
        (Some(_), None) => Ordering::Less,
        (None, Some(_)) => Ordering::Greater,
        (Some(one), Some(other)) => compare_pre_releases(one, other),
    }))
}

/// How the version of what is installed compares with the one of what would replace it: the same text is the same
/// version, whether or not it is one that can be compared.
pub fn compare_or_same(one: &str, other: &str) -> Option<Ordering> {
    if one == other { Some(Ordering::Equal) } else { compare(one, other) }
}

/// Whether it is a version of SemVer 2.0.0, and nothing else: three numbers, and behind `-` and `+` what may stand there
/// (<https://semver.org>, sections 2, 9 and 10).
pub fn is_semantic(version: &str) -> bool {
    let (version, build) = split(version, '+');
    let (numbers, pre_release) = split(version, '-');
    let has_no_zero_before = |part: &str| part == "0" || !part.starts_with('0');
    let is_identifier =
        |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
    let is_early = |part: &str| is_identifier(part) && (!is_number(part) || has_no_zero_before(part));
    numbers.split('.').count() == 3
        && numbers.split('.').all(|part| is_number(part) && has_no_zero_before(part))
        && pre_release.is_none_or(|text| text.split('.').all(is_early))
        && build.is_none_or(|text| text.split('.').all(is_identifier))
}

/// Whether it comes before a release, by what stands behind its numbers (section 9).
pub fn is_pre_release(version: &str) -> bool {
    parse(version).is_some_and(|(_, pre_release)| pre_release.is_some())
}

/// Whether both are of one release, or come before it: their numbers are the same.
pub fn is_of_same_release(one: &str, other: &str) -> bool {
    let numbers = |version| parse(version).map(|(numbers, _)| numbers);
    numbers(one).zip(numbers(other)).is_some_and(|(one, other)| compare_numbers(&one, &other).is_eq())
}

/// What stands before the first of that character, and behind it, where there is one.
fn split(text: &str, at: char) -> (&str, Option<&str>) {
    text.split_once(at).map_or((text, None), |(before, behind)| (before, Some(behind)))
}

/// The numbers, and the pre-release. Build metadata does not count.
fn parse(version: &str) -> Option<(Vec<&str>, Option<&str>)> {
    let version = version.strip_prefix(['v', 'V']).unwrap_or(version);
    let (numbers, pre_release) = split(split(version, '+').0, '-');
    let numbers: Option<Vec<&str>> = numbers.split('.').map(|part| Some(part).filter(|part| is_number(part))).collect();
    Some((numbers?, pre_release))
}

fn is_number(part: &str) -> bool {
    !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit())
}

fn compare_numbers(one: &[&str], other: &[&str]) -> Ordering {
    let part = |numbers: &[&str], index: usize| by_value(numbers.get(index).copied().unwrap_or("0")).to_owned();
    let orders = (0..one.len().max(other.len())).map(|index| by_length(&part(one, index), &part(other, index)));
    orders.fold(Ordering::Equal, Ordering::then)
}

/// A number without the zeros before it. Times and build numbers are longer than any integer of a machine.
fn by_value(digits: &str) -> &str {
    digits.trim_start_matches('0')
}

/// Of two numbers without zeros before them the longer is the larger.
fn by_length(one: &str, other: &str) -> Ordering {
    one.len().cmp(&other.len()).then_with(|| one.cmp(other))
}

/// Numbers before words, and by value; of two lists of which one begins the other, the longer is later.
fn compare_pre_releases(one: &str, other: &str) -> Ordering {
    let key = |part: &str| match is_number(part) {
        true => (0, by_value(part).len(), by_value(part).to_owned()),
        false => (1, 0, part.to_owned()),
    };
    one.split('.').map(key).cmp(other.split('.').map(key))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_compare_as_numbers_and_what_is_no_version_does_not() {
        for (older, newer) in [
            ("0.9.9", "0.10.0"),
            ("1.9.0", "2.0.0"),
            ("1.0.0-rc.1", "1.0.0"),
            ("1.0.0-alpha", "1.0.0-alpha.1"),
            ("1.0.0-alpha.2", "1.0.0-alpha.10"),
            ("1.0.0-1", "1.0.0-alpha"),
            ("1.0", "2.0"),
            ("1.0.0", "1.0.1"),
            ("1", "1.0.0.1"),
            ("v1.0.0", "v2.0.0"),
            ("v1.9", "2"),
            ("2026.05", "2026.06"),
            ("1.0.0.1", "1.0.0.2"),
            ("1.0.20251126122701123456", "1.0.20261126122701123456"),
            ("1.0.0-9", "1.0.0-20261126122701123456"),
        ] {
            assert_eq!(compare(older, newer), Some(Ordering::Less), "{older} {newer}");
            assert_eq!(compare(newer, older), Some(Ordering::Greater), "{newer} {older}");
        }
        for same in ["1.0.0+build", "1.0", "1", "v1.0.0", "1.0.0.0", "01.00"] {
            assert_eq!(compare("1.0.0", same), Some(Ordering::Equal), "{same}");
        }
        for odd in ["", "v", "1.", "1.+1.0", "vv1", "latest", "1.x"] {
            assert_eq!(compare(odd, "1.0.0"), None, "{odd}");
            assert_eq!(compare_or_same(odd, odd), Some(Ordering::Equal), "{odd}");
        }
    }

    #[test]
    fn a_version_is_semantic_to_the_letter_or_is_not() {
        for version in [
            "0.0.0",
            "1.2.3",
            "10.20.30",
            "1.0.20261126122701123456789",
            "1.0.0-rc.1",
            "1.0.0-0",
            "1.0.0--",
            "1.0.0-0a.x-y",
            "1.0.0+0",
            "1.0.0+007.a-b",
            "1.0.0-rc.1+build.7",
            "1.0.0+a-b",
        ] {
            assert!(is_semantic(version), "{version}");
        }
        for other in [
            "",
            "1",
            "1.2",
            "1.2.3.4",
            "v1.2.3",
            "01.2.3",
            "1.02.3",
            "1.2.03",
            "1.2.x",
            "1..3",
            "1.2.",
            "-1.2.3",
            "1.2.3-",
            "1.2.3+",
            "1.2.3-a..b",
            "1.2.3-01",
            "1.2.3+a+b",
            "1.2.3+a..b",
            "1.2.3-a_b",
            "1.2.3 ",
            "latest",
            "1.2.3a1",
            "1.2.3-\u{e9}",
            "\u{661}.2.3",
        ] {
            assert!(!is_semantic(other), "{other}");
        }
    }

    #[test]
    fn a_pre_release_comes_before_one_release() {
        assert!(is_pre_release("1.0.0-rc.1") && is_pre_release("1.0.0-rc.1+a"));
        assert!(!is_pre_release("1.0.0") && !is_pre_release("1.0.0+a-b") && !is_pre_release("nightly-1"));
        assert!(is_of_same_release("1.2.0-rc.1", "1.2.0-rc.2") && is_of_same_release("1.2.0-rc.1", "1.2.0+x"));
        assert!(!is_of_same_release("1.2.0-rc.1", "1.2.1-rc.1") && !is_of_same_release("x", "x"));
    }
}
