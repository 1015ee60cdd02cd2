//! A path as a shell takes it, for a command that a message prints.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt as _;

/// `path` as one word of a shell: as it is when every character is plain, else quoted. It is printed as it
/// stands here and never ends the backquotes around a command: what is not seen, and a backquote, is written
/// as `$'\ooo'`, which bash, zsh and POSIX.1-2024 read. Whatever can do without is quoted as every shell reads it.
/// No word is an option.
pub fn shell_word(path: impl AsRef<OsStr>) -> String {
    let path = path.as_ref().as_bytes();
    let option: &[u8] = if path.starts_with(b"-") { b"./" } else { b"" };
    quoted(&[option, path].concat())
}

fn quoted(word: &[u8]) -> String {
    let is_plain = |byte: &u8| byte.is_ascii_alphanumeric() || b"/._-+@%:,".contains(byte);
    let is_seen = |letter: char| matches!(letter, ' '..='~') || (!letter.is_ascii() && letter.is_alphanumeric());
    match std::str::from_utf8(word) {
        Ok(text) if !text.is_empty() && word.iter().all(is_plain) => text.to_owned(),
        Ok(text) if text.chars().all(|letter| letter != '`' && is_seen(letter)) => {
            format!("'{}'", text.replace('\'', r"'\''"))
        }
        _ => format!("$'{}'", word.iter().map(escaped).collect::<String>()),
    }
}

/// `argument` as one word of a shell, where it may be an option, with or without a value.
pub fn shell_argument(argument: impl AsRef<OsStr>) -> String {
    let argument = argument.as_ref();
    let bytes = argument.as_bytes();
    let split = bytes.iter().position(|byte| *byte == b'=').filter(|_| bytes.starts_with(b"-"));
    let (option, value) = split.map_or((bytes, None), |at| (&bytes[..at], Some(&bytes[at + 1..])));
    let is_option = option.starts_with(b"-") && option.iter().all(|byte| byte.is_ascii_alphanumeric() || *byte == b'-');
    let option = String::from_utf8_lossy(option);
    match value {
        _ if !is_option => shell_word(argument),
        None => option.into_owned(),
        Some(value) if value.starts_with(b"-") => format!("{option}={}", quoted(value)),
        Some(value) => format!("{option}={}", shell_word(OsStr::from_bytes(value))),
    }
}

/// Three digits always, so that a digit after them is none of them.
fn escaped(byte: &u8) -> String {
    match byte {
        b' '..=b'~' if !b"'`\\".contains(byte) => char::from(*byte).to_string(),
        byte => format!("\\{byte:03o}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::process::Command;

    #[test]
    fn a_shell_reads_the_word_that_was_written() {
        for (path, word) in [
            ("/a/b-c.pem", "/a/b-c.pem"),
            ("", "''"),
            ("a b", "'a b'"),
            ("-rf", "./-rf"),
            ("-r f", "'./-r f'"),
            ("$(id);*?~&|<>\"", "'$(id);*?~&|<>\"'"),
            ("it's", r"'it'\''s'"),
            ("it's a`b", r"$'it\047s a\140b'"),
            ("a\\n", "'a\\n'"),
            ("caf\u{e9} \u{5b57}", "'caf\u{e9} \u{5b57}'"),
            ("a\u{202e}b", "$'a\\342\\200\\256b'"),
            ("a\n1\u{e9}", "$'a\\0121\\303\\251'"),
        ] {
            assert_eq!(shell_word(path), word);
        }
    }

    #[test]
    fn an_option_stays_one_and_its_value_is_quoted() {
        for (argument, word) in [
            ("--json", "--json"),
            ("-y", "-y"),
            ("-", "-"),
            ("--keys=a b", "--keys='a b'"),
            ("--keys=", "--keys=''"),
            ("--reason=-x y", "--reason='-x y'"),
            ("--reason=a=b", "--reason='a=b'"),
            ("a=b", "'a=b'"),
            ("a b", "'a b'"),
            ("-$(id)", "'./-$(id)'"),
        ] {
            assert_eq!(shell_argument(argument), word);
        }
    }

    #[test]
    fn every_shell_reads_what_can_be_seen() {
        for path in ["a b", "it's", "'", "''", "a\\n\\", "caf\u{e9}", "$(id)", "-x", "#x", "!!"] {
            let script = format!("printf %s {}", shell_word(path));
            let output = Command::new("sh").args(["-c", &script]).output().expect("a shell");
            let expected = if path == "-x" { "./-x" } else { path };
            assert_eq!(String::from_utf8_lossy(&output.stdout), expected, "{script}");
        }
    }

    #[test]
    fn bash_reads_every_byte_back() {
        let bytes: Vec<u8> = (1..=255).collect();
        for path in [&bytes[..], b"\xff", b"a b", b"it's", b"~", b"#x", b"{a,b}", b"!!", b"=x", b"a`b"] {
            let script = format!("printf %s {}", shell_word(OsStr::from_bytes(path)));
            let Ok(output) = Command::new("bash").args(["-c", &script]).env("LC_ALL", "C").output() else {
                eprintln!("SKIPPED: there is no bash");
                return;
            };
            assert_eq!(output.stdout, path, "{script}");
        }
    }
}
