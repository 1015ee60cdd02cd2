//! Paths in hints, as a shell takes them.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt as _;

/// A path that can be copied from a hint into a shell, whatever its bytes are: as it is, between quotes,
/// or in the form `$'\xNN'`, which shows what does not print.
pub(crate) fn shell_word(path: &OsStr) -> String {
    let bytes = path.as_bytes();
    let is_plain = |byte: &u8| byte.is_ascii_alphanumeric() || b"/._-+@%".contains(byte);
    if bytes.iter().all(is_plain) && !bytes.is_empty() && !bytes.starts_with(b"-") {
        return String::from_utf8_lossy(bytes).into_owned();
    }
    if bytes.iter().all(|byte| matches!(byte, b' '..=b'~') && !b"'`".contains(byte)) {
        return format!("'{}'", String::from_utf8_lossy(bytes));
    }
    let byte = |byte: &u8| match byte {
        b' '..=b'~' if !b"'`\\".contains(byte) => char::from(*byte).to_string(),
        byte => format!("\\x{byte:02X}"),
    };
    format!("$'{}'", bytes.iter().map(byte).collect::<String>())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shell_has_the_path_back_from_the_word() {
        for (path, word) in [
            (&b"plugins/demo"[..], "plugins/demo"),
            (b"plugins/a b", "'plugins/a b'"),
            (b"$(id)", "'$(id)'"),
            (b"-rf", "'-rf'"),
            (b"d\xffmo", "$'d\\xFFmo'"),
            (b"a'b`c\\d", "$'a\\x27b\\x60c\\x5Cd'"),
            ("a\u{200b}".as_bytes(), "$'a\\xE2\\x80\\x8B'"),
        ] {
            assert_eq!(shell_word(OsStr::from_bytes(path)), word);
            let echoed = std::process::Command::new("bash").args(["-c", &format!("printf %s {word}")]).output();
            if let Ok(echoed) = echoed {
                assert_eq!(echoed.stdout, path, "{word}");
            }
        }
    }
}
