//! A file of users and their passwords, as `htpasswd -B` writes it and distribution's registry takes it: a line for each,
//! `NAME:HASH`, with a hash of bcrypt and of nothing else.

use std::collections::HashMap;
use std::sync::Arc;

use aisoc_manifests::position::Position;
use bcrypt::HashParts;

use super::written::{Written, WrittenWrong, is_name};

/// Most users.
const MAX_USERS: usize = 10_000;
/// How much work a password may be at most: two to the power of that, about a second. Each attempt costs as much.
const MAX_COST: u32 = 14;
/// How much is the least that bcrypt knows.
const MIN_COST: u32 = 4;
/// The forms of the one algorithm. `$2x$` is what a mistaken program wrote, and proves other passwords too.
const FORMS: [&str; 3] = ["$2y$", "$2b$", "$2a$"];

/// Users, and by what each of them is proven.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Users {
    hashes: HashMap<Arc<str>, Hash>,
}

/// What a password is compared with. It is not shown.
#[derive(PartialEq, Eq)]
pub(super) struct Hash {
    pub(super) text: String,
    pub(super) cost: u32,
}

impl std::fmt::Debug for Hash {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Hash").field("cost", &self.cost).finish_non_exhaustive()
    }
}

impl Users {
    /// Reads the file's text. Empty lines, and those that begin with `#`, say nothing.
    pub(super) fn read(text: &str) -> Written<Self> {
        let mut users = Self::default();
        for (at, line) in text.lines().enumerate() {
            let line = line.trim_end();
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            let wrong = |column: usize, message: String| WrittenWrong::at(Position { line: at + 1, column }, message);
            let Some((name, hash)) = line.split_once(':') else {
                return Err(wrong(1, "a line is `NAME:HASH`, as `htpasswd -nB NAME` prints it".to_owned()));
            };
            let name = is_name(name).map_err(|why| wrong(1, why))?;
            // Nothing of the hash is repeated: whoever reads a log could try passwords against it.
            let hash = read_hash(hash).map_err(|why| wrong(name.chars().count() + 2, why))?;
            if users.hashes.insert(Arc::clone(&name), hash).is_some() {
                return Err(wrong(1, format!("the user `{name}` is there twice")));
            }
            if users.hashes.len() > MAX_USERS {
                return Err(wrong(1, format!("there are more than {MAX_USERS} users")));
            }
        }
        Ok(users)
    }

    pub(super) fn get(&self, name: &str) -> Option<(&Arc<str>, &Hash)> {
        self.hashes.get_key_value(name)
    }

    #[cfg(test)]
    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        self.hashes.keys().map(AsRef::as_ref)
    }

    /// The most work that any of the passwords is; nothing where there is no user.
    pub(super) fn highest_cost(&self) -> Option<u32> {
        self.hashes.values().map(|hash| hash.cost).max()
    }
}

fn read_hash(text: &str) -> Result<Hash, String> {
    let form = "a hash of bcrypt, which begins with `$2y$`: `htpasswd -nB NAME` makes one";
    if !FORMS.iter().any(|form| text.starts_with(form)) {
        return Err(format!("this is not {form}"));
    }
    let parts: HashParts = text.parse().map_err(|_| format!("this is not {form}"))?;
    match parts.get_cost() {
        cost @ MIN_COST..=MAX_COST => Ok(Hash { text: text.to_owned(), cost }),
        cost => {
            Err(format!("the password costs 2^{cost} rounds, and {MIN_COST} to {MAX_COST} is what a request may cost"))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HASH: &str = "$2y$04$DA6S3jBzKrNxQwNRjBjYou.NauLo2gzgk/rurwuuf5P8ugDlTEDcK";

    fn wrong(text: &str) -> (Position, String) {
        let wrong = Users::read(text).expect_err(text);
        (wrong.position, wrong.message)
    }

    #[test]
    fn every_form_that_is_right_is_taken() {
        let text = format!("# people\n\nada:{HASH}\r\n  \nci-1:{}\n", HASH.replace("$2y$", "$2b$"));
        let users = Users::read(&text).expect("users");
        let mut names: Vec<_> = users.names().collect();
        names.sort_unstable();
        assert_eq!((names, users.highest_cost()), (vec!["ada", "ci-1"], Some(4)));
        assert_eq!(Users::read("").expect("nobody").highest_cost(), None);
        assert!(!format!("{users:?}").contains("DA6S"), "a hash is not shown");
    }

    #[test]
    fn what_is_wrong_is_said_by_line_and_column_and_without_the_hash() {
        for (text, line, column) in [
            ("ada".to_owned(), 1, 1),
            (format!("ada:{HASH}\n:{HASH}"), 2, 1),
            (format!("a b:{HASH}"), 1, 1),
            (format!("anonymous:{HASH}"), 1, 1),
            ("\nada:{SHA}W6ph5Mm5Pz8GgiULbPgzG37mj9g=".to_owned(), 2, 5),
            ("ada:$apr1$x$y".to_owned(), 1, 5),
            ("ada:secret".to_owned(), 1, 5),
            (format!("ada:{}", HASH.replace("$2y$", "$2x$")), 1, 5),
            (format!("ada:{}", &HASH[..59]), 1, 5),
            (format!("ada:{HASH}:more"), 1, 5),
            (format!("ada:{}", HASH.replace("$04$", "$15$")), 1, 5),
            (format!("ada:{}", HASH.replace("$04$", "$03$")), 1, 5),
            (format!("ada:{HASH}\nada:{HASH}"), 2, 1),
        ] {
            let (position, message) = wrong(&text);
            assert_eq!((position.line, position.column), (line, column), "{text}: {message}");
            assert!(!message.contains("DA6S") && !message.contains("secret") && !message.contains("W6ph"), "{message}");
        }
        let most = HASH.replace("$04$", "$14$");
        assert!(Users::read(&format!("ada:{most}")).is_ok(), "the bound itself");
    }

    #[test]
    fn as_many_users_as_there_may_be() {
        let of = |count: usize| (0..count).map(|at| format!("u{at}:{HASH}\n")).collect::<String>();
        assert_eq!(Users::read(&of(MAX_USERS)).expect("users").names().count(), MAX_USERS);
        assert_eq!(wrong(&of(MAX_USERS + 1)).0.line, MAX_USERS + 1);
    }
}
