//! Which of two versions is older, as far as anybody can tell: <https://semver.org>, section 11.

use std::cmp::Ordering;

/// Compares two versions as semver.org does. Hosts take any text for a version: what is not
/// MAJOR.MINOR.PATCH, with or without a pre-release, is neither older nor newer.
pub fn compare(one: &str, other: &str) -> Option<Ordering> {
    let ((one, one_before), (other, other_before)) = (parse(one)?, parse(other)?);
    Some(one.cmp(&other).then_with(|| match (one_before, other_before) {
        (None, None) => Ordering::Equal,
        // A pre-release comes before its release.
        (Some(_), None) => Ordering::Less,
        (None, Some(_)) => Ordering::Greater,
        (Some(one), Some(other)) => compare_pre_releases(one, other),
    }))
}

/// The three numbers, and the pre-release. Build metadata does not count.
fn parse(version: &str) -> Option<([u64; 3], Option<&str>)> {
    let version = version.split_once('+').map_or(version, |(version, _)| version);
    let (numbers, pre_release) = match version.split_once('-') {
        Some((numbers, pre_release)) => (numbers, Some(pre_release)),
        None => (version, None),
    };
    let is_number = |part: &&str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    let numbers: Option<Vec<u64>> = numbers.split('.').map(|part| Some(part).filter(is_number)?.parse().ok()).collect();
    Some((numbers?.try_into().ok()?, pre_release))
}

/// Numbers before words, and by value; of two lists of which one begins the other, the longer is later.
fn compare_pre_releases(one: &str, other: &str) -> Ordering {
    let key =
        |part: &str| part.parse::<u64>().map_or_else(|_| (1, 0, part.to_owned()), |number| (0, number, String::new()));
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
        ] {
            assert_eq!(compare(older, newer), Some(Ordering::Less), "{older} {newer}");
            assert_eq!(compare(newer, older), Some(Ordering::Greater), "{newer} {older}");
        }
        assert_eq!(compare("1.0.0", "1.0.0+build"), Some(Ordering::Equal));
        for odd in ["", "1.0", "1.0.0.0", "1.+1.0", "v1.0.0", "latest", "1.0.99999999999999999999"] {
            assert_eq!(compare(odd, "1.0.0"), None, "{odd}");
        }
    }
}
