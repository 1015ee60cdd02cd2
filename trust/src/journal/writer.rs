//! `Writer`: who has written a line of a journal, as the system says it.
//!
//! A name in the environment is whatever somebody wrote there. The kernel knows by number who runs the process, and
//! who logged in before they became that user; the names beside the numbers are this machine's.

use std::fmt::Write as _;
use std::path::Path;

use aisoc_files::{Links, read_small};

/// Largest list of a machine's users that is read for a name.
const MAX_USERS_BYTES: u64 = 1 << 20;
/// Longer than any number that the kernel writes.
const MAX_NUMBER_BYTES: u64 = 32;
/// What the kernel says of a process that no login has led to.
const NO_LOGIN: u32 = u32::MAX;

/// Who writes: columns of the chain.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Writer {
    /// The user, by number, with the name that this machine has for it; beside it who logged in, where the kernel
    /// knows that it was somebody else.
    pub user: Option<String>,
    /// The machine, by the name that it has for itself.
    pub host: Option<String>,
    /// The job of a CI system, where the environment names one: a note for people, and no evidence.
    pub run: Option<String>,
    /// Why all of it is done, which each line says before its own reason: no column of the chain.
    pub because: Option<String>,
}

impl Writer {
    /// This process, on this machine, in the CI job `run`.
    pub fn of_process(run: Option<String>) -> Self {
        let user = rustix::process::getuid().as_raw();
        let login = login_user().filter(|login| *login != user);
        let mut text = named("uid", user);
        if let Some(login) = login {
            let _ = write!(text, ", {}", named("logged in as uid", login));
        }
        let host = rustix::system::uname().nodename().to_string_lossy().into_owned();
        Self { user: Some(text), host: Some(host), run, because: None }
    }
}

fn named(what: &str, user: u32) -> String {
    match login_name(user) {
        Some(name) => format!("{what} {user} ({name})"),
        None => format!("{what} {user}"),
    }
}

/// Who logged in, whoever they have become since: sudo and su leave it as it was.
fn login_user() -> Option<u32> {
    let file = read_small(Path::new("/proc/self/loginuid"), MAX_NUMBER_BYTES, Links::Followed).ok()?;
    let user = std::str::from_utf8(&file.content).ok()?.trim().parse().ok()?;
    (user != NO_LOGIN).then_some(user)
}

fn login_name(user: u32) -> Option<String> {
    let file = read_small(Path::new("/etc/passwd"), MAX_USERS_BYTES, Links::Followed).ok()?;
    name_in(&String::from_utf8_lossy(&file.content), user)
}

/// The name of a user in a list of users (passwd(5)): the first field of the line whose third is the number.
fn name_in(users: &str, user: u32) -> Option<String> {
    let number = user.to_string();
    users.lines().find_map(|line| {
        let mut fields = line.split(':');
        let name = fields.next().filter(|name| !name.is_empty())?;
        (fields.nth(1)? == number).then(|| name.to_owned())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_user_has_the_name_of_the_machines_list() {
        let users = "root:x:0:0:root:/root:/bin/bash\n# note\n:x:7:7::/:\nada:x:1000:1000::/home/ada:/bin/sh\n\
                     second:x:1000:1::/:/bin/sh\nshort:x\n";
        assert_eq!(name_in(users, 0).as_deref(), Some("root"));
        assert_eq!(name_in(users, 1000).as_deref(), Some("ada"));
        for unknown in [7, 10, 100, 1001] {
            assert_eq!(name_in(users, unknown), None, "{unknown}");
        }
    }

    #[test]
    fn this_process_is_named_by_its_number_and_its_machine() {
        let writer = Writer::of_process(Some("job 7".to_owned()));
        let user = writer.user.expect("a user");
        assert!(user.starts_with(&format!("uid {}", rustix::process::getuid().as_raw())), "{user}");
        assert!(writer.host.is_some_and(|host| !host.is_empty()));
        assert_eq!(writer.run.as_deref(), Some("job 7"));
    }
}
