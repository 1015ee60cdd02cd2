//! The names of plugins and of hooks.

/// Whether something may be the name of a plugin or of a hook: `^[a-z0-9][a-z0-9-]*$`.
///
/// There is no dot in it, so that `plugin.hook` is read in one way.
///
/// ```
/// use aisoc_platform::is_valid_name;
///
/// assert!(is_valid_name("audit") && is_valid_name("0-day"));
/// for name in ["", "a.b", "Audit", "-audit", "a_b", "audit\n"] {
///     assert!(!is_valid_name(name));
/// }
/// ```
pub fn is_valid_name(name: &str) -> bool {
    let is_plain = |letter: u8| letter.is_ascii_lowercase() || letter.is_ascii_digit();
    match name.as_bytes() {
        [first, rest @ ..] => is_plain(*first) && rest.iter().all(|letter| is_plain(*letter) || *letter == b'-'),
        [] => false,
    }
}
