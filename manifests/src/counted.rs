//! A number of things in words.

/// `1 file`, `2 files`, `1 entry`, `2 entries`: the count with its noun, which is given for one thing.
pub fn counted(count: impl TryInto<u64>, noun: &str) -> String {
    // What does not fit is more than one.
    let count = count.try_into().unwrap_or(u64::MAX);
    match noun.strip_suffix('y') {
        _ if count == 1 => format!("1 {noun}"),
        Some(stem) if !stem.ends_with(['a', 'e', 'o', 'u']) => format!("{count} {stem}ies"),
        _ => format!("{count} {noun}s"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_is_one_and_everything_else_is_several() {
        for (count, noun, expected) in [
            (0_usize, "file", "0 files"),
            (1, "file", "1 file"),
            (2, "file", "2 files"),
            (1, "entry", "1 entry"),
            (3, "entry", "3 entries"),
            (2, "directory", "2 directories"),
            (1, "key", "1 key"),
            (5, "key", "5 keys"),
            (1, "more Python file", "1 more Python file"),
        ] {
            assert_eq!(counted(count, noun), expected);
        }
    }
}
